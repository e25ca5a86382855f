//! The HTTP client of the portal's API (version 2017-10-31).
//!
//! [`Reader`] can only GET. [`Writer`] is made from a reader and an [`Approval`], so a command that was not approved
//! cannot write: there is no flag to forget. Nothing is compared here.

mod problem;
mod reader;
mod transport;
mod views;
mod writer;

pub use problem::{Kind, Problem};
pub use reader::Reader;
pub use transport::{Endpoint, EndpointError, OperationPath, Settings, Token, Traffic};
pub use views::{Level, Message, OfferSummary, OperationView, State, Step, StepState, Submission};
pub use writer::{Accepted, Approval, Precondition, Writer};
