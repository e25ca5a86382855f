//! The way to the portal: which one, as whom, within which limits.

use std::time::Duration;

use super::shell::{self, Shell};
use crate::error::{Error, Exit, Result};
use crate::portal::{Credential, DEADLINE, Endpoint, Method, Passed, Problem, Reader, Settings, surroundings};
use crate::sandbox::{Options, Sandbox};
use crate::workspace::{Environment, Project};

const PORTAL: &str = "https://cloudpartner.azure.com";
/// The name of the embedded portal, and the token for it.
const SANDBOX: &str = "sandbox";
const PARALLELISM: usize = 8;
/// How long a publishing step takes with `--sandbox`: long enough to be seen, short enough to be waited for.
const STEP_TIME: Duration = Duration::from_millis(200);

/// A portal to talk to; the embedded one lives as long as this does.
pub(super) struct Portal {
    pub(super) reader: Reader,
    /// What a saved plan is bound to: the URL, or that it is the embedded one, whose port is never the same.
    pub(super) name: String,
    /// How many offers are worked on at once.
    pub(super) at_once: usize,
    /// The credentials that are not the one that is used, and why.
    pub(super) passed: Vec<Passed>,
    sandbox: Option<Sandbox>,
}

impl Portal {
    /// Does something with the portal, then ends the embedded one, its state saved, whatever came of it.
    pub(super) async fn during<T>(self, work: impl AsyncFnOnce(&Self) -> Result<T>) -> Result<T> {
        let done = work(&self).await;
        let closed = self.close().await;
        done.and_then(|done| closed.map(|()| done))
    }

    /// Ends the embedded portal, its state saved.
    pub(super) async fn close(self) -> Result<()> {
        match self.sandbox {
            Some(sandbox) => sandbox.stop().await,
            None => Ok(()),
        }
    }
}

impl Shell {
    /// Connects to the portal for some work, and disconnects afterwards. A credential that fails is an error before
    /// anything is read.
    pub(super) async fn with_portal<T>(&self, work: impl AsyncFnOnce(&Portal) -> Result<T>) -> Result<T> {
        self.connect().await?.during(work).await
    }

    /// As [`Self::with_portal`], for a caller that closes it.
    pub(super) async fn connect(&self) -> Result<Portal> {
        let portal = self.open(self.global.retries).await?;
        let token = self.until_stopped(async { Ok(portal.reader.credential().check().await) }).await;
        match token.and_then(|token| token.map_err(|problem| denied(&problem))) {
            Ok(_) => Ok(portal),
            Err(error) => portal.close().await.and(Err(error)),
        }
    }

    /// Opens the way to the portal, without a look at the credential.
    pub(super) async fn open(&self, retries: u32) -> Result<Portal> {
        let project = self.project_if_any()?;
        let project = project.as_deref();
        project.iter().for_each(|project| self.prepare_log(project));
        project.map_or(Ok(()), Project::check_chosen)?;
        let environment = project.and_then(Project::chosen);
        let config = project.map(|project| &project.config);
        let named = environment.and_then(|environment| environment.endpoint.as_ref());
        let named = named.or_else(|| config.and_then(|config| config.endpoint.as_ref()));
        let sandbox = if self.global.sandbox { Some(self.start_sandbox(project).await?) } else { None };
        let endpoint = match (&sandbox, &self.global.endpoint, named) {
            (Some(sandbox), _, _) => endpoint(sandbox.url())?,
            (None, Some(endpoint), _) => endpoint.clone(),
            (None, None, Some(text)) => configured(text)?,
            (None, None, None) => endpoint(PORTAL)?,
        };
        // The embedded portal takes any token, so the real one stays where it is.
        let (name, (credential, passed)) = match &sandbox {
            Some(_) => (SANDBOX.to_owned(), (Credential::placeholder(SANDBOX), Vec::new())),
            None => (endpoint.to_string(), self.credential(&endpoint, environment)?),
        };
        if !endpoint.is_loopback() {
            usable_surroundings()?;
        }
        let at_once = self.parallelism(project);
        tracing::info!(%endpoint, "portal");
        let reader = Reader::new(Settings {
            endpoint,
            credential,
            parallelism: at_once,
            retries,
            retry_budget: self.global.retry_budget,
            max_requests: self.global.max_requests,
            deadline: DEADLINE,
            stop: self.stop.clone(),
        })
        .map_err(|error| Error::failed(format!("the HTTP client cannot start: {error}")))?;
        // A command opens one portal, so the first is the only one.
        let _ = self.reader.set((reader.clone(), name.clone()));
        Ok(Portal { reader, name, at_once, passed, sandbox })
    }

