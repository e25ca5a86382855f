//! Everything that can be read.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{Mutex, OnceCell};

use super::auth::Credential;
use super::endpoint::{OperationPath, offer_path};
use super::problem::{Kind, Problem};
use super::transport::{Answer, Settings, Traffic, Transport};
use super::views::{OfferSummary, OperationView, Submission};
use crate::live::{Live, LiveOffer};
use crate::model::{Digest, OfferKey, PublisherId, Slot};
use crate::schema::Shape;

/// Reads from the portal. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Reader {
    pub(super) transport: Arc<Transport>,
    lists: Arc<Lists>,
}

/// The ids of each publisher's offers, read once when a 404 has to be confirmed.
type Lists = Mutex<HashMap<PublisherId, Arc<OnceCell<Vec<OfferSummary>>>>>;

impl Reader {
    /// A reader for one portal.
    ///
    /// # Errors
    /// When the HTTP client cannot be built (no usable certificates) or the token cannot be sent.
    pub(crate) fn new(settings: Settings) -> Result<Self, String> {
        Ok(Self { transport: Transport::new(settings)?, lists: Arc::default() })
    }

    pub(crate) fn traffic(&self) -> Traffic {
        self.transport.traffic()
    }

    pub(crate) fn is_loopback(&self) -> bool {
        self.transport.endpoint.is_loopback()
    }

    /// The base URL of a portal on this machine.
    pub(crate) fn loopback(&self) -> Option<url::Url> {
        self.transport.endpoint.loopback()
    }

    /// How far the portal's clock is ahead of this machine's, in seconds; `None` before its first answer.
    pub(crate) fn clock_ahead(&self) -> Option<i64> {
        self.transport.clock_ahead()
    }

    pub(crate) fn credential(&self) -> &Credential {
        &self.transport.credential
    }

    /// Whether anything answers at the endpoint, whatever it says. No token is sent.
    ///
    /// # Errors
    /// When there is no answer at all.
    pub(crate) async fn reach(&self) -> Result<(), Problem> {
        self.transport.reach().await
    }

    /// The publishers that the credential may see, by their ids.
    ///
    /// # Errors
    /// Any answer but the list.
    pub(crate) async fn publishers(&self) -> Result<Vec<String>, Problem> {
        ids(&self.get("api/publishers", None).await?, "api/publishers")
    }

    /// The offers of a publisher, as summaries.
    ///
    /// # Errors
    /// Any answer but the list.
    pub(crate) async fn offers(&self, publisher: &PublisherId) -> Result<Vec<OfferSummary>, Problem> {
        let path = format!("api/publishers/{publisher}/offers");
        let answer = self.get(&path, None).await?;
        members(&answer, &path)?.iter().map(OfferSummary::parse).collect::<Option<_>>().ok_or_else(|| no_id(&path))
    }

    /// The draft. A 404 alone is not taken for absence (a proxy or a wrong path gives one too): the publisher's list
    /// must be there, and must not name the offer.
    ///
    /// # Errors
    /// Any answer but the offer, or the portal's own word that there is none.
    pub(crate) async fn offer(&self, key: &OfferKey) -> Result<Live, Problem> {
        Ok(self.offer_sized(key).await?.0)
    }

    /// As [`Self::offer`], with the length of the document.
    ///
    /// # Errors
    /// As [`Self::offer`].
    pub(crate) async fn offer_sized(&self, key: &OfferKey) -> Result<(Live, usize), Problem> {
        let path = offer_path(key);
        let answer = self.get(&path, Some(key)).await;
        let length = answer.as_ref().map_or(0, |answer| answer.length);
        let live = document(&path, answer)?;
        if live == Live::Absent {
            let list = Arc::clone(self.lists.lock().await.entry(key.publisher.clone()).or_default());
            let listed = list.get_or_try_init(|| self.offers(&key.publisher)).await?;
            if listed.iter().any(|offer| offer.id.eq_ignore_ascii_case(key.offer.as_str())) {
                let cause = "404, but the portal's list of offers names it";
                return Err(Problem::malformed(&format!("GET /{path}"), cause));
            }
        }
        Ok((live, length))
    }

