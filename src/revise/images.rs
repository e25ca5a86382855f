//! Image versions and plans: changes that belong together.

use serde_json::Value;

use super::adopt::shape_of;
use super::{Refusal, Reviser};
use crate::import;
use crate::model::{Address, Node};
use crate::sas::Place;
use crate::schema::Shape;
use crate::yaml::{self, Yaml};

/// An image version to add.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewImage {
    pub(crate) version: String,
    /// The blob with the operating system's disk. A signature is left out.
    pub(crate) vhd: String,
    /// The slot and the blob of each data disk.
    pub(crate) data_disks: Vec<(u32, String)>,
    /// The plan or generations that get it; none means the plan and all generations of its architecture.
    pub(crate) generations: Vec<String>,
    pub(crate) media_name: Option<String>,
    pub(crate) label: Option<String>,
    pub(crate) description: Option<String>,
}

/// A dictionary of image versions: where it is, and whose.
struct Images<'a> {
    at: Address,
    shape: &'a Shape,
    /// The id of the plan or of the generation.
    id: String,
    versions: Option<&'a Node>,
}

impl<'a> Reviser<'a> {
    /// Adds an image version to a plan and to its generations.
    pub(crate) fn add_image(&mut self, plan: &str, new: &NewImage) -> Result<(), Refusal> {
        let all = self.images(plan)?;
        if let Some(unknown) = new.generations.iter().find(|id| !all.iter().any(|images| images.id == **id)) {
            let known = all.iter().map(|images| images.id.as_str()).collect::<Vec<_>>().join(", ");
            return Err(
                self.refusal_here(format!("`{unknown}` is not a generation of the plan `{plan}`; expected {known}"))
            );
        }
        let architecture = self.architecture(&self.plan(plan));
        for images in all {
            let named = new.generations.contains(&images.id);
            let matches = || self.architecture(&images.at.parent()).is_none_or(|own| Some(own) == architecture);
            if !(named || (new.generations.is_empty() && (images.id == plan || matches()))) {
                continue;
            }
            let at = images.at.id(&new.version);
            if images.versions.is_some_and(|versions| versions.get(&new.version).is_some()) {
                return Err(self.refusal_here(format!("`{at}` is declared already; a published version never changes")));
            }
            let entries = self.image(new, plan, &images, &at)?;
            self.set(&at, &Yaml::Map(entries))?;
        }
        Ok(())
    }

    /// Takes out all but the newest versions of a plan and of its generations.
    pub(crate) fn prune_images(&mut self, plan: &str, keep: usize) -> Result<(), Refusal> {
        let mut gone = Vec::new();
        for images in self.images(plan)? {
            let entries = images.versions.map(Node::entries).unwrap_or_default();
            let mut versions = entries.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>();
            versions.sort_by_key(|version| numbers(version));
            let old = versions.len().saturating_sub(keep);
            gone.extend(versions[..old].iter().map(|version| images.at.id(version)));
        }
        gone.iter().try_for_each(|at| self.remove(at))
    }

    /// Adds a plan: an empty one, or one with all that another declares but its images.
    pub(crate) fn add_plan(&mut self, id: &str, like: Option<&str>) -> Result<(), Refusal> {
        let at = self.plan(id);
        if self.declared(&at).is_some() {
            return Err(self.refusal_here(format!("the plan `{id}` is declared already")));
        }
        let mut entries = vec![("planId".to_owned(), Yaml::Scalar(id.into()))];
        if let Some(like) = like {
            let from = self.known_plan(like)?;
            let shape = shape_of(self.shape, &from);
            let Some(Yaml::Map(copied)) = self.written_at(&from) else {
                return Err(self.refusal_here(format!("the plan `{like}` is not written as a mapping")));
            };
            let is_image = |name: &str| {
                let full = super::address::full_name(shape, name).unwrap_or(name);
                full == "diskGenerations" || is_images(shape.property(full))
            };
            entries.extend(copied.into_iter().filter(|(name, _)| name != "planId" && !is_image(name)));
        }
        let split = self
            .plan_folder()
            .filter(|folder| self.desired.sources.yaml().any(|source| source.path.starts_with(folder.as_str())));
        match split {
            Some(folder) => {
                let safe = id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
                if !safe {
                    return Err(self.refusal_here(format!("`{id}` cannot be the name of a file; add the plan by hand")));
                }
                self.new_files.push((format!("{folder}{id}.yaml"), yaml::document(&entries)));
                Ok(())
            }
            None => self.set(&at, &Yaml::Map(entries)),
        }
    }

    /// Takes a plan out of the files.
    pub(crate) fn remove_plan(&mut self, id: &str) -> Result<(), Refusal> {
        let at = self.known_plan(id)?;
        self.remove(&at)
    }

