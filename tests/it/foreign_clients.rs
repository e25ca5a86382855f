//! Clients of this API that others wrote, as they were published, against the sandbox: through its proxy, with nothing
//! but the environment that it prints. What a client cannot do is asserted and listed, with the reason.

use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::clients::{CLIENT_ID, CLIENT_SECRET, Played, TENANT, Verdicts, python_package, skip};
use crate::support::{Ran, VM, migrated, native, offer, write};

const IMAGES: &str = "microsoft-azure-virtualmachines.vmImages";
const AZURE_IMG_UTILS: (&str, &str) = ("azure-img-utils", "1.2.0");
const AZPC: (&str, &str) = ("az-partner-center-cli", "0.2.5");
/// How long a sandbox with steps of 5 ms may take for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks until the answer is the one that is waited for.
async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !done().await {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, asking).await.is_ok(), "{what}: it never came to this");
}

async fn until_signoff(portal: &Played, offer: &str) {
    until("the preview is ready", async || {
        let status = portal.get(&format!("{offer}/status")).await;
        let steps = status["steps"].as_array().expect("steps").clone();
        steps.iter().any(|step| step["id"] == "publisher-signoff" && step["status"] == "waitingForPublisherReview")
    })
    .await;
}

async fn until_live(portal: &Played, offer: &str) {
    until("the offer is live", async || portal.get(&format!("{offer}/status")).await["status"] == "succeeded").await;
}

/// The versions of images that customers get from the first plan.
async fn versions_on_sale(portal: &Played, offer: &str) -> Vec<String> {
    let document = portal.get(&format!("{offer}/slot/production")).await;
    let images = document["definition"]["plans"][0][IMAGES].as_object().cloned().unwrap_or_default();
    images.keys().cloned().collect()
}

/// The requests as `METHOD rest-of-path status`, for one offer; polls that repeat each other count once.
fn calls(requests: &[Value], offer: &str) -> Vec<String> {
    let mut calls = Vec::new();
    for request in requests {
        let path = request["path"].as_str().unwrap_or_default().split('?').next().unwrap_or_default();
        let of_operation = path.starts_with("/api/operations/") || path.contains("/operations/");
        let rest = match path.split_once(&format!("/offers/{offer}")) {
            _ if of_operation && path.contains(offer) => "operation",
            Some((_, rest)) => rest,
            None => continue,
        };
        let call = format!("{} {rest} {}", request["method"].as_str().unwrap_or_default(), request["status"]);
        if calls.last() != Some(&call) {
            calls.push(call);
        }
    }
    calls
}

/// The `If-Match` of each PUT of an offer.
fn if_matches(requests: &[Value], offer: &str) -> Vec<Value> {
    let path = format!("/api/publishers/contoso/offers/{offer}?");
    let puts = requests.iter().filter(|r| r["method"] == "PUT");
    puts.filter(|r| r["path"].as_str().is_some_and(|seen| seen.starts_with(&path)))
        .map(|r| r["ifMatch"].clone())
        .collect()
}

fn token_requests(requests: &[Value], path: &str) -> usize {
    requests.iter().filter(|r| r["path"].as_str().is_some_and(|seen| seen.contains(path)) && r["status"] == 200).count()
}

fn said(ran: &Ran, text: &str) {
    assert!(ran.stdout.contains(text) || ran.stderr.contains(text), "{text}?\n{}\n{}", ran.stdout, ran.stderr);
}

