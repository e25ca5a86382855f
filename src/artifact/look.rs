//! What the files behind addresses hold: by the digest that a store tells, else by their bytes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use reqwest::header::{CONTENT_LENGTH, HeaderMap, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use url::{Host, Url};

use super::MAX_BYTES;
use super::address::{self, PRIVATE, PublicNames};
use crate::content::{self, Contents, Pair, Seen};
use crate::document;
use crate::model::{Artifact, Content};
use crate::redact;

/// How long one file may take, all requests for it together.
const PATIENCE: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How many files are under way at once, over all offers.
const AT_ONCE: usize = 4;
const MAX_REDIRECTS: usize = 5;
/// How many copies are remembered. A portal with a thousand offers has some five thousand.
const MAX_REMEMBERED: usize = 20_000;

/// What was found in the portal's copies by earlier runs. A copy never changes, so an entry holds for ever. Nothing in
/// it is a signature.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Remembered(BTreeMap<String, Content>);

/// Looks at files, each address once a run. It has no credential to lose.
pub(crate) struct Looker {
    client: Client,
    /// The hosts of proxies: no file is asked for there.
    proxies: Vec<String>,
    /// Where the copies of a portal on this machine are: the host in their addresses is not its own.
    copies_at: Option<Url>,
    remembered: Mutex<Remembered>,
    places: Semaphore,
}

