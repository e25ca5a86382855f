//! The token endpoints of the login host, version 1 and 2, and the document that tells of them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::moment::Moment;
use super::super::reply::Reply;
use super::token::Claims;
use super::{Demand, Gate, form};

/// The host that clients sign in at.
const LOGIN: &str = "https://login.microsoftonline.com";

/// What is asked of the login host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum SignIn {
    /// A token, of version 1 (`resource`) or 2 (`scope`).
    Token {
        tenant: String,
        version: u8,
    },
    Configuration {
        tenant: String,
        version: u8,
    },
    /// Under which names the login host is known.
    Instances,
}

impl SignIn {
    /// Reads the path of a request.
    pub(in super::super) fn of(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let (tenant, rest) = parts.split_first().filter(|(tenant, _)| is_tenant(tenant))?;
        let tenant = (*tenant).to_owned();
        match rest {
            ["oauth2", "token"] => Some(Self::Token { tenant, version: 1 }),
            ["oauth2", "v2.0", "token"] => Some(Self::Token { tenant, version: 2 }),
            [".well-known", "openid-configuration"] => Some(Self::Configuration { tenant, version: 1 }),
            ["v2.0", ".well-known", "openid-configuration"] => Some(Self::Configuration { tenant, version: 2 }),
            ["discovery", "instance"] => Some(Self::Instances),
            _ => None,
        }
    }
}

/// A tenant's id or one of its domains.
fn is_tenant(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
        && !matches!(text, "api" | "_sandbox" | "prodcontent")
}

/// Which of the two addresses of the sandbox the caller uses. Links name one or the other, never what the caller says.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Hosts<'a> {
    /// Through the proxy: the host that is played, with its scheme.
    pub(in super::super) tunnel: Option<&'a str>,
    /// The `Host` header.
    pub(in super::super) asked: Option<&'a str>,
    pub(in super::super) own: &'a str,
}

impl<'a> Hosts<'a> {
    fn base(self) -> &'a str {
        if let Some(played) = self.tunnel {
            return played;
        }
        let asked = self.asked.unwrap_or_default();
        if asked.to_ascii_lowercase().starts_with("login.microsoft") { LOGIN } else { self.own }
    }
}

/// A request to the login host.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Form<'a> {
    pub(in super::super) method: &'a str,
    pub(in super::super) content_type: Option<&'a str>,
    pub(in super::super) body: &'a [u8],
}

/// Answers the login host's routes.
pub(in super::super) fn sign_in(gate: &Gate, ask: &SignIn, form: Form<'_>, hosts: Hosts<'_>, now: i64) -> Reply {
    match (ask, form.method) {
        (SignIn::Configuration { tenant, version }, "GET") => Reply::json(200, configuration(tenant, *version, hosts)),
        (SignIn::Instances, "GET") => Reply::json(200, instances(hosts)),
        (SignIn::Token { tenant, version }, "POST") => {
            let fields = form::fields(form.content_type, form.body);
            match token(gate, tenant, *version, &fields, now) {
                Ok(body) => Reply::json(200, body),
                Err(refused) => refused.reply(now),
            }
        }
        _ => Refused(405, "invalid_request", 900_561, "The endpoint does not take this method.".to_owned()).reply(now),
    }
}

