//! `offerctl snapshot`.

use std::path::PathBuf;

use clap::Args;

use super::Targets;

/// `offerctl snapshot`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  offerctl snapshot --out live.json            then: offerctl plan --live live.json"
)]
pub(crate) struct SnapshotArgs {
    /// Which offers.
    #[command(flatten)]
    pub(crate) targets: Targets,

    /// File to write; it contains no secrets
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,

    /// Do not download artifacts; a plan against the snapshot does not compare them
    #[arg(long)]
    pub(crate) no_artifacts: bool,
}
