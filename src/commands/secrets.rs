//! The values of secrets, read when a request body is made and not before.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::model::SecretRef;
use crate::redact::{SHORTEST, Secret};
use crate::text;

/// A connection string has some hundred characters, a private key a few thousand.
const MAX_SECRET: u64 = 64 << 10;

/// Reads secrets, each once: what was found to be readable is what is sent. No error holds any part of a value.
pub(super) struct Secrets {
    root: PathBuf,
    read: Mutex<BTreeMap<SecretRef, Result<Secret, String>>>,
}

impl Secrets {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_path_buf(), read: Mutex::default() }
    }

    /// The value, for a request body; an error says why there is none. From now on it is kept out of every output.
    pub(super) fn get(&self, reference: &SecretRef) -> Result<String, String> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let value = read.entry(reference.clone()).or_insert_with(|| self.read(reference));
        value.as_ref().map(|value| value.expose_secret().to_owned()).map_err(Clone::clone)
    }

    fn read(&self, reference: &SecretRef) -> Result<Secret, String> {
        let value = match reference {
            SecretRef::Env(name) => match std::env::var(name) {
                Ok(value) => value,
                Err(std::env::VarError::NotPresent) => return Err("the variable is not set".to_owned()),
                Err(std::env::VarError::NotUnicode(_)) => return Err("it is not UTF-8".to_owned()),
            },
            SecretRef::File(path) => self.file(Path::new(path))?,
        };
        match value.chars().count() {
            0 => Err("it is empty".to_owned()),
            count if count < SHORTEST => {
                Err(format!("it has fewer than {SHORTEST} characters, too few to be kept out of logs and outputs"))
            }
            _ => Ok(Secret::from(value)),
        }
    }

    /// A file of the project, or a mounted vault, which is named by its absolute path.
    fn file(&self, path: &Path) -> Result<String, String> {
        let full = self.root.join(path).canonicalize().map_err(|error| error.kind().to_string())?;
        let root = self.root.canonicalize().map_err(|error| error.kind().to_string())?;
        if !path.is_absolute() && !full.starts_with(&root) {
            let why = "it leads out of the project; a vault that is mounted elsewhere is named by its absolute path";
            return Err(why.to_owned());
        }
        let file = text::open_named(&full).map_err(|error| error.to_string())?;
        let mut bytes = Vec::new();
        file.take(MAX_SECRET + 1).read_to_end(&mut bytes).map_err(|error| error.kind().to_string())?;
        if bytes.len() as u64 > MAX_SECRET {
            return Err(format!("it has more than {MAX_SECRET} bytes"));
        }
        let text = text::decode(&bytes).map_err(|error| error.to_string())?;
        // Editors and `echo` end a file with one; a second one is somebody's wish.
        let text = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_loses_one_line_end_and_must_be_a_small_text_inside_or_absolute() {
        let (inside, outside) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let vault = outside.path().join("vault");
        for (name, bytes) in [
            ("one", &b"the secret\n"[..]),
            ("crlf", b"the secret\r\n"),
            ("marked", b"\xef\xbb\xbfthe secret"),
            ("wide", b"\xff\xfet\0h\0e\0 \0s\0"),
            ("two", b"the secret\n\n"),
            ("short", b"1234567\n"),
            ("empty", b"\n"),
            ("latin", b"caf\xe9 caf\xe9"),
            ("large", &[b'x'; 65_537]),
        ] {
            std::fs::write(inside.path().join(name), bytes).expect("written");
        }
        std::fs::write(&vault, "of the vault").expect("written");
        let secrets = Secrets::new(inside.path());
        let get = |path: &str| secrets.get(&SecretRef::File(path.to_owned()));
        assert_eq!(get("one").as_deref(), Ok("the secret"));
        assert_eq!(get("crlf").as_deref(), Ok("the secret"));
        assert_eq!(get("marked").as_deref(), Ok("the secret"));
        assert!(get("wide").expect_err("refused").contains("UTF-16"));
        assert_eq!(get("two").as_deref(), Ok("the secret\n"));
        assert_eq!(get(vault.to_str().expect("a path")).as_deref(), Ok("of the vault"));
        let up = format!("../{}/vault", outside.path().file_name().expect("a name").to_string_lossy());
        assert!(get(&up).expect_err("refused").contains("leads out of the project"));
        assert!(get("short").expect_err("refused").contains("fewer than 8 characters"));
        assert!(get("empty").expect_err("refused").contains("empty"));
        assert!(get("latin").expect_err("refused").contains("UTF-8"));
        assert!(get("large").expect_err("refused").contains("more than 65536 bytes"));
        assert!(get(".").expect_err("refused").contains("not a regular file"));
        assert!(get("none").is_err());
        #[cfg(unix)]
        for (name, to) in [("environ", "/proc/self/environ"), ("zero", "/dev/zero")] {
            std::os::unix::fs::symlink(to, outside.path().join(name)).expect("a link");
            for path in [to, outside.path().join(name).to_str().expect("a path")] {
                assert!(get(path).expect_err("refused").contains("/proc, /sys or /dev"), "{path}");
            }
        }
    }

    #[test]
    fn a_secret_is_read_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("s");
        std::fs::write(&file, "first value").expect("written");
        let secrets = Secrets::new(folder.path());
        let reference = SecretRef::File("s".to_owned());
        assert_eq!(secrets.get(&reference).as_deref(), Ok("first value"));
        std::fs::write(&file, "second value").expect("written");
        assert_eq!(secrets.get(&reference).as_deref(), Ok("first value"));
    }
}
