//! Who we are: where a bearer token comes from, and keeping it fresh.
//!
//! [`choose`](Credential::choose) decides from the environment alone which credential is used; nothing is sent for
//! that. A [`Credential`] then gets a token when one is needed, renews it before it ends, and once more when the portal
//! refuses one that looked good. Tokens are held in a secret type and go to the portal only; the proofs for which they
//! are given (client secrets, assertions) go to the authority only, over https or to this machine.
//!
//! `azure_identity` has no GitHub flow and no v1 endpoint, and refuses an authority on plain http, so none of this could
//! be tried on loopback; it would bring some forty crates.

mod assertion;
mod azure_cli;
mod choose;
mod claims;
mod entra;
mod exchange;
mod identity;
mod method;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::header::HeaderValue;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::problem::{Kind, Problem};
use crate::redact::Secret;
use azure_cli::AzureCli;
use choose::Source;
pub(crate) use choose::{ChooseError, Passed};
pub(crate) use claims::Claims;
use exchange::{Exchange, Granted};
use identity::Identity;
pub(crate) use method::{AuthorityVersion, Method, RESOURCE};

/// A token is renewed when less than this is left of its life, or half of a life that is short.
const MARGIN: Duration = Duration::from_mins(5);

/// A bearer token and when to ask for the next one. It is never printed.
pub(super) struct Token {
    secret: Secret,
    header: HeaderValue,
    renew_at: Option<Instant>,
}

impl Token {
    fn new(secret: Secret, life: Option<Duration>) -> Result<Self, String> {
        let mut header = HeaderValue::from_str(&format!("Bearer {}", secret.expose_secret()))
            .map_err(|_| "the token holds characters that a header cannot carry".to_owned())?;
        header.set_sensitive(true);
        let renew_at = life.map(|life| Instant::now() + life.saturating_sub(MARGIN.min(life / 2)));
        Ok(Self { secret, header, renew_at })
    }

    /// The value of `Authorization`.
    pub(super) fn header(&self) -> &HeaderValue {
        &self.header
    }

    /// The token itself, for taking it out of what a server repeats.
    pub(super) fn secret(&self) -> &str {
        self.secret.expose_secret()
    }

    pub(super) fn claims(&self) -> Option<Claims> {
        Claims::read(self.secret())
    }

    fn is_fresh(&self) -> bool {
        self.renew_at.is_none_or(|at| Instant::now() < at)
    }
}

/// The token that is used, and the one before it: a request that still carries that one may yet be answered, with the
/// token in the answer.
#[derive(Default)]
struct Tokens {
    current: Option<Arc<Token>>,
    previous: Option<Arc<Token>>,
}

/// Gets tokens, and keeps the current one. One request for a token at a time, whoever waits.
pub(crate) struct Credential {
    source: Source,
    method: Method,
    /// Which of two the first token came from, where nothing names one.
    found: OnceLock<Method>,
    exchange: Exchange,
    tokens: Mutex<Tokens>,
    /// Renewals since the portal last accepted a token. One is worth a try; after that the cause is another.
    refused: AtomicU32,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credential").field("method", &self.method).finish_non_exhaustive()
    }
}

impl Credential {
    fn of(source: Source, method: Method) -> Self {
        Self {
            source,
            method,
            found: OnceLock::new(),
            exchange: Exchange::default(),
            tokens: Mutex::default(),
            refused: AtomicU32::new(0),
        }
    }

    #[cfg(test)]
    /// One token, without the word `Bearer`, that cannot be renewed.
    pub(crate) fn fixed(token: String) -> Self {
        Self::of(Source::Fixed(Secret::from(token)), Method::Token)
    }

    /// What is shown to a portal that takes anything: nobody's identity.
    pub(crate) fn placeholder(word: &str) -> Self {
        Self::of(Source::Fixed(Secret::from(word)), Method::Placeholder)
    }

