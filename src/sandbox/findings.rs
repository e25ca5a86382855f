//! What keeps a definition from being published. PUT is lenient, publishing is strict.

use serde_json::{Map, Value};

use super::moment::Moment;
use crate::schema::Shape;

/// The findings, each a sentence. What is a title, an image or a signed address is known only where the type of the
/// offer has a schema.
pub(super) fn of(stored: &Value, shape: &Shape, now: i64) -> Vec<String> {
    let mut findings = Vec::new();
    let is_blank = |key: &str| stored["offer"][key].as_str().is_none_or(|title| title.trim().is_empty());
    if let Some((key, _)) = shape.property("offer").properties().find(|(key, _)| key.ends_with(".title"))
        && is_blank(key)
    {
        findings.push(format!("'{key}' must not be empty."));
    }
    let plans = stored["plans"].as_array().map(Vec::as_slice).unwrap_or_default();
    if plans.is_empty() {
        findings.push("An offer needs at least one plan.".to_owned());
    }
    let plan_shape = shape.property("plans").item();
    for plan in plans.iter().filter_map(Value::as_object) {
        let name = plan.get("planId").and_then(Value::as_str).unwrap_or_default();
        if lacks_images(plan, plan_shape) {
            findings.push(format!("Plan '{name}' has no image version."));
        }
    }
    expired(stored, shape, now, &mut String::new(), &mut findings);
    findings
}

/// Whether the type of offer has images and this plan none, neither of its own nor of a disk generation.
fn lacks_images(plan: &Map<String, Value>, shape: &Shape) -> bool {
    let dictionaries = |shape: &Shape| -> Vec<String> {
        let images = shape.properties().filter(|(_, inner)| inner.rules.guard.as_deref() == Some("image"));
        images.map(|(key, _)| key.to_owned()).collect()
    };
    let own = dictionaries(shape);
    let of_generations = dictionaries(shape.property("diskGenerations").item());
    let is_filled = |object: &Map<String, Value>, key: &String| {
        object.get(key).and_then(Value::as_object).is_some_and(|images| !images.is_empty())
    };
    let generations = plan.get("diskGenerations").and_then(Value::as_array).into_iter().flatten();
    !own.is_empty()
        && !own.iter().any(|key| is_filled(plan, key))
        && !generations
            .filter_map(Value::as_object)
            .any(|generation| of_generations.iter().any(|key| is_filled(generation, key)))
}

/// Looks for signed addresses whose time is over, at every depth.
fn expired(value: &Value, shape: &Shape, now: i64, place: &mut String, findings: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                let length = place.len();
                place.push('/');
                place.push_str(key);
                expired(inner, shape.property(key), now, place, findings);
                place.truncate(length);
            }
        }
        Value::Array(items) => {
            for item in items {
                expired(item, shape.item(), now, place, findings);
            }
        }
        Value::String(text) if shape.rules.ignore_query.iter().any(|name| name == "se") => {
            let end = expiry(text).filter(|end| *end <= Moment::at(now));
            if let Some(end) = end {
                findings.push(format!("The signature of '{place}' expired at {}.", end.long()));
            }
        }
        _ => {}
    }
}

/// When the signature of an address ends: `se`, a date or an instant.
fn expiry(address: &str) -> Option<Moment> {
    let url = url::Url::parse(address).ok()?;
    let (_, end) = url.query_pairs().find(|(name, _)| name == "se")?;
    Moment::parse(&end).or_else(|| Moment::parse(&format!("{end}T00:00:00Z")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::Schemas;

    const TITLE: &str = "microsoft-azure-marketplace.title";
    const IMAGES: &str = "microsoft-azure-virtualmachines.vmImages";

    fn findings(definition: &Value, offer_type: &str) -> Vec<String> {
        of(definition, Schemas::builtin().shape(offer_type).property("definition"), 1_654_062_085_000)
    }

    fn vm(url: &str) -> Value {
        json!({"offer": {TITLE: "T"}, "plans": [{"planId": "p", IMAGES: {"1.0.0": {"osVhdUrl": url}}}]})
    }

    #[test]
    fn publishing_wants_plans_images_and_a_title() {
        let virtual_machine = "microsoft-azure-virtualmachines";
        assert!(findings(&vm("https://a.example/1.vhd"), virtual_machine).is_empty());
        assert_eq!(findings(&json!({"offer": {TITLE: " "}, "plans": []}), virtual_machine).len(), 2);
        let bare = json!({"offer": {TITLE: "T"}, "plans": [{"planId": "p", IMAGES: {}}, {"planId": "q"}]});
        let expected = ["Plan 'p' has no image version.", "Plan 'q' has no image version."];
        assert_eq!(findings(&bare, virtual_machine), expected);
        assert!(findings(&json!({"offer": {}, "plans": [{}]}), "microsoft-azure-saas").is_empty());
    }

    #[test]
    fn images_of_a_disk_generation_are_images() {
        let definition = json!({
            "offer": {"microsoft-azure-corevm.title": "T"},
            "plans": [{"planId": "p", "diskGenerations": [{
                "planId": "g2", "microsoft-azure-corevm.vmImagesPublicAzure": {"1.0.0": {"osVhdUrl": ""}},
            }]}],
        });
        assert_eq!(findings(&definition, "microsoft-azure-corevm"), Vec::<String>::new());
    }

    #[test]
    fn signatures_end_at_their_time() {
        let found = |query: &str| {
            findings(&vm(&format!("https://a.example/1.vhd?sig=x&{query}")), "microsoft-azure-virtualmachines")
        };
        for good in ["se=2022-06-01T05%3A41%3A26Z", "se=2023-01-01", "se=soon", "sv=2018-03-28"] {
            assert!(found(good).is_empty(), "{good}");
        }
        for bad in ["se=2022-06-01T05%3A41%3A25Z", "se=2022-01-01"] {
            let found = found(bad);
            assert!(found.len() == 1 && found[0].contains("vmImages/1.0.0/osVhdUrl"), "{bad}: {found:?}");
        }
    }
}
