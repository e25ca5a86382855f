//! An offer of a plan as the JSON plan has it (`docs/json.md`): what other programs read, and what the project's own
//! rules see. Fields are named here one by one, so that the plan can change without them; words of closed sets are those
//! under which the sets are serialised. Values hold no secret.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Estimate, Finding, OfferPlan, ReleaseStep, Risk, Write};
use crate::diff::{Change, ChangeKind, PortalEdit, Rule};
use crate::model::{Address, OfferKey, OfferName, Profile};
use crate::workspace::{Guard, Level, Through};

#[derive(Serialize)]
pub(crate) struct OfferView<'a> {
    #[serde(flatten)]
    offer: OfferName<&'a OfferKey>,
    file: &'a str,
    offer_type: &'a str,
    profile: Option<Profile>,
    write: Option<Write>,
    through: Through,
    release: &'a [ReleaseStep],
    rides_along: Vec<RideView<'a>>,
    estimates: &'a [Estimate],
    findings: Vec<FindingView<'a>>,
    changes: Vec<ChangeView<'a>>,
    hidden: Vec<HiddenView>,
    not_compared: Vec<String>,
    uploads: Vec<UploadView<'a>>,
    signed_at_apply: BTreeSet<&'a str>,
    live_signatures: Vec<SignatureView<'a>>,
    secrets: Vec<String>,
    ignored: Vec<String>,
    unmanaged: usize,
}

#[derive(Serialize)]
pub(crate) struct FindingView<'a> {
    guard: Option<Guard>,
    level: Level,
    token: Option<&'a str>,
    message: &'a str,
    at: Vec<String>,
    allowed: bool,
}

#[derive(Serialize)]
pub(crate) struct ChangeView<'a> {
    address: String,
    path: String,
    /// Where the file asks for it; null where no file does.
    file: Option<&'a str>,
    line: Option<usize>,
    risk: Risk,
    #[serde(skip_serializing_if = "Option::is_none")]
    twin: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    portal_edit: Option<PortalEdit>,
    #[serde(flatten)]
    kind: &'a ChangeKind,
}

#[derive(Serialize)]
struct RideView<'a> {
    address: String,
    path: String,
    #[serde(flatten)]
    kind: &'a ChangeKind,
}

#[derive(Serialize)]
struct HiddenView {
    address: String,
    rule: Rule,
}

#[derive(Serialize)]
struct UploadView<'a> {
    path: &'a str,
    size: u64,
}

#[derive(Serialize)]
struct SignatureView<'a> {
    address: String,
    /// Null where it is not known.
    ends: Option<&'a str>,
}

pub(crate) fn offer(offer: &OfferPlan) -> OfferView<'_> {
    let diff = &offer.diff;
    let rides = offer.rides_along.iter().map(|ride| RideView {
        address: ride.address.to_string(),
        path: ride.pointer.to_string(),
        kind: &ride.kind,
    });
    let hidden = diff.hidden.iter();
    let hidden = hidden.map(|hidden| HiddenView { address: hidden.address.to_string(), rule: hidden.rule });
    let uploads = offer.uploads.iter().map(|file| UploadView { path: &file.path, size: file.content.size });
    let signatures = diff.signatures.iter();
    let signatures =
        signatures.map(|one| SignatureView { address: one.address.to_string(), ends: one.ends.as_deref() });
    OfferView {
        offer: offer.key.name(),
        file: offer.path(),
        offer_type: &offer.offer_type,
        profile: offer.profile,
        write: offer.write(),
        through: offer.through,
        release: &offer.release,
        rides_along: rides.collect(),
        estimates: &offer.estimates,
        findings: findings(&offer.findings),
        changes: diff.changes.iter().map(|one| change(one, Some(offer.file(one.file)))).collect(),
        hidden: hidden.collect(),
        not_compared: texts(diff.unknown.iter().map(|unknown| &unknown.address)),
        uploads: uploads.collect(),
        signed_at_apply: offer.signed(),
        live_signatures: signatures.collect(),
        secrets: texts(&diff.secrets),
        ignored: texts(&diff.ignored),
        unmanaged: diff.unmanaged,
    }
}

pub(crate) fn findings(findings: &[Finding]) -> Vec<FindingView<'_>> {
    findings
        .iter()
        .map(|Finding { guard, level, token, message, at, allowed }| FindingView {
            guard: *guard,
            level: *level,
            token: token.as_deref(),
            message,
            at: texts(at),
            allowed: *allowed,
        })
        .collect()
}

/// A change for which `file` asks.
pub(crate) fn change<'a>(change: &'a Change, file: Option<&'a str>) -> ChangeView<'a> {
    let Change { address, pointer, file: _, line, kind, risk: _, immutable: _, twin, portal_edit } = change;
    let line = (*line > 0).then_some(*line);
    ChangeView {
        address: address.to_string(),
        path: pointer.to_string(),
        file: file.filter(|_| line.is_some()),
        line,
        risk: Risk::of(change),
        twin: twin.as_deref(),
        portal_edit: *portal_edit,
        kind,
    }
}

fn texts<'a>(addresses: impl IntoIterator<Item = &'a Address>) -> Vec<String> {
    addresses.into_iter().map(ToString::to_string).collect()
}
