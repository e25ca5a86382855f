//! `offerctl history`: the versions and submissions of an offer, as far as the portal keeps them.

use serde_json::Value;

use super::diff;
use super::observe::unread;
use super::shell::Shell;
use super::show::cannot_read;
use crate::cli::{Format, HistoryArgs, SideArg};
use crate::error::{Exit, Result};
use crate::live::Live;
use crate::model::{OfferKey, Slot};
use crate::portal::{Problem, Reader};
use crate::render::{self, Paint};
use crate::report::{History, SlotVersion};

pub(super) async fn run(shell: &Shell, args: &HistoryArgs) -> Result<Exit> {
    let key = &args.offer;
    let read =
        shell.with_portal(async |portal| shell.until_stopped(async { Ok(read(&portal.reader, key).await) }).await);
    let draft = SideArg::Slot(Slot::Draft);
    let history = read.await?.map_err(|problem| cannot_read(draft, &unread(key, &problem)))?;
    shell.emit(&|format, color| match format {
        Format::Json => render::history_json(&history),
        _ => render::history(&history, Paint { color }),
    })?;
    Ok(Exit::Done)
}

async fn read(reader: &Reader, key: &OfferKey) -> Result<History, Problem> {
    // An offer that does not exist has no history; the draft tells.
    reader.expect_offer(key).await?;
    let slot = |slot| diff::read(reader, key, SideArg::Slot(slot));
    let (draft, preview, live, submissions) =
        tokio::try_join!(slot(Slot::Draft), slot(Slot::Preview), slot(Slot::Production), reader.submissions(key))?;
    let slots = [(Slot::Draft, draft), (Slot::Preview, preview), (Slot::Production, live)];
    let slots = slots.into_iter().filter_map(|(slot, live)| match live {
        Some(Live::Present(offer)) => Some(version(slot, &offer.document)),
        Some(Live::Absent) | None => None,
    });
    Ok(History { key: key.clone(), slots: slots.collect(), submissions })
}

fn version(slot: Slot, document: &Value) -> SlotVersion {
    SlotVersion {
        slot: SideArg::Slot(slot).to_string(),
        version: document.get("version").and_then(Value::as_i64),
        changed: document.get("changedTime").and_then(Value::as_str).unwrap_or_default().to_owned(),
    }
}
