//! Arrows point backwards only, in the order of the modules in `lib.rs`.

use std::path::{Path, PathBuf};

/// The Rust files below a folder, by their path inside it.
fn sources(root: &Path) -> Vec<(PathBuf, String)> {
    let mut folders = vec![root.to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inside = path.strip_prefix(root).expect("below the root").to_owned();
                found.push((inside, std::fs::read_to_string(&path).expect("a file")));
            }
        }
    }
    found.sort();
    found
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
    let files = sources(&root)
        .into_iter()
        .map(|(path, text)| {
            let first = path.components().next().expect("a name").as_os_str().to_string_lossy();
            (first.trim_end_matches(".rs").to_owned(), text)
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

/// The length of a source file without its tests; the length of functions is a lint's business (`clippy.toml`).
fn code_lines(inside: &Path, text: &str) -> usize {
    let is_test = inside.components().any(|part| ["tests", "tests.rs"].iter().any(|name| part.as_os_str() == *name));
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    if is_test { 0 } else { code.lines().count() }
}

#[test]
fn files_stay_short() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lengths = sources(&root).into_iter().map(|(path, text)| (code_lines(&path, &text), path)).collect::<Vec<_>>();
    assert!(lengths.iter().filter(|(lines, _)| *lines > 100).count() > 50, "most files are not looked at");
    let long = lengths.into_iter().filter(|(lines, _)| *lines > 500).collect::<Vec<_>>();
    assert_eq!(long, []);
}

#[test]
fn only_tests_may_be_long() {
    let text = "fn f() {}\n".repeat(501);
    for (path, expected) in
        [("live.rs", 501), ("plan/contests.rs", 501), ("plan/tests.rs", 0), ("diff/tests/laws.rs", 0)]
    {
        assert_eq!(code_lines(Path::new(path), &text), expected, "{path}");
    }
    assert_eq!(code_lines(Path::new("live.rs"), &format!("fn f() {{}}\n#[cfg(test)]\nmod tests {{\n{text}}}\n")), 1);
}
