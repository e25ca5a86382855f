//! What the commands share that change the portal or wait for it: the question, the context of the work, the report.

use tokio::sync::Semaphore;

use super::connect::Portal;
use super::progress::Progress;
use super::shell::Shell;
use crate::apply::{Context, Outcome};
use crate::artifact::Store;
use crate::cli::Format;
use crate::diff::{Late, ReadLate};
use crate::error::{Exit, Result};
use crate::model::OfferKey;
use crate::operation::Patience;
use crate::portal::{Approval, Writer};
use crate::render::{self, Paint, Places};
use crate::report::Report;

/// The question before something is started for these offers.
pub(super) fn question<'a>(doing: &str, keys: impl Iterator<Item = &'a OfferKey>) -> String {
    format!("{doing} {}?", keys.map(ToString::to_string).collect::<Vec<_>>().join(", "))
}

/// What has not happened without a yes.
pub(super) const NOTHING: &str = "nothing was started";

/// Nothing is written, so no secret is read.
pub(super) fn no_secret(_: Late<'_>) -> std::result::Result<String, String> {
    Err("no secret is read here".to_owned())
}

/// Works on many offers, with progress. The outcomes come in the order of the offers' keys.
pub(super) async fn with_context(
    shell: &Shell,
    portal: &Portal,
    approval: Approval,
    patience: Option<Patience>,
    (late, store): (&ReadLate<'_>, Option<&Store>),
    work: impl AsyncFnOnce(&Context<'_>) -> Vec<Outcome>,
) -> Vec<Outcome> {
    let writer = Writer::new(portal.reader.clone(), approval);
    let progress = Progress::new(shell.term);
    let places = Semaphore::new(portal.at_once);
    let context = Context {
        writer: &writer,
        schemas: &shell.schemas,
        late,
        store,
        patience,
        places: &places,
        stop: &shell.stop,
        tell: &|event| progress.tell(&event),
    };
    let mut outcomes = work(&context).await;
    progress.finish();
    outcomes.sort_by(|a, b| a.key.cmp(&b.key));
    outcomes
}

impl Shell {
    /// Writes the report of a run to every sink.
    pub(super) fn emit_report(&self, report: &Report) -> Result<Exit> {
        let places = self.places(&[]);
        self.emit(&|format, color| show_report(self, report, &places, (format, color)))?;
        Ok(report.exit())
    }
}

pub(super) fn show_report(shell: &Shell, report: &Report, places: &Places, (format, color): (Format, bool)) -> String {
    match format {
        Format::Text => render::report(report, Paint { color }),
        Format::Markdown => render::summary::report(report, places),
        Format::Json => render::report_json(report, shell.read_from()),
        Format::Junit => render::junit::report(report),
        Format::Github => render::github::report(report, places),
        Format::Html | Format::Sarif | Format::Yaml => String::new(),
    }
}
