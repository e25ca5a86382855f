//! Tokens for an application of the directory (Microsoft Entra), by the client-credentials flow in its four proofs.
//!
//! Endpoints and fields: the v1 and v2 token endpoints of the Microsoft identity platform. v1 takes a `resource`, v2 a
//! `scope`; real clients of this API use either.

use std::path::PathBuf;

use url::Url;

use super::assertion;
use super::exchange::{Exchange, Failure, Granted};
use super::method::{AuthorityVersion, RESOURCE};
use crate::redact::Secret;

/// What a federated token for the directory is made for.
const FEDERATION_AUDIENCE: &str = "api://AzureADTokenExchange";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// An application and how it proves to be itself.
#[derive(Debug)]
pub(super) struct Application {
    pub(super) authority: Url,
    pub(super) tenant: String,
    pub(super) client: String,
    pub(super) proof: Proof,
    pub(super) version: AuthorityVersion,
}

/// What proves that we are the application.
#[derive(Debug)]
pub(super) enum Proof {
    Secret(Secret),
    /// A PEM file with a certificate and its private key.
    Certificate(PathBuf),
    /// A file with a token of an issuer that the application trusts; read anew for each exchange, since it is replaced.
    TokenFile(PathBuf),
    /// GitHub's issuer, asked anew for each exchange.
    GitHub {
        /// `ACTIONS_ID_TOKEN_REQUEST_URL`.
        url: Url,
        /// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
        token: Secret,
    },
}

impl Application {
    pub(super) async fn token(&self, exchange: &Exchange) -> Result<Granted, Failure> {
        let url = self.endpoint();
        let proof = self.proof(exchange, &url).await?;
        let mut form = vec![("grant_type", "client_credentials"), ("client_id", self.client.as_str())];
        let scope = format!("{RESOURCE}/.default");
        form.push(match self.version {
            AuthorityVersion::V1 => ("resource", RESOURCE),
            AuthorityVersion::V2 => ("scope", &scope),
        });
        match &self.proof {
            Proof::Secret(_) => form.push(("client_secret", proof.expose_secret())),
            Proof::Certificate(_) | Proof::TokenFile(_) | Proof::GitHub { .. } => {
                form.extend([("client_assertion_type", ASSERTION_TYPE), ("client_assertion", proof.expose_secret())]);
            }
        }
        exchange.post(&url, &form).await
    }

    fn endpoint(&self) -> Url {
        let mut url = self.authority.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        let rest = match self.version {
            AuthorityVersion::V1 => "oauth2/token",
            AuthorityVersion::V2 => "oauth2/v2.0/token",
        };
        url.set_path(&format!("{base}/{}/{rest}", self.tenant));
        url.set_query(None);
        url
    }

    async fn proof(&self, exchange: &Exchange, audience: &Url) -> Result<Secret, Failure> {
        match &self.proof {
            Proof::Secret(secret) => Ok(secret.clone()),
            Proof::Certificate(path) => assertion::signed(path, &self.client, audience.as_str()).map_err(Failure::here),
            Proof::TokenFile(path) => {
                let text = crate::text::read(path)
                    .map_err(|error| Failure::here(format!("cannot read {}: {error}", path.display())))?;
                Ok(Secret::from(text.trim().to_owned()))
            }
            Proof::GitHub { url, token } => {
                let mut url = url.clone();
                url.query_pairs_mut().append_pair("audience", FEDERATION_AUDIENCE);
                exchange.id_token(&url, token).await
            }
        }
    }
}
