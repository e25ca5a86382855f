//! When two values are one value: the rules for texts, numbers and emptiness.

use serde_json::{Number, Value};

use super::Rule;
use crate::live;
use crate::schema::{Case, Rules};

/// The outcome of comparing two scalars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Equality {
    Same,
    By(Rule),
    /// The portal answers with its own copy of the declared artifact.
    Unknown,
    Different,
}

/// null, `""`, `[]` and `{}`: the portal returns any of them for a field that is not set.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

pub(super) fn scalars(declared: &Value, live: &Value, rules: &Rules) -> Equality {
    if declared == live {
        return Equality::Same;
    }
    if is_empty(declared) && is_empty(live) {
        return Equality::By(Rule::Empty);
    }
    match (declared, live) {
        (Value::Number(a), Value::Number(b)) if same_number(a, b) => Equality::By(Rule::Number),
        (Value::String(text), Value::Number(number)) | (Value::Number(number), Value::String(text))
            if rules.numeric_string && text.parse::<Number>().is_ok_and(|parsed| same_number(&parsed, number)) =>
        {
            Equality::By(Rule::Number)
        }
        (Value::String(declared), Value::String(live)) => texts(declared, live, rules),
        _ => Equality::Different,
    }
}

/// Numbers are equal when their decimal digits are: a detour through doubles would make neighbours beyond 2^53 one.
fn same_number(a: &Number, b: &Number) -> bool {
    Decimal::of(&a.to_string()) == Decimal::of(&b.to_string())
}

/// A number as JSON writes it: `0.10`, `1e-1` and `0.1` are one. Zero has no digits and no sign.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    negative: bool,
    /// Without zeros at either end.
    digits: String,
    /// The power of ten of the last digit.
    exponent: i64,
}

impl Decimal {
    fn of(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let unsigned = mantissa.trim_start_matches('-');
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits = format!("{whole}{fraction}");
        let short = digits.trim_end_matches('0');
        let dropped = i64::try_from(digits.len() - short.len()).unwrap_or(i64::MAX);
        let fraction = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
        // JSON numbers beyond doubles are refused when they are read, so an exponent has three digits at most.
        let exponent = exponent.parse::<i64>().unwrap_or(0);
        match short.trim_start_matches('0') {
            "" => Self { negative: false, digits: String::new(), exponent: 0 },
            digits => Self {
                negative: mantissa.starts_with('-'),
                digits: digits.to_owned(),
                exponent: exponent - fraction + dropped,
            },
        }
    }
}

fn texts(declared: &str, live: &str, rules: &Rules) -> Equality {
    if rules.case == Case::Insensitive && rules.case.same(declared, live) {
        return Equality::By(Rule::Case);
    }
    if trimmed(declared) == trimmed(live) {
        return Equality::By(Rule::Whitespace);
    }
    if (rules.artifact || rules.maybe_artifact)
        && let Some(copy) = live::store_copy(live)
    {
        return match live::store_copy(declared) {
            Some(name) if name == copy => Equality::By(Rule::Signature),
            Some(_) => Equality::Different,
            None if declared.is_empty() => Equality::Different,
            // Where nothing says that the field is an address, what is none was never copied.
            None if !rules.artifact && url::Url::parse(declared).is_err() => Equality::Different,
            None => Equality::Unknown,
        };
    }
    let signed = |text: &str| text.contains("sig=");
    // Where nothing says that the field is a signed address, only a signature tells: `st` can be a state.
    let applies = !rules.maybe_artifact || (signed(declared) && signed(live));
    if applies && !rules.ignore_query.is_empty() && same_url(declared, live, &rules.ignore_query) == Some(true) {
        return Equality::By(Rule::Signature);
    }
    Equality::Different
}

fn trimmed(text: &str) -> String {
    text.replace("\r\n", "\n").trim_end().to_owned()
}

