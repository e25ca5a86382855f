//! Which files of a project are one offer: an offer's own file, the plans in files beside it, and the overlays of an
//! environment. It is decided by the names of the files alone, the same on the disk and at a revision.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// A file, and the overlay that changes what it declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layer {
    pub(super) file: PathBuf,
    pub(super) overlay: Option<PathBuf>,
}

/// The files of one offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(super) own: Layer,
    /// The files with one plan each, in the order of their names.
    pub(super) plans: Vec<Layer>,
}

/// Why a file that is named as an overlay is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stray {
    /// The file that it would change, which is not there.
    NoBase(PathBuf),
    /// The environment, which the project does not declare.
    Undeclared(String),
    /// The other overlay of the same file.
    Second(PathBuf),
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) offers: Vec<Parts>,
    /// The overlays of other environments, each with the file that it changes.
    pub(super) other: Vec<(PathBuf, PathBuf)>,
    /// Files that are neither offers nor overlays.
    pub(super) stray: Vec<(PathBuf, Stray)>,
}

/// The environments of a project, and the one that files are read for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Environments<'a> {
    pub(super) names: &'a BTreeSet<String>,
    pub(super) chosen: Option<&'a str>,
}

/// Sorts the files of a project, in the order of their offers' own files.
pub(super) fn layout(paths: &[PathBuf], environments: Environments<'_>) -> Layout {
    let all = paths.iter().map(PathBuf::as_path).collect::<BTreeSet<_>>();
    let (mut stray, mut other) = (Vec::new(), Vec::new());
    let mut overlays = BTreeMap::<&Path, &Path>::new();
    let mut layers = Vec::new();
    for path in paths {
        match role(path, &all, environments) {
            Role::Layer => layers.push(path.as_path()),
            Role::OtherOverlay(base) => other.push((path.clone(), base.to_path_buf())),
            Role::Overlay(base) => {
                if let Some(first) = overlays.insert(base, path) {
                    overlays.insert(base, first);
                    stray.push((path.clone(), Stray::Second(first.to_path_buf())));
                }
            }
            Role::Stray(why) => stray.push((path.clone(), why)),
        }
    }
    let layer =
        |file: &Path| Layer { file: file.to_path_buf(), overlay: overlays.get(file).map(|path| path.to_path_buf()) };
    let mut plans = BTreeMap::<&Path, Vec<Layer>>::new();
    let mut own = Vec::new();
    for path in layers {
        match offer_of_plan(path, &all) {
            Some(offer) => plans.entry(offer).or_default().push(layer(path)),
            None => own.push(path),
        }
    }
    let offers = own.into_iter().map(|path| Parts { own: layer(path), plans: plans.remove(path).unwrap_or_default() });
    Layout { offers: offers.collect(), other, stray }
}

enum Role<'a> {
    /// A file of an offer.
    Layer,
    /// An overlay of this file.
    Overlay(&'a Path),
    /// An overlay of this file in another environment.
    OtherOverlay(&'a Path),
    Stray(Stray),
}

/// Names of files mean something only in a project that declares environments.
fn role<'a>(path: &Path, all: &BTreeSet<&'a Path>, environments: Environments<'_>) -> Role<'a> {
    let stem = path.file_stem().and_then(OsStr::to_str).and_then(|stem| stem.rsplit_once('.'));
    let Some((base, name)) = stem.filter(|_| !environments.names.is_empty()) else { return Role::Layer };
    let existing = yaml_file(path, base, all);
    match (existing, environments.names.contains(name)) {
        (Some(base), true) if environments.chosen == Some(name) => Role::Overlay(base),
        (Some(base), true) => Role::OtherOverlay(base),
        (Some(_), false) => Role::Stray(Stray::Undeclared(name.to_owned())),
        (None, true) => Role::Stray(Stray::NoBase(path.with_file_name(format!("{base}.yaml")))),
        (None, false) => Role::Layer,
    }
}

/// The own file of the offer that a plan belongs to: `offer.yaml` beside the folder `plans` that the file is in.
fn offer_of_plan<'a>(path: &Path, all: &BTreeSet<&'a Path>) -> Option<&'a Path> {
    let folder = path.parent().filter(|folder| folder.file_name() == Some(OsStr::new("plans")))?;
    yaml_file(folder, "offer", all)
}

