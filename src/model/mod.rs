//! The values that travel between the stages: names, YAML trees with their places, addresses. No behaviour beyond
//! construction, checking and printing.

mod address;
mod artifact;
mod decimal;
mod ids;
mod node;
mod risk;
mod words;

pub use address::{Address, Step};
pub use artifact::{Artifact, Content, LocalFile};
pub use decimal::{Decimal, percent};
pub use ids::{Digest, ETag, IdError, OfferId, OfferKey, PublisherId};
pub use node::{Entry, Kind, Node, SecretRef};
pub use risk::Risk;
pub use words::{Profile, Slot};

/// An RFC 6901 pointer, the form of every machine path.
pub use jsonpatch::jsonptr::PointerBuf as Pointer;
