//! What the portal makes of a definition: what it adds, renames, moves and hides. All of it follows from the
//! annotations of the schema; document and shape are walked side by side.

use serde_json::{Map, Value};

use super::artifact::Artifacts;
use crate::document::members_key;
use crate::schema::Shape;

/// The definition as the portal stores it after a PUT.
pub(super) fn stored(sent: &Value, shape: &Shape, artifacts: &mut Artifacts<'_>) -> Value {
    match sent {
        Value::Object(map) => Value::Object(stored_object(map, shape, artifacts)),
        Value::Array(items) => Value::Array(stored_list(items, shape, artifacts)),
        Value::String(url) if shape.rules.artifact => artifacts.rehost(url),
        other => other.clone(),
    }
}

fn stored_object(sent: &Map<String, Value>, shape: &Shape, artifacts: &mut Artifacts<'_>) -> Map<String, Value> {
    let mut result = Map::new();
    for (key, value) in sent {
        let name = match &shape.property(key).rules.returned_as {
            Some(name) if sent.contains_key(name) => continue,
            Some(name) => name,
            None => key,
        };
        let inner = shape.property(name);
        if !inner.rules.server_owned {
            result.insert(name.clone(), stored(value, inner, artifacts));
        }
    }
    for (key, inner) in shape.properties() {
        if let Some(default) = &inner.rules.default
            && !result.contains_key(key)
        {
            result.insert(key.to_owned(), default.clone());
        }
    }
    in_the_portals_order(result, shape)
}

/// Known keys come in an order that has nothing to do with the one they were sent in; others follow as they came.
fn in_the_portals_order(object: Map<String, Value>, shape: &Shape) -> Map<String, Value> {
    let mut entries: Vec<(String, Value)> = object.into_iter().collect();
    entries.sort_by_key(|(key, _)| shape.place(key).unwrap_or(usize::MAX));
    entries.into_iter().collect()
}

fn stored_list(sent: &[Value], shape: &Shape, artifacts: &mut Artifacts<'_>) -> Vec<Value> {
    let mut items: Vec<Value> = sent.iter().map(|item| stored(item, shape.item(), artifacts)).collect();
    if let Some(identity) = members_key(shape) {
        for item in &mut items {
            copy_identity(item, identity, shape.item());
        }
        if identity == PLAN_IDENTITY {
            items.sort_by(|one, other| one[identity].as_str().cmp(&other[identity].as_str()));
        }
    }
    items
}

/// Plans and disk generations come back in the order of their names; other keyed lists in the order they were sent.
const PLAN_IDENTITY: &str = "planId";

/// A server-owned property named after the identity (`….legacyPlanId` after `planId`) repeats its value.
fn copy_identity(item: &mut Value, identity: &str, shape: &Shape) {
    let Value::Object(map) = item else { return };
    let Some(value) = map.get(identity).cloned() else { return };
    for (key, inner) in shape.properties() {
        if inner.rules.server_owned && key.to_ascii_lowercase().ends_with(&identity.to_ascii_lowercase()) {
            map.insert(key.to_owned(), value.clone());
        }
    }
    *map = in_the_portals_order(std::mem::take(map), shape);
}

/// The addresses in a definition from which the portal takes artifacts, in their order.
pub(super) fn artifacts<'a>(sent: &'a Value, shape: &'a Shape) -> Vec<&'a str> {
    match sent {
        Value::Object(map) => map.iter().flat_map(|(key, value)| artifacts(value, shape.property(key))).collect(),
        Value::Array(items) => items.iter().flat_map(|item| artifacts(item, shape.item())).collect(),
        Value::String(text) if shape.rules.artifact => vec![text],
        _ => Vec::new(),
    }
}

/// The definition as the portal returns it: without what it keeps to itself.
pub(super) fn shown(stored: &Value, shape: &Shape) -> Value {
    match stored {
        Value::Object(map) => Value::Object(
            map.iter()
                .filter(|(key, _)| {
                    let rules = &shape.property(key).rules;
                    !rules.secret && !rules.write_only
                })
                .map(|(key, value)| (key.clone(), shown(value, shape.property(key))))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(|item| shown(item, shape.item())).collect()),
        other => other.clone(),
    }
}

