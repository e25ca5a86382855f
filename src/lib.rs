//! offerctl
#![warn(missing_docs)]
pub mod diagnostic;
pub mod error;
pub mod model;
pub mod redact;
pub mod schema;
pub mod workspace;
