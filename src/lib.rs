//! offerctl
#![warn(missing_docs)]
pub mod apply;
pub mod cli;
pub mod diagnostic;
pub mod diff;
pub mod error;
pub mod live;
pub mod model;
pub mod operation;
pub mod plan;
pub mod portal;
pub mod redact;
pub mod render;
pub mod report;
pub mod schema;
pub mod term;
pub mod workspace;
