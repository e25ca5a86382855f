//! Writing the draft: read again, stop if stale, PUT with the narrowest precondition, read back.

use serde_json::{Map, Value};

use super::release::Work;
use super::{Done, End};
use crate::diff::{self, Compare, Diff, Uploaded};
use crate::document;
use crate::drift::Applied;
use crate::live::{Live, LiveOffer};
use crate::model::Profile;
use crate::plan::{Base, OfferPlan, Stale, Write};
use crate::portal::{Kind, Precondition, Problem, Reader, Seat, Tries};
use crate::schema::Shape;
use crate::workspace::Desired;

/// Brings the draft to what the plan says, or makes sure that it is there already. Afterwards the work stands for the
/// content of that draft.
pub(super) async fn draft(work: &mut Work<'_>, plan: &OfferPlan, desired: &Desired) -> Result<(), End> {
    let shape = work.shape;
    let draft = Draft { plan, desired, shape, reader: work.context.writer.reader() };
    if let Some(write) = plan.write() {
        draft.write(work, write).await
    } else if let (Live::Present(live), Base::Present { document, .. }) = (draft.fresh().await?, &plan.base) {
        draft.same_plan(&document::align(live.document.clone(), document, shape), Write::Update)?;
        work.content = Some(live.digest(shape));
        work.applied = Some(Box::new(Applied::new(desired, &live.document, shape)));
        Ok(())
    } else {
        Ok(())
    }
}

/// One offer's draft: what was planned, and what from.
struct Draft<'a> {
    plan: &'a OfferPlan,
    desired: &'a Desired,
    shape: &'a Shape,
    reader: &'a Reader,
}