    /// The credential that the environment describes, and the methods that were passed over for it.
    ///
    /// # Errors
    /// When the method that was asked for is not described, or one is described in part: another identity is never
    /// taken in its place.
    pub(crate) fn choose(
        wanted: Option<Method>,
        version: AuthorityVersion,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(Self, Vec<Passed>), ChooseError> {
        let (source, method, passed) = choose::choose(wanted, version, env)?;
        Ok((Self::of(source, method), passed))
    }

    /// How tokens are got, or would be.
    pub(crate) fn method(&self) -> Method {
        self.found.get().copied().unwrap_or(self.method)
    }

    /// Whether no variable names a credential, so that it has to be looked for.
    pub(crate) fn is_ambient(&self) -> bool {
        matches!(self.source, Source::Ambient(..))
    }

    /// Makes sure that there is a token, so that a run that cannot authenticate ends before it begins. Returns how long
    /// it lives, where that is known.
    ///
    /// # Errors
    /// When no token was given.
    pub(crate) async fn check(&self) -> Result<Option<Duration>, Problem> {
        let token = self.token().await?;
        Ok(token.renew_at.map(|at| at.saturating_duration_since(Instant::now())))
    }

    /// A token that is not about to end.
    pub(super) async fn token(&self) -> Result<Arc<Token>, Problem> {
        let mut tokens = self.tokens.lock().await;
        if let Some(token) = tokens.current.as_ref().filter(|token| token.is_fresh()) {
            return Ok(Arc::clone(token));
        }
        let renewed = tokens.current.is_some();
        let granted = self.grant().await?;
        let token =
            Token::new(granted.token, granted.life).map_err(|cause| self.problem(Kind::Unauthenticated, cause))?;
        let token = Arc::new(token);
        tracing::info!(method = %self.method(), renewed, life_s = granted.life.map(|life| life.as_secs()), "token");
        if let Some(previous) = tokens.current.replace(Arc::clone(&token)) {
            tokens.previous = Some(previous);
        }
        Ok(token)
    }

    /// The portal refused this token. Whether another one may be tried: the next call of [`Self::token`] gets it.
    pub(super) async fn refuse(&self, token: &Arc<Token>) -> bool {
        if matches!(self.source, Source::Fixed(_)) {
            return false;
        }
        let mut tokens = self.tokens.lock().await;
        if tokens.current.as_ref().is_some_and(|current| Arc::ptr_eq(current, token)) {
            if self.refused.fetch_add(1, Ordering::Relaxed) > 0 {
                return false;
            }
            tokens.previous = tokens.current.take();
        }
        true
    }

    pub(super) fn accepted(&self) {
        self.refused.store(0, Ordering::Relaxed);
    }

    async fn grant(&self) -> Result<Granted, Problem> {
        let granted = match &self.source {
            Source::Fixed(token) => return Ok(Granted { token: token.clone(), life: None }),
            Source::Application(application) => application.token(&self.exchange).await,
            Source::Identity(identity) => identity.token(&self.exchange).await,
            Source::AzureCli(cli) => cli.token().await,
            Source::Ambient(identity, cli) => self.ambient(identity, cli).await,
        };
        granted.map_err(|failure| {
            failure.into_problem((!self.is_ambient() || self.found.get().is_some()).then(|| self.method()))
        })
    }

    /// Nothing names a credential, so the first that there is will do, and both are named when there is none. An identity
    /// that is there and fails is no reason to act as somebody else.
    async fn ambient(&self, identity: &Identity, cli: &AzureCli) -> Result<Granted, exchange::Failure> {
        let first = match self.found.get() {
            Some(Method::AzureCli) => return cli.token().await,
            Some(_) => return identity.token(&self.exchange).await,
            None => match identity.probe(&self.exchange).await {
                Ok(()) => {
                    let _ = self.found.set(Method::ManagedIdentity);
                    return identity.token(&self.exchange).await;
                }
                Err(absent) => absent,
            },
        };
        tracing::info!(cause = first.cause, "no managed identity");
        let second = cli.token().await.inspect(|_| {
            let _ = self.found.set(Method::AzureCli);
        });
        second.map_err(|second| {
            let cause = format!("no credential found; managed identity: {}; {}", first.cause, second.cause);
            let hint = "set OFFERCTL_TOKEN, or AZURE_TENANT_ID and AZURE_CLIENT_ID with AZURE_CLIENT_SECRET (or a \
                        certificate, or a federated token), or run `az login`; `offerctl doctor` shows what it looked \
                        for, and --sandbox needs none";
            exchange::Failure { cause, hint: Some(hint.to_owned()), ..second }
        })
    }

    fn problem(&self, kind: Kind, cause: String) -> Problem {
        Problem { kind, hint: None, ..Problem::malformed(&self.method.to_string(), cause) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_token_is_never_printed_and_a_fixed_one_is_not_renewed() {
        let credential = Credential::fixed("CANARYtoken".to_owned());
        assert!(!format!("{credential:?}").contains("CANARY"));
        let token = credential.token().await.expect("a token");
        assert!(!format!("{:?}", token.header()).contains("CANARY"));
        assert!(!credential.refuse(&token).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_renewed_five_minutes_before_its_end_or_at_half_its_life() {
        let token = |seconds| Token::new("t".into(), Some(Duration::from_secs(seconds))).expect("a token");
        let (long, short) = (token(3_600), token(2));
        tokio::time::advance(Duration::from_millis(900)).await;
        assert!(long.is_fresh() && short.is_fresh());
        tokio::time::advance(Duration::from_millis(200)).await;
        assert!(long.is_fresh() && !short.is_fresh());
        tokio::time::advance(Duration::from_secs(3_300)).await;
        assert!(!long.is_fresh());
    }

    #[test]
    fn a_token_that_no_header_can_carry_is_refused() {
        assert!(Token::new("a\nb".into(), None).is_err());
    }
}
