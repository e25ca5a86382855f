//! `offerctl init`.

use clap::{Args, ValueEnum};

use crate::model::PublisherId;

/// `offerctl init`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  offerctl init                          asks what it needs to know, on a terminal\n  \
                        offerctl init contoso --ci github      with the offers of a publisher and workflows\n  \
                        offerctl init --ci none --no-input     without a question and without the portal"
)]
pub(crate) struct InitArgs {
    /// Publishers whose offers are imported
    #[arg(value_name = "PUBLISHER")]
    pub(crate) publishers: Vec<PublisherId>,

    /// Whose pipelines to write [default: ask on a terminal, else none]
    #[arg(long, value_name = "HOST", value_enum)]
    pub(crate) ci: Option<Ci>,
}

/// Who runs the pipelines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ci {
    /// GitHub Actions.
    Github,
    /// Azure Pipelines.
    Azure,
    /// GitLab CI.
    Gitlab,
    None,
}
