//! The command line: names, variables and help. No behaviour.

mod diff;
mod drift;
mod edit;
mod fmt;
mod import;
mod init;
mod output;
mod plans;
mod sandbox;
mod snapshot;
mod variables;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::model::Shard;
use crate::portal::{AuthorityVersion, Endpoint, Method};
use crate::term::ColorChoice;
use crate::workspace::{MAX_PARALLELISM, Through};

pub(crate) use diff::{DiffArgs, SideArg};
pub(crate) use drift::DriftArgs;
pub(crate) use edit::{EditArgs, EditCommand, ImageArgs, ImageCommand, Rewriting, SetArgs, UnsetArgs};
pub(crate) use fmt::FmtArgs;
pub(crate) use import::{HistoryArgs, ImportArgs, LayoutArgs, Names, OfferAt, RollbackArgs, ShowArgs};
pub(crate) use init::{Ci, InitArgs};
pub(crate) use output::{Format, OutputSpec};
pub(crate) use plans::{MergePlansArgs, Reading, Refresh, ShowPlanArgs};
pub(crate) use sandbox::SandboxArgs;
pub(crate) use snapshot::SnapshotArgs;

/// Azure Marketplace offers as code: review a plan, apply exactly that plan, detect drift.
#[derive(Debug, Parser)]
#[command(name = "offerctl", version, disable_help_subcommand = true, max_term_width = 100)]
pub(crate) struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Run as if started in this folder
    #[arg(short = 'C', long, global = true, value_name = "DIR", env = "OFFERCTL_CHDIR")]
    pub(crate) chdir: Option<PathBuf>,

    /// Environment of offerctl.toml to use [default: the one with `default = true`]
    #[arg(long, global = true, value_name = "NAME", env = "OFFERCTL_ENV")]
    pub(crate) env: Option<String>,

    /// Base URL of the portal; https, or http on loopback [default: https://cloudpartner.azure.com]
    #[arg(long, global = true, value_name = "URL", env = "OFFERCTL_ENDPOINT")]
    pub(crate) endpoint: Option<Endpoint>,

    /// Use the embedded portal instead of --endpoint; it keeps its state in .offerctl/sandbox.redb
    #[arg(long, global = true, env = "OFFERCTL_SANDBOX", value_parser = FalseyValueParser::new())]
    pub(crate) sandbox: bool,

    /// Result format (text, markdown, html, json, yaml, sarif, junit, github), and the file to write it to [default
    /// file: stdout]; repeatable
    #[arg(short, long, global = true, value_name = "FORMAT[=PATH]", env = "OFFERCTL_OUTPUT", value_delimiter = ',')]
    pub(crate) output: Vec<OutputSpec>,

    /// How many offers are processed, and requests are sent, at once [default: 8]
    #[arg(long, global = true, value_name = "N", env = "OFFERCTL_PARALLELISM", value_parser = clap::value_parser!(u16).range(1..=MAX_PARALLELISM as i64))]
    pub(crate) parallelism: Option<u16>,

    /// How often to repeat a failed request; a write is repeated only after a read shows that it had no effect
    #[arg(long, global = true, value_name = "N", env = "OFFERCTL_RETRIES", default_value_t = 8, value_parser = clap::value_parser!(u32).range(0..=20))]
    pub(crate) retries: u32,

    /// How much time failed requests, and the pauses after them, may take for one offer
    #[arg(long, global = true, value_name = "DURATION", env = "OFFERCTL_RETRY_BUDGET", default_value = "15m", value_parser = duration)]
    pub(crate) retry_budget: Duration,

    /// Stop after this many requests to the portal [default: no limit]
    #[arg(long, global = true, value_name = "N", env = "OFFERCTL_MAX_REQUESTS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_requests: Option<u64>,

    /// Use only this credential: token, client-secret, client-certificate, workload-identity, github, managed-identity
    /// or azure-cli [default: the first one that is configured, in this order]
    #[arg(long, global = true, value_name = "METHOD", env = "OFFERCTL_AUTH")]
    pub(crate) auth: Option<Method>,

    /// Token endpoint of the directory
    #[arg(
        long,
        global = true,
        value_name = "VERSION",
        env = "OFFERCTL_AUTH_VERSION",
        value_enum,
        default_value = "v2"
    )]
    pub(crate) auth_version: AuthorityVersion,

    /// Folder of the cache [default: the user's cache directory]
    #[arg(long, global = true, value_name = "DIR", env = "OFFERCTL_CACHE_DIR")]
    pub(crate) cache_dir: Option<PathBuf>,

    /// Never ask for confirmation; fail instead
    #[arg(long, global = true, env = "OFFERCTL_NO_INPUT", value_parser = FalseyValueParser::new())]
    pub(crate) no_input: bool,

    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", env = "OFFERCTL_COLOR", value_enum, default_value_t)]
    pub(crate) color: ColorChoice,

    /// Hide progress and messages; errors and results are still shown
    #[arg(short, long, global = true, env = "OFFERCTL_QUIET", value_parser = FalseyValueParser::new())]
    pub(crate) quiet: bool,

    /// Show hidden details, and log decisions; -vv logs requests, -vvv bodies without secrets
    #[arg(short, long, global = true, env = "OFFERCTL_VERBOSE", action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,

    /// Format of the log on stderr
    #[arg(long, global = true, value_name = "FORMAT", env = "OFFERCTL_LOG_FORMAT", value_enum, default_value_t)]
    pub(crate) log_format: LogFormat,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check the offer files, without the portal
    Validate(ValidateArgs),
    /// Begin a project: settings, editor settings, pipelines, and the offers of publishers
    Init(InitArgs),
    /// Rewrite the offer files in one layout; comments are kept
    Fmt(FmtArgs),
    /// Show what the offer files declare, with overlays, tags and split plans resolved
    Render(Targets),
    /// Write offers of the portal to YAML files
    Import(ImportArgs),
    /// Show an offer as the portal stores it: the draft, the preview, the live offer, or a version
    Show(ShowArgs),
    /// List the versions and submissions of an offer that the portal keeps
    History(HistoryArgs),
    /// Write an earlier state of an offer into its files; nothing is applied
    Rollback(RollbackArgs),
    /// Set a value in the files of an offer; comments and layout are kept
    Set(SetArgs),
    /// Remove a value from the files of an offer
    Unset(UnsetArgs),
    /// Add or remove image versions in the files of an offer
    Image(ImageArgs),
    /// Add or remove plans in the files of an offer
    Edit(EditArgs),
    /// Explain the code of a finding, such as OFR0041 or sas-expiry, or list all codes
    Explain(ExplainArgs),
    /// Show the JSON Schemas of offers, for people and editors
    Schema(SchemaArgs),
    /// Show what `apply` would change
    Plan(PlanArgs),
    /// Join the saved plans of all shards into one
    MergePlans(MergePlansArgs),
    /// Show a saved plan, without the project and the portal
    ShowPlan(ShowPlanArgs),
    /// Write drafts and, if asked, publish, go live, and wait
    Apply(ApplyArgs),
    /// Compare two states of offers: draft, preview, live, versions, or files
    Diff(DiffArgs),
    /// Detect drift: show whether the portal or the files changed since a baseline
    Drift(DriftArgs),
    /// Save the state of the portal, without secrets, for `plan --live` in jobs without a credential
    Snapshot(SnapshotArgs),
    /// Show the state of offers in the portal
    #[command(after_help = "Examples:\n  offerctl status\n  offerctl status contoso/service -o json")]
    Status(Targets),
    /// Wait for running operations, including those that others started
    Wait(WaitArgs),
    /// Publish drafts as they are in the portal, and wait for the preview
    Publish(PublishArgs),
    /// Sign off previews, and wait until they are live
    #[command(after_help = "Examples:\n  offerctl go-live contoso/service --yes")]
    GoLive(ReleaseArgs),
    /// Cancel running operations, and wait until they have stopped
    Cancel(CancelArgs),
    /// Check the project, credential, network, clock and permissions
    #[command(
        after_help = "Examples:\n  offerctl doctor\n  offerctl doctor -v                           all credentials that were tried"
    )]
    Doctor(Targets),
    /// Serve an embedded portal on loopback
    Sandbox(Box<SandboxArgs>),
}

