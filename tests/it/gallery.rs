//! Every slip that a newcomer makes in an offer file: what `validate` says of each is one golden text, `gallery.txt`, to
//! be read from the first line to the last. `SNAPSHOTS=overwrite cargo test --test it gallery` writes it anew.
//!
//! In `gallery/`, a file is an offer file of a project with nothing else in it; a folder is a whole project.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use snapbox::{assert_data_eq, file};

use crate::support::{offerctl, project, run};

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/gallery");
    let entries = std::fs::read_dir(folder).expect("the gallery");
    let mut paths = entries.map(|entry| entry.expect("an entry").path()).collect::<Vec<_>>();
    paths.sort();
    paths
}

fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        std::fs::copy(from, to).expect("copied");
        return;
    }
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}

/// What `validate` says of a case, without the colours, and its exit code.
fn said(case: &Path) -> String {
    let folder = project(&[]);
    let name = case.file_name().expect("a name");
    let to = if case.is_file() { folder.path().join("offers").join(name) } else { folder.path().to_path_buf() };
    copy(case, &to);
    let ran = run(offerctl(folder.path()).arg("validate"));
    let secrets = ["CANARY", "aGVsbG8"];
    assert!(!secrets.iter().any(|secret| ran.stdout.contains(secret) || ran.stderr.contains(secret)), "{ran:?}");
    let text = format!("== {}: exit {}\n{}{}", name.display(), ran.code, ran.stdout, ran.stderr);
    text.replace(&*folder.path().to_string_lossy(), "PROJECT")
}

#[test]
fn every_slip_is_told_with_its_place_and_the_next_thing_to_do() {
    let mut text = String::new();
    for case in cases() {
        let _ = writeln!(text, "{}", said(&case));
    }
    assert_data_eq!(text, file!["gallery.txt"].raw());
}

#[test]
fn the_gallery_has_every_code() {
    let text = include_str!("gallery.txt");
    // What the schemas find, 20 to 39, has its cases beside the schemas.
    let of_schemas = |code: &str| code.starts_with("OFR002") || code.starts_with("OFR003");
    let here = offerctl::codes().map(|(code, _)| code).filter(|code| !of_schemas(code));
    let missing = here.filter(|code| !text.contains(&format!("[{code}]")));
    assert_eq!(missing.collect::<Vec<_>>(), Vec::<String>::new());
}