    /// Makes sure that there is such an offer: a name with a slip in it must not look like an offer at rest.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub(crate) async fn expect_offer(&self, key: &OfferKey) -> Result<(), Problem> {
        match self.offer(key).await? {
            Live::Present(_) => Ok(()),
            Live::Absent => Err(Problem::absent(key)),
        }
    }

    /// Forgets how much time an offer lost to requests that failed: a wait of days outlives many of them.
    pub(crate) fn forgive(&self, key: &OfferKey) {
        self.transport.forgive(key);
    }

    /// What a slot holds.
    ///
    /// # Errors
    /// As [`Self::offer`].
    pub(crate) async fn slot(&self, key: &OfferKey, slot: Slot) -> Result<Live, Problem> {
        self.document(&format!("{}/slot/{slot}", offer_path(key)), key).await
    }

    /// A former version.
    ///
    /// # Errors
    /// As [`Self::offer`].
    pub(crate) async fn version(&self, key: &OfferKey, version: i64) -> Result<Live, Problem> {
        self.document(&format!("{}/versions/{version}", offer_path(key)), key).await
    }

    /// The status of an offer; `None` when there is no such offer, or nothing to tell.
    ///
    /// # Errors
    /// As [`Self::offer`].
    pub(crate) async fn status(&self, key: &OfferKey) -> Result<Option<OperationView>, Problem> {
        let path = format!("{}/status", offer_path(key));
        match self.get(&path, Some(key)).await {
            Ok(answer) => operation(&path, &answer).map(Some),
            Err(problem) if is_absence(&problem) => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    /// The submissions of an offer, newest first.
    ///
    /// # Errors
    /// As [`Self::offer`].
    pub(crate) async fn submissions(&self, key: &OfferKey) -> Result<Vec<Submission>, Problem> {
        let path = format!("{}/submissions", offer_path(key));
        match self.get(&path, Some(key)).await {
            Ok(answer) => Submission::parse_all(&answer.body)
                .ok_or_else(|| Problem::malformed(&format!("GET /{path}"), "not a list of submissions")),
            Err(problem) if is_absence(&problem) => Ok(Vec::new()),
            Err(problem) => Err(problem),
        }
    }

    /// The canonical digest of what a submission works on: of the version that it names, where the portal has it.
    ///
    /// # Errors
    /// As [`Self::offer`].
    pub(crate) async fn submitted(
        &self,
        key: &OfferKey,
        submission: &Submission,
        shape: &Shape,
    ) -> Result<Option<Digest>, Problem> {
        let Some(version) = submission.offer_version else { return Ok(None) };
        Ok(match self.version(key, version).await? {
            Live::Present(offer) => Some(offer.digest(shape)),
            Live::Absent => None,
        })
    }

    /// An operation, by the link that came with its start.
    ///
    /// # Errors
    /// Any answer but the operation.
    pub(crate) async fn operation(&self, key: &OfferKey, path: &OperationPath) -> Result<OperationView, Problem> {
        let answer = self.transport.get(path.url().clone(), Some(key)).await?;
        operation(path.url().path(), &answer)
    }

    async fn get(&self, path: &str, offer: Option<&OfferKey>) -> Result<Answer, Problem> {
        self.transport.get(self.transport.endpoint.url(path), offer).await
    }

    async fn document(&self, path: &str, key: &OfferKey) -> Result<Live, Problem> {
        document(path, self.get(path, Some(key)).await)
    }
}

pub(super) fn document(path: &str, answer: Result<Answer, Problem>) -> Result<Live, Problem> {
    match answer {
        Ok(answer) if answer.body.get("definition").is_some_and(serde_json::Value::is_object) => {
            Ok(Live::Present(LiveOffer { etag: answer.etag(), document: answer.body }))
        }
        Ok(_) => Err(Problem::malformed(&format!("GET /{path}"), "the answer is not an offer")),
        Err(problem) if is_absence(&problem) => Ok(Live::Absent),
        Err(problem) => Err(problem),
    }
}

/// Only the portal's own 404 is absence. A proxy's page, a refusal or a failure says nothing about the offer.
fn is_absence(problem: &Problem) -> bool {
    problem.kind == Kind::NotFound && problem.from_portal
}

fn operation(path: &str, answer: &Answer) -> Result<OperationView, Problem> {
    let view = OperationView::parse(&answer.body).ok_or_else(|| {
        Problem::malformed(&format!("GET /{}", path.trim_start_matches('/')), "the answer is not an operation")
    })?;
    Ok(OperationView { retry_after: answer.retry_after(), ..view })
}

/// The ids of the members of a list. A member without one makes it a list of something else.
fn ids(answer: &Answer, path: &str) -> Result<Vec<String>, Problem> {
    let id = |item: &serde_json::Value| item.get("id").and_then(|id| id.as_str()).map(ToOwned::to_owned);
    members(answer, path)?.iter().map(id).collect::<Option<_>>().ok_or_else(|| no_id(path))
}

fn members<'a>(answer: &'a Answer, path: &str) -> Result<&'a [serde_json::Value], Problem> {
    let items = answer.body.as_array().map(Vec::as_slice);
    items.ok_or_else(|| Problem::malformed(&format!("GET /{path}"), "not a list"))
}

fn no_id(path: &str) -> Problem {
    Problem::malformed(&format!("GET /{path}"), "a list whose members have no id")
}
