//! The users' own rules: expressions in the Common Expression Language over what a plan does to one offer.
//!
//! An expression sees the offer's part of the JSON plan (`docs/json.md`) and nothing else: no secret, no file, no clock.
//! What must hold and does not is a finding, which its token accepts. An expression that fails, or runs out of time,
//! stops the offer, and no token accepts that: whether the rule holds, nobody knows.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use cel::{Context, Program};
use serde_json::Value;

use crate::plan::Finding;
use crate::workspace::{Level, Rule};

/// How long a rule may take for one offer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// More changes than this are too many for an expression, which may look at each of them for each of them.
const MAX_CHANGES: usize = 5_000;

/// Expressions go into each bracket with a call of its own.
const STACK: usize = 16 * 1024 * 1024;

/// The findings of all rules for each offer, in the order of the offers. `offers` are their parts of the JSON plan.
pub(crate) fn findings(rules: &[Rule], offers: Vec<Value>, patience: Duration) -> Vec<Vec<Finding>> {
    let offers = Arc::new(offers);
    let mut found = offers.iter().map(|_| Vec::new()).collect::<Vec<_>>();
    for rule in rules.iter().filter(|rule| rule.level != Level::Off) {
        let verdicts = judge(rule, &offers, patience);
        for (findings, verdict) in found.iter_mut().zip(verdicts) {
            findings.extend(finding(rule, verdict));
        }
    }
    found
}

/// What a rule says of an offer: that it holds or not, or why nobody knows.
type Verdict = Result<bool, String>;

fn finding(rule: &Rule, verdict: Verdict) -> Option<Finding> {
    match verdict {
        Ok(true) => None,
        Ok(false) => Some(Finding::ruled(rule.level, format!("rule:{}", rule.name), rule.message.clone())),
        Err(reason) => Some(Finding::conflict(format!(
            "the rule `{}` of offerctl.toml cannot be judged: {reason}; mend it, or set its level to \"off\"",
            rule.name
        ))),
    }
}

/// Judges every offer by one rule, on a thread of its own: an expression has no limit of its own, and one that runs
/// away cannot be stopped, only left alone.
fn judge(rule: &Rule, offers: &Arc<Vec<Value>>, patience: Duration) -> Vec<Verdict> {
    let (sender, receiver) = mpsc::channel();
    let work = Arc::clone(offers);
    let expression = rule.expression.clone();
    let evaluate = move || {
        let program = Program::compile(&expression).map_err(|error| first_line(&error.to_string()));
        for offer in work.iter() {
            let verdict = program.as_ref().map_err(Clone::clone).and_then(|program| holds(program, offer));
            if sender.send(verdict).is_err() {
                return;
            }
        }
    };
    let started = std::thread::Builder::new().name("rule".to_owned()).stack_size(STACK).spawn(evaluate);
    let mut verdicts = Vec::with_capacity(offers.len());
    let mut broken = started.err().map(|error| format!("no thread for it: {error}"));
    for _ in 0..offers.len() {
        let verdict = match &broken {
            Some(reason) => Err(reason.clone()),
            None => receiver.recv_timeout(patience).unwrap_or_else(|error| {
                let reason = match error {
                    RecvTimeoutError::Timeout => format!("it took longer than {} s", patience.as_secs_f32()),
                    RecvTimeoutError::Disconnected => "the evaluation broke off".to_owned(),
                };
                // The thread is lost with it, so nobody judges the other offers.
                broken = Some(reason.clone());
                Err(reason)
            }),
        };
        verdicts.push(verdict);
    }
    verdicts
}

