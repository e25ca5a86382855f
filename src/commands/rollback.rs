//! `offerctl rollback`: writes an earlier state of an offer into its files. Nothing is applied.

use super::adopt;
use super::edit::overlay;
use super::shell::Shell;
use super::show::{cannot_read, read};
use crate::cli::{OfferAt, RollbackArgs};
use crate::content::Contents;
use crate::error::{Error, Exit, Result};
use crate::revise;

pub(super) async fn run(shell: &Shell, args: &RollbackArgs) -> Result<Exit> {
    let key = &args.offer;
    let (project, loaded) = shell.load(&[key.to_string()])?;
    let desired = loaded.offer(key).ok_or_else(|| Error::invalid(format!("no file declares the offer {key}")))?;
    let at = OfferAt { key: key.clone(), state: args.to };
    let found =
        shell.with_portal(async |portal| shell.until_stopped(async { Ok(read(&portal.reader, &at).await) }).await);
    let live = found.await?.map_err(|unread| cannot_read(args.to, &unread))?;
    let shape = shell.schemas.shape(&desired.offer_type);
    let contents = Contents::default();
    let diff = adopt::compare(desired, &live, &contents, shape);
    let changes = diff.changes.iter().collect::<Vec<_>>();
    let adopted = revise::adopt(desired, &live, &changes, shape, overlay(shell, &project));
    let exit = adopt::write(shell, &project, &[], args.rewriting, &[adopted], &[])?;
    for secret in &diff.secrets {
        shell.term.alert(&format!("not restored: {secret}: a secret, which the portal does not return"));
    }
    for unknown in &diff.unknown {
        shell.term.alert(&format!("not restored: {}: a file that the portal copied", unknown.address));
    }
    for signature in &diff.signatures {
        shell.term.alert(&format!(
            "not restored: {}: the signature; `apply` keeps the live one or signs anew",
            signature.address
        ));
    }
    if exit == Exit::Done && !args.rewriting.patch {
        shell.term.say(&format!("The files now match {key}@{}; nothing was applied. Next: offerctl plan", args.to));
    }
    Ok(exit)
}
