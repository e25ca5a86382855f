//! What the portal keeps of an offer, as text and as JSON.

use std::fmt::Write as _;

use serde_json::json;

use super::json::document;
use super::layout::column;
use super::{Paint, visible};
use crate::model::OfferName;
use crate::report::History;

pub(crate) fn history(History { key, slots, submissions }: &History, paint: Paint) -> String {
    let mut out = format!("{}\n", paint.strong(&key.to_string()));
    let slots = slots.iter().map(|slot| [slot.slot.clone(), number(slot.version), visible(&slot.changed, false)]);
    table(&mut out, &slots.collect::<Vec<_>>());
    out.push('\n');
    let submissions = submissions.iter().map(|submission| {
        let what = match submission.slot.as_str() {
            "staging" => "publish",
            "production" => "go-live",
            other => other,
        };
        [
            visible(what, false),
            visible(&submission.state.to_string(), false),
            number(submission.offer_version),
            visible(&submission.changed, false),
            visible(&submission.notified.join(", "), false),
        ]
    });
    let submissions = submissions.collect::<Vec<_>>();
    if submissions.is_empty() {
        out.push_str("No submissions.\n");
    }
    table(&mut out, &submissions);
    out
}

fn number(version: Option<i64>) -> String {
    version.map_or_else(|| "-".to_owned(), |version| format!("v{version}"))
}

fn table<const N: usize>(out: &mut String, rows: &[[String; N]]) {
    let columns = std::array::from_fn::<_, N, _>(|at| column(rows.iter().map(|row| row[at].as_str()), false));
    for at in 0..rows.len() {
        let line = columns.each_ref().map(|column| column[at].as_str()).join("  ");
        let _ = writeln!(out, "{}", line.trim_end());
    }
}

pub(crate) fn history_json(History { key, slots, submissions }: &History) -> String {
    let OfferName { api, offer } = key.name();
    let slots = slots.iter().map(|slot| json!({"slot": slot.slot, "version": slot.version, "changed": slot.changed}));
    let submissions = submissions.iter().map(|submission| {
        json!({
            "id": submission.id,
            "slot": submission.slot,
            "state": submission.state,
            "version": submission.offer_version,
            "changed": submission.changed,
            "notified": submission.notified,
        })
    });
    let (slots, submissions) = (slots.collect::<Vec<_>>(), submissions.collect::<Vec<_>>());
    document("offerctl.history", json!({"api": api, "offer": offer, "slots": slots, "submissions": submissions}))
}