fn holds(program: &Program, offer: &Value) -> Verdict {
    let changes = offer.get("changes").cloned().unwrap_or_default();
    let count = changes.as_array().map_or(0, Vec::len);
    if count > MAX_CHANGES {
        return Err(format!("{count} changes are more than the {MAX_CHANGES} that a rule can look at"));
    }
    let mut context = Context::default();
    context.add_variable_from_value("offer", convert(offer));
    context.add_variable_from_value("changes", convert(&changes));
    match program.execute(&context) {
        Ok(cel::Value::Bool(holds)) => Ok(holds),
        Ok(_) => Err("it is neither true nor false".to_owned()),
        Err(error) => Err(first_line(&error.to_string())),
    }
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

/// An error may quote values, and a value may be long.
fn first_line(text: &str) -> String {
    const LONGEST: usize = 200;
    text.lines().next().unwrap_or_default().chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule(expression: &str) -> Rule {
        let (name, message) = ("mine".to_owned(), "not like this".to_owned());
        Rule { name, expression: expression.to_owned(), message, level: Level::Stop }
    }

    fn offer() -> Value {
        json!({"offer": "contoso/a", "through": "live", "changes": [
            {"address": "plans[basic]/price", "risk": "price", "op": "replace", "before": 0.1, "after": 2, "line": 3},
            {"address": "title", "risk": "text", "op": "replace", "before": "a", "after": "b", "line": 4}]})
    }

    fn said(expression: &str) -> Vec<(Option<String>, String)> {
        let found = findings(&[rule(expression)], vec![offer()], PATIENCE).remove(0);
        found.into_iter().map(|finding| (finding.token, finding.message)).collect()
    }

    #[test]
    fn what_holds_is_no_finding_and_what_does_not_is_one_with_its_token() {
        for holds in [
            "true",
            "size(changes) == 2 && offer.changes == changes",
            "changes.exists(c, c.risk == 'price' && c.after > c.before)",
            "changes.all(c, c.line < 5)",
            "offer.offer.startsWith('contoso/')",
            "!has(offer.nothing)",
        ] {
            assert_eq!(said(holds), [], "{holds}");
        }
        for does_not in ["false", "changes.all(c, c.risk != 'price')", "offer.through != 'live'"] {
            assert_eq!(said(does_not), [(Some("rule:mine".to_owned()), "not like this".to_owned())], "{does_not}");
        }
    }

    #[test]
    fn what_cannot_be_judged_stops_the_offer_whatever_the_level_and_has_no_token() {
        for fails in ["offer.nothing == 1", "1 / 0 == 1", "changes[7].risk == 'x'", "nobody == 1", "none(1)", "1", "("]
        {
            let warn = Rule { level: Level::Warn, ..rule(fails) };
            let found = findings(&[warn], vec![offer()], PATIENCE).remove(0);
            assert_eq!(found.len(), 1, "{fails}");
            assert!(found[0].token.is_none() && found[0].stops(), "{found:?}");
            assert!(found[0].message.starts_with("the rule `mine` of offerctl.toml cannot be judged: "), "{found:?}");
        }
    }

    #[test]
    fn a_rule_that_runs_away_is_left_alone_and_stops_every_offer_that_it_should_have_judged() {
        let items = (0..110).collect::<Vec<_>>();
        let offers = vec![json!({"changes": [], "n": items}), offer()];
        let endless = rule("offer.n.all(a, offer.n.all(b, offer.n.all(c, a + b + c >= 0)))");
        let found = findings(&[endless, rule("false")], offers, Duration::from_millis(50));
        let told = "the rule `mine` of offerctl.toml cannot be judged: it took longer than 0.05 s";
        for offer in &found {
            assert!(offer[0].message.starts_with(told), "{offer:?}");
            assert_eq!(offer[1].token.as_deref(), Some("rule:mine"), "the next rule is judged all the same");
        }
    }

    #[test]
    fn too_many_changes_are_not_looked_at_and_a_rule_that_is_off_says_nothing() {
        let many = json!({"changes": (0..=MAX_CHANGES).collect::<Vec<_>>()});
        let found = findings(&[rule("true")], vec![many], PATIENCE).remove(0);
        assert!(found[0].message.contains("5001 changes are more than the 5000"), "{found:?}");
        let off = Rule { level: Level::Off, ..rule("false") };
        assert_eq!(findings(&[off], vec![offer()], PATIENCE), [Vec::new()]);
    }
}
