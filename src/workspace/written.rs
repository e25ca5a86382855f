//! The YAML files of a project one by one, as they are written: for what changes files rather than what they declare.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::files::{Files, decode};
use super::layout::{Environments, layout};
use super::{Project, in_words, names, yaml};
use crate::diagnostic::{Code, Diagnostic, FileId, Source, Sources};
use crate::error::{Error, Result};
use crate::model::Node;
use crate::schema::{Schemas, Shape};

/// A YAML file that can be read.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) source: Source,
    /// Its document. Tags are not resolved; they are a part of the values.
    root: Node,
}

/// Which names of properties a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// Short where they stand for one property, else as the API has them.
    Short,
    Wire,
}

impl Project {
    /// Returns the YAML files that lie at these paths, in the order of their paths; all of the project without one.
    ///
    /// # Errors
    /// When a path names none.
    pub(crate) fn yaml_files(&self, at: &[PathBuf]) -> Result<Vec<PathBuf>> {
        let folder = &self.config.offers;
        let files = Files::Disk.offer_files(&self.root, folder);
        let files = files.map_err(|error| Error::invalid(format!("the offer files cannot be listed: {error}")))?;
        if at.is_empty() {
            return Ok(files);
        }
        let mut found = BTreeSet::new();
        for path in at {
            let full = path
                .canonicalize()
                .map_err(|error| Error::invalid(format!("{}: {}", path.display(), in_words(&error))))?;
            let lies = |file: &&PathBuf| file.canonicalize().is_ok_and(|file| file.starts_with(&full));
            let before = found.len();
            found.extend(files.iter().filter(lies).cloned());
            if found.len() == before && !files.iter().any(|file| lies(&file)) {
                let message = format!("no offer file of the project is at {}", path.display());
                return Err(Error::invalid(message)
                    .hint(format!("give .yaml or .yml files below the folder {folder} of the project")));
            }
        }
        Ok(found.into_iter().collect())
    }

    /// Reads a YAML file as it is written.
    ///
    /// # Errors
    /// With what is wrong in it, where it cannot be read.
    pub(crate) fn written(&self, path: &Path) -> Result<Written, Vec<Diagnostic>> {
        let mut findings = Vec::new();
        let read = |findings: &mut Vec<Diagnostic>| {
            let name = self.name(path);
            let bytes = Files::Disk.offer_file(&self.root, path).map_err(|error| {
                let source = Source { path: name.as_str().into(), text: "".into() };
                let message = format!("the file cannot be read: {error}");
                findings.push(Diagnostic::error(Code::Unreadable, &source, None, message));
            });
            let source = decode(&name, &bytes.ok()?, findings)?;
            let root = yaml::untagged_in(FileId::default(), &source, findings)?;
            Some(Written { source, root })
        };
        read(&mut findings).ok_or(findings)
    }

    /// Returns the new names of a file's properties, by the byte where each key starts.
    pub(crate) fn respelled(&self, file: &Written, schemas: &Schemas, to: Spelling) -> BTreeMap<usize, String> {
        let mut found = BTreeMap::new();
        names::respell(&file.root, self.shape_of(file, schemas), to, &mut found);
        let other = |(at, key): (usize, names::Respelled)| {
            let name = key.name.filter(|name| *name != key.written)?;
            Some((at, name))
        };
        found.into_iter().filter_map(other).collect()
    }

    /// Returns whether two texts of a file declare the same, whatever names they have for it.
    pub(crate) fn declare_the_same(&self, file: &Written, other: &str, schemas: &Schemas) -> bool {
        let shape = self.shape_of(file, schemas);
        let value = |root: &Node| {
            let (mut root, mut findings) = (root.clone(), Vec::new());
            names::expand(&mut root, shape, &Sources::new(file.source.clone()), &mut findings);
            (root.to_value(&mut |_| serde_json::Value::Null), findings.len())
        };
        yaml::untagged(other).is_some_and(|other| value(&other) == value(&file.root))
    }

    /// What is known of the document of a file: an offer, a plan in a file of its own, or an overlay of either.
    fn shape_of<'s>(&self, file: &Written, schemas: &'s Schemas) -> &'s Shape {
        let path = self.root.join(&*file.source.path);
        let (own, is_plan) = self.role_of(&path);
        let own = if own == path { Some(file.clone()) } else { self.written(&own).ok() };
        let offer_type = own.as_ref().and_then(|own| own.root.get("offerTypeId")).and_then(Node::as_str);
        let shape = schemas.shape(offer_type.unwrap_or_default());
        if is_plan { shape.property("definition").property("plans").item() } else { shape }
    }

    /// The own file of the offer that a file belongs to, and whether the file is about one plan.
    fn role_of(&self, path: &Path) -> (PathBuf, bool) {
        let paths = Files::Disk.offer_files(&self.root, &self.config.offers).unwrap_or_default();
        let names = self.config.environments.keys().cloned().collect::<BTreeSet<_>>();
        let chosen = std::iter::once(None).chain(names.iter().map(|name| Some(name.as_str())));
        for chosen in chosen {
            for parts in layout(&paths, Environments { names: &names, chosen }).offers {
                if parts.own.has(path) {
                    return (parts.own.file, false);
                }
                if parts.plans.iter().any(|plan| plan.has(path)) {
                    return (parts.own.file, true);
                }
            }
        }
        (path.to_path_buf(), false)
    }
}

impl super::layout::Layer {
    fn has(&self, path: &Path) -> bool {
        self.file == path || self.overlay.as_deref() == Some(path)
    }
}
