//! Sections 4.1 to 4.4 and 6 to 9: lists, documents, writing, errors.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{TITLE, VM, World};
use crate::{Row, holds, row, same};

/// What the exceptions of migrated offers are called before their own name; clients match the whole.
const EXCEPTIONS: &str = "Microsoft.Ingestion.Api.Common.Exceptions";

/// What a captured plan of a core VM offer has beside what was sent, in its order.
const CORE_VM_PLAN: [(&str, &str); 36] = [
    ("planId", "\"p\""),
    ("certificationsFairfax", "[]"),
    ("leadGenerationId", "\"\""),
    ("categories", "[]"),
    ("isPremiumThirdParty", "false"),
    ("openPorts", "[]"),
    ("recommendedVMSizes", "[]"),
    ("supportedExtensions", "[]"),
    ("supportsAADLogin", "false"),
    ("supportsBackup", "false"),
    ("supportsClientHub", "false"),
    ("supportsCloudInit", "false"),
    ("supportsHub", "false"),
    ("supportsHubOnOffSwitch", "false"),
    ("supportsSriov", "false"),
    ("isNetworkVirtualAppliance", "false"),
    ("isLockedDown", "false"),
    ("isCustomArmTemplateRequired", "false"),
    ("supportsExtensions", "true"),
    ("supportsHibernation", "false"),
    ("supportsNVMe", "false"),
    ("allowOnlyManagedDiskDeployments", "true"),
    ("patchOptions", r#"{"supportsHotpatch": false}"#),
    ("generation", "\"1\""),
    ("vmImagesPublicAzure", "{}"),
    ("diskGenerations", "[]"),
    ("skuDescriptionBlackforest", "null"),
    ("skuDescriptionFairfax", "null"),
    ("skuDescriptionMooncake", "null"),
    ("skuDescriptionPublicAzure", "null"),
    ("usefulLinksFairfax", "[]"),
    ("usefulLinksMooncake", "[]"),
    ("usefulLinksBlackforest", "[]"),
    ("usefulLinksPublicAzure", "[]"),
    ("screenshots", "[]"),
    ("videos", "[]"),
];

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect()
}

fn digits_after_the_point(time: &str) -> usize {
    time.rsplit_once('.').map_or(0, |(_, end)| end.chars().take_while(char::is_ascii_digit).count())
}

/// What GET returns of a definition that was PUT.
fn stored(world: &World<'_>, offer_type: &str, definition: &Value) -> Result<Value, String> {
    let name = world.name();
    let body = json!({
        "publisherId": world.publisher, "id": name, "offerTypeId": offer_type, "definition": definition,
    });
    let put = world.put(&name, None, &body)?;
    holds!(matches!(put.status, 200 | 201), "{}", put.text);
    Ok(world.get(&format!("/{name}"))?.is(200)?.body["definition"].clone())
}

