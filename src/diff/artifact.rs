//! When a declared artifact is the live one: by address where that says it, else by what the two files hold.

use std::cell::RefCell;

use serde_json::Value;

use super::Rule;
use super::scalar::{self, Equality};
use crate::content::{Contents, Pair, Verdict};
use crate::live;
use crate::model::{Artifact, Kind, Node};
use crate::schema::Rules;

/// What is known of files, and where what is not known yet is noted.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Artifacts<'a> {
    /// The table; without one nothing is known.
    pub(crate) contents: Option<&'a Contents>,
    /// The pairs whose equality depends on what their files hold.
    pub(crate) asked: Option<&'a RefCell<Vec<Pair>>>,
}

impl Artifacts<'_> {
    fn verdict(self, declared: &Artifact, live: &str) -> Verdict {
        if let Some(asked) = self.asked {
            asked.borrow_mut().push(Pair { declared: declared.clone(), live: live.to_owned() });
        }
        let unasked = || Verdict::Unknown("contents were not looked at".to_owned());
        self.contents.map_or_else(unasked, |contents| contents.verdict(declared, live))
    }

    fn equality(self, declared: &Artifact, live: &str) -> Equality {
        match self.verdict(declared, live) {
            Verdict::Same => Equality::By(Rule::Content),
            Verdict::Different => Equality::Different,
            Verdict::Unknown(_) => Equality::Unknown,
        }
    }

    /// Why it is not known whether the two are one.
    pub(super) fn reason(self, node: &Node, live: &Value) -> Option<String> {
        let quiet = Self { asked: None, ..self };
        match quiet.verdict(&declared(node)?, live.as_str()?) {
            Verdict::Unknown(reason) => Some(reason),
            Verdict::Same | Verdict::Different => None,
        }
    }
}

/// Compares a declared scalar or artifact with a live value.
pub(super) fn equality(node: &Node, live: &Value, rules: &Rules, artifacts: Artifacts<'_>) -> Equality {
    let found = match &node.kind {
        Kind::Scalar(declared) => scalar::scalars(declared, live, rules),
        Kind::Artifact(Artifact::Url(url)) => {
            let rules = Rules { artifact: true, ..rules.clone() };
            scalar::scalars(&Value::String(url.clone()), live, &rules)
        }
        Kind::Artifact(Artifact::File(file)) => match live.as_str() {
            // A portal that keeps the address that was sent: the name tells the content.
            Some(url) if last_segment(url).as_deref() == Some(&file.stored_name()) => Equality::By(Rule::Content),
            Some(url) if live::store_copy(url).is_some() => Equality::Unknown,
            _ => Equality::Different,
        },
        Kind::List(_) | Kind::Map(_) | Kind::Absent | Kind::Secret(_) => Equality::Different,
    };
    match (found, declared(node), live.as_str()) {
        (Equality::Unknown, Some(declared), Some(live)) => artifacts.equality(&declared, live),
        _ => found,
    }
}

fn declared(node: &Node) -> Option<Artifact> {
    match &node.kind {
        Kind::Artifact(artifact) => Some(artifact.clone()),
        Kind::Scalar(_) | Kind::List(_) | Kind::Map(_) | Kind::Absent | Kind::Secret(_) => None,
    }
}

fn last_segment(url: &str) -> Option<String> {
    Some(url::Url::parse(url).ok()?.path_segments()?.next_back()?.to_owned())
}
