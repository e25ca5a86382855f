//! What the documentation says is so.

use std::fmt::Write as _;

use crate::diagnostic::{About, Severity};
use crate::error::Exit;
use snapbox::{assert_data_eq, file};

#[test]
fn the_page_of_the_exit_codes_lists_each() {
    let rows = Exit::ALL.map(|exit| format!("| {} | {} |\n", exit.code(), exit.meaning())).concat();
    let part = format!("| exit code | meaning |\n|---|---|\n{rows}");
    assert_data_eq!(with_generated(&page("exit-codes.md"), &part), file!["../../docs/exit-codes.md"].raw());
}

#[test]
fn the_sandboxs_page_lists_every_switch_with_its_values() {
    let page = page("sandbox.md");
    for (name, values) in crate::sandbox::Switches::names() {
        let values = match values {
            [] => "`host+host`".to_owned(),
            values => values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", "),
        };
        let row = format!("| `{name}` | {values} | ");
        assert!(page.contains(&row), "there should be: {row}");
    }
}

/// The page with the part between its `<!-- generated -->` marks replaced. `SNAPSHOTS=overwrite` writes it.
fn with_generated(page: &str, part: &str) -> String {
    let (before, rest) = page.split_once("<!-- generated -->\n").expect("the first mark");
    let (_, after) = rest.split_once("<!-- /generated -->").expect("the second mark");
    format!("{before}<!-- generated -->\n{part}<!-- /generated -->{after}")
}

/// A row for each argument: how it is written, its variable, its default, and what it does.
fn rows<'a>(arguments: impl Iterator<Item = &'a clap::Arg>) -> String {
    let shown =
        |argument: &&clap::Arg| !argument.is_hide_set() && !["help", "version"].contains(&argument.get_id().as_str());
    let arguments = arguments.filter(shown).collect::<Vec<_>>();
    let variables = arguments.iter().any(|argument| argument.get_env().is_some());
    let mut rows = match variables {
        true => "| argument | variable | default | what it does |\n|---|---|---|---|\n".to_owned(),
        false => "| argument | default | what it does |\n|---|---|---|\n".to_owned(),
    };
    for argument in arguments {
        let short = argument.get_short().map(|short| format!("`-{short}`, ")).unwrap_or_default();
        let values = argument.get_value_names().filter(|_| argument.get_action().takes_values()).into_iter().flatten();
        let values = values.map(|name| format!(" {name}")).collect::<String>();
        let many = if argument.is_positional() && argument.get_num_args().is_some_and(|many| many.max_values() > 1) {
            "…"
        } else {
            ""
        };
        let name = match argument.get_long() {
            Some(long) => format!("{short}`--{long}{values}`"),
            None => format!("`{}{many}`", values.trim_start()),
        };
        let variable = argument.get_env().map(|name| format!("`{}`", name.to_string_lossy())).unwrap_or_default();
        let default = argument.get_default_values().iter().filter(|_| argument.get_action().takes_values());
        let mut default = default.map(|value| format!("`{}`", value.to_string_lossy())).collect::<Vec<_>>().join(", ");
        let mut help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        if let Some((text, shown)) = help.strip_suffix(']').and_then(|help| help.split_once(" [default: ")) {
            (help, default) = (text.to_owned(), shown.to_owned());
        }
        let choices = argument
            .get_possible_values()
            .iter()
            .filter(|_| argument.get_action().takes_values())
            .map(|value| format!("`{}`", value.get_name()))
            .collect::<Vec<_>>();
        let choices = if choices.is_empty() { String::new() } else { format!(" ({})", choices.join(", ")) };
        let _ = writeln!(
            rows,
            "| {} |",
            [Some(name), variables.then_some(variable), Some(default), Some(format!("{help}{choices}"))]
                .into_iter()
                .flatten()
                .map(|cell| cell.replace('|', "\\|").replace('<', "&lt;"))
                .collect::<Vec<_>>()
                .join(" | ")
        );
    }
    rows
}

