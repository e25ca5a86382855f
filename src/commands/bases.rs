//! The baselines of drift: reports of an apply, and revisions of the project.

use std::path::Path;
use std::sync::Arc;

use super::git::Revision;
use super::shell::Shell;
use crate::content::Pair;
use crate::diff;
use crate::drift::{self, Base, MAX_RECEIPT, Receipt};
use crate::error::{Error, Result};
use crate::live::Live;
use crate::model::{Digest, OfferKey};
use crate::schema::Shape;
use crate::workspace::{Desired, Project, environment_name};

/// The bases that were named, in their order. A clone shares them.
#[derive(Clone, Default)]
pub(super) struct Bases(Arc<[Origin]>);

impl Bases {
    pub(super) async fn read(shell: &Shell, project: &Project, named: &[String]) -> Result<Self> {
        Ok(Self(origins(shell, project, named).await?.into()))
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.0.iter().map(|origin| origin.name().to_owned()).collect()
    }

    /// What tells them from others.
    pub(super) fn digests(&self) -> Vec<Digest> {
        self.0.iter().map(Origin::digest).collect()
    }

    /// Checks that the receipts are for this portal.
    pub(super) fn check_portal(&self, portal: &str) -> Result<()> {
        for origin in self.0.iter() {
            if let Origin::Receipt(name, receipt, _) = origin
                && receipt.portal() != portal
            {
                let message = format!("the {name} is for the portal {}, but this is {portal}", receipt.portal());
                return Err(Error::invalid(message).hint("pass the receipt of an `apply` to this portal"));
            }
        }
        Ok(())
    }

    /// Returns the first base that tells of an offer, with its name; or why none does, where there are bases.
    pub(super) fn of(&self, desired: &Desired) -> drift::Known<'_> {
        let mut why = (!self.0.is_empty()).then(|| "the receipt does not contain it".to_owned());
        for origin in self.0.iter() {
            match origin.of(&desired.key, desired.path()) {
                Ok(Some(known)) => return Ok((origin.name(), known)),
                Ok(None) => {}
                Err(reason) => why = Some(reason),
            }
        }
        Err(why)
    }

    /// Whether a base tells of an offer that was there.
    pub(super) fn declares(&self, key: &OfferKey) -> bool {
        self.0.iter().any(|origin| matches!(origin.of(key, ""), Ok(Some(Base::Receipt(_) | Base::Revision(_)))))
    }

    /// Returns the artifacts of an offer's base that only their content can compare.
    pub(super) fn artifacts(&self, desired: &Desired, live: &Live, shape: &Shape) -> Vec<Pair> {
        match self.of(desired) {
            Ok((_, Base::Revision(before))) => diff::artifacts(&before.document, live, shape),
            _ => Vec::new(),
        }
    }
}

enum Origin {
    /// Its name, what it says, and the digest of its text.
    Receipt(String, Receipt, Digest),
    Revision(Box<Revision>),
}

impl Origin {
    fn name(&self) -> &str {
        match self {
            Self::Receipt(name, ..) => name,
            Self::Revision(revision) => &revision.name,
        }
    }

    /// What tells it from others.
    fn digest(&self) -> Digest {
        match self {
            Self::Receipt(.., digest) => digest.clone(),
            Self::Revision(revision) => Digest::of(revision.name.as_bytes()),
        }
    }

    /// What it says of an offer, if it says anything; an error where it should and cannot.
    fn of(&self, key: &OfferKey, path: &str) -> std::result::Result<Option<Base<'_>>, String> {
        match self {
            Self::Receipt(_, receipt, _) => Ok(receipt.offer(key).map(Base::Receipt)),
            Self::Revision(revision) => match revision.loaded.offer(key) {
                Some(desired) => Ok(Some(Base::Revision(desired))),
                None if revision.loaded.is_broken(key, path) => {
                    Err(format!("its file has errors at {}", revision.name))
                }
                None => Ok(Some(Base::New)),
            },
        }
    }
}

/// A file is a receipt, anything else a revision.
async fn origins(shell: &Shell, project: &Project, named: &[String]) -> Result<Vec<Origin>> {
    let mut bases = Vec::new();
    for name in named {
        bases.push(if Path::new(name).is_file() {
            let (receipt, digest) = receipt(Path::new(name))?;
            if receipt.environment() != project.environment.as_deref() {
                let (made, now) =
                    (environment_name(receipt.environment()), environment_name(project.environment.as_deref()));
                return Err(Error::invalid(format!("the receipt {name} is for {made}, but this is {now}"))
                    .hint("pass the receipt of an `apply` in this environment"));
            }
            Origin::Receipt(format!("receipt {name}"), receipt, digest)
        } else if Path::new(name).extension().is_some_and(|ending| ending == "json") {
            return Err(
                Error::invalid(format!("no such file: {name}")).hint("write a receipt with `apply -o json=PATH`")
            );
        } else {
            Origin::Revision(Box::new(Revision::read(shell, project, name).await?))
        });
    }
    Ok(bases)
}

fn receipt(path: &Path) -> Result<(Receipt, Digest)> {
    let size = path.metadata().map_err(|error| Error::io("read", path, &error))?.len();
    if size > MAX_RECEIPT {
        let message = format!("{} has {size} bytes; the limit is {MAX_RECEIPT}", path.display());
        return Err(Error::invalid(message));
    }
    let text = crate::text::read(path).map_err(|error| Error::io("read", path, &error))?;
    let receipt = Receipt::read(&text).map_err(|error| {
        Error::invalid(format!("{} cannot be used as the base: {error}", path.display()))
            .hint("pass the report of `apply -o json=PATH`, or a Git revision")
    })?;
    Ok((receipt, Digest::of(text.as_bytes())))
}
