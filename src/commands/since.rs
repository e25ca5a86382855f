//! `--since REV` of `plan` and `apply`: the offers whose files changed.

use std::collections::BTreeSet;
use std::path::Path;

use super::git::Revision;
use crate::error::{Error, Result};
use crate::plan::Since;
use crate::workspace::{Desired, Project};

const CONFIG: &str = "offerctl.toml";

/// Keeps the offers of which a file is not what it was at `rev`, if one is given: the offer file, and what it takes in by
/// `!file` and `!artifact`. A change of what concerns every offer keeps them all.
pub(super) async fn keep_changed(
    project: &Project,
    offers: &mut Vec<Desired>,
    rev: Option<&str>,
) -> Result<Option<Since>> {
    let Some(rev) = rev else { return Ok(None) };
    let mut revision = Revision::list(project, rev).await?;
    let mut names = offers.iter().flat_map(|offer| &offer.files).map(|(name, _)| name.clone()).collect::<BTreeSet<_>>();
    let common = common(project, &revision)?;
    names.extend(common.iter().cloned());
    revision.fetch(names).await?;
    let all = offers.len();
    let same = |name: &String| {
        let now = std::fs::read(project.root.join(name)).ok();
        now.as_deref() == revision.tree.get(name)
    };
    if common.iter().all(same) {
        let parts = project.parts_at(&revision.tree);
        offers.retain(|offer| {
            let changed = offer.files.iter().any(|(name, digest)| revision.digest(name).as_ref() != Some(digest));
            // A file that was one of its parts, and is none now.
            let gone = parts.get(offer.path()).into_iter().flatten();
            changed || gone.into_iter().any(|name| offer.files.iter().all(|(now, _)| now != name))
        });
    }
    Ok(Some(Since { left_out: all - offers.len(), revision: revision.name }))
}

/// The files that concern every offer, now or at the revision.
fn common(project: &Project, revision: &Revision) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::from([CONFIG.to_owned()]);
    // Another folder is another `offerctl.toml`.
    let Some(schemas) = project.config.schemas.as_ref().map(|name| format!("{}/", name.trim_end_matches('/'))) else {
        return Ok(names);
    };
    names.extend(revision.tree.names().filter(|name| name.starts_with(&schemas)).map(ToOwned::to_owned));
    let folder = project.root.join(&schemas);
    if folder.is_dir() {
        below(&folder, &schemas, &mut names).map_err(|error| Error::io("list", &folder, &error))?;
    }
    Ok(names)
}

fn below(folder: &Path, name: &str, names: &mut BTreeSet<String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let inside = format!("{name}{}", entry.file_name().to_string_lossy());
        match entry.file_type()? {
            kind if kind.is_dir() => below(&entry.path(), &format!("{inside}/"), names)?,
            kind if kind.is_file() => drop(names.insert(inside)),
            _ => {}
        }
    }
    Ok(())
}
