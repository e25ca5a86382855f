//! `offerctl drift`.

use clap::Args;

use super::{Refresh, Targets};
use crate::model::Shard;

/// `offerctl drift`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  offerctl drift --base origin/main           who moved since the last merge\n  \
                        offerctl drift --adopt title contoso/service  keep an edit made in the portal\n  \
                        offerctl drift --adopt all --patch            the same for all drift, as a patch")]
pub(crate) struct DriftArgs {
    /// Which offers.
    #[command(flatten)]
    pub(crate) targets: Targets,

    /// Baseline: the report of the last `apply -o json=FILE`, or a Git revision; repeatable, the first one that
    /// contains an offer counts. Without it, drift cannot show which side changed
    #[arg(long, value_name = "PATH|REV")]
    pub(crate) base: Vec<String>,

    /// Only this share of the offers: i/n, such as 2/8 on the second of eight machines
    #[arg(long, value_name = "I/N")]
    pub(crate) shard: Option<Shard>,

    /// Which offers to read from the portal; docs/speed.md says what `changed` relies on
    #[arg(long, value_name = "WHICH", value_enum, default_value_t)]
    pub(crate) refresh: Refresh,

    /// Do not count offers that no file declares as drift
    #[arg(long)]
    pub(crate) allow_undeclared: bool,

    /// Show HTML as source instead of as text
    #[arg(long)]
    pub(crate) html_source: bool,

    /// Write the portal's value at this address into the files, or of `all` drift; repeatable
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) adopt: Vec<String>,

    /// With --adopt, print the change as a patch for `git apply`, and write nothing
    #[arg(long, requires = "adopt")]
    pub(crate) patch: bool,

    /// Maximum length of -o markdown, in characters [default: 65536, the limit of a GitHub issue]
    #[arg(long, value_name = "N")]
    pub(crate) markdown_limit: Option<usize>,

    /// Do not download artifacts to compare them; artifacts that the portal copied are not compared
    #[arg(long)]
    pub(crate) no_artifacts: bool,
}