/// What azure-img-utils reads its identity from.
fn azure_img_utils_files(folder: &Path) {
    for (file, secret) in [("credentials.json", CLIENT_SECRET), ("wrong.json", "wrong")] {
        let credentials = json!({
            "clientId": CLIENT_ID,
            "clientSecret": secret,
            "tenantId": TENANT,
            "subscriptionId": "3fae3c41-7a0b-4d24-a1b0-000000000003",
            "activeDirectoryEndpointUrl": "https://login.microsoftonline.com",
            "managementEndpointUrl": "https://management.azure.com/",
        });
        write(folder, file, &credentials.to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn azure_img_utils_takes_a_new_image_to_customers() {
    let programs = match python_package(AZURE_IMG_UTILS.0, AZURE_IMG_UTILS.1) {
        Ok(programs) => programs,
        Err(reason) => return skip("azure_img_utils_takes_a_new_image_to_customers", "python", &reason),
    };
    let documents = [native(&offer("native-vm", "t")), migrated(&offer("migrated-vm", "t"))];
    let portal = Played::new("native", &documents).await;
    azure_img_utils_files(portal.folder.path());
    for (profile, id, final_word) in [("native", "native-vm", "complete"), ("migrated", "migrated-vm", "succeeded")] {
        let mut verdicts = Verdicts::new("azure-img-utils 1.2.0 (API)", profile);
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/foreign_clients/azure_img_utils_cycle.py");
        let args = [script, id, "contoso", "basic", IMAGES, "contoso-20261125"];
        let seen = portal.run(programs.join("python"), &args).await.exits(0).json();
        assert_eq!((&seen["exists"], &seen["missing exists"]), (&json!(true), &json!(false)));
        assert_eq!(seen["before"]["id"], id);
        assert_eq!((&seen["final word"], &seen["status"]), (&json!(final_word), &json!("succeeded")));

        let requests = portal.requests().await;
        assert_eq!(
            calls(&requests, id),
            [
                "GET  200",
                "PUT  200",
                "POST /publish 202",
                "GET operation 200",
                "GET /status 200",
                "POST /golive 202",
                "GET operation 200",
                "GET /status 200",
            ]
        );
        assert_eq!(if_matches(&requests, id), ["*"]);
        assert!(token_requests(&requests, "/v2.0/.well-known/openid-configuration") >= 1, "{requests:?}");
        assert!(token_requests(&requests, "/oauth2/v2.0/token") >= 1, "{requests:?}");
        assert_eq!(versions_on_sale(&portal, id).await, ["1.0.0", "2026.11.25"]);
        assert_eq!(portal.get(id).await["status"], "succeeded");
        for step in ["token", "read", "add an image version, PUT", "publish", "wait", "go live", "wait for customers"] {
            verdicts.works(step);
        }
        match profile {
            "native" => {
                assert_eq!(seen["status at sign-off"], "running");
                verdicts.refused(
                    "see in the status that the sign-off waits",
                    "it looks for a step with the name publisher-signoff; steps of native offers have titles",
                );
            }
            _ => {
                assert_eq!(seen["status at sign-off"], "waitingForPublisherReview");
                verdicts.works("see in the status that the sign-off waits");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn azure_img_utils_works_from_the_command_line() {
    let programs = match python_package(AZURE_IMG_UTILS.0, AZURE_IMG_UTILS.1) {
        Ok(programs) => programs,
        Err(reason) => return skip("azure_img_utils_works_from_the_command_line", "python", &reason),
    };
    let mut verdicts = Verdicts::new("azure-img-utils 1.2.0 (command line)", "migrated");
    let portal = Played::new("native", &[migrated(&offer("vm", "t"))]).await;
    azure_img_utils_files(portal.folder.path());
    write(portal.folder.path(), "new.json", &offer("new-vm", "t").to_string());
    let command = async |offer: &str, words: &[&str]| {
        let shared = ["--publisher-id", "contoso", "--credentials-file", "credentials.json", "--no-color"];
        let args = [&["cloud-partner-offer"], &words[..1], &["--offer-id", offer], &words[1..], &shared].concat();
        portal.run(programs.join("azure-img-utils"), &args).await.exits(0)
    };

    command("vm", &["get-offer-document", "--offer-document-file", "vm.json"]).await;
    let saved = std::fs::read_to_string(portal.folder.path().join("vm.json")).expect("a file");
    assert_eq!(serde_json::from_str::<Value>(&saved).expect("JSON"), portal.get("vm").await);
    verdicts.works("get-offer-document");

    let image = ["--blob-name", "new.vhd", "--image-name", "contoso-20261125", "--image-description", "A new image"];
    let place = ["--label", "New", "--sku", "basic", "--vm-images-key", IMAGES, "--container", "images"];
    let url = ["--blob-url", "https://images.blob.core.windows.net/vhds/new.vhd?sv=2018&sp=rl&sig=CANARYsig"];
    command("vm", &[&["add-image-to-offer"], &image[..], &place, &url].concat()).await;
    verdicts.works("add-image-to-offer");

    let published = command("vm", &["publish", "--notification-emails", "a@contoso.example"]).await;
    said(&published, "Operation URI: /api/");
    until_signoff(&portal, "vm").await;
    verdicts.works("publish");

    said(&command("vm", &["go-live"]).await, "Operation URI: /api/");
    until_live(&portal, "vm").await;
    assert_eq!(versions_on_sale(&portal, "vm").await, ["1.0.0", "2026.11.25"]);
    verdicts.works("go-live");

    let wrong = ["cloud-partner-offer", "go-live", "--offer-id", "vm", "--publisher-id", "contoso", "--no-color"];
    let wrong = [&wrong[..], &["--credentials-file", "wrong.json"]].concat();
    said(&portal.run(programs.join("azure-img-utils"), &wrong).await.exits(1), "invalid_client");
    verdicts.refused("go-live with a wrong secret", "the login has to refuse it: invalid_client");

    let mut verdicts = Verdicts::new("azure-img-utils 1.2.0 (command line)", "native");
    command("new-vm", &["upload-offer-document", "--offer-document-file", "new.json"]).await;
    let writes = calls(&portal.requests().await, "new-vm");
    assert_eq!(writes[..2], ["PUT  201", "PUT  200"]);
    verdicts.refused(
        "upload-offer-document, new offer: the answer 201",
        "it takes 201 for a failure, and is content when its second PUT, now of an offer that is there, answers 200",
    );
}

/// What azpc reads its identity and its offer from.
fn azpc_files(folder: &Path) -> Value {
    let config =
        format!("publisherId: contoso\ntenant_id: {TENANT}\naad_id: {CLIENT_ID}\naad_secret: {CLIENT_SECRET}\n");
    write(folder, "config.yml", &config);
    let document = offer("new-vm", "t");
    write(folder, "vm.json", &document.to_string());
    document
}

async fn azpc(portal: &Played, programs: &Path, words: &[&str]) -> Ran {
    let (command, rest) = words.split_first().expect("a command");
    let offer = ["--name", "new-vm", "--config-json", "vm.json", "--app-path", "."];
    let offer = match *command {
        "list" => &[][..],
        "update" | "create" | "publish" => &offer[..],
        _ => &offer[..2],
    };
    let args = [&["vm", command, "--config-yml", "config.yml"], offer, rest].concat();
    portal.run(programs.join("azpc"), &args).await
}

/// It lists and publishes.
async fn azpc_does_what_all_profiles_allow(portal: &Played, programs: &Path, verdicts: &mut Verdicts) {
    let listed = azpc(portal, programs, &["list"]).await.exits(0).json();
    let offers = listed.as_array().expect("a list");
    assert!(offers.iter().all(|offer| offer["offerTypeId"] == VM), "{listed}");
    assert!(offers.iter().any(|offer| offer["id"] == "vm"), "{listed}");
    assert_eq!(offers.iter().filter(|offer| offer["id"] == "other").count(), 0, "it asks for one type of offers");
    verdicts.works("token, vm list");

    let published = azpc(portal, programs, &["publish", "--notification-emails", "a@contoso.example"]).await.exits(0);
    assert_eq!(published.stdout.trim(), "true");
    until_signoff(portal, "new-vm").await;
    verdicts.works("vm publish");
    let submissions = portal.get("new-vm/submissions").await;
    assert_eq!(submissions[0]["definition"]["metadata"]["emails"], "a@contoso.example");

    assert_eq!(portal.ask(Method::POST, "new-vm/golive").await.0, 202);
    until_live(portal, "new-vm").await;
    verdicts.lacks("go live", "its release is for another API; a person went live instead");
}

fn other_type() -> Value {
    let mut document = migrated(&offer("other", "t"));
    document["offerTypeId"] = json!("microsoft-azure-applications");
    document
}

#[tokio::test(flavor = "multi_thread")]
async fn az_partner_center_cli_updates_and_publishes_migrated_offers() {
    let programs = match python_package(AZPC.0, AZPC.1) {
        Ok(programs) => programs,
        Err(reason) => return skip("az_partner_center_cli_updates_and_publishes_migrated_offers", "python", &reason),
    };
    let mut verdicts = Verdicts::new("az-partner-center-cli 0.2.5", "migrated");
    let portal = Played::new("migrated", &[migrated(&offer("vm", "t")), other_type()]).await;
    let mut document = azpc_files(portal.folder.path());
    let created = azpc(&portal, &programs, &["update"]).await.exits(0).json();
    assert_eq!((&created["id"], &created["pcMigrationStatus"]), (&json!("new-vm"), &json!("migrated")));
    verdicts.works("vm update, new offer");

    let images = document["definition"]["plans"][0][IMAGES].as_object_mut().expect("images");
    let image = images["1.0.0"].clone();
    images.insert("1.1.0".to_owned(), image);
    write(portal.folder.path(), "vm.json", &document.to_string());
    azpc(&portal, &programs, &["update"]).await.exits(0);
    verdicts.works("vm update with a new image version, no If-Match");

    azpc_does_what_all_profiles_allow(&portal, &programs, &mut verdicts).await;
    for command in ["show", "create", "release", "delete"] {
        let ran = azpc(&portal, &programs, &[command]).await;
        assert_ne!(ran.code, 0, "vm {command}: {}", ran.stdout);
        said(&ran, "the test lets no client reach api.partner.microsoft.com");
        verdicts.elsewhere(&format!("vm {command}"), "it asks api.partner.microsoft.com, and past any proxy");
    }
    let requests = portal.requests().await;
    assert_eq!(if_matches(&requests, "new-vm"), [Value::Null, Value::Null], "it never sends the header");
    let writes = calls(&requests, "new-vm").into_iter().filter(|call| !call.starts_with("GET")).collect::<Vec<_>>();
    assert_eq!(writes, ["PUT  200", "POST /publish 202", "POST /golive 202"]);
    assert!(token_requests(&requests, "/oauth2/token") >= 4, "a token for each command: {requests:?}");
    assert_eq!(versions_on_sale(&portal, "new-vm").await, ["1.0.0", "1.1.0"]);
    assert_eq!(portal.get("new-vm").await["status"], "succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn az_partner_center_cli_cannot_update_native_offers() {
    let programs = match python_package(AZPC.0, AZPC.1) {
        Ok(programs) => programs,
        Err(reason) => return skip("az_partner_center_cli_cannot_update_native_offers", "python", &reason),
    };
    let mut verdicts = Verdicts::new("az-partner-center-cli 0.2.5", "native");
    let portal = Played::new("native", &[native(&offer("vm", "t")), other_type()]).await;
    azpc_files(portal.folder.path());
    let created = azpc(&portal, &programs, &["update"]).await.exits(1);
    said(&created, "ConnectionError");
    assert_eq!(portal.get("new-vm").await["status"], "neverPublished", "the offer is there all the same");
    verdicts.refused("vm update, new offer: the answer 201", "it takes every answer but 200 for a failure");

    let before = portal.get("new-vm").await;
    let updated = azpc(&portal, &programs, &["update"]).await.exits(1);
    said(&updated, "If-Match");
    assert_eq!(portal.get("new-vm").await, before);
    verdicts.refused("vm update, offer that is there", "it sends no If-Match, which a native offer demands");

    azpc_does_what_all_profiles_allow(&portal, &programs, &mut verdicts).await;
    let requests = portal.requests().await;
    let writes = calls(&requests, "new-vm").into_iter().filter(|call| !call.starts_with("GET")).collect::<Vec<_>>();
    assert!(writes[0] == "PUT  201" && ["PUT  400", "PUT  409"].contains(&writes[1].as_str()), "{writes:?}");
    assert_eq!(writes[2..], ["POST /publish 202", "POST /golive 202"]);
    assert_eq!(versions_on_sale(&portal, "new-vm").await, ["1.0.0"]);

    // What is refused is a matter of two switches.
    let switches = ["--proxy-ca", "ca.pem", "--set", "missing-if-match=accepted,create-answers-200=true"];
    let portal = Played::with(&switches, &[native(&offer("vm", "t"))]).await;
    azpc_files(portal.folder.path());
    for _ in ["new", "there"] {
        azpc(&portal, &programs, &["update"]).await.exits(0);
    }
    verdicts.works("vm update, both, with missing-if-match=accepted and create-answers-200=true");
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_reaches_the_portal_and_nothing_else() {
    let portal = Played::new("native", &[native(&offer("vm", "t"))]).await;
    if portal.run("curl", &["--version"]).await.code != 0 {
        return skip("curl_reaches_the_portal_and_nothing_else", "curl", "there is no curl");
    }
    let curl = async |args: &[&str]| {
        let args = [&["--silent", "--show-error", "--write-out", "\n%{http_code} %{http_connect}"], args].concat();
        portal.run("curl", &args).await
    };
    let offers = "https://cloudpartner.azure.com/api/publishers/contoso/offers?api-version=2017-10-31";
    let (id, secret) = (format!("client_id={CLIENT_ID}"), format!("client_secret={CLIENT_SECRET}"));
    let form = ["grant_type=client_credentials", &id, &secret, "resource=https://cloudpartner.azure.com"];
    let form = form.iter().flat_map(|field| ["--form", field]).collect::<Vec<_>>();
    let asked = curl(&[&["https://login.microsoftonline.com/t/oauth2/token"], &form[..]].concat()).await.exits(0);
    let (body, codes) = asked.stdout.rsplit_once('\n').expect("two lines");
    assert_eq!(codes, "200 200", "{body}");
    let granted: Value = serde_json::from_str(body).expect("JSON");
    let token = format!("Authorization: Bearer {}", granted["access_token"].as_str().expect("a token"));
    let listed = curl(&[offers, "--header", &token]).await.exits(0);
    assert!(listed.stdout.contains(r#""id":"vm""#) && listed.stdout.ends_with("\n200 200"), "{}", listed.stdout);
    let stranger = curl(&[offers, "--header", "Authorization: Bearer any"]).await.exits(0);
    assert!(stranger.stdout.ends_with("\n401 200"), "{}", stranger.stdout);

    let foreign = curl(&["https://www.example.com/"]).await.exits(56);
    assert!(foreign.stdout.ends_with("000 403"), "{}", foreign.stdout);
    let proxy = portal.exports.lines().find_map(|line| line.strip_prefix("export HTTPS_PROXY=")).expect("a proxy");
    let plain = curl(&["--proxy", proxy, "http://cloudpartner.azure.com/api/publishers"]).await.exits(0);
    assert!(plain.stdout.contains("CONNECT only") && plain.stdout.ends_with("\n405 000"), "{}", plain.stdout);

    // An authority of another sandbox is as good as none.
    let other = Played::new("native", &[native(&offer("vm", "t"))]).await;
    let other_ca = other.folder.path().join("ca.pem");
    let untrusted = curl(&["--cacert", other_ca.to_str().expect("UTF-8"), offers, "--header", &token]).await;
    assert_eq!(untrusted.code, 60, "curl cannot check the certificate: {}", untrusted.stderr);
    let requests = portal.requests().await;
    let lists =
        requests.iter().filter(|request| request["path"].as_str().is_some_and(|path| path.contains("/offers?")));
    assert_eq!(lists.count(), 2, "only those that trusted the right authority came through: {requests:?}");
}
