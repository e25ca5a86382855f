//! Every way in which the portal says no, and every form in which it says where an operation is: what the user sees of
//! each is one golden text, `errors.txt`, to be read from the first line to the last.

use std::fmt::Write as _;

use serde_json::{Value, json};
use snapbox::{assert_data_eq, file};

use crate::support::front::{Act, Front, Request};
use crate::support::{Ran, World, migrated, native, offer, offerctl, run_beside};

/// One answer to one request.
struct Case {
    what: &'static str,
    /// The beginning of the request that gets it: `GET /offers/a`.
    to: &'static str,
    status: &'static str,
    body: String,
}

fn case(what: &'static str, to: &'static str, status: &'static str, body: &Value) -> Case {
    Case { what, to, status, body: body.to_string() }
}

fn raw(what: &'static str, to: &'static str, status: &'static str, body: &str) -> Case {
    Case { what, to, status, body: body.to_owned() }
}

const GET: &str = "GET /offers/a";
const PUT: &str = "PUT /offers/a";
const PUBLISH: &str = "POST /offers/a/publish";
const FRAMES: &str = "\r\n   at Contoso.Shim.CppOperationController.GetAsync() in D:\\build\\CppShimming\\Controller.cs:line 42\r\n   at lambda_method(Closure , Object )";

fn error(code: &str, message: &str) -> Value {
    json!({"error": {"code": code, "message": message}})
}

fn service(name: &str, exception: &str, status: &str, message: &str) -> Value {
    let error = format!("Contoso.Exceptions.{exception}: {message}{FRAMES}");
    json!({name: {"serviceName": name, "error": error, "exceptionCode": exception, "httpStatusCode": status}})
}

fn cases() -> Vec<Case> {
    let title = "microsoft-azure-marketplace.title";
    let conflict = "snapshot() resulted in an internal conflict! Retry is OK.\r\n[ \"azure-sku [variantId: 1, configuration.externalId: basic] -- mismatch(1)\" ]";
    vec![
        case(
            "the API version",
            GET,
            "400 x",
            &error("InvalidAPIVersion", "The version is not supported. Allowed: [2016-08-01-preview]."),
        ),
        case(
            "a missing field",
            PUT,
            "400 x",
            &error("BadRequest", "The argument: 'OfferTypeId' cannot be null or empty."),
        ),
        case(
            "details",
            PUT,
            "400 x",
            &json!({"error": {"code": "BadRequest", "message": "Two fields are not valid.",
            "details": [{"code": "TooLong", "message": format!("The value of {title} is too long.")}, {"message": "Plan 'basic' has no image."}]}}),
        ),
        case("a token", GET, "401 x", &json!({"Message": "Authorization has been denied for this request."})),
        case("a permission", GET, "403 x", &error("Forbidden", "User does not have the required permissions")),
        raw("a proxy's 404", GET, "404 x", "<html><head><title>404 Not Found</title></head><body>nginx</body></html>"),
        case(
            "a method",
            GET,
            "405 x",
            &json!({"Message": "The requested resource does not support http method 'GET'."}),
        ),
        case(
            "an offer that exists",
            PUT,
            "409 x",
            &error("InvalidResourceId", "Offer ID already exists. Send If-Match to update it."),
        ),
        case(
            "a portal that is busy",
            PUBLISH,
            "409 x",
            &service("Submission", "Http409Exception", "Conflict", "An operation is running."),
        ),
        case("a stale ETag", PUT, "412 x", &error("PreconditionFailed", "The ETag does not match.")),
        case(
            "what is not valid, by the shim",
            PUBLISH,
            "422 x",
            &json!(format!("Contoso.Ingestion.Api.Common.Exceptions.Http422Exception: {title} is missing.{FRAMES}")),
        ),
        case(
            "what is not valid, natively",
            PUBLISH,
            "422 x",
            &json!({"error": {"code": "Invalid", "message": "The offer cannot be published.",
            "details": [{"code": "NoImage", "message": "Plan 'basic' has no image."}, {"code": "NoTitle", "message": "'title' is missing."}]}}),
        ),
        case("too many requests", PUT, "429 x\r\nretry-after: 0", &json!({})),
        case(
            "the services of the shim",
            PUT,
            "500 x",
            &service("Variant", "InternalException", "InternalServerError", conflict),
        ),
        case(
            "two services",
            PUT,
            "500 x",
            &json!({
            "Product": {"serviceName": "Product", "error": "one thing", "httpStatusCode": "BadRequest"},
            "Variant": {"serviceName": "Variant", "error": "another thing", "httpStatusCode": 500},
            "Listing": {"serviceName": "Listing", "error": null, "httpStatusCode": "OK"}}),
        ),
        case(
            "a failure in a success",
            PUT,
            "200 OK",
            &service("Product", "Http400Exception", "BadRequest", "The image cannot be read."),
        ),
    ]
}

