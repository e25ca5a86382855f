//! offerctl reconciles Azure Marketplace offers: what YAML files declare, with what the Cloud Partner Portal holds.
//!
//! # The flow
//!
//! ```text
//! offers/*.yaml ─ workspace ─► Desired ─┐
//! schemas/*.json ─ schema ──────────────┼─► diff ─► plan ─► render ─► people and pipelines
//! GET ─ portal ─► Live ─────────────────┘            │
//!                                                    └─► apply ─► portal (PUT, POST) ─► operation ─► report ─► render
//! ```
//!
//! Each stage is a function from the value before it to the next value:
//!
//! 1. [`workspace`] finds the project, reads the offer files with the place of every node, resolves tags, and collects
//!    [`diagnostic`]s. The result is one `Desired` for each offer.
//!    [`lint`] then looks for what is well-formed and still goes wrong later. [`import`] goes the other way: from a live
//!    offer to the file that declares it.
//! 2. [`schema`] says what is known of a document: what identifies the members of a list, what the portal owns, fills
//!    in, renames or rehosts. It is data, from `schemas/`. [`document`] visits, pairs, maps and finds the values of
//!    documents by it; no other module decides what the identity of a member is.
//! 3. [`live`] holds what GET returned. A read that failed is no `Live` at all: nothing is proposed for such an offer.
//!    [`infer`] makes a first schema of such documents.
//! 4. [`diff`] compares the two: changes for people, an RFC 6902 patch for the portal. Only what the file declares can
//!    change; everything else of the live document goes back as it came.
//! 5. [`plan`] decides: what to write, which release steps follow, what a guard or a rule of the project stops (the
//!    [`policy`]). `plan::assemble` makes the plan, and nothing changes it afterwards. A plan is data without a secret; it
//!    can be saved, reviewed, and applied exactly.
//!    [`drift`] tells who moved, the portal or the file, by a base: the last apply's report or a Git revision.
//!    A [`snapshot`] stands in for the portal where none may be asked.
//! 6. [`portal`] is the HTTP client. A `Reader` only reads; a `Writer` is made from an approval.
//! 7. [`operation`] waits for publishes and go-lives; the portal holds their state, so any later run can pick them up.
//! 8. [`apply`] carries a plan out: read again, stop if stale, write with If-Match, read back, release, wait.
//! 9. [`report`] folds what happened into one result and one exit code; [`render`] makes texts of plans and reports.
//!
//! [`sandbox`] is the portal's double: it serves the same API on loopback, and `--sandbox` and all tests run against
//! it. [`cli`] and [`commands`] are the shell around all this; with [`term`], they are the only modules that see
//! environment and terminal.
//!
//! # The rules
//!
//! The modules below stand in the order of the flow, and arrows point backwards only: a module uses those above it
//! (a test keeps it so). From `schema` to `plan`, and in `report` and `render`, functions are pure: no network, no
//! clock, no environment, and no files but those that `workspace` reads. Decide everything, then do it: there is no
//! dry-run flag, because planning holds no `Writer`.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        clippy::disallowed_types,
        clippy::too_many_lines,
        reason = "tests read expected texts and list many cases"
    )
)]

// Leaves: values, errors, streams.
mod diagnostic;
mod error;
mod model;
mod redact;
mod sas;
mod steps;
// What leaves the process, through `term` or a file.
mod safe;
mod stop;
#[expect(clippy::disallowed_methods, reason = "asks for the environment and writes to the streams")]
mod term;
#[expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "reads files that others wrote")]
mod text;

mod parallel;

// What is declared and what is known.
mod schema;

mod document;

#[expect(clippy::disallowed_methods, reason = "reads the files of the project")]
mod workspace;

// Writing YAML, laying it out, and editing it.
mod yaml;

mod layout;

mod edit;

mod lint;

// What is, what differs, what to do.
mod live;

mod infer;

mod content;

mod diff;
// From live offers back to files.
mod import;

mod policy;

mod plan;

mod drift;

// Back into the files.
mod revise;

mod snapshot;

// Doing it.
#[expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "reads and uploads files")]
mod artifact;

#[expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "starts programs")]
mod child;

#[expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "is the HTTP client")]
mod portal;

#[expect(clippy::disallowed_methods, reason = "pauses between two looks")]
mod operation;

mod apply;

// Telling it.
mod report;

mod render;

// The portal's double.
#[expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "serves a portal and keeps its state")]
mod sandbox;

// The shell.
mod cli;

#[expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "is the shell")]
mod commands;

mod testing;

pub use commands::run;
#[doc(hidden)]
pub use testing::*;