/// The YAML file of this name beside a file or folder.
fn yaml_file<'a>(beside: &Path, stem: &str, all: &BTreeSet<&'a Path>) -> Option<&'a Path> {
    let file = |ending: &str| all.get(beside.with_file_name(format!("{stem}.{ending}")).as_path()).copied();
    file("yaml").or_else(|| file("yml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The layout in words: `own+overlay[plan, plan+overlay]`, then what is stray.
    fn said(paths: &[&str], names: &[&str], chosen: Option<&str>) -> Vec<String> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let mut paths = paths.iter().map(PathBuf::from).collect::<Vec<_>>();
        paths.sort();
        let found = layout(&paths, Environments { names: &names, chosen });
        let layer = |layer: &Layer| {
            let overlay = layer.overlay.as_ref().map(|path| format!("+{}", path.display())).unwrap_or_default();
            format!("{}{overlay}", layer.file.display())
        };
        let offer = |parts: &Parts| match parts.plans.iter().map(layer).collect::<Vec<_>>() {
            plans if plans.is_empty() => layer(&parts.own),
            plans => format!("{}[{}]", layer(&parts.own), plans.join(", ")),
        };
        let stray = found.stray.iter().map(|(path, why)| format!("{}: {why:?}", path.display()));
        found.offers.iter().map(offer).chain(stray).collect()
    }

    #[test]
    fn a_folder_with_offer_yaml_and_plans_is_one_offer() {
        let files = ["p/o/offer.yaml", "p/o/plans/b.yaml", "p/o/plans/a.yml", "p/o/plans/deep/c.yaml"];
        assert_eq!(
            said(&files, &[], None),
            ["p/o/offer.yaml[p/o/plans/a.yml, p/o/plans/b.yaml]", "p/o/plans/deep/c.yaml"]
        );
        assert_eq!(said(&["p/o/plans/a.yaml"], &[], None), ["p/o/plans/a.yaml"], "no offer.yaml beside the folder");
        assert_eq!(said(&["p/o/offer.yaml", "p/o/other.yaml"], &[], None), ["p/o/offer.yaml", "p/o/other.yaml"]);
    }

    #[test]
    fn an_overlay_needs_its_file_and_its_environment() {
        let files = ["a.yaml", "a.prod.yaml", "a.test.yml", "b.c.yaml"];
        assert_eq!(said(&files, &["prod", "test"], Some("prod")), ["a.yaml+a.prod.yaml", "b.c.yaml"]);
        assert_eq!(said(&files, &["prod", "test"], None), ["a.yaml", "b.c.yaml"]);
        assert_eq!(
            said(&files, &["prod"], Some("prod")),
            ["a.yaml+a.prod.yaml", "b.c.yaml", "a.test.yml: Undeclared(\"test\")"]
        );
        assert_eq!(said(&["b.c.yaml"], &["c"], None), ["b.c.yaml: NoBase(\"b.yaml\")"]);
        assert_eq!(
            said(&["a.yaml", "a.prod.yaml", "a.prod.yml"], &["prod"], Some("prod")),
            ["a.yaml+a.prod.yaml", "a.prod.yml: Second(\"a.prod.yaml\")"]
        );
        let all = ["a.prod.yaml", "a.test.yml", "a.yaml", "b.c.yaml"];
        assert_eq!(said(&files, &[], None), all, "without environments, names mean nothing");
    }

    #[test]
    fn plans_have_overlays_too() {
        let files =
            ["o/offer.yaml", "o/offer.prod.yaml", "o/plans/a.yaml", "o/plans/a.prod.yaml", "o/plans/b.prod.yaml"];
        assert_eq!(
            said(&files, &["prod"], Some("prod")),
            [
                "o/offer.yaml+o/offer.prod.yaml[o/plans/a.yaml+o/plans/a.prod.yaml]",
                "o/plans/b.prod.yaml: NoBase(\"o/plans/b.yaml\")"
            ]
        );
    }
}
