//! `offerctl drift`.

use clap::Args;
use clap::builder::FalseyValueParser;

use super::{Refresh, Targets};
use crate::model::Shard;

/// `offerctl drift`.
#[derive(Debug, Args)]
pub(crate) struct DriftArgs {
    /// Which offers.
    #[command(flatten)]
    pub(crate) targets: Targets,

    /// What both sides are compared with: the report of the last `apply -o json=PATH`, or a Git revision; repeatable,
    /// the first that knows an offer counts. Without one, nobody can say which side moved
    #[arg(long, value_name = "PATH|REV", env = "OFFERCTL_BASE")]
    pub(crate) base: Vec<String>,

    /// Only this share of the offers: i/n, such as 2/8 on the second of eight machines
    #[arg(long, value_name = "I/N", env = "OFFERCTL_SHARD")]
    pub(crate) shard: Option<Shard>,

    /// Which offers to read from the portal; docs/speed.md says what `changed` relies on
    #[arg(long, value_name = "WHICH", env = "OFFERCTL_REFRESH", value_enum, default_value_t)]
    pub(crate) refresh: Refresh,

    /// List offers of the declared publishers that no file declares, without counting them as drift
    #[arg(long, env = "OFFERCTL_ALLOW_UNDECLARED", value_parser = FalseyValueParser::new())]
    pub(crate) allow_undeclared: bool,

    /// The most characters of -o markdown [default: 65536, what an issue on GitHub holds]
    #[arg(long, value_name = "N", env = "OFFERCTL_MARKDOWN_LIMIT")]
    pub(crate) markdown_limit: Option<usize>,

    /// Do not look at the files behind artifacts; those that the portal copied are not compared
    #[arg(long, env = "OFFERCTL_NO_ARTIFACTS", value_parser = FalseyValueParser::new())]
    pub(crate) no_artifacts: bool,
}
