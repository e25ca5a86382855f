//! Progress on stderr: moving lines on a terminal, one line for each change of state anywhere else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::apply::Event;
use crate::model::OfferKey;
use crate::render;
use crate::term::Term;

/// Counts the offers that were read, on a terminal only. Gone when it is dropped.
pub(super) struct Reading(ProgressBar);

impl Reading {
    pub(super) fn new(term: Term, offers: usize) -> Self {
        let style = ProgressStyle::with_template("{spinner} reading offers {pos}/{len}");
        let bar = if term.stderr_live { ProgressBar::new(offers as u64) } else { ProgressBar::hidden() };
        bar.enable_steady_tick(TICK);
        Self(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner())))
    }

    pub(super) fn one_more(&self) {
        self.0.inc(1);
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// How often a moving line moves.
const TICK: Duration = Duration::from_millis(120);

pub(super) struct Progress {
    term: Term,
    bars: MultiProgress,
    shown: Mutex<BTreeMap<OfferKey, Shown>>,
}

#[derive(Default)]
struct Shown {
    bar: Option<ProgressBar>,
    line: String,
    /// The portal's messages that were shown: it repeats them in every answer.
    said: BTreeSet<String>,
}

impl Progress {
    pub(super) fn new(term: Term) -> Self {
        Self { term, bars: MultiProgress::new(), shown: Mutex::new(BTreeMap::new()) }
    }

    pub(super) fn tell(&self, event: &Event) {
        let key = match event {
            Event::Begun(key) | Event::Did(key, _) | Event::Seen(key, _) | Event::Silent(key, _) => key,
            Event::Ended(outcome) => &outcome.key,
        };
        let mut all = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = all.entry(key.clone()).or_default();
        if let Event::Ended(_) = event {
            if let Some(bar) = shown.bar.take() {
                bar.finish_and_clear();
            }
            return;
        }
        for message in render::progress_messages(event) {
            if shown.said.insert(message.clone()) {
                // A line above the bars, which would be drawn over otherwise.
                self.bars.suspend(|| self.term.say(&message));
            }
        }
        let Some(line) = render::progress_line(event, self.term.stderr_live) else { return };
        if self.term.stderr_live {
            let bar = shown.bar.get_or_insert_with(|| self.bar());
            if let Event::Seen(_, view) = event {
                bar.set_position(render::progress_percent(view));
            }
            bar.set_message(self.term.message(&line));
        } else if line != shown.line {
            self.term.say(&line);
            shown.line = line;
        }
    }

    pub(super) fn finish(&self) {
        let _ = self.bars.clear();
    }

    fn bar(&self) -> ProgressBar {
        let style = ProgressStyle::with_template("{spinner} [{bar:16}] {wide_msg} {elapsed}")
            .map(|style| style.progress_chars("=> "))
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = self.bars.add(ProgressBar::new(100).with_style(style));
        bar.enable_steady_tick(TICK);
        bar
    }
}
