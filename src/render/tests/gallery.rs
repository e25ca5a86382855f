//! Plans of every kind, for the renderers: each is made by the planner itself from two documents. What each renderer
//! makes of all of them is a golden text beside this file, to be read from the first line to the last;
//! `SNAPSHOTS=overwrite cargo test --lib gallery` writes them anew.

use std::fmt::Write as _;
use std::sync::LazyLock;

use serde_json::{Map, Value, json};
use snapbox::{assert_data_eq, file};

use crate::content::{Contents, Seen};
use crate::diagnostic::{Source, Sources, Span};
use crate::error::Exit;
use crate::live::{Live, LiveOffer};
use crate::model::{Artifact, Content, Digest, ETag, Entry, Kind, LocalFile, Node, SecretRef};
use crate::plan::{Choices, Context, Estimate, InProgress, Plan, ReleaseView, Since, Taken, Unread, Verdict, decide};
use crate::render::{Paint, Places, PlanOptions};
use crate::schema::Schemas;
use crate::workspace::{Desired, Ignore, Reconcile, Through};

const VM: &str = "microsoft-azure-virtualmachines";
const APP: &str = "microsoft-azure-applications";
pub(super) const OFFER: &str = "/definition/offer/microsoft-azure-marketplace.";
pub(super) const PLAN: &str = "/definition/plans/0/";

/// A plan and what it shows.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) plan: Plan,
}

fn image(version: &str) -> Value {
    json!({
        "osVhdUrl": format!("https://h.blob.core.windows.net/v/{version}.vhd?sv=2018&sp=rl&se=2999-01-01&sig=CANARYsig"),
        "lunVhdDetails": [],
    })
}

/// A listing with one plan.
pub(super) fn offer() -> Value {
    let mut offer = json!({
        "publisherId": "contoso", "id": "gateway", "offerTypeId": VM, "version": 7,
        "definition": {"displayText": "Gateway", "offer": {}, "plans": [{
            "planId": "basic", "regions": ["AT", "BE", "CH", "DE", "NO"],
            "virtualMachinePricing": {
                "isByol": false, "freeTrialDurationInMonths": 0,
                "coreMultiplier": {"currency": "USD", "individually": {"sharedcore": 0.02, "1core": 0.04, "2core": 0.08, "4core": 1.25}},
            },
        }]},
    });
    let listing = [
        ("title", json!("Contoso Gateway")),
        ("summary", json!("Connects plants to the cloud.")),
        (
            "longSummary",
            json!("Connects plants to the cloud. It needs no line into the plant. It is set up in an hour."),
        ),
        (
            "description",
            json!(concat!(
                "<h2>Why</h2>\n<p>The gateway collects what your machines say, and sends it on.</p>\n<p>It buffers for a day.</p>\n",
                "<ul>\n<li>Modbus</li>\n<li>OPC UA</li>\n</ul>\n<p>See <a href=\"https://docs.contoso.example\">the handbook</a>.</p>\n",
            )),
        ),
        ("smallLogo", json!("https://cdn.contoso.example/48.png")),
        ("screenshots", json!([])),
        ("privacyURL", json!("https://contoso.example/privacy")),
        ("allowedSubscriptions", json!(["3f8a1c52-6d0e-4b97-a2f4-5c7e90b1d386"])),
        ("categoryMap", json!([{"categoryL1": "networking", "categoryL2-networking": ["appliances"]}])),
        ("usefulLinks", json!([{"linkTitle": "Handbook", "linkUrl": "https://docs.contoso.example"}])),
    ];
    for (name, value) in listing {
        set(&mut offer, &format!("{OFFER}{name}"), value);
    }
    for (name, value) in [
        ("skuTitle", json!("Basic")),
        ("skuSummary", json!("For one plant.")),
        ("skuDescription", json!("<p>For one plant with up to <b>40</b> machines.</p>")),
        ("hideSKUForSolutionTemplate", json!(false)),
        ("vmImages", json!({"1.0.0": image("1.0.0"), "1.1.0": image("1.1.0")})),
    ] {
        set(&mut offer, &format!("{PLAN}{VM}.{name}"), value);
    }
    offer
}

/// Sets what a pointer names; its last step may be new.
pub(super) fn set(document: &mut Value, pointer: &str, value: Value) {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let parent = document.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}"));
    match parent {
        Value::Array(items) => items[key.parse::<usize>().expect("an index")] = value,
        parent => parent[key] = value,
    }
}

