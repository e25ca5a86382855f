//! Lints: what is well-formed in an offer file and still goes wrong, days later, at the portal or before customers.
//!
//! Each lint is one function over one declared offer, listed in [`LINTS`] with its code; its name, default severity and
//! explanation stand in [`crate::diagnostic::About`]. They are pure: the clock, and the look at a picture of the
//! project, come in as values. What they find is shown by `validate`, and stops `plan` and `apply` where it is an error.

mod address;
mod deprecated;
mod html;
mod leads;
mod logo;
mod members;
mod place;
mod signature;
mod text;
mod versions;

use jiff::Timestamp;

use crate::diagnostic::{About, Code, Diagnostic, Severity, Span};
use crate::document::identity;
use crate::model::{Entry, Node};
use crate::schema::Shape;
use crate::workspace::{Desired, locate};

pub(crate) use leads::notify_ignored;
pub(crate) use logo::{Picture, picture};
pub(crate) use signature::live_signatures;

pub(crate) struct Context<'a> {
    pub(crate) now: Timestamp,
    /// What the file at this path is, relative to the offer file; `None` where there is none or it cannot be read.
    pub(crate) picture: &'a (dyn Fn(&Desired, &str) -> Option<Picture> + Sync),
}

struct Offer<'a> {
    desired: &'a Desired,
    shape: &'a Shape,
    context: &'a Context<'a>,
    /// Every entry of every mapping with its shape, outermost first: found once, and looked at by every lint.
    entries: Vec<(&'a Entry, &'a Shape)>,
    nodes: Vec<(&'a Node, &'a Shape)>,
}

/// How many slips of one kind are told of one value. More help nobody, and each costs a look through the file.
const MOST: usize = 20;

type Lint = fn(&Offer<'_>, &mut Vec<Diagnostic>);

/// Every lint with its code, in the order of the codes. `notify-ignored` is told by the plan as well.
const LINTS: &[(Code, Lint)] = &[
    (Code::VersionKey, versions::version_key),
    (Code::SasExpiry, signature::expiry),
    (Code::SasPermissions, signature::permissions),
    (Code::SasStart, signature::start),
    (Code::NoImage, versions::no_image),
    (Code::GenerationDrift, versions::generation_drift),
    (Code::MediaName, versions::media_name),
    (Code::LogoType, logo::logo_type),
    (Code::LogoSize, logo::logo_size),
    (Code::NotHttps, address::not_https),
    (Code::HtmlTag, html::tags),
    (Code::HtmlUnbalanced, html::unbalanced),
    (Code::TooLong, text::too_long),
    (Code::DuplicateMember, members::duplicate_member),
    (Code::MarketoForm, leads::marketo_form),
    (Code::NotifyIgnored, leads::notify_declared),
    (Code::YamlTrap, text::yaml_trap),
    (Code::RegionCase, members::region_case),
    (Code::Deprecated, deprecated::deprecated),
    (Code::SasForm, signature::form),
    (Code::PlanId, text::plan_id),
    (Code::Template, text::template),
    (Code::NotGuid, members::not_guid),
    (Code::TooMany, members::too_many),
    (Code::SameVersion, versions::same_version),
];

/// Whether a code is one of the lints here, rather than a finding of reading.
pub(crate) fn is_lint(code: Code) -> bool {
    LINTS.iter().any(|(lint, _)| *lint == code)
}

/// Everything that the lints find in one offer, in the order of the file. What an alias repeats is told once.
pub(crate) fn check(desired: &Desired, shape: &Shape, context: &Context<'_>) -> Vec<Diagnostic> {
    let mut offer = Offer { desired, shape, context, entries: Vec::new(), nodes: Vec::new() };
    flatten(&desired.document, shape, &mut offer);
    let mut findings = Vec::new();
    for (_, lint) in LINTS {
        lint(&offer, &mut findings);
    }
    let place = |finding: &Diagnostic| finding.span.unwrap_or_default();
    findings.sort_by(|a, b| (place(a), a.code, &a.message).cmp(&(place(b), b.code, &b.message)));
    findings.dedup_by(|a, b| place(a) == place(b) && a.code == b.code && a.message == b.message);
    locate(&desired.document, &desired.sources, shape, &mut findings);
    findings
}

impl Offer<'_> {
    /// A finding of a lint, with its default severity.
    fn found(&self, code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        found(self.desired, code, span, message)
    }

    /// Visits every entry of every mapping, outermost first.
    fn entries(&self, visit: &mut impl FnMut(&Entry, &Shape)) {
        self.entries.iter().for_each(|(entry, shape)| visit(entry, shape));
    }

    /// Visits every node, outermost first.
    fn nodes(&self, visit: &mut impl FnMut(&Node, &Shape)) {
        self.nodes.iter().for_each(|(node, shape)| visit(node, shape));
    }

    /// The declared plans, with their shape.
    fn plans(&self) -> impl Iterator<Item = (&Node, &Shape)> {
        let shape = self.shape.property("definition").property("plans").item();
        let plans = self.desired.document.get("definition").and_then(|definition| definition.get("plans"));
        plans.into_iter().flat_map(Node::items).map(move |plan| (plan, shape))
    }
}