/// Which offers.
#[derive(Debug, Args)]
pub(crate) struct Targets {
    /// A file, a folder, or publisher/offer [default: all offers of the project]
    #[arg(value_name = "TARGET")]
    pub(crate) targets: Vec<String>,
}

/// `offerctl validate`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  offerctl validate                            all offer files\n  offerctl validate offers/service.yaml --fix"
)]
pub(crate) struct ValidateArgs {
    /// Which offers.
    #[command(flatten)]
    pub(crate) targets: Targets,

    /// Only this share of the offers: i/n, such as 2/8 on the second of eight machines
    #[arg(long, value_name = "I/N")]
    pub(crate) shard: Option<Shard>,

    /// Fix findings that have one right answer, such as missing quotes; comments are kept
    #[arg(long)]
    pub(crate) fix: bool,
}

/// `offerctl explain`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  offerctl explain sas-expiry\n  offerctl explain OFR0041")]
pub(crate) struct ExplainArgs {
    /// A code or its name [default: list all codes]
    #[arg(value_name = "CODE")]
    pub(crate) code: Option<String>,
}

/// `offerctl schema`.
#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// What to show.
    #[command(subcommand)]
    pub(crate) command: SchemaCommand,
}

/// What `offerctl schema` shows.
#[derive(Debug, Subcommand)]
pub(crate) enum SchemaCommand {
    /// List the offer types that have a schema
    List,
    /// Print a schema as one self-contained file
    Show {
        /// An offer type [default: the schema of offer files of every type, for editors]
        #[arg(value_name = "TYPE")]
        offer_type: Option<String>,
    },
    /// Print a first schema, inferred from offers
    Infer {
        /// publisher/offer, or a .json file with the body of a GET
        #[arg(value_name = "OFFER", required = true)]
        from: Vec<String>,
    },
}

