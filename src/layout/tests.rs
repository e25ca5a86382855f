//! Layouts compared byte by byte, and the law on files that are written in every style. `gallery.txt` has each case as the
//! file before and after; `SNAPSHOTS=overwrite cargo test --lib layout::` writes what comes out anew.

use std::fmt::Write as _;
use std::path::Path;

use proptest::prelude::*;
use snapbox::assert_data_eq;

use super::*;
use crate::model::{Kind, Node};
use crate::workspace::untagged;

fn laid(text: &str) -> Result<String, Left> {
    lay_out(&Source { path: "a.yaml".into(), text: text.into() }, &BTreeMap::new())
}

/// Shows what an editor does not: `␍` is a carriage return, `·` a blank at the end of a line, `␄` the end of a file without a
/// line's end.
fn shown(text: &str) -> String {
    let text = text.replace('\r', "␍").replace(" \n", "·\n");
    if text.ends_with('\n') { text } else { format!("{text}␄\n") }
}

fn hidden(text: &str) -> String {
    let text = text.replace('␍', "\r").replace('·', " ").replace('→', "\t");
    text.strip_suffix("␄\n").map_or(text.clone(), ToOwned::to_owned)
}

#[test]
fn each_style_gets_the_one_layout() {
    let gallery = include_str!("gallery.txt");
    let mut out = String::new();
    for case in gallery.split("## ").skip(1) {
        let (name, body) = case.split_once('\n').expect("a name");
        let before = body.split("===\n").next().expect("the file before");
        let after = match laid(&hidden(before)) {
            Ok(text) => {
                assert_eq!(laid(&text).as_ref(), Ok(&text), "{name}: a second time");
                shown(&text)
            }
            Err(left) => format!("left as it is, because of line {}\n", left.line),
        };
        let _ = write!(out, "## {name}\n{before}===\n{after}");
    }
    assert!(gallery.matches("## ").count() >= 50);
    assert_data_eq!(out, snapbox::file!["gallery.txt"].raw());
}

#[test]
fn what_cannot_be_laid_out_is_left_with_its_line() {
    // A key of more than 1024 characters has no place before a colon.
    let text = format!("a: 1\nb:\n  c: 2\n  ? {}\n  : 3\n", "k".repeat(1_100));
    assert_eq!(laid(&text), Err(Left { line: 4 }));
    assert_eq!(laid("a: [\n"), Err(Left { line: 1 }), "what is no YAML");
}

/// What a file says, without places.
fn said(text: &str) -> Option<String> {
    fn of(node: &Node, out: &mut String) {
        match &node.kind {
            Kind::List(items) => {
                out.push('[');
                items.iter().for_each(|item| of(item, out));
                out.push(']');
            }
            Kind::Map(entries) => {
                for entry in entries {
                    let _ = write!(out, "{{{:?}:", entry.key);
                    of(&entry.value, out);
                }
                out.push('}');
            }
            kind => {
                let _ = write!(out, "{kind:?},");
            }
        }
    }
    let mut out = String::new();
    of(&untagged(text)?, &mut out);
    Some(out)
}

/// Checks the law for a text, in words for a failure.
fn law(text: &str) -> Result<(), String> {
    let Some(before) = said(text) else { return Ok(()) };
    let once = laid(text).map_err(|left| format!("left because of line {}\n{text}", left.line))?;
    if said(&once).as_ref() != Some(&before) {
        return Err(format!("it says something else\n{text}\nbecame\n{once}"));
    }
    match laid(&once) {
        Ok(twice) if twice == once => Ok(()),
        other => Err(format!(
            "not the same a second time\n{text}\nbecame\n{once}\nthen\n{}",
            other.unwrap_or_else(|left| format!("{left:?}"))
        )),
    }
}

#[test]
fn the_files_of_the_repository_keep_what_they_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = ["offers", "tests", "docs"].map(|folder| root.join(folder)).to_vec();
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml")
                && let Ok(text) = std::fs::read_to_string(&path)
            {
                seen += usize::from(said(&text).is_some());
                law(&text).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
                law(&text.replace('\n', "\r\n")).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
            }
        }
    }
    assert!(seen > 100, "{seen}");
}

