//! The result of `import`.

use serde::Serialize;

use crate::error::{Exit, Fate};
use crate::import::Imported;
use crate::model::{Address, OfferKey};
use crate::plan::Unread;

/// What an import did.
#[derive(Debug, Default)]
pub(crate) struct Imports {
    /// The offers that were read, in the order of their keys.
    pub(crate) offers: Vec<ImportedOffer>,
    pub(crate) unread: Vec<Unread>,
    pub(crate) unlisted: Vec<Unlisted>,
    /// Whether a file of the project has an error.
    pub(crate) has_errors: bool,
}

/// An offer that was read.
#[derive(Debug)]
pub(crate) struct ImportedOffer {
    pub(crate) key: OfferKey,
    /// The state that was read: `draft`, `preview`, `live` or `vN`.
    pub(crate) state: String,
    pub(crate) became: Became,
    pub(crate) imported: Imported,
    /// Where the file that is there now differs from what was read.
    pub(crate) differs: Vec<Address>,
}

/// What became of an offer.
#[derive(Debug)]
pub(crate) enum Became {
    /// These files were written; the first one declares the offer.
    Written(Vec<String>),
    /// This file declares it already.
    Kept(String),
    /// This file declares it already, and has the portal's values now.
    Updated(String),
    Failed(String),
}

/// Offers that could not be listed: those of a publisher, or one whose id cannot be used.
#[derive(Debug, Serialize)]
pub(crate) struct Unlisted {
    pub(crate) publisher: String,
    pub(crate) cause: String,
    pub(crate) hint: Option<String>,
    pub(crate) denied: bool,
}

impl Imports {
    pub(crate) fn exit(&self) -> Exit {
        let read = self.offers.iter().map(|offer| match offer.became {
            Became::Written(_) | Became::Kept(_) | Became::Updated(_) => Fate::Done,
            Became::Failed(_) => Fate::Failed,
        });
        let unread = self.unread.iter().map(|unread| Fate::unread(unread.denied));
        let unlisted = self.unlisted.iter().map(|unlisted| Fate::unread(unlisted.denied));
        match Exit::of(read.chain(unread).chain(unlisted)) {
            Exit::Done if self.has_errors => Exit::Invalid,
            exit => exit,
        }
    }
}
