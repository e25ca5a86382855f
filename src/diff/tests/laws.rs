//! The laws of comparing, on random offers of every type: the documents are drawn from the schemas themselves, so that
//! each annotation takes part, and from values that no schema knows.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;
use crate::document::Keyed;
use crate::schema::{Case, ListRule, Type};

const TYPES: [&str; 4] =
    [VM, "microsoft-azure-corevm", "microsoft-azure-applications", "microsoft-azure-nobody-knows-this-one"];

fn of_type(offer_type: &str) -> &'static Shape {
    Schemas::builtin().shape(offer_type)
}

fn word() -> impl Strategy<Value = String> {
    const WORDS: [&str; 7] = ["", "a", "b", "long text\nof lines", "https://h/v.vhd?sig=ABC&x=1", "NO", "1.10"];
    select(WORDS.as_slice()).prop_map(ToOwned::to_owned)
}

/// A value that no schema knows.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3i64..3).prop_map(Value::from),
        word().prop_map(Value::from)
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-c]", inner, 0..3).prop_map(|map| map.into_iter().collect::<Value>()),
        ]
    })
}

/// A value for a place of which this is known.
fn value_of(shape: &'static Shape) -> BoxedStrategy<Value> {
    let kinds = if shape.types.is_empty() { vec![None] } else { shape.types.iter().copied().map(Some).collect() };
    select(kinds)
        .prop_flat_map(move |kind| match kind {
            None => any_value().boxed(),
            Some(Type::Null) => Just(Value::Null).boxed(),
            Some(Type::Boolean) => any::<bool>().prop_map(Value::from).boxed(),
            Some(Type::Integer) => (0i64..4).prop_map(Value::from).boxed(),
            Some(Type::Number) => {
                select(vec![json!(0), json!(0.0), json!(0.1), json!(1), json!(1.0), json!(2.5)]).boxed()
            }
            Some(Type::String) => text_of(shape),
            Some(Type::Array) => array_of(shape),
            Some(Type::Object) => object_of(shape, 5),
        })
        .boxed()
}

fn text_of(shape: &'static Shape) -> BoxedStrategy<Value> {
    let rules = &shape.rules;
    let store = "https://publishingstoredm.blob.core.windows.net/prodcontent/D/";
    let texts: &[&str] = match rules {
        _ if rules.artifact => &["https://cdn/1.png", "https://cdn/2.png", "1.png?sig=ABC", "2.png?sig=ABC", ""],
        _ if !rules.ignore_query.is_empty() => &["https://h/a?sig=ABC&sv=1", "https://h/a?sig=ABC&sv=2", "https://h/b"],
        _ if rules.numeric_string => &["1", "2", "30"],
        _ if rules.case == Case::Insensitive => &["ab", "AB", "cd"],
        _ => return word().prop_map(Value::from).boxed(),
    };
    let full = move |text: &str| if text.contains(".png?") { format!("{store}{text}") } else { text.to_owned() };
    select(texts).prop_map(move |text| Value::from(full(text))).boxed()
}

fn array_of(shape: &'static Shape) -> BoxedStrategy<Value> {
    match &shape.rules.list {
        ListRule::Ordered => prop::collection::vec(value_of(shape.item()), 0..3).prop_map(Value::from).boxed(),
        // Members of a set differ from each other under every rule.
        ListRule::Set => subsequence(vec!["de", "no", "se"], 0..=3).prop_shuffle().prop_map(|m| json!(m)).boxed(),
        ListRule::Keyed(key) => {
            let members = prop::collection::btree_map("[p-s]", object_of(shape.item(), 4), 0..3);
            let named = members.prop_map(move |members| {
                let members = members.into_iter().map(|(id, mut member)| {
                    member[key.as_str()] = json!(id);
                    member
                });
                members.collect::<Vec<_>>()
            });
            named.prop_shuffle().prop_map(Value::from).boxed()
        }
    }
}

