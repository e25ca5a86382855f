//! The endpoints that clients get tokens from. Any secret will do.

use serde_json::{Value, json};

use super::portal::Call;
use super::refusal::{Refusal, Voice};
use super::reply::Reply;

/// How long a token is said to be valid, in seconds.
const LIFETIME: i64 = 3_599;

/// Answers a request for a token or for where to get one. `origin` is where the client found us.
pub(super) fn answer(call: &Call<'_>, origin: &str, token: Option<&str>) -> Reply {
    let parts: Vec<&str> = call.path.split('/').filter(|part| !part.is_empty()).collect();
    match (call.method, parts.as_slice()) {
        ("POST", [_, "oauth2", "token"] | [_, "oauth2", "v2.0", "token"]) => {
            Reply::json(200, grant(token, call.now / 1000))
        }
        ("GET", [tenant, "v2.0", ".well-known", "openid-configuration"]) => {
            Reply::json(200, configuration(origin, tenant))
        }
        ("GET", ["common", "discovery", "instance"]) => Reply::json(200, instances(origin)),
        _ => Refusal::NoSuchPath.reply(Voice::Native),
    }
}

fn grant(token: Option<&str>, now: i64) -> Value {
    json!({
        "token_type": "Bearer",
        "expires_in": LIFETIME,
        "ext_expires_in": LIFETIME,
        "expires_on": (now + LIFETIME).to_string(),
        "not_before": now.to_string(),
        "access_token": token.unwrap_or("sandbox"),
    })
}

fn configuration(origin: &str, tenant: &str) -> Value {
    json!({
        "issuer": format!("{origin}/{tenant}/v2.0"),
        "authorization_endpoint": format!("{origin}/{tenant}/oauth2/v2.0/authorize"),
        "token_endpoint": format!("{origin}/{tenant}/oauth2/v2.0/token"),
    })
}

fn instances(origin: &str) -> Value {
    let hosts = ["login.microsoftonline.com", "login.microsoft.com", "login.windows.net", "sts.windows.net"];
    json!({
        "tenant_discovery_endpoint": format!("{origin}/common/v2.0/.well-known/openid-configuration"),
        "api-version": "1.1",
        "metadata": [{"preferred_network": hosts[0], "preferred_cache": hosts[2], "aliases": hosts}],
    })
}