fn take(document: &mut Value, pointer: &str, key: &str) {
    let parent = document.pointer_mut(pointer).and_then(Value::as_object_mut).expect("an object");
    parent.remove(key).expect("a key");
}

/// A node whose lines count up; `"!absent"`, `"!secret NAME"` and `"!file PATH"` stand for the tags.
fn node(value: &Value, line: &mut usize) -> Node {
    *line += 1;
    let span = Span { line: *line, column: 1, ..Span::default() };
    let kind = match value {
        Value::String(text) if text == "!absent" => Kind::Absent,
        Value::String(text) if text.starts_with("!secret ") => Kind::Secret(SecretRef::Env(text[8..].to_owned())),
        Value::String(text) if text.starts_with("!file ") => {
            Kind::Artifact(Artifact::File(LocalFile { path: text[6..].to_owned(), content: Content::of(b"picture") }))
        }
        Value::String(text) if text.starts_with("!artifact ") => Kind::Artifact(Artifact::Url(text[10..].to_owned())),
        Value::Array(items) => Kind::List(items.iter().map(|item| node(item, line)).collect()),
        Value::Object(map) => Kind::Map(
            map.iter()
                .map(|(key, value)| {
                    let key_span = Span { line: *line + 1, column: 1, ..Span::default() };
                    Entry { key: key.clone(), key_span, value: node(value, line) }
                })
                .collect(),
        ),
        scalar => Kind::Scalar(scalar.clone()),
    };
    Node { kind, span }
}

/// Two documents and what else decides.
struct World {
    live: Option<Value>,
    declared: Value,
    reconcile: Reconcile,
    release: ReleaseView,
    contents: Contents,
}

impl World {
    fn new() -> Self {
        Self {
            live: Some(offer()),
            declared: offer(),
            reconcile: Reconcile::default(),
            release: ReleaseView::NOTHING,
            contents: Contents::default(),
        }
    }

    fn verdict(self) -> Verdict {
        let desired = Desired { reconcile: self.reconcile, ..desired(&self.declared) };
        let live = match self.live {
            None => Live::Absent,
            Some(document) => Live::Present(LiveOffer { document, etag: Some(ETag::new("W/1")) }),
        };
        let shape = Schemas::builtin().shape(&desired.offer_type);
        decide(&desired, &live, &self.release, self.contents, shape, &Choices::default())
    }
}

/// What a file declares whose lines count up.
pub(super) fn desired(declared: &Value) -> Desired {
    let part = |name: &str| declared[name].as_str().expect("a name");
    let path = format!("offers/{}.yaml", part("id"));
    Desired {
        key: format!("{}/{}", part("publisherId"), part("id")).parse().expect("a key"),
        document: node(declared, &mut 1).into(),
        reconcile: Reconcile::default(),
        sources: Sources::new(Source { path: path.as_str().into(), text: "".into() }),
        files: vec![(path, Digest::of(b"a"))],
        offer_type: part("offerTypeId").to_owned(),
    }
}

fn plan_of(worlds: impl IntoIterator<Item = World>) -> Plan {
    Plan::of(worlds.into_iter().map(World::verdict), Context::default())
}

/// A plan of one offer, as `edit` makes its world.
fn one(name: &'static str, edit: impl FnOnce(&mut World)) -> Case {
    let mut world = World::new();
    edit(&mut world);
    Case { name, plan: plan_of([world]) }
}

/// A plan of one offer whose file declares another value at a pointer.
fn declares(name: &'static str, pointer: &str, value: Value) -> Case {
    one(name, |world| set(&mut world.declared, pointer, value))
}

/// What a hostile author writes where a text is expected.
pub(crate) const HOSTILE: &str = concat!(
    "\u{1b}[31mred\u{1b}[0m\r::set-output name=x::1 ##[error]y ##vso[task.setvariable]z %0A%0D `code` ```fence``` </details>",
    "<script>alert(1)</script> @contoso/team #1 GH-2 https://evil.example/x www.evil.example ![x](https://evil.example/i.png) ",
    "<!-- c --> | cell | \u{202e}rtl\u{202c} \u{61c}\u{200b}\u{200d}\u{200f}\u{2060}\u{2064}\u{e0041}\u{e007f} &lt; $x$ :tada:",
);

