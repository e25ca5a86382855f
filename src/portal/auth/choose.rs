//! Which credential the environment describes. Pure: variables in, a decision out.
//!
//! The order is documented in docs/credentials.md and is that of [`Method::ALL`]. The first method that is described is used,
//! and its failure is final: falling through to another identity would do the right thing as the wrong one.

use std::path::PathBuf;

use super::azure_cli::AzureCli;
use super::entra::{Application, Proof};
use super::identity::Identity;
use super::method::{AuthorityVersion, Method};
use crate::portal::endpoint::private_url;
use crate::redact::Secret;

/// Where the directory gives tokens, unless `AZURE_AUTHORITY_HOST` names another place.
const AUTHORITY: &str = "https://login.microsoftonline.com/";

#[derive(Debug)]
pub(super) enum Source {
    Fixed(Secret),
    /// An application of the directory, by secret, certificate or federation.
    Application(Application),
    Identity(Identity),
    /// Whoever is signed in to the Azure CLI.
    AzureCli(AzureCli),
    /// Nothing is set: the identity of the machine, where there is one, else the Azure CLI.
    Ambient(Identity, AzureCli),
}

/// A method that was not taken, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Passed {
    pub(crate) method: Method,
    pub(crate) why: String,
}

/// The environment describes no usable credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{method}: {why}")]
pub(crate) struct ChooseError {
    pub(crate) method: Method,
    why: String,
}

enum Described {
    Not(String),
    Whole(Box<Source>),
}

type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Decides. Variables that are set and empty count as not set.
pub(super) fn choose(
    wanted: Option<Method>,
    version: AuthorityVersion,
    env: Env<'_>,
) -> Result<(Source, Method, Vec<Passed>), ChooseError> {
    let env: Env<'_> = &|name| env(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    let mut passed = Vec::new();
    for method in Method::ALL.into_iter().filter(|method| wanted.is_none_or(|wanted| wanted == *method)) {
        let fail = |why| ChooseError { method, why };
        match describe(method, version, env, wanted.is_some()).map_err(fail)? {
            Described::Whole(source) => {
                tracing::info!(%method, "credential");
                return Ok((*source, method, passed));
            }
            Described::Not(why) if wanted.is_some() => return Err(fail(why)),
            Described::Not(why) => passed.push(Passed { method, why }),
        }
    }
    let (identity, cli) =
        (Identity::from_env(env).map_err(|why| ChooseError { method: Method::ManagedIdentity, why })?, cli(env));
    Ok((Source::Ambient(identity, cli), Method::AzureCli, passed))
}

fn whole(source: Source) -> Described {
    Described::Whole(Box::new(source))
}

fn describe(method: Method, version: AuthorityVersion, env: Env<'_>, wanted: bool) -> Result<Described, String> {
    let unset = |name: &str| Ok(Described::Not(format!("{name} is not set")));
    let application = |proof| application(proof, version, env).map(|app| whole(Source::Application(app)));
    match method {
        Method::Token => match env("OFFERCTL_TOKEN") {
            Some(token) => Ok(whole(Source::Fixed(Secret::from(token)))),
            None => unset("OFFERCTL_TOKEN"),
        },
        Method::ClientSecret => match env("AZURE_CLIENT_SECRET") {
            Some(secret) => application(Proof::Secret(Secret::from(secret))),
            None => unset("AZURE_CLIENT_SECRET"),
        },
        Method::ClientCertificate => match env("AZURE_CLIENT_CERTIFICATE_PATH") {
            Some(path) => application(Proof::Certificate(PathBuf::from(path))),
            None => unset("AZURE_CLIENT_CERTIFICATE_PATH"),
        },
        Method::WorkloadIdentity => match env("AZURE_FEDERATED_TOKEN_FILE") {
            Some(path) => application(Proof::TokenFile(PathBuf::from(path))),
            None => unset("AZURE_FEDERATED_TOKEN_FILE"),
        },
        Method::GitHub => github(env, wanted, &application),
        // Nothing names these two: whether they are there shows only when they are asked.
        Method::ManagedIdentity
            if wanted || (env("IDENTITY_ENDPOINT").is_some() && env("IDENTITY_HEADER").is_some()) =>
        {
            Ok(whole(Source::Identity(Identity::from_env(env)?)))
        }
        Method::ManagedIdentity => Ok(Described::Not("no variable names one; the machine is asked".to_owned())),
        Method::AzureCli if wanted => Ok(whole(Source::AzureCli(cli(env)))),
        Method::AzureCli | Method::Placeholder => Ok(Described::Not("tried after the machine's identity".to_owned())),
    }
}

/// A job with the permission `id-token: write` has the two variables, whether it means to sign in or not; a client id
/// says that it does.
fn github(
    env: Env<'_>,
    wanted: bool,
    application: &dyn Fn(Proof) -> Result<Described, String>,
) -> Result<Described, String> {
    let (Some(url), Some(token)) = (env("ACTIONS_ID_TOKEN_REQUEST_URL"), env("ACTIONS_ID_TOKEN_REQUEST_TOKEN")) else {
        let why = "ACTIONS_ID_TOKEN_REQUEST_URL is not set (the job needs the permission `id-token: write`)";
        return Ok(Described::Not(why.to_owned()));
    };
    if env("AZURE_CLIENT_ID").is_none() && !wanted {
        return Ok(Described::Not("AZURE_CLIENT_ID is not set".to_owned()));
    }
    application(Proof::GitHub { url: private_url("ACTIONS_ID_TOKEN_REQUEST_URL", &url)?, token: Secret::from(token) })
}

