//! `offerctl snapshot`.

use std::path::PathBuf;

use clap::Args;

use super::Targets;
use crate::model::Shard;

/// `offerctl snapshot`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  offerctl snapshot --out live.json            then: offerctl plan --live live.json"
)]
pub(crate) struct SnapshotArgs {
    /// Which offers.
    #[command(flatten)]
    pub(crate) targets: Targets,

    /// Only this share of the offers: i/n, such as 2/8 on the second of eight machines
    #[arg(long, value_name = "I/N")]
    pub(crate) shard: Option<Shard>,

    /// File to write; it contains no secrets
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,

    /// Do not download artifacts; a plan against the snapshot does not compare them
    #[arg(long)]
    pub(crate) no_artifacts: bool,
}
