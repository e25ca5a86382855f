//! Whole commands against the embedded portal: stdout, stderr, exit code, and what the portal saw.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::too_many_lines,
    reason = "tests read files, run programs, open ports and list many cases"
)]

mod support;

mod architecture;
mod artifacts;
mod auth;
mod campaign;
mod canary;
mod client;
mod contract;
mod doctor;
mod documents;
mod drift;
mod edits;
mod environments;
mod errors;
mod files;
mod first_run;
mod fix;
mod fmt;
mod foreign_clients;
mod formats;
mod fuzz_corpus;
mod gallery;
mod git;
mod hostile_files;
mod hostile_portal;
mod hostile_size;
mod import;
mod isolation;
mod leaving;
mod logs;
mod pipelines;
mod plans;
mod promises;
mod protocol;
mod reading;
#[cfg(unix)]
mod readme;
mod release;
mod render;
mod resume;
mod round_trip;
mod sandbox_command;
mod sandbox_proxy;
mod sandbox_store;
mod sas;
mod scenarios;
mod schemas;
mod slots;
mod snapshots;
mod split_plans;
mod stale;
mod stopping;
mod streams;
mod terminal;
mod weather;
mod words;
