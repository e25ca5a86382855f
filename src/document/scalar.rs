//! When two values are one value: the rules for texts, numbers and emptiness.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};
use url::Url;

use super::store_copy;
use crate::model::{normal_form, same_number};
use crate::schema::{Case, Rules};
use crate::steps;

/// Why two values that differ in form are one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Rule {
    /// null, a missing key, `""`, `[]` and `{}` are one.
    Empty,
    /// The declared value is the one that the portal fills in.
    Default,
    /// The order of a set or a keyed list.
    Order,
    /// `0` and `0.0`, `"30"` and `30`.
    Number,
    /// Letter case of a GUID or a region.
    Case,
    /// The signature, lifetime or rights in a URL's query.
    Signature,
    /// Line ends and white space at the end.
    Whitespace,
    /// The portal refuses this field in a write.
    ReadOnly,
    /// The same file at another address.
    Content,
}

impl Rule {
    /// What the rule hides, for people.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Empty => "empty in another form",
            Self::Default => "the portal's default",
            Self::Order => "another order",
            Self::Number => "the same number in another form",
            Self::Case => "another letter case",
            Self::Signature => "the same URL with another signature",
            Self::Whitespace => "other line ends or trailing white space",
            Self::ReadOnly => "not accepted in a write, so not sent",
            Self::Content => "the same file at the portal's own address",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Equality {
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

/// Compares two scalars under the rules of their place.
pub(crate) fn compare_scalars(declared: &Value, live: &Value, rules: &Rules) -> Equality {
    steps::count(1);
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

fn texts(declared: &str, live: &str, rules: &Rules) -> Equality {
    if rules.case == Case::Insensitive && rules.case.same(declared, live) {
        return Equality::By(Rule::Case);
    }
    if trimmed(declared) == trimmed(live) {
        return Equality::By(Rule::Whitespace);
    }
    if (rules.artifact || rules.maybe_artifact)
        && let Some(copy) = store_copy(live)
    {
        return match store_copy(declared) {
            Some(name) if name == copy => Equality::By(Rule::Signature),
            Some(_) => Equality::Different,
            None if declared.is_empty() => Equality::Different,
            // Where nothing says that the field is an address, what is none was never copied.
            None if !rules.artifact && Url::parse(declared).is_err() => Equality::Different,
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

/// The text without white space at the end, and with one kind of line end.
fn trimmed(text: &str) -> Cow<'_, str> {
    let text = text.trim_end();
    if text.contains("\r\n") { Cow::Owned(text.replace("\r\n", "\n")) } else { Cow::Borrowed(text) }
}

/// A text in which values are equal that [`compare_scalars`] finds equal, and few others: members of long lists are
/// paired by it. A missing value and an empty one are one; what is inside a list or an object does not count.
pub(crate) fn fold(value: Option<&Value>, rules: &Rules) -> String {
    match value {
        Some(Value::Bool(truth)) => truth.to_string(),
        Some(Value::Number(number)) => normal_form(&number.to_string()),
        Some(Value::String(text)) => fold_text(text, rules),
        Some(Value::Array(items)) if !items.is_empty() => "[".to_owned(),
        Some(Value::Object(map)) if !map.is_empty() => "{".to_owned(),
        Some(Value::Array(_) | Value::Object(_) | Value::Null) | None => String::new(),
    }
}

fn fold_text(text: &str, rules: &Rules) -> String {
    if rules.numeric_string && text.parse::<Number>().is_ok() {
        return normal_form(text);
    }
    if let Some(name) = store_copy(text).filter(|_| rules.artifact || rules.maybe_artifact) {
        return name;
    }
    if !rules.ignore_query.is_empty()
        && let Ok(mut url) = Url::parse(text)
    {
        url.set_query(None);
        return url.into();
    }
    rules.case.folded(&trimmed(text))
}

fn same_url(a: &str, b: &str, ignored: &[String]) -> Option<bool> {
    let reduce = |text: &str| {
        let url = Url::parse(text).ok()?;
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
    fn equality_by_rule_and_the_neighbouring_difference() {
        let plain = Rules::default();
        let guid = Rules { case: Case::Insensitive, ..Rules::default() };
        let numeric = Rules { numeric_string: true, ..Rules::default() };
        let sas = Rules { ignore_query: vec!["sig".into(), "se".into()], ..Rules::default() };
        let logo = Rules { artifact: true, ..Rules::default() };
        let copy = "https://publishingstoredm.blob.core.windows.net/prodcontent/D/1.png?sig=x";
        let check = |declared: Value, live: Value, rules: &Rules, expected: Equality| {
            assert_eq!(compare_scalars(&declared, &live, rules), expected, "{declared} and {live}");
            if matches!(expected, Equality::Same | Equality::By(_)) {
                assert_eq!(fold(Some(&declared), rules), fold(Some(&live), rules), "{declared} and {live}");
            }
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
