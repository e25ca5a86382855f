//! When a declared artifact or blob is the live one: by address where that says it, else by what the two files hold.

use serde_json::Value;

use crate::content::{Contents, Verdict};
use crate::document::{Equality, Rule, compare_scalars, store_copy};
use crate::model::{Artifact, Kind, Node};
use crate::sas;
use crate::schema::Rules;

/// Compares a declared scalar or artifact with a live value, as far as can be known without the files.
pub(super) fn equality(node: &Node, live: &Value, rules: &Rules) -> Equality {
    match &node.kind {
        Kind::Scalar(declared) => compare_scalars(declared, live, rules),
        Kind::Artifact(Artifact::Url(url)) => {
            let rules = Rules { artifact: true, ..rules.clone() };
            compare_scalars(&Value::String(url.clone()), live, &rules)
        }
        Kind::Artifact(Artifact::File(file)) => match live.as_str() {
            // A portal that keeps the address that was sent: the name tells the content.
            Some(url) if last_segment(url).as_deref() == Some(&file.stored_name()) => Equality::By(Rule::Content),
            Some(url) if store_copy(url).is_some() => Equality::Unknown,
            _ => Equality::Different,
        },
        Kind::Sas(url) => {
            let artifact = rules.artifact || rules.maybe_artifact;
            let ignore_query = sas::PARAMETERS.map(str::to_owned).to_vec();
            let rules = Rules { artifact, maybe_artifact: false, ignore_query, ..rules.clone() };
            compare_scalars(&Value::String(url.clone()), live, &rules)
        }
        Kind::List(_) | Kind::Map(_) | Kind::Absent | Kind::Secret(_) => Equality::Different,
    }
}

/// What the files behind a declared and a live address say of two artifacts that the addresses leave open.
pub(super) fn verdict(declared: &Artifact, live: &str, contents: Option<&Contents>) -> Verdict {
    let unasked = || Verdict::Unknown("contents were not looked at".to_owned());
    contents.map_or_else(unasked, |contents| contents.verdict(declared, live))
}

fn last_segment(url: &str) -> Option<String> {
    Some(url::Url::parse(url).ok()?.path_segments()?.next_back()?.to_owned())
}
