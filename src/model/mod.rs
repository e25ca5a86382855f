//! The values that travel between the stages: names, YAML trees with their places, addresses. No behaviour beyond
//! construction, checking and printing.

mod address;
mod artifact;
mod decimal;
mod ids;
mod node;
pub(crate) mod number;
mod risk;
mod shard;
mod words;

pub(crate) use address::{Address, Step};
pub(crate) use artifact::{Artifact, Content, LocalFile};
pub(crate) use decimal::{Decimal, normal_form, percent, same_number};
pub(crate) use ids::{Digest, ETag, OfferId, OfferKey, OfferName, named};
pub(crate) use ids::{IdError, PublisherId};
pub(crate) use node::{Entry, Kind, Node, SecretRef};
pub(crate) use risk::Risk;
pub(crate) use shard::Shard;
pub use words::Profile;
pub(crate) use words::{Api, Slot};

/// An RFC 6901 pointer, the form of every machine path.
pub(crate) use jsonpatch::jsonptr::PointerBuf as Pointer;
