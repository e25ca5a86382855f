//! Artifacts: files that a definition names by URL. The portal fetches them and from then on shows the address of its
//! own copy.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Digest as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::mint::Mint;
use super::moment::Moment;
use super::reply::{Body, Reply};
use super::switches::Switches;
use crate::document::is_store;
use crate::model::PublisherId;

const STORE: &str = "publishingstoredm.blob.core.windows.net";

/// What the portal got when it asked for an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Download {
    /// The media type that came with it.
    pub(super) media: String,
    pub(super) bytes: Arc<[u8]>,
}

/// What came of each address that was asked; nothing where it could not be had.
pub(super) type Fetched = BTreeMap<String, Option<Download>>;

/// No address was asked: all are taken as fetched.
pub(super) const NOTHING_FETCHED: &Fetched = &BTreeMap::new();

/// The portal's own copy of an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoreCopy {
    pub(super) media: String,
    /// The signature, encoded for a query, without which the copy is not given out.
    pub(super) signature: String,
    pub(super) bytes: Arc<[u8]>,
}

/// The first line of a stored copy; the bytes follow.
#[derive(Serialize, Deserialize)]
struct Label {
    media: String,
    signature: String,
}

impl StoreCopy {
    pub(super) fn encode(&self) -> Vec<u8> {
        let label = serde_json::json!({"media": self.media, "signature": self.signature}).to_string();
        [label.as_bytes(), b"\n", &self.bytes].concat()
    }

    pub(super) fn decode(stored: &[u8]) -> Option<Self> {
        let end = stored.iter().position(|byte| *byte == b'\n')?;
        let Label { media, signature } = serde_json::from_slice(&stored[..end]).ok()?;
        Some(Self { media, signature, bytes: stored[end + 1..].into() })
    }
}

impl StoreCopy {
    /// The file, for a query with the right signature that is still good.
    pub(super) fn reply(&self, query: &str, now: i64) -> Reply {
        let value = |name: &str| {
            url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value)
        };
        let own = format!("sig={}", self.signature);
        let signed = value("sig") == url::form_urlencoded::parse(own.as_bytes()).next().map(|(_, value)| value);
        let good = value("se").and_then(|end| Moment::parse(&end)).is_some_and(|end| end > Moment::at(now));
        if signed && good {
            let md5 = STANDARD.encode(md5::Md5::digest(&self.bytes));
            let reply = Reply { status: 200, headers: Vec::new(), body: Body::File(Arc::clone(&self.bytes)) };
            return reply.header("Content-Type", &self.media).header("Content-MD5", md5);
        }
        let refused = "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>AuthenticationFailed</Code>\
                       <Message>The signature is wrong or has expired.</Message></Error>";
        let reply = Reply { status: 403, headers: Vec::new(), body: Body::Text(refused.to_owned()) };
        reply.header("Content-Type", "application/xml")
    }
}

/// Whether the portal of this machine can really ask there.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Takes in the artifacts of one PUT.
pub(super) struct Artifacts<'a> {
    pub(super) mint: &'a mut Mint,
    pub(super) copies: &'a mut BTreeMap<String, Arc<StoreCopy>>,
    pub(super) fetched: &'a Fetched,
    pub(super) at: Moment,
    pub(super) publisher: &'a PublisherId,
    pub(super) switches: &'a Switches,
}

impl Artifacts<'_> {
    /// What is stored for this text: the address of a copy, null for what cannot be fetched, or the text itself where
    /// it is the address of a copy already, or no web address at all.
    pub(super) fn rehost(&mut self, text: &str) -> Value {
        let web = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        match web {
            Some(url) if is_unfetchable(&url, &self.switches.unfetchable_hosts) => Value::Null,
            Some(url) if self.switches.rehost_artifacts && !is_store(&url) => match self.fetched.get(text) {
                Some(None) => Value::Null,
                Some(Some(download)) => Value::String(self.copy_of(&url, Some(download))),
                None => Value::String(self.copy_of(&url, None)),
            },
            _ => Value::String(text.to_owned()),
        }
    }

    fn copy_of(&mut self, source: &Url, download: Option<&Download>) -> String {
        let path =
            format!("/prodcontent/D6191_publishers_{}/{}{}", self.publisher, self.mint.guid(), extension(source));
        let signature = self.mint.signature();
        let until = self.at.two_years_on().replace(':', "%3A");
        let address = format!("https://{STORE}{path}?sv=2018-03-28&sr=b&sig={signature}&se={until}&sp=r");
        if let Some(Download { media, bytes }) = download.cloned() {
            self.copies.insert(path, Arc::new(StoreCopy { media, signature, bytes }));
        }
        address
    }
}

