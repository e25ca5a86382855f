//! Uploads files of the project to the store that the project names, under names that tell what they hold.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::path::Path as Key;
use object_store::signer::Signer;
use object_store::{Attribute, Attributes, ObjectStore, ObjectStoreExt as _, PutOptions};
use url::Url;

use crate::model::{Content, LocalFile};
use crate::{redact, text};

/// How long one file may take.
const PATIENCE: Duration = Duration::from_mins(5);

/// A place for files that the portal can fetch from.
pub(crate) struct Store {
    /// The folder of the project.
    pub(crate) root: PathBuf,
    pub(crate) objects: Arc<dyn ObjectStore>,
    /// What stands before the name of each file in the store.
    pub(crate) prefix: Key,
    /// How the portal gets at a file.
    pub(crate) access: Access,
}

/// How the portal gets at a file.
#[derive(Debug)]
pub(crate) enum Access {
    /// Everybody does, below this address.
    Public(Url),
    /// By an address that is signed for this long.
    Signed(Arc<dyn Signer>, Duration),
}

impl Store {
    /// Makes sure that the files are in the store. The addresses are by the files' names there; a signed one must not
    /// be shown.
    ///
    /// # Errors
    /// Why a file could not be uploaded.
    pub(crate) async fn upload(&self, files: &[LocalFile]) -> Result<BTreeMap<String, String>, String> {
        let mut addresses = BTreeMap::new();
        for file in files {
            let one = tokio::time::timeout(PATIENCE, self.one(file)).await;
            let address = one.unwrap_or_else(|_| Err(format!("it took more than {} s", PATIENCE.as_secs())));
            let address = address.map_err(|why| format!("{} was not uploaded: {}", file.path, redact::text(&why)))?;
            addresses.insert(file.stored_name(), address);
        }
        Ok(addresses)
    }

    async fn one(&self, file: &LocalFile) -> Result<String, String> {
        let key = self.prefix.clone().join(file.stored_name());
        match self.objects.head(&key).await {
            Ok(there) if there.size == file.content.size => tracing::info!(%key, "already in the store"),
            Ok(_) | Err(object_store::Error::NotFound { .. }) => self.put(file, &key).await?,
            Err(error) => return Err(error.to_string()),
        }
        self.address(file, &key).await
    }

    async fn put(&self, file: &LocalFile, key: &Key) -> Result<(), String> {
        let mut bytes = Vec::new();
        let opened = text::open(&self.root.join(&file.path)).map_err(|error| error.to_string())?;
        opened.take(file.content.size + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        if Content::of(&bytes) != file.content {
            return Err("it changed since the plan was made; plan again".to_owned());
        }
        let mut attributes = Attributes::new();
        attributes.insert(Attribute::ContentType, media_type(file).into());
        let options = PutOptions { attributes, ..PutOptions::default() };
        let put = match self.objects.put_opts(key, bytes.clone().into(), options).await {
            // A folder keeps no attributes.
            Err(object_store::Error::NotImplemented { .. }) => self.objects.put(key, bytes.into()).await,
            put => put,
        };
        put.map(|_| tracing::info!(%key, size = file.content.size, "uploaded")).map_err(|error| error.to_string())
    }

    async fn address(&self, file: &LocalFile, key: &Key) -> Result<String, String> {
        match &self.access {
            Access::Public(base) => Ok(format!("{}/{}", base.as_str().trim_end_matches('/'), file.stored_name())),
            Access::Signed(signer, time) => {
                let signed = signer.signed_url(reqwest::Method::GET, key, *time).await;
                signed.map(String::from).map_err(|error| format!("its address cannot be signed: {error}"))
            }
        }
    }
}

fn media_type(file: &LocalFile) -> &'static str {
    match file.extension().as_deref() {
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("pdf") => "application/pdf",
        Some("zip") => "application/zip",
        _ => "application/octet-stream",
    }
}
