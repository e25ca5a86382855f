//! Section 10: every quirk by its number. What the default already shows is asked above; here are the switches, and what
//! is no matter of the portal.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Verdict, World};
use crate::{Needs, On, Row, holds, own_row, row, same};

/// A quirk that concerns clients only.
const fn of_clients(id: &'static str, says: &'static str) -> Row {
    Row {
        id,
        says,
        on: On::Both,
        needs: Needs::Nothing,
        check: |_| Verdict::NotAsked("a matter of clients".to_owned()),
    }
}

const LEGACY: &str = "microsoft-azure-corevm.legacyPublisherId";

/// A core VM offer that is not there yet, with a key that the portal adds.
fn core_vm(world: &World<'_>) -> (String, Value) {
    let name = world.name();
    let body = json!({"publisherId": world.publisher, "id": name, "offerTypeId": "microsoft-azure-corevm",
        "definition": {"offer": {LEGACY: ""}, "plans": [{"planId": "p"}]}});
    (name, body)
}

fn operation(world: &World<'_>, link: &str) -> Result<Value, String> {
    Ok(world.ask_at(Method::GET, link, &[], None)?.is(200)?.body.clone())
}

pub(crate) const ROWS: &[Row] = &[
    own_row!("10.1", Native, [("create-answers-200", "true")], "create can answer 200 natively too", |world| {
        same!(world.created()?.1.status, 200);
        Ok(())
    }),
    own_row!(
        "10.2a",
        Native,
        [("missing-if-match", "conflict")],
        "an update without If-Match can be 409 InvalidResourceId",
        |world| {
            let (name, _) = world.created()?;
            let answer = world.put(&name, None, &world.document(&name, "Two"))?;
            same!(answer.is(409)?.body["error"]["code"], "InvalidResourceId");
            Ok(())
        }
    ),
    row!("10.2b", Native, Nothing, "an update without If-Match is 400", |world| {
        let (name, _) = world.created()?;
        world.put(&name, None, &world.document(&name, "Two"))?.is(400).map(|_| ())
    }),
    own_row!(
        "10.2c",
        Migrated,
        [("mixture-2020", "conflict")],
        "the mixture of 2020: 409 InvalidResourceId, ETag on PUT alone",
        |world| {
            let (name, created) = world.created()?;
            holds!(created.header("etag").is_some(), "no ETag on PUT");
            same!(world.get(&format!("/{name}"))?.header("etag"), None);
            let answer = world.put(&name, None, &world.document(&name, "Two"))?;
            same!(answer.is(409)?.body["error"]["code"], "InvalidResourceId");
            world.put(&name, Some("*"), &world.document(&name, "Two"))?.is(200).map(|_| ())
        }
    ),
    row!("10.3", Both, Nothing, "GET has an ETag natively and none once migrated", |world| {
        let (name, _) = world.created()?;
        same!(world.get(&format!("/{name}"))?.header("etag").is_some(), world.is_native());
        Ok(())
    }),
    own_row!(
        "10.4",
        Migrated,
        [("put-answers-services", "true")],
        "the answer to PUT can be a map of services",
        |world| {
            same!(world.created()?.1.body["Product"]["httpStatusCode"], "OK");
            Ok(())
        }
    ),
    own_row!(
        "10.5a",
        Both,
        [("omit-location", "true"), ("empty-post-answers", "true")],
        "an accepted POST can be empty, with Operation-Location alone",
        |world| {
            let (_, publish) = world.publishing()?;
            same!((publish.header("location"), publish.text.as_str()), (None, ""));
            holds!(publish.header("operation-location").is_some_and(|link| link.starts_with("/api/")), "no link");
            Ok(())
        }
    ),
    row!("10.5b", Both, Control, "an accepted POST answers 202 with {} and relative links", |world| {
        let (_, publish) = world.publishing()?;
        same!(
            (publish.text.as_str(), publish.header("location").is_some_and(|link| link.starts_with('/'))),
            ("{}", true)
        );
        Ok(())
    }),
    own_row!("10.6", Both, [("operation-in-array", "true")], "an operation can come in an array", |world| {
        let (_, publish) = world.publishing()?;
        same!(operation(world, publish.header("location").unwrap_or_default())?[0]["status"], "running");
        Ok(())
    }),
    row!("10.7", Both, Control, "previewLinks and liveLinks are objects with displayText and uri", |world| {
        let status = world.get(&format!("/{}/status", world.live()?))?.body;
        for links in ["previewLinks", "liveLinks"] {
            let link = &status[links][0];
            holds!(link["displayText"].is_string() && link["uri"].is_string(), "{links}: {link}");
        }
        Ok(())
    }),
    row!("10.8a", Both, Control, "publish and golive end with complete natively, succeeded once migrated", |world| {
        let word = if world.is_native() { "complete" } else { "succeeded" };
        let (name, publish) = world.publishing()?;
        let link = publish.header("location").unwrap_or_default();
        same!(operation(world, link)?["status"], "running");
        world.steps(4)?;
        // Clients wait for this word before they go live.
        same!(operation(world, link)?["status"], word);
        let golive = world.post(&format!("/{name}/golive"))?;
        let link = golive.is(202)?.header("location").unwrap_or_default();
        same!(operation(world, link)?["status"], "running");
        world.steps(1)?;
        same!(operation(world, link)?["status"], word);
        Ok(())
    }),
    own_row!(
        "10.8b",
        Both,
        [("final-word", "completed"), ("operation-ends-at-preview", "false")],
        "the publish can end at golive instead, with completed",
        |world| {
            let (name, publish) = world.publishing()?;
            let link = publish.header("location").unwrap_or_default();
            world.steps(4)?;
            same!(operation(world, link)?["status"], "running");
            world.post(&format!("/{name}/golive"))?.is(202)?;
            same!(operation(world, link)?["status"], "completed");
            Ok(())
        }
    ),
    row!("10.9", Both, Control, "a step has an id and a stepName", |world| {
        let (name, _) = world.publishing()?;
        let step = world.get(&format!("/{name}/status"))?.body["steps"][4].clone();
        same!((&step["id"], step["stepName"].is_string()), (&json!("publisher-signoff"), true));
        Ok(())
    }),
    row!("10.10", Both, Control, "status runs while the publisher is waited for", |world| {
        same!(world.get(&format!("/{}/status", world.waiting()?))?.body["status"], "running");
        Ok(())
    }),
    row!("10.11", Both, Control, "the preview is called staging in submissions", |world| {
        let (name, _) = world.publishing()?;
        same!(world.get(&format!("/{name}/submissions"))?.body[0]["slot"], "staging");
        Ok(())
    }),
    row!("10.12", Both, Control, "notification-emails of publish are emails in submissions", |world| {
        let (name, _) = world.publishing()?;
        let metadata = world.get(&format!("/{name}/submissions"))?.body[0]["definition"]["metadata"].clone();
        same!(metadata, json!({"emails": "a@contoso.example,b@contoso.example"}));
        Ok(())
    }),
    row!("10.13", Both, Control, "the version of a submission needs 64 bits", |world| {
        let (name, _) = world.publishing()?;
        let version = world.get(&format!("/{name}/submissions"))?.body[0]["version"].as_i64().unwrap_or_default();
        holds!(version > 1 << 53, "{version}");
        Ok(())
    }),
    row!("10.14", Both, Nothing, "changedTime of list items has a zone natively and none once migrated", |world| {
        let (name, _) = world.created()?;
        let items = world.get("")?.body.as_array().cloned().unwrap_or_default();
        let item = items.iter().find(|item| item["id"] == name.as_str()).ok_or("it is missing")?;
        same!(item["changedTime"].as_str().is_some_and(|time| time.ends_with('Z')), world.is_native());
        Ok(())
    }),
    row!("10.15", Both, Nothing, "usefulLinks of a VM offer are objects", |world| {
        let name = world.name();
        let links = json!([{"linkTitle": "t", "linkUrl": "https://www.contoso.example"}]);
        let mut body = world.document(&name, "One");
        body["definition"]["offer"]["microsoft-azure-marketplace.usefulLinks"] = links.clone();
        world.put(&name, None, &body)?;
        same!(
            world.get(&format!("/{name}"))?.body["definition"]["offer"]["microsoft-azure-marketplace.usefulLinks"],
            links
        );
        Ok(())
    }),
    of_clients("10.16", "a typed client drops what it does not know on PUT"),
    row!("10.17a", Native, Nothing, "a core VM offer can be written back as it was read", |world| {
        let (name, body) = core_vm(world);
        world.put(&name, None, &body)?.is(201)?;
        let read = world.get(&format!("/{name}"))?.body;
        holds!(read["definition"]["offer"][LEGACY] == "", "{read}");
        world.put(&name, Some("*"), &read)?.is(200)?;
        same!(world.get(&format!("/{name}"))?.body["definition"], read["definition"]);
        Ok(())
    }),
    row!("10.17b", Migrated, Nothing, "legacyPublisherId is readable and not writable", |world| {
        let (name, body) = core_vm(world);
        world.put(&name, None, &body)?.is(400).map(|_| ())
    }),
    own_row!("10.17c", Migrated, [("reject-legacy-ids", "false")], "before 2024 it was accepted", |world| {
        let (name, body) = core_vm(world);
        world.put(&name, None, &body)?.is(200).map(|_| ())
    }),
    own_row!("10.17d", Native, [("reject-legacy-ids", "true")], "it can be refused natively too", |world| {
        let (name, body) = core_vm(world);
        world.put(&name, None, &body)?.is(400).map(|_| ())
    }),
    own_row!(
        "10.18",
        Both,
        [("unfetchable-hosts", "github.com")],
        "a logo that cannot be fetched comes back null, without an error",
        |world| {
            let name = world.name();
            let mut body = world.document(&name, "One");
            let logo = "microsoft-azure-marketplace.smallLogo";
            body["definition"]["offer"][logo] = json!("https://github.com/contoso/logos/blob/main/small.png");
            let answer = world.put(&name, None, &body)?;
            holds!(matches!(answer.status, 200 | 201), "{}", answer.text);
            same!(world.get(&format!("/{name}"))?.body["definition"]["offer"][logo], Value::Null);
            Ok(())
        }
    ),
    row!("10.19", Both, Nothing, "categories are [] beside a categoryMap", |world| {
        let name = world.name();
        let mut body = world.document(&name, "One");
        body["definition"]["offer"]["microsoft-azure-marketplace.categoryMap"] = json!([{"categoryL1": "analytics"}]);
        world.put(&name, None, &body)?;
        same!(
            world.get(&format!("/{name}"))?.body["definition"]["offer"]["microsoft-azure-marketplace.categories"],
            json!([])
        );
        Ok(())
    }),
    row!("10.20", Both, Nothing, "keys that are misspelt are not refused", |world| {
        let name = world.name();
        let mut body = world.document(&name, "One");
        body["definition"]["plans"][0]["microsoft-azure-virtualmachines.supportsSirov"] = json!(true);
        let answer = world.put(&name, None, &body)?;
        holds!(matches!(answer.status, 200 | 201), "{}", answer.text);
        Ok(())
    }),
    row!("10.21", Both, Control, "cancel with nothing to cancel is 202", |world| {
        let (name, _) = world.created()?;
        world.post(&format!("/{name}/cancel"))?.is(202).map(|_| ())
    }),
    own_row!("10.22", Both, [("absent-secret", "cleared")], "PUT can answer 500 and say that a retry is OK", |world| {
        let (name, _) = world.created()?;
        world.fault(&json!({"route": "put", "retryIsOk": true, "times": 1}))?;
        let body = world.document(&name, "Two");
        let answer = world.put(&name, Some("*"), &body)?;
        holds!(
            answer.is(500)?.body["Variant"]["error"].as_str().is_some_and(|text| text.contains("Retry is OK")),
            "{}",
            answer.text
        );
        world.put(&name, Some("*"), &body)?.is(200).map(|_| ())
    }),
    row!("10.23a", Both, Control, "PUT while an operation runs is 409 natively, accepted once migrated", |world| {
        let (name, _) = world.publishing()?;
        let answer = world.put(&name, Some("*"), &world.document(&name, "Two"))?;
        answer.is(if world.is_native() { 409 } else { 200 }).map(|_| ())
    }),
    own_row!(
        "10.23b",
        Migrated,
        [("put-while-running", "refused")],
        "it can be 409 for migrated offers too",
        |world| {
            let (name, _) = world.publishing()?;
            world.put(&name, Some("*"), &world.document(&name, "Two"))?.is(409).map(|_| ())
        }
    ),
    own_row!("10.24", Both, [("absent-secret", "cleared")], "a GET can take long", |world| {
        let (name, _) = world.created()?;
        world.fault(&json!({"route": "offer", "latencyMs": 150, "times": 1}))?;
        let begin = std::time::Instant::now();
        world.get(&format!("/{name}"))?.is(200)?;
        holds!(begin.elapsed().as_millis() >= 150, "{:?}", begin.elapsed());
        Ok(())
    }),
    row!("10.25", Both, Nothing, "there is no PATCH", |world| {
        let (name, _) = world.created()?;
        let answer = world.ask(Method::PATCH, &format!("/{name}"), &[], Some("{}".to_owned()))?;
        holds!(matches!(answer.status, 404 | 405), "{}", answer.status);
        Ok(())
    }),
    row!("10.26", Both, Nothing, "401 has Message", |world| {
        let target = "/api/publishers?api-version=2017-10-31";
        holds!(world.raw(Method::GET, target, &[], None)?.is(401)?.body["Message"].is_string(), "no Message");
        Ok(())
    }),
    row!("10.27", Migrated, Nothing, "errors hold line ends and Windows paths", |world| {
        let text =
            world.get(&format!("/{}", world.name()))?.body["Product"]["error"].as_str().unwrap_or_default().to_owned();
        holds!(text.contains("\r\n") && text.contains(":\\"), "{text}");
        Ok(())
    }),
    row!("10.28", Both, Nothing, "$filter on the list knows one expression", |world| {
        world.get("?$filter=offerTypeId%20eq%20'x'")?.is(200).map(|_| ())
    }),
    row!("10.29", Both, Control, "publishing unchanged content still makes an operation", |world| {
        let name = world.live()?;
        let before = world.get(&format!("/{name}/submissions"))?.body.as_array().map_or(0, Vec::len);
        world.post(&format!("/{name}/publish"))?.is(202)?;
        same!(world.get(&format!("/{name}/submissions"))?.body.as_array().map_or(0, Vec::len), before + 1);
        Ok(())
    }),
];