#[test]
fn what_import_writes_has_the_layout() {
    for name in ["analytics-server", "edge-gateway", "hardened-linux"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/sandbox/seed/{name}.json"));
        let live = serde_json::from_str(&std::fs::read_to_string(path).expect("a file")).expect("JSON");
        let text = yaml_of(live);
        assert_eq!(laid(&text).as_ref(), Ok(&text), "{name}");
    }
}

fn yaml_of(value: serde_json::Value) -> String {
    fn node(value: serde_json::Value) -> crate::yaml::Yaml {
        use crate::yaml::Yaml;
        match value {
            serde_json::Value::Array(items) => Yaml::List(items.into_iter().map(node).collect()),
            serde_json::Value::Object(map) => {
                Yaml::Map(map.into_iter().map(|(key, value)| (key, node(value))).collect())
            }
            scalar => Yaml::Scalar(scalar),
        }
    }
    match node(value) {
        crate::yaml::Yaml::Map(entries) => crate::yaml::document(&entries),
        other => panic!("{other:?}"),
    }
}

/// Writes YAML as no two people would: every style, comments everywhere, any indentation.
struct Scribe {
    rng: fastrand::Rng,
    out: String,
    keys: usize,
    anchors: usize,
}

impl Scribe {
    fn chance(&mut self, one_in: usize) -> bool {
        self.rng.usize(..one_in) == 0
    }

    fn pick(&mut self, of: &[&str]) -> String {
        of[self.rng.usize(..of.len())].to_owned()
    }

    fn end(&mut self) {
        if self.chance(4) {
            let comment = self.pick(&["  # note", " #", "\t# tab", "   # - x: [y", " # é “quoted”   "]);
            self.out.push_str(&comment);
        } else if self.chance(8) {
            self.out.push_str("  ");
        }
        self.out.push('\n');
    }

    fn above(&mut self, indent: usize) {
        while self.chance(4) {
            let column = if self.chance(3) { self.rng.usize(..indent + 4) } else { indent };
            let comment = self.pick(&["# above", "#no space", "# key: value", "#", "# - item"]);
            let _ = match self.chance(2) {
                true => writeln!(self.out, "{:column$}{comment}", ""),
                false => writeln!(self.out),
            };
        }
    }

    fn key(&mut self) -> String {
        self.keys += 1;
        let name = self.pick(&["k", "a b", "\"q", "'s", "NO", "1.9.", "é", "yes-"]);
        let close = name.chars().next().filter(|c| matches!(c, '"' | '\'')).map_or(String::new(), String::from);
        format!("{name}{}{close}", self.keys)
    }

    fn properties(&mut self) -> String {
        let mut out = String::new();
        if self.chance(8) {
            self.anchors += 1;
            let _ = write!(out, " &a{}", self.anchors);
        }
        if self.chance(8) {
            out.push_str(&self.pick(&[" !env", " !file", " !!str", " !<tag:x,1:y>"]));
        }
        out
    }

    fn scalar(&mut self) -> String {
        self.pick(&[
            "x", "plain text", "1.10", "1e3", "0755", "true", "Null", "~", "NO", "a#b", "http://x/?a=b#c", "2020-01-01",
            "\"double \\\"q\\\" \\t\\u00e9\"", "'single ''q'''", "\"5\"", "'null'", "''", "\"a\\nb\\n\"", "\"\\r\"",
            "1.9.2", "-x", "18446744073709551616", "\"trailing \"",
            "a very long text that goes on and on, with words of many kinds, until it no longer fits into the line, and then some",
        ])
    }

    fn map(&mut self, depth: usize, indent: usize, after_dash: bool) {
        for index in 0..=self.rng.usize(..3) {
            if index > 0 || !after_dash {
                self.above(indent);
                let _ = write!(self.out, "{:indent$}", "");
            }
            let key = self.key();
            self.out.push_str(&key);
            let colon = self.pick(&[":", ":", " :"]);
            self.out.push_str(&colon);
            self.value(depth, indent, false);
        }
    }

    fn list(&mut self, depth: usize, indent: usize) {
        for _ in 0..=self.rng.usize(..3) {
            self.above(indent);
            let _ = write!(self.out, "{:indent$}-", "");
            self.value(depth, indent, true);
        }
    }

