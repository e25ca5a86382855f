//! The environment that points a client at the proxy, as lines for a POSIX shell.

use std::path::Path;

use crate::error::Error;

/// What the clients read: HTTP libraries prefer either case of the names, and each its own name for the certificates.
const PROXY: [&str; 2] = ["HTTPS_PROXY", "https_proxy"];
/// Set, too, because an exception for these hosts that is there already would send a client to the real ones.
const EXCEPTIONS: [&str; 2] = ["NO_PROXY", "no_proxy"];
const CERTIFICATES: [&str; 3] = ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];

const NOT_PROXIED: &str = "localhost,127.0.0.1,::1";

pub(super) fn variables(proxy_url: &str, ca_file: &Path) -> Result<Vec<(&'static str, String)>, Error> {
    let ca_file = ca_file.to_str().ok_or_else(|| {
        Error::invalid(format!("the name of the certificate file is not UTF-8: {}", ca_file.display()))
            .hint("choose another file with --proxy-ca")
    })?;
    let pairs = PROXY.map(|name| (name, proxy_url.to_owned())).into_iter();
    let pairs = pairs.chain(EXCEPTIONS.map(|name| (name, NOT_PROXIED.to_owned())));
    Ok(pairs.chain(CERTIFICATES.map(|name| (name, ca_file.to_owned()))).collect())
}

/// The same as `export` lines.
pub(super) fn exports(variables: &[(&'static str, String)]) -> String {
    variables.iter().map(|(name, value)| format!("export {name}={}\n", quoted(value))).collect()
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_what_was_meant() {
        for word in ["/tmp/ca.pem", "/tmp/it's here; $(rm -rf x)/`ca`.pem", "a\nb\\\"*?", "~/x", "", "größe"] {
            let script = exports(&[("SSL_CERT_FILE", word.to_owned())]) + "printf %s \"$SSL_CERT_FILE\"";
            let output = std::process::Command::new("sh").args(["-c", &script]).output().expect("a shell");
            assert_eq!(String::from_utf8_lossy(&output.stdout), word);
        }
    }

    #[test]
    fn both_cases_of_the_proxy_are_set_and_every_certificate_is_the_same() {
        let lines = exports(&variables("http://127.0.0.1:9", Path::new("/tmp/a b.pem")).expect("UTF-8"));
        assert!(lines.starts_with("export HTTPS_PROXY=http://127.0.0.1:9\nexport https_proxy=http://127.0.0.1:9\n"));
        assert_eq!(lines.matches("='/tmp/a b.pem'\n").count(), CERTIFICATES.len(), "{lines}");
        assert!(lines.contains("\nexport no_proxy=localhost,127.0.0.1,::1\n"), "{lines}");
    }
}
