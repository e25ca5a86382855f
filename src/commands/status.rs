//! `offerctl status`: where offers are on the portal.

use futures_util::{StreamExt as _, stream};

use super::observe;
use super::shell::Shell;
use crate::cli::{Format, Targets};
use crate::error::{Exit, Result};
use crate::live::Live;
use crate::model::{OfferKey, Slot};
use crate::plan::Unread;
use crate::portal::{Problem, Reader, Submission};
use crate::render::{self, Paint};
use crate::report::OfferStatus;

pub(super) async fn run(shell: &Shell, args: &Targets) -> Result<Exit> {
    let keys = shell.keys(&args.targets)?;
    let portal = shell.connect().await?;
    let read = shell.until_stopped(async { Ok(read_all(&portal.reader, &keys, portal.at_once).await) }).await;
    portal.close().await?;
    let (offers, unread) = read?;
    shell.emit(&|format, color| match format {
        Format::Json => render::status_json(&offers, &unread),
        _ => render::status(&offers, &unread, Paint { color }),
    })?;
    Ok(match (offers.is_empty(), unread.is_empty()) {
        (_, true) => Exit::Done,
        (false, false) => Exit::Partial,
        (true, false) if unread.iter().all(|unread| unread.denied) => Exit::Denied,
        (true, false) => Exit::Failed,
    })
}

async fn read_all(reader: &Reader, keys: &[OfferKey], at_once: usize) -> (Vec<OfferStatus>, Vec<Unread>) {
    let reads = stream::iter(keys.iter().map(|key| async move { (key, read(reader, key).await) }));
    let mut reads = reads.buffered(at_once);
    let (mut offers, mut unread) = (Vec::new(), Vec::new());
    while let Some((key, result)) = reads.next().await {
        match result {
            Ok(status) => offers.push(status),
            Err(problem) => unread.push(observe::unread(key, &problem)),
        }
    }
    (offers, unread)
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
