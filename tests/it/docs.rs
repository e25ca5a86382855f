//! What the documentation says is so.

use offerctl::error::Exit;

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
    for (name, values) in offerctl::sandbox::Switches::names() {
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
    let command = offerctl::cli::Cli::command();
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
