//! The commands of the README and of the first steps, run as they are printed.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{offerctl, run};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The blocks of shell commands in a page. A block after `<!-- not run: reason -->` is left out.
fn blocks(page: &str) -> Vec<String> {
    let text = std::fs::read_to_string(Path::new(ROOT).join(page)).expect(page);
    let mut parts = text.split("```");
    let mut blocks = Vec::new();
    while let (Some(before), Some(block)) = (parts.next(), parts.next()) {
        let last = before.trim_end().lines().last().unwrap_or_default();
        if let Some(commands) = block.strip_prefix("sh\n").filter(|_| !last.starts_with("<!-- not run: ")) {
            blocks.push(commands.to_owned());
        }
    }
    blocks
}

/// A clone as far as the commands need it, with `offerctl` on the path. `cargo run --` is that binary, and `cargo test` is
/// what runs here.
fn run_all(page: &str, expected: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let (project, bin) = (folder.path().join("project"), folder.path().join("bin"));
    std::fs::create_dir_all(project.join("offers")).expect("a folder");
    std::fs::create_dir(&bin).expect("a folder");
    symlink(env!("CARGO_BIN_EXE_offerctl"), bin.join("offerctl")).expect("a link");
    for entry in std::fs::read_dir(Path::new(ROOT).join("offers")).expect("the examples") {
        let path = entry.expect("an entry").path();
        std::fs::copy(&path, project.join("offers").join(path.file_name().expect("a name"))).expect("copied");
    }
    let blocks = blocks(page);
    assert_eq!(blocks.len(), expected, "{blocks:#?}");
    let cargo = r#"cargo() { case "$1 ${2:-}" in "run --") shift 2; offerctl "$@";; "test ") ;; *) exit 99;; esac; }"#;
    for block in blocks {
        let mut command = Command::new("/bin/sh");
        command.args(["-euc", &format!("{cargo}\n{block}")]).current_dir(&project).stdin(Stdio::null());
        command.env_clear().env("PATH", format!("{}:/usr/bin:/bin", bin.display())).env("HOME", folder.path());
        run(&mut command).exits(0);
    }
    let changes = |args: &[&str]| run(offerctl(&project).args(args).arg("--sandbox"));
    changes(&["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn the_commands_of_the_readme_run_as_printed() {
    run_all("README.md", 2);
}

#[test]
fn the_first_steps_run_as_printed_and_end_without_changes() {
    run_all("docs/getting-started.md", 6);
}
