//! `offerctl snapshot`, and planning against one: no credential is looked for, and no connection is opened.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use futures_util::{StreamExt as _, stream};

use super::artifacts::Looking;
use super::connect::Portal;
use super::observe;
use super::progress::Reading;
use super::shell::Shell;
use super::sinks::write_sealed;
use crate::artifact::Looker;
use crate::cli::{Format, SnapshotArgs};
use crate::content::Contents;
use crate::diff;
use crate::error::{Error, Exit, Result};
use crate::live::Live;
use crate::plan::{self, Choices, Plan, ReleaseView, Taken, Unread, Verdict};
use crate::portal::Reader;
use crate::render;
use crate::snapshot::{MAX_BYTES, Present, Recorded, RecordedOffer, Snapshot};
use crate::term::Escape;
use crate::workspace::{Desired, Project, Through};

/// A snapshot that is older is warned of.
const OLD: i64 = 24 * 60 * 60;

pub(super) async fn run(shell: &Shell, args: &SnapshotArgs) -> Result<Exit> {
    let (project, loaded) = shell.load(&args.targets.targets)?;
    let portal = shell.connect().await?;
    let recorded = record(shell, args, &project, &loaded.offers, &portal).await;
    let name = portal.name.clone();
    portal.close().await?;
    let snapshot = Snapshot { portal: name, taken: jiff::Timestamp::now(), content: recorded? };
    write_sealed(&args.out, &snapshot.write(&|content| Escape::Json.scrub(content).into_owned()))?;
    shell.emit(&|format, _| match format {
        Format::Json => render::snapshot_json(&snapshot, &args.out),
        _ => render::snapshot(&snapshot, &args.out),
    })?;
    let Recorded { offers, unread, listed: _ } = &snapshot.content;
    Ok(match (offers.is_empty(), unread.as_slice()) {
        (_, []) => Exit::Done,
        (false, _) => Exit::Partial,
        (true, unread) if unread.iter().all(|unread| unread.denied) => Exit::Denied,
        (true, _) => Exit::Failed,
    })
}

async fn record(
    shell: &Shell,
    args: &SnapshotArgs,
    project: &Project,
    offers: &[Desired],
    portal: &Portal,
) -> Result<Recorded> {
    let looking = if args.no_artifacts { None } else { Some(Looking::new(project, &portal.reader)?) };
    let looker = looking.as_ref().map(Looking::looker);
    let mut recorded = Recorded::default();
    let all = async {
        let reads = offers.iter().map(|desired| one(shell, &portal.reader, desired, looker));
        let mut reads = stream::iter(reads).buffered(portal.at_once);
        let reading = Reading::new(shell.term, offers.len());
        while let Some(result) = reads.next().await {
            reading.one_more();
            match result {
                Ok(offer) => recorded.offers.push(offer),
                Err(unread) => recorded.unread.push(unread),
            }
        }
        recorded.listed = listed(shell, &portal.reader, offers).await;
        Ok(())
    };
    shell.until_stopped(all).await?;
    if let Some(looking) = looking {
        looking.keep();
    }
    Ok(recorded)
}

async fn one(
    shell: &Shell,
    reader: &Reader,
    desired: &Desired,
    looker: Option<&Looker>,
) -> std::result::Result<RecordedOffer, Unread> {
    let shape = shell.schemas.shape(&desired.offer_type);
    // All slots: how far a later plan goes is not known yet.
    let (live, release) = observe::read(reader, desired, shape, Through::Live).await?;
    let contents = match looker {
        Some(looker) => looker.look(&diff::artifacts(&desired.document, &live, shape)).await,
        None => Contents::default(),
    };
    let present = match &live {
        Live::Present(offer) => Some(Present::record(desired, offer, release, contents, shape)),
        Live::Absent => None,
    };
    Ok(RecordedOffer { offer: desired.key.clone(), present })
}

/// All offers of each publisher, so that a later file can be seen to be new.
async fn listed(
    shell: &Shell,
    reader: &Reader,
    offers: &[Desired],
) -> BTreeMap<crate::model::PublisherId, Vec<String>> {
    let mut listed = BTreeMap::new();
    for publisher in offers.iter().map(|desired| &desired.key.publisher).collect::<BTreeSet<_>>() {
        match reader.offers(publisher).await {
            Ok(found) => {
                let mut ids = found.into_iter().map(|offer| offer.id).collect::<Vec<_>>();
                ids.sort();
                listed.insert(publisher.clone(), ids);
            }
            Err(problem) => shell.term.alert(&format!(
                "warning: the offers of {publisher} cannot be listed: {problem}; the snapshot will not know new ones"
            )),
        }
    }
    listed
}

/// Reads a snapshot, and warns of one that is old.
pub(super) fn read(shell: &Shell, path: &Path) -> Result<(Snapshot, Taken)> {
    let unusable = |reason: String| {
        Error::invalid(format!("{} cannot be planned against: {reason}", path.display()))
            .hint("take one with `offerctl snapshot --out FILE`")
    };
    let size = path.metadata().map_err(|error| unusable(error.to_string()))?.len();
    if size > MAX_BYTES {
        return Err(unusable(format!("it has {size} bytes, more than the {MAX_BYTES} that are read")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
    let snapshot = Snapshot::read(&text).map_err(|error| unusable(error.to_string()))?;
    let age = snapshot.age(jiff::Timestamp::now());
    if age > OLD {
        shell.term.alert(&format!(
            "warning: the snapshot is {} old; the portal may have moved since",
            render::duration(u64::try_from(age).unwrap_or_default())
        ));
    } else if age < 0 {
        shell.term.alert("warning: the snapshot is dated later than now; look at the clocks");
    }
    let taken = Taken {
        portal: snapshot.portal.clone(),
        taken: snapshot.taken.to_string(),
        age_seconds: u64::try_from(age).unwrap_or_default(),
    };
    Ok((snapshot, taken))
}

/// Decides every offer by what the snapshot says of it.
pub(super) fn make_plan(
    shell: &Shell,
    offers: &[Desired],
    choices: &Choices,
    no_artifacts: bool,
    from: &Snapshot,
) -> Plan {
    let mut plan = Plan::default();
    for desired in offers {
        let shape = shell.schemas.shape(&desired.offer_type);
        match from.offer(desired, shape) {
            Ok((live, release, contents)) => {
                let release = if choices.through(desired) == Through::Draft { ReleaseView::NOTHING } else { release };
                let contents = if no_artifacts { Contents::default() } else { contents };
                match plan::decide(desired, &live, &release, contents, shape, choices) {
                    Verdict::Change(offer) => plan.offers.push(*offer),
                    Verdict::Unchanged(unchanged) => plan.unchanged.push(*unchanged),
                }
            }
            Err(unread) => plan.unread.push(unread),
        }
    }
    plan
}
