//! offerctl
#![warn(missing_docs)]
pub mod diagnostic;
pub mod diff;
pub mod error;
pub mod live;
pub mod model;
pub mod plan;
pub mod portal;
pub mod redact;
pub mod schema;
pub mod workspace;
