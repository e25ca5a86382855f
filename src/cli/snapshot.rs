//! `offerctl snapshot`.

use std::path::PathBuf;

use clap::Args;

use super::Targets;

/// `offerctl snapshot`.
#[derive(Debug, Args)]
pub(crate) struct SnapshotArgs {
    /// Which offers.
    #[command(flatten)]
    pub(crate) targets: Targets,

    /// Where to save it; it holds no secret
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,

    /// Do not look at the files behind artifacts; a plan against the snapshot will not compare them
    #[arg(long)]
    pub(crate) no_artifacts: bool,
}
