//! `offerctl snapshot`, and planning against one: no credential is looked for, and no connection is opened.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::artifacts::Looking;
use super::bases::Bases;
use super::connect::Portal;
use super::observe::{self, Decided, Desk, Detail, read_each};
use super::shell::Shell;
use super::sinks::write_sealed;
use crate::cli::{Format, SnapshotArgs};
use crate::content::Contents;
use crate::error::{Error, Exit, Fate, Result};
use crate::live::Live;
use crate::model::PublisherId;
use crate::plan::{self, Choices, ReleaseView, Taken, Unread};
use crate::portal::Reader;
use crate::render;
use crate::safe::Escape;
use crate::schema::Schemas;
use crate::snapshot::{MAX_BYTES, Present, Recorded, RecordedOffer, Snapshot};
use crate::workspace::{Desired, Through};

/// How many offers of a snapshot are decided or wait for a thread. It is no portal that could be asked too much.
const AT_ONCE: usize = 64;
/// A snapshot that is older is warned of.
const OLD: i64 = 24 * 60 * 60;

pub(super) async fn run(shell: &Shell, args: &SnapshotArgs) -> Result<Exit> {
    let (_, mut loaded) = shell.load(&args.targets.targets)?;
    loaded.keep(args.shard);
    let record = async |portal: &Portal| {
        let content = record(shell, args, &loaded.offers, portal).await?;
        Ok(Snapshot { portal: portal.name.clone(), taken: jiff::Timestamp::now(), content })
    };
    let snapshot = shell.with_portal(record).await?;
    write_sealed(&args.out, &snapshot.write(&|content| Escape::Json.scrub(content).into_owned()))?;
    shell.emit(&|format, _| match format {
        Format::Json => render::snapshot_json(&snapshot, &args.out),
        _ => render::snapshot(&snapshot, &args.out),
    })?;
    let Recorded { offers, unread, listed: _ } = &snapshot.content;
    let unread = unread.iter().map(|unread| Fate::unread(unread.denied));
    Ok(Exit::of(unread.chain(offers.iter().map(|_| Fate::Done))))
}

async fn record(shell: &Shell, args: &SnapshotArgs, offers: &[Desired], portal: &Portal) -> Result<Recorded> {
    let looking = if args.no_artifacts { None } else { Some(Looking::new(&shell.global, &portal.reader)?) };
    let desk = Desk::new(shell, &portal.reader, looking.as_ref().map(Looking::looker));
    let mut recorded = Recorded::default();
    let all = async {
        let one = async |desired| one(&desk, desired).await;
        (recorded.offers, recorded.unread) = read_each(shell, portal.at_once, offers, one).await;
        recorded.listed = listed(shell, &portal.reader, offers).await;
        Ok(())
    };
    shell.until_stopped(all).await?;
    if let Some(looking) = looking {
        looking.keep();
    }
    Ok(recorded)
}

async fn one(desk: &Desk, desired: &Desired) -> std::result::Result<RecordedOffer, Unread> {
    // All slots: how far a later plan goes is not known yet.
    let (live, release) = observe::read(desk, desired, Through::Live).await?;
    let (live, contents) = observe::contents(desk, usize::MAX, live, observe::artifacts_of(desired)).await;
    let desired = desired.clone();
    let record = move |schemas: &Schemas| {
        let shape = schemas.shape(&desired.offer_type);
        let present = match &live {
            Live::Present(offer) => Some(Present::record(&desired, offer, release, contents, shape)),
            Live::Absent => None,
        };
        RecordedOffer { offer: desired.key, present }
    };
    Ok(desk.compute(usize::MAX, record).await)
}

/// All offers of each publisher, so that a later file can be seen to be new.
async fn listed(shell: &Shell, reader: &Reader, offers: &[Desired]) -> BTreeMap<PublisherId, BTreeSet<String>> {
    let mut listed = BTreeMap::new();
    for publisher in offers.iter().map(|desired| &desired.key.publisher).collect::<BTreeSet<_>>() {
        match reader.offers(publisher).await {
            Ok(found) => {
                listed.insert(publisher.clone(), found.into_iter().map(|offer| offer.id).collect());
            }
            Err(problem) => shell.term.alert(&format!(
                "warning: the offers of {publisher} cannot be listed: {problem}; the snapshot will not contain new \
                    ones"
            )),
        }
    }
    listed
}

/// Reads a snapshot, and warns of one that is old.
pub(super) fn read(shell: &Shell, path: &Path) -> Result<(Arc<Snapshot>, Taken)> {
    let unusable = |reason: String| {
        Error::invalid(format!("{} cannot be planned against: {reason}", path.display()))
            .hint("take one with `offerctl snapshot --out FILE`")
    };
    let size = path.metadata().map_err(|error| unusable(error.to_string()))?.len();
    if size > MAX_BYTES {
        return Err(unusable(format!("it has {size} bytes; the limit is {MAX_BYTES}")));
    }
    let text = crate::text::read(path).map_err(|error| unusable(error.to_string()))?;
    let snapshot = Snapshot::read(&text).map_err(|error| unusable(error.to_string()))?;
    let age = snapshot.age(jiff::Timestamp::now());
    if age > OLD {
        shell.term.alert(&format!(
            "warning: the snapshot is {} old; the portal may have changed since",
            render::duration(u64::try_from(age).unwrap_or_default())
        ));
    } else if age < 0 {
        shell.term.alert("warning: the snapshot was taken in the future; check the clocks");
    }
    let taken = Taken {
        portal: snapshot.portal.clone(),
        taken: snapshot.taken.to_string(),
        age_seconds: u64::try_from(age).unwrap_or_default(),
    };
    Ok((Arc::new(snapshot), taken))
}

/// Decides every offer by what the snapshot says of it.
pub(super) async fn verdicts(
    shell: &Shell,
    offers: &[Desired],
    choices: &Choices,
    no_artifacts: bool,
    bases: &Bases,
    from: &Arc<Snapshot>,
) -> Result<Vec<Decided>> {
    let choices = Arc::new(choices.clone());
    let decide = async |desired: &Desired| {
        let (desired, choices, from) = (desired.clone(), Arc::clone(&choices), Arc::clone(from));
        let bases = bases.clone();
        let decide = move |schemas: &Schemas| {
            let shape = schemas.shape(&desired.offer_type);
            let (live, release, contents) = from.offer(&desired, shape)?;
            let release = if choices.through(&desired) == Through::Draft { ReleaseView::NOTHING } else { release };
            let contents = if no_artifacts { Contents::default() } else { contents };
            let verdict = plan::decide(&desired, &live, &release, contents.clone(), shape, &choices);
            let decided = Decided::new(&desired, verdict, shape, Detail::Places);
            Ok(decided.marking(&bases, &desired, &live, &contents, shape))
        };
        shell.compute(decide).await
    };
    let decided = read_each(shell, AT_ONCE, offers, decide);
    shell.until_stopped(async { Ok(observe::all(decided.await)) }).await
}
