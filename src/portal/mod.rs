//! The HTTP client of the portal's API (version 2017-10-31).
//!
//! [`Reader`] can only GET. [`Writer`] is made from a reader and an [`Approval`], so a command that was not approved
//! cannot write: there is no flag to forget. Nothing is compared here.
//!
//! ```text
//! reader, writer ─► transport ─► auth (token) ─► gate (how many at once) ─► HTTP
//!       ▲               │
//!     views          body, exact, problem, retry: what the answer says, and whether to ask again
//! ```

mod auth;
mod body;
mod endpoint;
mod exact;
mod gate;
mod problem;
mod reader;
mod retry;
pub(crate) mod surroundings;
mod transport;
mod views;
mod writer;

pub(crate) use auth::{AuthorityVersion, Credential, Method, Passed};
pub(crate) use endpoint::{Endpoint, OperationPath};
pub(crate) use problem::{Kind, Problem};
pub(crate) use reader::Reader;
pub(crate) use transport::{DEADLINE, Settings, Traffic, Tries};
pub(crate) use views::{Level, Message, OfferSummary, OperationView, State, Step, StepState, Submission};
pub(crate) use writer::{Accepted, Approval, Precondition, Seat, Writer};

/// Names the tool and its version to servers.
const USER_AGENT: &str = concat!("offerctl/", env!("CARGO_PKG_VERSION"));