/// An object with some of the known properties, or with entries of the user's own.
fn object_of(shape: &'static Shape, most: usize) -> BoxedStrategy<Value> {
    let mut keys: Vec<&str> = shape.properties().filter(|(_, shape)| !shape.rules.secret).map(|(key, _)| key).collect();
    keys.extend(if shape.rules.exact_entries { ["1.0.0", "1.1.0", "2.0.0"].as_slice() } else { &["unknown"] });
    let most = most.min(keys.len());
    subsequence(keys, 0..=most)
        .prop_flat_map(move |keys| {
            let values = keys.iter().map(|key| value_of(shape.property(key))).collect::<Vec<_>>();
            values.prop_map(move |values| {
                keys.iter().map(|key| (*key).to_owned()).zip(values).collect::<serde_json::Map<_, _>>().into()
            })
        })
        .boxed()
}

/// A whole document of a type, as a file declares it or as the portal returns it.
fn offer_of(offer_type: &'static str) -> impl Strategy<Value = Value> {
    let shape = of_type(offer_type);
    let definition = shape.property("definition");
    let listing = object_of(definition.property("offer"), 8);
    let plans = array_of(definition.property("plans"));
    (object_of(shape, 3), listing, plans).prop_map(move |(envelope, listing, plans)| {
        let mut offer = envelope;
        for (key, value) in [("publisherId", "contoso"), ("id", "a"), ("offerTypeId", offer_type)] {
            offer[key] = json!(value);
        }
        offer["definition"] = json!({"offer": listing, "plans": plans});
        offer
    })
}

fn one_offer() -> impl Strategy<Value = (&'static Shape, Value)> {
    select(TYPES.as_slice()).prop_flat_map(|t| offer_of(t).prop_map(|offer| (of_type(t), offer)))
}

fn two_offers() -> impl Strategy<Value = (&'static Shape, Value, Value)> {
    select(TYPES.as_slice()).prop_flat_map(|t| (offer_of(t), offer_of(t)).prop_map(|(a, b)| (of_type(t), a, b)))
}

fn between(declared: &Value, live: &Value, shape: &Shape) -> Diff {
    compare(&Node::from_value(declared), live, shape, Compare::default())
}

/// The document with the members of sets and keyed lists, and the keys of objects, in another order.
fn shuffled(value: &Value, shape: &Shape, random: &mut fastrand::Rng) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> =
                map.iter().map(|(key, value)| (key.clone(), shuffled(value, shape.property(key), random))).collect();
            random.shuffle(&mut entries);
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(items) => {
            let mut items: Vec<_> = items.iter().map(|item| shuffled(item, shape.item(), random)).collect();
            let ordered = match &shape.rules.list {
                ListRule::Ordered => true,
                ListRule::Set => false,
                ListRule::Keyed(_) => Keyed::of(&items, shape).is_none(),
            };
            if !ordered {
                random.shuffle(&mut items);
            }
            Value::Array(items)
        }
        scalar => scalar.clone(),
    }
}

/// A value with everything in it in one order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(items) => {
            let mut items: Vec<_> = items.iter().map(sorted).collect();
            items.sort_by_cached_key(Value::to_string);
            Value::Array(items)
        }
        scalar => scalar.clone(),
    }
}

/// What a diff says, whatever the order in which it says it.
fn said(diff: &Diff) -> Vec<String> {
    let told = |change: &Change| {
        let kind = serde_json::to_value(&change.kind).expect("JSON");
        format!("{} {}", change.address, sorted(&kind))
    };
    let mut said = diff.changes.iter().map(told).collect::<Vec<_>>();
    said.sort();
    said
}

/// Whether the file declares this place of the live document, or says that what is there goes: by declaring the whole
/// of the list or dictionary that it is in, or what cannot stand beside it.
fn declares(declared: &Value, live: &Value, pointer: &[String], shape: &Shape) -> bool {
    let [token, rest @ ..] = pointer else { return true };
    match declared {
        Value::Object(map) => {
            let own = map.keys().find(|key| *key == token || shape.returned_as(key).any(|name| name == token));
            let excluded =
                || shape.rules.exclusive.contains(token) && map.keys().any(|k| shape.rules.exclusive.contains(k));
            match own {
                Some(key) => declares(&map[key], live.get(token).unwrap_or(&Value::Null), rest, shape.property(key)),
                None => shape.rules.exact_entries || excluded(),
            }
        }
        Value::Array(items) => {
            let (ListRule::Keyed(key), Some(member)) =
                (&shape.rules.list, token.parse().ok().and_then(|at: usize| live.get(at)))
            else {
                return true;
            };
            let partner = items.iter().find(|item| item.get(key) == member.get(key));
            partner.is_none_or(|item| declares(item, member, rest, shape.item()))
        }
        _ => true,
    }
}

