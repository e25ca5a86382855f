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
pub(crate) struct SandboxArgs {
    /// Where to listen, on loopback; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT", env = "OFFERCTL_SANDBOX_LISTEN", default_value = "127.0.0.1:8090")]
    pub(crate) listen: SocketAddr,

    /// Listen beyond loopback too: whoever reaches the address may read and change everything
    #[arg(long, env = "OFFERCTL_SANDBOX_EXPOSE", value_parser = FalseyValueParser::new())]
    pub(crate) expose: bool,

    /// A folder of JSON documents, each as GET would return it [default: the offers of contoso]
    #[arg(long, value_name = "DIR", env = "OFFERCTL_SANDBOX_SEED")]
    pub(crate) seed: Option<PathBuf>,

    /// How offers are treated that do not say it themselves
    #[arg(long, value_name = "PROFILE", env = "OFFERCTL_SANDBOX_PROFILE", value_enum, default_value = "native")]
    pub(crate) profile: Profile,

    /// A publisher that is known though it has no offer; others without offers answer 403; repeatable [default: all,
    /// while there are no offers]
    #[arg(long, value_name = "ID", env = "OFFERCTL_SANDBOX_PUBLISHER", value_delimiter = ',')]
    pub(crate) publisher: Vec<PublisherId>,

    /// How long one step of a publish takes
    #[arg(long, value_name = "DURATION", env = "OFFERCTL_SANDBOX_STEP_TIME", default_value = "1s", value_parser = duration)]
    pub(crate) step_time: Duration,

    /// The clock: real, stepped (it only moves by POST /_sandbox/clock), or the instant at which a stepped one starts
    #[arg(long, value_name = "CLOCK", env = "OFFERCTL_SANDBOX_CLOCK", default_value = "real")]
    pub(crate) clock: ClockChoice,

    /// Keep the state in this file
    #[arg(long, value_name = "FILE", env = "OFFERCTL_SANDBOX_STATE")]
    pub(crate) state: Option<PathBuf>,

    /// The bearer token to demand [default: any, or one that was issued here where there is a --client]
    #[arg(long, value_name = "TOKEN", env = "OFFERCTL_SANDBOX_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,

    /// Demand no token at all
    #[arg(long, env = "OFFERCTL_SANDBOX_NO_AUTH", value_parser = FalseyValueParser::new(), conflicts_with_all = ["token", "client"])]
    pub(crate) no_auth: bool,

    /// Who can sign in: ID:SECRET for every publisher, or ID:SECRET@PUBLISHER,PUBLISHER; repeatable
    #[arg(long, value_name = "CLIENT", env = "OFFERCTL_SANDBOX_CLIENT", value_delimiter = ' ', hide_env_values = true)]
    pub(crate) client: Vec<Client>,

    /// How long a token that is issued here is good
    #[arg(long, value_name = "DURATION", env = "OFFERCTL_SANDBOX_TOKEN_LIFETIME", default_value = "1h", value_parser = duration)]
    pub(crate) token_lifetime: Duration,

    /// A YAML file of faults
    #[arg(long, value_name = "FILE", env = "OFFERCTL_SANDBOX_FAULTS")]
    pub(crate) faults: Option<PathBuf>,

    /// Make names and chances follow from this number [default: different in every run]
    #[arg(long, value_name = "N", env = "OFFERCTL_SANDBOX_RANDOM_SEED")]
    pub(crate) random_seed: Option<u64>,

    /// Answer an open question otherwise; docs/sandbox.md lists the switches; repeatable
    #[arg(long, value_name = "SWITCH=VALUE", env = "OFFERCTL_SANDBOX_SET", value_delimiter = ',', value_parser = setting)]
    pub(crate) set: Vec<(String, String)>,

    /// Also play the portal's and the login's https hosts, as a CONNECT proxy on loopback for clients that have these
    /// hosts built in; prints the environment that points them at it. Port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT", env = "OFFERCTL_SANDBOX_PROXY")]
    pub(crate) proxy: Option<SocketAddr>,

    /// Write the certificate that clients of the proxy trust to this file [default: beside the state file as .ca.pem,
    /// else in a temporary folder]
    #[arg(long, value_name = "FILE", env = "OFFERCTL_SANDBOX_PROXY_CA", requires = "proxy")]
    pub(crate) proxy_ca: Option<PathBuf>,
}

/// `NAME=VALUE` of a switch that there is.
fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Switches::default().set(name, value)?;
    Ok((name.to_owned(), value.to_owned()))
}
