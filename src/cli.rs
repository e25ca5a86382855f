//! The command line: names, variables and help. No behaviour.

mod diff;
mod drift;
mod edit;
mod fmt;
mod import;
mod init;
mod output;
mod sandbox;
mod snapshot;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

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
pub(crate) use sandbox::SandboxArgs;
pub(crate) use snapshot::SnapshotArgs;

/// Azure Marketplace offers as code: review a plan, apply exactly that plan, notice drift.
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

    /// The environment of offerctl.toml [default: the one with `default = true`]
    #[arg(long, global = true, value_name = "NAME", env = "OFFERCTL_ENV")]
    pub(crate) env: Option<String>,

    /// Base URL of the portal; plain http on loopback only [default: https://cloudpartner.azure.com]
    #[arg(long, global = true, value_name = "URL", env = "OFFERCTL_ENDPOINT")]
    pub(crate) endpoint: Option<Endpoint>,

    /// Use the embedded portal, whatever --endpoint says; its state is in .offerctl/sandbox.redb of the project
    #[arg(long, global = true, env = "OFFERCTL_SANDBOX", value_parser = FalseyValueParser::new())]
    pub(crate) sandbox: bool,

    /// Result format (text, markdown, html, json, sarif, junit, github), and a file to write it to; repeatable. Without a path
    /// it goes to stdout
    #[arg(short, long, global = true, value_name = "FORMAT[=PATH]", env = "OFFERCTL_OUTPUT", value_delimiter = ',')]
    pub(crate) output: Vec<OutputSpec>,

    /// How many offers are worked on, and requests are under way, at once [default: 8]
    #[arg(long, global = true, value_name = "N", env = "OFFERCTL_PARALLELISM", value_parser = clap::value_parser!(u16).range(1..=MAX_PARALLELISM as i64))]
    pub(crate) parallelism: Option<u16>,

    /// How often a request that may succeed later is tried again; a write only after a read showed no effect
    #[arg(long, global = true, value_name = "N", env = "OFFERCTL_RETRIES", default_value_t = 8, value_parser = clap::value_parser!(u32).range(0..=20))]
    pub(crate) retries: u32,

    /// How much time one offer may lose to requests that failed, and to the pauses after them
    #[arg(long, global = true, value_name = "DURATION", env = "OFFERCTL_RETRY_BUDGET", default_value = "15m", value_parser = duration)]
    pub(crate) retry_budget: Duration,

    /// Stop asking the portal after this many requests [default: no limit]
    #[arg(long, global = true, value_name = "N", env = "OFFERCTL_MAX_REQUESTS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_requests: Option<u64>,

    /// Use this credential alone: token, client-secret, client-certificate, workload-identity, github,
    /// managed-identity or azure-cli [default: the first that there is, in this order]
    #[arg(long, global = true, value_name = "METHOD", env = "OFFERCTL_AUTH")]
    pub(crate) auth: Option<Method>,

    /// Which token endpoint of the directory to ask
    #[arg(
        long,
        global = true,
        value_name = "VERSION",
        env = "OFFERCTL_AUTH_VERSION",
        value_enum,
        default_value = "v2"
    )]
    pub(crate) auth_version: AuthorityVersion,

    /// Where to keep what later runs can use again [default: the user's cache directory]
    #[arg(long, global = true, value_name = "DIR", env = "OFFERCTL_CACHE_DIR")]
    pub(crate) cache_dir: Option<PathBuf>,

    /// Never ask a question
    #[arg(long, global = true, env = "OFFERCTL_NO_INPUT", value_parser = FalseyValueParser::new())]
    pub(crate) no_input: bool,

    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", env = "OFFERCTL_COLOR", value_enum, default_value_t)]
    pub(crate) color: ColorChoice,

    /// Leave out progress and remarks
    #[arg(short, long, global = true, env = "OFFERCTL_QUIET", value_parser = FalseyValueParser::new())]
    pub(crate) quiet: bool,

    /// Show what is hidden, and log decisions; twice: requests; three times: bodies, without secrets
    #[arg(short, long, global = true, env = "OFFERCTL_VERBOSE", action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,

    /// The form of the log on stderr
    #[arg(long, global = true, value_name = "FORMAT", env = "OFFERCTL_LOG_FORMAT", value_enum, default_value_t)]
    pub(crate) log_format: LogFormat,
}

