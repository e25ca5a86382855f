//! The files behind artifacts: looks at what addresses hold, and uploads files of the project.
//!
//! Looking comes before comparing: it fills a [`Contents`](crate::content::Contents) that the comparison reads.
//! Neither side ever sends a token of the portal's.

mod address;
mod look;
mod store;

pub(crate) use look::{Looker, Remembered};
pub(crate) use store::{Access, Store};

/// Largest file that is fetched, in bytes.
const MAX_BYTES: u64 = 64 << 20;
