//! `[[rules]]` of `offerctl.toml`: the project's own rules for every plan, as expressions in CEL.

use cel::common::ast::{ComprehensionExpr, EntryExpr, Expr, IdedExpr};
use serde::Deserialize;
use serde::de::Error as _;

use super::Level;

/// A rule for the plan of one offer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyRule {
    /// Part of the token `rule:NAME`.
    #[serde(deserialize_with = "name")]
    pub(crate) name: String,
    /// What must hold, in the Common Expression Language.
    #[serde(deserialize_with = "expression")]
    pub(crate) expression: String,
    /// The message where it does not hold.
    #[serde(deserialize_with = "message")]
    pub(crate) message: String,
    /// Whether an offer for which it does not hold is stopped.
    #[serde(default)]
    pub(crate) level: Level,
}

/// The longest expression, in bytes.
const MAX_EXPRESSION: usize = 4096;
/// The parser recurses into every bracket.
const MAX_DEPTH: usize = 32;
/// How deep comprehensions may nest.
const MAX_NESTING: usize = 2;

fn name<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    let good = !name.is_empty() && name.len() <= 60 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let wrong = || {
        D::Error::custom(
            "a rule name must have 1 to 60 letters, digits or `-`, because it is part of a \
        token",
        )
    };
    good.then_some(name).ok_or_else(wrong)
}

fn message<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let message = String::deserialize(deserializer)?;
    let message = message.trim().to_owned();
    if message.is_empty() {
        Err(D::Error::custom("a rule needs a message that says why it stops an offer"))
    } else {
        Ok(message)
    }
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
    let program = cel::Program::compile(text).map_err(|errors| match errors.errors.first() {
        None => "the expression cannot be read".to_owned(),
        Some(first) => {
            let (line, column) = first.pos;
            let reason = first.msg.lines().next().unwrap_or_default();
            format!("the expression cannot be read: at its line {line}, column {column}: {reason}")
        }
    })?;
    let nesting = nesting(&program.expression().expr);
    if nesting > MAX_NESTING {
        return Err(format!(
            "`all`, `exists`, `exists_one`, `map` and `filter` nest at most {MAX_NESTING} deep, and here they nest \
             {nesting} deep"
        ));
    }
    Ok(())
}

/// Returns how deep comprehensions nest. One that ranges over the result of another is beside it, not within it.
fn nesting(expression: &Expr) -> usize {
    let deepest = |parts: Vec<&IdedExpr>| parts.into_iter().map(|part| nesting(&part.expr)).max().unwrap_or(0);
    match expression {
        Expr::Comprehension(inner) => nesting(&inner.iter_range.expr).max(1 + deepest(body(inner))),
        other => deepest(operands(other)),
    }
}

/// Returns the parts of a comprehension that are evaluated for each member of its range.
pub(crate) fn body(comprehension: &ComprehensionExpr) -> Vec<&IdedExpr> {
    vec![&comprehension.loop_cond, &comprehension.loop_step]
}

/// Returns the direct parts of an expression that is not a comprehension.
pub(crate) fn operands(expression: &Expr) -> Vec<&IdedExpr> {
    fn entry(entry: &EntryExpr) -> Vec<&IdedExpr> {
        match entry {
            EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
            EntryExpr::StructField(field) => vec![&field.value],
        }
    }
    match expression {
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).collect(),
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::Map(map) => map.entries.iter().flat_map(|part| entry(&part.expr)).collect(),
        Expr::Struct(fields) => fields.entries.iter().flat_map(|part| entry(&part.expr)).collect(),
        Expr::Comprehension(_) | Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => Vec::new(),
    }
}

/// Reads the rules, whose names are unique.
pub(super) fn rules<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<PolicyRule>, D::Error> {
    let rules = Vec::<PolicyRule>::deserialize(deserializer)?;
    for (index, rule) in rules.iter().enumerate() {
        if rules[..index].iter().any(|other| other.name == rule.name) {
            return Err(D::Error::custom(format!("duplicate rule `{}`", rule.name)));
        }
    }
    Ok(rules)
}