fn hostile_lines() -> String {
    let lines = [
        "::set-output name=x::1",
        "##[group]g",
        "````",
        "```",
        "</code></pre></details>",
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "# heading",
        "- [ ] task @contoso",
        "\u{202e}rtl",
        "%0A::error::x",
        "| a | b |",
        "\u{1b}]0;title\u{7}",
        "offerctl:plan -->",
        "~~~~~~",
    ];
    lines.iter().fold(String::new(), |text, line| text + line + "\n")
}

/// The gallery, part by part.
pub(crate) fn cases() -> &'static [Case] {
    static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
        let parts = [texts(), members(), prices(), guards(), releases(), scopes(), left_out(), hostile()];
        parts.into_iter().flatten().collect()
    });
    &CASES
}

fn texts() -> Vec<Case> {
    let description = offer().pointer(&format!("{OFFER}description")).and_then(Value::as_str).expect("HTML").to_owned();
    let html = |text: String| json!(text);
    vec![
        one("no change", |_| {}),
        declares("a title", &format!("{OFFER}title"), json!("Contoso Hub")),
        declares(
            "words of a description",
            &format!("{OFFER}description"),
            html(description.replace("for a day", "for two days").replace("machines say", "machines tell")),
        ),
        declares(
            "only the markup of a description",
            &format!("{OFFER}description"),
            html(description.replace("<h2>", "<h3>").replace("</h2>", "</h3>")),
        ),
        declares(
            "the address of a link",
            &format!("{OFFER}description"),
            html(description.replace("docs.contoso.example", "docs.fabrikam.example")),
        ),
        declares(
            "a sentence of one long line",
            &format!("{OFFER}longSummary"),
            json!("Connects plants to the cloud. It needs no hole in your firewall. It is set up in an hour."),
        ),
        declares("white space", &format!("{OFFER}summary"), json!("Connects  plants to the cloud.")),
        declares(
            "wide characters",
            &format!("{OFFER}title"),
            json!("工場をクラウドに接続します。工場をクラウドに接続します。 Grüße aus München 🙂"),
        ),
        one("a property that goes", |world| set(&mut world.declared, &format!("{OFFER}privacyURL"), json!("!absent"))),
        declares("a value of another type", &format!("{OFFER}leadDestination"), json!("None")),
    ]
}

fn members() -> Vec<Case> {
    let images = format!("{PLAN}{VM}.vmImages");
    let pro = || {
        let mut plan = offer()["definition"]["plans"][0].clone();
        plan["planId"] = json!("pro");
        plan
    };
    vec![
        declares("regions come and go", &format!("{PLAN}regions"), json!(["AT", "BE", "CH", "DE", "SE", "US"])),
        one("image versions come and go", |world| {
            take(&mut world.declared, &images, "1.0.0");
            world.declared.pointer_mut(&images).expect("images")["1.2.0"] = image("1.2.0");
            world.declared.pointer_mut(&images).expect("images")["1.3.0"] = image("1.3.0");
        }),
        one("an image version with another number", |world| {
            take(&mut world.declared, &images, "1.1.0");
            world.declared.pointer_mut(&images).expect("images")["1.1.1"] = image("1.1.0");
        }),
        one("a plan with another name", |world| {
            world.declared["definition"]["plans"] = json!([pro()]);
            set(&mut world.declared, &format!("{PLAN}{VM}.skuTitle"), json!("Pro"));
        }),
        one("a new plan", |world| {
            let plans = world.declared["definition"]["plans"].as_array_mut().expect("plans");
            plans.push(json!({"planId": "pro", "regions": ["DE"], "microsoft-azure-virtualmachines.skuTitle": "Pro",
                "virtualMachinePricing": {"isByol": false, "coreMultiplier": {"currency": "USD", "single": 0.5}}}));
        }),
        one("a plan that goes", |world| {
            let live = world.live.as_mut().expect("live");
            live["definition"]["plans"]
                .as_array_mut()
                .expect("plans")
                .push(json!({"planId": "old", "regions": ["DE"]}));
        }),
        declares(
            "a list in order",
            &format!("{OFFER}screenshots"),
            json!([{"title": "One", "url": "https://cdn.contoso.example/1.png"}, {"title": "Two", "url": "https://cdn.contoso.example/2.png"}]),
        ),
        one("fewer members of a list in order", |world| {
            let shots = json!(["https://cdn.contoso.example/1.png", "https://cdn.contoso.example/2.png"]);
            set(world.live.as_mut().expect("live"), &format!("{OFFER}screenshots"), shots);
            set(&mut world.declared, &format!("{OFFER}screenshots"), json!(["https://cdn.contoso.example/2.png"]));
        }),
        declares(
            "categories by identity",
            &format!("{OFFER}categoryMap"),
            json!([{"categoryL1": "networking", "categoryL2-networking": ["appliances", "firewalls"]}, {"categoryL1": "iot"}]),
        ),
        one("packages come and go", |world| {
            let package = |version: &str| json!({"packageVersion": {"packageFile": format!("https://h/{version}.zip")}, "authorizations": []});
            let app = |versions: &[&str]| {
                let packages = versions.iter().map(|v| ((*v).to_owned(), package(v))).collect::<Map<_, _>>();
                json!({"publisherId": "contoso", "id": "app", "offerTypeId": APP, "definition": {
                    "offer": {"microsoft-azure-marketplace.title": "App"},
                    "plans": [{"planId": "managed", "microsoft-azure-applications.package": packages}]}})
            };
            world.live = Some(app(&["1.0.0", "1.1.0"]));
            world.declared = app(&["1.1.0", "2.0.0"]);
        }),
    ]
}

