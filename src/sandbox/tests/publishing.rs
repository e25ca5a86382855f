//! Publishing, from the first step to production.

use super::super::switches::{FinalWord, Refuses};
use super::*;

#[test]
fn native_publishing_from_draft_to_production() {
    let mut world = drafted(Profile::Native);
    let publish = world.send(
        "POST",
        "/publishers/contoso/offers/vm/publish",
        None,
        br#"{"metadata":{"notification-emails":"a@contoso.example,b@contoso.example"}}"#,
    );
    let link = "/api/operations/contoso$vm$1$preview?api-version=2017-10-31";
    assert_eq!((publish.status, &publish.body), (202, &json!({})));
    assert_eq!((publish.header("Location"), publish.header("Operation-Location")), (Some(link), Some(link)));
    assert_eq!(world.get("").body["status"], "running");
    assert_eq!(world.steps(), ["inProgress", "notStarted", "notStarted", "notStarted", "notStarted", "notStarted"]);

    world.now += 2 * STEP + STEP / 4;
    let status = world.get("/status").body;
    assert_eq!((&status["steps"][2]["progressPercentage"], &status["previewLinks"]), (&json!(25), &json!([])));
    assert_eq!(world.get("/slot/preview").status, 404, "not yet");
    let operation = world.send("GET", "/operations/contoso$vm$1$preview", None, b"").body;
    assert_eq!(
        (&operation["status"], &operation["cancellationRequestState"]),
        (&json!("running"), &json!("canCancel"))
    );

    world.now += 2 * STEP;
    assert_eq!(world.get("/slot/preview").body["definition"]["displayText"], "One");
    assert_eq!(world.get("").body["status"], "waitingForPublisherReview");
    let status = world.get("/status").body;
    assert_eq!((&status["status"], &status["publishingVersion"]), (&json!("running"), &json!(1)));
    assert_eq!(status["notificationEmails"], "a@contoso.example,b@contoso.example");
    assert_eq!(status["steps"][4]["id"], "publisher-signoff");
    assert_ne!(status["steps"][4]["stepName"], "publisher-signoff", "a title, natively");
    assert_eq!(status["steps"][4]["status"], "waitingForPublisherReview");
    assert!(status["previewLinks"][0]["uri"].is_string() && status["liveLinks"] == json!([]));

    let golive = world.post("golive");
    assert_eq!(golive.header("Location"), Some("/api/operations/contoso$vm$1$production?api-version=2017-10-31"));
    assert_eq!(world.steps()[4..], ["complete", "inProgress"]);
    assert_eq!(world.get("/slot/production").status, 404);

    world.now += STEP;
    assert_eq!(world.get("/slot/production").body["definition"]["displayText"], "One");
    let status = world.get("/status").body;
    assert_eq!((&status["status"], &status["steps"][5]["status"]), (&json!("succeeded"), &json!("complete")));
    assert!(status["liveLinks"][0]["displayText"].is_string());
    assert_eq!(world.get("").body["status"], "succeeded");
    let operation = world.send("GET", "/operations/contoso$vm$1$production", None, b"").body;
    assert_eq!(operation["status"], "complete");
}

#[test]
fn migrated_publishing_speaks_the_other_dialect() {
    let mut world = drafted(Profile::Migrated).published();
    let staging = world.get("/submissions").body[0].clone();
    assert_eq!((&staging["slot"], &staging["submissionState"]), (&json!("staging"), &json!("running")));
    let golive = world.post("golive");
    let id = world.get("/submissions").body[0]["id"].as_str().expect("an id").to_owned();
    let link = golive.header("Location").expect("a link").to_owned();
    assert_eq!(link, format!("/api/publishers/contoso/offers/vm/operations/{id}?api-version=2017-10-31"));
    world.now += STEP;
    let operation = world.get(&format!("/operations/{id}/")).body;
    assert_eq!((&operation["status"], operation.get("notificationEmails")), (&json!("succeeded"), None));
    assert_eq!(operation["steps"][4]["stepName"], "publisher-signoff");
}

