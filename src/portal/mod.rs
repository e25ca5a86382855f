//! The HTTP client of the portal's API (version 2017-10-31).
//!
//! [`Reader`] can only GET. [`Writer`] is made from a reader and an [`Approval`], so a command that was not approved
//! cannot write: there is no flag to forget. Nothing is compared here.
//!
//! ```text
//! reader, writer ─► transport ─► auth (token) ─► gate (how many at once) ─► HTTP
//!       ▲               │
//!     views          exact, problem, retry: what the answer says, and whether to ask again
//! ```

mod auth;
mod endpoint;
mod exact;
mod gate;
mod problem;
mod reader;
mod retry;
mod transport;
mod views;
mod writer;

pub use auth::{AuthorityVersion, ChooseError, Claims, Credential, Method, Passed, RESOURCE};
pub use endpoint::{Endpoint, EndpointError, OperationPath};
pub use problem::{Kind, Problem};
pub use reader::Reader;
pub use transport::{Settings, Traffic, Tries};
pub use views::{Level, Message, OfferSummary, OperationView, State, Step, StepState, Submission};
pub use writer::{Accepted, Approval, Precondition, Writer};

/// Names the tool and its version to servers.
const USER_AGENT: &str = concat!("offerctl/", env!("CARGO_PKG_VERSION"));