fn prices() -> Vec<Case> {
    let sizes = format!("{PLAN}virtualMachinePricing/coreMultiplier/individually");
    let by_region = |prices: &[(&str, f64, f64)]| {
        let regions =
            prices.iter().map(|(region, two, four)| ((*region).to_owned(), json!({"2core": two, "4core": four})));
        json!({"isByol": false, "regionPrices": regions.collect::<Map<_, _>>()})
    };
    vec![
        one("prices by core size", |world| {
            set(
                &mut world.declared,
                &sizes,
                json!({"sharedcore": 0.02, "1core": 0.05, "2core": 0.1, "4core": 1.5, "8core": 2.75}),
            );
        }),
        one("prices of two properties that are one", |world| {
            for document in [world.live.as_mut().expect("live"), &mut world.declared] {
                let price = document["definition"]["plans"][0]["virtualMachinePricing"].clone();
                document["definition"]["plans"][0]["virtualMachinePricingV2"] = price;
            }
            for block in ["virtualMachinePricing", "virtualMachinePricingV2"] {
                set(&mut world.declared, &format!("{PLAN}{block}/coreMultiplier/individually/4core"), json!(1));
            }
        }),
        one("prices by region", |world| {
            let old = by_region(&[("AT", 1.25, 2.0), ("BE", 1.25, 2.0), ("CH", 1.25, 2.0), ("DE", 1.2, 2.0)]);
            let new = by_region(&[("AT", 1.5, 2.0), ("BE", 1.5, 2.0), ("CH", 1.5, 2.5), ("DE", 0.0, 2.0)]);
            set(world.live.as_mut().expect("live"), &format!("{PLAN}virtualMachinePricing"), old);
            set(&mut world.declared, &format!("{PLAN}virtualMachinePricing"), new);
        }),
        one("a price in another currency", |world| {
            set(&mut world.declared, &format!("{PLAN}virtualMachinePricing/coreMultiplier/currency"), json!("EUR"));
            set(&mut world.declared, &format!("{sizes}/1core"), json!(0.039));
        }),
        declares("a free trial", &format!("{PLAN}virtualMachinePricing/freeTrialDurationInMonths"), json!(1)),
        one("another way to price", |world| {
            let single = json!({"isByol": false, "freeTrialDurationInMonths": 0, "coreMultiplier": {"currency": "USD", "single": 0.3}});
            set(&mut world.declared, &format!("{PLAN}virtualMachinePricing"), single);
        }),
    ]
}

