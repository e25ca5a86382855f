//! The state of offers as a table, with the steps of what runs.

use std::fmt::Write as _;

use super::layout::column;
use super::{Paint, not_read, visible};
use crate::plan::Unread;
use crate::portal::{Level, Message, Step, StepState};
use crate::report::OfferStatus;

/// The table, then the steps and messages of each offer that has something under way.
pub(crate) fn status(offers: &[OfferStatus], unread: &[Unread], paint: Paint) -> String {
    let mut out = String::new();
    if !offers.is_empty() {
        let head = ["OFFER", "STATUS", "RUNS", "STEP", "PREVIEW", "PRODUCTION"].map(ToOwned::to_owned);
        let rows = std::iter::once(head).chain(offers.iter().map(row)).collect::<Vec<_>>();
        let columns = std::array::from_fn::<_, 6, _>(|at| column(rows.iter().map(|row| row[at].as_str()), false));
        for at in 0..rows.len() {
            let line = columns.each_ref().map(|column| column[at].as_str()).join("  ");
            let _ = writeln!(out, "{}", line.trim_end());
        }
    }
    for offer in offers {
        messages(&mut out, offer, paint);
    }
    not_read(&mut out, unread, "not read", paint);
    out
}

fn row(offer: &OfferStatus) -> [String; 6] {
    let none = if offer.exists { "not published" } else { "no such offer" };
    let status = offer.status.as_ref();
    let state = status.map_or_else(|| none.to_owned(), |status| visible(&status.state.to_string(), false));
    let step = status.and_then(|status| status.current()).map(step_line).unwrap_or_default();
    let slot = |there: bool| if there { "yes" } else { "-" }.to_owned();
    let runs = match &offer.running {
        None => "-",
        Some(running) if running.is_production() => "go-live",
        Some(_) => "publish",
    };
    [offer.key.to_string(), state, runs.to_owned(), step, slot(offer.preview), slot(offer.production)]
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
