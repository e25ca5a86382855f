//! What the portal holds: the document as it came, its ETag where there is one, and its canonical form.
//!
//! The canonical form decides whether two documents say the same: what the portal owns is left out, sets and keyed
//! lists are sorted, the signed URL of the portal's own copy of an artifact is cut down to the copy's name. Staleness
//! of offers without an ETag, and whether a slot holds the draft's content, are equality of canonical digests.

use serde_json::{Map, Value};

use crate::model::{Digest, ETag, Profile};
use crate::redact;
use crate::schema::{ListRule, Shape};

/// The answer to "what is there": a failed read is neither.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Live {
    /// The portal says that there is no such offer (or that the slot is empty).
    Absent,
    Present(LiveOffer),
}

/// An offer as GET returned it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LiveOffer {
    pub(crate) document: Value,
    /// The `ETag` header.
    pub(crate) etag: Option<ETag>,
}

impl LiveOffer {
    /// How the portal treats this offer, from `pcMigrationStatus`; a document that does not say is native when it came
    /// with an ETag.
    pub(crate) fn profile(&self) -> Profile {
        match self.document.get("pcMigrationStatus").and_then(Value::as_str) {
            Some("migrated") => Profile::Migrated,
            Some(_) => Profile::Native,
            None if self.etag.is_some() => Profile::Native,
            None => Profile::Migrated,
        }
    }

    /// The digest of the canonical form.
    pub(crate) fn digest(&self, shape: &Shape) -> Digest {
        digest(&self.document, shape)
    }
}

/// The digest of a document's canonical form.
pub(crate) fn digest(document: &Value, shape: &Shape) -> Digest {
    Digest::of(canonical(document, shape).to_string().as_bytes())
}

/// The canonical form of a document.
pub(crate) fn canonical(value: &Value, shape: &Shape) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries = map
                .iter()
                .map(|(key, value)| (key, value, shape.property(key)))
                .filter(|(_, _, shape)| !shape.rules.server_owned && !shape.rules.write_only)
                .map(|(key, value, shape)| (key.clone(), canonical(value, shape)))
                .collect::<Vec<_>>();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(items) => {
            let mut items = items.iter().map(|item| canonical(item, shape.item())).collect::<Vec<_>>();
            if shape.rules.list != ListRule::Ordered {
                items.sort_by_cached_key(Value::to_string);
            }
            Value::Array(items)
        }
        Value::String(text) if shape.rules.artifact || shape.rules.maybe_artifact => match store_copy(text) {
            Some(name) => Value::String(format!("portal-copy:{name}")),
            None => value.clone(),
        },
        scalar => scalar.clone(),
    }
}

/// The document without secrets: by the schema, by field name, and by the form of each text.
pub(crate) fn redacted(value: &Value, shape: &Shape) -> Value {
    match value {
        _ if shape.rules.secret => redact::masked(value),
        Value::Array(items) => items.iter().map(|item| redacted(item, shape.item())).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(key, inner)| {
                let secret = redact::is_secret_name(key);
                (key.clone(), if secret { redact::masked(inner) } else { redacted(inner, shape.property(key)) })
            })
            .collect(),
        scalar => redact::value(scalar),
    }
}

/// The name of the portal's own copy of an artifact, if the URL is one: the last segment of its path. Host and query
/// change (test and production content, a fresh signature), the name does not.
pub(crate) fn store_copy(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok().filter(is_store)?;
    let name = url.path_segments()?.next_back().filter(|name| !name.is_empty())?;
    Some(name.to_owned())
}

/// Whether a URL is of one of the portal's own stores.
pub(crate) fn is_store(url: &url::Url) -> bool {
    url.host_str().is_some_and(|host| {
        (host.starts_with("publishingapistore") || host.starts_with("publishingstoredm"))
            && host.ends_with(".blob.core.windows.net")
    })
}

/// The identity of each member of a keyed list; `None` when one has none or two have the same, so that the list can
/// only be compared by position.
pub(crate) fn identities<'a>(items: &'a [Value], key: &str) -> Option<Vec<&'a str>> {
    let found = items.iter().map(|item| item.get(key).and_then(Value::as_str)).collect::<Option<Vec<_>>>()?;
    let mut sorted = found.clone();
    sorted.sort_unstable();
    sorted.dedup();
    (sorted.len() == found.len()).then_some(found)
}