impl Looker {
    /// For a portal; `loopback` is its base URL, where it is one of this machine. `proxies` are the hosts of proxies: one
    /// is in a private network as a rule, resolves names itself, and does not serve every address.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub(crate) fn new(loopback: Option<Url>, proxies: Vec<String>, remembered: Remembered) -> Result<Self, String> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = Client::builder();
        let builder = match loopback {
            Some(_) => builder.no_proxy(),
            None => builder.dns_resolver(Arc::new(PublicNames { proxies: proxies.clone() })),
        };
        let client = builder
            .connect_timeout(CONNECT_TIMEOUT)
            // The address that led here may be signed.
            .referer(false)
            // The digest is of the bytes as they are stored.
            .no_gzip()
            // Each address is looked at first.
            .redirect(Policy::none())
            .build()
            .map_err(|error| error.to_string())?;
        let remembered = Mutex::new(remembered);
        Ok(Self { client, proxies, copies_at: loopback, remembered, places: Semaphore::new(AT_ONCE) })
    }

    /// Fills the table for these pairs. What cannot be had is noted with its reason.
    pub(crate) async fn look(&self, pairs: &[Pair]) -> Contents {
        // Boxed, so that the whole can be sent to another thread.
        let looks = pairs.iter().map(|pair| self.pair(pair).boxed()).collect::<Vec<_>>();
        let seen = stream::iter(looks).buffered(AT_ONCE).collect::<Vec<_>>().await;
        let mut contents = Contents::default();
        for (address, seen) in seen.into_iter().flatten() {
            contents.note(&address, seen);
        }
        contents
    }

    /// Downloads a portal's copy of a file: the whole of it, from the address itself. No redirect is followed.
    ///
    /// # Errors
    /// When nothing is fetched from the address, or not all of it came.
    pub(crate) async fn download(&self, address: &str) -> Result<Vec<u8>, String> {
        let url = Url::parse(address).map_err(|error| format!("it is not a URL: {error}"))?;
        let url = self.here(&url).unwrap_or(url);
        self.check(&url).await?;
        let _place = self.places.acquire().await.map_err(|_| "stopped".to_owned())?;
        let fetch = async {
            let answer = self.client.get(url).send().await.map_err(|error| cause(&error.without_url()))?;
            match answer.status() {
                status if status.is_success() => bytes(answer).await,
                status if status.is_redirection() => Err("it redirects, and a download follows no redirect".to_owned()),
                status => Err(status.to_string()),
            }
        };
        let fetched = tokio::time::timeout(PATIENCE, fetch).await;
        fetched.unwrap_or_else(|_| Err(format!("it took more than {} s", PATIENCE.as_secs())))
    }

    /// Where a portal on this machine serves a copy whose address is of one of the portal's stores.
    fn here(&self, url: &Url) -> Option<Url> {
        let mut here = self.copies_at.clone().filter(|_| document::is_store(url))?;
        here.set_path(url.path());
        here.set_query(url.query());
        Some(here)
    }

    /// What is to be remembered for later runs.
    pub(crate) fn remembered(&self) -> Remembered {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The copy first: without it, nothing can be compared.
    async fn pair(&self, Pair { declared, live }: &Pair) -> Vec<(String, Seen)> {
        let copy = self.copy(live).await;
        let known = matches!(copy, Seen::Content(_));
        let mut seen = vec![(live.clone(), copy)];
        if let (Artifact::Url(url), true) = (declared, known) {
            seen.push((url.clone(), self.at(url).await));
        }
        seen
    }

    async fn copy(&self, address: &str) -> Seen {
        let known = self.remembered.lock().unwrap_or_else(PoisonError::into_inner).0.get(&self.name(address)).cloned();
        if let Some(content) = known {
            return Seen::Content(content);
        }
        let seen = match Url::parse(address).ok().and_then(|url| self.here(&url)) {
            Some(here) => self.at(here.as_str()).await,
            None => self.at(address).await,
        };
        if let Seen::Content(content) = &seen {
            let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
            if remembered.0.len() < MAX_REMEMBERED {
                remembered.0.insert(self.name(address), content.clone());
            }
        }
        seen
    }

    /// What a copy is remembered by: its immutable path; with the portal, where it is not the one.
    fn name(&self, address: &str) -> String {
        let portal = self.copies_at.as_ref().map(Url::as_str).unwrap_or_default();
        format!("{portal}{}", content::key(address))
    }

    async fn at(&self, address: &str) -> Seen {
        let Ok(_place) = self.places.acquire().await else { return Seen::Unknown("stopped".to_owned()) };
        let looked = match Url::parse(address) {
            Ok(url) => match tokio::time::timeout(PATIENCE, self.fetch(&url)).await {
                Ok(looked) => looked,
                Err(_) => Err(format!("it took more than {} s", PATIENCE.as_secs())),
            },
            Err(error) => Err(format!("it is not a URL: {error}")),
        };
        match looked {
            Ok(content) => Seen::Content(content),
            Err(reason) => {
                let reason = format!("{}: {reason}", redact::text(address));
                tracing::info!(%reason, "artifact not seen");
                Seen::Unknown(reason)
            }
        }
    }

    async fn fetch(&self, url: &Url) -> Result<Content, String> {
        // A store that refuses to tell may still give.
        let head = self.send(&Method::HEAD, url).await?;
        if let Some(content) = head.ok().filter(|head| head.status().is_success()).and_then(|head| told(head.headers()))
        {
            return Ok(content);
        }
        let answer = self.send(&Method::GET, url).await?.map_err(|error| cause(&error.without_url()))?;
        if !answer.status().is_success() {
            return Err(answer.status().to_string());
        }
        bytes(answer).await.map(|bytes| Content::of(&bytes))
    }

    /// Sends a request, and follows where the answer leads. The outer error is that an address is not asked.
    async fn send(&self, method: &Method, url: &Url) -> Result<reqwest::Result<Response>, String> {
        let mut url = url.clone();
        self.check(&url).await?;
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.client.request(method.clone(), url.clone()).send().await;
            let Some(next) = answer.as_ref().ok().and_then(redirect) else { return Ok(answer) };
            // A page elsewhere must not send a request to this machine, nor in clear text over the network.
            let here = is_on_this_machine(&url) || !is_on_this_machine(&next);
            let fine = if here { self.check(&next).await } else { Err(String::new()) };
            fine.map_err(|_| "it redirects to an address that is not allowed".to_owned())?;
            url = next;
        }
        Err("too many redirects".to_owned())
    }

    /// Checks that an address is one that is asked, whether or not there is a proxy on the way.
    async fn check(&self, url: &Url) -> Result<(), String> {
        if !is_allowed(url) {
            return Err("only https is fetched, and http on this machine".to_owned());
        }
        if self.copies_at.is_some() {
            return Ok(());
        }
        let proxy =
            self.proxies.iter().any(|proxy| url.host_str().is_some_and(|host| host.eq_ignore_ascii_case(proxy)));
        let open = !proxy && address::is_open(url) && address::leads_nowhere_private(url).await;
        if open { Ok(()) } else { Err(PRIVATE.to_owned()) }
    }
}