impl Draft<'_> {
    /// The live document, if it still is the one that the plan was made from.
    async fn fresh(&self) -> Result<Live, End> {
        let now = self.reader.offer(&self.plan.key).await?;
        match self.plan.stale(&now, self.shape) {
            Some(stale) => Err(End::Stale(stale)),
            None => Ok(now),
        }
    }

    async fn write(&self, work: &mut Work<'_>, write: Write) -> Result<(), End> {
        if write == Write::Create || !self.plan.uploads.is_empty() {
            // An absence is confirmed here, and nothing is uploaded for a plan that is stale.
            self.fresh().await?;
        }
        let uploaded = self.upload(work).await?;
        let mut tries = Tries::default();
        let (written, saved) = loop {
            let (seat, now) = self.seated(work, write).await?;
            let (live, precondition) = match (&now, &self.plan.base) {
                (Live::Present(offer), Base::Present { document, .. }) => {
                    (document::align(offer.document.clone(), document, self.shape), precondition(offer)?)
                }
                _ => (Value::Object(Map::new()), Precondition::Absent),
            };
            self.same_plan(&live, write)?;
            let document = self.document(work, &live, &uploaded)?;
            let body = self.body(&document);
            work.go_on()?;
            let problem = match seat.put(&body, &precondition, tries).await {
                Ok(saved) => break (document, Some(saved)),
                Err(problem) => problem,
            };
            let took_effect = match problem.may_pass() || problem.was_turned_away() {
                true => self.unclear(work, problem, &mut tries, &live).await?,
                false => self.refused(problem, write, &live, &document).await.map(|()| true)?,
            };
            if took_effect {
                break (document, None);
            }
        };
        work.did(match write {
            Write::Create => Done::Created,
            Write::Update => Done::Updated,
        });
        if !self.plan.diff.secrets.is_empty() {
            work.wrote_secrets = true;
        }
        self.converged(work, &written, saved).await
    }

    /// Everything that may have to be waited for, and then the draft: the write follows it, and nothing comes between.
    async fn seated<'a>(&'a self, work: &Work<'a>, write: Write) -> Result<(Seat<'a>, Live), End> {
        let (writer, key) = (work.context.writer, &self.plan.key);
        let mut tries = Tries::default();
        loop {
            let seat = writer.seat(key).await?;
            match seat.read(tries).await {
                Ok(Live::Absent) if write == Write::Update => {
                    drop(seat);
                    self.fresh().await?;
                    return Err(Problem::absent(key).into());
                }
                Ok(now) => {
                    return self.plan.stale(&now, self.shape).map_or(Ok((seat, now)), |stale| Err(End::Stale(stale)));
                }
                Err(problem) => {
                    drop(seat);
                    writer.pause(problem, key, &mut tries).await?;
                }
            }
        }
    }

    /// Brings the plan's files to where the portal can fetch them.
    async fn upload(&self, work: &Work<'_>) -> Result<Uploaded, End> {
        match work.context.store {
            Some(store) => store.upload(&self.plan.uploads).await.map_err(End::Unfilled),
            None => Ok(Uploaded::new()),
        }
    }

    /// The live document with the plan's patch, secrets filled in.
    fn document(&self, work: &Work<'_>, live: &Value, uploaded: &Uploaded) -> Result<Value, End> {
        let Work { context, .. } = work;
        let patched = self.plan.diff.patch.apply(live, &self.desired.document, context.late, uploaded);
        patched.map_err(|error| End::Unfilled(error.to_string()))
    }

    /// The document without what a PUT must not carry, and with the fields that are never returned: those are sent
    /// whenever they are declared.
    fn body(&self, document: &Value) -> Value {
        let mut body = document::writable(document, self.shape);
        for entry in self.desired.document.entries() {
            if self.shape.property(&entry.key).rules.write_only {
                body[entry.key.as_str()] = entry.value.to_value(&mut |_| Value::Null);
            }
        }
        body
    }

    /// A saved plan is carried out only if comparing anew gives the very same: its text was approved, but files,
    /// environment and portal are what is written from.
    fn same_plan(&self, live: &Value, write: Write) -> Result<(), End> {
        let diff = match write {
            Write::Create => diff::create(&self.desired.document, self.shape),
            Write::Update => self.compare(live, self.plan.resend),
        };
        if diff.changes == self.plan.diff.changes && diff.patch == self.plan.diff.patch {
            return Ok(());
        }
        Err(End::Conflict("the files, the environment or the portal changed since the plan; plan again".to_owned()))
    }

    fn compare(&self, live: &Value, resend: bool) -> Diff {
        let options = Compare {
            ignore: &self.desired.reconcile.ignore,
            resend,
            contents: Some(&self.plan.contents),
            only_count: false,
        };
        diff::compare(&self.desired.document, live, self.shape, options)
    }

    /// What a read shows after a refusal: the write took effect all the same, or why it did not.
    async fn refused(&self, problem: Problem, write: Write, before: &Value, document: &Value) -> Result<(), End> {
        let asked_too_late = matches!(problem.kind, Kind::Precondition | Kind::Conflict);
        if !asked_too_late && (write == Write::Update || problem.kind != Kind::Rejected) {
            return Err(problem.into());
        }
        let now = self.reader.offer(&self.plan.key).await.ok();
        if let (Some(Live::Present(offer)), Write::Update) = (&now, write)
            && self.shows(before, &offer.document)
            && self.plan.moved_beside(document, &offer.document, self.shape).is_empty()
        {
            return Ok(());
        }
        let stale = now.and_then(|now| self.plan.stale(&now, self.shape));
        Err(match problem.kind {
            // A portal that wants `If-Match` for what exists takes a create that came second for a mistake.
            Kind::Rejected => stale.map_or_else(|| problem.into(), End::Stale),
            Kind::Conflict if write == Write::Update && !problem.says_exists() => End::Busy(problem.to_string()),
            _ => End::Stale(stale.unwrap_or(Stale::Refused)),
        })
    }

    /// What a read shows after a write without a clear answer, or one that was turned away: it took effect, or the portal
    /// is as it was, so that the same may be written again. Anything else ends the offer, and so do too many tries. Where a
    /// read cannot show the effect, the portal's own version and time tell whether anything was saved at all.
    async fn unclear(&self, work: &Work<'_>, problem: Problem, tries: &mut Tries, before: &Value) -> Result<bool, End> {
        let again = work.context.writer.pause(problem.clone(), &self.plan.key, tries).await;
        let Ok(now) = self.reader.offer(&self.plan.key).await else { return Err(problem.into()) };
        if matches!(&now, Live::Present(offer) if self.shows(before, &offer.document)) {
            return Ok(true);
        }
        again?;
        if matches!(&now, Live::Present(offer) if was_saved(before, &offer.document))
            && !problem.was_turned_away()
            && self.plan.base != Base::Absent
        {
            return Err(problem.into());
        }
        match self.plan.stale(&now, self.shape) {
            None => Ok(false),
            // What somebody else created is not what this run sent.
            Some(stale) if problem.was_turned_away() || stale == Stale::Created => Err(End::Stale(stale)),
            Some(_) => Err(problem.into()),
        }
    }

    /// Whether a read shows the effect of the write. Where there is nothing to write that a read can show, it does not.
    fn shows(&self, before: &Value, now: &Value) -> bool {
        !self.remaining(before).is_empty() && self.remaining(now).is_empty()
    }

    fn remaining(&self, document: &Value) -> Vec<String> {
        self.compare(document, false).changes.iter().map(|change| change.address.to_string()).collect()
    }

    /// Reads back what was written. If somebody saved the offer in between, the draft is not this run's any more, and
    /// nothing of it is released.
    async fn converged(&self, work: &mut Work<'_>, written: &Value, saved: Option<LiveOffer>) -> Result<(), End> {
        match self.reader.offer(&self.plan.key).await? {
            Live::Present(offer) => {
                let untouched = saved.is_some_and(|saved| is_same_save(&saved, &offer))
                    || self.plan.moved_beside(written, &offer.document, self.shape).is_empty();
                work.content = untouched.then(|| offer.digest(self.shape));
                let remaining = self.remaining(&offer.document);
                if !remaining.is_empty() {
                    return Err(End::NotConverged(remaining));
                }
                work.applied = Some(Box::new(Applied::new(self.desired, &offer.document, self.shape)));
                Ok(())
            }
            Live::Absent => Err(End::NotConverged(vec!["the whole offer".to_owned()])),
        }
    }
}

/// Whether the answer to a write and a read are of one save: by the ETag, or by the portal's own version and time.
fn is_same_save(saved: &LiveOffer, now: &LiveOffer) -> bool {
    match (&saved.etag, &now.etag) {
        (Some(saved), Some(now)) => saved == now,
        _ => saved.document.get("version").is_some() && !was_saved(&saved.document, &now.document),
    }
}

/// Whether the portal saved an offer between two reads, by its own word.
fn was_saved(before: &Value, now: &Value) -> bool {
    ["version", "changedTime"].iter().any(|field| before.get(field) != now.get(field))
}

/// The narrowest precondition for writing what was just read.
fn precondition(offer: &LiveOffer) -> Result<Precondition, End> {
    match (&offer.etag, offer.profile()) {
        (Some(etag), _) => Ok(Precondition::Match(etag.clone())),
        (None, Profile::Migrated) => Ok(Precondition::Any),
        (None, Profile::Native) => Err(End::Conflict(
            "the portal gave no ETag for a native offer, so a write could overwrite an edit".to_owned(),
        )),
    }
}
