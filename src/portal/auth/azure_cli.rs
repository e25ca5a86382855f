//! The token of whoever is signed in to the Azure CLI.

use std::process::Stdio;
use std::time::Duration;

use super::exchange::{self, Failure, Granted};
use super::method::RESOURCE;
use crate::child;
use crate::portal::{exact, problem};

/// The CLI can refresh its own token over the network first.
const TIMEOUT: Duration = Duration::from_mins(1);
const PROGRAM: &str = if cfg!(windows) { "az.cmd" } else { "az" };

/// What the CLI reads, beside what every program does: its settings, and how Azure's own shell and hosts sign it in.
const VARIABLES: &[&str] = &[
    "AZURE_CONFIG_DIR",
    "AZURE_EXTENSION_DIR",
    "AZURE_CLOUD_NAME",
    "AZURE_CORE_*",
    "ACC_CLOUD",
    "MSI_ENDPOINT",
    "MSI_SECRET",
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
];

#[derive(Debug)]
pub(super) struct AzureCli {
    /// The directory to sign in to, where it is not the CLI's own choice.
    pub(super) tenant: Option<String>,
}

impl AzureCli {
    pub(super) async fn token(&self) -> Result<Granted, Failure> {
        let mut command = child::command(PROGRAM, VARIABLES);
        command.args(["account", "get-access-token", "--resource", RESOURCE, "--output", "json"]);
        if let Some(tenant) = &self.tenant {
            command.args(["--tenant", tenant]);
        }
        let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
        let output = match tokio::time::timeout(TIMEOUT, output).await {
            Ok(Ok(output)) => output,
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Failure::here("the Azure CLI (az) is not installed"));
            }
            Ok(Err(error)) => return Err(Failure::here(format!("the Azure CLI (az) cannot be started: {error}"))),
            Err(_) => return Err(Failure::here("the Azure CLI (az) did not answer within a minute")),
        };
        if !output.status.success() {
            // Warnings come first, and what failed after them: it must not be what a long text is cut down by.
            let stderr = String::from_utf8_lossy(&output.stderr);
            let mut lines = stderr.lines().collect::<Vec<_>>();
            lines.sort_by_key(|line| !line.starts_with("ERROR: "));
            let mut said = problem::lines(&lines.join("\n"));
            let first = if said.is_empty() { "it gave no reason".to_owned() } else { said.remove(0) };
            let cause = format!("the Azure CLI (az) returned no token: {}", first.trim_start_matches("ERROR: "));
            let hint = Some("sign in with `az login`".to_owned());
            return Err(Failure { hint, details: said, ..Failure::here(cause) });
        }
        let answer = exact::json(&output.stdout).map_err(|_| Failure::here("the Azure CLI's answer is not JSON"))?;
        exchange::granted(&answer)
    }
}