fn application(proof: Proof, version: AuthorityVersion, env: Env<'_>) -> Result<Application, String> {
    let need = |name: &str| env(name).ok_or_else(|| format!("{name} is not set, but this credential needs it"));
    let (tenant, client) = (need("AZURE_TENANT_ID")?, need("AZURE_CLIENT_ID")?);
    if !tenant.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_')) {
        return Err("AZURE_TENANT_ID is not a directory's id or domain".to_owned());
    }
    let mut authority = env("AZURE_AUTHORITY_HOST").unwrap_or_else(|| AUTHORITY.to_owned());
    if !authority.contains("://") {
        authority = format!("https://{authority}");
    }
    let authority = private_url("AZURE_AUTHORITY_HOST", &authority)?;
    Ok(Application { authority, tenant, client, proof, version })
}

fn cli(env: Env<'_>) -> AzureCli {
    AzureCli { tenant: env("AZURE_TENANT_ID") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(variables: &[(&str, &str)], wanted: Option<Method>) -> Result<(Method, String), String> {
        let env = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let (source, method, _) = choose(wanted, AuthorityVersion::V2, &env).map_err(|error| error.to_string())?;
        Ok((method, format!("{source:?}")))
    }

    const APP: [(&str, &str); 2] = [("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c")];
    const ALL: [(&str, &str); 8] = [
        ("OFFERCTL_TOKEN", "CANARYtoken"),
        ("AZURE_CLIENT_SECRET", "CANARYsecret"),
        ("AZURE_CLIENT_CERTIFICATE_PATH", "/c.pem"),
        ("AZURE_FEDERATED_TOKEN_FILE", "/f"),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://github.example/x?y"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "CANARYrequest"),
        ("IDENTITY_ENDPOINT", "http://127.0.0.1:1/msi"),
        ("IDENTITY_HEADER", "CANARYheader"),
    ];

    #[test]
    fn methods_are_tried_in_the_documented_order_and_nothing_secret_shows() {
        let mut variables = [&ALL[..], &APP[..]].concat();
        for expected in [
            Method::Token,
            Method::ClientSecret,
            Method::ClientCertificate,
            Method::WorkloadIdentity,
            Method::GitHub,
            Method::ManagedIdentity,
        ] {
            let (method, shown) = chosen(&variables, None).expect("a credential");
            assert_eq!(method, expected);
            assert!(!shown.contains("CANARY"), "{shown}");
            variables.retain(|(name, _)| *name != expected.basis());
        }
        let (_, shown) = chosen(&[], None).expect("nothing is set");
        assert!(shown.starts_with("Ambient"), "{shown}");
    }

    #[test]
    fn one_that_is_described_in_part_is_an_error_and_no_other_is_taken() {
        let partial = chosen(&[("AZURE_CLIENT_SECRET", "s"), ("AZURE_CLIENT_ID", "c")], None);
        assert_eq!(
            partial,
            Err("client-secret (AZURE_CLIENT_SECRET): AZURE_TENANT_ID is not set, but this credential needs it".into())
        );
        assert!(chosen(&[("AZURE_FEDERATED_TOKEN_FILE", "/f"), ("OFFERCTL_TOKEN", " ")], None).is_err());
        let wanted = chosen(&ALL, Some(Method::AzureCli)).expect("as asked");
        assert_eq!(wanted.0, Method::AzureCli);
        let missing = chosen(&[], Some(Method::ClientSecret)).expect_err("nothing describes it");
        assert_eq!(missing, "client-secret (AZURE_CLIENT_SECRET): AZURE_CLIENT_SECRET is not set");
    }

    #[test]
    fn a_github_job_without_a_client_id_does_not_mean_to_sign_in() {
        assert!(chosen(&ALL[4..6], None).is_ok_and(|(_, shown)| shown.starts_with("Ambient")));
        assert!(chosen(&ALL[4..6], Some(Method::GitHub)).is_err());
    }

    #[test]
    fn secrets_go_over_https_or_stay_on_this_machine() {
        let with = |host: &str| chosen(&[&ALL[1..2], &APP[..], &[("AZURE_AUTHORITY_HOST", host)]].concat(), None);
        assert!(with("https://login.example").is_ok());
        assert!(with("login.example").is_ok_and(|(_, shown)| shown.contains("login.example")));
        assert!(with("http://127.0.0.1:9").is_ok());
        assert!(with("http://login.example").is_err());
        assert!(private_url("X", "http://169.254.169.254.evil.example/").is_err());
        let tenant = chosen(&[ALL[1], ("AZURE_TENANT_ID", "../x"), ("AZURE_CLIENT_ID", "c")], None);
        assert!(tenant.is_err_and(|error| error.contains("AZURE_TENANT_ID")));
    }
}
