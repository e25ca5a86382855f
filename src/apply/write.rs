//! Writing the draft: read again, stop if stale, PUT with the narrowest precondition, read back.

use serde_json::{Map, Value};

use super::release::Work;
use super::{Done, End};
use crate::diff::{self, Compare, Diff, Uploaded};
use crate::document;
use crate::drift::Applied;
use crate::live::{Live, LiveOffer};
use crate::model::{ETag, Profile};
use crate::plan::{Base, OfferPlan, Stale, Write};
use crate::portal::{Kind, Precondition, Problem, Reader, Tries};
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
        let mut now = self.fresh().await?;
        let uploaded = self.upload(work).await?;
        let mut tries = Tries::default();
        let (before, etag) = loop {
            let (live, precondition) = match (&now, &self.plan.base) {
                (Live::Present(offer), Base::Present { document, .. }) => {
                    (document::align(offer.document.clone(), document, self.shape), precondition(offer)?)
                }
                _ => (Value::Object(Map::new()), Precondition::Absent),
            };
            self.same_plan(&live, write)?;
            let body = self.body(work, &live, &uploaded)?;
            work.go_on()?;
            let problem = match work.context.writer.put(&self.plan.key, &body, &precondition, tries).await {
                Ok(etag) => break (live, etag),
                Err(problem) => self.refused(problem, write).await?,
            };
            match self.unclear(work, problem, &mut tries, &live).await? {
                Some(unchanged) => now = unchanged,
                None => break (live, None),
            }
        };
        work.did(match write {
            Write::Create => Done::Created,
            Write::Update => Done::Updated,
        });
        if !self.plan.diff.secrets.is_empty() {
            work.wrote_secrets = true;
        }
        self.converged(work, write, &before, etag).await
    }

    /// Brings the plan's files to where the portal can fetch them.
    async fn upload(&self, work: &Work<'_>) -> Result<Uploaded, End> {
        match work.context.store {
            Some(store) => store.upload(&self.plan.uploads).await.map_err(End::Unfilled),
            None => Ok(Uploaded::new()),
        }
    }

    /// The live document with the plan's patch, secrets filled in, without what a PUT must not carry.
    fn body(&self, work: &Work<'_>, live: &Value, uploaded: &Uploaded) -> Result<Value, End> {
        let document = self
            .plan
            .diff
            .patch
            .apply(live, &self.desired.document, work.context.secret, uploaded)
            .map_err(|error| End::Unfilled(error.to_string()))?;
        let mut body = document::writable(&document, self.shape);
        self.add_write_only(&mut body);
        Ok(body)
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
        Err(End::Conflict("files, environment and portal now give other changes than the plan; plan again".to_owned()))
    }

    fn compare(&self, live: &Value, resend: bool) -> Diff {
        let options = Compare { ignore: &self.desired.reconcile.ignore, resend, contents: Some(&self.plan.contents) };
        diff::compare(&self.desired.document, live, self.shape, options)
    }

    /// Fields that are never returned are sent whenever they are declared.
    fn add_write_only(&self, body: &mut Value) {
        for entry in self.desired.document.entries() {
            if self.shape.property(&entry.key).rules.write_only {
                body[entry.key.as_str()] = entry.value.to_value(&mut |_| Value::Null);
            }
        }
    }

    /// A refusal is final. What is left is a write without a clear answer, or one that was turned away unread.
    async fn refused(&self, problem: Problem, write: Write) -> Result<Problem, End> {
        match problem.kind {
            Kind::Precondition => Err(self.why_stale().await),
            Kind::Conflict if write == Write::Create || problem.says_exists() => Err(self.why_stale().await),
            Kind::Conflict => Err(End::Busy(problem.to_string())),
            _ if problem.may_pass() || problem.was_turned_away() => Ok(problem),
            _ => Err(problem.into()),
        }
    }

    /// What a read shows after such a write: it took effect (`None`), or the portal is as it was, so that the same may be
    /// written again. Anything else ends the offer, and so do too many tries. Where a read cannot show the effect, the
    /// portal's own version and time tell whether anything was saved at all.
    async fn unclear(
        &self,
        work: &Work<'_>,
        problem: Problem,
        tries: &mut Tries,
        before: &Value,
    ) -> Result<Option<Live>, End> {
        let again = work.context.writer.pause(problem.clone(), &self.plan.key, tries).await;
        let Ok(now) = self.reader.offer(&self.plan.key).await else { return Err(problem.into()) };
        // Where there is nothing to write that a read can show, a read shows nothing.
        let shows = !self.remaining(before).is_empty();
        if matches!(&now, Live::Present(offer) if shows && self.remaining(&offer.document).is_empty()) {
            return Ok(None);
        }
        again?;
        if matches!(&now, Live::Present(offer) if was_saved(before, &offer.document)) && !problem.was_turned_away() {
            return Err(problem.into());
        }
        match self.plan.stale(&now, self.shape) {
            None => Ok(Some(now)),
            Some(stale) if problem.was_turned_away() => Err(End::Stale(stale)),
            Some(_) => Err(problem.into()),
        }
    }

    /// The portal refused the precondition: what moved since this run's own read?
    async fn why_stale(&self) -> End {
        let now = self.reader.offer(&self.plan.key).await;
        let stale = now.ok().and_then(|now| self.plan.stale(&now, self.shape));
        End::Stale(stale.unwrap_or(Stale::Refused))
    }

    fn remaining(&self, document: &Value) -> Vec<String> {
        self.compare(document, false).changes.iter().map(|change| change.address.to_string()).collect()
    }

    /// Reads back what was written. If somebody saved the offer in between, the draft is not this run's any more, and
    /// nothing of it is released.
    async fn converged(
        &self,
        work: &mut Work<'_>,
        write: Write,
        before: &Value,
        etag: Option<ETag>,
    ) -> Result<(), End> {
        match self.reader.offer(&self.plan.key).await? {
            Live::Present(offer) => {
                let untouched = write == Write::Create
                    || (etag.is_some() && etag == offer.etag)
                    || self.plan.moved_beside(before, &offer.document, self.shape).is_empty();
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
