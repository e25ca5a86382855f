//! `offerctl status`: where offers are on the portal.

use super::connect::Portal;
use super::observe::{read_each, unread};
use super::shell::Shell;
use crate::cli::{Format, Targets};
use crate::error::{Exit, Fate, Result};
use crate::live::Live;
use crate::model::{OfferKey, Slot};
use crate::portal::{Problem, Reader, Submission};
use crate::render::{self, Paint};
use crate::report::OfferStatus;

pub(super) async fn run(shell: &Shell, args: &Targets) -> Result<Exit> {
    let keys = shell.keys(&args.targets)?;
    let read = async |portal: &Portal| {
        let one = async |key| read(&portal.reader, key).await.map_err(|problem| unread(key, &problem));
        shell.until_stopped(async { Ok(read_each(shell, portal.at_once, &keys, one).await) }).await
    };
    let (offers, unread) = shell.with_portal(read).await?;
    shell.emit(&|format, color| match format {
        Format::Json => render::status_json(&offers, &unread, shell.read_from()),
        _ => render::status(&offers, &unread, Paint { color }),
    })?;
    let unread = unread.iter().map(|unread| Fate::unread(unread.denied));
    Ok(Exit::of(unread.chain(offers.iter().map(|_| Fate::Done))))
}

async fn read(reader: &Reader, key: &OfferKey) -> Result<OfferStatus, Problem> {
    let (status, preview, production, submissions) = tokio::try_join!(
        reader.status(key),
        reader.slot(key, Slot::Preview),
        reader.slot(key, Slot::Production),
        reader.submissions(key),
    )?;
    let exists = status.is_some() || reader.offer(key).await? != Live::Absent;
    Ok(OfferStatus {
        key: key.clone(),
        exists,
        status,
        preview: preview != Live::Absent,
        production: production != Live::Absent,
        running: Submission::running(&submissions).cloned(),
    })
}
