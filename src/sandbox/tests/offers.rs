//! Reading and writing offers.

use super::super::switches::{IfMatchOnCreate, MissingIfMatch, Refuses};
use super::*;

#[test]
fn native_offers_are_created_with_201_and_count_versions() {
    let mut world = World::new(Profile::Native);
    let created = world.put(None, &document("One"));
    assert_eq!((created.status, created.body["version"].as_i64()), (201, Some(1)));
    let first = world.get("").etag().to_owned();
    assert_eq!(created.etag(), first);
    assert!(first.starts_with("W/\"datetime'2022-06-01T05%3A41%3A25."), "{first}");
    let updated = world.put(Some(&first), &document("Two"));
    assert_eq!((updated.status, updated.body["version"].as_i64()), (200, Some(2)));
    assert_ne!(updated.etag(), first, "though no time has passed");
    assert_eq!(world.get("/slot/draft").etag(), updated.etag());
}

#[test]
fn native_preconditions() {
    let mut world = drafted(Profile::Native);
    let etag = world.get("").etag().to_owned();
    let missing = world.put(None, &document("Two"));
    assert_eq!((missing.status, &missing.body["error"]["code"]), (400, &json!("BadRequest")));
    assert_eq!(world.put(Some("*"), &document("Two")).status, 200);
    assert_eq!(world.put(Some(&etag), &document("Three")).status, 412);
    assert_eq!(world.get("").body["definition"]["displayText"], "Two", "a refused PUT changes nothing");
}

#[test]
fn the_missing_precondition_is_a_switch_for_each_profile() {
    let answer = |missing: MissingIfMatch, profile: Profile| {
        let switches =
            Switches { missing_if_match: missing, migrated_missing_if_match: missing, ..Switches::default() };
        let seen = drafted_with(profile, switches).put(None, &document("Two"));
        (seen.status, seen.body["error"]["code"].as_str().map(ToOwned::to_owned))
    };
    for profile in [Profile::Native, Profile::Migrated] {
        assert_eq!(answer(MissingIfMatch::BadRequest, profile), (400, Some("BadRequest".to_owned())));
        assert_eq!(answer(MissingIfMatch::Conflict, profile), (409, Some("InvalidResourceId".to_owned())));
        assert_eq!(answer(MissingIfMatch::Accepted, profile), (200, None));
    }
}

#[test]
fn a_precondition_on_create_is_a_switch() {
    let create = |if_match_on_create: IfMatchOnCreate, if_match: &str| {
        let switches = Switches { if_match_on_create, ..Switches::default() };
        World::with(Profile::Native, switches).put(Some(if_match), &document("One")).status
    };
    assert_eq!(create(IfMatchOnCreate::Star, "*"), 201);
    assert_eq!(create(IfMatchOnCreate::Star, "W/\"x\""), 412);
    assert_eq!(create(IfMatchOnCreate::Any, "W/\"x\""), 201);
    assert_eq!(create(IfMatchOnCreate::Never, "*"), 412);
}

#[test]
fn migrated_offers_have_no_etag_and_ignore_preconditions() {
    let mut world = World::new(Profile::Migrated);
    let created = world.put(Some("W/\"old\""), &document("One"));
    assert_eq!((created.status, created.header("ETag")), (200, None));
    assert_eq!(created.body["pcMigrationStatus"], "migrated");
    let first = created.body["version"].as_i64().expect("a number");
    let updated = world.put(Some("W/\"nonsense\""), &document("Two"));
    let second = updated.body["version"].as_i64().expect("a number");
    assert!(first >= 1_000_000_000 && second >= 1_000_000_000 && second != first && second != first + 1);
    assert_eq!((updated.status, world.get("").header("ETag")), (200, None));
}

