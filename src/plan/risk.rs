//! How much a change matters to customers: one class for each change, the gravest first.
//!
//! A schema may say the class of a field; where it does not, the class follows from what kind of change it is and from
//! the names on its address. It is pure, and it decides nothing: guards stop plans, a class only says what to read first.

use serde_json::Value;

use crate::diff::{Change, ChangeKind};
pub(crate) use crate::model::Risk;
use crate::model::{Address, Step};

impl Risk {
    /// The class of a change. The class that the schema gives the field stands in the place of the one that its name
    /// suggests; that something is removed, or cannot change, is no matter of names.
    pub(crate) fn of(change: &Change) -> Self {
        if change.immutable {
            return Self::Immutable;
        }
        if removes_member(change) {
            return Self::Removal;
        }
        if only_white_space(&change.kind) {
            return Self::Cosmetic;
        }
        change.risk.unwrap_or_else(|| by_name(change))
    }
}

/// The changes, the gravest first, and within a class in their own order.
pub(crate) fn by_risk(changes: &[Change]) -> Vec<(Risk, &Change)> {
    let mut classed = changes.iter().map(|change| (Risk::of(change), change)).collect::<Vec<_>>();
    classed.sort_by_key(|(risk, _)| *risk);
    classed
}

/// What the members of a guarded collection are called, by the name of the collection.
fn collection(address: &Address) -> Option<&'static str> {
    let name = address.steps().filter_map(Step::key).next_back()?.to_lowercase();
    let name = name.rsplit('.').next().unwrap_or(&name);
    [("diskgenerations", "generation"), ("images", "image"), ("packages", "package"), ("plans", "plan")]
        .into_iter()
        .find(|(part, _)| name.contains(part))
        .map(|(_, noun)| noun)
}

fn removes_member(change: &Change) -> bool {
    // A price of one size is a member of a dictionary too, and its schema knows what it is.
    let guarded = change.risk.is_none() || collection(&change.address).is_some();
    let member = matches!(change.address.steps().last(), Some(Step::Id(_))) && guarded;
    match &change.kind {
        ChangeKind::Remove { .. } => member || collection_itself(&change.address),
        ChangeKind::Replace { before, after } => {
            let (before, after) = (members(before), members(after));
            (collection_itself(&change.address) && before > after) || (member && before > 0 && after == 0)
        }
        ChangeKind::List { before, after } => collection_itself(&change.address) && before.len() > after.len(),
        ChangeKind::Add { .. } | ChangeKind::Members { .. } => false,
    }
}

/// Whether an address is that of a whole list of plans or dictionary of images.
fn collection_itself(address: &Address) -> bool {
    matches!(address.steps().last(), Some(Step::Key(_))) && collection(address).is_some()
}

fn members(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.len(),
        Value::Object(map) => map.len(),
        _ => 0,
    }
}

fn only_white_space(kind: &ChangeKind) -> bool {
    let ChangeKind::Replace { before: Value::String(before), after: Value::String(after) } = kind else { return false };
    before != after && before.split_whitespace().eq(after.split_whitespace())
}

/// Parts of names, in lower case, and their class. The first that fits wins, so `skuDescription` of a price sheet is a
/// price, and a logo's label is a picture.
const NAMES: [(Risk, &[&str]); 6] = [
    (Risk::Price, &["pricing", "price", "multiplier", "freetrial", "billing", "currency", "isbyol", "meter"]),
    (Risk::Markets, &["regions", "markets", "countries", "cloudavailability"]),
    (Risk::Visibility, &["hide", "hidden", "isprivate", "visib", "showingui", "istestdrive"]),
    (Risk::Audience, &["audience", "subscriptions", "tenants"]),
    (Risk::Cosmetic, &["logo", "screenshot", "video", "icon", "categor"]),
    (
        Risk::Text,
        &[
            "title",
            "summary",
            "description",
            "displaytext",
            "keyword",
            "label",
            "links",
            "linkurl",
            "termsofuse",
            "privacy",
            "eula",
            "legal",
            "supportcontact",
            "engineeringcontact",
            "supporturl",
            "helpurl",
            "website",
        ],
    ),
];

