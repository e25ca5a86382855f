//! Changes to what the files of an offer declare, each made in the file that declares the value.
//!
//! A value is named by its address. It may come from the offer's own file, from the file of a plan, from an overlay, or
//! from a file that is the text of one value; a new value goes where the values beside it are.

mod address;
mod adopt;
mod images;
mod place;
mod value;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::diagnostic::FileId;
use crate::document::{Finder, Found, members_key};
use crate::edit::{self, Edit, Op, Token};
use crate::model::{Address, Node, Step as AddressStep};
use crate::schema::Shape;
use crate::workspace::{Desired, untagged};
use crate::yaml::Yaml;

pub(crate) use address::parse as address;
pub(crate) use adopt::{Adopted, adopt, shape_of};
pub(crate) use images::NewImage;
pub(crate) use value::value;

/// A step of an address.
type Step<'s> = AddressStep<&'s str>;

/// How many steps of an address lead to a plan: `definition`, `plans`, and its id.
const PLAN: usize = 3;

/// A file that changes: what it holds afterwards, or nothing where it is deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Revised {
    /// Relative to the project, with forward slashes.
    pub(crate) path: String,
    /// Nothing where it is new.
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
}

/// Why a change is not made, and where it would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) why: String,
}

/// Collects the changes of one offer.
pub(crate) struct Reviser<'a> {
    desired: &'a Desired,
    shape: &'a Shape,
    finder: Finder<'a, Node>,
    /// The environment whose overlays take what is new, where one is named.
    environment: Option<&'a str>,
    /// What the files say as they are written, of those that were asked for.
    written: BTreeMap<FileId, Value>,
    edits: BTreeMap<FileId, Vec<Edit>>,
    /// The new texts of files that are the text of one value.
    texts: BTreeMap<FileId, String>,
    deleted: Vec<FileId>,
    new_files: Vec<(String, String)>,
}

impl<'a> Reviser<'a> {
    pub(crate) fn new(desired: &'a Desired, shape: &'a Shape, environment: Option<&'a str>) -> Self {
        Self {
            desired,
            shape,
            finder: Finder::new(&*desired.document, shape),
            environment,
            written: BTreeMap::new(),
            edits: BTreeMap::new(),
            texts: BTreeMap::new(),
            deleted: Vec::new(),
            new_files: Vec::new(),
        }
    }