impl Cli {
    /// The command line as clap knows it, without the variables that are set and empty: pipelines set those, and mean
    /// nothing by them.
    pub(crate) fn without_empty_variables(is_empty: impl Fn(&std::ffi::OsStr) -> bool + Copy) -> clap::Command {
        let command = Self::command();
        let names = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect::<Vec<_>>();
        let strip = move |argument: clap::Arg| match argument.get_env().is_some_and(is_empty) {
            true => argument.env(clap::builder::Resettable::Reset),
            false => argument,
        };
        names.into_iter().fold(command.mut_args(strip), |command, name| {
            command.mut_subcommand(name, |subcommand| subcommand.mut_args(strip))
        })
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check the offer files, without the portal
    Validate(ValidateArgs),
    /// Begin a project: settings, editor settings, pipelines, and the offers of publishers
    Init(InitArgs),
    /// Rewrite the offer files in one layout; comments stay
    Fmt(FmtArgs),
    /// Show what the offer files declare once overlays, tags and split plans are resolved
    Render(Targets),
    /// Write offers of the portal as YAML files of a project, to begin with
    Import(ImportArgs),
    /// Show an offer as the portal holds it: the draft, another slot, or a version
    Show(ShowArgs),
    /// List the versions and submissions of an offer, as far as the portal keeps them
    History(HistoryArgs),
    /// Write an earlier state of an offer into its files, for review; nothing is applied
    Rollback(RollbackArgs),
    /// Set a value in the files of an offer; comments and layout stay
    Set(SetArgs),
    /// Remove a value from the files of an offer
    Unset(UnsetArgs),
    /// Add or remove image versions in the files of an offer
    Image(ImageArgs),
    /// Add or remove plans in the files of an offer
    Edit(EditArgs),
    /// Explain a code of a finding, such as OFR0041 or sas-expiry; without one, list them all
    Explain(ExplainArgs),
    /// Show what is known of offers, as JSON Schema for people and editors
    Schema(SchemaArgs),
    /// Show what apply would do
    Plan(PlanArgs),
    /// Carry out a plan: write drafts and, where asked, publish, go live, and wait
    Apply(ApplyArgs),
    /// Compare two states of offers: slots, versions, or the files
    Diff(DiffArgs),
    /// Tell who moved since a base: the portal, the files, or both
    Drift(DriftArgs),
    /// Save what the portal holds, without secrets, for `plan --live` where no credential may be
    Snapshot(SnapshotArgs),
    /// Show where offers are on the portal
    Status(Targets),
    /// Wait for operations that run on the portal, whoever started them
    Wait(WaitArgs),
    /// Publish drafts as the portal holds them, and wait until it asks for the sign-off
    Publish(PublishArgs),
    /// Sign off the previews that wait for it, and wait until customers have them
    GoLive(ReleaseArgs),
    /// Cancel operations that run on the portal, and wait until that took effect
    Cancel(CancelArgs),
    /// Find out what keeps offerctl from working: project, credential, network, clock, permission
    Doctor(Targets),
    /// Serve an embedded portal on loopback
    Sandbox(Box<SandboxArgs>),
}

/// Which offers.
#[derive(Debug, Args)]
pub(crate) struct Targets {
    /// A file, a folder, or publisher/offer; none means all offers of the project
    #[arg(value_name = "TARGET")]
    pub(crate) targets: Vec<String>,
}

/// `offerctl validate`.
#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// Which offers.
    #[command(flatten)]
    pub(crate) targets: Targets,

    /// Mend what has one right answer, such as missing quotes; comments stay
    #[arg(long, env = "OFFERCTL_FIX", value_parser = FalseyValueParser::new())]
    pub(crate) fix: bool,
}

/// `offerctl explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// A code or its name; none lists them all
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
    /// Print the schema as one file that needs no other
    Show {
        /// An offer type; without one, the schema of offer files of every type, for editors
        #[arg(value_name = "TYPE")]
        offer_type: Option<String>,
    },
    /// Print a schema to begin with, from offers of a type that has none, or of what a schema does not know yet
    Infer {
        /// publisher/offer, read from the portal, or a .json file with the body of a GET
        #[arg(value_name = "OFFER", required = true)]
        from: Vec<String>,
    },
}

/// What shapes a plan.
#[derive(Debug, Args)]
pub(crate) struct Shaping {
    /// How far apply takes changes, instead of what each file says
    #[arg(long, value_name = "SLOT", env = "OFFERCTL_THROUGH", value_enum)]
    pub(crate) through: Option<Through>,

    /// Accept this finding of a guard: TOKEN, or publisher/offer:TOKEN where several offers have it; repeatable
    #[arg(long, value_name = "TOKEN", env = "OFFERCTL_ALLOW", value_delimiter = ',')]
    pub(crate) allow: Vec<String>,

