//! The certificate authority that lives as long as the proxy: it vouches for the hosts that the proxy plays, and for
//! no other. Its private key stays in memory.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose, NameConstraints,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;

use super::HOSTS;
use crate::error::Error;

/// How long the authority's own certificate is valid. Nothing can be signed once the process has ended.
const AUTHORITY_LIFETIME: Duration = Duration::from_hours(24 * 365);
/// How long the certificate of one connection is valid.
const LEAF_LIFETIME: Duration = Duration::from_hours(24);
/// Clocks in containers run behind their host's.
const CLOCK_SKEW: Duration = Duration::from_hours(1);
/// The first line of a file that may be overwritten. Readers of PEM skip what is outside of the markers.
const FILE_MARK: &str = "# offerctl sandbox --proxy";

/// Signs the certificates of the played hosts.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// A new authority with a key of its own.
    pub(super) fn new() -> Result<Self, Error> {
        Self::at(SystemTime::now()).map_err(|error| Error::failed(format!("cannot make a certificate: {error}")))
    }

    fn at(now: SystemTime) -> Result<Self, rcgen::Error> {
        let mut params = valid(CertificateParams::default(), now, AUTHORITY_LIFETIME);
        params.distinguished_name = name("offerctl sandbox");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        // Whoever trusts this authority for longer than they meant to trusts it for these hosts only.
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: HOSTS.map(|host| GeneralSubtree::DnsName(host.to_owned())).to_vec(),
            excluded_subtrees: Vec::new(),
        });
        Ok(Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate()?)? })
    }

    /// The certificate as clients read it.
    pub(super) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Ends TLS for a host, with a certificate made for this one connection: so none runs out, however long the
    /// sandbox is up.
    pub(super) fn acceptor(&self, host: &str) -> Result<TlsAcceptor, Error> {
        let failed =
            |error: &dyn std::fmt::Display| Error::failed(format!("cannot make a certificate for {host}: {error}"));
        let (leaf, key) = self.leaf(host, SystemTime::now()).map_err(|error| failed(&error))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(&error))?
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
            .map_err(|error| failed(&error))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    fn leaf(&self, host: &str, now: SystemTime) -> Result<(rcgen::Certificate, KeyPair), rcgen::Error> {
        let mut params = valid(CertificateParams::new([host.to_owned()])?, now, LEAF_LIFETIME);
        params.distinguished_name = name(host);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        // Strict verifiers, such as Python's since 3.13, demand it.
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        Ok((params.signed_by(&key, &self.issuer)?, key))
    }
}

fn valid(mut params: CertificateParams, now: SystemTime, lifetime: Duration) -> CertificateParams {
    params.not_before = (now - CLOCK_SKEW).into();
    params.not_after = (now + lifetime).into();
    params
}

fn name(text: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, text);
    name
}

/// The authority's certificate on disk.
#[derive(Debug)]
pub(super) struct CaFile {
    path: PathBuf,
    /// Removed with the value, where nobody said where the file should be.
    _folder: Option<TempDir>,
}

