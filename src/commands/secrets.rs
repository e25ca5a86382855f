//! The values of secrets, and the signatures of addresses: made when a request body is made and not before.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::model::SecretRef;
use crate::redact::{SHORTEST, Secret};
use crate::sas::{Account, Accounts};
use crate::text;

/// A connection string has some hundred characters, a private key a few thousand.
const MAX_SECRET: u64 = 64 << 10;

/// Reads secrets, each once: what was found to be readable is what is sent. No error holds any part of a value.
pub(super) struct Secrets {
    root: PathBuf,
    signer: Signer,
    read: Mutex<BTreeMap<SecretRef, Result<Secret, String>>>,
    signed: Mutex<BTreeMap<String, Result<Secret, String>>>,
}

impl Secrets {
    pub(super) fn new(root: &Path, signer: Signer) -> Self {
        Self { root: root.to_path_buf(), signer, read: Mutex::default(), signed: Mutex::default() }
    }

    /// The address with a signature, for a request body; an error says why it cannot be signed. From now on the signature
    /// is kept out of every output.
    pub(super) fn signed(&self, address: &str) -> Result<String, String> {
        let mut signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        let value = signed.entry(address.to_owned()).or_insert_with(|| self.signer.sign(address));
        value.as_ref().map(|value| value.expose_secret().to_owned()).map_err(Clone::clone)
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
                Err(format!("it has fewer than {SHORTEST} characters, too few to mask it in logs and outputs"))
            }
            _ => Ok(Secret::from(value)),
        }
    }

    /// A file of the project, or a mounted vault, which is named by its absolute path.
    fn file(&self, path: &Path) -> Result<String, String> {
        let full = self.root.join(path).canonicalize().map_err(|error| error.kind().to_string())?;
        let root = self.root.canonicalize().map_err(|error| error.kind().to_string())?;
        if !path.is_absolute() && !full.starts_with(&root) {
            let why = "it leads out of the project; use an absolute path for a mounted vault";
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

/// Signs addresses with what the environment holds for their accounts.
pub(super) struct Signer {
    accounts: Accounts,
    /// Whether the portal is on this machine: no other could fetch from it.
    loopback: bool,
    variable: fn(&str) -> Option<String>,
    /// Kept, so that no output holds one.
    credentials: Mutex<Vec<Secret>>,
}

enum Credential {
    Key(Secret),
    Token(Secret),
}

impl Signer {
    pub(super) fn new(accounts: Accounts, loopback: bool) -> Self {
        Self { accounts, loopback, variable: |name| std::env::var(name).ok(), credentials: Mutex::default() }
    }

    fn sign(&self, address: &str) -> Result<Secret, String> {
        let blob = self.accounts.blob(address)?;
        if blob.is_on_loopback() && !self.loopback {
            return Err("it is on this machine, but the portal is not".to_owned());
        }
        let credential = self.credential(blob.account)?;
        let now = jiff::Timestamp::now();
        let (Credential::Key(secret) | Credential::Token(secret)) = &credential;
        self.credentials.lock().unwrap_or_else(PoisonError::into_inner).push(secret.clone());
        let signed = match &credential {
            Credential::Key(key) => blob.sign(key.expose_secret(), now),
            Credential::Token(token) => blob.with_token(token.expose_secret(), now),
        };
        signed.map(Secret::from)
    }

    /// What signs for an account: a variable with its name, one without where there is no other account, or the variables
    /// of the Azure CLI where they name this account.
    fn credential(&self, account: &Account) -> Result<Credential, String> {
        let get =
            |name: &str| (self.variable)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let only = self.accounts.len() == 1;
        let (name, upper) = (&account.account, account.account.to_ascii_uppercase());
        let of = |base: &str| get(&format!("{base}_{upper}")).or_else(|| get(base).filter(|_| only));
        if let Some(key) = of("OFFERCTL_SAS_ACCOUNT_KEY") {
            return Ok(Credential::Key(key.into()));
        }
        if let Some(token) = of("OFFERCTL_SAS_TOKEN") {
            return Ok(Credential::Token(token.into()));
        }
        let azure = get("AZURE_STORAGE_ACCOUNT").filter(|azure| azure == name);
        if let Some(key) = azure.and_then(|_| get("AZURE_STORAGE_ACCOUNT_KEY")) {
            return Ok(Credential::Key(key.into()));
        }
        let general = if only { "OFFERCTL_SAS_ACCOUNT_KEY or " } else { "" };
        Err(format!("no key for the account `{name}`; set {general}OFFERCTL_SAS_ACCOUNT_KEY_{upper}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact;

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
        let secrets = Secrets::new(inside.path(), signer("", |_| None));
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
                assert!(get(path).expect_err("refused").contains("/proc, /sys and /dev"), "{path}");
            }
        }
    }

    #[test]
    fn a_secret_is_read_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("s");
        std::fs::write(&file, "first value").expect("written");
        let secrets = Secrets::new(folder.path(), signer("", |_| None));
        let reference = SecretRef::File("s".to_owned());
        assert_eq!(secrets.get(&reference).as_deref(), Ok("first value"));
        std::fs::write(&file, "second value").expect("written");
        assert_eq!(secrets.get(&reference).as_deref(), Ok("first value"));
    }

    fn signer(accounts: &str, variable: fn(&str) -> Option<String>) -> Signer {
        let entry = |name: &str| serde_json::json!({"account": name, "containers": ["images"]});
        let accounts = serde_json::Value::from(accounts.split_whitespace().map(entry).collect::<Vec<_>>());
        let accounts = serde_json::from_value(accounts).expect("accounts");
        Signer { variable, ..Signer::new(accounts, false) }
    }

    const KEY: &str = "c2VjcmV0IGtleSBvZiB0aGUgYWNjb3VudA==";
    const CONTOSO: &str = "https://contoso.blob.core.windows.net/images/a.vhd";

    fn set(name: &str, names: &[&str]) -> Option<String> {
        let value = if name.contains("TOKEN") { "sp=rl&sig=of%2Fthe%2Ftoken" } else { KEY };
        match name {
            "AZURE_STORAGE_ACCOUNT" => names.contains(&name).then(|| "contoso".to_owned()),
            name => names.contains(&name).then(|| value.to_owned()),
        }
    }

    #[test]
    fn an_account_is_signed_for_with_its_own_key_alone() {
        let signs =
            |accounts: &str, variable: fn(&str) -> Option<String>| signer(accounts, variable).sign(CONTOSO).is_ok();
        assert!(signs("contoso", |name| set(name, &["OFFERCTL_SAS_ACCOUNT_KEY"])));
        assert!(signs("contoso", |name| set(name, &["OFFERCTL_SAS_TOKEN"])));
        assert!(!signs("contoso other", |name| set(name, &["OFFERCTL_SAS_ACCOUNT_KEY"])));
        assert!(!signs("contoso other", |name| set(name, &["OFFERCTL_SAS_TOKEN"])));
        assert!(signs("contoso other", |name| set(name, &["OFFERCTL_SAS_ACCOUNT_KEY_CONTOSO"])));
        assert!(signs("contoso other", |name| set(name, &["OFFERCTL_SAS_TOKEN_CONTOSO"])));
        assert!(!signs("contoso other", |name| set(name, &["OFFERCTL_SAS_ACCOUNT_KEY_OTHER"])));
        assert!(!signs("contoso", |name| set(name, &["AZURE_STORAGE_ACCOUNT_KEY"])));
        assert!(signs("contoso", |name| set(name, &["AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_ACCOUNT"])));
        let azure = |name: &str| set(name, &["AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_ACCOUNT"]);
        assert!(signer("other", azure).sign("https://other.blob.core.windows.net/images/a.vhd").is_err());
        assert!(
            !signs("other", |name| set(name, &["OFFERCTL_SAS_ACCOUNT_KEY"])),
            "it is checked again when it is signed"
        );
    }

    #[test]
    fn nothing_on_this_machine_is_signed_for_a_portal_elsewhere() {
        let mut signer = signer("contoso", |name| set(name, &["OFFERCTL_SAS_ACCOUNT_KEY"]));
        let address = "http://127.0.0.1:10000/contoso/images/a.vhd";
        assert!(signer.sign(address).expect_err("refused").contains("on this machine"));
        signer.loopback = true;
        assert!(signer.sign(address).is_ok());
    }

    #[test]
    fn keys_and_signatures_are_kept_out_of_texts() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = signer("contoso", |name| set(name, &["OFFERCTL_SAS_ACCOUNT_KEY"]));
        let secrets = Secrets::new(folder.path(), key);
        let signed = secrets.signed(CONTOSO).expect("signed");
        assert_eq!(secrets.signed(CONTOSO).expect("signed"), signed, "it is signed once");
        let signature = signed.split("sig=").nth(1).expect("a signature").to_owned();
        let plain = signature.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
        for secret in [signed, signature, plain, KEY.to_owned()] {
            let text = redact::known(&format!("before {secret} after")).into_owned();
            assert!(!text.contains(&secret) && text.contains("after"), "{text}");
        }
    }
}
