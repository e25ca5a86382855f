//! Where a token may go: the portal's base URL, and links that stay at it.

use url::{Host, Url};

use crate::model::OfferKey;

/// The version of the API that every request names.
pub(super) const API_VERSION: &str = "2017-10-31";

/// The base URL of a portal: https, or http on loopback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint(Url);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{url}` cannot be the portal's endpoint: {reason}")]
pub(crate) struct EndpointError {
    url: String,
    reason: &'static str,
}

impl std::str::FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let fail = |reason| EndpointError { url: crate::redact::text(text), reason };
        let mut url = Url::parse(text).map_err(|_| fail("it is not a URL"))?;
        let loopback = is_loopback(&url);
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            "http" => return Err(fail("plain http is for loopback only; use https")),
            _ => return Err(fail("it must start with https://")),
        }
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return Err(fail("it must hold no user, password, query or fragment"));
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Self(url))
    }
}

impl Endpoint {
    /// Whether the portal is on this machine, as the sandbox is.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }

    /// The base URL of a portal on this machine.
    pub(crate) fn loopback(&self) -> Option<Url> {
        self.is_loopback().then(|| self.0.clone())
    }

    /// The URL of an API path, with the API's version.
    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}{}", self.0.path(), path.trim_start_matches('/')));
        url.query_pairs_mut().append_pair("api-version", API_VERSION);
        url
    }

    /// The operation that a link of the portal's leads to, if it is at this very portal. A token goes nowhere else.
    pub(super) fn follow(&self, link: &str) -> Option<OperationPath> {
        let mut url = self.0.join(link).ok()?;
        let same = (url.scheme(), url.host(), url.port_or_known_default())
            == (self.0.scheme(), self.0.host(), self.0.port_or_known_default());
        let plain = url.username().is_empty() && url.password().is_none();
        if !url.query_pairs().any(|(name, _)| name == "api-version") {
            url.query_pairs_mut().append_pair("api-version", API_VERSION);
        }
        (same && plain).then_some(OperationPath(url))
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// The path of an offer, below the endpoint.
pub(super) fn offer_path(key: &OfferKey) -> String {
    format!("api/publishers/{}/offers/{}", key.publisher, key.offer)
}

/// Whether a secret may be sent to this URL: over https, or to this very machine.
pub(super) fn is_private_enough(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}

/// A URL to which a secret may be sent: https, or on this machine.
pub(super) fn private_url(name: &str, text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|_| format!("{name} is not a URL"))?;
    if is_private_enough(&url) {
        Ok(url)
    } else {
        Err(format!("{name} must start with https:// (plain http is for loopback only)"))
    }
}

/// Whether the host is this machine, or a service on its own link that only it can reach. No proxy leads there.
pub(super) fn is_on_this_machine(url: &Url) -> bool {
    is_loopback(url) || matches!(url.host(), Some(Host::Ipv4(address)) if address.is_link_local())
}

pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// The address of an operation on the portal that the token belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OperationPath(Url);

impl OperationPath {
    pub(super) fn url(&self) -> &Url {
        &self.0
    }
}

impl std::fmt::Display for OperationPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_loopback() {
        for good in ["https://cloudpartner.azure.com", "http://127.0.0.1:8080", "http://localhost:1/", "http://[::1]:9"]
        {
            assert!(good.parse::<Endpoint>().is_ok(), "{good}");
        }
        let bad = [
            "http://cloudpartner.azure.com",
            "ftp://127.0.0.1",
            "nonsense",
            "https://user:pass@host",
            "http://127.0.0.1.evil.example",
            "https://host/?sig=x",
        ];
        for bad in bad {
            assert!(bad.parse::<Endpoint>().is_err(), "{bad}");
        }
    }

    #[test]
    fn links_to_another_host_scheme_or_port_are_not_followed() {
        let endpoint = "https://portal.example".parse::<Endpoint>().expect("an endpoint");
        let follow = |link: &str| endpoint.follow(link).map(|path| String::from(path.0));
        let whole = "https://portal.example/api/operations/a$b$2$preview?api-version=2017-10-31";
        assert_eq!(follow("/api/operations/a$b$2$preview?api-version=2017-10-31").as_deref(), Some(whole));
        assert_eq!(follow("/api/operations/a$b$2$preview").as_deref(), Some(whole));
        assert_eq!(follow(whole).as_deref(), Some(whole));
        for bad in [
            "https://other.example/api",
            "//other.example/api",
            "http://portal.example/api",
            "https://portal.example:444/api",
            "https://u@portal.example/api",
        ] {
            assert_eq!(follow(bad), None, "{bad}");
        }
    }
}