/// Bodies that are not of the portal's own forms, and those that hold too much.
fn strange_cases() -> Vec<Case> {
    vec![
        raw(
            "an error with an inner one",
            GET,
            "500 x",
            &json!(format!(
                "System.AggregateException: One or more errors occurred. ---> Contoso.InnerException: timeout{FRAMES}"
            ))
            .to_string(),
        ),
        raw(
            "a frame in the same line",
            GET,
            "500 x",
            &json!("System.Exception: it broke   at A.B.C(String d) in C:\\x\\y.cs:line 3").to_string(),
        ),
        raw("no body", GET, "500 x", ""),
        raw("null", GET, "500 x", "null"),
        raw("an error cut off", GET, "500 x", "{\"error\":{\"code\":\"Internal"),
        raw("a document cut off", GET, "200 OK", "{\"id\":\"a\",\"definition\":{"),
        raw("a web page", GET, "502 x", "<html><title>502 Bad Gateway</title></html>"),
        raw("a gateway's line", GET, "504 x", "upstream request timeout"),
        raw("a page in the place of an offer", GET, "200 OK", "<html><title>Sign in</title></html>"),
        case("something else in its place", GET, "200 OK", &json!({"hello": "world"})),
        raw("a redirect", GET, "302 x\r\nlocation: https://login.example/?sig=CANARYsig", ""),
        raw("not implemented", GET, "501 x", ""),
        raw(
            "secrets in a message",
            GET,
            "400 x",
            &json!({"Message": "bad: https://h/v.vhd?sig=CANARYsig Bearer CANARYtoken AccountKey=CANARYkey\u{1b}[31m"})
                .to_string(),
        ),
    ]
}

/// The lines that tell of the offer, and those of an error.
fn seen(ran: &Ran) -> String {
    let mut out = format!("exit {}\n", ran.code);
    let lines = ran.stdout.lines().skip_while(|line| !line.starts_with(['?', '✗', '✓', '…']));
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with("Plan ")) {
        let _ = writeln!(out, "{line}");
    }
    for line in ran.stderr.lines().filter(|line| line.contains("error:") || line.contains("hint:")) {
        let _ = writeln!(out, "{line}");
    }
    out
}

async fn run(world: &World, front: &Front, args: &[&str]) -> Ran {
    let mut command = offerctl(world.folder.path());
    command.args(args).args(["--retries", "1"]).env("OFFERCTL_ENDPOINT", &front.url);
    command.env("OFFERCTL_TOKEN", "CANARYtoken");
    run_beside(command).await
}