#[test]
fn envelopes_keep_the_portals_order_and_ignore_what_is_sent() {
    let mut world = World::new(Profile::Native);
    let mut sent = document("One");
    for (key, value) in [
        ("version", json!(99)),
        ("status", json!("succeeded")),
        ("changedTime", json!("0001-01-01T00:00:00Z")),
        ("Etag", json!("")),
        ("pcMigrationStatus", json!("migrated")),
        ("surprise", json!(true)),
    ] {
        sent[key] = value;
    }
    let seen = world.put(None, &sent).body;
    let keys: Vec<&String> = seen.as_object().expect("an object").keys().collect();
    assert_eq!(
        keys,
        [
            "offerTypeId",
            "publisherId",
            "status",
            "pcMigrationStatus",
            "pcRedirectUri",
            "isvUpgradeRequest",
            "version",
            "id",
            "definition",
            "changedTime",
        ]
    );
    assert_eq!((&seen["version"], &seen["status"]), (&json!(1), &json!("neverPublished")));
    assert_eq!(seen["pcMigrationStatus"], "none");
    assert_eq!(seen["changedTime"], "2022-06-01T05:41:25.0000001Z");
}

#[test]
fn a_put_replaces_everything() {
    let mut world = World::new(Profile::Native);
    let mut rich = document("One");
    rich["definition"]["offer"]["microsoft-azure-marketplace.summary"] = json!("S");
    rich["definition"]["offer"]["microsoft-azure-marketplace.useEnterpriseContract"] = json!(true);
    world.put(None, &rich);
    let poor = world.put(Some("*"), &document("One")).body;
    assert!(poor["definition"]["offer"].get("microsoft-azure-marketplace.summary").is_none());
    assert_eq!(poor["definition"]["offer"]["microsoft-azure-marketplace.useEnterpriseContract"], false);
}

