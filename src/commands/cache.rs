//! What may be forgotten: files in the user's cache directory. Nothing in the project decides what is taken from there.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;

use super::sinks::write_private;
use crate::cli::Global;
use crate::text;

/// Larger than any file that is written here.
const MAX_BYTES: u64 = 16 << 20;

/// One file of the cache.
pub(super) struct Cached(Option<PathBuf>);

impl Cached {
    /// Finds the file in `--cache-dir`, else in the user's cache directory. Without either, nothing is kept.
    pub(super) fn new(global: &Global, name: &str) -> Self {
        let users = || etcetera::choose_base_strategy().ok().map(|base| base.cache_dir().join("offerctl"));
        Self(global.cache_dir.clone().or_else(users).map(|folder| folder.join(name)))
    }

    /// Returns what was kept; `None` where there is nothing, or where somebody else could have written it.
    pub(super) fn read(&self) -> Option<String> {
        let path = self.0.as_deref()?;
        let mut bytes = Vec::new();
        trusted(path).then(|| text::open(path).ok()).flatten()?.take(MAX_BYTES + 1).read_to_end(&mut bytes).ok()?;
        (bytes.len() as u64 <= MAX_BYTES).then(|| text::decode(&bytes).ok().map(ToOwned::to_owned))?
    }

    /// Keeps a JSON text. The next run does without it where this fails, so a failure is only logged.
    pub(super) fn keep(&self, json: &str) {
        let Some(path) = self.0.as_deref() else { return };
        let made = private_folder(path.parent().unwrap_or(Path::new("."))).map_err(|error| error.to_string());
        let kept = made.and_then(|()| match path.symlink_metadata().is_err() || trusted(path) {
            true => write_private(path, json).map_err(|error| error.to_string()),
            false => Err("it is a link or belongs to another user".to_owned()),
        });
        if let Err(error) = kept {
            tracing::info!(%error, path = %path.display(), "the cache is not written");
        }
    }
}

fn private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Whether a file is a regular one that only this user can have written, in a folder of which the same holds.
fn trusted(path: &Path) -> bool {
    let folder = path.parent().unwrap_or(Path::new("."));
    path.symlink_metadata().is_ok_and(|file| file.is_file() && is_own(&file))
        && folder.metadata().is_ok_and(|folder| is_own(&folder))
}

#[cfg(unix)]
fn is_own(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o022 == 0
}

#[cfg(not(unix))]
fn is_own(_: &std::fs::Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn only_own_files_are_read_and_replaced() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().expect("a folder");
        let cached = |name: &str| Cached(Some(folder.path().join("cache").join(name)));
        let mode = |path: &str, mode| {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(folder.path().join(path), permissions).expect("permissions");
        };
        assert_eq!(cached("a").read(), None);
        cached("a").keep("{}");
        assert_eq!(cached("a").read().as_deref(), Some("{}"));
        mode("cache/a", 0o666);
        assert_eq!(cached("a").read(), None, "others may write the file");
        mode("cache/a", 0o600);
        mode("cache", 0o777);
        assert_eq!(cached("a").read(), None, "others may write in the folder");
        mode("cache", 0o700);
        std::fs::write(folder.path().join("elsewhere"), "kept").expect("written");
        symlink(folder.path().join("elsewhere"), folder.path().join("cache/link")).expect("a link");
        assert_eq!(cached("link").read(), None);
        cached("link").keep("{}");
        assert_eq!(std::fs::read_to_string(folder.path().join("elsewhere")).expect("read"), "kept");
    }
}