fn is_unfetchable(url: &Url, hosts: &[String]) -> bool {
    url.host_str().is_some_and(|host| hosts.iter().any(|unfetchable| unfetchable.eq_ignore_ascii_case(host)))
}

/// The extension of the file with its dot, where there is a plausible one.
fn extension(source: &Url) -> String {
    source
        .path_segments()
        .and_then(|mut segments| segments.next_back())
        .and_then(|name| name.rsplit_once('.'))
        .filter(|(_, end)| (1..=8).contains(&end.len()) && end.chars().all(|c| c.is_ascii_alphanumeric()))
        .map(|(_, end)| format!(".{end}"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rehost(text: &str, switches: &Switches) -> Value {
        rehost_fetched(text, NOTHING_FETCHED, switches).0
    }

    fn rehost_fetched(text: &str, fetched: &Fetched, switches: &Switches) -> (Value, BTreeMap<String, Arc<StoreCopy>>) {
        let (mut mint, mut copies) = (Mint::new("test"), BTreeMap::new());
        let publisher = "contoso".parse().expect("an id");
        let at = Moment::at(1_000);
        let mut artifacts =
            Artifacts { mint: &mut mint, copies: &mut copies, fetched, at, publisher: &publisher, switches };
        (artifacts.rehost(text), copies)
    }

    #[test]
    fn what_was_fetched_is_kept_under_the_path_of_its_address() {
        let source = "http://127.0.0.1:9/logo.png";
        let download = Download { media: "image/png".to_owned(), bytes: Arc::from(*b"a\nb") };
        let switches = Switches::default();
        let (address, copies) = rehost_fetched(source, &[(source.to_owned(), Some(download))].into(), &switches);
        let url = Url::parse(address.as_str().expect("a text")).expect("a URL");
        let copy = copies.get(url.path()).expect("a copy");
        assert!(url.query().is_some_and(|query| query.contains(&format!("sig={}", copy.signature))));
        assert_eq!(StoreCopy::decode(&copy.encode()).as_ref(), Some(&**copy));
        assert_eq!(rehost_fetched(source, &[(source.to_owned(), None)].into(), &switches).0, Value::Null);
        assert!(rehost_fetched("https://x.example/a.png", NOTHING_FETCHED, &switches).1.is_empty());
    }

    #[test]
    fn only_this_machine_is_asked() {
        let is = |text: &str| is_loopback(&Url::parse(text).expect("a URL"));
        assert!(is("http://127.0.0.1:80/a") && is("https://LOCALHOST/a") && is("http://[::1]:9/"));
        assert!(!is("http://10.0.0.1/a") && !is("https://localhost.example/a"));
    }

    #[test]
    fn a_copy_has_the_form_of_the_portals_store() {
        let switches = Switches::default();
        let copy = rehost("https://www.contoso.example/art/logo.png?v=2", &switches);
        let url = Url::parse(copy.as_str().expect("a text")).expect("a URL");
        assert!(url.path().starts_with("/prodcontent/D6191_publishers_contoso/") && url.path().ends_with(".png"));
        let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let names: Vec<&str> = query.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["sv", "sr", "sig", "se", "sp"]);
        assert_eq!(query[3].1, "1972-01-01T00:00:01Z");
        assert_eq!(rehost(url.as_str(), &switches), url.as_str(), "a copy is not copied again");
    }

    #[test]
    fn other_texts_stay() {
        let switches = Switches::default();
        for text in ["", "logo.png", "ftp://x.example/a.png", "data:image/png;base64,AA=="] {
            assert_eq!(rehost(text, &switches), text);
        }
        let off = Switches { rehost_artifacts: false, ..Switches::default() };
        assert_eq!(rehost("https://www.contoso.example/a.png", &off), "https://www.contoso.example/a.png");
    }

    #[test]
    fn a_host_that_cannot_be_reached_leaves_null() {
        let switches = Switches { unfetchable_hosts: vec!["GitHub.com".to_owned()], ..Switches::default() };
        assert_eq!(rehost("https://github.com/x/logo.png", &switches), Value::Null);
        assert!(rehost("https://not-github.com/x/logo.png", &switches).is_string());
    }

    #[test]
    fn only_plausible_extensions_are_taken_over() {
        let of = |text: &str| extension(&Url::parse(text).expect("a URL"));
        assert_eq!(of("https://x.example/a.b/c.tar.gz"), ".gz");
        assert_eq!(of("https://x.example/a.b/c"), "");
        assert_eq!(of("https://x.example/a.%2e%2e"), "");
        assert_eq!(of("https://x.example"), "");
    }
}