fn guards() -> Vec<Case> {
    let images = format!("{PLAN}{VM}.vmImages");
    vec![
        one("a removal that is accepted", |world| {
            take(&mut world.declared, &images, "1.0.0");
            world.reconcile.allow = vec!["remove-image:basic/1.0.0".to_owned()];
        }),
        declares("what cannot change", "/offerTypeId", json!("microsoft-azure-corevm")),
        declares("a plan that is hidden", &format!("{PLAN}{VM}.hideSKUForSolutionTemplate"), json!(true)),
        declares(
            "a wider audience",
            &format!("{OFFER}allowedSubscriptions"),
            json!(["3f8a1c52-6d0e-4b97-a2f4-5c7e90b1d386", "70c4b8e9-fd21-4a63-95b7-2ea61c0d84f3"]),
        ),
        one("a publish of other content runs", |world| {
            set(&mut world.declared, &format!("{OFFER}title"), json!("Contoso Hub"));
            world.reconcile.through = Through::Live;
            world.release.in_progress = InProgress::Publishing(crate::plan::Content::Unknown);
        }),
        one("everything at once, the gravest first", |world| {
            take(&mut world.declared, &images, "1.0.0");
            for (pointer, value) in [
                (format!("{OFFER}title"), json!("Contoso Hub")),
                (format!("{OFFER}smallLogo"), json!("https://cdn.contoso.example/hub.png")),
                (format!("{PLAN}regions"), json!(["AT", "BE"])),
                (format!("{PLAN}virtualMachinePricing/coreMultiplier/individually/4core"), json!(2)),
                (format!("{PLAN}{VM}.hideSKUForSolutionTemplate"), json!(true)),
                (format!("{PLAN}{VM}.supportsCloudInit"), json!(true)),
            ] {
                set(&mut world.declared, &pointer, value);
            }
        }),
    ]
}

fn releases() -> Vec<Case> {
    vec![
        one("a new offer", |world| world.live = None),
        one("a draft that only has to be released", |world| world.reconcile.through = Through::Preview),
        one("a change that goes live", |world| {
            set(&mut world.declared, &format!("{OFFER}title"), json!("Contoso Hub"));
            world.reconcile.through = Through::Live;
        }),
        one("edits of the portal that go live too", |world| {
            let mut production = offer();
            set(&mut production, &format!("{OFFER}summary"), json!("Connects things."));
            set(&mut production, &format!("{PLAN}regions"), json!(["AT", "BE", "CH", "DE"]));
            set(&mut world.declared, &format!("{OFFER}title"), json!("Contoso Hub"));
            world.reconcile.through = Through::Live;
            let estimate = Estimate { step: "Certification <b>".to_owned(), estimate: "4 hours\u{1b}[31m".to_owned() };
            world.release = ReleaseView {
                production_document: Some(production),
                estimates: vec![estimate],
                ..ReleaseView::NOTHING
            };
        }),
    ]
}

/// Plans that do not cover everything, or were not made from the portal.
fn scopes() -> Vec<Case> {
    let title = |world: &mut World| set(&mut world.declared, &format!("{OFFER}title"), json!("Contoso Hub"));
    let case = |name, context| Case { name, plan: Plan::of(one(name, title).plan.verdicts(), context) };
    let since = Some(Since { revision: "origin/main\u{202e}".to_owned(), left_out: 12 });
    let portal = "https://portal.example".to_owned();
    let snapshot = Some(Taken { portal, taken: "2026-11-25T08:00:00Z".to_owned(), age_seconds: 5_400 });
    vec![
        case("only what changed since a revision", Context { since, ..Context::default() }),
        case("made from a snapshot", Context { snapshot, ..Context::default() }),
    ]
}

fn left_out() -> Vec<Case> {
    let title = |world: &mut World| set(&mut world.declared, &format!("{OFFER}title"), json!("Contoso Hub"));
    let unread = |key: &str, cause: &str, hint: Option<&str>| Unread {
        key: key.parse().expect("a key"),
        cause: cause.to_owned(),
        hint: hint.map(ToOwned::to_owned),
        denied: false,
    };
    let denied = Verdict::Unread(unread(
        "contoso/monitor",
        "the portal answered 403 Forbidden",
        Some("ask for the role of an owner"),
    ));
    let changed = one("one changed, one as it is, two not read", title).plan;
    let unchanged = plan_of([World::new()]);
    let late = Verdict::Unread(unread("contoso/other", "no answer within 30 s", None));
    let partly = changed.verdicts().chain(unchanged.verdicts()).chain([denied.clone(), late]);
    let partly = Plan::of(partly, Context::default());
    let alone = Plan::of([denied], Context::default());
    vec![
        Case { name: "one changed, one as it is, two not read", plan: partly },
        Case { name: "nothing could be read", plan: alone },
        one("secrets, and what nobody manages", |world| {
            title(world);
            let live = world.live.as_mut().expect("live");
            live["definition"]["offer"]["vendor.own"] = json!({"a": 1});
            set(live, &format!("{OFFER}leadDestination"), json!("HttpsEndpoint"));
            set(&mut world.declared, &format!("{OFFER}leadDestination"), json!("HttpsEndpoint"));
            let lead = json!({"httpsEndpoint": "!secret LEAD_URL"});
            set(&mut world.declared, &format!("{OFFER}httpsEndpointLeadConfiguration"), lead);
        }),
        one("what is ignored, hidden and not seen", |world| {
            title(world);
            world.reconcile.ignore = vec![Ignore {
                tokens: ["definition", "plans", "basic", "microsoft-azure-virtualmachines.vmImages", "1.0.0"]
                    .map(ToOwned::to_owned)
                    .to_vec(),
            }];
            take(&mut world.declared, &format!("{PLAN}{VM}.vmImages"), "1.0.0");
            set(&mut world.declared, &format!("{PLAN}regions"), json!(["NO", "DE", "CH", "BE", "AT"]));
            let logo = json!("!artifact https://cdn.contoso.example/48.png");
            set(&mut world.declared, &format!("{OFFER}smallLogo"), logo);
            let copy = "https://publishingapistore1.blob.core.windows.net/copy/48.png";
            set(world.live.as_mut().expect("live"), &format!("{OFFER}smallLogo"), json!(copy));
            world.contents.note(copy, Seen::Unknown("answered 403".to_owned()));
        }),
        one("a picture that is uploaded", |world| {
            set(&mut world.declared, &format!("{OFFER}smallLogo"), json!("!file art/48.png"));
        }),
    ]
}