    /// Returns what the files declare at an address.
    pub(crate) fn declared(&self, address: &Address) -> Option<&'a Node> {
        self.finder.value(address)
    }

    /// Returns the value at an address as it is written, with its tags.
    fn written_at(&mut self, address: &Address) -> Option<Yaml> {
        let file = self.finder.value(address)?.span.file;
        let steps = address.steps().collect::<Vec<_>>();
        let (steps, shape) = self.inside(file, &steps);
        let placed = place::place(self.written(file), shape, steps);
        let value = placed.ways[0].iter().try_fold(self.written(file), |value, token| match token {
            Token::Key(key) => value.get(key),
            Token::Index(index) => value.get(index),
        });
        Some(edit::yaml_of(value?.clone())).filter(|_| placed.matched == steps.len())
    }

    /// Whether the file has names of the API where there are short ones.
    fn has_wire_names(&mut self) -> bool {
        let offer = ["definition", "offer"].map(AddressStep::Key);
        let shape = self.shape;
        place::place(self.written(FileId::default()), shape, &offer).wire_names
    }

    /// Declares a value.
    pub(crate) fn set(&mut self, address: &Address, value: &Yaml) -> Result<(), Refusal> {
        let steps = address.steps().collect::<Vec<_>>();
        let (node, exists) = match self.finder.find(address) {
            Found::Value(node, _) => (node, true),
            Found::Missing(node, _) => (node, false),
        };
        if exists && self.desired.sources.is_text(node.span) {
            return self.set_text(node, value);
        }
        if let Some(member) = self.missing_member(&steps) {
            return Err(self.refusal(node, format!("`{member}` is not declared; add it first, or correct the address")));
        }
        let mut file = node.span.file;
        if !exists && let Some(overlay) = self.overlay_of(file) {
            file = overlay;
        }
        let (steps, shape) = self.inside(file, &steps);
        let placed = place::place(self.written(file), shape, steps);
        if exists && placed.matched < steps.len() {
            return Err(self.refusal(node, "the value is written through an alias or a merge key".to_owned()));
        }
        let edits = placed.set(&steps[placed.matched..], value);
        self.edits.entry(file).or_default().extend(edits);
        Ok(())
    }

    /// Takes what is declared at an address out of the files.
    pub(crate) fn remove(&mut self, address: &Address) -> Result<(), Refusal> {
        let steps = address.steps().collect::<Vec<_>>();
        let Found::Value(node, _) = self.finder.find(address) else {
            let own = &*self.desired.document;
            return Err(self.refusal(own, format!("`{address}` is not declared")));
        };
        let is_text = self.desired.sources.is_text(node.span);
        let parent = if is_text { self.finder.value(&address.parent()).unwrap_or(node) } else { node };
        let file = parent.span.file;
        let (steps, shape) = self.inside(file, &steps);
        if steps.is_empty() {
            self.deleted.push(file);
            return Ok(());
        }
        let placed = place::place(self.written(file), shape, steps);
        if placed.matched < steps.len() {
            return Err(self.refusal(parent, "the value is written through an alias or a merge key".to_owned()));
        }
        let edits = placed.ways.into_iter().map(|place| Edit { place, op: Op::Remove });
        self.edits.entry(file).or_default().extend(edits);
        Ok(())
    }

    /// Changes the members of a list without identities: takes some out, by their positions, and adds others.
    pub(crate) fn change_members(&mut self, address: &Address, gone: &[usize], new: &[Yaml]) -> Result<(), Refusal> {
        let steps = address.steps().collect::<Vec<_>>();
        let Some(list) = self.finder.value(address) else { return self.set(address, &Yaml::List(new.to_vec())) };
        let file = list.span.file;
        let (steps, shape) = self.inside(file, &steps);
        let placed = place::place(self.written(file), shape, steps);
        if placed.matched < steps.len() || placed.length != Some(list.items().len()) {
            return Err(self.refusal(list, "the list is written through an alias".to_owned()));
        }
        let length = list.items().len();
        let edits = self.edits.entry(file).or_default();
        for way in &placed.ways {
            let at = |index| way.iter().cloned().chain([Token::Index(index)]).collect::<Vec<_>>();
            edits.extend(gone.iter().map(|index| Edit { place: at(*index), op: Op::Remove }));
            let new = new.iter().enumerate();
            edits.extend(new.map(|(index, value)| Edit { place: at(length + index), op: Op::Set(value.clone()) }));
        }
        Ok(())
    }

    /// Returns the files that change.
    ///
    /// # Errors
    /// When a file cannot be edited without changing something else.
    pub(crate) fn finish(self) -> Result<Vec<Revised>, Refusal> {
        let source = |file: FileId| self.desired.sources.iter().nth(file.index()).unwrap_or(self.desired.sources.own());
        let mut revised = Vec::new();
        for (file, edits) in &self.edits {
            let source = source(*file);
            let after = edit::apply(source, edits).map_err(|refused| Refusal {
                path: source.path.to_string(),
                line: refused.line,
                why: refused.why.to_owned(),
            })?;
            revised.push((source, Some(after)));
        }
        revised.extend(self.texts.iter().map(|(file, text)| (source(*file), Some(text.clone()))));
        revised.extend(self.deleted.iter().map(|file| (source(*file), None)));
        let changed = revised.into_iter().filter(|(source, after)| after.as_deref() != Some(&*source.text));
        let file = |(source, after): (&crate::diagnostic::Source, _)| Revised {
            path: source.path.to_string(),
            before: Some(source.text.to_string()),
            after,
        };
        let new = self.new_files.iter().map(|(path, text)| Revised {
            path: path.clone(),
            before: None,
            after: Some(text.clone()),
        });
        Ok(changed.map(file).chain(new).collect())
    }

    /// The member of a list that an address leads through, if no file declares it.
    fn missing_member(&self, steps: &[Step<'_>]) -> Option<Address> {
        let around = |count: usize| steps[..count].iter().copied().collect::<Address>();
        let mut members = (1..steps.len()).filter(|count| matches!(steps[count - 1], AddressStep::Id(_)));
        let is_in_list = |member: &Address| members_key(shape_of(self.shape, &member.parent())).is_some();
        members.find_map(|count| Some(around(count)).filter(|at| is_in_list(at) && self.finder.value(at).is_none()))
    }

    fn set_text(&mut self, node: &Node, value: &Yaml) -> Result<(), Refusal> {
        let file = node.span.file;
        let Yaml::Scalar(Value::String(text)) = value else {
            return Err(
                self.refusal(node, "the file is the text of one value, and the new value is not a text".to_owned())
            );
        };
        if uses(&self.desired.document, file) > 1 {
            return Err(self.refusal(node, "more than one field of the offer is read from this file".to_owned()));
        }
        self.texts.insert(file, text.clone());
        Ok(())
    }

    /// The overlay of a file in the environment that is named, if the offer has it.
    fn overlay_of(&self, file: FileId) -> Option<FileId> {
        let environment = self.environment?;
        let source = self.desired.sources.iter().nth(file.index())?;
        let (stem, ending) = source.path.rsplit_once('.')?;
        self.desired.sources.find(&format!("{stem}.{environment}.{ending}"))
    }

    /// The steps that lead to a value inside a file, and what is known of the file's root: the file of a plan starts there.
    fn inside<'s>(&self, file: FileId, steps: &'s [Step<'s>]) -> (&'s [Step<'s>], &'a Shape) {
        let source = self.desired.sources.iter().nth(file.index());
        let is_of_plan =
            source.zip(self.plan_folder()).is_some_and(|(source, folder)| source.path.starts_with(&folder));
        match is_of_plan && steps.len() >= PLAN {
            true => (&steps[PLAN..], self.shape.property("definition").property("plans").item()),
            false => (steps, self.shape),
        }
    }

    /// The folder of the files with one plan each, if the offer's own file has one beside it.
    fn plan_folder(&self) -> Option<String> {
        let (folder, name) = self.desired.path().rsplit_once('/')?;
        name.starts_with("offer.").then(|| format!("{folder}/plans/"))
    }

    /// What a file says as it is written.
    fn written(&mut self, file: FileId) -> &Value {
        let sources = &self.desired.sources;
        self.written.entry(file).or_insert_with(|| {
            let text = sources.iter().nth(file.index()).map_or("", |source| &source.text);
            untagged(text).map(|node| node.to_value(&mut |_| Value::Null)).unwrap_or_default()
        })
    }

    fn refusal(&self, node: &Node, why: String) -> Refusal {
        Refusal { path: self.desired.sources.of(node.span).path.to_string(), line: node.span.line.max(1), why }
    }
}

/// How many values are read from a file.
fn uses(node: &Node, file: FileId) -> usize {
    let inner = node.entries().iter().map(|entry| &entry.value).chain(node.items());
    usize::from(node.span.file == file) + inner.map(|node| uses(node, file)).sum::<usize>()
}
