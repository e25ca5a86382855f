//! Asks for the artifacts of a PUT, on this machine only: whoever can reach the sandbox must not be able to send it
//! anywhere.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;

use super::artifact::{Download, Fetched};

/// A logo has some kilobytes, a package a few megabytes.
const LIMIT: usize = 32 << 20;
const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Fetcher(reqwest::Client);

impl Fetcher {
    /// A client that neither follows redirects nor uses a proxy, since either leads elsewhere.
    pub(super) fn new() -> Result<Self, reqwest::Error> {
        // Building a client without a provider panics; a second installation is refused and does no harm.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        builder.timeout(TIMEOUT).build().map(Self)
    }

    pub(super) async fn fetch(&self, addresses: &[String]) -> Fetched {
        let mut fetched = Fetched::new();
        for address in addresses {
            if !fetched.contains_key(address) {
                fetched.insert(address.clone(), self.one(address).await);
            }
        }
        fetched
    }

    /// The file there. A page in its place is no file: that is what the portal gets where a link leads to a viewer.
    async fn one(&self, address: &str) -> Option<Download> {
        let mut response = self.0.get(address).send().await.ok().filter(|response| response.status().is_success())?;
        let media = response.headers().get(CONTENT_TYPE).and_then(|media| media.to_str().ok());
        let media = media.unwrap_or("application/octet-stream").to_owned();
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.ok()? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > LIMIT {
                return None;
            }
        }
        let is_file = !bytes.is_empty() && !media.to_ascii_lowercase().starts_with("text/html");
        is_file.then(|| Download { media, bytes: bytes.into() })
    }
}
