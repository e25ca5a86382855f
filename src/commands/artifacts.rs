//! The store that `offerctl.toml` names, with the credentials of the environment; and what is remembered of the
//! portal's copies.

use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStore;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::signer::Signer;

use super::cache::Cached;
use crate::artifact::{Access, Looker, Remembered, Store};
use crate::cli::Global;
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::portal::Reader;
use crate::workspace::{ArtifactStore, Project};

const HOUR: Duration = Duration::from_hours(1);

/// Looks at artifacts, and keeps what it saw of the portal's copies in the user's cache.
pub(super) struct Looking {
    looker: Arc<Looker>,
    cached: Cached,
    before: Remembered,
}

impl Looking {
    pub(super) fn new(global: &Global, reader: &Reader) -> Result<Self> {
        let cached = Cached::new(global, "artifacts.json");
        let before = cached.read().and_then(|text| serde_json::from_str::<Remembered>(&text).ok()).unwrap_or_default();
        let looker = Looker::new(reader.loopback(), proxies(), before.clone());
        let looker = looker.map_err(|error| Error::failed(format!("the HTTP client cannot start: {error}")))?;
        Ok(Self { looker: Arc::new(looker), cached, before })
    }

    pub(super) fn looker(&self) -> Arc<Looker> {
        Arc::clone(&self.looker)
    }

    /// Keeps what was seen for the next run.
    pub(super) fn keep(&self) {
        let now = self.looker.remembered();
        if now != self.before {
            let text = serde_json::to_string(&now).unwrap_or_else(|error| unreachable!("digests serialise: {error}"));
            self.cached.keep(&text);
        }
    }
}

/// What downloads the portal's copies of files.
pub(super) fn downloader(reader: &Reader) -> Result<Looker> {
    let looker = Looker::new(reader.loopback(), proxies(), Remembered::default());
    looker.map_err(|error| Error::failed(format!("the HTTP client cannot start: {error}")))
}

/// The hosts of the proxies that the environment names.
fn proxies() -> Vec<String> {
    let names = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
    let values = names.iter().filter_map(|name| std::env::var(name).ok());
    values.filter_map(|value| url::Url::parse(&value).ok()?.host_str().map(ToOwned::to_owned)).collect()
}

/// The store for the plan's files, if it has any.
pub(super) fn store(project: &Project, plan: &Plan) -> Result<Option<Store>> {
    let needed = plan.offers().iter().any(|offer| !offer.uploads.is_empty());
    let Some(settings) = project.config.artifacts.as_ref().filter(|_| needed) else { return Ok(None) };
    let opened = open(settings).map_err(|error| {
        Error::invalid(format!("the store {} cannot be used: {error}; nothing was written", settings.store))
            .hint("set the variables that docs/offer-files.md lists for this store")
    })?;
    let (objects, prefix, signer) = opened;
    let access = match (&settings.public_url, signer) {
        (Some(url), _) => Access::Public(url.clone()),
        (None, Some(signer)) => Access::Signed(signer, HOUR * settings.signed_hours),
        (None, None) => return Err(Error::invalid("a folder needs `public_url` in [artifacts] of offerctl.toml")),
    };
    Ok(Some(Store { root: project.root.clone(), objects, prefix, access }))
}

type Opened = (Arc<dyn ObjectStore>, Key, Option<Arc<dyn Signer>>);

fn open(settings: &ArtifactStore) -> std::result::Result<Opened, String> {
    let url = &settings.store;
    let bucket = url.host_str().unwrap_or_default();
    let prefix = Key::from_url_path(url.path()).map_err(|error| error.to_string())?;
    let text = |error: object_store::Error| error.to_string();
    match url.scheme() {
        "az" => {
            let store = Arc::new(MicrosoftAzureBuilder::from_env().with_container_name(bucket).build().map_err(text)?);
            Ok((store.clone(), prefix, Some(store)))
        }
        "s3" => {
            let store = Arc::new(AmazonS3Builder::from_env().with_bucket_name(bucket).build().map_err(text)?);
            Ok((store.clone(), prefix, Some(store)))
        }
        "gs" => {
            let store = GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket).build().map_err(text)?;
            let store = Arc::new(store);
            Ok((store.clone(), prefix, Some(store)))
        }
        _ => {
            let folder = url.to_file_path().map_err(|()| "it is not a path".to_owned())?;
            let store = LocalFileSystem::new_with_prefix(folder).map_err(text)?;
            Ok((Arc::new(store), Key::default(), None))
        }
    }
}
