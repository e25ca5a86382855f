//! `offerctl import`, `show`, `history`, `rollback` and `init`.

use std::str::FromStr;

use clap::{Args, ValueEnum};

use super::{Rewriting, SideArg};
use crate::model::{OfferKey, Slot};

/// `offerctl import`.
#[derive(Debug, Default, Args)]
#[command(after_help = "Examples:\n  offerctl import                     every offer that the credential may read\n  \
                        offerctl import contoso             the offers of a publisher\n  \
                        offerctl import contoso/service     one offer\n  \
                        offerctl import contoso/service@live  what customers have")]
pub(crate) struct ImportArgs {
    /// PUBLISHER, PUBLISHER/OFFER, or PUBLISHER/OFFER@STATE with draft, preview, live or vN [default: every offer that
    /// the credential may read]
    #[arg(value_name = "TARGET")]
    pub(crate) targets: Vec<String>,

    /// How the files are laid out.
    #[command(flatten)]
    pub(crate) layout: LayoutArgs,

    /// Write the portal's values into files that declare an offer already, as `drift --adopt all` does
    #[arg(long)]
    pub(crate) update: bool,

    /// Download the portal's copies of files, such as logos, into `assets/`, and declare them as artifacts
    #[arg(long)]
    pub(crate) artifacts: bool,
}

/// How offer files are laid out.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct LayoutArgs {
    /// Field names: short if unambiguous, or as in the API
    #[arg(long, value_name = "NAMES", value_enum, default_value_t)]
    pub(crate) names: Names,

    /// Write empty values and the portal's defaults too
    #[arg(long)]
    pub(crate) full: bool,

    /// Write long HTML to files of its own, such as `OFFER.description.html`
    #[arg(long)]
    pub(crate) split_text: bool,

    /// Write a folder for each offer, with `offer.yaml` and `plans/PLAN.yaml`
    #[arg(long)]
    pub(crate) split_plans: bool,
}

/// Which names of fields are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Names {
    #[default]
    Short,
    Wire,
}

/// `offerctl show`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  offerctl show contoso/service          the draft, as YAML\n  \
                        offerctl show contoso/service@live     what customers have\n  \
                        offerctl show contoso/service@v3 -o json")]
pub(crate) struct ShowArgs {
    /// PUBLISHER/OFFER for the draft, or PUBLISHER/OFFER@STATE with draft, preview, live or vN
    #[arg(value_name = "OFFER")]
    pub(crate) offer: OfferAt,

    /// Field names in YAML: short if unambiguous, or as in the API
    #[arg(long, value_name = "NAMES", value_enum, default_value_t)]
    pub(crate) names: Names,

    /// Show empty values and the portal's defaults in YAML too
    #[arg(long)]
    pub(crate) full: bool,
}

/// `offerctl history`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  offerctl history contoso/service")]
pub(crate) struct HistoryArgs {
    /// PUBLISHER/OFFER
    #[arg(value_name = "OFFER")]
    pub(crate) offer: OfferKey,
}

/// `offerctl rollback`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  offerctl rollback contoso/service --to live   back to what customers have\n  \
                        offerctl rollback contoso/service --to v3     back to a version; history lists them")]
pub(crate) struct RollbackArgs {
    /// PUBLISHER/OFFER
    #[arg(value_name = "OFFER")]
    pub(crate) offer: OfferKey,

    /// The state whose values are written into the files: preview, live or vN
    #[arg(long, value_name = "STATE", value_parser = portal_state)]
    pub(crate) to: SideArg,

    /// What becomes of the change.
    #[command(flatten)]
    pub(crate) rewriting: Rewriting,
}

/// An offer in one of the states that the portal keeps; the draft where none is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OfferAt {
    pub(crate) key: OfferKey,
    pub(crate) state: SideArg,
}

impl OfferAt {
    pub(crate) fn draft(key: OfferKey) -> Self {
        Self { key, state: SideArg::Slot(Slot::Draft) }
    }
}

impl FromStr for OfferAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, state) = text.split_once('@').map_or((text, None), |(key, state)| (key, Some(state)));
        let key = key.parse::<OfferKey>().map_err(|error| error.to_string())?;
        let state = match state {
            None => SideArg::Slot(Slot::Draft),
            Some(state) => portal_state(state)?,
        };
        Ok(Self { key, state })
    }
}

/// Reads a state that the portal keeps: a slot or a version.
pub(super) fn portal_state(text: &str) -> Result<SideArg, String> {
    let state = text.parse().ok().filter(|state| *state != SideArg::File);
    state.ok_or_else(|| format!("`{text}` is not a state; expected draft, preview, live or vN (such as v3)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_has_a_state() {
        let read = |text: &str| text.parse::<OfferAt>().map(|at| (at.key.to_string(), at.state.to_string()));
        let good = |key: &str, state: &str| Ok((key.to_owned(), state.to_owned()));
        assert_eq!(read("contoso/a"), good("contoso/a", "draft"));
        assert_eq!(read("contoso/a@production"), good("contoso/a", "live"));
        assert_eq!(read("contoso/a@v12"), good("contoso/a", "v12"));
        for bad in ["contoso", "contoso/a@", "contoso/a@file", "contoso/a@v-1", "contoso/a@v1@v2", "a/b/c@live"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
