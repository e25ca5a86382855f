//! The project's own schemas: read from its folder, laid over those of the program.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files::Files;
use super::{Project, slashed, yaml};
use crate::diagnostic::{Code, Diagnostic, Source, Span};
use crate::model::{Kind, Node};
use crate::schema::{SchemaError, SchemaPlace, Schemas};
use crate::text;

/// Most schema files of one project.
const MAX_FILES: usize = 200;

impl Project {
    /// The schemas that the project's files are read by: the program's own, and those of the folder that `schemas` in
    /// `offerctl.toml` names.
    ///
    /// # Errors
    /// What is wrong with the folder, or with the first file that cannot be used.
    pub(crate) fn schemas(&self) -> Result<Arc<Schemas>, Box<Diagnostic>> {
        let Some(folder) = &self.config.schemas else { return Ok(Arc::clone(Schemas::builtin())) };
        let at = |path: &str| Source { path: path.into(), text: "".into() };
        let paths = json_files(&self.root.join(folder)).map_err(|error| {
            let message = format!("the folder of the schemas cannot be listed: {error}");
            let finding = Diagnostic::error(Code::Unreadable, &at(folder), None, message);
            Box::new(finding.help("create it, or set `schemas` in offerctl.toml"))
        })?;
        if paths.len() > MAX_FILES {
            let message = format!("more than {MAX_FILES} schema files");
            return Err(Box::new(Diagnostic::error(Code::Limit, &at(folder), None, message)));
        }
        let mut files = Vec::new();
        for path in &paths {
            files.push((name_of(path), self.schema_text(path)?));
        }
        Schemas::with(&files).map(Arc::new).map_err(|error| {
            let text = files.iter().find(|(name, _)| *name == error.file).map_or("", |(_, text)| text);
            let path = format!("{}/{}", folder.trim_end_matches('/'), error.file);
            Box::new(finding(&Source { path: path.into(), text: text.into() }, &error))
        })
    }

    fn schema_text(&self, path: &Path) -> Result<String, Box<Diagnostic>> {
        let name = slashed(path.strip_prefix(&self.root).unwrap_or(path));
        let source = Source { path: name.into(), text: "".into() };
        let fail = |code, message: String| Box::new(Diagnostic::error(code, &source, None, message));
        let bytes = Files::Disk
            .offer_file(&self.root, path)
            .map_err(|error| fail(Code::Unreadable, format!("the file cannot be read: {error}")))?;
        if bytes.len() > yaml::MAX_BYTES {
            return Err(fail(Code::Limit, format!("the file has more than {} bytes", yaml::MAX_BYTES)));
        }
        text::decode(&bytes).map(ToOwned::to_owned).map_err(|error| fail(Code::NotUtf8, error.to_string()))
    }
}

fn json_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn finding(source: &Source, error: &SchemaError) -> Diagnostic {
    let (span, message) = match &error.place {
        SchemaPlace::Text(line, column) => {
            (byte_at(&source.text, *line, *column), format!("not JSON: {}", error.reason))
        }
        SchemaPlace::Keys(keys) => {
            let at = if keys.is_empty() { String::new() } else { format!(" (at #/{})", keys.join("/")) };
            (span_of(source, keys), format!("{}{at}", error.reason))
        }
    };
    Diagnostic::error(Code::ProjectSchema, source, span, message)
        .help("see schemas/README.md; `offerctl schema show` prints the built-in schemas")
}

fn byte_at(text: &str, line: usize, column: usize) -> Option<Span> {
    let before = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum::<usize>();
    let at = (before + column.saturating_sub(1)).min(text.len());
    (!text.is_empty()).then(|| Span::within(text, at..at))
}

/// The place of a node of a JSON file: JSON is YAML, whose parser gives places.
fn span_of(source: &Source, keys: &[String]) -> Option<Span> {
    let as_text = &mut |_: &str, node: &Node| Ok(node.kind.clone());
    let root = yaml::parse(source, as_text, &mut Vec::new())?;
    let mut span = root.span;
    let mut node = &root;
    for key in keys {
        let next = match &node.kind {
            Kind::List(items) => {
                key.parse::<usize>().ok().and_then(|index| items.get(index)).map(|item| (item, item.span))
            }
            _ => node.entries().iter().find(|entry| entry.key == *key).map(|entry| (&entry.value, entry.key_span)),
        };
        let Some((inner, place)) = next else { break };
        (node, span) = (inner, place);
    }
    Some(span)
}
