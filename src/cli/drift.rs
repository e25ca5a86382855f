//! `offerctl drift`.

use clap::Args;
use clap::builder::FalseyValueParser;

use super::Targets;

/// `offerctl drift`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  offerctl drift --base origin/main           who moved since the last merge\n  \
                        offerctl drift --adopt title contoso/service  keep an edit made in the portal\n  \
                        offerctl drift --adopt all --patch            the same for all drift, as a patch")]
pub(crate) struct DriftArgs {
    /// Which offers.
    #[command(flatten)]
    pub(crate) targets: Targets,

    /// What both sides are compared with: the report of the last `apply -o json=PATH`, or a Git revision; repeatable,
    /// the first that knows an offer counts. Without one, nobody can say which side moved
    #[arg(long, value_name = "PATH|REV", env = "OFFERCTL_BASE")]
    pub(crate) base: Vec<String>,

    /// List offers of the declared publishers that no file declares, without counting them as drift
    #[arg(long, env = "OFFERCTL_ALLOW_UNDECLARED", value_parser = FalseyValueParser::new())]
    pub(crate) allow_undeclared: bool,

    /// Write the portal's value into the files: of this address, as drift shows it, or of `all` that is drift; repeatable
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) adopt: Vec<String>,

    /// With --adopt, print the change as a patch for `git apply`, and write nothing
    #[arg(long, requires = "adopt")]
    pub(crate) patch: bool,

    /// The most characters of -o markdown [default: 65536, what an issue on GitHub holds]
    #[arg(long, value_name = "N", env = "OFFERCTL_MARKDOWN_LIMIT")]
    pub(crate) markdown_limit: Option<usize>,

    /// Do not look at the files behind artifacts; those that the portal copied are not compared
    #[arg(long, env = "OFFERCTL_NO_ARTIFACTS", value_parser = FalseyValueParser::new())]
    pub(crate) no_artifacts: bool,
}
