//! Arrows point backwards only, in the order of the modules in `lib.rs`.

use std::path::{Path, PathBuf};

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The top-level modules in the order of `lib.rs`.
fn order(source: &str) -> Vec<String> {
    let names = source.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
    names.map(ToOwned::to_owned).collect()
}

/// The modules that a text names after `crate::`, `use crate::{a, b}` included.
fn uses(text: &str) -> Vec<String> {
    let name =
        |text: &str| text.trim_start().chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect::<String>();
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => found.push(name(rest)),
            Some(group) => {
                let mut depth = 0;
                let mut start = 0;
                for (index, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => {
                            found.push(name(&group[start..index]));
                            break;
                        }
                        '}' => depth -= 1,
                        ',' if depth == 0 => {
                            found.push(name(&group[start..index]));
                            start = index + 1;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

fn forward_arrows(order: &[String], files: &[(String, String)]) -> Vec<String> {
    let place = |name: &str| order.iter().position(|other| other == name);
    let mut wrong = Vec::new();
    for (module, text) in files {
        let Some(here) = place(module) else { continue };
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        for used in uses(&code) {
            if place(&used).is_some_and(|there| there > here) {
                wrong.push(format!("{module} uses {used}"));
            }
        }
    }
    wrong
}

#[test]
fn arrows_point_backwards() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let order = order(&std::fs::read_to_string(root.join("lib.rs")).expect("lib.rs"));
    assert!(order.len() > 15 && order.first().is_some_and(|first| first == "diagnostic"), "{order:?}");
    let mut paths = Vec::new();
    rust_files(&root, &mut paths);
    let files = paths
        .iter()
        .map(|path| {
            let inside = path.strip_prefix(&root).expect("below src");
            let first = inside.components().next().expect("a name").as_os_str().to_string_lossy();
            (first.trim_end_matches(".rs").to_owned(), std::fs::read_to_string(path).expect("a file"))
        })
        .collect::<Vec<_>>();
    assert_eq!(forward_arrows(&order, &files), Vec::<String>::new());
}

#[test]
fn the_check_sees_every_form_of_arrow() {
    let order = ["a", "b", "c"].map(ToOwned::to_owned);
    let wrong = |text: &str| forward_arrows(&order, &[("a".to_owned(), text.to_owned())]);
    assert_eq!(wrong("use crate::b::X;"), ["a uses b"]);
    assert_eq!(wrong("use crate::{a::Y, b::{X, Z}, c};"), ["a uses b", "a uses c"]);
    assert_eq!(wrong("let x = crate::c::f();"), ["a uses c"]);
    assert_eq!(wrong("use crate::a::Y;"), Vec::<String>::new());
}

/// Long functions and files are read badly; tests are exempt.
#[test]
fn files_and_functions_stay_short() {
    let mut paths = Vec::new();
    rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut paths);
    let mut long = Vec::new();
    for path in paths.iter().filter(|path| !path.to_string_lossy().contains("/tests")) {
        let text = std::fs::read_to_string(path).expect("a file");
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        if code.lines().count() > 500 {
            long.push(format!("{}: {} lines", path.display(), code.lines().count()));
        }
        let mut start = None;
        for (number, line) in code.lines().enumerate() {
            let body = line.trim_start();
            let indent = line.len() - body.len();
            let opens = ["fn ", "pub fn ", "async fn ", "pub(super) fn ", "pub async fn ", "pub(super) async fn "];
            if opens.iter().any(|open| body.starts_with(open)) {
                start = Some((number, indent));
            }
            if let Some((first, indent)) = start.filter(|(_, indent)| line == format!("{}}}", " ".repeat(*indent))) {
                let _ = indent;
                if number - first >= 100 {
                    long.push(format!("{}:{}: {} lines", path.display(), first + 1, number - first + 1));
                }
                start = None;
            }
        }
    }
    assert_eq!(long, Vec::<String>::new());
}
