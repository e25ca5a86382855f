//! Files that are made to exhaust the reader: each ends in an error of its own, within bounded memory.

use std::path::Path;
use std::process::Command;

use crate::support::{Ran, offerctl, project, run, write};

const ENVELOPE: &str = "publisherId: contoso\nid: a\nofferTypeId: microsoft-azure-virtualmachines\n";

/// `validate` with at most 200 MB of data. The address space of a debug build's threads and code is beside that.
fn bounded(folder: &Path) -> Ran {
    let plain = offerctl(folder);
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "ulimit -d 200000; exec \"$0\" validate"]).arg(plain.get_program()).current_dir(folder);
    command.env_clear().env("PATH", "/usr/bin:/bin");
    run(&mut command)
}

fn refused(text: &str, code: &str, says: &str) {
    let folder = project(&[]);
    write(folder.path(), "offers/a.yaml", text);
    let ran =
        if cfg!(target_os = "linux") { bounded(folder.path()) } else { run(offerctl(folder.path()).arg("validate")) };
    let ran = ran.exits(3);
    let first = ran.stdout.lines().next().unwrap_or_default();
    assert_eq!(first, format!("error[{code}]: {says}"));
    assert!(ran.stdout.contains("offers/a.yaml") && ran.stdout.contains("= help: "), "{}", ran.stdout);
    assert!(ran.stdout.len() < 20_000, "an error that nobody can read");
}

#[test]
fn an_alias_bomb() {
    let mut text = format!("{ENVELOPE}definition:\n  a0: &a0 [{}]\n", "x, ".repeat(10));
    for level in 1..12 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        text += &format!("  a{level}: &a{level} [{below}]\n");
    }
    refused(&text, "OFR0008", "more than 200000 values, aliases expanded");
}

#[test]
fn a_hundred_thousand_levels() {
    for levels in ["[".repeat(100_000), "{a: ".repeat(100_000), "\n".to_owned() + &"- ".repeat(100_000)] {
        refused(&format!("{ENVELOPE}definition: {levels}\n"), "OFR0008", "more than 64 levels of nesting");
    }
    let block = (1..2_000).map(|level| format!("{}a:\n", " ".repeat(level))).collect::<String>();
    refused(&format!("{ENVELOPE}definition:\n{block}"), "OFR0008", "more than 64 levels of nesting");
}

#[test]
fn a_hundred_megabytes() {
    let folder = project(&[]);
    write(folder.path(), "offers/a.yaml", ENVELOPE);
    // The hole takes no room on the disk.
    let file = std::fs::File::options().append(true).open(folder.path().join("offers/a.yaml")).expect("the file");
    file.set_len(100 << 20).expect("longer");
    let ran =
        if cfg!(target_os = "linux") { bounded(folder.path()) } else { run(offerctl(folder.path()).arg("validate")) };
    assert!(ran.exits(3).stdout.starts_with("error[OFR0008]: the file has more than 16777216 bytes\n"));
}

#[test]
fn one_line() {
    let long = format!("{ENVELOPE}definition: {{displayText: \"{}\"}}\n", "x".repeat(17_000_000));
    refused(&long, "OFR0008", "the file has more than 16777216 bytes");
    // A search to the end of the line for each value would take minutes here.
    let members = format!("{ENVELOPE}definition: [{}]\n", "x,".repeat(1_900_000));
    let most = members.len() / 8;
    refused(&members, "OFR0008", &format!("more than {most} values, aliases expanded"));
}
