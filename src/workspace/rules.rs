//! `[[rules]]` of `offerctl.toml`: what the users themselves ask of every plan, as expressions in CEL.

use serde::Deserialize;
use serde::de::Error as _;

use super::Level;

/// A rule over the plan of one offer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// Its name, which is in the token `rule:NAME`.
    #[serde(deserialize_with = "name")]
    pub(crate) name: String,
    /// What must hold, in the Common Expression Language.
    #[serde(deserialize_with = "expression")]
    pub(crate) expression: String,
    /// What to say where it does not.
    #[serde(deserialize_with = "message")]
    pub(crate) message: String,
    /// What becomes of an offer for which it does not hold.
    #[serde(default)]
    pub(crate) level: Level,
}

/// A longer expression is no rule that anybody reads.
const MAX_EXPRESSION: usize = 4096;
/// The parser goes into each bracket with a call of its own.
const MAX_DEPTH: usize = 32;

fn name<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    let good = !name.is_empty() && name.len() <= 60 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let wrong = || D::Error::custom("the name of a rule has 1 to 60 letters, digits and `-`: it is part of a token");
    good.then_some(name).ok_or_else(wrong)
}

fn message<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let message = String::deserialize(deserializer)?;
    let message = message.trim().to_owned();
    if message.is_empty() { Err(D::Error::custom("a rule says why it stops an offer")) } else { Ok(message) }
}

fn expression<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    check(&text).map_err(D::Error::custom)?;
    Ok(text)
}

/// Why an expression cannot be used, with the place within it.
fn check(text: &str) -> Result<(), String> {
    if text.len() > MAX_EXPRESSION {
        return Err(format!("the expression is longer than {MAX_EXPRESSION} bytes"));
    }
    let deepest = text.chars().scan(0_usize, |depth, c| {
        match c {
            '(' | '[' | '{' => *depth += 1,
            ')' | ']' | '}' => *depth = depth.saturating_sub(1),
            _ => {}
        }
        Some(*depth)
    });
    if deepest.max().unwrap_or(0) > MAX_DEPTH {
        return Err(format!("the expression has more than {MAX_DEPTH} brackets within each other"));
    }
    let Err(errors) = cel::Program::compile(text) else { return Ok(()) };
    let Some(first) = errors.errors.first() else { return Err("the expression cannot be read".to_owned()) };
    let (line, column) = first.pos;
    let said = first.msg.lines().next().unwrap_or_default();
    Err(format!("the expression cannot be read: at its line {line}, column {column}: {said}"))
}

/// Reads the rules, of which no two have one name.
pub(super) fn rules<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Rule>, D::Error> {
    let rules = Vec::<Rule>::deserialize(deserializer)?;
    for (index, rule) in rules.iter().enumerate() {
        if rules[..index].iter().any(|other| other.name == rule.name) {
            return Err(D::Error::custom(format!("there are two rules `{}`", rule.name)));
        }
    }
    Ok(rules)
}
