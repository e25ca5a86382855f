//! `offerctl fmt`.

use std::path::PathBuf;

use clap::Args;

use super::Names;

/// `offerctl fmt`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  offerctl fmt                    every offer file of the project\n  \
                        offerctl fmt offers/contoso     the files of a folder\n  \
                        offerctl fmt --check            in a pipeline: exit with 2 where a file has another layout")]
pub(crate) struct FmtArgs {
    /// Files or folders of the project; none means all of its offer files, plans and overlays
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,

    /// Write nothing; list the files that would change, and exit with 2 if there are any
    #[arg(long)]
    pub(crate) check: bool,

    /// Rewrite the names of fields too: short where they are unambiguous, or as the API has them
    #[arg(long, value_name = "NAMES", value_enum)]
    pub(crate) names: Option<Names>,
}