fn tokens(pointer: &crate::model::Pointer) -> Vec<String> {
    pointer.tokens().map(|token| token.decoded().into_owned()).collect()
}

/// The live document without what the file declares, or what it declares away: what must survive.
fn not_declared(declared: &Value, live: &Value, shape: &Shape) -> Value {
    match (declared, live) {
        (Value::Object(own), Value::Object(map)) if !shape.rules.exact_entries => {
            let rest = map.iter().filter_map(|(key, value)| {
                let declared = own.keys().find(|k| *k == key || shape.returned_as(k).any(|name| name == key));
                let displaced = shape.rules.exclusive.contains(key);
                match declared {
                    Some(declared) => own
                        .get(declared)
                        .map(|inner| (key.clone(), not_declared(inner, value, shape.property(declared))))
                        .filter(|(_, rest)| rest.is_object()),
                    None => (!displaced).then(|| (key.clone(), value.clone())),
                }
            });
            Value::Object(rest.collect())
        }
        _ => Value::Null,
    }
}

/// Whether everything of `part` is in `whole`, equal to the letter.
fn holds(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(key, value)| whole.get(key).is_some_and(|inner| holds(inner, value)))
        }
        (whole, part) => whole == part,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn nothing_differs_from_itself((shape, offer) in one_offer()) {
        let diff = between(&offer, &offer, shape);
        prop_assert_eq!(addresses(&diff), Vec::<String>::new());
        prop_assert!(diff.patch.is_empty());
        let formal = diff.hidden.iter().filter(|hidden| hidden.rule != Rule::ReadOnly).collect::<Vec<_>>();
        prop_assert_eq!(formal, Vec::<&Hidden>::new());
    }

    #[test]
    fn applying_a_diff_gives_the_desired((shape, live, declared) in two_offers()) {
        let diff = between(&declared, &live, shape);
        let after = applied(&diff, &declared, &live);
        prop_assert_eq!(addresses(&between(&declared, &after, shape)), Vec::<String>::new());
    }

    #[test]
    fn what_is_not_declared_survives((shape, live, declared) in two_offers()) {
        let diff = between(&declared, &live, shape);
        let after = applied(&diff, &declared, &live);
        let kept = not_declared(&declared, &live, shape);
        prop_assert!(holds(&after, &kept), "{} is not whole in {}", kept, after);
    }

    #[test]
    fn a_diff_is_deterministic_and_empty_patches_mean_no_changes((shape, live, declared) in two_offers()) {
        let (one, two) = (between(&declared, &live, shape), between(&declared, &live, shape));
        prop_assert_eq!(&one, &two);
        prop_assert_eq!(one.changes.is_empty(), one.patch.is_empty());
    }

    #[test]
    fn order_that_means_nothing_changes_nothing((shape, live, declared) in two_offers(), seed in any::<u64>()) {
        let mut random = fastrand::Rng::with_seed(seed);
        let (other_live, other_declared) = (shuffled(&live, shape, &mut random), shuffled(&declared, shape, &mut random));
        prop_assert_eq!(addresses(&between(&other_live, &live, shape)), Vec::<String>::new());
        let (one, two) = (between(&declared, &live, shape), between(&other_declared, &other_live, shape));
        prop_assert_eq!(said(&one), said(&two));
    }

    #[test]
    fn nothing_is_touched_that_the_file_does_not_speak_of((shape, live, declared) in two_offers()) {
        let diff = between(&declared, &live, shape);
        for change in &diff.changes {
            let at = tokens(&change.pointer);
            prop_assert!(declares(&declared, &live, &at, shape), "{} is not declared", change.address);
        }
    }

    #[test]
    fn no_signature_reaches_a_diff((shape, live, declared) in two_offers()) {
        let diff = between(&declared, &live, shape);
        let text = format!("{:?} {}", diff.changes, serde_json::to_string(&diff.patch).expect("json"));
        prop_assert!(!text.contains("sig=ABC"), "{}", text);
    }
}
