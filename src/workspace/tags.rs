//! The tags of offer files: `!env NAME`, `!file path`, `!secret env:NAME`, `!artifact url-or-path`, `!sas url`, `!absent`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::files::{Files, Tree};
use super::variables::{self, Variables};
use crate::diagnostic::{Code, FileId, Source, Sources, Span};
use crate::model::{Artifact, Content, Digest, Kind, LocalFile, Node, SecretRef};
use crate::sas::Accounts;
use crate::text;

/// Largest text that `!file` reads, in bytes.
const MAX_FILE: u64 = 1 << 20;
/// Largest file that `!artifact` takes, in bytes: a logo has some kilobytes, a package a few megabytes.
const MAX_ARTIFACT: u64 = 64 << 20;

/// What tags may reach: one environment, and the files below one folder.
pub(super) struct Tags<'a> {
    pub(super) files: Files<'a>,
    pub(super) root: &'a Path,
    pub(super) folder: PathBuf,
    pub(super) env: &'a (dyn Fn(&str) -> Option<String> + Sync),
    pub(super) allowed: &'a Variables,
    /// The variables of the environment, which come before those of the process.
    pub(super) variables: &'a BTreeMap<String, String>,
    /// Whether the file is an overlay, in which `!absent NAME` takes a member out of a list.
    pub(super) in_overlay: bool,
    /// The accounts for which `!sas` may sign.
    pub(super) accounts: &'a Accounts,
    pub(super) resolved: Resolved,
}

/// What the files of an offer are, and what their tags read.
pub(super) struct Resolved {
    pub(super) sources: Sources,
    /// The paths and digests of the sources.
    pub(super) files: Vec<(String, Digest)>,
    /// The files that `!artifact` read, relative to the project, with their digests.
    pub(super) artifacts: Vec<(String, Digest)>,
    /// The texts that `!file` read, by the place of the tag.
    pub(super) texts: BTreeMap<Span, FileId>,
    /// The members that `!absent NAME` takes out of lists, by the place of the tag.
    pub(super) removed: BTreeMap<Span, String>,
    /// The variables that `!env` read, by the place of the tag.
    pub(super) variables: variables::Read,
}

type Resolution = Result<Kind, (Code, String)>;

impl Resolved {
    /// What is known of an offer of which only its own file was read.
    pub(super) fn new(own: &Source) -> Self {
        Self {
            files: vec![(own.path.to_string(), Digest::of(own.text.as_bytes()))],
            sources: Sources::new(own.clone()),
            artifacts: Vec::new(),
            texts: BTreeMap::new(),
            removed: BTreeMap::new(),
            variables: variables::Read::new(),
        }
    }

    /// Notes one more YAML file that the offer is read from.
    pub(super) fn add(&mut self, source: Source) -> FileId {
        self.files.push((source.path.to_string(), Digest::of(source.text.as_bytes())));
        self.sources.add(source)
    }

    fn add_text(&mut self, source: Source) -> FileId {
        if let Some(file) = self.sources.find(&source.path) {
            return file;
        }
        self.files.push((source.path.to_string(), Digest::of(source.text.as_bytes())));
        self.sources.add_text(source)
    }

    /// Gives each value that `!file` read its place in that file.
    pub(super) fn place_texts(&self, node: &mut Node) {
        match &mut node.kind {
            Kind::Map(entries) => entries.iter_mut().for_each(|entry| self.place_texts(&mut entry.value)),
            Kind::List(items) => items.iter_mut().for_each(|item| self.place_texts(item)),
            Kind::Scalar(Value::String(text)) => {
                let Some(file) = self.texts.get(&node.span) else { return };
                let end = text.find('\n').unwrap_or(text.len());
                node.span = Span { file: *file, start: 0, end, line: 1, column: 1 };
            }
            Kind::Scalar(_) | Kind::Absent | Kind::Secret(_) | Kind::Artifact(_) | Kind::Sas(_) => {}
        }
    }
}

