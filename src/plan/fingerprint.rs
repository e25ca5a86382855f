//! The fingerprint of a plan: what was approved and what is applied are one, if their fingerprints are.
//!
//! It covers what would be done and what a reviewer was shown of it: each change with the value before and after, what
//! is sent along, uploaded and released, who is told, and what stops an offer. It does not cover when the plan was made,
//! the ETags, what nobody declares, the order of offers, fields and members, and how a file is laid out.

use serde::Serialize;
use serde_json::{Error, Value, json};

use super::{Finding, OfferPlan};
use crate::diff::Change;
use crate::model::Digest;
use crate::workspace::{Guard, Through};

/// Returns the fingerprint of a plan of these offers in an environment, with the findings about the plan as a whole.
pub(super) fn of(offers: &[OfferPlan], findings: &[Finding], environment: Option<&str>) -> Result<Digest, Error> {
    let mut offers = offers.iter().map(offer).collect::<Result<Vec<_>, _>>()?;
    offers.sort();
    let mut meaning = json!({"offers": offers, "stopped": stops(findings)});
    if let Some(environment) = environment {
        meaning["environment"] = environment.into();
    }
    Ok(Digest::of(meaning.to_string().as_bytes()))
}

/// Whether `given` names this fingerprint: all of its digits, or at least the first twelve, which plans show.
pub(crate) fn is_fingerprint(given: &str, fingerprint: &Digest) -> bool {
    given.len() >= fingerprint.short().len() && fingerprint.as_str().starts_with(&given.to_ascii_lowercase())
}

fn offer(offer: &OfferPlan) -> Result<String, Error> {
    let OfferPlan {
        key,
        offer_type,
        // How the portal treats the offer, and what it holds: the plan is the same, whatever of this it meets.
        profile: _,
        base: _,
        // The files may say the same in other words.
        files: _,
        diff,
        through,
        resend,
        // What made two artifacts equal is no matter once they are.
        contents: _,
        uploads,
        notify,
        release,
        rides_along,
        // What the portal says of the time, which is nobody's decision.
        estimates: _,
        // Whether a finding stops the offer is in the findings of the plan.
        allow: _,
        found: _,
        findings,
    } = offer;
    let text =
        |change: &Change| Ok(json!([change.address.to_string(), canonical(&change.kind)?, change.twin]).to_string());
    let changes = diff.changes.iter().map(text).collect::<Result<Vec<_>, Error>>()?;
    // Whoever approves a go-live approves all that customers will see.
    let rides = rides_along.iter().filter(|_| *through == Through::Live).map(text);
    let rides = rides.collect::<Result<Vec<_>, Error>>()?;
    let uploads = uploads.iter().map(|file| json!([file.path, file.content]).to_string());
    let meaning = json!({
        "offer": key.name(),
        "type": offer_type,
        "write": offer.write(),
        "changes": sorted(changes.into_iter()),
        "secrets": sorted(diff.secrets.iter().map(ToString::to_string).chain(diff.patch.sources())),
        "ignored": sorted(diff.ignored.iter().map(ToString::to_string)),
        "uploads": sorted(uploads),
        "through": through,
        "release": release,
        "rides_along": sorted(rides.into_iter()),
        "resend": resend,
        "notify": sorted(notify.iter().cloned()),
        "stopped": stops(findings),
    });
    Ok(meaning.to_string())
}

/// What stops it. An accepted finding stops nothing, and what time it is has no part in the meaning.
fn stops(findings: &[Finding]) -> Vec<String> {
    let meant = findings.iter().filter(|finding| finding.stops() && finding.guard != Some(Guard::Window));
    sorted(meant.map(|finding| finding.token.clone().unwrap_or_else(|| finding.message.clone())))
}

fn sorted(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut texts = texts.collect::<Vec<_>>();
    texts.sort();
    texts
}

/// Returns what is done at one place, with the keys of objects and the members of a set in order.
fn canonical(kind: &impl Serialize) -> Result<Value, Error> {
    let mut value = serde_json::to_value(kind)?;
    value.sort_all_objects();
    if value["op"] == "members" {
        for name in ["added", "removed"] {
            if let Some(Value::Array(members)) = value.get_mut(name) {
                members.sort_by_cached_key(Value::to_string);
            }
        }
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twelve_digits_or_more_name_a_fingerprint() {
        let digest = Digest::of(b"plan");
        for (given, named) in [
            (digest.as_str().to_owned(), true),
            (digest.short().to_owned(), true),
            (digest.short().to_uppercase(), true),
            (digest.as_str()[..20].to_owned(), true),
            (digest.as_str()[..11].to_owned(), false),
            (String::new(), false),
            (format!("{digest}0"), false),
            ("0".repeat(12), false),
        ] {
            assert_eq!(is_fingerprint(&given, &digest), named, "{given}");
        }
    }

    #[test]
    fn the_order_of_keys_and_of_the_members_of_a_set_means_nothing() {
        let text = |kind: Value| canonical(&kind).expect("JSON").to_string();
        let one = json!({"op": "members", "added": ["b", "a"], "removed": []});
        let other = json!({"removed": [], "added": ["a", "b"], "op": "members"});
        assert_eq!(text(one), text(other));
        let list = |members: Value| text(json!({"op": "list", "after": members}));
        assert_ne!(list(json!(["a", "b"])), list(json!(["b", "a"])));
    }

    #[test]
    fn what_is_not_json_has_no_fingerprint() {
        assert!(canonical(&std::collections::BTreeMap::from([((1, 2), 3)])).is_err());
    }
}
