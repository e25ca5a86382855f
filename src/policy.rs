//! The project's own rules: expressions in the Common Expression Language about what a plan does to one offer.
//!
//! An expression sees the offer's part of the JSON plan (`docs/json.md`) and nothing else: no secret, no file, no clock.
//! What rules cost is computed before any of them runs, so the same plan has the same findings on every machine.

use std::collections::HashMap;
use std::sync::Arc;

use cel::common::ast::{Expr, IdedExpr, operators};
use cel::{Context, Program};
use serde_json::Value;

use crate::workspace::{Level, PolicyRule, body, operands};

/// The most that all rules may cost for all offers of a plan: how often the bodies of comprehensions are evaluated.
pub(crate) const MAX_COST: u64 = 5_000_000;

/// Expressions are evaluated recursively.
const STACK: usize = 16 * 1024 * 1024;

/// Rules that cost more than [`MAX_COST`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the rule `{rule}` of offerctl.toml is too expensive: {cost} evaluations for the offers of this plan, {total} \
        with the other rules; the limit is {MAX_COST}"
)]
pub(crate) struct TooCostly {
    /// The rule that costs most.
    pub(crate) rule: String,
    pub(crate) cost: u64,
    pub(crate) total: u64,
}

/// A rule that one offer does not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failed<'r> {
    pub(crate) rule: &'r PolicyRule,
    /// Why the rule cannot be evaluated; `None` where it is false.
    pub(crate) reason: Option<String>,
}

/// Evaluates every rule for every offer, in the order of the offers. `offers` are their parts of the JSON plan.
pub(crate) fn judge<'r>(rules: &'r [PolicyRule], offers: &[Value]) -> Result<Vec<Vec<Failed<'r>>>, TooCostly> {
    let rules = rules.iter().filter(|rule| rule.level != Level::Off).collect::<Vec<_>>();
    let judged = std::thread::scope(|scope| {
        let work = || evaluate(&rules, offers);
        // Without a thread of its own, the stack at hand has to do.
        let thread = std::thread::Builder::new().name("rules".to_owned()).stack_size(STACK);
        thread.spawn_scoped(scope, work).map_or_else(|_| Ok(work()), std::thread::ScopedJoinHandle::join)
    });
    judged.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn evaluate<'r>(rules: &[&'r PolicyRule], offers: &[Value]) -> Result<Vec<Vec<Failed<'r>>>, TooCostly> {
    let compile = |rule: &&'r PolicyRule| (*rule, Program::compile(&rule.expression));
    let programs = rules.iter().map(compile).collect::<Vec<_>>();
    let views = offers.iter().map(View::of).collect::<Vec<_>>();
    let cost = |program: &Program| views.iter().fold(0, |sum: u64, view| sum.saturating_add(view.cost(program)));
    let costs = programs.iter().filter_map(|(rule, program)| Some((cost(program.as_ref().ok()?), *rule)));
    let costs = costs.collect::<Vec<_>>();
    let total = costs.iter().fold(0, |sum: u64, (cost, _)| sum.saturating_add(*cost));
    if let Some((cost, rule)) = costs.into_iter().max_by_key(|(cost, _)| *cost).filter(|_| total > MAX_COST) {
        return Err(TooCostly { rule: rule.name.clone(), cost, total });
    }
    let judged = offers.iter().map(|offer| {
        let mut context = Context::default();
        context.add_variable_from_value("offer", convert(offer));
        context.add_variable_from_value("changes", convert(&offer["changes"]));
        let failed = programs.iter().filter_map(|(rule, program)| {
            let holds = program.as_ref().map_err(|error| first_line(&error.to_string()));
            match holds.and_then(|program| holds_in(program, &context)) {
                Ok(true) => None,
                Ok(false) => Some(Failed { rule, reason: None }),
                Err(reason) => Some(Failed { rule, reason: Some(reason) }),
            }
        });
        failed.collect()
    });
    Ok(judged.collect())
}

fn holds_in(program: &Program, context: &Context<'_, '_>) -> Result<bool, String> {
    match program.execute(context) {
        Ok(cel::Value::Bool(holds)) => Ok(holds),
        Ok(_) => Err("it is neither true nor false".to_owned()),
        Err(error) => Err(first_line(&error.to_string())),
    }
}