/// Where an answer says that the file is.
fn redirect(answer: &Response) -> Option<Url> {
    let moved = matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let to = answer.headers().get(LOCATION).filter(|_| moved)?.to_str().ok()?;
    answer.url().join(to).ok()
}

/// A digest and a size that came with an answer to HEAD.
fn told(headers: &HeaderMap) -> Option<Content> {
    if headers.contains_key(reqwest::header::CONTENT_ENCODING) {
        return None;
    }
    let md5 = STANDARD.decode(headers.get("content-md5")?.as_bytes()).ok()?;
    let size = headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse::<u64>().ok()?;
    Some(Content::told(size, md5.try_into().ok()?))
}

async fn bytes(mut answer: Response) -> Result<Vec<u8>, String> {
    let too_large = || format!("it has more than {MAX_BYTES} bytes");
    if answer.content_length().is_some_and(|length| length > MAX_BYTES) {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| cause(&error.without_url()))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() as u64 > MAX_BYTES {
            return Err(too_large());
        }
    }
    Ok(bytes)
}

/// The last cause says what happened; the first one that a request was sent.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

fn is_allowed(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_on_this_machine(url))
}

fn is_on_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    #[test]
    fn a_digest_counts_with_its_size_only() {
        let headers = |pairs: &[(&'static str, &'static str)]| {
            pairs.iter().map(|(name, value)| (name.parse().expect("a name"), HeaderValue::from_static(value))).collect()
        };
        let md5 = ("content-md5", "kAFQmDzST7DWlj99KOF/cg==");
        let size = ("content-length", "3");
        assert!(told(&headers(&[md5, size])).expect("told").same(&Content::of(b"abc")));
        assert_eq!(told(&headers(&[md5])), None);
        assert_eq!(told(&headers(&[size])), None);
        assert_eq!(told(&headers(&[("content-md5", "kAFQ"), size])), None);
        assert_eq!(told(&headers(&[md5, size, ("content-encoding", "gzip")])), None);
    }

    #[tokio::test]
    async fn nothing_is_asked_of_a_private_network_for_the_real_portal() {
        for proxies in [vec![], vec!["proxy.contoso.invalid".to_owned()]] {
            let looker = Looker::new(None, proxies, Remembered::default()).expect("a client");
            asks_nothing_private(&looker).await;
        }
    }

    async fn asks_nothing_private(looker: &Looker) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        for address in [
            format!("http://127.0.0.1:{port}/a"),
            format!("https://localhost:{port}/a"),
            "https://169.254.169.254/latest".to_owned(),
            "https://10.0.0.1/a".to_owned(),
            "https://proxy.contoso.invalid/a".to_owned(),
        ] {
            let Seen::Unknown(reason) = looker.at(&address).await else { panic!("{address} was seen") };
            let unknown = looker.proxies.is_empty() && address.contains("proxy");
            assert!(unknown || reason.contains("private network"), "{reason}");
        }
        let knocked = tokio::select! {
            biased;
            _ = listener.accept() => true,
            () = std::future::ready(()) => false,
        };
        assert!(!knocked, "this machine was asked");
    }

    #[test]
    fn only_https_and_this_machine_are_asked() {
        let allowed = |text: &str| is_allowed(&Url::parse(text).expect("a URL"));
        assert!(allowed("https://cdn.example/a.png") && allowed("http://127.0.0.1:9/a") && allowed("http://[::1]/a"));
        assert!(!allowed("http://cdn.example/a.png") && !allowed("file:///etc/passwd") && !allowed("ftp://127.0.0.1/"));
    }
}
