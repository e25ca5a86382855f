//! The fingerprint of a plan: what was approved and what is applied are one, if their fingerprints are.
//!
//! It covers what would be done and what a reviewer was shown of it: each change with the value before and after, what
//! is sent along, uploaded and released, who is told, and what stops an offer. It does not cover when the plan was made,
//! the ETags, what nobody declares, the order of offers, fields and members, and how a file is laid out.

use serde_json::{Value, json};

use super::{Finding, OfferPlan, Plan};
use crate::model::Digest;
use crate::workspace::{Guard, Through};

impl Plan {
    /// The fingerprint, in 64 hexadecimal digits.
    pub(crate) fn fingerprint(&self) -> Digest {
        let mut offers = self.offers.iter().map(offer).collect::<Vec<_>>();
        offers.sort();
        let meaning = json!({"offers": offers, "stopped": stops(&self.findings)});
        Digest::of(meaning.to_string().as_bytes())
    }
}

/// Whether `given` names this fingerprint: all of its digits, or at least the first twelve, which plans show.
pub(crate) fn is_fingerprint(given: &str, fingerprint: &Digest) -> bool {
    given.len() >= fingerprint.short().len() && fingerprint.as_str().starts_with(&given.to_ascii_lowercase())
}

fn offer(offer: &OfferPlan) -> String {
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
        findings,
    } = offer;
    let changes = diff.changes.iter().map(|change| {
        let kind = serde_json::to_value(&change.kind).unwrap_or_default();
        json!([change.address.to_string(), canonical(&kind), change.twin]).to_string()
    });
    // Whoever approves a go-live approves all that customers will see.
    let rides = rides_along.iter().filter(|_| *through == Through::Live).map(|change| {
        let kind = serde_json::to_value(&change.kind).unwrap_or_default();
        json!([change.address.to_string(), canonical(&kind)]).to_string()
    });
    let uploads = uploads.iter().map(|file| json!([file.path, file.content]).to_string());
    let meaning = json!({
        "offer": key,
        "type": offer_type,
        "write": offer.write(),
        "changes": sorted(changes),
        "secrets": sorted(diff.secrets.iter().map(ToString::to_string).chain(diff.patch.sources())),
        "ignored": sorted(diff.ignored.iter().map(ToString::to_string)),
        "uploads": sorted(uploads),
        "through": through,
        "release": release,
        "rides_along": sorted(rides),
        "resend": resend,
        "notify": sorted(notify.iter().cloned()),
        "stopped": stops(findings),
    });
    meaning.to_string()
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

/// The same value with the keys of objects in their order, and the members of a set too.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let set =
                |key: &str| map.get("op").is_some_and(|op| op == "members") && (key == "added" || key == "removed");
            let mut entries = map
                .iter()
                .map(|(key, value)| {
                    let mut value = canonical(value);
                    if let (true, Value::Array(members)) = (set(key), &mut value) {
                        members.sort_by_cached_key(Value::to_string);
                    }
                    (key.clone(), value)
                })
                .collect::<Vec<_>>();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(items) => items.iter().map(canonical).collect(),
        scalar => scalar.clone(),
    }
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
        let one = json!({"op": "members", "added": ["b", "a"], "removed": []});
        let other = json!({"removed": [], "added": ["a", "b"], "op": "members"});
        assert_eq!(canonical(&one).to_string(), canonical(&other).to_string());
        let list = |members: Value| canonical(&json!({"op": "list", "after": members})).to_string();
        assert_ne!(list(json!(["a", "b"])), list(json!(["b", "a"])));
    }
}