impl Tags<'_> {
    pub(super) fn resolve(&mut self, tag: &str, node: &Node) -> Resolution {
        let text = match &node.kind {
            Kind::Scalar(Value::String(text)) => text.trim(),
            Kind::Scalar(_) => "",
            Kind::List(_) | Kind::Map(_) | Kind::Absent | Kind::Secret(_) | Kind::Artifact(_) | Kind::Sas(_) => {
                return Err((Code::Unsupported, format!("`{tag}` takes one value, not {}", node.kind_name())));
            }
        };
        match tag {
            "!absent" if text.is_empty() => Ok(Kind::Absent),
            "!absent" if self.in_overlay => {
                self.resolved.removed.insert(node.span, text.to_owned());
                Ok(Kind::Absent)
            }
            "!absent" => Err((Code::Unresolved, "`!absent` removes the key, so write nothing after it".to_owned())),
            "!env" => self.env(text, node.span),
            "!file" => self.file(text, node.span),
            "!secret" => secret(text),
            "!artifact" => self.artifact(text),
            "!sas" => blob(node, |address| self.accounts.blob(address).map(drop)),
            _ => Err((
                Code::Unsupported,
                format!("unknown tag `{tag}`; expected !env, !file, !secret, !artifact, !sas or !absent"),
            )),
        }
    }

    fn env(&mut self, name: &str, span: Span) -> Resolution {
        if name.is_empty() {
            return Err((Code::Unresolved, "`!env` takes the name of an environment variable".to_owned()));
        }
        let value = match self.variables.get(name) {
            Some(value) => value.clone(),
            None => {
                self.allowed.check(name)?;
                (self.env)(name).ok_or_else(|| {
                    (
                        Code::Unresolved,
                        format!("the environment variable `{name}` is not set; set it, or write the value"),
                    )
                })?
            }
        };
        self.resolved.variables.insert(span, name.to_owned());
        Ok(string(value))
    }

    fn file(&mut self, path: &str, span: Span) -> Resolution {
        let fail = |why: String| (Code::Unresolved, format!("`!file {path}` cannot be read: {why}"));
        let (inside, bytes) = match self.files {
            Files::Revision(tree) => {
                let (inside, bytes) = self.at_revision(tree, path).map_err(fail)?;
                (inside, Cow::Borrowed(bytes))
            }
            Files::Disk | Files::Changed(_) => {
                let (full, inside) = self.inside(path).map_err(fail)?;
                let bytes = match self.files.changed(&inside) {
                    Some(text) => text.as_bytes().to_vec(),
                    None => bytes(&full, MAX_FILE).map_err(fail)?,
                };
                (inside, Cow::Owned(bytes))
            }
        };
        not_a_pointer(&bytes).map_err(fail)?;
        let text = text::decode(&bytes).map_err(|error| fail(error.to_string()))?;
        let file = self.resolved.add_text(Source { path: inside.into(), text: text.into() });
        self.resolved.texts.insert(span, file);
        Ok(string(text))
    }

    /// A file of a revision that is named by a path relative to the offer file: its name, and what it holds.
    fn at_revision<'t>(&self, tree: &'t Tree, path: &str) -> Result<(String, &'t [u8]), String> {
        let name = Tree::resolve(self.folder.strip_prefix(self.root).unwrap_or(&self.folder), path)?;
        tree.want(&name).map(|bytes| (name, bytes))
    }

    /// A file that is named by a path relative to the offer file: where it lies, and its path in the project. Links
    /// are followed, and lead nowhere else.
    fn inside(&self, path: &str) -> Result<(PathBuf, String), String> {
        let full = self.folder.join(path).canonicalize().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => "no such file; the path is relative to the offer file".to_owned(),
            _ => error.to_string(),
        })?;
        let root = self.root.canonicalize().map_err(|error| error.to_string())?;
        let inside = full.strip_prefix(&root).map_err(|_| "it leads out of the project".to_owned())?;
        // Credentials and stored secrets lie there.
        if inside.components().any(|part| part.as_os_str() == ".git" || part.as_os_str() == ".offerctl") {
            return Err("`.git` and `.offerctl` are not part of an offer".to_owned());
        }
        let inside = super::slashed(inside);
        Ok((full, inside))
    }

    fn artifact(&mut self, text: &str) -> Resolution {
        if text.starts_with("https://") || text.starts_with("http://") {
            return Ok(Kind::Artifact(Artifact::Url(text.to_owned())));
        }
        if text.is_empty() || text.contains("://") {
            let message = "`!artifact` takes an https address, or the path of a file in the project";
            return Err((Code::Artifact, message.to_owned()));
        }
        let fail = |why: String| (Code::Artifact, format!("`!artifact {text}` cannot be read: {why}"));
        let (path, content) = match self.files {
            Files::Disk | Files::Changed(_) => {
                let (full, path) = self.inside(text).map_err(fail)?;
                (path, content(&full).map_err(fail)?)
            }
            Files::Revision(tree) => {
                let (path, bytes) = self.at_revision(tree, text).map_err(fail)?;
                not_a_pointer(bytes).map_err(fail)?;
                (path, Content::of(bytes))
            }
        };
        // A plan stands for the very bytes.
        self.resolved.artifacts.extend(content.sha256.clone().map(|digest| (path.clone(), digest)));
        Ok(Kind::Artifact(Artifact::File(LocalFile { path, content })))
    }
}

/// A blob whose address passes a check.
pub(super) fn blob(node: &Node, check: impl FnOnce(&str) -> Result<(), String>) -> Resolution {
    let address = node.as_str().unwrap_or_default().trim();
    let refused = |why| (Code::Sas, format!("this address is never signed: {why}"));
    check(address).map(|()| Kind::Sas(address.to_owned())).map_err(refused)
}

/// What a local artifact holds.
fn content(path: &Path) -> Result<Content, String> {
    match bytes(path, MAX_ARTIFACT)?.as_slice() {
        [] => Err("it is empty".to_owned()),
        bytes => not_a_pointer(bytes).map(|()| Content::of(bytes)),
    }
}

/// What a file holds that is not larger than this.
fn bytes(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = text::open_named(path).map_err(|error| error.to_string())?;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > limit { Err(format!("it has more than {limit} bytes")) } else { Ok(bytes) }
}

/// Refuses the small text that Git LFS leaves in the place of a file that it did not fetch.
fn not_a_pointer(bytes: &[u8]) -> Result<(), String> {
    const BEGINNINGS: [&[u8]; 2] =
        [b"version https://git-lfs.github.com/spec/", b"version https://hawser.github.com/spec/"];
    if bytes.len() < 1024 && BEGINNINGS.iter().any(|beginning| bytes.starts_with(beginning)) {
        return Err("it is a Git LFS pointer, not the file; run `git lfs pull`, or check out with LFS".to_owned());
    }
    Ok(())
}

fn secret(text: &str) -> Resolution {
    match text.split_once(':') {
        Some(("env", name)) if !name.is_empty() => Ok(Kind::Secret(SecretRef::Env(name.to_owned()))),
        Some(("file", path)) if !path.is_empty() => Ok(Kind::Secret(SecretRef::File(path.to_owned()))),
        // The text may be the secret itself, so it is not repeated.
        _ => Err((Code::Unresolved, "`!secret` takes `env:NAME` or `file:PATH`".to_owned())),
    }
}

fn string(text: impl Into<String>) -> Kind {
    Kind::Scalar(Value::String(text.into()))
}
