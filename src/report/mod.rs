//! What commands found or did, as values that the renderers show: one file for each kind of result.

mod check;
mod compared;
mod history;
mod imports;
mod laid;
mod run;
mod status;

pub(crate) use check::{Check, Verdict};
pub(crate) use compared::Compared;
pub(crate) use history::{History, SlotVersion};
pub(crate) use imports::{Became, ImportedOffer, Imports, Unlisted};
pub(crate) use laid::{Formatted, FormattedFile, Laid};
pub(crate) use run::{Purpose, Report};
pub(crate) use status::OfferStatus;