fn found(desired: &Desired, code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
    let severity = About::of(code).map_or(Severity::Warning, |about| about.severity);
    Diagnostic { severity, ..Diagnostic::error(code, desired.sources.of(span), Some(span), message) }
}

fn flatten<'a>(node: &'a Node, shape: &'a Shape, offer: &mut Offer<'a>) {
    offer.nodes.push((node, shape));
    for entry in node.entries() {
        let below = shape.property(&entry.key);
        offer.entries.push((entry, below));
        flatten(&entry.value, below, offer);
    }
    for item in node.items() {
        flatten(item, shape.item(), offer);
    }
}

/// The part of a key after its prefix.
fn short(key: &str) -> &str {
    memchr::memrchr(b'.', key.as_bytes()).map_or(key, |dot| &key[dot + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schemas;
    use crate::workspace::offer_from_text;

    /// What the lints say of a virtual machine offer whose definition is given, each as `code line:column message`.
    pub(super) fn said_of(kind: &str, definition: &str, picture: Option<Picture>) -> Vec<String> {
        let text = format!(
            "publisherId: contoso\nid: a\nofferTypeId: {kind}\ndefinition:\n{}",
            definition.lines().map(|line| format!("  {line}\n")).collect::<String>()
        );
        let schemas = Schemas::builtin();
        let (desired, found) = offer_from_text("a.yaml", &text, schemas, "2026-11-25".parse().expect("a date"));
        let desired = desired.unwrap_or_else(|| panic!("{found:?}"));
        let context = Context { now: "2026-11-25T12:00:00Z".parse().expect("a time"), picture: &|_, _| picture };
        let found = check(&desired, schemas.shape(&desired.offer_type), &context);
        let line = |d: &Diagnostic| {
            let span = d.span.expect("a place");
            format!("{} {}:{} {}", About::of(d.code).expect("an entry").name, span.line - 4, span.column - 2, d.message)
        };
        found.iter().map(line).collect()
    }

    pub(super) fn said(definition: &str) -> Vec<String> {
        said_of("microsoft-azure-virtualmachines", definition, None)
    }

    #[test]
    fn the_table_has_every_lint_once_and_in_order() {
        let codes = LINTS.iter().map(|(code, _)| *code).collect::<Vec<_>>();
        let lints = About::all().filter(|about| about.lint && about.code >= Code::VersionKey);
        assert_eq!(codes, lints.map(|about| about.code).collect::<Vec<_>>());
    }

    #[test]
    fn what_an_alias_repeats_is_told_once() {
        let found = said(
            "offer: {}\nplans:\n  - planId: a\n    regions: &r [NO]\n    vmImages: {1.0.0: {}}\n  - planId: b\n    regions: *r\n    vmImages: {1.0.0: {}}",
        );
        assert_eq!(found.len(), 1, "{found:?}");
    }
}