    fn plan(&self, id: &str) -> Address {
        Address::default().key("definition").key("plans").id(id)
    }

    fn known_plan(&self, id: &str) -> Result<Address, Refusal> {
        let at = self.plan(id);
        if self.declared(&at).is_some() {
            return Ok(at);
        }
        let plans = self.declared(&at.parent()).map(Node::items).unwrap_or_default();
        let known = plans.iter().filter_map(|plan| plan.get("planId")?.as_str()).collect::<Vec<_>>();
        let near = crate::diagnostic::did_you_mean(id, known.iter().copied());
        let hint =
            near.map_or_else(|| format!("declared are {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
        Err(self.refusal_here(format!("the plan `{id}` is not declared; {hint}")))
    }

    /// The dictionaries of images of a plan and of its generations.
    fn images(&self, plan: &str) -> Result<Vec<Images<'a>>, Refusal> {
        let at = self.known_plan(plan)?;
        let generations = at.key("diskGenerations");
        let of = |at: &Address, id: &str| {
            let shape = shape_of(self.shape, at);
            let (name, inner) = shape.properties().find(|(_, inner)| is_images(inner))?;
            let at = shape.address(at, name);
            Some(Images { versions: self.declared(&at), at, shape: inner, id: id.to_owned() })
        };
        let mut all = Vec::from_iter(of(&at, plan));
        let items = self.declared(&generations).map(Node::items).unwrap_or_default();
        let ids = items.iter().filter_map(|item| item.get("planId")?.as_str());
        all.extend(ids.filter_map(|id| of(&generations.id(id), id)));
        if all.is_empty() {
            return Err(self.refusal_here(format!("offers of the type `{}` have no images", self.desired.offer_type)));
        }
        // Where only generations have images, the plan itself gets none.
        if all.len() > 1 && all[0].versions.is_none() {
            all.remove(0);
        }
        Ok(all)
    }

    fn architecture(&self, of: &Address) -> Option<&'a str> {
        self.declared(&of.key("vmImagesArchitecture"))?.as_str()
    }

    fn image(
        &self,
        new: &NewImage,
        plan: &str,
        images: &Images<'_>,
        at: &Address,
    ) -> Result<Vec<(String, Yaml)>, Refusal> {
        let shape = images.shape.property(&new.version);
        let text = |text: &str| Yaml::Scalar(text.into());
        let blob = |url: &str, shape: &Shape| {
            if !url.contains('?') && Place::of(url).is_ok() {
                return Ok(Yaml::Tagged("!sas".to_owned(), url.to_owned()));
            }
            let why = "the address has a signature, and is not that of a blob in Azure Storage, which `!sas` can sign";
            let written = import::value(&self.desired.key, &Value::from(url), shape, at, false);
            let written = written.ok().filter(|written| matches!(written, Yaml::Tagged(..)) || !url.contains('?'));
            written.ok_or_else(|| self.refusal_here(why.to_owned()))
        };
        let mut entries = Vec::new();
        if shape.names("mediaName") {
            let base = new.media_name.clone().unwrap_or_else(|| format!("{plan}-{}", new.version.replace('.', "-")));
            let name = if images.id == plan { base } else { format!("{base}-{}", images.id) };
            entries.push(("mediaName".to_owned(), text(&name)));
        }
        for (name, value) in [("label", &new.label), ("description", &new.description)] {
            match value {
                Some(value) if shape.names(name) => entries.push((name.to_owned(), text(value))),
                Some(_) => return Err(self.refusal_here(format!("images of this type have no {name}"))),
                None => {}
            }
        }
        entries.push(("osVhdUrl".to_owned(), blob(&new.vhd, shape.property("osVhdUrl"))?));
        let disks = shape.property("lunVhdDetails").item().property("srcVhdUrl");
        let disk = |(lun, url): &(u32, String)| {
            Ok(Yaml::Map(vec![
                ("lun".to_owned(), Yaml::Scalar((*lun).into())),
                ("srcVhdUrl".to_owned(), blob(url, disks)?),
            ]))
        };
        let data = new.data_disks.iter().map(disk).collect::<Result<Vec<_>, Refusal>>()?;
        if !data.is_empty() {
            entries.push(("lunVhdDetails".to_owned(), Yaml::List(data)));
        }
        Ok(entries)
    }

    /// A refusal that is about the offer as a whole.
    fn refusal_here(&self, why: String) -> Refusal {
        self.refusal(&self.desired.document, why)
    }
}

fn is_images(shape: &Shape) -> bool {
    shape.rules.exact_entries && shape.rules.guard.as_deref() == Some("image")
}

/// The numbers of a version, for its order.
fn numbers(version: &str) -> Vec<u64> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}