/// What shapes a plan.
#[derive(Debug, Args)]
pub(crate) struct Shaping {
    /// How far `apply` takes changes, instead of the `through` of each file
    #[arg(long, value_name = "SLOT", value_enum)]
    pub(crate) through: Option<Through>,

    /// Accept this finding of a guard: TOKEN, or publisher/offer:TOKEN if several offers have it; repeatable
    #[arg(long, value_name = "TOKEN", value_delimiter = ',')]
    pub(crate) allow: Vec<String>,

    /// Only the offers whose files changed since this Git revision; all offers if offerctl.toml or a schema changed
    #[arg(long, value_name = "REV")]
    pub(crate) since: Option<String>,

    /// Send values again that cannot be compared: artifacts that the portal copied, re-signed URLs, secrets
    #[arg(long)]
    pub(crate) resend: bool,

    /// Do not download artifacts to compare them; artifacts that the portal copied are shown as not compared
    #[arg(long)]
    pub(crate) no_artifacts: bool,

    /// Show HTML as source instead of as text
    #[arg(long)]
    pub(crate) html_source: bool,
}

/// `offerctl plan`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  offerctl plan                                every offer\n  offerctl plan contoso/service --out plan.json\n  offerctl plan -o markdown=plan.md            for a pull request\n  offerctl plan --allow remove-plan:old        accepts one finding"
)]
pub(crate) struct PlanArgs {
    /// Which offers.
    #[command(flatten)]
    pub(crate) targets: Targets,
    /// What shapes the plan.
    #[command(flatten)]
    pub(crate) shaping: Shaping,

    /// Only this share of the offers: i/n, such as 2/8 on the second of eight machines
    #[arg(long, value_name = "I/N")]
    pub(crate) shard: Option<Shard>,

    /// Plan against a snapshot instead of the portal, without a credential and a connection; the plan cannot be applied
    #[arg(long, value_name = "FILE")]
    pub(crate) live: Option<PathBuf>,

    /// Mark the changes that undo an edit made in the portal since a base: the report of the last `apply -o json=PATH`, or a
    /// Git revision; repeatable, the first that knows an offer counts
    #[arg(long, value_name = "PATH|REV")]
    pub(crate) base: Vec<String>,

    /// Save the plan for `apply` and `show-plan`
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    /// What shapes its texts.
    #[command(flatten)]
    pub(crate) reading: Reading,

    /// Which offers to read from the portal; docs/speed.md says what `changed` relies on
    #[arg(long, value_name = "WHICH", value_enum, default_value_t)]
    pub(crate) refresh: Refresh,

    /// Exit with 2 if there are changes
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
}

/// `offerctl apply`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  offerctl apply                               plans, asks, and writes drafts\n  offerctl apply plan.json --yes               exactly the saved plan\n  offerctl apply --through live --yes"
)]
pub(crate) struct ApplyArgs {
    /// A file, a folder, publisher/offer, or one saved plan (FILE.json) [default: all offers of the project]
    #[arg(value_name = "TARGET")]
    pub(crate) targets: Vec<String>,
    /// What shapes the plan.
    #[command(flatten)]
    pub(crate) shaping: Shaping,

    /// Only this share of a saved plan: i/n, such as 2/8 on the second of eight machines
    #[arg(long, value_name = "I/N")]
    pub(crate) shard: Option<Shard>,

