//! Whole commands against the embedded portal: stdout, stderr, exit code, and what the portal saw.

mod support;

mod architecture;
mod client;
mod docs;
mod files;
mod first_run;
mod foreign_clients;
mod hostile_files;
mod hostile_portal;
mod isolation;
mod plans;
mod promises;
mod release;
mod resume;
mod sandbox_command;
mod sandbox_proxy;
mod sandbox_store;
mod stale;
mod streams;
mod terminal;
