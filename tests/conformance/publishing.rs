//! Sections 4.5 to 4.11 and 5: operations and their lifecycle.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::World;
use crate::{Row, holds, row, same};

const STEPS: [&str; 6] =
    ["displaydummycertify", "displaycertify", "displayprovision", "displaypackage", "publisher-signoff", "live"];
/// What the reference calls them.
const TITLES: [&str; 6] = [
    "Validate Pre-Requisites",
    "Certification",
    "Provisioning",
    "Packaging and Lead Generation Registration",
    "Publisher signoff",
    "Live",
];

fn status(world: &World<'_>, name: &str) -> Result<Value, String> {
    Ok(world.get(&format!("/{name}/status"))?.is(200)?.body.clone())
}

fn words(status: &Value) -> Vec<&str> {
    status["steps"].as_array().into_iter().flatten().filter_map(|step| step["status"].as_str()).collect()
}

fn submissions(world: &World<'_>, name: &str, query: &str) -> Result<Vec<Value>, String> {
    let answer = world.get(&format!("/{name}/submissions{query}"))?;
    answer.is(200)?.body.as_array().cloned().ok_or_else(|| "it is no array".to_owned())
}

pub(crate) const ROWS: &[Row] = &[
    row!("4.5a", Both, Control, "publish takes no body, an empty object, and metadata", |world| {
        for body in [None, Some("{}"), Some(r#"{"metadata": {"notification-emails": "a@contoso.example"}}"#)] {
            let (name, _) = world.created()?;
            world.ask(Method::POST, &format!("/{name}/publish"), &[], body.map(ToOwned::to_owned))?.is(202)?;
        }
        Ok(())
    }),
    row!("4.5b", Both, Control, "publish while an operation runs is 409", |world| {
        let (name, _) = world.publishing()?;
        world.post(&format!("/{name}/publish"))?.is(409).map(|_| ())
    }),
    row!("4.5c", Both, Nothing, "publish of an unknown offer is 404", |world| {
        let answer = world.post(&format!("/{}/publish", world.name()))?;
        let body = &answer.is(404)?.body;
        holds!(world.is_native() || body.as_str().is_some_and(|text| text.contains("Http404Exception")), "{body}");
        Ok(())
    }),
    row!("4.6a", Both, Control, "golive takes no body, or the metadata of publish", |world| {
        for body in [None, Some(r#"{"metadata": {"notification-emails": "a@contoso.example"}}"#)] {
            let name = world.waiting()?;
            let headers = [("Content-Type", "application/json")];
            world.ask(Method::POST, &format!("/{name}/golive"), &headers, body.map(ToOwned::to_owned))?.is(202)?;
        }
        Ok(())
    }),
    row!("4.6b", Both, Control, "golive out of turn is refused", |world| {
        let (name, _) = world.created()?;
        let early = world.post(&format!("/{name}/golive"))?.status;
        holds!((400..500).contains(&early), "{early}");
        let (name, _) = world.publishing()?;
        let early = world.post(&format!("/{name}/golive"))?.status;
        holds!((400..500).contains(&early), "{early}");
        Ok(())
    }),
    row!("4.7", Both, Control, "cancel answers 202 and takes effect later", |world| {
        let (name, _) = world.publishing()?;
        world.post(&format!("/{name}/cancel"))?.is(202)?;
        same!(submissions(world, &name, "")?[0]["submissionState"], "running");
        world.steps(1)?;
        same!(submissions(world, &name, "")?[0]["submissionState"], "canceled");
        same!(status(world, &name)?["status"], "canceled");
        world.post(&format!("/{name}/publish"))?.is(202).map(|_| ())
    }),
    row!("4.8", Both, Control, "Location and Operation-Location are one relative link, used as it stands", |world| {
        let (name, publish) = world.publishing()?;
        let link = publish.header("location").ok_or("no Location")?;
        same!(publish.header("operation-location"), Some(link));
        let start = if world.is_native() {
            format!("/api/operations/{}${name}$1$preview?", world.publisher)
        } else {
            format!("/api/publishers/{}/offers/{name}/operations/", world.publisher)
        };
        holds!(link.starts_with(&start) && link.ends_with("?api-version=2017-10-31"), "{link}");
        world.ask_at(Method::GET, link, &[], None)?.is(200)?;
        let slash = link.replace("?api", "/?api");
        world.ask_at(Method::GET, &slash, &[], None)?.is(200).map(|_| ())
    }),
    row!("4.9", Both, Control, "an operation is an object with these members", |world| {
        let (_, publish) = world.publishing()?;
        let answer = world.ask_at(Method::GET, publish.header("location").ok_or("no Location")?, &[], None)?;
        let operation = &answer.is(200)?.body;
        same!((&operation["status"], &operation["cancellationRequestState"]), (&json!("running"), &json!("canCancel")));
        for key in ["messages", "steps", "previewLinks", "liveLinks"] {
            holds!(operation[key].is_array(), "{key} of {operation}");
        }
        holds!(operation["publishingVersion"].is_i64() && operation["offerVersion"].is_i64(), "{operation}");
        same!(operation.get("notificationEmails").is_some(), world.is_native());
        Ok(())
    }),
    row!("4.10a", Both, Control, "submissions are newest first, with these members", |world| {
        let name = world.live()?;
        let list = submissions(world, &name, "")?;
        same!((&list[0]["slot"], &list[1]["slot"]), (&json!("production"), &json!("staging")));
        for key in ["id", "offerId", "offerTypeId", "publisherId", "changedTime"] {
            holds!(list[0][key].is_string(), "{key} of {}", list[0]);
        }
        same!(list[0]["submissionType"], "publish");
        same!(list[1]["definition"]["metadata"]["emails"], "a@contoso.example,b@contoso.example");
        Ok(())
    }),
    row!("4.10b", Both, Control, "submissions are filtered by submissionState and by status", |world| {
        let (name, _) = world.publishing()?;
        for parameter in ["submissionState", "status"] {
            same!(submissions(world, &name, &format!("?{parameter}=running"))?.len(), 1);
            same!(submissions(world, &name, &format!("/?{parameter}=succeeded"))?.len(), 0);
        }
        Ok(())
    }),
    row!("4.10c", Both, Control, "the words of submissions are those that strict clients know", |world| {
        let known = ["notStarted", "running", "completed", "succeeded", "canceled", "failed"];
        let (running, _) = world.publishing()?;
        for name in [running, world.live()?] {
            for submission in submissions(world, &name, "")? {
                let word = submission["submissionState"].as_str().unwrap_or_default();
                holds!(known.contains(&word), "{word}");
                holds!(matches!(submission["slot"].as_str(), Some("staging" | "production")), "{submission}");
            }
        }
        Ok(())
    }),
    row!("4.11a", Both, Control, "status names the documented steps in their order", |world| {
        let (name, _) = world.publishing()?;
        let status = status(world, &name)?;
        let steps = status["steps"].as_array().cloned().unwrap_or_default();
        let ids = steps.iter().filter_map(|step| step["id"].as_str()).collect::<Vec<_>>();
        same!(ids, STEPS);
        for key in ["estimatedTimeFrame", "stepName", "description", "status"] {
            holds!(steps[0][key].is_string(), "{key} of {}", steps[0]);
        }
        holds!(steps[0]["progressPercentage"].is_i64() && steps[0]["messages"].is_array(), "{}", steps[0]);
        let message = &steps[0]["messages"][0];
        holds!(message["messageHtml"].is_string() && message["level"].is_string(), "{message}");
        same!(status["publishingVersion"], json!(1));
        same!(status["notificationEmails"], "a@contoso.example,b@contoso.example");
        Ok(())
    }),
    row!("4.11b", Both, Control, "stepName is a title natively and the id once migrated", |world| {
        let (name, _) = world.publishing()?;
        let steps = status(world, &name)?["steps"].as_array().cloned().unwrap_or_default();
        let names = steps.iter().filter_map(|step| step["stepName"].as_str()).collect::<Vec<_>>();
        same!(names, if world.is_native() { TITLES } else { STEPS });
        Ok(())
    }),
    row!("5.1", Both, Control, "PUT leaves the status of the offer as it was", |world| {
        let name = world.live()?;
        world.put(&name, Some("*"), &world.document(&name, "Two"))?.is(200)?;
        same!(world.get(&format!("/{name}"))?.body["status"], "succeeded");
        Ok(())
    }),
    row!("5.2", Both, Control, "steps go on one by one", |world| {
        let (name, _) = world.publishing()?;
        for done in 0..4 {
            let status = status(world, &name)?;
            same!(status["status"], "running");
            let words = words(&status);
            same!(words.iter().filter(|word| **word == "complete").count(), done);
            same!((words[done], words[5]), ("inProgress", "notStarted"));
            world.steps(1)?;
        }
        Ok(())
    }),
    row!("5.3", Both, Control, "at the sign-off the step waits, status still runs, and the offer says so", |world| {
        let name = world.waiting()?;
        let status = status(world, &name)?;
        same!((&status["status"], words(&status)[4]), (&json!("running"), "waitingForPublisherReview"));
        same!(world.get(&format!("/{name}"))?.body["status"], "waitingForPublisherReview");
        world.get(&format!("/{name}/slot/preview"))?.is(200).map(|_| ())
    }),
    row!("5.4", Both, Control, "golive ends with status succeeded and the live step complete", |world| {
        let name = world.live()?;
        let status = status(world, &name)?;
        same!((&status["status"], words(&status)[5]), (&json!("succeeded"), "complete"));
        world.get(&format!("/{name}/slot/production"))?.is(200).map(|_| ())
    }),
    row!("5.5", Both, Control, "a publish without a change has its sign-off complete at once", |world| {
        let name = world.live()?;
        world.post(&format!("/{name}/publish"))?.is(202)?;
        let status = status(world, &name)?;
        same!((&status["status"], words(&status)[4]), (&json!("succeeded"), "complete"));
        Ok(())
    }),
    row!("5.6", Both, Control, "publishingVersion rises with a publish, and drops when it is rejected", |world| {
        let name = world.live()?;
        world.put(&name, Some("*"), &world.document(&name, "Two"))?.is(200)?;
        let failing = json!({"route": "publish", "times": 1, "offer": format!("{}/{name}", world.publisher),
            "fail": {"step": "displaycertify", "status": "rejected"}});
        world.fault(&failing)?;
        world.post(&format!("/{name}/publish"))?.is(202)?;
        same!(status(world, &name)?["publishingVersion"], json!(2));
        world.steps(2)?;
        let status = status(world, &name)?;
        same!((&status["publishingVersion"], &status["status"]), (&json!(1), &json!("failed")));
        same!(words(&status)[1], "rejected");
        Ok(())
    }),
    row!("5.7", Both, Control, "one operation at a time: golive and publish during golive are refused", |world| {
        let name = world.waiting()?;
        world.post(&format!("/{name}/golive"))?.is(202)?;
        world.post(&format!("/{name}/publish"))?.is(409)?;
        let second = world.post(&format!("/{name}/golive"))?.status;
        holds!((400..500).contains(&second), "{second}");
        Ok(())
    }),
];