    /// Apply only the plan with this fingerprint, as `plan` shows it (12 to 64 digits)
    #[arg(long, value_name = "FINGERPRINT", value_parser = fingerprint)]
    pub(crate) expect_plan: Option<String>,

    /// How to start, and how long to wait.
    #[command(flatten)]
    pub(crate) start: Start,
}

/// Reads a fingerprint, or the beginning of one.
fn fingerprint(text: &str) -> Result<String, String> {
    let good = (12..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_hexdigit());
    good.then(|| text.to_owned()).ok_or_else(|| "a fingerprint has 12 to 64 hexadecimal digits".to_owned())
}

/// Whether to ask.
#[derive(Debug, Args)]
pub(crate) struct Consent {
    /// Do not ask for confirmation
    #[arg(long)]
    pub(crate) yes: bool,
}

/// How to start something on the portal, and how long to wait for it.
#[derive(Debug, Args)]
pub(crate) struct Start {
    /// Whether to ask.
    #[command(flatten)]
    pub(crate) consent: Consent,

    /// How long to wait.
    #[command(flatten)]
    pub(crate) waiting: Waiting,

    /// Start operations without waiting for them; `offerctl wait` waits for them later
    #[arg(long, conflicts_with = "wait_timeout")]
    pub(crate) no_wait: bool,
}

/// How long to wait.
#[derive(Debug, Args)]
pub(crate) struct Waiting {
    /// Stop waiting after this time (90s, 45m, 6h, 2d); the operation continues [default: no limit]
    #[arg(long, value_name = "DURATION", env = "OFFERCTL_WAIT_TIMEOUT", value_parser = duration)]
    pub(crate) wait_timeout: Option<Duration>,
}

/// `offerctl wait`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  offerctl wait contoso/service\n  offerctl wait --through live --yes --wait-timeout 6h"
)]
pub(crate) struct WaitArgs {
    /// Which offers.
    #[command(flatten)]
    pub(crate) targets: Targets,
    /// How long.
    #[command(flatten)]
    pub(crate) waiting: Waiting,

    /// With `live`: sign off the running publish when its preview is ready, and wait until it is live
    #[arg(long, value_name = "SLOT", value_enum)]
    pub(crate) through: Option<Through>,

    /// Whether to ask.
    #[command(flatten)]
    pub(crate) consent: Consent,
}

/// `offerctl go-live`, and what `offerctl publish` has of it.
#[derive(Debug, Args)]
pub(crate) struct ReleaseArgs {
    /// Which offers.
    #[command(flatten)]
    pub(crate) targets: Targets,

    /// How to start, and how long to wait.
    #[command(flatten)]
    pub(crate) start: Start,
}

/// `offerctl publish`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  offerctl publish contoso/service --yes\n  offerctl publish --notify release@contoso.example"
)]
pub(crate) struct PublishArgs {
    /// What it has in common with `go-live`.
    #[command(flatten)]
    pub(crate) release: ReleaseArgs,

    /// Email address that the portal notifies; repeatable [default: `reconcile.notify` of the file]
    #[arg(long, value_name = "EMAIL", value_delimiter = ',')]
    pub(crate) notify: Vec<String>,
}

/// `offerctl cancel`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  offerctl cancel contoso/service")]
pub(crate) struct CancelArgs {
    /// Which offers.
    #[command(flatten)]
    pub(crate) targets: Targets,
    /// How long to wait for the effect.
    #[command(flatten)]
    pub(crate) waiting: Waiting,

    /// Whether to ask.
    #[command(flatten)]
    pub(crate) consent: Consent,
}

/// `--log-format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// `90s`, `1h30m`, `250ms`, `2d`.
fn duration(text: &str) -> Result<Duration, String> {
    const LONGEST: Duration = Duration::from_hours(24 * 365);
    let days = text.trim().strip_suffix('d').and_then(|days| days.parse::<u64>().ok());
    let parsed = match days {
        Some(days) => days.checked_mul(86_400).map(Duration::from_secs),
        None => text.parse::<jiff::SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok()),
    };
    parsed
        .filter(|time| *time <= LONGEST)
        .ok_or_else(|| "expected a duration such as `250ms`, `90s`, `1h30m` or `2d`, at most one year".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_are_read() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5_400)));
        assert_eq!(duration("2d"), Ok(Duration::from_secs(172_800)));
        assert!(duration("-5s").is_err() && duration("soon").is_err() && duration("5").is_err());
    }
}