/// What a rule sees of one offer, with the size of the largest list in it.
struct View<'a> {
    offer: &'a Value,
    largest: u64,
}

impl<'a> View<'a> {
    fn of(offer: &'a Value) -> Self {
        fn largest(value: &Value) -> u64 {
            let inner = match value {
                Value::Array(items) => items.iter().map(largest).max(),
                Value::Object(map) => map.values().map(largest).max(),
                _ => None,
            };
            inner.unwrap_or(0).max(size(value))
        }
        Self { offer, largest: largest(offer) }
    }

    /// Returns how often the bodies of comprehensions are evaluated at most.
    fn cost(&self, program: &Program) -> u64 {
        self.cost_of(&program.expression().expr, &mut Vec::new())
    }

    fn cost_of<'p>(&self, expression: &'p Expr, variables: &mut Vec<&'p str>) -> u64 {
        let sum = |parts: Vec<&'p IdedExpr>, variables: &mut Vec<&'p str>| {
            parts.into_iter().fold(0, |sum: u64, part| sum.saturating_add(self.cost_of(&part.expr, variables)))
        };
        let Expr::Comprehension(inner) = expression else { return sum(operands(expression), variables) };
        let range = self.cost_of(&inner.iter_range.expr, variables);
        let members = self.members(&inner.iter_range.expr, variables);
        variables.extend([inner.iter_var.as_str(), inner.accu_var.as_str()]);
        let each = sum(body(inner), variables).saturating_add(1);
        variables.truncate(variables.len() - 2);
        range.saturating_add(members.saturating_mul(each))
    }

    /// Returns how many members a range has: exactly for a path into the offer and for what is made of such paths, and
    /// as many as the largest list of the offer for everything else.
    fn members(&self, range: &Expr, variables: &[&str]) -> u64 {
        if let Some(value) = self.at(range, variables) {
            return size(value);
        }
        match range {
            Expr::List(list) => count(list.elements.len()),
            Expr::Comprehension(inner) => self.members(&inner.iter_range.expr, variables),
            Expr::Call(call) if call.func_name == operators::ADD => {
                let parts = call.args.iter().map(|part| self.members(&part.expr, variables));
                parts.fold(0, u64::saturating_add)
            }
            _ => self.largest,
        }
    }

    /// Returns the value at a path such as `changes` or `offer.findings`; null where there is none.
    fn at(&self, path: &Expr, variables: &[&str]) -> Option<&'a Value> {
        match path {
            Expr::Ident(name) if variables.contains(&name.as_str()) => None,
            Expr::Ident(name) if name == "offer" => Some(self.offer),
            Expr::Ident(name) if name == "changes" => Some(&self.offer["changes"]),
            Expr::Select(select) if !select.test => {
                self.at(&select.operand.expr, variables).map(|parent| &parent[select.field.as_str()])
            }
            _ => None,
        }
    }
}

/// Returns the number of members of a list or a map.
fn size(value: &Value) -> u64 {
    match value {
        Value::Array(items) => count(items.len()),
        Value::Object(map) => count(map.len()),
        _ => 0,
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Whole numbers become integers of one kind, so that they compare with those in the expression.
fn convert(value: &Value) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(truth) => cel::Value::Bool(*truth),
        Value::Number(number) => {
            number.as_i64().map_or_else(|| cel::Value::Float(number.as_f64().unwrap_or(f64::NAN)), cel::Value::Int)
        }
        Value::String(text) => cel::Value::String(Arc::new(text.clone())),
        Value::Array(items) => cel::Value::List(Arc::new(items.iter().map(convert).collect())),
        Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| (key.clone(), convert(value)));
            cel::Value::Map(entries.collect::<HashMap<String, cel::Value>>().into())
        }
    }
}

