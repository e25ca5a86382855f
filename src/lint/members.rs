//! Members of sets: each once, and regions in capitals.

use std::collections::HashMap;

use serde_json::Value;

use super::{MOST, Offer, short};
use crate::diagnostic::{Change, Code, Diagnostic, Fix};
use crate::document::is_set;
use crate::model::{Entry, Kind, Node};
use crate::schema::Case;

pub(super) fn duplicate_member(offer: &Offer<'_>, findings: &mut Vec<Diagnostic>) {
    offer.entries(&mut |entry, shape| {
        if !is_set(shape) {
            return;
        }
        let case = shape.item().rules.case;
        let mut first = HashMap::new();
        let items = entry.value.items();
        let before = findings.len();
        for (index, item) in items.iter().enumerate() {
            if findings.len() - before >= MOST {
                break;
            }
            let Some(text) = item.as_str() else { continue };
            let folded = if case == Case::Exact { text.to_owned() } else { text.to_ascii_lowercase() };
            let Some(other) = first.get(&folded).copied() else {
                first.insert(folded, item.span);
                continue;
            };
            let line = offer.desired.sources.line(other, item.span);
            let message = format!("`{text}` is a duplicate in `{}`; the first one is in {line}", short(&entry.key));
            let found = offer.found(Code::DuplicateMember, item.span, message);
            let fix = removal(&offer.desired.sources.of(item.span).text, &items[index - 1], item);
            findings.push(found.help("remove one, or correct it").fix(fix));
        }
    });
}

/// The edit that takes away a member which stands after another one. `None` where a comment would be lost, or where the
/// text is not simple enough to be sure.
fn removal(text: &str, before: &Node, item: &Node) -> Option<Fix> {
    if item.span.file != before.span.file {
        return None;
    }
    let (start, end) = (item.span.start, item.span.end);
    let between = text.get(before.span.end..start)?;
    let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let rest = &text[end..text[end..].find('\n').map_or(text.len(), |at| end + at)];
    let bytes = if between.trim() == "," {
        before.span.end..end
    } else if text[line..start].trim() == "-" && rest.trim().is_empty() && line >= before.span.end {
        line..(end + rest.len() + 1).min(text.len())
    } else {
        return None;
    };
    Some(Fix { span: item.span, bytes, text: String::new(), change: Change::Gone })
}

/// The members of a list that are to be GUIDs: subscriptions, and who may see a private plan.
fn guids(entry: &Entry) -> impl Iterator<Item = &Node> {
    let name = short(&entry.key);
    let items = entry.value.items().iter();
    items.filter_map(move |item| match name {
        "allowedSubscriptions" => Some(item),
        "manualEntries" => item.get("id"),
        _ => None,
    })
}

pub(super) fn not_guid(offer: &Offer<'_>, findings: &mut Vec<Diagnostic>) {
    offer.entries(&mut |entry, _| {
        let is_guid = |text: &str| text.len() == 36 && uuid::Uuid::try_parse(text).is_ok();
        let texts = guids(entry).filter_map(|node| Some((node, node.as_str()?)));
        for (node, text) in texts.filter(|(_, text)| !is_guid(text)).take(MOST) {
            let message = format!("`{text}` is not the GUID of a subscription or tenant");
            let help = "write its id, such as 12345678-1234-1234-1234-123456789abc, not its name";
            findings.push(offer.found(Code::NotGuid, node.span, message).help(help));
        }
    });
}

/// How many members the portal takes.
const LARGEST: [(&str, usize, &str); 3] = [
    ("allowedSubscriptions", 100, "keep the subscriptions that test the preview"),
    ("manualEntries", 10, "upload a longer list as CSV in the portal"),
    ("recommendedVMSizes", 6, "keep the most useful ones"),
];

