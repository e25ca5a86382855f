//! Every credential, for real over HTTP, against a directory and a portal on loopback.

use std::time::Duration;

use serde_json::json;

use crate::support::authority::{Authority, FEDERATED, Lives, SECRET};
use crate::support::front::{Act, Front, Request};
use crate::support::{Ran, TITLE, World, http_answer, migrated, native, offer, offerctl, run_beside, write};

const HOUR: Duration = Duration::from_hours(1);
const APP: [(&str, &str); 2] = [("AZURE_TENANT_ID", "tenant"), ("AZURE_CLIENT_ID", "app")];

async fn world() -> World {
    World::new(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await
}

/// Runs against the portal behind the directory, whose address these variables may name as `AUTHORITY`.
async fn run(world: &World, authority: &Authority, args: &[&str], env: &[(&str, &str)]) -> Ran {
    let mut command = offerctl(world.folder.path());
    let env = env.iter().map(|(name, value)| (*name, value.replace("AUTHORITY", &authority.front.url)));
    command.args(args).env("OFFERCTL_ENDPOINT", &authority.front.url).envs(env);
    command.env("AZURE_AUTHORITY_HOST", &authority.front.url);
    let ran = run_beside(command).await;
    assert!(!ran.stdout.contains("CANARY") && !ran.stderr.contains("CANARY"), "{}\n{}", ran.stdout, ran.stderr);
    ran
}

fn certificate() -> String {
    format!("{}/tests/it/support/certificate.pem", env!("CARGO_MANIFEST_DIR"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_flow_gets_a_token_that_the_portal_takes() {
    let world = world().await;
    write(world.folder.path(), "federated", FEDERATED);
    let federated = world.path("federated").display().to_string();
    let certificate = certificate();
    let app = |more: &[(&'static str, String)]| {
        let app = APP.map(|(name, value)| (name, value.to_owned()));
        [&app[..], more].concat()
    };
    let metadata = ("AZURE_POD_IDENTITY_AUTHORITY_HOST", "AUTHORITY".to_owned());
    let github = [
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "AUTHORITY/github?x=y".to_owned()),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "CANARYrequest".to_owned()),
    ];
    let app_service =
        [("IDENTITY_ENDPOINT", "AUTHORITY/msi/token".to_owned()), ("IDENTITY_HEADER", "CANARYheader".to_owned())];
    let secret = ("AZURE_CLIENT_SECRET", SECRET.to_owned());
    let v1 = ("OFFERCTL_AUTH_VERSION", "v1".to_owned());
    let flows = [
        (app(std::slice::from_ref(&secret)), "POST /tenant/oauth2/v2.0/token"),
        (app(&[secret.clone(), v1.clone()]), "POST /tenant/oauth2/token"),
        (app(&[("AZURE_CLIENT_CERTIFICATE_PATH", certificate)]), "POST /tenant/oauth2/v2.0/token"),
        (app(&[("AZURE_FEDERATED_TOKEN_FILE", federated.clone())]), "POST /tenant/oauth2/v2.0/token"),
        (app(&[("AZURE_FEDERATED_TOKEN_FILE", federated), v1]), "POST /tenant/oauth2/token"),
        (app(&github), "GET /github, POST /tenant/oauth2/v2.0/token"),
        (app_service.to_vec(), "GET /msi/token"),
        (vec![metadata, ("OFFERCTL_AUTH", "managed-identity".to_owned())], "GET /metadata/identity/oauth2/token"),
    ];
    for (variables, expected) in flows {
        let authority = Authority::before(world.sandbox.url(), Lives { really: HOUR, told: HOUR });
        let env = variables.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>();
        run(&world, &authority, &["plan", "-vvv"], &env).await.exits(0);
        let asked = authority.asked();
        let asked = asked.iter().map(|request| format!("{} {}", request.method, request.route())).collect::<Vec<_>>();
        assert_eq!(asked.join(", "), expected, "{variables:?}");
        assert_eq!(authority.given(), 1, "one token for the whole run");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_azure_cli_is_asked_for_this_api_and_its_words_are_shown() {
    let world = world().await;
    let authority = Authority::before(world.sandbox.url(), Lives { really: HOUR, told: HOUR });
    let az = |body: &str| {
        write(world.folder.path(), "bin/az", &format!("#!/bin/sh\n{body}\n"));
        let program = world.path("bin/az");
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("executable");
    };
    let path = format!("{}:/usr/bin:/bin", world.path("bin").display());
    let env = [("PATH", path.as_str()), ("OFFERCTL_AUTH", "azure-cli"), ("AZURE_TENANT_ID", "tenant")];
    az(r#"printf '{"accessToken": "CANARYaz", "expires_on": 99999999999}'; echo "$@" > args"#);
    run(&world, &authority, &["plan"], &env).await.exits(4);
    let asked = std::fs::read_to_string(world.path("args")).expect("az was asked");
    let expected = "account get-access-token --resource https://cloudpartner.azure.com --output json --tenant tenant\n";
    assert_eq!(asked, expected);
    assert!(authority.front.log().iter().all(|request| request.bearer() == "CANARYaz"));
    let said = "WARNING: a new version of az\nERROR: Please run 'az login' to setup account.\npassword=CANARYword";
    az(&format!("cat >&2 <<'EOF'\n{said}\nEOF\nexit 1"));
    let refused = run(&world, &authority, &["plan"], &env).await.exits(4);
    let message = "error: credential azure-cli (az account get-access-token): the Azure CLI (az) returned no token: \
        Please run 'az login' to setup account.; WARNING: a new version of az; password=REDACTED\n  hint: sign in \
        with `az login`\n";
    assert_eq!(refused.stderr, message);
    // However much comes before it, what failed is shown.
    let long = (0..100).map(|at| format!("WARNING: extension {at}\n")).collect::<String>();
    az(&format!("cat >&2 <<'EOF'\n{long}ERROR: The account is locked.\nEOF\nexit 1"));
    let refused = run(&world, &authority, &["plan"], &env).await.exits(4);
    assert!(refused.stderr.contains("returned no token: The account is locked."), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_is_refused_says_which_one_and_what_to_do_once() {
    let offers = ["a", "b", "c"].map(|id| offer(id, "t"));
    let files = offers.iter().zip(["a", "b", "c"]).map(|(offer, name)| (name, offer)).collect::<Vec<_>>();
    let world = World::new(vec![], &files).await;
    let authority = Authority::before(world.sandbox.url(), Lives { really: HOUR, told: HOUR });
    let wrong = [&APP[..], &[("AZURE_CLIENT_SECRET", "CANARYwrong")]].concat();
    let refused = run(&world, &authority, &["plan", "-o", "json"], &wrong).await.exits(4);
    assert_eq!(
        refused.stderr,
        "error: credential client-secret (AZURE_CLIENT_SECRET): 127.0.0.1/tenant/oauth2/v2.0/token: 401 \
         AADSTS7000215: Invalid client secret provided\n  hint: the client secret is wrong: give its value, not its \
         id, and check that it belongs to AZURE_CLIENT_ID\n"
    );
    assert_eq!(refused.json()["exit_code"], 4);
    assert!(authority.front.log().iter().all(|request| !request.route().starts_with("/api/")));
    let partial = run(&world, &authority, &["plan"], &[("AZURE_CLIENT_SECRET", SECRET)]).await.exits(4);
    assert!(partial.stderr.contains("AZURE_TENANT_ID is not set"), "{}", partial.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_lives_two_seconds_is_renewed_during_one_apply_and_one_wait() {
    let two = Duration::from_secs(2);
    let step = Duration::from_millis(900);
    let world = World::slow(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))], step).await;
    let authority = Authority::before(world.sandbox.url(), Lives { really: two, told: two });
    let env = [&APP[..], &[("AZURE_CLIENT_SECRET", SECRET)]].concat();
    run(&world, &authority, &["apply", "--yes", "--through", "live"], &env).await.exits(0);
    let given = authority.given();
    assert!(given >= 3, "{given} tokens in a run of several seconds");
    world.declare("a", &offer("a", "newer"));
    run(&world, &authority, &["apply", "--yes", "--through", "preview", "--no-wait"], &env).await.exits(0);
    let given = authority.given();
    run(&world, &authority, &["wait", "contoso/a"], &env).await.exits(0);
    assert!(authority.given() >= given + 3, "{} and {given}", authority.given());
}

/// The directory says an hour, and the portal takes a token for much less: only the portal's 401 tells.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_early_is_renewed_after_a_401_in_the_middle_of_a_run() {
    let really = Duration::from_millis(700);
    for on_portal in [native as fn(&serde_json::Value) -> serde_json::Value, migrated] {
        let live = vec![on_portal(&offer("a", "old"))];
        let world = World::slow(live, &[("a", &offer("a", "new"))], Duration::from_millis(400)).await;
        let authority = Authority::before(world.sandbox.url(), Lives { really, told: HOUR });
        let env = [&APP[..], &[("AZURE_CLIENT_SECRET", SECRET)]].concat();
        let ran = run(&world, &authority, &["apply", "--yes", "--through", "live"], &env).await.exits(0);
        assert!(authority.given() >= 2, "{}\n{}", ran.stdout, ran.stderr);
        assert_eq!(world.slot("a", "production").await["definition"]["offer"][TITLE], "new");
        assert_eq!((world.count("POST", "/publish").await, world.count("POST", "/golive").await), (1, 1));
    }
}

/// Whatever request meets the end of a token, a write is only made again after a read.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_meets_the_end_of_its_token_is_made_again_after_a_read() {
    for (method, ending, read) in [("PUT", "/offers/a", "/offers/a"), ("POST", "/publish", "/submissions")] {
        let world = world().await;
        let front = Front::before(world.sandbox.url(), move |request| {
            let token = json!({"access_token": "CANARYtoken", "expires_in": 3600});
            let denied = json!({"Message": "Authorization has been denied for this request."});
            let meets = request.method == method && request.route().ends_with(ending) && request.earlier == 0;
            match request.route() {
                "/tenant/oauth2/v2.0/token" => Act::json("200 OK", &token),
                _ if meets => Act::json("401 Unauthorized", &denied),
                _ => Act::Forward,
            }
        });
        let mut command = offerctl(world.folder.path());
        command.args(["apply", "--yes", "--through", "live"]).env("OFFERCTL_ENDPOINT", &front.url);
        command.env("AZURE_AUTHORITY_HOST", &front.url).envs(APP).env("AZURE_CLIENT_SECRET", SECRET);
        let ran = run_beside(command).await.exits(0);
        let log = front.log();
        let is_write = |request: &Request| request.method == method && request.route().ends_with(ending);
        let writes = log.iter().enumerate().filter(|(_, request)| is_write(request)).map(|(at, _)| at);
        let [first, second] = writes.collect::<Vec<_>>()[..] else { panic!("{}\n{}", ran.stdout, ran.stderr) };
        let between = log[first..second].iter().map(Request::route).collect::<Vec<_>>();
        assert!(between.contains(&"/tenant/oauth2/v2.0/token"), "{between:?}");
        assert!(between.iter().any(|route| route.ends_with(read)), "{between:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_refused_for_good_is_not_asked_for_again_and_again() {
    let offers = (0..20).map(|n| offer(&format!("o{n}"), "t")).collect::<Vec<_>>();
    let files = offers.iter().map(|offer| (offer["id"].as_str().expect("an id"), offer)).collect::<Vec<_>>();
    let world = World::new(vec![], &files).await;
    let authority = Authority::before(world.sandbox.url(), Lives { really: Duration::ZERO, told: HOUR });
    let env = [&APP[..], &[("AZURE_CLIENT_SECRET", SECRET)]].concat();
    let refused = run(&world, &authority, &["plan"], &env).await.exits(4);
    assert_eq!(authority.given(), 2, "the first, and one more");
    let hint = "hint: the portal rejected the token of the credential client-secret (AZURE_CLIENT_SECRET): check \
        that it has not expired and is for https://cloudpartner.azure.com";
    assert!(refused.stdout.contains(hint), "{}", refused.stdout);
}

/// A redirect of the directory is not followed either: what would go with it is the application's secret.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_does_not_follow_a_redirect_of_the_directory() {
    let world = world().await;
    let stranger = Front::before(world.sandbox.url(), |_| Act::json("200 OK", &json!({"access_token": "t"})));
    let elsewhere = stranger.url.clone();
    let front = Front::before(world.sandbox.url(), move |_| {
        let answer = format!(
            "HTTP/1.1 307 Temporary Redirect\r\nlocation: {elsewhere}/x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        );
        Act::Instead(answer.into_bytes())
    });
    let mut command = offerctl(world.folder.path());
    command.args(["plan"]).env("OFFERCTL_ENDPOINT", world.sandbox.url()).envs(APP);
    command.env("AZURE_AUTHORITY_HOST", &front.url).env("AZURE_CLIENT_SECRET", SECRET);
    let ran = run_beside(command).await;
    assert_ne!(ran.code, 0, "{}", ran.stdout);
    assert_eq!(front.log().len(), 1);
    assert!(stranger.log().is_empty(), "{:?}", stranger.log());
}

/// What is asked at the address of the metadata service, and what it says.
fn metadata(request: &Request, cloud: &str) -> Act {
    let refusal = json!({"error": "invalid_request", "error_description": "Required metadata header not specified"});
    let token = json!({"access_token": "CANARYmachine", "expires_in": "3599"});
    let plain = |status: &str| Act::Instead(http_answer(status, b"{}"));
    match (cloud, request.header("metadata")) {
        ("silent", _) => Act::Hang,
        ("closed", _) => Act::Drop,
        ("aws", _) => plain("404 Not Found"),
        ("google", _) => {
            Act::Instead(http_answer("403 Forbidden", b"<html>Missing Metadata-Flavor:Google header.</html>"))
        }
        ("other", _) => plain("400 Bad Request"),
        ("proxy", _) => Act::json("200 OK", &token),
        (_, "") => Act::json("400 Bad Request", &refusal),
        ("none assigned", _) => Act::json(
            "400 Bad Request",
            &json!({"error": "invalid_request", "error_description": "Identity not found"}),
        ),
        // While it is updated, twice, and then for ever.
        ("updating", _) if request.earlier > 2 => Act::json("200 OK", &token),
        ("updating", _) => plain("410 Gone"),
        (status, _) => plain(&format!("{status} x\r\nretry-after: 0")),
    }
}

/// A probe decides whether the machine has a metadata service. One that is there is asked as documented, and its failure is
/// final: who would be asked next is somebody else.
#[tokio::test(flavor = "multi_thread")]
async fn an_identity_of_the_machine_is_not_replaced_by_a_person() {
    let world = world().await;
    write(world.folder.path(), "bin/az", "#!/bin/sh\nprintf '{\"accessToken\": \"CANARYaz\"}'\n");
    std::fs::set_permissions(world.path("bin/az"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("set");
    let path = format!("{}:/usr/bin:/bin", world.path("bin").display());
    let absent = (Some("azure-cli"), 0);
    for (cloud, (who, asked)) in [
        ("silent", absent),
        ("closed", absent),
        ("aws", absent),
        ("google", absent),
        ("other", absent),
        ("proxy", absent),
        ("updating", (Some("managed-identity"), 3)),
        ("none assigned", (None, 1)),
        ("404", (None, 8)),
        ("410", (None, 8)),
        ("429", (None, 8)),
        ("500", (None, 8)),
        ("503", (None, 8)),
    ] {
        let front = Front::before(world.sandbox.url(), move |request| metadata(request, cloud));
        let mut command = offerctl(world.folder.path());
        command.args(["doctor", "--endpoint", "https://portal.invalid"]).env("PATH", &path);
        // Nothing leaves this machine: the proxy is one that is not there.
        command.env("HTTPS_PROXY", "http://127.0.0.1:1").env("AZURE_POD_IDENTITY_AUTHORITY_HOST", &front.url);
        let ran = run_beside(command).await;
        let line = ran.stdout.lines().find(|line| line.contains(" credential   ")).unwrap_or_default().to_owned();
        assert_eq!(line.starts_with('✓'), who.is_some(), "{cloud}: {line}");
        assert!(line.contains(who.unwrap_or("managed-identity")) && !line.contains("CANARY"), "{cloud}: {line}");
        let log = front.log();
        let with_header = log.iter().filter(|request| request.header("metadata") == "true").count();
        assert_eq!((log.len() - with_header, with_header), (1, asked), "{cloud}: {line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_directory_repeats_or_pretends_is_not_shown_or_believed() {
    let world = world().await;
    let env = [&APP[..], &[("AZURE_CLIENT_SECRET", SECRET)]].concat();
    let echo = json!({"error": "invalid_client", "error_description": format!("wrong: {SECRET}")}).to_string();
    for (answer, body, code, said) in [
        ("401 x", echo.as_str(), 4, "wrong: REDACTED"),
        ("200 OK", "<html><title>Sign in</title></html>", 1, "the answer is not a directory's"),
        ("200 OK", "{}", 4, "the answer holds no access token"),
    ] {
        let body = body.to_owned();
        let front = Front::before(world.sandbox.url(), move |_| Act::Instead(http_answer(answer, body.as_bytes())));
        let mut command = offerctl(world.folder.path());
        command.args(["plan", "-vvv"]).env("OFFERCTL_ENDPOINT", world.sandbox.url());
        command.env("AZURE_AUTHORITY_HOST", &front.url).envs(env.iter().copied());
        let ran = run_beside(command).await.exits(code);
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
        assert!(!ran.stderr.contains("CANARY"), "{}", ran.stderr);
    }
}
