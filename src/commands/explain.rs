//! `offerctl explain`: what a code means, and what to do about it.

use super::shell::Shell;
use crate::cli::ExplainArgs;
use crate::diagnostic::{About, Severity, did_you_mean};
use crate::error::{Error, Exit, Result};

pub(super) fn run(shell: &Shell, args: &ExplainArgs) -> Result<Exit> {
    let text = match args.code.as_deref() {
        None => About::all().map(line).collect(),
        Some(name) => whole(About::find(name).ok_or_else(|| unknown(name))?),
    };
    shell.to_stdout(&text)?;
    Ok(Exit::Done)
}

fn unknown(name: &str) -> Error {
    let near = did_you_mean(name, About::all().map(|about| about.name));
    let hint = near.map_or_else(|| "`offerctl explain` lists them".to_owned(), |near| format!("did you mean {near}?"));
    Error::invalid(format!("`{name}` is not a code")).hint(hint)
}

fn level(about: &About) -> &'static str {
    match about.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn line(about: &About) -> String {
    format!("{}  {:17} {:8} {}\n", about.code, about.name, level(about), about.summary)
}

fn whole(about: &About) -> String {
    let indented = |text: &str| text.lines().map(|line| format!("    {line}\n")).collect::<String>();
    let kind = if about.lint { "a lint; set its level with `[lints]` in offerctl.toml" } else { "always an error" };
    format!(
        "{} {}: {} ({}, {kind})\n\n{}\n\nExample\n\n{}\nFixed\n\n{}",
        about.code,
        about.name,
        about.summary,
        level(about),
        about.explanation,
        indented(about.example),
        indented(about.fixed)
    )
}
