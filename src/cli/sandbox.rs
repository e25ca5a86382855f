//! The command line of `offerctl sandbox`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::duration;
use crate::model::{Profile, PublisherId};

/// `offerctl sandbox`.
#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// Where to listen, on loopback; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT", env = "OFFERCTL_SANDBOX_LISTEN", default_value = "127.0.0.1:8090")]
    pub listen: SocketAddr,

    /// A folder of JSON documents, each as GET would return it [default: the offers of contoso]
    #[arg(long, value_name = "DIR", env = "OFFERCTL_SANDBOX_SEED")]
    pub seed: Option<PathBuf>,

    /// How offers are treated that do not say it themselves
    #[arg(long, value_name = "PROFILE", env = "OFFERCTL_SANDBOX_PROFILE", value_enum, default_value = "native")]
    pub profile: ProfileArg,

    /// A publisher that is known though it has no offer; others without offers answer 403; repeatable [default: all,
    /// while there are no offers]
    #[arg(long, value_name = "ID", env = "OFFERCTL_SANDBOX_PUBLISHER", value_delimiter = ',')]
    pub publisher: Vec<PublisherId>,

    /// How long one step of a publish takes
    #[arg(long, value_name = "DURATION", env = "OFFERCTL_SANDBOX_STEP_TIME", default_value = "1s", value_parser = duration)]
    pub step_time: Duration,

    /// Keep the state in this file
    #[arg(long, value_name = "FILE", env = "OFFERCTL_SANDBOX_STATE")]
    pub state: Option<PathBuf>,

    /// The bearer token to demand [default: any]
    #[arg(long, value_name = "TOKEN", env = "OFFERCTL_SANDBOX_TOKEN", hide_env_values = true)]
    pub token: Option<String>,

    /// Also play the portal's and the login's https hosts, as a CONNECT proxy on loopback for clients that have these
    /// hosts built in; prints the environment that points them at it. Port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT", env = "OFFERCTL_SANDBOX_PROXY")]
    pub proxy: Option<SocketAddr>,

    /// Write the certificate that clients of the proxy trust to this file [default: beside the state file as .ca.pem,
    /// else in a temporary folder]
    #[arg(long, value_name = "FILE", env = "OFFERCTL_SANDBOX_PROXY_CA", requires = "proxy")]
    pub proxy_ca: Option<PathBuf>,
}

/// `--profile`.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum ProfileArg {
    /// ETags, strict If-Match, `{"error": …}` bodies.
    Native,
    /// No ETag, the shim's errors.
    Migrated,
}

impl From<ProfileArg> for Profile {
    fn from(profile: ProfileArg) -> Self {
        match profile {
            ProfileArg::Native => Self::Native,
            ProfileArg::Migrated => Self::Migrated,
        }
    }
}