impl CaFile {
    /// Writes the certificate to this file, or to one in a folder of its own that goes with the value.
    pub(super) fn write(path: Option<&Path>, pem: &str) -> Result<Self, Error> {
        let (path, folder) = match path {
            Some(path) => {
                (std::path::absolute(path).map_err(|error| Error::io("find the folder of", path, &error))?, None)
            }
            None => {
                let folder = tempfile::Builder::new()
                    .prefix("offerctl-sandbox-")
                    .tempdir()
                    .map_err(|error| Error::io("make a folder in", &std::env::temp_dir(), &error))?;
                (folder.path().join("ca.pem"), Some(folder))
            }
        };
        refuse_to_replace(&path)?;
        let text = format!("{FILE_MARK}: this authority's key went with the process that made it.\n{pem}");
        replace(&path, &text).map_err(|error| Error::io("write", &path, &error))?;
        Ok(Self { path, _folder: folder })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// A file that is not from here stays: whoever names the system's own bundle means to read it, not to lose it.
fn refuse_to_replace(path: &Path) -> Result<(), Error> {
    match std::fs::read(path) {
        Ok(bytes) if bytes.starts_with(FILE_MARK.as_bytes()) || bytes.is_empty() => Ok(()),
        Ok(_) => Err(Error::invalid(format!("{} is there and was not written by a sandbox", path.display()))
            .hint("--proxy-ca names the file that the sandbox writes its certificate to; choose another name")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io("read", path, &error)),
    }
}

/// Puts the file in its place as a whole, so that a client never reads half of it.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    // Clients may run as other users; there is nothing secret in it.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier as _;
    use rustls::pki_types::{ServerName, UnixTime};

    use super::*;

    #[test]
    fn a_file_of_someone_else_is_not_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/ca.pem");
        let first = CaFile::write(Some(&path), "one\n").expect("written");
        assert_eq!(first.path(), path);
        CaFile::write(Some(&path), "two\n").expect("written over one of its own");
        let text = std::fs::read_to_string(&path).expect("a file");
        assert!(text.starts_with(FILE_MARK) && text.ends_with("\ntwo\n"), "{text}");
        std::fs::write(&path, "-----BEGIN CERTIFICATE-----\n").expect("written");
        let error = CaFile::write(Some(&path), "three\n").expect_err("refused");
        assert!(error.to_string().contains("was not written by a sandbox"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).expect("a file"), "-----BEGIN CERTIFICATE-----\n");
    }

    #[test]
    fn a_file_that_nobody_named_goes_with_its_folder() {
        let file = CaFile::write(None, "pem\n").expect("written");
        let path = file.path().to_owned();
        assert!(path.is_file());
        drop(file);
        assert!(!path.exists() && !path.parent().expect("a folder").exists());
    }

    /// What a client that trusts this authority, and nothing else, makes of a certificate.
    fn verdict(
        authority: &Authority,
        leaf: &rcgen::Certificate,
        host: &str,
        at: SystemTime,
    ) -> Result<(), rustls::Error> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(authority.issuer.der().clone()).expect("a root");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
        let at = at.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        let name = ServerName::try_from(host.to_owned()).expect("a name");
        let at = UnixTime::since_unix_epoch(at);
        verifier.expect("a verifier").verify_server_cert(leaf.der(), &[], &name, &[], at).map(|_| ())
    }

    #[test]
    fn certificates_are_good_for_their_host_and_for_a_day() {
        let authority = Authority::new().expect("an authority");
        let now = SystemTime::now();
        for host in HOSTS {
            let (leaf, _) = authority.leaf(host, now).expect("a certificate");
            assert_eq!(verdict(&authority, &leaf, host, now), Ok(()));
            assert!(verdict(&authority, &leaf, "login.live.com", now).is_err());
            assert!(verdict(&authority, &leaf, host, now + 2 * LEAF_LIFETIME).is_err(), "it runs out");
            let stranger = Authority::new().expect("an authority");
            assert!(verdict(&stranger, &leaf, host, now).is_err(), "each authority has its own key");
        }
    }

    #[test]
    fn the_authority_is_good_for_no_other_host() {
        let authority = Authority::new().expect("an authority");
        let now = SystemTime::now();
        for host in ["api.partner.microsoft.com", "www.example.com", "azure.com"] {
            let (leaf, _) = authority.leaf(host, now).expect("a certificate");
            let error = verdict(&authority, &leaf, host, now).expect_err("outside of the constraints");
            assert!(format!("{error:?}").contains("NameConstraint"), "{error:?}");
        }
    }

    #[test]
    fn the_key_is_in_nothing_that_is_written() {
        let authority = Authority::new().expect("an authority");
        let file = CaFile::write(None, &authority.pem()).expect("written");
        let text = std::fs::read_to_string(file.path()).expect("a file");
        assert_eq!(text.matches("-----BEGIN").count(), 1);
        assert!(text.contains("-----BEGIN CERTIFICATE-----"), "{text}");
        assert_eq!(std::fs::read_dir(file.path().parent().expect("a folder")).expect("a folder").count(), 1);
    }
}