/// The document with its keyed lists in the order that they have in `base`. The portal does not promise an order, and
/// a patch made for one order must not meet another.
pub(crate) fn align(now: &Value, base: &Value, shape: &Shape) -> Value {
    match (now, base) {
        (Value::Object(now), Value::Object(base)) => Value::Object(
            now.iter()
                .map(|(key, value)| {
                    let aligned = base.get(key).map_or_else(|| value.clone(), |b| align(value, b, shape.property(key)));
                    (key.clone(), aligned)
                })
                .collect(),
        ),
        (Value::Array(now), Value::Array(base)) => {
            let ListRule::Keyed(key) = &shape.rules.list else { return Value::Array(now.clone()) };
            let (Some(now_ids), Some(base_ids)) = (identities(now, key), identities(base, key)) else {
                return Value::Array(now.clone());
            };
            let place = |id: &str| base_ids.iter().position(|other| *other == id);
            let mut items = now.iter().zip(now_ids).map(|(item, id)| (place(id), item)).collect::<Vec<_>>();
            items.sort_by_key(|(place, _)| place.unwrap_or(usize::MAX));
            Value::Array(
                items
                    .into_iter()
                    .map(|(place, item)| place.map_or_else(|| item.clone(), |at| align(item, &base[at], shape.item())))
                    .collect(),
            )
        }
        (now, _) => now.clone(),
    }
}

/// The document without what a PUT must not carry: the portal's own envelope fields, and what it refuses to take back.
pub(crate) fn writable(document: &Value, shape: &Shape) -> Value {
    match document {
        Value::Object(map) => Value::Object(
            map.iter()
                .filter(|(key, _)| !shape.property(key).rules.server_owned)
                .map(|(key, value)| (key.clone(), without_read_only(value, shape.property(key))))
                .collect(),
        ),
        other => other.clone(),
    }
}

fn without_read_only(value: &Value, shape: &Shape) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.iter()
                .filter(|(key, _)| !shape.property(key).rules.read_only_on_write)
                .map(|(key, value)| (key.clone(), without_read_only(value, shape.property(key))))
                .collect::<Map<_, _>>(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(|item| without_read_only(item, shape.item())).collect()),
        scalar => scalar.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schemas;
    use serde_json::json;

    fn shape() -> &'static Shape {
        Schemas::builtin().shape("microsoft-azure-virtualmachines")
    }

    fn offer(version: u32, plans: &Value, logo: &str) -> Value {
        json!({"id": "a", "version": version, "status": "running", "definition": {
            "offer": {"microsoft-azure-marketplace.smallLogo": logo}, "plans": plans}})
    }

    const COPY: &str = "https://publishingstoredm.blob.core.windows.net/testcontent/D6191_publishers_c/1.png?sig=a";
    const SAME_COPY: &str =
        "https://publishingapistore.blob.core.windows.net/prodcontent/D6191_publishers_c/1.png?sig=b";

    #[test]
    fn what_the_portal_owns_and_order_do_not_count() {
        let a = offer(1, &json!([{"planId": "x", "regions": ["DE", "NO"]}, {"planId": "y"}]), COPY);
        let b = offer(2, &json!([{"planId": "y"}, {"regions": ["NO", "DE"], "planId": "x"}]), SAME_COPY);
        assert_eq!(digest(&a, shape()), digest(&b, shape()));
        let c = offer(1, &json!([{"planId": "x", "regions": ["DE"]}, {"planId": "y"}]), COPY);
        assert_ne!(digest(&a, shape()), digest(&c, shape()));
        let d = offer(
            1,
            &json!([{"planId": "x", "regions": ["DE", "NO"]}, {"planId": "y"}]),
            &COPY.replace("1.png", "2.png"),
        );
        assert_ne!(digest(&a, shape()), digest(&d, shape()));
    }

    #[test]
    fn alignment_changes_order_and_nothing_else() {
        let base = offer(1, &json!([{"planId": "x"}, {"planId": "y"}]), COPY);
        let now = offer(1, &json!([{"planId": "z"}, {"planId": "y", "new": 1}, {"planId": "x"}]), COPY);
        let aligned = align(&now, &base, shape());
        assert_eq!(
            aligned["definition"]["plans"],
            json!([{"planId": "x"}, {"planId": "y", "new": 1}, {"planId": "z"}])
        );
        assert_eq!(digest(&aligned, shape()), digest(&now, shape()));
    }

    #[test]
    fn a_put_leaves_out_the_envelope_and_read_only_fields() {
        let shape = Schemas::builtin().shape("microsoft-azure-corevm");
        let live = json!({"id": "a", "version": 5, "changedTime": "x", "unknownTop": 1, "definition": {"offer": {
            "microsoft-azure-corevm.legacyOfferId": "", "microsoft-azure-corevm.unknown": {"deep": [1]}}}});
        assert_eq!(
            writable(&live, shape),
            json!({"id": "a", "unknownTop": 1, "definition": {"offer": {"microsoft-azure-corevm.unknown": {"deep": [1]}}}})
        );
    }

    #[test]
    fn the_profile_is_the_offers_own() {
        let of = |document, etag: Option<&str>| LiveOffer { document, etag: etag.map(ETag::new) }.profile();
        assert_eq!(of(json!({"pcMigrationStatus": "migrated"}), None), Profile::Migrated);
        assert_eq!(of(json!({"pcMigrationStatus": "none"}), None), Profile::Native);
        assert_eq!(of(json!({}), Some("W/\"x\"")), Profile::Native);
        assert_eq!(of(json!({}), None), Profile::Migrated);
    }
}
