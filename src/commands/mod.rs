//! The shell: one file for each command, straight down. Load, read, decide, render, act.

mod adopt;
mod apply;
mod artifacts;
mod cache;
mod cancel;
mod connect;
mod diff;
mod doctor;
mod drift;
mod edit;
mod explain;
mod fmt;
mod git;
mod history;
mod home;
mod import;
mod listing;
mod observe;
mod plan;
mod progress;
mod project;
mod release;
mod render;
mod rewrite;
mod rollback;
mod run;
mod sandbox;
mod schema;
mod secrets;
mod shell;
mod show;
mod show_plan;
mod since;
mod sinks;
mod snapshot;
mod status;
mod validate;
mod wait;

#[cfg(test)]
mod docs;

use std::process::ExitCode;

use clap::FromArgMatches as _;
use clap::error::ErrorKind;
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::cli::{Cli, Command, LogFormat};
use crate::error::{Error, Exit, Result};
use crate::safe::Escape;
use crate::term::{LogStream, Term};
use shell::Shell;

/// Runs the command line of the process.
pub fn run() -> ExitCode {
    crate::term::tell_panics();
    // The hook has told of it.
    std::panic::catch_unwind(command_line).unwrap_or_else(|_| Exit::Failed.into())
}

fn command_line() -> ExitCode {
    let is_empty = |variable: &std::ffi::OsStr| std::env::var_os(variable).is_some_and(|value| value.is_empty());
    let matches = Cli::without_empty_variables(is_empty).try_get_matches();
    let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return if asked { Exit::Done } else { Exit::Invalid }.into();
        }
    };
    let term = Term::new(cli.global.color, cli.global.quiet, cli.global.no_input);
    logging(cli.global.verbose, cli.global.log_format, term);
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::failed(format!("the runtime cannot start: {error}")))
        .and_then(|runtime| {
            let outcome = runtime.block_on(dispatch(cli, term));
            // A question that nobody answers any more would be waited for.
            runtime.shutdown_background();
            outcome
        });
    match outcome {
        Ok(exit) => exit.into(),
        Err(error) => {
            explain(&error, term);
            error.exit.into()
        }
    }
}

async fn dispatch(cli: Cli, term: Term) -> Result<Exit> {
    let Cli { global, command } = cli;
    if let Some(folder) = &global.chdir {
        std::env::set_current_dir(folder)
            .map_err(|error| Error::invalid(format!("cannot change to the folder {}: {error}", folder.display())))?;
    }
    let shell = Shell::new(global, term, command.name());
    let result = run_command(&shell, command).await;
    if let Err(error) = &result {
        // A pipeline that asked for a document gets one, whatever happened.
        shell.emit_error(error);
    }
    if let Some(traffic) = shell.traffic() {
        term.say(&traffic);
    }
    // Here already: the shell holds the secrets that must not be in it.
    Ok(result.unwrap_or_else(|error| {
        explain(&error, term);
        error.exit
    }))
}

async fn run_command(shell: &Shell, command: Command) -> Result<Exit> {
    check_variables(&command)?;
    shell.check_formats(&command)?;
    shell.check_sinks()?;
    match command {
        Command::Validate(args) => validate::run(shell, &args),
        Command::Fmt(args) => fmt::run(shell, &args),
        Command::Render(args) => render::run(shell, &args),
        Command::Import(args) => import::run(shell, &args).await,
        Command::Show(args) => show::run(shell, &args).await,
        Command::History(args) => history::run(shell, &args).await,
        Command::Rollback(args) => rollback::run(shell, &args).await,
        Command::Set(args) => edit::set(shell, &args),
        Command::Unset(args) => edit::unset(shell, &args),
        Command::Image(args) => edit::image(shell, &args.command),
        Command::Edit(args) => edit::edit(shell, &args.command),
        Command::Explain(args) => explain::run(shell, &args),
        Command::Schema(args) => schema::run(shell, &args).await,
        Command::Plan(args) => plan::run(shell, &args).await,
        Command::ShowPlan(args) => show_plan::run(shell, &args),
        Command::Apply(args) => apply::run(shell, &args).await,
        Command::Diff(args) => diff::run(shell, &args).await,
        Command::Drift(args) => drift::run(shell, &args).await,
        Command::Snapshot(args) => snapshot::run(shell, &args).await,
        Command::Status(targets) => status::run(shell, &targets).await,
        Command::Wait(args) => wait::run(shell, &args).await,
        Command::Publish(args) => release::publish(shell, &args).await,
        Command::GoLive(args) => release::go_live(shell, &args).await,
        Command::Cancel(args) => cancel::run(shell, &args).await,
        Command::Doctor(targets) => doctor::run(shell, &targets).await,
        Command::Sandbox(args) => sandbox::run(shell, *args).await,
    }
}

/// Refuses variables that earlier versions read. A pipeline may rely on one of them for safety.
fn check_variables(command: &Command) -> Result<()> {
    let is_set = |variable: &str| std::env::var_os(variable).is_some_and(|value| !value.is_empty());
    let retired = command.retired_variables(is_set).collect::<Vec<_>>();
    let Some((variable, _)) = retired.first() else { return Ok(()) };
    let error = Error::invalid(format!("{variable} is set, but offerctl no longer reads it"));
    let hint = |(variable, flag): &(&str, &str)| {
        format!("unset {variable}, and pass --{flag} to `offerctl {}`", command.name())
    };
    Err(retired.iter().fold(error, |error, one| error.hint(hint(one))))
}

fn explain(error: &Error, term: Term) {
    let paint = crate::render::Paint { color: term.stderr_color };
    term.alert_text(&crate::render::diagnostics(error.diagnostics(), term.stderr_color));
    term.alert(&format!("{} {error}", paint.removed("error:")));
    for hint in error.hints() {
        term.alert(&format!("  hint: {hint}"));
    }
}

/// Logs go to stderr and are off by default. Only our own are written: what libraries log can hold what must not be
/// shown.
fn logging(verbose: u8, format: LogFormat, term: Term) {
    let level = match verbose {
        0 => "off",
        1 => "offerctl=info",
        2 => "offerctl=debug",
        _ => "offerctl=trace",
    };
    let wanted = std::env::var("OFFERCTL_LOG").ok().filter(|filter| !filter.trim().is_empty());
    let filter = wanted.and_then(|wanted| match wanted.parse::<EnvFilter>() {
        Ok(filter) => Some(filter),
        Err(error) => {
            term.alert(&format!("warning: OFFERCTL_LOG is not a valid filter and is ignored: {error}"));
            None
        }
    });
    let filter = filter.unwrap_or_else(|| EnvFilter::new(level));
    let ours = filter_fn(|metadata| metadata.target().split("::").next() == Some("offerctl"));
    let (escape, colors) = match format {
        LogFormat::Text => (Escape::Text, term.stderr_color),
        LogFormat::Json => (Escape::Json, false),
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(move || LogStream { escape, colors });
    let registry = tracing_subscriber::registry().with(filter);
    let _ = match format {
        LogFormat::Text => {
            let lines = lines.with_ansi(term.stderr_color).without_time().with_target(false);
            registry.with(lines.with_filter(ours)).try_init()
        }
        LogFormat::Json => registry.with(lines.json().flatten_event(true).with_filter(ours)).try_init(),
    };
}