    /// The credential of the environment. A portal on this machine gets a word of ours where none is named: nobody's
    /// identity is looked for to show it to a sandbox.
    fn credential(&self, endpoint: &Endpoint, environment: Option<&Environment>) -> Result<(Credential, Vec<Passed>)> {
        let env = |name: &str| std::env::var(name).ok();
        let named = environment.and_then(|environment| environment.auth.as_deref());
        let named = named.map(str::parse::<Method>).transpose().map_err(|error| {
            Error::invalid(format!("`auth` of the environment in offerctl.toml: {error}"))
                .hint("use one of these names")
        })?;
        let chosen = Credential::choose(self.global.auth.or(named), self.global.auth_version, &env);
        let (credential, passed) = chosen.map_err(|error| {
            Error::new(Exit::Denied, format!("the credential cannot be used: {error}")).hint(
                "set the variables that docs/credentials.md lists, or choose another credential with --auth \
                    METHOD",
            )
        })?;
        if credential.is_ambient() && endpoint.is_loopback() {
            return Ok((Credential::placeholder(SANDBOX), passed));
        }
        Ok((credential, passed))
    }

    async fn start_sandbox(&self, project: Option<&Project>) -> Result<Sandbox> {
        let project = project.ok_or_else(|| {
            Error::invalid("--sandbox keeps its state in the project, but this folder is not in a project")
                .hint("run it inside a project, or use `offerctl sandbox --state FILE` and --endpoint")
        })?;
        let folder = project.root.join(".offerctl");
        shell::own_folder(&folder)?;
        let state = folder.join("sandbox.redb");
        // The files of the project may name any publisher; it is rehearsed here, whoever it belongs to.
        let options = Options { step_time: STEP_TIME, state: Some(state), any_publisher: true, ..Options::default() };
        Sandbox::start(options).await
    }

    fn parallelism(&self, project: Option<&Project>) -> usize {
        let flag = self.global.parallelism.map(usize::from);
        flag.or_else(|| project.and_then(|project| project.config.parallelism)).unwrap_or(PARALLELISM)
    }
}

/// A variable that the HTTP client would pass over must not lead a token another way than somebody thinks.
fn usable_surroundings() -> Result<()> {
    let env = |name: &str| std::env::var(name).ok();
    let looked = surroundings::proxy(&env).and_then(|_| surroundings::certificates(&env));
    looked.map(|_| ()).map_err(|unusable| {
        Error::invalid(unusable.to_string()).hint(
            "correct or unset it; `offerctl doctor` shows the proxy and the \
            certificates",
        )
    })
}

/// There is no token, so there is no run.
fn denied(problem: &Problem) -> Error {
    let exit = if problem.is_denied() { Exit::Denied } else { Exit::Failed };
    let error = Error::new(exit, problem.to_string());
    match &problem.hint {
        Some(hint) => error.hint(hint.as_ref()),
        None => error.hint("run `offerctl doctor` to check the credential, the clock and the network"),
    }
}

/// An endpoint on a file's word. Whoever may change the file must not be able to send the token elsewhere.
fn configured(text: &str) -> Result<Endpoint> {
    let endpoint = endpoint(text)?;
    if endpoint.is_loopback() || endpoint.to_string() == PORTAL {
        return Ok(endpoint);
    }
    Err(Error::invalid(format!(
        "offerctl.toml names the endpoint {endpoint}; offerctl sends no token to a host that only a file names"
    ))
    .hint("if you trust the host, pass --endpoint or set OFFERCTL_ENDPOINT"))
}

fn endpoint(text: &str) -> Result<Endpoint> {
    text.parse::<Endpoint>().map_err(|error| Error::invalid(error.to_string()))
}
