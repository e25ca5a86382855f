//! What the environment says of the way to the portal: proxies, and the certificates that are trusted. The HTTP client
//! passes over what it cannot use; here that is an error that names the variable.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use url::Url;

use crate::redact;

type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A variable that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} {why}")]
pub(crate) struct Unusable {
    name: &'static str,
    why: String,
}

/// The proxy on the way to an https address, for people; an empty text where there is none.
pub(crate) fn proxy(env: Env<'_>) -> Result<String, Unusable> {
    // As the client looks for it: of each pair, the first that is set counts, be it empty.
    let first = |names: [&'static str; 2]| names.into_iter().find_map(|name| Some((name, env(name)?)));
    let pairs = [["HTTPS_PROXY", "https_proxy"], ["ALL_PROXY", "all_proxy"]];
    let used = pairs.into_iter().filter_map(first).find(|(_, value)| !value.is_empty());
    let Some((name, value)) = used else { return Ok(String::new()) };
    let mut url = proxy_url(&value).map_err(|why| Unusable { name, why: why.to_owned() })?;
    if !url.username().is_empty() || url.password().is_some() {
        let _ = url.set_username(redact::MASK).and_then(|()| url.set_password(None));
    }
    let except = first(["NO_PROXY", "no_proxy"]).map(|(name, hosts)| format!("; {name} is {hosts}"));
    Ok(format!("{name} is {url}{}", except.unwrap_or_default()))
}

fn proxy_url(value: &str) -> Result<Url, &'static str> {
    if value.contains(['"', '\'']) {
        return Err("has quotes in its value; set it without them");
    }
    if value.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("has white space or a line end in its value; set it without");
    }
    // Without a scheme, the host would be taken for one.
    let Some((scheme, _)) = value.split_once("://") else {
        return Err("has no scheme; set it to http://HOST:PORT");
    };
    if !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") {
        return Err("is not an http or https proxy; others are not supported");
    }
    Url::parse(value).map_err(|_| "is not a URL; set it to http://HOST:PORT")
}

/// The certificates that are trusted instead of the system's, for people; an empty text where there are none.
pub(crate) fn certificates(env: Env<'_>) -> Result<String, Unusable> {
    let mut used = Vec::new();
    if let Some(path) = env("SSL_CERT_FILE").filter(|path| !path.is_empty()) {
        let fail = |why| Unusable { name: "SSL_CERT_FILE", why: format!("is {path}, {why}") };
        let pem = std::fs::read(&path).map_err(|error| fail(format!("which cannot be read: {error}")))?;
        let count = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).count();
        if count == 0 {
            return Err(fail("which holds no PEM certificate".to_owned()));
        }
        used.push(format!("SSL_CERT_FILE is {path} ({count})"));
    }
    if let Some(paths) = env("SSL_CERT_DIR").filter(|paths| !paths.is_empty()) {
        for path in std::env::split_paths(&paths) {
            std::fs::read_dir(&path).map_err(|error| Unusable {
                name: "SSL_CERT_DIR",
                why: format!("names {}, which cannot be read: {error}", path.display()),
            })?;
        }
        used.push(format!("SSL_CERT_DIR is {paths}"));
    }
    Ok(used.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)], look: fn(Env<'_>) -> Result<String, Unusable>) -> Result<String, &'static str> {
        let env = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        look(&env).map_err(|unusable| unusable.name)
    }

    #[test]
    fn a_proxy_that_the_client_would_pass_over_is_an_error() {
        for bad in
            ["\"http://p:1\"", "'http://p:1'", "http://p:1\n", " http://p:1", "p:3128", "socks5://p:1", "http://"]
        {
            assert_eq!(of(&[("HTTPS_PROXY", bad)], proxy), Err("HTTPS_PROXY"), "{bad}");
            assert_eq!(of(&[("all_proxy", bad)], proxy), Err("all_proxy"), "{bad}");
        }
        assert_eq!(of(&[("HTTPS_PROXY", "")], proxy), Ok(String::new()));
        let both = [("HTTPS_PROXY", "http://u:CANARY@p:1"), ("ALL_PROXY", "http://q:1"), ("NO_PROXY", "a")];
        let told = "HTTPS_PROXY is http://REDACTED@p:1/; NO_PROXY is a";
        assert_eq!(of(&both, proxy).as_deref(), Ok(told));
    }

    #[test]
    fn certificates_that_are_not_there_are_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name).display().to_string();
        let (good, empty) = (path("good.pem"), path("empty.pem"));
        std::fs::write(&good, include_str!("../../tests/it/support/certificate.pem")).expect("written");
        std::fs::write(&empty, "nothing").expect("written");
        for bad in [empty, path("none")] {
            assert_eq!(of(&[("SSL_CERT_FILE", &bad)], certificates), Err("SSL_CERT_FILE"), "{bad}");
        }
        assert_eq!(of(&[("SSL_CERT_DIR", &path("none"))], certificates), Err("SSL_CERT_DIR"));
        assert!(of(&[("SSL_CERT_FILE", &good)], certificates).is_ok_and(|told| told.ends_with("(1)")));
        assert_eq!(of(&[], certificates), Ok(String::new()));
    }
}
