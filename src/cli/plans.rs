//! Saved plans: `offerctl merge-plans` and `offerctl show-plan`, and what all plans are read and shown with.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `offerctl merge-plans`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  offerctl merge-plans shard-*.json --out plan.json    join what each machine saved"
)]
pub(crate) struct MergePlansArgs {
    /// The plans that `plan --shard i/n --out FILE` saved, one for each shard
    #[arg(value_name = "FILE", required = true)]
    pub(crate) plans: Vec<PathBuf>,

    /// Save the plan of all shards for apply
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,

    /// What shapes its texts.
    #[command(flatten)]
    pub(crate) reading: Reading,
}

/// Which offers are read from the portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Refresh {
    /// Every one.
    #[default]
    All,
    /// Those that the portal lists otherwise, or the files declare otherwise, than when they compared equal last.
    Changed,
}

/// What shapes the texts of a plan.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Reading {
    /// Maximum length of -o markdown, in characters [default: 65536, the limit of a GitHub comment]
    #[arg(long, value_name = "N")]
    pub(crate) markdown_limit: Option<usize>,
}

/// `offerctl show-plan`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  offerctl show-plan plan.json                        as `plan` showed it\n  \
                        offerctl show-plan plan.json -o markdown=plan.md    for a comment")]
pub(crate) struct ShowPlanArgs {
    /// A plan that `plan --out FILE` saved
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// What shapes its texts.
    #[command(flatten)]
    pub(crate) reading: Reading,

    /// Show HTML as source instead of as text
    #[arg(long)]
    pub(crate) html_source: bool,
}
