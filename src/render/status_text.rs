//! The state of offers as a table, with the steps of what runs.

use std::fmt::Write as _;

use comfy_table::{Table, presets};

use super::{Paint, visible};
use crate::plan::Unread;
use crate::portal::{Level, Message, Step, StepState};
use crate::report::OfferStatus;

/// The table, then the steps and messages of each offer that has something under way.
pub(crate) fn status(offers: &[OfferStatus], unread: &[Unread], paint: Paint) -> String {
    let mut out = String::new();
    if !offers.is_empty() {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header(["OFFER", "STATUS", "RUNS", "STEP", "PREVIEW", "PRODUCTION"]);
        for offer in offers {
            let none = if offer.exists { "not published" } else { "no such offer" };
            let step = offer.status.as_ref().and_then(|status| status.current()).map(step_line).unwrap_or_default();
            let state = offer
                .status
                .as_ref()
                .map_or_else(|| none.to_owned(), |status| visible(&status.state.to_string(), false));
            let slot = |there: bool| if there { "yes" } else { "-" }.to_owned();
            let runs = offer
                .running
                .as_ref()
                .map_or("-", |running| if running.is_production() { "go-live" } else { "publish" });
            let row =
                [offer.key.to_string(), state, runs.to_owned(), step, slot(offer.preview), slot(offer.production)];
            table.add_row(row);
        }
        for line in table.lines() {
            let _ = writeln!(out, "{}", line.trim());
        }
    }
    for offer in offers {
        messages(&mut out, offer, paint);
    }
    for unread in unread {
        let _ = writeln!(out, "{} {}   not read: {}", paint.removed("?"), unread.key, visible(&unread.cause, false));
        if let Some(hint) = &unread.hint {
            let _ = writeln!(out, "    hint: {hint}");
        }
    }
    out
}

fn step_line(step: &Step) -> String {
    let name = visible(&step.name, false);
    if step.state == StepState::InProgress {
        let estimate = visible(&step.estimate, false);
        let estimate = if estimate.is_empty() { estimate } else { format!(" ({estimate})") };
        format!("{name} {} %{estimate}", step.percent)
    } else {
        format!("{name} {}", step.state)
    }
}

fn messages(out: &mut String, offer: &OfferStatus, paint: Paint) {
    let Some(status) = &offer.status else { return };
    // Of what is done and well, the table says enough.
    let news = |step: &Step, message: &Message| step.state != StepState::Complete || message.level != Level::Info;
    let steps = status.steps.iter().flat_map(|step| step.messages.iter().map(move |message| (Some(step), message)));
    for (step, message) in status.messages.iter().map(|message| (None, message)).chain(steps) {
        if step.is_some_and(|step| !news(step, message)) {
            continue;
        }
        let place = step.map(|step| format!("{}: ", visible(&step.name, false))).unwrap_or_default();
        let _ = writeln!(out, "  {}: {place}{}", paint.dim(&offer.key.to_string()), visible(&message.text, false));
    }
}