    /// Only the offers whose files changed since this Git revision; all, where offerctl.toml or a schema did
    #[arg(long, value_name = "REV", env = "OFFERCTL_SINCE")]
    pub(crate) since: Option<String>,

    /// Send again what cannot be compared: artifacts that the portal copied, re-signed URLs, secrets
    #[arg(long, env = "OFFERCTL_RESEND", value_parser = FalseyValueParser::new())]
    pub(crate) resend: bool,

    /// Do not look at the files behind artifacts; those that the portal copied are shown as not compared
    #[arg(long, env = "OFFERCTL_NO_ARTIFACTS", value_parser = FalseyValueParser::new())]
    pub(crate) no_artifacts: bool,

    /// Compare HTML as it is written, rather than as a reader sees it
    #[arg(long, env = "OFFERCTL_HTML_SOURCE", value_parser = FalseyValueParser::new())]
    pub(crate) html_source: bool,
}

/// `offerctl plan`.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// Which offers.
    #[command(flatten)]
    pub(crate) targets: Targets,
    /// What shapes the plan.
    #[command(flatten)]
    pub(crate) shaping: Shaping,

    /// Plan against a snapshot in the place of the portal: no credential is looked for, no connection is opened, and
    /// the plan cannot be applied
    #[arg(long, value_name = "FILE", env = "OFFERCTL_LIVE")]
    pub(crate) live: Option<PathBuf>,

    /// Mark the changes that undo an edit made in the portal since a base: the report of the last `apply -o json=PATH`, or a
    /// Git revision; repeatable, the first that knows an offer counts
    #[arg(long, value_name = "PATH|REV")]
    pub(crate) base: Vec<String>,

    /// Save the plan for apply
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,

    /// The most characters of -o markdown [default: 65536, what a comment on GitHub holds]
    #[arg(long, value_name = "N", env = "OFFERCTL_MARKDOWN_LIMIT")]
    pub(crate) markdown_limit: Option<usize>,

    /// Exit with 2 when there are changes
    #[arg(long, env = "OFFERCTL_DETAILED_EXITCODE", value_parser = FalseyValueParser::new())]
    pub(crate) detailed_exitcode: bool,
}

/// `offerctl apply`.
#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// A file, a folder, publisher/offer, or one saved plan (FILE.json); none means all offers of the project
    #[arg(value_name = "TARGET")]
    pub(crate) targets: Vec<String>,
    /// What shapes the plan.
    #[command(flatten)]
    pub(crate) shaping: Shaping,

    /// Go on only if the plan is the one with this fingerprint, as `plan` shows it: all 64 digits, or the first 12 or more
    #[arg(long, value_name = "FINGERPRINT", env = "OFFERCTL_EXPECT_PLAN", value_parser = fingerprint)]
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
    /// Do not ask before anything is changed
    #[arg(long, env = "OFFERCTL_YES", value_parser = FalseyValueParser::new())]
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

    /// Start operations and leave them to the portal; `offerctl wait` waits for them later
    #[arg(long, env = "OFFERCTL_NO_WAIT", value_parser = FalseyValueParser::new(), conflicts_with = "wait_timeout")]
    pub(crate) no_wait: bool,
}

/// How long to wait.
#[derive(Debug, Args)]
pub(crate) struct Waiting {
    /// Stop waiting after this time (90s, 45m, 6h, 2d); the operation goes on [default: no limit]
    #[arg(long, value_name = "DURATION", env = "OFFERCTL_WAIT_TIMEOUT", value_parser = duration)]
    pub(crate) wait_timeout: Option<Duration>,
}

/// `offerctl wait`.
#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    /// Which offers.
    #[command(flatten)]
    pub(crate) targets: Targets,
    /// How long.
    #[command(flatten)]
    pub(crate) waiting: Waiting,

    /// With `live`: sign off what is running now as soon as the portal asks for it, and wait until customers have it
    #[arg(long, value_name = "SLOT", env = "OFFERCTL_THROUGH", value_enum)]
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
pub(crate) struct PublishArgs {
    /// What it has in common with `go-live`.
    #[command(flatten)]
    pub(crate) release: ReleaseArgs,

    /// Whom the portal tells about it; repeatable [default: `reconcile.notify` of the file]
    #[arg(long, value_name = "EMAIL", env = "OFFERCTL_NOTIFY", value_delimiter = ',')]
    pub(crate) notify: Vec<String>,
}

/// `offerctl cancel`.
#[derive(Debug, Args)]
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
        .ok_or_else(|| "it is a time such as 250ms, 90s, 1h30m or 2d, at most a year".to_owned())
}

#[cfg(test)]
mod tests {
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
