//! The stores in which the portal keeps its own copies of artifacts.

use url::Url;

/// The name of the portal's own copy of an artifact, if the URL is one: the last segment of its path. Host and query
/// change (test and production content, a fresh signature), the name does not.
pub(crate) fn store_copy(url: &str) -> Option<String> {
    let url = Url::parse(url).ok().filter(is_store)?;
    let name = url.path_segments()?.next_back().filter(|name| !name.is_empty())?;
    Some(name.to_owned())
}

/// Whether a URL is of one of the portal's own stores.
pub(crate) fn is_store(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        (host.starts_with("publishingapistore") || host.starts_with("publishingstoredm"))
            && host.ends_with(".blob.core.windows.net")
    })
}