async fn what_the_user_sees(case: &Case) -> String {
    let world = World::new(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await;
    let (method, path) = case.to.split_once(' ').expect("a method and a path");
    let (method, path) = (method.to_owned(), path.to_owned());
    let answer = format!(
        "HTTP/1.1 {}\r\nx-ms-correlation-request-id: 1-2-3\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{}",
        case.status,
        case.body.len(),
        case.body
    );
    let front = Front::before(world.sandbox.url(), move |request| {
        if request.method == method && request.route().ends_with(&path) {
            Act::Instead(answer.clone().into_bytes())
        } else {
            Act::Forward
        }
    });
    let args: &[&str] = match case.to {
        GET => &["plan"],
        PUT => &["apply", "--yes"],
        _ => &["apply", "--yes", "--through", "preview"],
    };
    format!(
        "== {} ({} → {})\n{}\n",
        case.what,
        case.to,
        case.status.split(['\r', ' ']).next().unwrap_or(""),
        seen(&run(&world, &front, args).await)
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn every_no_of_the_portal_is_one_line_with_the_next_thing_to_do() {
    let mut text = String::new();
    for case in cases().into_iter().chain(strange_cases()) {
        text += &what_the_user_sees(&case).await;
    }
    for never in ["CANARY", "at Contoso.", "at A.B", "lambda_method", ".cs:", "D:\\", "Exception: ", "\u{1b}"] {
        assert!(!text.contains(never), "{never:?} is in\n{text}");
    }
    assert_data_eq!(text, file!["errors.txt"]);
}

/// The forms of the link to an operation; `{}` stands for the operation's own path.
const LINKS: [(&str, &[&str]); 9] = [
    ("relative, in Location", &["Location: {}?api-version=2017-10-31"]),
    ("relative, in Operation-Location", &["Operation-Location: {}?api-version=2017-10-31"]),
    ("without the version", &["Location: {}"]),
    ("absolute, at the portal", &["Location: http://HOST{}?api-version=2017-10-31"]),
    ("absolute, elsewhere", &["Location: http://STRANGER{}?api-version=2017-10-31"]),
    ("without a scheme, elsewhere", &["Operation-Location: //STRANGER{}"]),
    ("elsewhere first, then here", &["Location: http://STRANGER{}", "Operation-Location: {}?api-version=2017-10-31"]),
    ("nonsense", &["Location: :::"]),
    ("none", &[]),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_is_found_whatever_the_link_and_no_token_leaves_the_portal() {
    let mut text = String::new();
    for (profile, on_portal) in [("native", native as fn(&Value) -> Value), ("migrated", migrated)] {
        for (what, links) in LINKS {
            let (polled, stranger) = goes_to_preview(on_portal, links).await;
            assert!(stranger.iter().all(|request| request.bearer().is_empty()), "{what}: {stranger:?}");
            let _ = writeln!(text, "{profile}, {what}: {polled}; {} requests elsewhere", stranger.len());
        }
    }
    assert_data_eq!(text, file!["links.txt"]);
}

/// Which operation was polled, and what arrived at the other server.
async fn goes_to_preview(on_portal: fn(&Value) -> Value, links: &'static [&'static str]) -> (String, Vec<Request>) {
    let world = World::new(vec![on_portal(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await;
    let stranger = Front::before(world.sandbox.url(), |_| Act::json("200 OK", &json!({})));
    let host = stranger.url.trim_start_matches("http://").to_owned();
    // The native path can be known beforehand. That of a migrated offer holds a fresh id, which its list of submissions
    // tells; here any will do, since what is asked is where the client goes.
    let path = match on_portal(&json!({}))["pcMigrationStatus"].as_str() {
        Some("none") => "/api/operations/contoso$a$1$preview",
        _ => "/api/publishers/contoso/offers/a/operations/00000000-0000-4000-8000-000000000000",
    };
    let front = Front::before(world.sandbox.url(), move |request| {
        if request.method != "POST" {
            return Act::Forward;
        }
        let fill =
            |link: &&str| link.replace("{}", path).replace("STRANGER", &host).replace("HOST", request.header("host"));
        Act::Links(links.iter().map(fill).collect())
    });
    run(&world, &front, &["apply", "--yes", "--through", "preview"]).await.exits(0);
    let log = front.log();
    let polls = log.iter().filter(|request| request.route().contains("/operations/"));
    let mut paths = polls.map(|request| request.path.clone()).collect::<Vec<_>>();
    paths.dedup();
    let polled = if paths.is_empty() { "the status and the submissions".to_owned() } else { paths.join(", ") };
    (polled, stranger.log())
}