/// A refusal: status, the two codes, what is said.
struct Refused(u16, &'static str, u32, String);

impl Refused {
    fn reply(self, now: i64) -> Reply {
        let Self(status, error, code, message) = self;
        Reply::json(
            status,
            json!({
                "error": error,
                "error_description": format!("AADSTS{code}: {message}"),
                "error_codes": [code],
                "timestamp": Moment::at(now).long(),
            }),
        )
    }
}

fn token(
    gate: &Gate,
    tenant: &str,
    version: u8,
    fields: &BTreeMap<String, String>,
    now: i64,
) -> Result<Value, Refused> {
    let field = |name: &str| fields.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let needed = |name: &str| {
        let message = format!("The request body must contain the following parameter: '{name}'.");
        field(name).ok_or(Refused(400, "invalid_request", 900_144, message))
    };
    let grant = needed("grant_type")?;
    if grant != "client_credentials" {
        let message = format!("The sandbox does not serve the grant type '{grant}'.");
        return Err(Refused(400, "unsupported_grant_type", 70_003, message));
    }
    let id = needed("client_id")?;
    check_client(gate, id, field("client_secret"), field("client_assertion"))?;
    let audience = if version == 1 { field("resource").unwrap_or_default() } else { scope(needed("scope")?)? };
    let issued = now.div_euclid(1_000);
    let expires = issued.saturating_add(gate.lifetime);
    let claims =
        Claims { audience: audience.to_owned(), tenant: tenant.to_owned(), client: id.to_owned(), issued, expires };
    let token = match &gate.demand {
        Demand::Fixed(token) => token.clone(),
        _ => claims.write(&gate.key),
    };
    let lifetime = gate.lifetime;
    Ok(if version == 1 {
        json!({
            "token_type": "Bearer",
            "expires_in": lifetime.to_string(),
            "ext_expires_in": lifetime.to_string(),
            "expires_on": expires.to_string(),
            "not_before": issued.to_string(),
            "resource": audience,
            "access_token": token,
        })
    } else {
        json!({"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime, "access_token": token})
    })
}

/// The resource of a scope that ends in `/.default`.
fn scope(scope: &str) -> Result<&str, Refused> {
    let mut scopes = scope.split_whitespace().filter_map(|scope| scope.strip_suffix("/.default"));
    scopes.next().ok_or_else(|| {
        let message = format!("The scope '{scope}' is not valid: it should end in '/.default'.");
        Refused(400, "invalid_scope", 1_002_012, message)
    })
}

fn check_client(gate: &Gate, id: &str, secret: Option<&str>, assertion: Option<&str>) -> Result<(), Refused> {
    let known = gate.clients.iter().find(|client| client.id.eq_ignore_ascii_case(id));
    match (known, secret) {
        (None, _) if !gate.clients.is_empty() => {
            let message = format!("Application with identifier '{id}' was not found in the directory.");
            Err(Refused(400, "unauthorized_client", 700_016, message))
        }
        (Some(client), Some(secret)) if client.secret != secret => {
            let message = "Invalid client secret provided.".to_owned();
            Err(Refused(401, "invalid_client", 7_000_215, message))
        }
        (_, None) if assertion.is_none() => {
            let message = "The request body must contain 'client_assertion' or 'client_secret'.".to_owned();
            Err(Refused(401, "invalid_client", 7_000_218, message))
        }
        _ => Ok(()),
    }
}

fn configuration(tenant: &str, version: u8, hosts: Hosts<'_>) -> Value {
    let base = hosts.base();
    let (issuer, folder) = if version == 1 {
        (format!("https://sts.windows.net/{tenant}/"), format!("{base}/{tenant}/oauth2"))
    } else {
        (format!("{base}/{tenant}/v2.0"), format!("{base}/{tenant}/oauth2/v2.0"))
    };
    json!({
        "issuer": issuer,
        "token_endpoint": format!("{folder}/token"),
        "authorization_endpoint": format!("{folder}/authorize"),
        "jwks_uri": format!("{base}/{tenant}/discovery/keys"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
        "response_types_supported": ["code", "id_token", "token"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid"],
        "tenant_region_scope": null,
        "cloud_instance_name": "microsoftonline.com",
    })
}

/// The login host's names, for clients that cache tokens by host.
fn instances(hosts: Hosts<'_>) -> Value {
    let names = ["login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"];
    json!({
        "tenant_discovery_endpoint": format!("{}/common/v2.0/.well-known/openid-configuration", hosts.base()),
        "api-version": "1.1",
        "metadata": [{"preferred_network": names[0], "preferred_cache": names[1], "aliases": names}],
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::reply::Body;
    use super::super::token::Key;
    use super::super::{AUDIENCE, Reach};
    use super::*;

    const HOSTS: Hosts<'_> = Hosts { tunnel: None, asked: Some("127.0.0.1:1"), own: "http://127.0.0.1:1" };

    fn gate(demand: Demand, clients: &[&str]) -> Gate {
        let clients = clients.iter().map(|text| text.parse().expect("a client")).collect();
        Gate { demand, clients, lifetime: 60, key: Key::new("salt") }
    }

    fn ask(gate: &Gate, path: &str, body: &str) -> (u16, Value) {
        let ask = SignIn::of(path).expect("a route");
        let form = Form { method: "POST", content_type: None, body: body.as_bytes() };
        let reply = sign_in(gate, &ask, form, HOSTS, 10_000);
        let Body::Json(body) = reply.body else { panic!("no JSON") };
        (reply.status, body)
    }

    #[test]
    fn both_versions_give_a_token_for_what_is_asked() {
        let gate = gate(Demand::Issued, &[]);
        let form = format!("grant_type=client_credentials&client_id=app&client_secret=s&resource={AUDIENCE}");
        let (status, first) = ask(&gate, "/contoso.example/oauth2/token", &form);
        assert_eq!((status, &first["expires_in"], &first["expires_on"]), (200, &json!("60"), &json!("70")));
        let form = format!("grant_type=client_credentials&client_id=app&client_secret=s&scope={AUDIENCE}/.default");
        let (status, second) = ask(&gate, "/some-tenant/oauth2/v2.0/token/", &form);
        assert_eq!((status, &second["expires_in"]), (200, &json!(60)));
        for token in [&first, &second] {
            let bearer = format!("Bearer {}", token["access_token"].as_str().expect("a token"));
            assert_eq!(gate.admit(Some(&bearer), 69_999), Ok(Reach::All));
            assert!(gate.admit(Some(&bearer), 70_000).is_err());
        }
    }

    #[test]
    fn what_is_wrong_has_the_codes_of_the_login_host() {
        let strict = gate(Demand::Issued, &["app:right"]);
        let cases = [
            ("", 400, "invalid_request", "AADSTS900144"),
            ("grant_type=password", 400, "unsupported_grant_type", "AADSTS70003"),
            ("grant_type=client_credentials", 400, "invalid_request", "'client_id'"),
            ("grant_type=client_credentials&client_id=app", 401, "invalid_client", "AADSTS7000218"),
            ("grant_type=client_credentials&client_id=app&client_secret=w", 401, "invalid_client", "AADSTS7000215"),
            ("grant_type=client_credentials&client_id=x&client_secret=w", 400, "unauthorized_client", "AADSTS700016"),
        ];
        for (form, status, error, said) in cases {
            let (got, body) = ask(&strict, "/t/oauth2/token", form);
            assert_eq!((got, body["error"].as_str()), (status, Some(error)), "{form}");
            assert!(body["error_description"].as_str().is_some_and(|text| text.contains(said)), "{form}: {body}");
        }
        let form = "grant_type=client_credentials&client_id=app&client_secret=right&scope=openid";
        assert_eq!(ask(&strict, "/t/oauth2/v2.0/token", form).1["error"], "invalid_scope");
    }

    #[test]
    fn a_fixed_token_is_what_everyone_gets() {
        let fixed = gate(Demand::Fixed("word".to_owned()), &[]);
        let form = "grant_type=client_credentials&client_id=app&client_assertion=a.b.c";
        assert_eq!(ask(&fixed, "/t/oauth2/token", form).1["access_token"], "word");
    }

    #[test]
    fn the_configuration_leads_to_the_address_that_is_used() {
        let endpoint = |asked: &str| {
            let hosts = Hosts { tunnel: None, asked: Some(asked), ..HOSTS };
            let ask = SignIn::of("/t/v2.0/.well-known/openid-configuration").expect("a route");
            let form = Form { method: "GET", content_type: None, body: b"" };
            match sign_in(&gate(Demand::AnyToken, &[]), &ask, form, hosts, 0).body {
                Body::Json(body) => body["token_endpoint"].as_str().expect("a text").to_owned(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(endpoint("127.0.0.1:1"), "http://127.0.0.1:1/t/oauth2/v2.0/token");
        assert_eq!(endpoint("Login.MicrosoftOnline.com"), "https://login.microsoftonline.com/t/oauth2/v2.0/token");
        assert_eq!(endpoint("elsewhere.example"), "http://127.0.0.1:1/t/oauth2/v2.0/token", "never what is said");
    }

    #[test]
    fn other_paths_are_not_the_login_hosts() {
        for path in ["/api/oauth2/token", "/t", "/t/oauth2", "/t/oauth2/v3.0/token", "/", "/t%2F/oauth2/token"] {
            assert_eq!(SignIn::of(path), None, "{path}");
        }
    }
}
