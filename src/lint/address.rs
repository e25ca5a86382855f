//! Addresses: https, or nothing.

use super::{Offer, short};
use crate::diagnostic::{Code, Diagnostic};
use crate::schema::Shape;

/// Whether a field of this name holds an address.
fn is_address(key: &str, shape: &Shape) -> bool {
    let name = short(key).to_ascii_lowercase();
    shape.rules.artifact || name.ends_with("url") || name.ends_with("uri") || name.ends_with("link")
}

pub(super) fn not_https(offer: &Offer<'_>, findings: &mut Vec<Diagnostic>) {
    offer.entries(&mut |entry, shape| {
        let Some(text) = entry.value.as_str().map(str::trim).filter(|text| !text.is_empty()) else { return };
        let server_owned = shape.rules.server_owned || shape.rules.secret;
        let starts = |scheme: &str| {
            text.as_bytes().get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme.as_bytes()))
        };
        let http = starts("http://");
        // Terms of use may be a text or an address.
        let either = short(&entry.key).eq_ignore_ascii_case("termsOfUse") && http;
        let local = text.contains('/') && super::logo::is_local(&entry.value);
        if server_owned || local || !(is_address(&entry.key, shape) || either) || starts("https://") {
            return;
        }
        if http && is_loopback(&text.to_ascii_lowercase()) {
            return;
        }
        let name = short(&entry.key);
        let (message, help) = match http {
            true => (
                format!("`{name}` is an http address; the marketplace requires https"),
                "write https:// if the server supports it".to_owned(),
            ),
            false => (
                format!("`{name}` is not an https address"),
                "write the whole address, starting with https://".to_owned(),
            ),
        };
        findings.push(offer.found(Code::NotHttps, entry.value.span, message).help(help));
    });
}

/// The sandbox serves artifacts of this machine.
fn is_loopback(lower: &str) -> bool {
    ["http://127.0.0.1", "http://localhost", "http://[::1]"].iter().any(|start| lower.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;

    #[test]
    fn addresses_are_https() {
        let found = said(
            "offer:\n  privacyURL: http://contoso.example/privacy\n  publicAzureSupportUrl: support.contoso.example\n  fairfaxSupportUrl: \"\"\n  termsOfUse: http://contoso.example/terms\n  usefulLinks:\n    - {linkTitle: A, linkUrl: HTTP://contoso.example}\n    - {linkTitle: http, linkUrl: \"https://contoso.example\"}\n  offerMarketingUrlIdentifier: edge\n  smallLogo: http://127.0.0.1:8080/small.png\n",
        );
        assert_eq!(
            found,
            [
                "not-https 2:15 `privacyURL` is an http address; the marketplace requires https",
                "not-https 3:26 `publicAzureSupportUrl` is not an https address",
                "not-https 5:15 `termsOfUse` is an http address; the marketplace requires https",
                "not-https 7:31 `linkUrl` is an http address; the marketplace requires https",
            ]
        );
        assert_eq!(said("offer: {termsOfUse: \"Be kind.\"}"), Vec::<String>::new());
    }
}