fn same_url(a: &str, b: &str, ignored: &[String]) -> Option<bool> {
    let reduce = |text: &str| {
        let url = url::Url::parse(text).ok()?;
        let mut query = url
            .query_pairs()
            .filter(|(name, _)| !ignored.iter().any(|ignored| ignored.eq_ignore_ascii_case(name)))
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect::<Vec<_>>();
        query.sort();
        let mut bare = url;
        bare.set_query(None);
        Some((bare, query))
    };
    Some(reduce(a)? == reduce(b)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn decimals_are_what_their_digits_say() {
        for one in [
            &["0.1", "0.10", "1e-1", "1.0E-1", "10e-2"][..],
            &["0", "0.0", "-0", "0e5"],
            &["-1200", "-1.2e3", "-1200.00"],
            &["1200", "1.2e+3"],
            &["9007199254740993"],
            &["9007199254740992", "9007199254740992.0"],
            &["0.10000000149011612"],
        ] {
            for other in ["0.1", "0", "-1200", "1200", "9007199254740993", "9007199254740992", "0.10000000149011612"] {
                assert_eq!(Decimal::of(one[0]) == Decimal::of(other), one[0] == other, "{} and {other}", one[0]);
            }
            assert!(one.iter().all(|text| Decimal::of(text) == Decimal::of(one[0])), "{one:?}");
        }
    }

    #[test]
    fn equality_by_rule_and_the_neighbouring_difference() {
        let plain = Rules::default();
        let guid = Rules { case: Case::Insensitive, ..Rules::default() };
        let numeric = Rules { numeric_string: true, ..Rules::default() };
        let sas = Rules { ignore_query: vec!["sig".into(), "se".into()], ..Rules::default() };
        let logo = Rules { artifact: true, ..Rules::default() };
        let copy = "https://publishingstoredm.blob.core.windows.net/prodcontent/D/1.png?sig=x";
        let check = |declared: Value, live: Value, rules: &Rules, expected: Equality| {
            assert_eq!(scalars(&declared, &live, rules), expected, "{declared} and {live}");
        };
        check(json!("a"), json!("a"), &plain, Equality::Same);
        check(json!(""), Value::Null, &plain, Equality::By(Rule::Empty));
        check(json!(false), Value::Null, &plain, Equality::Different);
        check(json!(0), json!(0.0), &plain, Equality::By(Rule::Number));
        check(json!(0.1), json!(0.10), &plain, Equality::Same);
        check(json!(0.1), json!(0.11), &plain, Equality::Different);
        check(json!(1), json!(1.0), &plain, Equality::By(Rule::Number));
        check(json!(-0.0), json!(0), &plain, Equality::By(Rule::Number));
        check(json!(0.3), json!(0.1 + 0.2), &plain, Equality::Different);
        check(json!(9_007_199_254_740_993_u64), json!(9_007_199_254_740_992.0), &plain, Equality::Different);
        check(json!("0.10"), json!(0.1), &numeric, Equality::By(Rule::Number));
        check(json!("30"), json!(30), &numeric, Equality::By(Rule::Number));
        check(json!("30"), json!(30), &plain, Equality::Different);
        check(json!("AB-c"), json!("ab-C"), &guid, Equality::By(Rule::Case));
        check(json!("AB-c"), json!("ab-C"), &plain, Equality::Different);
        check(json!("a\nb\n"), json!("a\r\nb"), &plain, Equality::By(Rule::Whitespace));
        check(json!("https://h/a?sig=1&x=2"), json!("https://h/a?x=2&sig=9&se=z"), &sas, Equality::By(Rule::Signature));
        check(json!("https://h/a?sig=1&x=2"), json!("https://h/a?sig=1&x=3"), &sas, Equality::Different);
        check(json!("https://h/a?sig=1"), json!("https://h/b?sig=1"), &sas, Equality::Different);
        check(json!("https://cdn.example/1.png"), json!(copy), &logo, Equality::Unknown);
        check(json!("https://cdn.example/1.png"), json!("https://cdn.example/2.png"), &logo, Equality::Different);
        check(json!("https://cdn.example/1.png"), Value::Null, &logo, Equality::Different);
        check(json!(""), json!(copy), &logo, Equality::Different);
        let maybe = Rules { maybe_artifact: true, ignore_query: vec!["sig".into(), "st".into()], ..Rules::default() };
        check(json!("https://cdn.example/1.png"), json!(copy), &maybe, Equality::Unknown);
        check(json!("a word"), json!(copy), &maybe, Equality::Different);
        check(json!("https://cdn.example/1.png"), json!("https://cdn.example/2.png"), &maybe, Equality::Different);
        check(json!("https://h/a?sig=1&st=2"), json!("https://h/a?st=3&sig=4"), &maybe, Equality::By(Rule::Signature));
        check(json!("https://h/a?st=CA"), json!("https://h/a?st=WA"), &maybe, Equality::Different);
    }
}