fn by_name(change: &Change) -> Risk {
    // A new plan or version is what it is, whatever it contains.
    if let (ChangeKind::Add { .. }, Some(Step::Id(_))) = (&change.kind, change.address.steps().last())
        && collection(&change.address).is_some()
    {
        return Risk::Settings;
    }
    let keys = change.address.steps().filter_map(Step::key).map(str::to_lowercase).collect::<Vec<_>>();
    let named = |parts: &[&str]| keys.iter().any(|key| parts.iter().any(|part| tail(key).contains(part)));
    NAMES.iter().find(|(_, parts)| named(parts)).map_or(Risk::Settings, |(risk, _)| *risk)
}

/// The part after the last dot.
fn tail(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Pointer;
    use serde_json::json;

    fn change(address: Address, kind: ChangeKind) -> Change {
        Change {
            address,
            pointer: Pointer::root(),
            file: Default::default(),
            line: 1,
            kind,
            risk: None,
            immutable: false,
            twin: None,
            portal_edit: None,
        }
    }

    fn replace(before: Value, after: Value) -> ChangeKind {
        ChangeKind::Replace { before, after }
    }

    fn root() -> Address {
        Address::default()
    }

    #[test]
    fn the_class_follows_from_what_is_done_and_where() {
        let plan = || root().key("definition").key("plans").id("basic");
        let new = || ChangeKind::Add { after: json!({"title": "T"}) };
        let gone = || ChangeKind::Remove { before: json!({"x": 1}) };
        let edit = || replace(json!("a"), json!("b"));
        let table = [
            (plan(), gone(), Risk::Removal),
            (plan(), new(), Risk::Settings),
            (plan().key("vmImages").id("1.0.0"), gone(), Risk::Removal),
            (plan().key("vmImages"), replace(json!({"1.0.0": {}}), json!(null)), Risk::Removal),
            (plan().key("vmImages").id("1.0.0"), replace(json!({"a": 1}), json!(null)), Risk::Removal),
            (plan().key("vmImages").id("1.0.0").key("osVhdUrl"), edit(), Risk::Settings),
            (plan().key("virtualMachinePricing").key("coreMultiplier").key("single"), edit(), Risk::Price),
            (plan().key("regions"), ChangeKind::Members { added: vec![], removed: vec![json!("NO")] }, Risk::Markets),
            (plan().key("hideSKUForSolutionTemplate"), replace(json!(true), json!(false)), Risk::Visibility),
            (root().key("definition").key("offer").key("allowedSubscriptions"), edit(), Risk::Audience),
            (root().key("definition").key("offer").key("title"), edit(), Risk::Text),
            (root().key("definition").key("offer").key("title"), replace(json!("a b"), json!(" a\nb")), Risk::Cosmetic),
            (root().key("definition").key("offer").key("smallLogo"), edit(), Risk::Cosmetic),
            (root().key("definition").key("offer").key("leadDestination"), edit(), Risk::Settings),
        ];
        for (address, kind, risk) in table {
            let change = change(address, kind);
            assert_eq!(Risk::of(&change), risk, "{change:?}");
        }
    }

    #[test]
    fn a_schema_knows_better_than_a_name_and_not_better_than_a_removal() {
        let said = |risk, change: Change| Risk::of(&Change { risk: Some(risk), ..change });
        let title = || change(root().key("title"), replace(json!("a"), json!("b")));
        assert_eq!(said(Risk::Audience, title()), Risk::Audience);
        let gone = |address: Address| change(address, ChangeKind::Remove { before: json!({}) });
        assert_eq!(said(Risk::Text, gone(root().key("plans").id("a"))), Risk::Removal);
        assert_eq!(said(Risk::Price, gone(root().key("plans").id("a").key("individually").id("1core"))), Risk::Price);
        assert_eq!(said(Risk::Text, Change { immutable: true, ..title() }), Risk::Immutable);
    }

    #[test]
    fn the_gravest_come_first_and_equals_keep_their_order() {
        let edit = |key: &str| change(root().key(key), replace(json!("a"), json!("b")));
        let changes = [edit("title"), edit("smallLogo"), edit("summary"), edit("regions")];
        let order = by_risk(&changes).into_iter().map(|(_, change)| change.address.to_string()).collect::<Vec<_>>();
        assert_eq!(order, ["regions", "title", "summary", "smallLogo"]);
    }
}
