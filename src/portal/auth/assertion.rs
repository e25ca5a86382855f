//! The signed statement with which a certificate stands for an application's secret: a JSON web token with the
//! certificate's thumbprint, signed with its private key (RFC 7523; PS256 and `x5t#S256` as the Microsoft identity
//! platform asks).

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::RSA_PSS_SHA256;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::redact::Secret;

/// How long a statement is good for, in seconds; it is used at once.
const LIFE: u64 = 600;

/// A statement of the application for this audience, signed with the key in a PEM file.
pub(super) fn signed(path: &Path, client: &str, audience: &str) -> Result<Secret, String> {
    let pem = crate::text::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    sign(pem.as_bytes(), client, audience, now).map_err(|why| format!("{}: {why}", path.display()))
}

fn sign(pem: &[u8], client: &str, audience: &str, now: u64) -> Result<Secret, String> {
    let chain = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| format!("the certificate cannot be read: {error:?}"))?;
    let leaf = chain.first().ok_or(NOT_PEM)?;
    let key = key_pair(pem)?;
    let header = json!({
        "alg": "PS256", "typ": "JWT",
        "x5t#S256": BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(leaf)),
        // With the chain, an application can trust whoever its certificate authority names.
        "x5c": chain.iter().map(|certificate| BASE64_STANDARD.encode(certificate)).collect::<Vec<_>>(),
    });
    let claims = json!({
        "aud": audience, "iss": client, "sub": client, "jti": uuid::Uuid::new_v4().to_string(),
        "nbf": now.saturating_sub(60), "iat": now, "exp": now + LIFE,
    });
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PSS_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
        .map_err(|_| "the private key cannot sign".to_owned())?;
    Ok(Secret::from(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))))
}

const NOT_PEM: &str = "it holds no PEM certificate; make one of a PFX file with `openssl pkcs12 -nodes -in FILE.pfx`";

fn key_pair(pem: &[u8]) -> Result<KeyPair, String> {
    if pem.windows(b"ENCRYPTED".len()).any(|window| window == b"ENCRYPTED") {
        return Err("its private key is encrypted; decrypt it with `openssl pkey -in FILE.pem`".to_owned());
    }
    let key = PrivateKeyDer::from_pem_slice(pem)
        .map_err(|_| "it holds no PEM private key beside the certificate".to_owned())?;
    let pair = match &key {
        PrivateKeyDer::Pkcs8(key) => KeyPair::from_pkcs8(key.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(key) => KeyPair::from_der(key.secret_pkcs1_der()),
        _ => return Err("its private key is not an RSA key".to_owned()),
    };
    pair.map_err(|error| format!("its private key is not a usable RSA key: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};

    /// A certificate made for these tests, which nothing trusts.
    const PEM: &str = include_str!("../../../tests/it/support/certificate.pem");

    #[test]
    fn the_statement_names_us_and_is_signed_with_the_certificates_key() {
        let token = sign(PEM.as_bytes(), "app", "https://login.example/t/oauth2/v2.0/token", 1_000).expect("signed");
        let parts = token.expose_secret().split('.').collect::<Vec<_>>();
        let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64");
        let json = |part: &str| serde_json::from_slice::<Value>(&decode(part)).expect("JSON");
        let claims = json(parts[1]);
        assert_eq!((&claims["iss"], &claims["sub"]), (&json!("app"), &json!("app")));
        assert_eq!(claims["aud"], "https://login.example/t/oauth2/v2.0/token");
        assert_eq!((&claims["nbf"], &claims["exp"]), (&json!(940), &json!(1_600)));
        assert_eq!(json(parts[0])["x5c"].as_array().map(Vec::len), Some(1));
        let key = key_pair(PEM.as_bytes()).expect("a key");
        let public = UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, key.public().as_ref());
        let signed = format!("{}.{}", parts[0], parts[1]);
        assert!(public.verify(signed.as_bytes(), &decode(parts[2])).is_ok());
        assert!(public.verify(b"something else", &decode(parts[2])).is_err());
    }

    #[test]
    fn a_file_of_another_kind_says_how_to_make_a_good_one() {
        let why = |pem: &str| sign(pem.as_bytes(), "a", "b", 0).err().unwrap_or_default();
        assert!(why("PFX").contains("openssl pkcs12"));
        let (certificate, _) = PEM.split_once("-----BEGIN PRIVATE KEY").expect("a key");
        assert!(why(certificate).contains("no PEM private key"));
        let encrypted = PEM.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        assert!(why(&encrypted).contains("openssl pkey"));
    }
}
