//! Sections 1 to 3: transport, signing in, every route.

use reqwest::Method;
use serde_json::json;

use crate::world::World;
use crate::{Row, holds, own_row, row, same};

const HEADERS: &[&str] = &[
    "cache-control",
    "content-type",
    "date",
    "expires",
    "pragma",
    "server",
    "vary",
    "x-aspnet-version",
    "x-content-type-options",
    "x-ms-correlation-request-id",
    "x-powered-by",
];

pub(crate) const ROWS: &[Row] = &[
    row!("1.1", Both, Nothing, "api-version missing or unknown answers 400 InvalidAPIVersion with a list", |world| {
        for query in ["", "?api-version=", "?api-version=2016-08-01-preview", "?api-version=1"] {
            let target = format!("/api/publishers/{}/offers{query}", world.publisher);
            let answer = world.raw(Method::GET, &target, &[("Authorization", "Bearer t")], None)?;
            if answer.status == 401 {
                // The token comes first where it is demanded.
                let target = format!("{target}{}&api-version=x", if query.is_empty() { "?a=b" } else { "" });
                let answer = world.ask_at(Method::GET, &target, &[], None)?;
                same!(answer.is(400)?.body["error"]["code"], "InvalidAPIVersion");
                continue;
            }
            same!(answer.is(400)?.body["error"]["code"], "InvalidAPIVersion");
            let message = answer.body["error"]["message"].as_str().unwrap_or_default();
            holds!(message.contains('[') && message.contains(']'), "no list in {message}");
        }
        Ok(())
    }),
    row!("1.2", Both, Nothing, "answers carry the documented headers, each with its own correlation id", |world| {
        let (first, second) = (world.get("")?, world.get("")?);
        for name in HEADERS {
            holds!(first.header(name).is_some(), "no {name}");
        }
        let id = "x-ms-correlation-request-id";
        holds!(first.header(id) != second.header(id), "one id twice");
        same!(first.header("content-type"), Some("application/json; charset=utf-8"));
        Ok(())
    }),
    row!("1.3", Both, Nothing, "bodies come in chunks, without a length, and compressed when asked", |world| {
        let (name, _) = world.created()?;
        let plain = world.get(&format!("/{name}"))?;
        same!(plain.header("content-length"), None);
        same!(plain.header("transfer-encoding"), Some("chunked"));
        let packed = world.ask(Method::GET, &format!("/{name}"), &[("Accept-Encoding", "gzip")], None)?;
        same!(packed.header("content-encoding"), Some("gzip"));
        Ok(())
    }),
    row!("1.4", Both, Nothing, "a trailing slash before the query changes nothing", |world| {
        let (name, _) = world.created()?;
        for rest in ["", "/status", "/submissions", "/operations", "/slot/draft"] {
            let with = world.get(&format!("/{name}{rest}/"))?;
            same!(with.is(200)?.body, world.get(&format!("/{name}{rest}"))?.body);
        }
        world.get("/")?.is(200)?;
        world.ask_at(Method::GET, "/api/publishers/", &[], None)?.is(200).map(|_| ())
    }),
    row!("1.4b", Both, Nothing, "percent-encoded unreserved characters are the same path", |world| {
        let (name, _) = world.created()?;
        let document = world.get(&format!("/{name}"))?.body;
        same!(world.get(&format!("/{}", name.replace('c', "%63")))?.is(200)?.body, document);
        let publisher = format!("%{:02x}{}", world.publisher.as_bytes()[0], &world.publisher[1..]);
        for target in [
            format!("/api/publishers/{publisher}/offers/{name}"),
            format!("/%61pi/publishers/{}/%6Fffers/{name}/slot/dr%61ft", world.publisher),
        ] {
            same!(world.ask_at(Method::GET, &target, &[], None)?.is(200)?.body, document);
        }
        Ok(())
    }),
    row!("1.5", Both, Nothing, "includeAllPricing and other parameters are tolerated", |world| {
        let (name, _) = world.created()?;
        world.get(&format!("/{name}?includeAllPricing=true"))?.is(200).map(|_| ())
    }),
    row!("1.6", Both, Nothing, "there is no DELETE", |world| {
        let (name, _) = world.created()?;
        let answer = world.ask(Method::DELETE, &format!("/{name}"), &[], None)?;
        holds!(matches!(answer.status, 404 | 405), "{}", answer.status);
        world.get(&format!("/{name}"))?.is(200).map(|_| ())
    }),
    row!("1.7", Both, Nothing, "the $filter of offers by type is honoured", |world| {
        let (name, _) = world.created()?;
        let ids = |filter: &str| -> Result<Vec<String>, String> {
            let list = world.get(&format!("?$filter=offerTypeId%20eq%20'{filter}'"))?;
            let items = list.is(200)?.body.as_array().cloned().unwrap_or_default();
            Ok(items.iter().filter_map(|item| item["id"].as_str().map(ToOwned::to_owned)).collect())
        };
        holds!(ids("microsoft-azure-virtualmachines")?.contains(&name), "the offer is missing");
        holds!(!ids("microsoft-azure-saas")?.contains(&name), "the offer is of another type");
        Ok(())
    }),
    row!("2.1", Both, Nothing, "a request without a token answers 401 with a top-level Message", |world| {
        let target = format!("/api/publishers/{}/offers?api-version=2017-10-31", world.publisher);
        let answer = world.raw(Method::GET, &target, &[], None)?;
        let answer = answer.is(401)?;
        holds!(answer.body["Message"].is_string() && answer.body.get("error").is_none(), "{}", answer.text);
        Ok(())
    }),
    row!("2.2", Both, Nothing, "a publisher that the caller has no part in answers 403 Forbidden", |world| {
        let answer = world.ask_at(Method::GET, "/api/publishers/nobody-we-know/offers", &[], None)?;
        same!(answer.is(403)?.body["error"]["code"], "Forbidden");
        let offer = "/api/publishers/nobody-we-know/offers/conformance";
        let body = json!({"offerTypeId": "microsoft-azure-virtualmachines", "definition": {}}).to_string();
        for (method, path, body) in [
            (Method::PUT, offer.to_owned(), Some(body)),
            (Method::GET, format!("{offer}/status"), None),
            (Method::POST, format!("{offer}/publish"), None),
        ] {
            world.ask_at(method, &path, &[("Content-Type", "application/json")], body)?.is(403)?;
        }
        Ok(())
    }),
    row!("2.3", Both, Control, "version 1 tokens come for a form, URL-encoded or multipart", |world| {
        let parts = [
            ("grant_type", "client_credentials"),
            ("client_id", "app"),
            ("client_secret", "s3cret"),
            ("resource", "https://cloudpartner.azure.com"),
        ];
        let multipart = parts
            .map(|(name, value)| format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"));
        let encoded = parts.map(|(name, value)| format!("{name}={value}")).join("&");
        for (media, body) in [
            ("application/x-www-form-urlencoded", encoded),
            ("multipart/form-data; boundary=XX", format!("{}--XX--\r\n", multipart.concat())),
        ] {
            let answer = world.raw(Method::POST, "/t/oauth2/token", &[("Content-Type", media)], Some(body))?;
            holds!(answer.is(200)?.body["access_token"].is_string(), "{}", answer.text);
            holds!(answer.body["expires_on"].is_string(), "{}", answer.text);
        }
        Ok(())
    }),
    row!("2.4", Both, Control, "version 2 tokens come for a scope, after the configuration says where", |world| {
        let where_ = world.raw(Method::GET, "/t/v2.0/.well-known/openid-configuration", &[], None)?;
        let endpoint = where_.is(200)?.body["token_endpoint"].as_str().unwrap_or_default().to_owned();
        holds!(endpoint.ends_with("/t/oauth2/v2.0/token"), "{endpoint}");
        let body = "client_id=app&client_secret=s3cret&grant_type=client_credentials&client_info=1\
                    &scope=https%3A%2F%2Fcloudpartner.azure.com%2F.default";
        let answer = world.raw(Method::POST, "/t/oauth2/v2.0/token", &[], Some(body.to_owned()))?;
        holds!(answer.is(200)?.body["access_token"].is_string(), "{}", answer.text);
        Ok(())
    }),
    own_row!("2.5", Both, [], "a token for another audience, or one that is too old, answers 401", |world| {
        let form = "grant_type=client_credentials&client_id=app&client_secret=s3cret&resource=";
        let use_of = |asked: &World<'_>, resource: &str| -> Result<u16, String> {
            let answer = asked.raw(Method::POST, "/t/oauth2/token", &[], Some(format!("{form}{resource}")))?;
            let bearer = format!("Bearer {}", answer.body["access_token"].as_str().unwrap_or_default());
            let target = "/api/publishers?api-version=2017-10-31";
            Ok(asked.raw(Method::GET, target, &[("Authorization", &bearer)], None)?.status)
        };
        same!(use_of(world, "https://graph.microsoft.com")?, 401);
        same!(use_of(world, "https://cloudpartner.azure.com")?, 200);
        world.steps(24 * 366)?;
        world.ask_at(Method::GET, "/api/publishers", &[], None)?.is(401).map(|_| ())
    }),
    own_row!("2.6", Both, [], "a wrong secret answers 401 invalid_client, AADSTS7000215", |world| {
        let body = "grant_type=client_credentials&client_id=app&client_secret=wrong&resource=x";
        let answer = world.raw(Method::POST, "/t/oauth2/token", &[], Some(body.to_owned()))?;
        same!(answer.is(401)?.body["error"], "invalid_client");
        holds!(answer.text.contains("AADSTS7000215"), "{}", answer.text);
        Ok(())
    }),
    row!("3.1", Both, Nothing, "GET publishers: version, id, displayText, offerTypeCategories, sellerId", |world| {
        let answer = world.ask_at(Method::GET, "/api/publishers", &[], None)?;
        let list = answer.is(200)?.body.as_array().cloned().unwrap_or_default();
        let own = list.iter().find(|publisher| publisher["id"] == world.publisher.as_str()).ok_or("it is missing")?;
        let definition = &own["definition"];
        holds!(own["version"].is_i64() && definition["displayText"].is_string(), "{own}");
        holds!(definition["offerTypeCategories"].is_array() && definition["sellerId"].is_i64(), "{own}");
        Ok(())
    }),
    row!("3.2", Both, Nothing, "GET offerTypes answers 200 (its form is not established)", |world| {
        world.ask_at(Method::GET, "/api/offerTypes", &[], None)?.is(200).map(|_| ())
    }),
    row!("3.3", Both, Control, "every read of section 3 answers 200", |world| {
        let (name, publish) = world.publishing()?;
        let version = world.get(&format!("/{name}"))?.body["version"].clone();
        for rest in [
            "",
            &format!("/{name}"),
            &format!("/{name}/versions/{version}"),
            &format!("/{name}/slot/draft"),
            &format!("/{name}/status"),
            &format!("/{name}/submissions"),
            &format!("/{name}/operations"),
        ] {
            world.get(rest)?.is(200).map_err(|error| format!("{rest}: {error}"))?;
        }
        let link = publish.header("location").ok_or("no Location")?;
        world.ask_at(Method::GET, link, &[], None)?.is(200).map(|_| ())
    }),
    row!("3.4", Both, Control, "POST publish, golive and cancel answer 202", |world| {
        let name = world.waiting()?;
        world.post(&format!("/{name}/golive"))?.is(202)?;
        let (other, _) = world.publishing()?;
        world.post(&format!("/{other}/cancel"))?.is(202).map(|_| ())
    }),
    row!("3.5", Native, Control, "GET /api/operations/{publisher}${offer}${n}${slot} finds an operation", |world| {
        let (name, _) = world.publishing()?;
        for dollar in ["$", "%24"] {
            let target = ["/api/operations/", &world.publisher, dollar, &name, dollar, "1", dollar, "preview"].concat();
            let answer = world.ask_at(Method::GET, &target, &[], None)?;
            same!(answer.is(200)?.body["status"], json!("running"));
        }
        Ok(())
    }),
];
