//! The identity of the machine: a service beside it gives tokens to whoever runs there.

use url::Url;

use super::exchange::{Exchange, Failure, Granted};
use super::method::RESOURCE;
use crate::portal::endpoint::private_url;
use crate::redact::Secret;

/// Where a virtual machine finds the service, unless `AZURE_POD_IDENTITY_AUTHORITY_HOST` names another place.
const METADATA: &str = "http://169.254.169.254/";

/// Where to ask, and what to show there.
#[derive(Debug)]
pub(super) struct Identity {
    url: Url,
    header: &'static str,
    value: Secret,
}

impl Identity {
    /// `IDENTITY_ENDPOINT` and `IDENTITY_HEADER` (App Service, container apps), else the metadata service of virtual
    /// machines. `AZURE_CLIENT_ID` names one of several identities.
    pub(super) fn from_env(env: &dyn Fn(&str) -> Option<String>) -> Result<Self, String> {
        let (mut url, version, header, value) = match env("IDENTITY_ENDPOINT") {
            Some(endpoint) => {
                let value = env("IDENTITY_HEADER")
                    .ok_or("IDENTITY_ENDPOINT is set, but IDENTITY_HEADER is not (Azure Arc is not supported)")?;
                (near_url("IDENTITY_ENDPOINT", &endpoint)?, "2019-08-01", "x-identity-header", value)
            }
            None => {
                let host = env("AZURE_POD_IDENTITY_AUTHORITY_HOST").unwrap_or_else(|| METADATA.to_owned());
                let mut url = near_url("AZURE_POD_IDENTITY_AUTHORITY_HOST", &host)?;
                url.set_path("/metadata/identity/oauth2/token");
                (url, "2018-02-01", "metadata", "true".to_owned())
            }
        };
        url.query_pairs_mut().append_pair("api-version", version).append_pair("resource", RESOURCE);
        if let Some(client) = env("AZURE_CLIENT_ID") {
            url.query_pairs_mut().append_pair("client_id", &client);
        }
        Ok(Self { url, header, value: Secret::from(value) })
    }

    /// Whether the service is there, by its refusal of a request without the header.
    pub(super) async fn probe(&self, exchange: &Exchange) -> Result<(), Failure> {
        exchange.probe(&self.url).await
    }

    pub(super) async fn token(&self, exchange: &Exchange) -> Result<Granted, Failure> {
        exchange.get(&self.url, self.header, &self.value).await
    }
}

/// As for any secret, and link-local addresses besides: they do not leave the machine's own link, and Azure's own
/// services are there.
fn near_url(name: &str, text: &str) -> Result<Url, String> {
    let local = Url::parse(text).ok().filter(|url| match url.host() {
        Some(url::Host::Ipv4(address)) => url.scheme() == "http" && address.is_link_local(),
        _ => false,
    });
    local.map_or_else(|| private_url(name, text), Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(variables: &[(&str, &str)]) -> Result<String, String> {
        let env = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Identity::from_env(&env).map(|identity| identity.url.to_string())
    }

    #[test]
    fn the_two_services_are_asked_in_their_own_form() {
        assert_eq!(
            url(&[]).as_deref(),
            Ok(
                "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fcloudpartner.azure.com"
            )
        );
        let app_service = url(&[
            ("IDENTITY_ENDPOINT", "http://169.254.129.3:8081/msi/token"),
            ("IDENTITY_HEADER", "h"),
            ("AZURE_CLIENT_ID", "c"),
        ]);
        assert_eq!(
            app_service.as_deref(),
            Ok(
                "http://169.254.129.3:8081/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fcloudpartner.azure.com&client_id=c"
            )
        );
    }

    #[test]
    fn the_header_goes_nowhere_else_in_clear_text() {
        let at = |endpoint: &str| url(&[("IDENTITY_ENDPOINT", endpoint), ("IDENTITY_HEADER", "h")]);
        assert!(at("http://127.0.0.1:9/msi").is_ok());
        assert!(at("http://identity.example/msi").is_err());
        assert!(at("http://10.0.0.1/msi").is_err());
        assert!(url(&[("IDENTITY_ENDPOINT", "http://127.0.0.1:9")]).is_err());
    }
}
