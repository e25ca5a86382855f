//! Changes between two documents of the portal's, one or a few lines each.

use std::fmt::Write as _;

use serde_json::Value;

use super::hunks::{LONG, hunks, words};
use super::{Paint, brief, visible};
use crate::diff::{Change, ChangeKind};

const LIMIT: usize = 100;

/// Adds the lines of a change, each after `indent`.
pub(super) fn change(out: &mut String, change: &Change, indent: &str, place: &str, paint: Paint) {
    let address = visible(&change.address.to_string(), false);
    let address = if address.is_empty() { "the whole offer".to_owned() } else { address };
    let long = |a: &str, b: &str| a.len().max(b.len()) > LONG || a.contains('\n') || b.contains('\n');
    let (mark, text) = match &change.kind {
        ChangeKind::Add { after } => (paint.added("+"), format!("added {}", paint.added(&brief(after, LIMIT)))),
        ChangeKind::Remove { before } => {
            (paint.removed("-"), format!("removed {}", paint.removed(&brief(before, LIMIT))))
        }
        ChangeKind::Replace { before: Value::String(old), after: Value::String(new) } if long(old, new) => {
            let (lines, changed) = hunks(old, new, paint);
            return block(out, &format!("{address}: {}", words(changed)), &lines, indent, place, paint);
        }
        ChangeKind::Replace { before, after } if before == after => {
            (paint.changed("~"), format!("{} (secret or signature changed)", brief(after, LIMIT)))
        }
        ChangeKind::Replace { before, after } => {
            let (old, new) = (paint.removed(&brief(before, LIMIT)), paint.added(&brief(after, LIMIT)));
            (paint.changed("~"), format!("{old} → {new}"))
        }
        ChangeKind::Members { added, removed } => {
            let list = |sign: &str, values: &[Value]| {
                let values = values.iter().map(|value| brief(value, LIMIT)).collect::<Vec<_>>().join(", ");
                if values.is_empty() { None } else { Some(format!("{sign} {values}")) }
            };
            let lines = list("-", removed).map(|line| paint.removed(&line));
            let lines = lines.into_iter().chain(list("+", added).map(|line| paint.added(&line))).collect::<Vec<_>>();
            return block(out, &format!("{address}:"), &lines, indent, place, paint);
        }
        ChangeKind::List { before, after } => {
            let text = |items: &[Value]| items.iter().map(|item| format!("{item}\n")).collect::<String>();
            let (lines, _) = hunks(&text(before), &text(after), paint);
            let counts = format!("{address}: {} → {}", before.len(), after.len());
            return block(out, &counts, &lines, indent, place, paint);
        }
    };
    let _ = writeln!(out, "{indent}{mark} {address}: {text}{place}");
}

fn block(out: &mut String, head: &str, lines: &[String], indent: &str, place: &str, paint: Paint) {
    let _ = writeln!(out, "{indent}{} {head}{place}", paint.changed("~"));
    for line in lines {
        let _ = writeln!(out, "{indent}    {line}");
    }
}
