//! `offerctl diff`.

use clap::Args;

use super::Targets;
use crate::model::Slot;

/// `offerctl diff`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  offerctl diff --from live --to draft         edits since the last go-live\n  offerctl diff contoso/service --from v3 --to live\n  offerctl diff --from draft --to file"
)]
pub(crate) struct DiffArgs {
    /// Which offers.
    #[command(flatten)]
    pub(crate) targets: Targets,

    /// First state: draft, preview, live, vN (a version, such as v3) or file
    #[arg(long, value_name = "SLOT|vN|file")]
    pub(crate) from: SideArg,

    /// Second state, as --from
    #[arg(long, value_name = "SLOT|vN|file")]
    pub(crate) to: SideArg,

    /// Show HTML as source instead of as text
    #[arg(long)]
    pub(crate) html_source: bool,

    /// Exit with 2 if there are differences
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
}

/// One state of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SideArg {
    /// What a slot holds.
    Slot(Slot),
    /// A version, by its number.
    Version(i64),
    /// What the file declares.
    File,
}

impl std::str::FromStr for SideArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let version = |text: &str| text.strip_prefix('v').and_then(|number| number.parse::<i64>().ok());
        match text {
            "draft" => Ok(Self::Slot(Slot::Draft)),
            "preview" => Ok(Self::Slot(Slot::Preview)),
            "live" | "production" => Ok(Self::Slot(Slot::Production)),
            "file" => Ok(Self::File),
            text => version(text)
                .filter(|number| *number >= 0)
                .map(Self::Version)
                .ok_or_else(|| "expected draft, preview, live, vN (such as v3) or file".to_owned()),
        }
    }
}

impl std::fmt::Display for SideArg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Slot(Slot::Production) => f.write_str("live"),
            Self::Slot(slot) => write!(f, "{slot}"),
            Self::Version(number) => write!(f, "v{number}"),
            Self::File => f.write_str("file"),
        }
    }
}