#[test]
fn bodies_that_make_no_sense_are_refused() {
    let mut world = World::new(Profile::Migrated);
    let refused = |world: &mut World, body: &[u8]| {
        let seen = world.send("PUT", "/publishers/contoso/offers/vm", None, body);
        assert_eq!(seen.status, 400, "{seen:?}");
        seen.body["error"]["message"].as_str().expect("a message").to_owned()
    };
    assert!(refused(&mut world, b"").contains("not JSON"));
    assert!(refused(&mut world, b"[]").contains("not a JSON object"));
    assert!(refused(&mut world, b"{}").contains("'OfferTypeId' cannot be null or empty"));
    assert!(refused(&mut world, br#"{"offerTypeId":"t","definition":[]}"#).contains("'definition'"));
    assert!(refused(&mut world, br#"{"offerTypeId":"t","publisherId":"fabrikam"}"#).contains("'publisherId'"));
    assert!(refused(&mut world, br#"{"offerTypeId":"t","id":"other"}"#).contains("'id'"));
    assert_eq!(world.get("").status, 404, "nothing was created");
    world.put(None, &document("One"));
    assert!(refused(&mut world, br#"{"offerTypeId":"t"}"#).contains("cannot change"));
}

#[test]
fn a_mismatch_of_path_and_body_can_be_ignored() {
    let switches = Switches { ignore_path_mismatch: true, ..Switches::default() };
    let mut other = document("One");
    other["id"] = json!("other");
    let created = World::with(Profile::Native, switches).put(None, &other);
    assert_eq!((created.status, &created.body["id"]), (201, &json!("vm")));
}

#[test]
fn keys_that_migrated_offers_refuse_are_a_switch() {
    let body = json!({
        "offerTypeId": "microsoft-azure-corevm",
        "definition": {"offer": {"microsoft-azure-corevm.legacyOfferId": "x"}},
    });
    let refused = World::new(Profile::Migrated).put(None, &body);
    assert_eq!(refused.status, 400);
    assert!(refused.body["error"]["message"].as_str().is_some_and(|text| text.contains("legacyOfferId")));
    assert_eq!(World::new(Profile::Native).put(None, &body).status, 201);
    let status = |profile: Profile, reject_legacy_ids: Refuses| {
        World::with(profile, Switches { reject_legacy_ids, ..Switches::default() }).put(None, &body).status
    };
    assert_eq!(status(Profile::Migrated, Refuses::Never), 200);
    assert_eq!(status(Profile::Native, Refuses::Always), 400);
}

#[test]
fn secrets_are_cleared_or_kept() {
    use super::super::switches::AbsentSecret;
    let lead = "microsoft-azure-marketplace.tableLeadConfiguration";
    let key = "connectionString";
    let stored_after = |absent_secret: AbsentSecret| {
        let mut world = World::with(Profile::Native, Switches { absent_secret, ..Switches::default() });
        let mut sent = document("One");
        sent["definition"]["offer"][lead] = json!({key: "s3cret"});
        let seen = world.put(None, &sent);
        assert!(!seen.body.to_string().contains("s3cret"), "the portal does not tell: {seen:?}");
        world.put(Some("*"), &document("One"));
        let offer = world.portal.offers.values().next().expect("an offer");
        offer.draft.content.value()["offer"][lead].clone()
    };
    assert_eq!(stored_after(AbsentSecret::Cleared), json!({}));
    assert_eq!(stored_after(AbsentSecret::Kept), json!({key: "s3cret"}));
}

#[test]
fn the_answer_to_a_put_can_be_a_map_of_services() {
    let switches = Switches { put_answers_services: true, etag_on_migrated_put: true, ..Switches::default() };
    let seen = World::with(Profile::Migrated, switches.clone()).put(None, &document("One"));
    assert_eq!(seen.body["Product"]["httpStatusCode"], "OK");
    assert!(seen.etag().starts_with("W/"));
    let native = World::with(Profile::Native, switches).put(None, &document("One"));
    assert_eq!(native.body["id"], "vm", "native offers answer with themselves");
}

#[test]
fn lists_are_summaries_in_the_form_of_each_profile() {
    let mut migrated = document("Two");
    migrated["id"] = json!("zz");
    migrated["pcMigrationStatus"] = json!("migrated");
    migrated["version"] = json!(1_252_868_275);
    migrated["changedTime"] = json!("2022-06-02T12:25:56.6519999Z");
    let mut world = World::seeded(vec![migrated, document("One")]);
    let list = world.send("GET", "/publishers/contoso/offers/", None, b"").body;
    let keys = |item: &Value| item.as_object().expect("an object").keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(keys(&list[0]), "offerTypeId publisherId status id version definition changedTime");
    assert_eq!(list[0]["definition"], json!({"displayText": "One"}));
    assert_eq!(
        keys(&list[1]),
        "offerTypeId publisherId status lockStatus pcMigrationStatus pcRedirectUri isvUpgradeRequest offerTypeChanges \
         pricingNotRecalculatedRegions offerTypeVersionsOverride version id definition changedTime"
    );
    assert_eq!((&list[1]["version"], &list[1]["changedTime"]), (&json!(0), &json!("2022-06-02T12:25:56.651")));
}

#[test]
fn lists_filter_by_type() {
    let mut other = document("Two");
    (other["id"], other["offerTypeId"]) = (json!("saas"), json!("microsoft-azure-saas"));
    let mut world = World::seeded(vec![document("One"), other]);
    let mut ids = |target: &str| {
        let seen = world.send("GET", target, None, b"");
        let items = seen.body.as_array().cloned().unwrap_or_default();
        (seen.status, items.iter().map(|item| item["id"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>())
    };
    let offers = "/publishers/contoso/offers";
    assert_eq!(ids(&format!("{offers}?$filter=offerTypeId%20eq%20'{VM}'")), (200, vec!["vm".to_owned()]));
    assert_eq!(
        ids(&format!("{offers}?%24filter=offerTypeId+eq+%27microsoft-azure-saas%27")),
        (200, vec!["saas".to_owned()])
    );
    assert_eq!(ids(&format!("{offers}?$filter=status%20eq%20'x'")), (400, vec![]));
    assert_eq!(ids("/publishers/fabrikam/offers"), (403, vec![]));
}

#[test]
fn publishers_are_those_with_offers() {
    let mut fabrikam = document("Two");
    fabrikam["publisherId"] = json!("fabrikam");
    let mut second = document("Three");
    second["id"] = json!("vm2");
    let mut world = World::seeded(vec![document("One"), fabrikam, second]);
    let list = world.send("GET", "/publishers", None, b"").body;
    assert_eq!(list.as_array().map(Vec::len), Some(2));
    assert_eq!(list[1]["id"], "fabrikam");
    assert!(list[0]["definition"]["sellerId"].as_i64().is_some_and(|id| (1_000_000..=9_999_999).contains(&id)));
}

#[test]
fn what_is_not_there_is_404_in_the_voice_of_the_profile() {
    let mut native = World::new(Profile::Native);
    let seen = native.get("");
    assert_eq!((seen.status, &seen.body["error"]["code"]), (404, &json!("NotFound")));
    let mut migrated = World::new(Profile::Migrated);
    let seen = migrated.get("/status");
    assert_eq!((seen.status, &seen.body["Product"]["exceptionCode"]), (404, &json!("Http404Exception")));
    let seen = migrated.post("publish");
    assert_eq!(seen.status, 404);
    assert!(seen.body.as_str().is_some_and(|text| text.contains("Http404Exception") && text.contains("\r\n   at ")));
}

#[test]
fn slots_and_versions_that_were_never_filled_are_404() {
    let mut world = drafted(Profile::Native);
    assert_eq!(world.get("/slot/production").status, 404);
    let staging = world.get("/slot/Preview");
    assert_eq!(staging.status, 404);
    assert!(staging.body["error"]["message"].as_str().is_some_and(|text| text.contains("Staging")));
    assert_eq!(world.get("/versions/1").status, 200);
    assert_eq!(world.get("/versions/2").status, 404);
    assert_eq!(world.get("/operations/none").status, 404);
}

#[test]
fn other_versions_of_the_interface_are_refused() {
    let mut world = drafted(Profile::Migrated);
    for query in ["", "api-version=2016-08-01-preview", "api-version="] {
        let call = Call { query, ..world.call("GET", "/publishers") };
        let reply = world.portal.answer(&call, &world.settings);
        let Body::Json(body) = reply.body else { panic!("no JSON") };
        assert_eq!((reply.status, &body["error"]["code"]), (400, &json!("InvalidAPIVersion")), "{query}");
        assert!(body["error"]["message"].as_str().is_some_and(|text| text.contains("[2017-10-31]")));
    }
}

#[test]
fn seeds_start_where_their_status_says() {
    let with = |status: &str, extras: Value| {
        let mut seed = document("Draft");
        seed["status"] = json!(status);
        seed["version"] = json!(7);
        seed["_sandbox"] = extras;
        World::seeded(vec![seed])
    };
    let title = |world: &mut World, slot: &str| {
        let seen = world.get(slot);
        assert!(!seen.body.to_string().contains("_sandbox"));
        (seen.status == 200).then(|| (seen.body["definition"]["displayText"].clone(), seen.body["version"].clone()))
    };
    let content = |title: &str, version: i64| Some((json!(title), json!(version)));

    let mut draft = with("canceled", Value::Null);
    assert_eq!((title(&mut draft, "/slot/draft"), title(&mut draft, "/slot/preview")), (content("Draft", 7), None));
    assert_eq!(draft.get("").body["status"], "canceled");
    assert!(
        draft.get("").body["definition"]["offer"].get("microsoft-azure-marketplace.categories").is_none(),
        "no defaults are added"
    );

    let mut waiting = with("waitingForPublisherReview", Value::Null);
    assert_eq!(title(&mut waiting, "/slot/preview"), content("Draft", 7));
    assert_eq!(title(&mut waiting, "/slot/production"), None);
    assert_eq!(waiting.get("").body["status"], "waitingForPublisherReview");
    assert_eq!(waiting.steps()[4], "waitingForPublisherReview");
    assert_eq!(waiting.post("golive").status, 202);

    let mut live = with("succeeded", Value::Null);
    assert_eq!(title(&mut live, "/slot/production"), content("Draft", 7));
    assert_eq!(live.get("/status").body["status"], "succeeded");
    assert_eq!(live.get("/submissions").body.as_array().map(Vec::len), Some(2));

    let older = json!({"production": {"displayText": "Old", "plans": []}});
    let mut edited = with("succeeded", older);
    assert_eq!(title(&mut edited, "/slot/preview"), content("Draft", 7));
    assert_eq!(title(&mut edited, "/slot/production"), content("Old", 6));
    assert_eq!(title(&mut edited, "/versions/6"), content("Old", 6));
}

#[test]
fn seeds_that_make_no_sense_are_named() {
    let refuse = |documents: Vec<Value>| {
        Seed::Documents(documents).portal("test", CLOCK, 0, Profile::Native).expect_err("refused").to_string()
    };
    assert_eq!(refuse(vec![document("One"), json!({"id": "x"})]), "seed document 2: it has no `publisherId`");
    assert_eq!(refuse(vec![json!([])]), "seed document 1: it has no `publisherId`");
    assert!(refuse(vec![document("One"), document("Two")]).contains("contoso/vm is there already"));
}

#[test]
fn the_built_in_offers_are_served_as_they_stand() {
    let mut world = World::new(Profile::Native);
    world.portal = Seed::Contoso.portal("test", CLOCK, world.now, Profile::Native).expect("good seeds");
    let names = ["analytics-server", "edge-gateway", "hardened-linux"];
    for name in names {
        let text = std::fs::read_to_string(format!("src/sandbox/seed/{name}.json")).expect("the seed");
        let mut seed: Value = serde_json::from_str(&text).expect("JSON");
        seed.as_object_mut().expect("an object").shift_remove("_sandbox");
        let seen = world.send("GET", &format!("/publishers/contoso/offers/{name}"), None, b"").body;
        assert_eq!(seen.to_string(), seed.to_string(), "{name}");
    }
    assert_eq!(world.portal.offers.len(), names.len());
}

#[test]
fn the_built_in_offers_can_be_put_back_unchanged() {
    // One is a migrated core VM offer.
    let switches = Switches { reject_legacy_ids: Refuses::Never, ..Switches::default() };
    let mut world = World::with(Profile::Native, switches);
    world.portal = Seed::Contoso.portal("test", CLOCK, world.now, Profile::Native).expect("good seeds");
    for key in world.portal.offers.keys().cloned().collect::<Vec<_>>() {
        let target = format!("/publishers/{}/offers/{}", key.publisher, key.offer);
        let before = world.send("GET", &target, None, b"").body;
        let after = world.send("PUT", &target, Some("*"), before.to_string().as_bytes());
        assert_eq!((after.status, &after.body["definition"]), (200, &before["definition"]), "{key}");
    }
}

/// A pair of our own, in the manner of the captures that are public: defaults, renames, null rules and order.
#[test]
fn a_whole_document_reads_back_as_the_portal_shows_it() {
    let sent: Value = serde_json::from_str(include_str!("fixtures/put.json")).expect("JSON");
    let expected = include_str!("fixtures/get.json");
    let switches = Switches { unfetchable_hosts: vec!["pages.example".to_owned()], ..Switches::default() };
    let mut world = World::with(Profile::Migrated, switches);
    assert_eq!(world.put(None, &sent).status, 200);
    let seen = world.get("").body;
    // As text, since the order of the keys is a part of it.
    assert_eq!(format!("{seen:#}\n"), expected);
}