pub(crate) const ROWS: &[Row] = &[
    row!("4.2", Native, Nothing, "items of a list are summaries, with a version", |world| {
        let (name, _) = world.created()?;
        let list = world.get("")?;
        let items = list.is(200)?.body.as_array().cloned().unwrap_or_default();
        let item = items.iter().find(|item| item["id"] == name.as_str()).ok_or("it is missing")?;
        same!(keys(item), ["offerTypeId", "publisherId", "status", "id", "version", "definition", "changedTime"]);
        same!(keys(&item["definition"]), ["displayText"]);
        Ok(())
    }),
    row!(
        "4.2",
        Migrated,
        Nothing,
        "items of a list have version 0, more members, and a time without a zone",
        |world| {
            let (name, _) = world.created()?;
            let list = world.get("")?;
            let items = list.is(200)?.body.as_array().cloned().unwrap_or_default();
            let item = items.iter().find(|item| item["id"] == name.as_str()).ok_or("it is missing")?;
            for key in [
                "lockStatus",
                "pcRedirectUri",
                "offerTypeChanges",
                "pricingNotRecalculatedRegions",
                "offerTypeVersionsOverride",
            ] {
                holds!(item.get(key).is_some(), "no {key}");
            }
            same!((&item["version"], &item["pcMigrationStatus"]), (&json!(0), &json!("migrated")));
            let time = item["changedTime"].as_str().unwrap_or_default();
            holds!(!time.ends_with('Z') && digits_after_the_point(time) == 3, "{time}");
            Ok(())
        }
    ),
    row!("4.3a", Both, Nothing, "a document has its members in the portal's order and no ETag in its body", |world| {
        let (name, _) = world.created()?;
        let answer = world.get(&format!("/{name}"))?;
        let document = &answer.is(200)?.body;
        same!(
            keys(document),
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
                "changedTime"
            ]
        );
        same!(keys(&document["definition"]), ["displayText", "offer", "plans"]);
        let time = document["changedTime"].as_str().unwrap_or_default();
        holds!(time.ends_with('Z') && digits_after_the_point(time) == 7, "{time}");
        Ok(())
    }),
    row!(
        "4.3b",
        Both,
        Nothing,
        "versions are a small counter natively, and big without order once migrated",
        |world| {
            let (name, _) = world.created()?;
            let version = || -> Result<i64, String> {
                world.get(&format!("/{name}"))?.body["version"].as_i64().ok_or_else(|| "no version".to_owned())
            };
            let first = version()?;
            world.put(&name, Some("*"), &world.document(&name, "Two"))?.is(200)?;
            let second = version()?;
            if world.is_native() {
                same!(second, first + 1);
            } else {
                holds!(first > 1_000_000 && second > 1_000_000 && first != second, "{first}, {second}");
            }
            same!(world.get(&format!("/{name}/versions/{first}"))?.is(200)?.body["definition"]["displayText"], "One");
            Ok(())
        }
    ),
    row!(
        "4.3c",
        Both,
        Nothing,
        "slots are found in any case; an empty preview is called Staging in its 404",
        |world| {
            let (name, _) = world.created()?;
            world.get(&format!("/{name}/slot/Draft"))?.is(200)?;
            let empty = world.get(&format!("/{name}/slot/PREVIEW"))?;
            holds!(empty.is(404)?.text.contains("Staging"), "{}", empty.text);
            world.get(&format!("/{name}/slot/production"))?.is(404).map(|_| ())
        }
    ),
    row!("4.4a", Both, Nothing, "create answers 201 natively, 200 once migrated, with the document", |world| {
        let (name, answer) = world.created()?;
        same!(answer.status, if world.is_native() { 201 } else { 200 });
        same!(answer.body, world.get(&format!("/{name}"))?.body);
        Ok(())
    }),
    row!("4.4b", Both, Nothing, "a PUT without offerTypeId answers 400 BadRequest", |world| {
        let name = world.name();
        let answer = world.put(&name, None, &json!({"publisherId": world.publisher, "id": name, "definition": {}}))?;
        same!(answer.is(400)?.body["error"]["code"], "BadRequest");
        holds!(answer.text.contains("'OfferTypeId' cannot be null or empty"), "{}", answer.text);
        Ok(())
    }),
    row!("4.4c", Both, Nothing, "envelope members that are sent back are ignored", |world| {
        let (name, _) = world.created()?;
        let mut body = world.document(&name, "Two");
        for (key, value) in [
            ("status", json!("succeeded")),
            ("version", json!(999)),
            ("Etag", json!("")),
            ("eTag", json!("W/\"x\"")),
            ("changedTime", json!("0001-01-01T00:00:00Z")),
            ("pcMigrationStatus", json!("other")),
            ("isvUpgradeRequest", json!(true)),
        ] {
            body[key] = value;
        }
        world.put(&name, Some("*"), &body)?.is(200)?;
        let document = world.get(&format!("/{name}"))?.body;
        holds!(document["status"] == "neverPublished" && document["version"] != 999, "{document}");
        holds!(document.get("Etag").is_none() && document.get("eTag").is_none(), "{document}");
        same!((&document["isvUpgradeRequest"], document.get("offerTypeVersions")), (&json!(false), None));
        Ok(())
    }),
    row!("4.4d", Both, Nothing, "PUT replaces everything: what is absent falls back to the default", |world| {
        let (name, _) = world.created()?;
        let mut body = world.document(&name, "Two");
        body["definition"]["offer"]["microsoft-azure-marketplace.useEnterpriseContract"] = json!(true);
        body["definition"]["offer"]["microsoft-azure-marketplace.summary"] = json!("s");
        world.put(&name, Some("*"), &body)?.is(200)?;
        world.put(&name, Some("*"), &world.document(&name, "Three"))?.is(200)?;
        let offer = world.get(&format!("/{name}"))?.body["definition"]["offer"].clone();
        same!(offer["microsoft-azure-marketplace.useEnterpriseContract"], json!(false));
        same!(offer.get("microsoft-azure-marketplace.summary"), None);
        Ok(())
    }),
    row!("6.1", Native, Nothing, "GET and PUT carry the ETag, in the Azure-Table form", |world| {
        let (name, put) = world.created()?;
        let tag = put.header("etag").ok_or("no ETag")?;
        same!(world.get(&format!("/{name}"))?.header("etag"), Some(tag));
        holds!(tag.starts_with("W/\"datetime'") && tag.ends_with("'\"") && tag.contains("%3A"), "{tag}");
        Ok(())
    }),
    row!("6.1", Migrated, Nothing, "no answer carries an ETag", |world| {
        let (name, put) = world.created()?;
        same!((put.header("etag"), world.get(&format!("/{name}"))?.header("etag")), (None, None));
        Ok(())
    }),
    row!("6.2", Native, Nothing, "If-Match: a stale tag is 412, the right one and * pass", |world| {
        let (name, put) = world.created()?;
        let first = put.header("etag").ok_or("no ETag")?.to_owned();
        let two = world.document(&name, "Two");
        world.put(&name, Some(&first), &two)?.is(200)?;
        world.put(&name, Some(&first), &two)?.is(412)?;
        world.put(&name, Some("*"), &two)?.is(200).map(|_| ())
    }),
    row!("6.2", Migrated, Nothing, "If-Match is ignored", |world| {
        let (name, _) = world.created()?;
        let two = world.document(&name, "Two");
        for tag in [None, Some("*"), Some("W/\"datetime'2017-06-07T06%3A15%3A40.4771399Z'\"")] {
            world.put(&name, tag, &two)?.is(200)?;
        }
        Ok(())
    }),
    row!("6.3", Both, Nothing, "If-Match: * creates an offer", |world| {
        let name = world.name();
        let answer = world.put(&name, Some("*"), &world.document(&name, "One"))?;
        holds!(matches!(answer.status, 200 | 201), "{}", answer.text);
        Ok(())
    }),
    row!("7.1", Native, Nothing, "an unknown offer is 404 with an error object", |world| {
        let answer = world.get(&format!("/{}", world.name()))?;
        holds!(answer.is(404)?.body["error"]["code"].is_string(), "{}", answer.text);
        Ok(())
    }),
    row!("7.1", Migrated, Nothing, "an unknown offer is 404 with a map of services and stack frames", |world| {
        let name = world.name();
        let answer = world.get(&format!("/{name}"))?;
        let product = &answer.is(404)?.body["Product"];
        same!(product["httpStatusCode"], "NotFound");
        same!((&product["serviceName"], &product["exceptionCode"]), (&json!("Product"), &json!("Http404Exception")));
        let error = product["error"].as_str().unwrap_or_default();
        holds!(error.starts_with(&format!("{EXCEPTIONS}.Http404Exception")), "{error}");
        holds!(error.contains(&format!("CPP product {name} not found in current PC environment.")), "{error}");
        holds!(error.contains("\r\n   at ") && error.contains("CppShimming"), "{error}");
        Ok(())
    }),
    row!(
        "7.2",
        Both,
        Control,
        "publishing an offer without plans is 422: an error natively, else a JSON string",
        |world| {
            let name = world.name();
            let body = json!({"publisherId": world.publisher, "id": name, "offerTypeId": VM, "definition": {}});
            world.put(&name, None, &body)?;
            let answer = world.post(&format!("/{name}/publish"))?;
            let body = &answer.is(422)?.body;
            let well = if world.is_native() {
                body["error"]["code"].is_string()
            } else {
                body.as_str().is_some_and(|text| {
                    text.starts_with(&format!("{EXCEPTIONS}.Http422Exception")) && text.contains("\r\n   at ")
                })
            };
            holds!(well, "{}", answer.text);
            Ok(())
        }
    ),
    row!("8.1", Both, Nothing, "the portal adds its defaults to the offer and to the plans", |world| {
        let definition = stored(world, VM, &json!({"offer": {TITLE: "t"}, "plans": [{"planId": "p"}]}))?;
        let offer = |name: &str| &definition["offer"][format!("microsoft-azure-marketplace.{name}").as_str()];
        for lead in ["blob", "crm", "httpsEndpoint", "marketo", "salesForce", "table"] {
            same!(*offer(&format!("{lead}LeadConfiguration")), json!({}));
        }
        same!((offer("leadNotificationEmails"), offer("categories")), (&json!(""), &json!([])));
        same!((offer("useEnterpriseContract"), offer("customAmendments")), (&json!(false), &Value::Null));
        let plan = |name: &str| &definition["plans"][0][format!("{VM}.{name}").as_str()];
        same!((plan("legacyPlanId"), plan("generation")), (&json!("p"), &json!("1")));
        same!((plan("supportsExtensions"), plan("isLockedDown")), (&json!(true), &json!(false)));
        same!(*plan("patchOptions"), json!({"supportsHotpatch": false}));
        Ok(())
    }),
    row!("8.2", Both, Nothing, "windowsOSType comes back as osType", |world| {
        let plan = json!({"planId": "p", "microsoft-azure-virtualmachines.windowsOSType": "Other"});
        let plan = stored(world, VM, &json!({"plans": [plan]}))?["plans"][0].clone();
        same!(plan["microsoft-azure-virtualmachines.osType"], "Other");
        same!(plan.get("microsoft-azure-virtualmachines.windowsOSType"), None);
        Ok(())
    }),
    row!("8.3", Both, Nothing, "definitions of unknown types and unknown keys are stored verbatim", |world| {
        let definition =
            json!({"offer": {"zz.key": {"b": [1, 2.5, null]}, "aa": "x"}, "plans": [{"planId": "p", "q": {}}]});
        same!(stored(world, "microsoft-azure-saas", &definition)?, definition);
        let offer = stored(world, VM, &json!({"offer": {"not.a.key": [1, {"x": "1.10"}]}}))?;
        same!(offer["offer"]["not.a.key"], json!([1, {"x": "1.10"}]));
        Ok(())
    }),
    row!("8.4", Both, Nothing, "a core VM offer shows legacyOfferId, and refuses it once migrated", |world| {
        let key = "microsoft-azure-corevm.legacyOfferId";
        let offer = stored(world, "microsoft-azure-corevm", &json!({"offer": {}}))?;
        same!(offer["offer"][key], "");
        let name = world.name();
        let body = json!({"publisherId": world.publisher, "id": name, "offerTypeId": "microsoft-azure-corevm",
            "definition": {"offer": {key: ""}}});
        world.put(&name, None, &body)?.is(if world.is_native() { 201 } else { 400 }).map(|_| ())
    }),
    row!("8.5", Both, Nothing, "secrets of lead destinations do not come back", |world| {
        let lead = "microsoft-azure-marketplace.tableLeadConfiguration";
        let definition = stored(world, VM, &json!({"offer": {lead: {"connectionString": "s3cret-word"}}}))?;
        holds!(!definition.to_string().contains("s3cret-word"), "{}", definition["offer"][lead]);
        Ok(())
    }),
    row!("9.1", Both, Nothing, "logos come back under the portal's store; image disks as they were sent", |world| {
        let disk = "https://contoso.blob.core.windows.net/v/1.vhd?sv=2018-03-28&sig=a%2Bb&se=2099-01-01";
        let definition = stored(
            world,
            VM,
            &json!({
                "offer": {"microsoft-azure-marketplace.smallLogo": "https://www.contoso.example/a.png"},
                "plans": [{"planId": "p", "microsoft-azure-virtualmachines.vmImages": {"1.0.0": {"osVhdUrl": disk}}}],
            }),
        )?;
        let logo = definition["offer"]["microsoft-azure-marketplace.smallLogo"].as_str().unwrap_or_default();
        let prefix = "https://publishingstoredm.blob.core.windows.net/";
        holds!(logo.starts_with(prefix) && logo.contains("D6191_publishers_") && logo.contains("sig="), "{logo}");
        same!(definition["plans"][0]["microsoft-azure-virtualmachines.vmImages"]["1.0.0"]["osVhdUrl"], disk);
        Ok(())
    }),
    row!("9.2", Both, Nothing, "the order of the keys is the portal's own, the order of the plans too", |world| {
        let lead = "microsoft-azure-marketplace.leadDestination";
        let definition = stored(
            world,
            VM,
            &json!({
                "plans": [{"regions": ["DE"], "planId": "b"}, {"planId": "a"}], "offer": {TITLE: "t", lead: "None"},
            }),
        )?;
        let names = keys(&definition["offer"]);
        let place = |key: &str| names.iter().position(|name| *name == key);
        holds!(place(lead) < place(TITLE), "{names:?}");
        same!((&definition["plans"][0]["planId"], &definition["plans"][1]["planId"]), (&json!("a"), &json!("b")));
        Ok(())
    }),
    row!("9.2b", Both, Nothing, "a core VM plan has its empty members, in the captured order", |world| {
        let image =
            json!({"mediaName": "m", "label": "l", "description": "d", "osVhdUrl": "https://contoso.example/a"});
        let images = |images: Value| json!({"planId": "p", "microsoft-azure-corevm.vmImagesPublicAzure": images});
        let plan = |plan: Value| -> Result<Value, String> {
            Ok(stored(world, "microsoft-azure-corevm", &json!({"plans": [plan]}))?["plans"][0].clone())
        };
        let bare = plan(json!({"planId": "p"}))?;
        let captured = CORE_VM_PLAN.map(|(name, value)| {
            let prefix = if matches!(name, "planId" | "diskGenerations") { "" } else { "microsoft-azure-corevm." };
            (format!("{prefix}{name}"), serde_json::from_str(value).expect("JSON"))
        });
        let members = bare.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone()));
        same!(members.collect::<Vec<(String, Value)>>(), captured);
        let image = plan(images(json!({"1.0.0": image})))?["microsoft-azure-corevm.vmImagesPublicAzure"].clone();
        same!(
            keys(&image["1.0.0"]),
            ["mediaName", "publishedDate", "label", "description", "osVhdUrl", "lunVhdDetails"]
        );
        Ok(())
    }),
    row!("9.3", Both, Nothing, "a document that is read and written back is the same again", |world| {
        let (name, _) = world.created()?;
        let first = world.get(&format!("/{name}"))?.body;
        world.ask(Method::PUT, &format!("/{name}"), &[("If-Match", "*")], Some(first.to_string()))?.is(200)?;
        same!(world.get(&format!("/{name}"))?.body["definition"], first["definition"]);
        Ok(())
    }),
];