fn hostile() -> Vec<Case> {
    let long = "lorem ipsum dolor ".repeat(60_000);
    vec![
        declares("hostile: a short text", &format!("{OFFER}title"), json!(HOSTILE)),
        declares("hostile: lines", &format!("{OFFER}description"), json!(hostile_lines())),
        one("hostile: names of fields, plans and versions", |world| {
            let plan = &mut world.declared["definition"]["plans"][0];
            plan[format!("x.{HOSTILE}")] = json!({HOSTILE: HOSTILE, "::error::x": ["##[error]", "`"]});
            plan["microsoft-azure-virtualmachines.vmImages"][HOSTILE] = image("1");
            let live = world.live.as_mut().expect("live");
            live["definition"]["plans"].as_array_mut().expect("plans").push(json!({"planId": HOSTILE}));
            live["definition"]["plans"][0]["microsoft-azure-virtualmachines.vmImages"]["::error::x"] = image("2");
        }),
        declares(
            "hostile: a listing",
            &format!("{OFFER}description"),
            json!(concat!(
                "<p style=\"position:fixed\" onclick=\"x()\">Text<script>alert(1)</script><img src=https://evil.example/i.png>",
                "<a href=\"javascript:alert(1)\">a</a><iframe src=https://evil.example></iframe><style>*{display:none}</style>",
                "</details></article></main><base href=https://evil.example><form action=https://evil.example><input></form></p>",
            )),
        ),
        declares("hostile: a megabyte in a line", &format!("{OFFER}longSummary"), json!(long)),
        declares("hostile: a megabyte without a space", &format!("{OFFER}description"), json!("x".repeat(1_000_000))),
        Case {
            name: "hostile: a cause",
            plan: Plan::of(
                [Verdict::Unread(Unread {
                    key: "contoso/a".parse().expect("a key"),
                    cause: HOSTILE.to_owned(),
                    hint: Some(HOSTILE.to_owned()),
                    denied: false,
                })],
                Context::default(),
            ),
        },
    ]
}

/// What a renderer makes of the whole gallery, each under its name.
pub(crate) fn rendered(render: &dyn Fn(&Plan) -> String) -> String {
    rendered_cases(cases().iter(), render)
}

fn rendered_cases<'a>(cases: impl Iterator<Item = &'a Case>, render: &dyn Fn(&Plan) -> String) -> String {
    let mut all = String::new();
    for case in cases {
        let text = render(&case.plan);
        assert!(!text.contains("CANARY"), "{}: {text}", case.name);
        assert_inert(case.name, &text);
        assert!(text.len() < 50_000, "{}: {} bytes", case.name, text.len());
        let _ = writeln!(all, "==== {}\n{}", case.name, reviewable(&case.plan, &text));
    }
    all
}

