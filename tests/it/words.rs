//! Words that no text of offerctl uses: they are unclear, or only a translation of another language.

use std::path::{Path, PathBuf};

use regex_lite::Regex;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Each with what to write instead.
const WORDS: [(&str, &str); 14] = [
    ("mend(s|ed|ing)?", "fix"),
    ("slips?", "typo"),
    ("tells?|told", "report, show"),
    ("stands? (twice|against|first|beside)", "duplicate, blocked by"),
    ("gravest", "most severe"),
    ("go(es)? away", "deleted"),
    ("in (the|its|their) place of", "instead of"),
    ("at rest", "idle, finished"),
    ("whom", "recipients"),
    ("nobody", "unknown, no one"),
    ("(is|are) as the files?", "matches"),
    ("takes? (it|them) for", "reads it as"),
    ("the talk", "messages"),
    ("nearly known|said of", "similar to"),
];

fn banned() -> Vec<(Regex, &'static str)> {
    let regex = |word: &str| Regex::new(&format!(r"(?i)\b({word})\b")).expect("a pattern");
    let mut all = WORDS.iter().map(|(word, instead)| (regex(word), *instead)).collect::<Vec<_>>();
    // `there is no trial` and `it is no longer there` are English; `x is no version` is not.
    all.push((Regex::new(r"(?i)[^e] (is|are|was) no ([a-km-z]|l[a-np-z])").expect("a pattern"), "is not a"));
    all
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// The string literals of a Rust file and, with `help`, its doc comments, each with its line. What only tests say is left
/// out.
fn literals(source: &str, help: bool) -> Vec<(usize, String)> {
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or(source);
    let mut found = Vec::new();
    let mut rest = source;
    let line = |rest: &str| source[..source.len() - rest.len()].matches('\n').count() + 1;
    while let Some(at) = rest.find(['"', '\'', '/']) {
        let start = &rest[at..];
        if let Some(comment) = start.strip_prefix("//") {
            let end = comment.find('\n').unwrap_or(comment.len());
            if help && comment.starts_with('/') {
                found.push((line(start), comment[..end].to_owned()));
            }
            rest = &comment[end..];
        } else if let Some(text) = start.strip_prefix('"') {
            let raw = rest[..at].trim_end_matches('#').ends_with('r');
            let hashes = rest[..at].len() - rest[..at].trim_end_matches('#').len();
            let end = if raw {
                text.find(&format!("\"{}", "#".repeat(hashes)))
            } else {
                let mut escaped = false;
                text.char_indices().find_map(|(at, c)| {
                    let ends = c == '"' && !escaped;
                    escaped = c == '\\' && !escaped;
                    ends.then_some(at)
                })
            };
            let end = end.expect("a literal ends");
            found.push((line(start), text[..end].to_owned()));
            rest = &text[end + 1..];
        } else if let Some(escaped) = start.strip_prefix("'\\") {
            rest = escaped.split_once('\'').map_or("", |(_, after)| after);
        } else if start.chars().nth(2) == Some('\'') {
            rest = &start[start.char_indices().nth(3).map_or(start.len(), |(at, _)| at)..];
        } else {
            rest = &start[1..];
        }
    }
    found
}

/// A literal in one line, without what goes on in the next.
fn joined(literal: &str) -> String {
    let mut lines = literal.split("\\\n");
    lines.next().into_iter().map(str::to_owned).chain(lines.map(|line| line.trim_start().to_owned())).collect()
}

#[test]
fn texts_are_in_plain_words() {
    let banned = banned();
    let mut texts = Vec::new();
    let mut all = Vec::new();
    for folder in
        ["src", "docs", "schemas", "fuzz/README.md", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"]
    {
        let path = Path::new(ROOT).join(folder);
        if path.is_dir() {
            files(&path, &mut all);
        } else if path.exists() {
            all.push(path);
        }
    }
    for path in all {
        let name = path.strip_prefix(ROOT).expect("below the root").to_string_lossy().into_owned();
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        if name.starts_with("src/") {
            if name.ends_with(".rs") && !name.contains("tests") && !name.ends_with("testing.rs") {
                let literals = literals(&text, name.starts_with("src/cli"));
                texts.extend(literals.into_iter().map(|(line, text)| (format!("{name}:{line}"), joined(&text))));
            }
        } else {
            let lines = text.lines().enumerate().map(|(at, line)| (format!("{name}:{}", at + 1), line.to_owned()));
            texts.extend(lines);
        }
    }
    assert!(texts.len() > 5_000, "{}", texts.len());
    let mut found = Vec::new();
    for (place, text) in &texts {
        // `no longer` and `no more` are English.
        let text = text.replace(" no longer", " not").replace(" no more", " not").replace("{told}", "");
        for (word, instead) in &banned {
            if word.is_match(&text) {
                found.push(format!("{place}: {text}\n    write: {instead}"));
            }
        }
    }
    assert!(found.is_empty(), "{} texts:\n{}", found.len(), found.join("\n"));
}

#[test]
fn literals_are_found() {
    let source = "const A: char = '\"'; // \"no\"\n/// help\nf(\"one \\\" \\\n  two\", r#\"three\"#, 'x')";
    let found = literals(source, true).into_iter().map(|(line, text)| (line, joined(&text))).collect::<Vec<_>>();
    assert_eq!(found, [(2, "/ help".to_owned()), (3, "one \\\" two".to_owned()), (4, "three".to_owned())]);
}
