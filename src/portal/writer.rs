//! Everything that changes something. No request here is repeated by itself: whoever repeats one has read first.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, IF_MATCH, LOCATION};
use serde_json::{Value, json};

use super::endpoint::{Endpoint, OperationPath, offer_path};
use super::problem::Problem;
use super::reader::{Reader, document};
use super::transport::{self, Answer, Call, Transport, Tries};
use crate::live::{Live, LiveOffer};
use crate::model::{ETag, OfferKey};

/// The proof that somebody said yes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Approval {
    /// `--yes`.
    Flag,
    Prompt,
}

#[derive(Clone)]
pub(crate) struct Writer {
    reader: Reader,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Precondition {
    /// No such offer: sent without `If-Match`.
    Absent,
    Match(ETag),
    /// Any state: only for an offer whose profile has no ETag, right after a read that showed the expected state.
    Any,
}

/// An operation that the portal took on. Without a path it is found through `/submissions` and `/status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// Where to ask how it goes.
    pub(crate) operation: Option<OperationPath>,
}

impl Writer {
    /// A writer for the portal that the reader reads.
    pub(crate) fn new(reader: Reader, approval: Approval) -> Self {
        tracing::debug!(?approval, "writing is approved");
        Self { reader }
    }

    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Makes ready to write a draft, with all that may have to be waited for.
    ///
    /// # Errors
    /// When no token was given.
    pub(crate) async fn seat<'a>(&'a self, key: &'a OfferKey) -> Result<Seat<'a>, Problem> {
        let transport = &self.reader.transport;
        let seat = transport.stop.unless(transport.seat()).await;
        let stopped = || Err(Problem::stopped(&format!("PUT /{}", offer_path(key))));
        Ok(Seat { seat: seat.unwrap_or_else(stopped)?, transport, key })
    }

    /// Publishes the draft to the preview audience.
    ///
    /// # Errors
    /// Any answer but a success. After no answer at all the operation may run.
    pub(crate) async fn publish(&self, key: &OfferKey, notify: &[String], tries: Tries) -> Result<Accepted, Problem> {
        let body = json!({"metadata": {"notification-emails": notify.join(",")}});
        self.start(key, "publish", Some(&body), tries).await
    }

    /// Signs the preview off, so that it goes to customers.
    ///
    /// # Errors
    /// As [`Self::publish`].
    pub(crate) async fn go_live(&self, key: &OfferKey, tries: Tries) -> Result<Accepted, Problem> {
        self.start(key, "golive", None, tries).await
    }

    /// Cancels what runs. The portal answers the same when nothing runs.
    ///
    /// # Errors
    /// As [`Self::publish`].
    pub(crate) async fn cancel(&self, key: &OfferKey, tries: Tries) -> Result<Accepted, Problem> {
        self.start(key, "cancel", None, tries).await
    }

    /// Waits before a write is made again that failed in a way that may pass. The caller reads first, and only repeats
    /// what took no effect.
    ///
    /// # Errors
    /// The problem, when the write is not to be made again.
    pub(crate) async fn pause(&self, problem: Problem, key: &OfferKey, tries: &mut Tries) -> Result<(), Problem> {
        self.reader.transport.pause(problem, tries, Duration::ZERO, Some(key)).await
    }

    async fn start(
        &self,
        key: &OfferKey,
        action: &str,
        body: Option<&Value>,
        tries: Tries,
    ) -> Result<Accepted, Problem> {
        let mut headers = HeaderMap::new();
        if body.is_none() {
            // Every client of this API sends the type, with a body or without.
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let transport = &self.reader.transport;
        let url = transport.endpoint.url(&format!("{}/{action}", offer_path(key)));
        let answer = transport.send(&Call { method: Method::POST, url, headers, body }, tries).await?;
        let operation = operation_path(&answer, &self.reader.transport.endpoint);
        Ok(Accepted { operation })
    }
}

/// The place from which a draft is read and written, the one right after the other.
pub(crate) struct Seat<'a> {
    seat: transport::Seat<'a>,
    transport: &'a Transport,
    key: &'a OfferKey,
}

impl Seat<'_> {
    /// The draft, asked for once. Absence is not confirmed: see [`Reader::offer`].
    ///
    /// # Errors
    /// As [`Reader::offer`].
    pub(crate) async fn read(&self, tries: Tries) -> Result<Live, Problem> {
        let path = offer_path(self.key);
        let call = Call::get(self.transport.endpoint.url(&path));
        let answer = self.transport.stop.unless(self.seat.send(&call, tries)).await;
        document(&path, answer.unwrap_or_else(|| Err(Problem::stopped(&format!("GET /{path}")))))
    }

    /// Writes the draft. What is returned is what the answer holds, which may be no offer.
    ///
    /// # Errors
    /// Any answer but a success.
    pub(crate) async fn put(
        self,
        body: &Value,
        precondition: &Precondition,
        tries: Tries,
    ) -> Result<LiveOffer, Problem> {
        let mut headers = HeaderMap::new();
        let if_match = match precondition {
            Precondition::Absent => None,
            Precondition::Match(etag) => Some(etag.as_str()),
            Precondition::Any => Some("*"),
        };
        if let Some(value) = if_match {
            let value = HeaderValue::from_str(value)
                .map_err(|_| Problem::malformed("PUT", "the portal's ETag cannot be sent back as a header"))?;
            headers.insert(IF_MATCH, value);
        }
        let url = self.transport.endpoint.url(&offer_path(self.key));
        let answer = self.seat.send(&Call { method: Method::PUT, url, headers, body: Some(body) }, tries).await?;
        Ok(LiveOffer { etag: answer.etag(), document: answer.body })
    }
}

/// `Location`, else `Operation-Location`; a link that leads to another host is not used.
fn operation_path(answer: &Answer, endpoint: &Endpoint) -> Option<OperationPath> {
    let links = [LOCATION, HeaderName::from_static("operation-location")];
    links.iter().filter_map(|name| answer.header(name.as_str())).find_map(|link| {
        let path = endpoint.follow(link);
        if path.is_none() {
            tracing::warn!("the portal's link to the operation leads to another host and is not followed");
        }
        path
    })
}