    fn value(&mut self, depth: usize, indent: usize, in_list: bool) {
        let properties = self.properties();
        let choice = if depth == 0 { self.rng.usize(..6) } else { self.rng.usize(..11) };
        match choice {
            0 => {
                self.out.push_str(&properties);
                self.end();
            }
            1 if self.anchors > 0 => {
                let anchor = self.rng.usize(..self.anchors) + 1;
                // An anchor that is not closed yet, or was reset, makes the file unreadable, and the case is left out.
                let _ = write!(self.out, " *a{anchor}");
                self.end();
            }
            2 => self.block_text(&properties, indent),
            3 => {
                // A value in a line of its own.
                self.end();
                self.above(indent + 1);
                let scalar = self.scalar();
                let _ = write!(self.out, "{:width$}{properties} {scalar}", "", width = indent + 1);
                self.end();
            }
            1 | 4 | 5 => {
                let scalar = self.scalar();
                let _ = write!(self.out, "{properties} {scalar}");
                self.end();
            }
            6 => {
                self.out.push_str(&properties);
                self.out.push(' ');
                self.flow(depth, indent + 1);
                self.end();
            }
            7 if in_list && properties.is_empty() => {
                let blanks = self.rng.usize(1..4);
                let _ = write!(self.out, "{:blanks$}", "");
                self.map(depth - 1, indent + 1 + blanks, true);
            }
            7..=8 => {
                self.out.push_str(&properties);
                self.end();
                let deeper = self.rng.usize(1..4);
                self.map(depth - 1, indent + deeper, false);
            }
            _ => {
                self.out.push_str(&properties);
                self.end();
                let deeper = self.rng.usize(usize::from(in_list)..4);
                self.list(depth - 1, indent + deeper);
            }
        }
    }

    fn block_text(&mut self, properties: &str, indent: usize) {
        let deeper = self.rng.usize(1..4);
        let header = self.pick(&["|", "|-", "|+", ">", ">-", ">+"]);
        let _ = write!(self.out, "{properties} {header}");
        let told = self.chance(4);
        if told {
            let _ = write!(self.out, "{deeper}");
        }
        self.end();
        let width = indent + deeper;
        for index in 0..self.rng.usize(1..5) {
            let line = self.pick(&["text", "a: b # c", "- x", "", "two  words ", "  deeper", "# no comment", "\ttab"]);
            let line = if index == 0 && !told { line.trim_start() } else { &line };
            let _ = match line {
                "" => writeln!(self.out),
                line => writeln!(self.out, "{:width$}{line}", ""),
            };
        }
    }

    fn flow(&mut self, depth: usize, indent: usize) {
        let is_map = self.chance(2);
        self.out.push(if is_map { '{' } else { '[' });
        for index in 0..self.rng.usize(..4) {
            if index > 0 {
                self.out.push(',');
            }
            self.gap(indent);
            if is_map {
                let key = self.key();
                let _ = write!(self.out, "{key}: ");
            }
            if depth > 0 && self.chance(3) {
                self.flow(depth - 1, indent);
            } else {
                let scalar = self.scalar();
                self.out.push_str(&scalar);
            }
        }
        self.gap(indent);
        self.out.push(if is_map { '}' } else { ']' });
    }

    fn gap(&mut self, indent: usize) {
        if self.chance(3) {
            self.end();
            let _ = write!(self.out, "{:indent$}", "");
            while self.chance(4) {
                let _ = write!(self.out, "# inside\n{:indent$}", "");
            }
        }
    }
}

fn written(seed: u64) -> String {
    let mut scribe = Scribe { rng: fastrand::Rng::with_seed(seed), out: String::new(), keys: 0, anchors: 0 };
    scribe.above(0);
    if scribe.chance(6) {
        scribe.out.push_str("---");
        scribe.end();
    }
    if scribe.chance(8) {
        scribe.list(3, 0);
    } else {
        scribe.map(3, 0, false);
    }
    scribe.above(0);
    match scribe.chance(4) {
        true => scribe.out.replace('\n', "\r\n"),
        false => scribe.out,
    }
}

#[test]
fn most_of_what_is_generated_can_be_read() {
    let read = (0..1_000).filter(|seed| said(&written(*seed)).is_some()).count();
    assert!(read > 600, "{read}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_style_the_file_says_the_same_and_stays(seed in any::<u64>()) {
        if let Err(why) = law(&written(seed)) {
            return Err(TestCaseError::fail(why));
        }
    }
}