/// Errors quote values, which can be long.
fn first_line(text: &str) -> String {
    const LONGEST: usize = 200;
    text.lines().next().unwrap_or_default().chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule(expression: &str) -> PolicyRule {
        let (name, message) = ("mine".to_owned(), "not like this".to_owned());
        PolicyRule { name, expression: expression.to_owned(), message, level: Level::Stop }
    }

    fn offer() -> Value {
        json!({"offer": "contoso/a", "through": "live", "changes": [
            {"address": "plans[basic]/price", "risk": "price", "op": "replace", "before": 0.1, "after": 2, "line": 3},
            {"address": "title", "risk": "text", "op": "replace", "before": "a", "after": "b", "line": 4}]})
    }

    /// For each rule that the offer fails, whether it is false rather than broken.
    fn failed(expression: &str) -> Vec<bool> {
        let rules = [rule(expression)];
        let judged = judge(&rules, &[offer()]).expect("cheap rules").remove(0);
        judged.into_iter().map(|failed| failed.reason.is_none()).collect()
    }

    #[test]
    fn a_rule_fails_where_its_expression_is_false() {
        for holds in [
            "true",
            "size(changes) == 2 && offer.changes == changes",
            "changes.exists(c, c.risk == 'price' && c.after > c.before)",
            "changes.all(c, c.line < 5)",
            "offer.offer.startsWith('contoso/')",
            "!has(offer.nothing)",
        ] {
            assert_eq!(failed(holds), Vec::<bool>::new(), "{holds}");
        }
        for does_not in ["false", "changes.all(c, c.risk != 'price')", "offer.through != 'live'"] {
            assert_eq!(failed(does_not), [true], "{does_not}");
        }
        for broken in ["offer.nothing == 1", "1 / 0 == 1", "changes[7].risk == 'x'", "nobody == 1", "none(1)", "1", "("]
        {
            assert_eq!(failed(broken), [false], "{broken}");
        }
        let off = [PolicyRule { level: Level::Off, ..rule("false") }];
        assert_eq!(judge(&off, &[offer()]), Ok(vec![vec![]]));
    }

    #[test]
    fn the_cost_is_the_product_of_the_sizes_of_nested_lists() {
        let offer =
            json!({"changes": [1, 2, 3], "secrets": [1, 2], "deep": {"list": [1, 2, 3, 4, 5]}, "title": "text"});
        for (expression, cost) in [
            ("true", 0),
            ("size(changes) < 3", 0),
            ("changes.all(c, true)", 3),
            ("offer.changes.all(c, true) && offer.secrets.exists(s, true)", 5),
            ("changes.all(c, offer.secrets.exists(s, true))", 3 * (1 + 2)),
            ("changes.filter(c, c > 1).map(c, c + 1).exists_one(c, true)", 9),
            ("(changes + offer.deep.list).all(c, true)", 8),
            ("[1, 2].all(c, changes.all(d, true))", 2 * (1 + 3)),
            ("offer.all(key, true)", 4),
            ("offer.nothing.all(c, true) || offer.title.all(c, true)", 0),
            // What is not a path counts as the largest list, and a variable hides the offer's own names.
            ("changes.all(c, c.all(d, true))", 3 * (1 + 5)),
            ("offer.secrets.all(changes, changes.all(d, true))", 2 * (1 + 5)),
            ("offer['changes'].all(c, true)", 5),
        ] {
            let program = Program::compile(expression).expect("an expression");
            assert_eq!(View::of(&offer).cost(&program), cost, "{expression}");
        }
    }

    #[test]
    fn rules_that_cost_too_much_do_not_run() {
        let list = |members: usize| json!({"changes": (0..members).collect::<Vec<_>>()});
        let pairs = "changes.all(a, changes.all(b, a >= 0 || b >= 0))";
        let rules = [rule("changes.all(c, true)"), PolicyRule { name: "pairs".to_owned(), ..rule(pairs) }];
        let offers = [list(2_000), list(1_500)];
        let cost = 2_000 * 2_001 + 1_500 * 1_501;
        let error = judge(&rules, &offers).expect_err("too much");
        assert_eq!(error, TooCostly { rule: "pairs".to_owned(), cost, total: cost + 3_500 });
        let few = [list(40), list(30)];
        assert_eq!(judge(&rules, &few), Ok(vec![vec![], vec![]]));
        let off = rules.map(|rule| PolicyRule { level: Level::Off, ..rule });
        assert_eq!(judge(&off, &offers), Ok(vec![vec![], vec![]]), "a rule that is off costs nothing");
    }
}