#[test]
fn submissions_are_listed_newest_first_and_filtered() {
    let mut world = drafted(Profile::Native).live();
    world.put(Some("*"), &document("Two"));
    world.post("publish");
    let list = |world: &mut World, query: &str| {
        let body = world.get(&format!("/submissions/{query}")).body;
        let items = body.as_array().expect("a list").clone();
        items
            .iter()
            .map(|item| format!("{} {}", item["publishingVersion"], item["submissionState"]))
            .collect::<Vec<_>>()
    };
    assert_eq!(list(&mut world, ""), [r#"2 "running""#, r#"1 "succeeded""#, r#"1 "completed""#]);
    assert_eq!(list(&mut world, "?submissionState=Running"), [r#"2 "running""#]);
    assert_eq!(list(&mut world, "?status=succeeded"), [r#"1 "succeeded""#]);
    let item = world.get("/operations").body[0].clone();
    assert!(item["version"].as_i64().is_some_and(|ticks| ticks > 1 << 53), "{item}");
    assert_eq!(
        (&item["submissionType"], &item["definition"]),
        (&json!("publish"), &json!({"metadata": {"emails": ""}}))
    );
    assert_eq!(item["offerVersion"], 2);
}

#[test]
fn what_is_published_is_the_draft_of_that_moment() {
    let mut world = drafted(Profile::Migrated);
    world.post("publish");
    let version = world.get("").body["version"].clone();
    assert_eq!(world.put(None, &document("Later")).status, 200);
    world.now += 4 * STEP;
    let preview = world.get("/slot/preview").body;
    assert_eq!((&preview["definition"]["displayText"], &preview["version"]), (&json!("One"), &version));
    assert_eq!(world.get("").body["definition"]["displayText"], "Later");
    assert_eq!(world.get(&format!("/versions/{version}")).body["definition"]["displayText"], "One");
}

#[test]
fn a_put_while_steps_run_depends_on_the_profile_or_the_switch() {
    let put = |profile: Profile, put_while_running: Refuses| {
        let mut world = drafted_with(profile, Switches { put_while_running, ..Switches::default() });
        world.post("publish");
        world.put(Some("*"), &document("Two")).status
    };
    assert_eq!(put(Profile::Native, Refuses::ByProfile), 409);
    assert_eq!(put(Profile::Migrated, Refuses::ByProfile), 200);
    assert_eq!(put(Profile::Native, Refuses::Never), 200);
    assert_eq!(put(Profile::Migrated, Refuses::Always), 409);
    let mut waiting = drafted(Profile::Native).published();
    assert_eq!(waiting.put(Some("*"), &document("Two")).status, 200, "the sign-off holds nobody up");
}

#[test]
fn a_second_publish_waits_for_the_steps_and_supersedes_the_signoff() {
    let mut world = drafted(Profile::Native);
    world.post("publish");
    let busy = world.post("publish");
    assert_eq!((busy.status, &busy.body["error"]["code"]), (409, &json!("Conflict")));
    world.now += 4 * STEP;
    world.put(Some("*"), &document("Two"));
    assert_eq!(world.post("publish").status, 202);
    let list = world.get("/submissions").body;
    assert_eq!((&list[0]["submissionState"], &list[1]["submissionState"]), (&json!("running"), &json!("canceled")));
    assert_eq!(world.get("/slot/preview").body["definition"]["displayText"], "One", "until the new one is ready");
    world.now += 4 * STEP;
    assert_eq!(world.get("/slot/preview").body["definition"]["displayText"], "Two");
    assert_eq!(world.get("/status").body["publishingVersion"], 2);
}

#[test]
fn a_signoff_can_block_the_next_publish() {
    let switches = Switches { signoff_blocks_publish: true, ..Switches::default() };
    let mut world = drafted_with(Profile::Migrated, switches).published();
    let busy = world.post("publish");
    assert_eq!(busy.status, 409);
    assert!(busy.body.as_str().is_some_and(|text| text.contains("Http409Exception")), "{busy:?}");
}

#[test]
fn going_live_needs_a_waiting_signoff() {
    let mut native = drafted(Profile::Native);
    let early = native.post("golive");
    assert_eq!((early.status, &early.body["error"]["code"]), (409, &json!("Conflict")));
    native.post("publish");
    assert_eq!(native.post("golive").status, 409, "the steps still run");
    let mut migrated = drafted(Profile::Migrated);
    let early = migrated.post("golive");
    assert_eq!((early.status, &early.body["Submission"]["httpStatusCode"]), (409, &json!("Conflict")));
    let switches = Switches { early_golive_is_bad_request: true, ..Switches::default() };
    assert_eq!(drafted_with(Profile::Native, switches).post("golive").status, 400);
}

#[test]
fn publishing_what_is_live_already_is_over_at_once() {
    let mut world = drafted(Profile::Native).live();
    let version = world.get("").body["version"].clone();
    assert_eq!(world.post("publish").status, 202);
    assert!(world.steps().iter().all(|step| step == "complete"), "{:?}", world.steps());
    assert_eq!(world.get("/status").body["status"], "succeeded");
    assert_eq!(world.get("/submissions").body.as_array().map(Vec::len), Some(3));
    assert_eq!(world.get("/slot/production").body["version"], version);
    assert_eq!(world.post("golive").status, 409);
}

#[test]
fn cancel_takes_effect_a_step_later() {
    let mut world = drafted(Profile::Native);
    world.post("publish");
    assert_eq!(world.post("cancel").status, 202);
    assert_eq!(world.get("/status").body["status"], "running");
    world.now += STEP - 1;
    assert_eq!(world.get("/submissions").body[0]["submissionState"], "running");
    world.now += 1;
    assert_eq!(world.get("/submissions").body[0]["submissionState"], "canceled");
    assert_eq!(world.get("/status").body["status"], "canceled");
    assert_eq!(world.get("").body["status"], "canceled");
    assert_eq!(world.steps()[..3], ["complete", "canceled", "notStarted"]);
    assert_eq!(world.send("GET", "/operations/contoso$vm$1$preview", None, b"").body["status"], "canceled");
    assert_eq!(world.get("/slot/preview").status, 404);
    assert_eq!(world.post("publish").status, 202, "the way is free");
}

#[test]
fn a_cancel_at_the_signoff_leaves_the_preview_and_closes_the_way_live() {
    let mut world = drafted(Profile::Native).published();
    assert_eq!(world.post("cancel").status, 202);
    assert_eq!(world.post("golive").status, 409, "a cancel is on its way");
    world.now += STEP;
    assert_eq!(world.get("/status").body["status"], "canceled");
    assert_eq!(world.get("/slot/preview").status, 200);
    assert_eq!(world.post("golive").status, 409);
}

#[test]
fn a_canceled_golive_leaves_production_as_it_was() {
    let mut world = drafted(Profile::Native).live();
    world.put(Some("*"), &document("Two"));
    let mut world = world.published();
    world.post("golive");
    world.post("cancel");
    world.now += STEP;
    assert_eq!(world.get("/slot/production").body["definition"]["displayText"], "Two", "the step was over first");
    world.put(Some("*"), &document("Three"));
    let mut world = world.published();
    world.settings.step_millis = 10 * STEP;
    world.post("golive");
    world.portal.offers.values_mut().for_each(|offer| {
        if let Some(last) = std::sync::Arc::make_mut(offer).submissions.last_mut() {
            last.step_millis = 10 * STEP;
            last.cancel(world.now - 5 * STEP);
        }
    });
    world.now += 6 * STEP;
    assert_eq!(world.get("/slot/production").body["definition"]["displayText"], "Two");
    assert_eq!(world.steps()[4..], ["complete", "canceled"]);
}

#[test]
fn cancel_with_nothing_to_cancel_is_accepted_unless_switched() {
    let mut idle = drafted(Profile::Native);
    let seen = idle.post("cancel");
    assert_eq!((seen.status, seen.header("Location")), (202, None));
    let mut live = drafted(Profile::Native).live();
    assert_eq!(live.post("cancel").status, 202);
    live.now += 10 * STEP;
    assert_eq!(live.get("").body["status"], "succeeded");
    let switches = Switches { idle_cancel_conflicts: true, ..Switches::default() };
    assert_eq!(drafted_with(Profile::Native, switches).post("cancel").status, 409);
}

#[test]
fn offers_that_are_not_ready_cannot_be_published() {
    let empty = json!({"offerTypeId": VM, "definition": {"plans": []}});
    let mut native = World::new(Profile::Native);
    native.put(None, &empty);
    let seen = native.post("publish");
    assert_eq!((seen.status, seen.body["error"]["details"].as_array().map(Vec::len)), (422, Some(2)));
    let mut migrated = World::new(Profile::Migrated);
    migrated.put(None, &empty);
    let seen = migrated.post("publish");
    let text = seen.body.as_str().expect("a JSON string").to_owned();
    assert!(seen.status == 422 && text.contains("Http422Exception: ") && text.contains("\r\n   at "), "{text}");
    assert_eq!(migrated.get("").body["status"], "neverPublished");
    let mut lenient = World::with(
        Profile::Native,
        Switches { publish_findings: super::super::switches::PublishFindings::Ignored, ..Switches::default() },
    );
    lenient.put(None, &empty);
    assert_eq!(lenient.post("publish").status, 202);
}

#[test]
fn publish_takes_any_metadata_but_not_broken_json() {
    let publish =
        |body: &[u8]| drafted(Profile::Native).send("POST", "/publishers/contoso/offers/vm/publish", None, body).status;
    assert_eq!(publish(b""), 202);
    assert_eq!(publish(b"{}"), 202);
    assert_eq!(publish(br#"{"metadata": {"other": [1]}}"#), 202);
    assert_eq!(publish(b"{"), 400);
}

#[test]
fn links_and_bodies_of_accepted_posts_can_be_left_out() {
    let switches = Switches { omit_location: true, empty_post_answers: true, ..Switches::default() };
    let seen = drafted_with(Profile::Native, switches).post("publish");
    assert_eq!((seen.header("Location"), &seen.reply.body), (None, &Body::Empty));
    assert!(seen.header("Operation-Location").is_some());
    let switches = Switches { omit_operation_location: true, ..Switches::default() };
    let seen = drafted_with(Profile::Native, switches).post("publish");
    assert!(seen.header("Operation-Location").is_none() && seen.header("Location").is_some());
}

#[test]
fn the_operation_of_a_publish_ends_at_the_preview_unless_switched() {
    let at_signoff = |switches: Switches| {
        let mut world = drafted_with(Profile::Native, switches).published();
        world.send("GET", "/operations/contoso$vm$1$preview", None, b"").body
    };
    assert_eq!(at_signoff(Switches::default())["status"], "complete");
    let late = Switches { operation_ends_at_preview: false, ..Switches::default() };
    assert_eq!(at_signoff(late)["status"], "running");
    let word = Switches { final_word: FinalWord::Completed, operation_in_array: true, ..Switches::default() };
    assert_eq!(at_signoff(word)[0]["status"], "completed");
}

#[test]
fn a_cancel_can_lower_the_publishing_version() {
    let number = |cancel_lowers_publishing_version: bool| {
        let switches = Switches { cancel_lowers_publishing_version, ..Switches::default() };
        let mut world = drafted_with(Profile::Native, switches).published();
        world.post("cancel");
        world.now += STEP;
        world.get("/status").body["publishingVersion"].clone()
    };
    assert_eq!((number(false), number(true)), (json!(1), json!(0)));
}

#[test]
fn running_submissions_keep_the_length_of_their_steps() {
    let mut world = drafted(Profile::Native);
    world.post("publish");
    world.settings.step_millis = 1_000_000;
    world.now += 4 * STEP;
    assert_eq!(world.get("").body["status"], "waitingForPublisherReview");
}

#[test]
fn instant_steps_need_no_clock() {
    let mut world = drafted(Profile::Migrated);
    world.settings.step_millis = 0;
    world.post("publish");
    assert_eq!(world.get("").body["status"], "waitingForPublisherReview");
    world.post("golive");
    assert_eq!(world.get("").body["status"], "succeeded");
}
