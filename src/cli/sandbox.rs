//! The command line of `offerctl sandbox`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::FalseyValueParser;

use super::duration;
use crate::model::{Profile, PublisherId};
use crate::sandbox::{Client, ClockChoice, Switches};

/// `offerctl sandbox`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  offerctl sandbox                             then: offerctl plan --endpoint http://127.0.0.1:8090\n  offerctl sandbox --profile migrated --step-time 5s --state portal.redb"
)]
pub(crate) struct SandboxArgs {
    /// Address to listen on; port 0 takes a free port
    #[arg(long, value_name = "ADDR:PORT", env = "OFFERCTL_SANDBOX_LISTEN", default_value = "127.0.0.1:8090")]
    pub(crate) listen: SocketAddr,

    /// Allow an address that is not loopback; everyone who can reach it can read and change everything
    #[arg(long, env = "OFFERCTL_SANDBOX_EXPOSE", value_parser = FalseyValueParser::new())]
    pub(crate) expose: bool,

    /// Folder of JSON documents, each as GET would return it [default: the offers of contoso]
    #[arg(long, value_name = "DIR", env = "OFFERCTL_SANDBOX_SEED")]
    pub(crate) seed: Option<PathBuf>,

    /// Profile of offers that do not name one
    #[arg(long, value_name = "PROFILE", env = "OFFERCTL_SANDBOX_PROFILE", value_enum, default_value = "native")]
    pub(crate) profile: Profile,

    /// Publisher that exists without offers; other publishers without offers answer 403; repeatable [default: all,
    /// while there are no offers]
    #[arg(long, value_name = "ID", env = "OFFERCTL_SANDBOX_PUBLISHER", value_delimiter = ',')]
    pub(crate) publisher: Vec<PublisherId>,

    /// Duration of one step of a publish
    #[arg(long, value_name = "DURATION", env = "OFFERCTL_SANDBOX_STEP_TIME", default_value = "1s", value_parser = duration)]
    pub(crate) step_time: Duration,

    /// Clock: real, stepped (moved by POST /_sandbox/clock), or the time at which a stepped clock starts
    #[arg(long, value_name = "CLOCK", env = "OFFERCTL_SANDBOX_CLOCK", default_value = "real")]
    pub(crate) clock: ClockChoice,

    /// Keep the state in this file
    #[arg(long, value_name = "FILE", env = "OFFERCTL_SANDBOX_STATE")]
    pub(crate) state: Option<PathBuf>,

    /// Bearer token to require [default: any token; with --client, one that the sandbox issued]
    #[arg(long, value_name = "TOKEN", env = "OFFERCTL_SANDBOX_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,

    /// Require no token
    #[arg(long, env = "OFFERCTL_SANDBOX_NO_AUTH", value_parser = FalseyValueParser::new(), conflicts_with_all = ["token", "client"])]
    pub(crate) no_auth: bool,

    /// Client that can sign in: ID:SECRET for every publisher, or ID:SECRET@PUBLISHER,PUBLISHER; repeatable
    #[arg(long, value_name = "CLIENT", env = "OFFERCTL_SANDBOX_CLIENT", value_delimiter = ' ', hide_env_values = true)]
    pub(crate) client: Vec<Client>,

    /// Lifetime of issued tokens
    #[arg(long, value_name = "DURATION", env = "OFFERCTL_SANDBOX_TOKEN_LIFETIME", default_value = "1h", value_parser = duration)]
    pub(crate) token_lifetime: Duration,

    /// YAML file of faults
    #[arg(long, value_name = "FILE", env = "OFFERCTL_SANDBOX_FAULTS")]
    pub(crate) faults: Option<PathBuf>,

    /// Seed for names and random faults [default: different in every run]
    #[arg(long, value_name = "N", env = "OFFERCTL_SANDBOX_RANDOM_SEED")]
    pub(crate) random_seed: Option<u64>,

    /// Set a switch of the behaviour, as listed in docs/sandbox.md; repeatable
    #[arg(long, value_name = "SWITCH=VALUE", env = "OFFERCTL_SANDBOX_SET", value_delimiter = ',', value_parser = setting)]
    pub(crate) set: Vec<(String, String)>,

    /// Also serve the https hosts of the portal and the login, as a CONNECT proxy on loopback for clients with built-in
    /// hosts; prints the environment for them. Port 0 takes a free port
    #[arg(long, value_name = "ADDR:PORT", env = "OFFERCTL_SANDBOX_PROXY")]
    pub(crate) proxy: Option<SocketAddr>,

    /// File for the certificate that clients of the proxy trust [default: .ca.pem beside the state file, else in a
    /// temporary folder]
    #[arg(long, value_name = "FILE", env = "OFFERCTL_SANDBOX_PROXY_CA", requires = "proxy")]
    pub(crate) proxy_ca: Option<PathBuf>,
}

/// `NAME=VALUE` of a switch that there is.
fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Switches::default().set(name, value)?;
    Ok((name.to_owned(), value.to_owned()))
}