/// A section for each command, those within a command included.
fn sections(command: &clap::Command, name: &str, page: &mut String) {
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = format!("{name} {}", command.get_name());
        let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
        let _ = write!(page, "\n## {name}\n\n{about}.\n");
        let own = command.get_arguments().filter(|argument| !argument.is_global_set()).collect::<Vec<_>>();
        if own.iter().any(|argument| argument.get_id() != "help") {
            let _ = write!(page, "\n{}", rows(own.into_iter()));
        }
        if let Some(examples) = command.get_after_help() {
            let examples = examples.to_string();
            let examples = examples.trim_start_matches("Examples:").trim_matches('\n');
            let line = |line: &str| match line.trim().split_once("  ") {
                Some((command, what)) => format!("{command}  # {}", what.trim()),
                None => line.trim().to_owned(),
            };
            let lines = examples.lines().map(line).collect::<Vec<_>>();
            let _ = write!(page, "\n```sh\n{}\n```\n", lines.join("\n"));
        }
        sections(command, &name, page);
    }
}

fn page(name: &str) -> String {
    std::fs::read_to_string(format!("{}/docs/{name}", env!("CARGO_MANIFEST_DIR"))).expect(name)
}

#[test]
fn the_page_of_the_commands_is_their_help() {
    use clap::CommandFactory as _;
    let mut part = String::new();
    sections(&crate::cli::Cli::command(), "offerctl", &mut part);
    assert_data_eq!(with_generated(&page("commands.md"), &part), file!["../../docs/commands.md"].raw());
}

#[test]
fn the_page_of_the_settings_lists_what_every_command_takes() {
    use clap::CommandFactory as _;
    let part = rows(crate::cli::Cli::command().get_arguments());
    assert_data_eq!(with_generated(&page("settings.md"), &part), file!["../../docs/settings.md"].raw());
}

/// What is set in `offerctl.toml` is on the page, with its table.
#[test]
fn the_page_of_the_settings_names_each_key_of_the_projects_file() {
    let page = page("settings.md");
    for key in crate::workspace::SETTINGS {
        assert!(page.contains(&format!("\n| `{key}`")), "{key} is not on the page");
    }
}

#[test]
fn the_page_of_the_guards_lists_each_with_its_level_and_limits() {
    use crate::workspace::{Guard, Level, Limits};
    let page = page("guards.md");
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
    let page = page("guards.md");
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
    for About { code, name, summary, explanation, example, fixed, .. } in About::all() {
        let (example, fixed) = (example.trim_end(), fixed.trim_end());
        let _ = write!(
            page,
            "\n## {name}\n\n{code}: \
                {summary}.\n\n{explanation}\n\n```\n{example}\n```\n\nFixed:\n\n```\n{fixed}\n```\n"
        );
    }
    page
}

/// `SNAPSHOTS=overwrite cargo test --lib docs` writes the page anew.
#[test]
fn the_page_of_the_codes_is_the_table_behind_explain() {
    assert_data_eq!(codes(), file!["../../docs/codes.md"].raw());
}

/// The anchor that GitHub gives a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn pages(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && !["target", ".git", "node_modules"].contains(&name) {
            pages(&path, found);
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
}

#[test]
fn every_link_of_a_page_leads_somewhere() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    pages(root, &mut found);
    let mut broken = Vec::new();
    for path in found {
        let text = std::fs::read_to_string(&path).expect("a page");
        let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link);
        for link in links.filter(|link| !link.contains("://") && !link.contains([' ', '\n'])) {
            let (file, place) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { path.with_file_name("").join(file) };
            let there = target.exists()
                && (place.is_empty()
                    || std::fs::read_to_string(&target)
                        .is_ok_and(|text| text.lines().any(|line| line.starts_with('#') && anchor(line) == place)));
            if !there {
                broken.push(format!("{}: {link}", path.strip_prefix(root).unwrap_or(&path).display()));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}