/// The keys in a definition that the portal returns but refuses to take, in the order they were sent.
pub(super) fn read_only_keys(sent: &Value, shape: &Shape) -> Vec<String> {
    match sent {
        Value::Object(map) => map
            .iter()
            .flat_map(|(key, value)| {
                let inner = shape.property(key);
                let own = inner.rules.read_only_on_write.then(|| key.clone());
                own.into_iter().chain(read_only_keys(value, inner))
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(|item| read_only_keys(item, shape.item())).collect(),
        _ => Vec::new(),
    }
}

/// Puts the secrets of the earlier definition where the new one has none.
pub(super) fn keep_secrets(new: &mut Value, old: &Value, shape: &Shape) {
    match (new, old) {
        (Value::Object(new), Value::Object(old)) => {
            for (key, before) in old {
                let inner = shape.property(key);
                match new.get_mut(key) {
                    Some(now) => keep_secrets(now, before, inner),
                    None if inner.rules.secret => {
                        new.insert(key.clone(), before.clone());
                    }
                    None => {}
                }
            }
        }
        (Value::Array(new), Value::Array(old)) => {
            let Some(identity) = members_key(shape) else { return };
            for item in new {
                if let Some(before) = old.iter().find(|before| before[identity] == item[identity]) {
                    keep_secrets(item, before, shape.item());
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::super::artifact::NOTHING_FETCHED;
    use super::super::mint::Mint;
    use super::super::moment::Moment;
    use super::super::switches::Switches;
    use super::*;
    use crate::schema::Schemas;

    const VM: &str = "microsoft-azure-virtualmachines";
    const CORE_VM: &str = "microsoft-azure-corevm";

    fn shape(offer_type: &str) -> &'static Shape {
        Schemas::builtin().shape(offer_type).property("definition")
    }

    fn put_with(definition: &Value, offer_type: &str, switches: &Switches) -> Value {
        let mut mint = Mint::new("test");
        let publisher = "contoso".parse().expect("an id");
        let (mut copies, fetched) = (BTreeMap::new(), NOTHING_FETCHED);
        let at = Moment::at(0);
        let mut artifacts =
            Artifacts { mint: &mut mint, copies: &mut copies, fetched, at, publisher: &publisher, switches };
        stored(definition, shape(offer_type), &mut artifacts)
    }

    fn put(definition: &Value, offer_type: &str) -> Value {
        put_with(definition, offer_type, &Switches::default())
    }

    #[test]
    fn defaults_fill_what_is_absent_at_every_depth_and_nothing_else() {
        let result = put(
            &json!({"offer": {"microsoft-azure-marketplace.useEnterpriseContract": true}, "plans": [{"planId": "a", "diskGenerations": [{"planId": "g2"}]}]}),
            VM,
        );
        assert_eq!(result["offer"]["microsoft-azure-marketplace.useEnterpriseContract"], true);
        assert_eq!(result["offer"]["microsoft-azure-marketplace.tableLeadConfiguration"], json!({}));
        assert_eq!(result["offer"]["microsoft-azure-marketplace.customAmendments"], Value::Null);
        let plan = &result["plans"][0];
        assert_eq!(plan["microsoft-azure-virtualmachines.generation"], "1");
        assert_eq!(plan["microsoft-azure-virtualmachines.patchOptions"], json!({"supportsHotpatch": false}));
        assert_eq!(plan["microsoft-azure-virtualmachines.legacyPlanId"], "a");
        assert_eq!(plan["diskGenerations"][0]["planId"], "g2");
        assert!(plan.get("virtualMachinePricing").is_none(), "it has no default");
    }

    #[test]
    fn an_explicit_null_is_not_absence() {
        let result = put(&json!({"offer": {"microsoft-azure-marketplace.leadNotificationEmails": null}}), VM);
        assert_eq!(result["offer"]["microsoft-azure-marketplace.leadNotificationEmails"], Value::Null);
    }

    #[test]
    fn types_without_a_schema_are_stored_as_sent() {
        let definition = json!({"offer": {"b": 1, "a": {"secret": "x"}}, "plans": [{"planId": "p", "x": []}]});
        assert_eq!(put(&definition, "microsoft-azure-saas"), definition);
    }

    #[test]
    fn renamed_properties_yield_to_the_real_name() {
        let plan = |plan: Value| put(&json!({"plans": [plan]}), VM)["plans"][0].clone();
        let renamed =
            plan(json!({"planId": "p", "microsoft-azure-virtualmachines.windowsOSType": "Other", "regions": ["AZ"]}));
        assert_eq!(renamed["microsoft-azure-virtualmachines.osType"], "Other");
        assert!(renamed.get("microsoft-azure-virtualmachines.windowsOSType").is_none());
        let both = plan(json!({
            "planId": "p",
            "microsoft-azure-virtualmachines.windowsOSType": "alias",
            "microsoft-azure-virtualmachines.osType": "real",
        }));
        assert_eq!(both["microsoft-azure-virtualmachines.osType"], "real");
        assert!(both.get("microsoft-azure-virtualmachines.windowsOSType").is_none());
    }

    #[test]
    fn the_order_of_keys_is_the_portals_and_unknown_ones_come_last() {
        let (title, lead, terms) = (
            "microsoft-azure-marketplace.title",
            "microsoft-azure-marketplace.leadDestination",
            "microsoft-azure-marketplace.termsOfUse",
        );
        let order = |first: Value| {
            let result = put(&json!({"plans": [], "offer": first, "displayText": "d"}), VM);
            let names = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
            (names(&result), names(&result["offer"]))
        };
        let (outer, inner) = order(json!({"zzz": 1, title: "t", "aaa": 2, terms: "u", lead: "None"}));
        assert_eq!(outer, ["displayText", "offer", "plans"]);
        let places = [lead, terms, title, "zzz", "aaa"].map(|key| inner.iter().position(|known| known == key));
        assert!(places.is_sorted() && places[0] == Some(0), "{inner:?}");
        let (_, again) = order(json!({lead: "None", terms: "u", title: "t", "zzz": 1, "aaa": 2}));
        assert_eq!(inner, again);
    }

    #[test]
    fn plans_are_sorted_and_other_keyed_lists_are_not() {
        let result = put(
            &json!({
                "offer": {"microsoft-azure-marketplace.categoryMap": [{"categoryL1": "z"}, {"categoryL1": "a"}]},
                "plans": [{"planId": "b"}, {"planId": "a"}],
            }),
            VM,
        );
        assert_eq!((&result["plans"][0]["planId"], &result["plans"][1]["planId"]), (&json!("a"), &json!("b")));
        assert_eq!(result["offer"]["microsoft-azure-marketplace.categoryMap"][0]["categoryL1"], "z");
    }

    #[test]
    fn artifacts_move_and_other_urls_stay() {
        let disk = "https://contoso.blob.core.windows.net/vhds/a.vhd?sig=abc&sv=1";
        let result = put(
            &json!({
                "offer": {
                    "microsoft-azure-marketplace.smallLogo": "https://www.contoso.example/logo.png",
                    "microsoft-azure-marketplace.privacyURL": "https://www.contoso.example/privacy",
                    "microsoft-azure-marketplace.screenshots": ["https://www.contoso.example/one.png"],
                },
                "plans": [{"planId": "p", "microsoft-azure-virtualmachines.vmImages": {"1.0.0": {"osVhdUrl": disk}}}],
            }),
            VM,
        );
        let offer = &result["offer"];
        let moved = |value: &Value| value.as_str().is_some_and(|url| url.starts_with("https://publishingstoredm.blob"));
        assert!(moved(&offer["microsoft-azure-marketplace.smallLogo"]));
        assert!(moved(&offer["microsoft-azure-marketplace.screenshots"][0]));
        assert_eq!(offer["microsoft-azure-marketplace.privacyURL"], "https://www.contoso.example/privacy");
        assert_eq!(result["plans"][0]["microsoft-azure-virtualmachines.vmImages"]["1.0.0"]["osVhdUrl"], disk);
    }

    #[test]
    fn secrets_are_stored_and_not_shown() {
        let sent = json!({"offer": {"microsoft-azure-marketplace.marketoLeadConfiguration": {
            "formId": "f", "clientSecret": "s3cret",
        }}});
        let result = put(&sent, VM);
        let configuration = "microsoft-azure-marketplace.marketoLeadConfiguration";
        assert_eq!(result["offer"][configuration]["clientSecret"], "s3cret");
        let visible = shown(&result, shape(VM));
        assert_eq!(visible["offer"][configuration], json!({"formId": "f"}));
        assert!(!visible.to_string().contains("s3cret"));
    }

    #[test]
    fn absent_secrets_can_be_kept_and_present_ones_win() {
        let configuration = "microsoft-azure-marketplace.marketoLeadConfiguration";
        let old = put(&json!({"offer": {configuration: {"formId": "f", "clientSecret": "old"}}}), VM);
        let again = |sent: Value| {
            let mut new = put(&json!({"offer": sent}), VM);
            keep_secrets(&mut new, &old, shape(VM));
            new["offer"][configuration].clone()
        };
        assert_eq!(again(json!({configuration: {"formId": "g"}})), json!({"formId": "g", "clientSecret": "old"}));
        assert_eq!(again(json!({configuration: {"clientSecret": "new"}})), json!({"clientSecret": "new"}));
        assert_eq!(again(json!({})), json!({"clientSecret": "old"}), "only the secret survives, not the form");
    }

    #[test]
    fn keys_that_cannot_be_written_are_found() {
        let sent = json!({"offer": {"microsoft-azure-corevm.legacyOfferId": "", "microsoft-azure-corevm.title": "t"}});
        assert_eq!(read_only_keys(&sent, shape(CORE_VM)), ["microsoft-azure-corevm.legacyOfferId"]);
        assert!(read_only_keys(&sent, shape(VM)).is_empty());
        assert_eq!(
            put(&json!({"offer": {}}), CORE_VM)["offer"]["microsoft-azure-corevm.legacyOfferId"],
            "",
            "it is returned all the same"
        );
    }

    #[test]
    fn what_was_shown_and_put_back_is_shown_again() {
        let first = put(
            &json!({
                "displayText": "d",
                "offer": {"microsoft-azure-marketplace.smallLogo": "https://www.contoso.example/logo.png"},
                "plans": [{"planId": "p", "microsoft-azure-virtualmachines.windowsOSType": "Other"}],
            }),
            VM,
        );
        let seen = shown(&first, shape(VM));
        assert_eq!(shown(&put(&seen, VM), shape(VM)), seen);
    }
}
