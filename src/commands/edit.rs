//! `offerctl set`, `unset`, `image` and `edit`: changes of the files of one offer.

use std::io::Read as _;
use std::sync::Arc;

use super::shell::Shell;
use crate::cli::{EditCommand, ImageCommand, Rewriting, SetArgs, UnsetArgs};
use crate::edit;
use crate::error::{Error, Exit, Result};
use crate::model::{Address, OfferKey};
use crate::revise::{self, NewImage, Refusal, Reviser};
use crate::schema::Shape;
use crate::workspace::{Desired, Project};

/// Largest value that is read from stdin, in bytes.
const MAX_STDIN: u64 = 4 << 20;

pub(super) fn set(shell: &Shell, args: &SetArgs) -> Result<Exit> {
    let text = match args.value.as_str() {
        "-" => stdin()?,
        value => value.to_owned(),
    };
    change(shell, &args.offer, args.rewriting, |reviser, desired, shape| {
        let at = address(&args.address, shape)?;
        let value = match args.yaml {
            true => {
                edit::parse(&text).ok_or_else(|| Error::invalid("the value is not YAML that an offer file may hold"))?
            }
            false => revise::value(&text, revise::shape_of(shape, &at), &at, &desired.key).map_err(Error::invalid)?,
        };
        reviser.set(&at, &value).map_err(|refusal| refused(&refusal))
    })
}

pub(super) fn unset(shell: &Shell, args: &UnsetArgs) -> Result<Exit> {
    change(shell, &args.offer, args.rewriting, |reviser, _, shape| {
        reviser.remove(&address(&args.address, shape)?).map_err(|refusal| refused(&refusal))
    })
}

pub(super) fn image(shell: &Shell, command: &ImageCommand) -> Result<Exit> {
    match command {
        ImageCommand::Add(args) => {
            let new = NewImage {
                version: args.version.clone(),
                vhd: args.vhd.clone(),
                data_disks: args.data_disk.clone(),
                generations: args.generation.clone(),
                media_name: args.media_name.clone(),
                label: args.label.clone(),
                description: args.description.clone(),
            };
            change(shell, &args.offer, args.rewriting, |reviser, _, _| {
                reviser.add_image(&args.plan, &new).map_err(|refusal| refused(&refusal))
            })
        }
        ImageCommand::Prune(args) => change(shell, &args.offer, args.rewriting, |reviser, _, _| {
            reviser.prune_images(&args.plan, usize::from(args.keep)).map_err(|refusal| refused(&refusal))
        }),
    }
}

pub(super) fn edit(shell: &Shell, command: &EditCommand) -> Result<Exit> {
    match command {
        EditCommand::AddPlan(args) => change(shell, &args.offer, args.rewriting, |reviser, _, _| {
            reviser.add_plan(&args.plan, args.like.as_deref()).map_err(|refusal| refused(&refusal))
        }),
        EditCommand::RemovePlan(args) => change(shell, &args.offer, args.rewriting, |reviser, _, _| {
            reviser.remove_plan(&args.plan).map_err(|refusal| refused(&refusal))
        }),
    }
}

/// Makes a change in the files of an offer, and writes them.
fn change(
    shell: &Shell,
    key: &OfferKey,
    rewriting: Rewriting,
    work: impl FnOnce(&mut Reviser<'_>, &Desired, &Shape) -> Result<()>,
) -> Result<Exit> {
    let (project, loaded) = shell.load(&[key.to_string()])?;
    let desired = loaded.offer(key).ok_or_else(|| Error::invalid(format!("no file declares the offer {key}")))?;
    let shape = shell.schemas.shape(&desired.offer_type);
    let mut reviser = Reviser::new(desired, shape, overlay(shell, &project));
    work(&mut reviser, desired, shape)?;
    let revised = reviser.finish().map_err(|refusal| refused(&refusal))?;
    shell.rewrite(&project, &revised, rewriting)
}

/// The environment whose overlays take what is new: the one that `--env` names, and no default.
pub(super) fn overlay<'s>(shell: &'s Shell, project: &Arc<Project>) -> Option<&'s str> {
    let named = shell.global.env.as_deref();
    named.filter(|named| project.environment.as_deref() == Some(named))
}

fn address(text: &str, shape: &Shape) -> Result<Address> {
    revise::address(text, shape).map_err(Error::invalid)
}

pub(super) fn refused(Refusal { path, line, why }: &Refusal) -> Error {
    Error::invalid(format!("{path}:{line}: not changed: {why}"))
        .hint(format!("change {path} by hand, from line {line}"))
}

fn stdin() -> Result<String> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(MAX_STDIN + 1).read_to_end(&mut bytes);
    read.map_err(|error| Error::failed(format!("stdin cannot be read: {error}")))?;
    if bytes.len() as u64 > MAX_STDIN {
        return Err(Error::invalid(format!("the value on stdin has more than {MAX_STDIN} bytes")));
    }
    let text = crate::text::decode(&bytes).map(ToOwned::to_owned);
    text.map_err(|error| Error::invalid(format!("the value on stdin cannot be used: {error}")))
}
