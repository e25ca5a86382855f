//! What the documentation says is so.

use std::fmt::Write as _;

use crate::diagnostic::{About, Severity};
use crate::error::Exit;
use snapbox::{assert_data_eq, file};

fn readme() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("the README")
}

#[test]
fn the_readme_lists_every_exit_code() {
    let rows = Exit::ALL.map(|exit| format!("| {} | {} |", exit.code(), exit.meaning())).join("\n");
    assert!(readme().contains(&rows), "the table should be:\n{rows}");
}

#[test]
fn the_sandboxs_page_lists_every_switch_with_its_values() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sandbox.md")).expect("the page");
    for (name, values) in crate::sandbox::Switches::names() {
        let values = match values {
            [] => "`host+host`".to_owned(),
            values => values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", "),
        };
        let row = format!("| `{name}` | {values} | ");
        assert!(page.contains(&row), "there should be: {row}");
    }
}

#[test]
fn the_readme_names_every_variable_and_command() {
    use clap::CommandFactory as _;
    let readme = readme();
    let command = crate::cli::Cli::command();
    let arguments = command.get_arguments().chain(command.get_subcommands().flat_map(clap::Command::get_arguments));
    for name in arguments.filter_map(|argument| argument.get_env()).map(|name| name.to_string_lossy().into_owned()) {
        assert!(
            readme.contains(&format!("`{name}`")) || name.starts_with("OFFERCTL_SANDBOX_"),
            "{name} is not in the README"
        );
    }
    for command in command.get_subcommands() {
        assert!(
            readme.contains(&format!("offerctl {}", command.get_name())),
            "{} is not in the README",
            command.get_name()
        );
    }
}

#[test]
fn the_page_of_the_guards_lists_each_with_its_level_and_limits() {
    use crate::workspace::{Guard, Level, Limits};
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/guards.md")).expect("the page");
    for guard in Guard::ALL {
        let level = match guard.default_level() {
            Level::Off => "off",
            Level::Warn => "warn",
            Level::Stop => "stop",
        };
        let row = format!("| `{}` | {level} | ", guard.name());
        assert!(page.contains(&row), "there should be: {row}");
    }
    let Limits { price_percent, offers, offers_percent, offers_minimum } = Limits::default();
    for (name, value) in [
        ("price_percent", price_percent.to_string()),
        ("offers", offers.to_string()),
        ("offers_percent", offers_percent.to_string()),
        ("offers_minimum", offers_minimum.to_string()),
    ] {
        assert!(page.contains(&format!("\n{name} = {value} ")), "{name} should be {value}");
    }
}

/// Settings on a page are settings that the program takes.
#[test]
fn the_settings_on_the_page_of_the_guards_are_settings() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/guards.md")).expect("the page");
    let blocks = page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect::<Vec<_>>();
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        toml::from_str::<crate::workspace::Config>(block).unwrap_or_else(|error| panic!("{error}\n{block}"));
    }
}

/// `docs/codes.md`, from the table behind `explain`.
fn codes() -> String {
    let mut page =
        "# Codes\n\nEvery finding in an input file has a code that never changes its meaning. This page says what \
                    `offerctl explain CODE` says.\n\n| code | name | level | |\n|---|---|---|---|\n"
            .to_owned();
    let level = |about: &About| match (about.severity, about.lint) {
        (Severity::Error, true) => "error (lint)",
        (Severity::Warning, _) => "warning (lint)",
        (Severity::Error, false) => "error",
    };
    for about in About::all() {
        let name = about.name;
        let _ = writeln!(page, "| [{}](#{name}) | `{name}` | {} | {} |", about.code, level(about), about.summary);
    }
    page += "\nThe level of a lint is set by name or code in `offerctl.toml`: `[lints]`, then `no-image = \"off\"`, \
             `\"warning\"` or `\"error\"`.\n";
    for About { code, name, summary, explanation, example, mended, .. } in About::all() {
        let (example, mended) = (example.trim_end(), mended.trim_end());
        let _ = write!(
            page,
            "\n## {name}\n\n{code}: {summary}.\n\n{explanation}\n\n```\n{example}\n```\n\nMended:\n\n```\n{mended}\n```\n"
        );
    }
    page
}

/// `SNAPSHOTS=overwrite cargo test --lib docs` writes the page anew.
#[test]
fn the_page_of_the_codes_is_the_table_behind_explain() {
    assert_data_eq!(codes(), file!["../../docs/codes.md"].raw());
    assert!(readme().contains("(docs/codes.md)"), "the README links it");
}
