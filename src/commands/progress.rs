//! Progress on stderr: moving lines on a terminal, one line for each change of state anywhere else.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::apply::Event;
use crate::model::OfferKey;
use crate::render;
use crate::term::Term;

/// Shows events as they come.
pub(super) struct Progress {
    term: Term,
    bars: MultiProgress,
    shown: Mutex<BTreeMap<OfferKey, Shown>>,
}

#[derive(Default)]
struct Shown {
    bar: Option<ProgressBar>,
    line: String,
}

impl Progress {
    pub(super) fn new(term: Term) -> Self {
        Self { term, bars: MultiProgress::new(), shown: Mutex::new(BTreeMap::new()) }
    }

    pub(super) fn tell(&self, event: &Event) {
        let key = match event {
            Event::Begun(key) | Event::Did(key, _) | Event::Seen(key, _) => key,
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
        let Some(line) = render::progress_line(event, self.term.stderr_live) else { return };
        if line == shown.line {
            return;
        }
        if self.term.stderr_live {
            shown.bar.get_or_insert_with(|| self.bar()).set_message(line.clone());
        } else {
            self.term.say(&line);
        }
        shown.line = line;
    }

    pub(super) fn finish(&self) {
        let _ = self.bars.clear();
    }

    fn bar(&self) -> ProgressBar {
        let style = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = self.bars.add(ProgressBar::new_spinner().with_style(style));
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }
}