pub(super) fn too_many(offer: &Offer<'_>, findings: &mut Vec<Diagnostic>) {
    offer.entries(&mut |entry, _| {
        let name = short(&entry.key);
        let Some((_, limit, help)) = LARGEST.iter().find(|(key, ..)| *key == name) else { return };
        let count = entry.value.items().len();
        if count > *limit {
            let message = format!("`{name}` has {count} members; the portal accepts {limit}");
            findings.push(offer.found(Code::TooMany, entry.key_span, message).help(*help));
        }
    });
}

pub(super) fn region_case(offer: &Offer<'_>, findings: &mut Vec<Diagnostic>) {
    offer.entries(&mut |entry, shape| {
        if short(&entry.key) != "regions" || shape.item().rules.case != Case::Insensitive {
            return;
        }
        let before = findings.len();
        for item in entry.value.items() {
            let Kind::Scalar(Value::String(text)) = &item.kind else { continue };
            let upper = text.to_ascii_uppercase();
            if *text == upper {
                continue;
            }
            if findings.len() - before >= MOST {
                break;
            }
            let written = offer.desired.sources.written(item.span);
            let fix = written.find(text.as_str()).map(|at| {
                let start = item.span.start + at;
                // What is plain in small letters may be a trap in capitals; quotes do no harm.
                let plain = written.trim_end() == text && (text.eq_ignore_ascii_case("no"));
                let replacement = if plain { format!("\"{upper}\"") } else { upper.clone() };
                let change = Change::Value(Value::String(upper.clone()));
                Fix { span: item.span, bytes: start..start + text.len(), text: replacement, change }
            });
            let message = format!("the region `{text}` is in lower case");
            findings.push(offer.found(Code::RegionCase, item.span, message).help(format!("write {upper}")).fix(fix));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;

    #[test]
    fn a_member_of_a_set_stands_once() {
        let found = said(
            "plans:\n  - planId: a\n    vmImages: {1.0.0: {}}\n    regions:\n      - DE\n      - FR\n      - DE\n    cloudAvailability: [PublicAzure, PublicAzure]\n",
        );
        assert_eq!(
            found,
            [
                "duplicate-member 7:9 `DE` is a duplicate in `regions`; the first one is in line 9",
                "duplicate-member 8:38 `PublicAzure` is a duplicate in `cloudAvailability`; the first one is in line \
                    12",
            ]
        );
    }

    #[test]
    fn subscriptions_are_guids() {
        let found = said(
            "offer:\n  allowedSubscriptions:\n    - 3f8a1c52-6d0e-4b97-a2f4-5c7e90b1d386\n    - Production\n    - 3F8A1C526D0E4B97A2F45C7E90B1D386\nplans:\n  - planId: a\n    vmImages: {1.0.0: {}}\n    restrictedAudience:\n      manualEntries:\n        - {type: subscriptionId, id: contoso}\n",
        );
        assert_eq!(
            found,
            [
                "not-guid 4:7 `Production` is not the GUID of a subscription or tenant",
                "not-guid 5:7 `3F8A1C526D0E4B97A2F45C7E90B1D386` is not the GUID of a subscription or tenant",
                "not-guid 11:38 `contoso` is not the GUID of a subscription or tenant",
            ]
        );
    }

    #[test]
    fn lists_have_as_many_members_as_the_portal_takes() {
        let of = |count: usize| {
            let guid = |n: usize| format!("    - 3f8a1c52-6d0e-4b97-a2f4-{n:012}\n");
            said(&format!("offer:\n  allowedSubscriptions:\n{}", (0..count).map(guid).collect::<String>()))
        };
        assert_eq!(of(100), Vec::<String>::new());
        assert_eq!(of(101), ["too-many 2:3 `allowedSubscriptions` has 101 members; the portal accepts 100"]);
    }

    #[test]
    fn regions_are_capitals() {
        let found = said("plans:\n  - planId: a\n    vmImages: {1.0.0: {}}\n    regions: [de, DE, \"fr\"]\n");
        assert_eq!(
            found,
            [
                "region-case 4:15 the region `de` is in lower case",
                "duplicate-member 4:19 `DE` is a duplicate in `regions`; the first one is in line 8",
                "region-case 4:23 the region `fr` is in lower case",
            ]
        );
    }
}