/// A text of a plan without what changes with every edit of the plan's form, and without the middle of a long one.
fn reviewable(plan: &Plan, text: &str) -> String {
    const HEAD: usize = 36;
    const TAIL: usize = 6;
    let fingerprint = plan.fingerprint();
    let fixed = "0123456789abcdef".repeat(4);
    let text = text.replace(fingerprint.as_str(), &fixed).replace(fingerprint.short(), &fixed[..12]);
    let lines = text.split_inclusive('\n').collect::<Vec<_>>();
    if lines.len() <= HEAD + TAIL + 1 {
        return text;
    }
    let (head, rest) = lines.split_at(HEAD);
    let (middle, tail) = rest.split_at(rest.len() - TAIL);
    format!("{}==== {} lines are left out here\n{}", head.concat(), middle.len(), tail.concat())
}

fn text(width: Option<usize>, verbose: bool) -> impl Fn(&Plan) -> String {
    move |plan| {
        let options = PlanOptions { paint: Paint { color: false }, verbose, html_source: false, width };
        crate::render::plan(plan, options)
    }
}

#[test]
fn the_gallery_has_a_case_for_everything() {
    let cases = cases();
    assert!(cases.len() >= 25);
    let mut names = cases.iter().map(|case| case.name).collect::<Vec<_>>();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), cases.len());
}

#[test]
fn the_gallery_as_text() {
    assert_data_eq!(rendered(&text(None, false)), file!["gallery.txt"].raw());
}

/// Cases in which something is too wide, in different ways.
const NARROW: [&str; 6] = [
    "wide characters",
    "an image version with another number",
    "prices by region",
    "everything at once, the gravest first",
    "one changed, one as it is, two not read",
    "hostile: lines",
];

#[test]
fn the_gallery_on_a_narrow_terminal() {
    let narrow = text(Some(48), false);
    for case in cases() {
        let all = narrow(&case.plan);
        // What made an order of a pipeline inert at the begin of a line is wider than the order.
        let mut set = all.lines().filter(|line| !line.trim_start().starts_with("\\u{3a}:"));
        let wide = set.find(|line| unicode_width::UnicodeWidthStr::width(*line) > 48);
        assert_eq!(wide, None, "{}", case.name);
    }
    let shown = cases().iter().filter(|case| NARROW.contains(&case.name));
    assert_data_eq!(rendered_cases(shown, &narrow), file!["gallery-narrow.txt"].raw());
}

/// What a format for machines makes of every plan, held against its golden text.
fn machines(render: impl Fn(&Plan) -> String) -> String {
    cases().iter().fold(String::new(), |mut all, case| {
        let text = render(&case.plan);
        assert!(text.len() < 100_000, "{}: {} bytes", case.name, text.len());
        let _ = writeln!(all, "==== {}\n{}", case.name, text);
        all
    })
}

#[test]
fn the_gallery_as_annotations() {
    let all = machines(|plan| crate::render::github::plan(plan, &Places::default()));
    // Each line is one order of ours, and holds no other.
    for line in all.lines().filter(|line| !line.is_empty() && !line.starts_with("====")) {
        let ours = ["::error ", "::warning ", "::notice "].iter().any(|order| line.starts_with(order));
        assert!(ours && !line.contains(['\r', '\u{1b}']), "{line}");
    }
    assert_data_eq!(all, file!["gallery.github.txt"].raw());
}

#[test]
fn the_gallery_as_a_test_report() {
    let all = machines(|plan| crate::render::junit::plan(plan, &Places::default()));
    assert!(!all.contains("<script") && !all.contains('\u{1b}') && !all.contains("]]>"));
    assert_data_eq!(all, file!["gallery.junit.txt"].raw());
}

#[test]
fn the_gallery_as_code_scanning_results() {
    let all = machines(|plan| {
        let text = crate::render::sarif::plan(plan, &Places::default(), Exit::Changes);
        let results = serde_json::from_str::<Value>(&text).expect("JSON")["runs"][0]["results"].clone();
        format!("{results:#}")
    });
    assert_data_eq!(all, file!["gallery.sarif.txt"].raw());
}

/// Nothing in it that a terminal, or a pipeline that reads its log, would act on.
#[track_caller]
pub(crate) fn assert_inert(name: &str, text: &str) {
    for c in text.chars().filter(|c| *c != '\n') {
        assert!(!c.is_control() && !crate::safe::is_unseen(c), "{name}: {}", c.escape_unicode());
    }
    for line in text.lines() {
        assert!(!line.trim_start().starts_with("::"), "{name}: {line}");
        assert!(!line.contains("##[") && !line.contains("##vso["), "{name}: {line}");
    }
}
