//! What was approved is what is applied: saved plans, fingerprints, guards and rules, as commands.

use serde_json::{Value, json};

use crate::support::{Ran, TITLE, World, native, offer, offerctl, run, set_title, write};

const IMAGES: &str = "microsoft-azure-virtualmachines.vmImages";

/// Nothing was asked of the portal but to be read.
async fn only_read(world: &World) {
    let requests = world.requests().await;
    let written = requests.iter().filter(|request| request["method"] != "GET").collect::<Vec<_>>();
    assert_eq!(written, Vec::<&Value>::new());
}

async fn one_changed() -> World {
    World::new(vec![native(&offer("a", "old"))], &[("a", &offer("a", "new"))]).await
}

fn says(ran: &Ran, text: &str) {
    assert!(
        ran.stdout.contains(text) || ran.stderr.contains(text),
        "{text} is not in:\n{}\n{}",
        ran.stdout,
        ran.stderr
    );
}

/// Everything that can happen between approval and apply, one at a time and together. What is looked at first is told:
/// the tool, then the plan itself, then its sources, then the portal.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_moves_between_approval_and_apply_is_told_precisely_and_nothing_is_written() {
    const REASONS: [&str; 4] = [
        "p.json: it was written by offerctl 9.0.0 in format 3.1; this is offerctl ",
        "p.json: it was changed after it was saved: its checksum does not match",
        "offers/a.yaml changed since the plan was made; nothing was written",
        "title: \"old\" → \"from the portal\" (the plan writes \"new\")",
    ];
    let world = one_changed().await;
    world.run(&["plan", "--out", "approved.json"]).await.exits(0);
    let approved = std::fs::read_to_string(world.path("approved.json")).expect("a plan");
    let tool = format!("\"tool\": \"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(approved.contains(&tool), "{approved}");
    for moved in 1..16_u8 {
        let is = |reason: usize| moved & (1 << (3 - reason)) != 0;
        // The portal is the lowest bit, which cannot be taken back: the ETag is another one.
        if is(3) {
            world.portal_edit("a", |document| set_title(document, "from the portal")).await;
        } else if moved > 1 {
            continue;
        }
        attempt(&world, &approved, &tool, is, &REASONS).await;
    }
    only_read(&world).await;
    assert_eq!(world.live("a").await["definition"]["offer"][TITLE], "from the portal");

    // The same without an edit in the portal.
    let world = one_changed().await;
    world.run(&["plan", "--out", "approved.json"]).await.exits(0);
    let approved = std::fs::read_to_string(world.path("approved.json")).expect("a plan");
    for moved in (2..16_u8).step_by(2) {
        attempt(&world, &approved, &tool, |reason| moved & (1 << (3 - reason)) != 0, &REASONS).await;
    }
    only_read(&world).await;
    world.declare("a", &offer("a", "new"));
    write(world.folder.path(), "p.json", &approved);
    world.run(&["apply", "p.json", "--yes"]).await.exits(0);
}

async fn attempt(world: &World, approved: &str, tool: &str, is: impl Fn(usize) -> bool, reasons: &[&str; 4]) {
    let plan = if is(0) { approved.replace(tool, "\"tool\": \"9.0.0\"") } else { approved.to_owned() };
    let plan = if is(1) { plan.replace("\"new\"", "\"evil\"") } else { plan };
    write(world.folder.path(), "p.json", &plan);
    world.declare("a", &offer("a", if is(2) { "newer" } else { "new" }));
    let refused = world.run(&["apply", "p.json", "--yes"]).await.exits(5);
    let first = (0..4).find(|reason| is(*reason)).expect("something moved");
    says(&refused, reasons[first]);
    for other in (0..4).filter(|reason| *reason != first) {
        let told = format!("{}{}", refused.stdout, refused.stderr);
        assert!(!told.contains(reasons[other]), "{} is told beside {}", reasons[other], reasons[first]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_source_that_changed_is_named_and_what_decides_nothing_is_free() {
    let with_file = |title: &str| {
        let text = serde_json::to_string_pretty(&offer("a", "@TITLE@")).expect("JSON");
        text.replace("\"@TITLE@\"", title)
    };
    let world =
        World::new(vec![native(&offer("a", "old")), native(&offer("b", "old"))], &[("b", &offer("b", "new"))]).await;
    let root = world.folder.path();
    write(root, "title.txt", "new");
    write(root, "offers/a.yaml", &with_file("!file ../title.txt"));
    write(root, "offerctl.toml", "parallelism = 2\n[guards]\nprice = \"stop\"\n");
    world.run(&["plan", "--out", "p.json"]).await.exits(0);

    write(root, "title.txt", "newer");
    world.declare("b", &offer("b", "newer"));
    write(root, "offerctl.toml", "parallelism = 3\n[guards]\nprice = \"off\"\n");
    let refused = world.run(&["apply", "p.json", "--yes"]).await.exits(5);
    says(&refused, "[guards] of offerctl.toml changed since the plan was made; offers/b.yaml changed since");
    says(&refused, "title.txt changed since the plan was made; nothing was written");
    only_read(&world).await;

    write(root, "title.txt", "new");
    world.declare("b", &offer("b", "new"));
    write(
        root,
        "offerctl.toml",
        "# How many at once is no matter of the plan.\nparallelism = 3\n[guards]\nprice = \"stop\"\n",
    );
    world.run(&["apply", "p.json", "--yes"]).await.exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn apply_goes_on_only_with_the_plan_that_was_expected() {
    let world = one_changed().await;
    let planned = world.run(&["plan", "-o", "json"]).await.exits(0).json();
    let fingerprint = planned["fingerprint"].as_str().expect("a fingerprint").to_owned();
    let other = "0123456789ab";
    let expecting = async |expected: &str| world.run(&["apply", "--yes", "--expect-plan", expected]).await;

    let refused = expecting(other).await.exits(5);
    says(&refused, &format!("the plan is now {fingerprint}, but {other} was expected; nothing was written"));
    says(&refused, "hint: the portal or the files changed since the approval");
    says(&refused, "title: \"old\" → \"new\"");
    says(&expecting(&fingerprint[..11]).await.exits(3), "a fingerprint has 12 to 64 hexadecimal digits");

    // A declared field that moved is another plan, and so is another file.
    world.portal_edit("a", |document| set_title(document, "from the portal")).await;
    expecting(&fingerprint).await.exits(5);
    world.portal_edit("a", |document| set_title(document, "old")).await;
    world.declare("a", &offer("a", "newer"));
    expecting(&fingerprint).await.exits(5);
    only_read(&world).await;

    // Fields that nobody declares, and how a file is laid out, are not.
    world.portal_edit("a", |document| document["definition"]["offer"]["vendor.x"] = json!(1)).await;
    let text = serde_json::to_string(&offer("a", "new")).expect("JSON");
    write(world.folder.path(), "offers/a.yaml", &format!("# The same in other words.\n{text}\n"));
    expecting(&fingerprint[..12]).await.exits(0);
    assert_eq!(world.live("a").await["definition"]["offer"][TITLE], "new");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_is_expected_too_and_what_was_accepted_since_is_another_plan() {
    let mut live = offer("a", "old");
    live["definition"]["plans"][0][IMAGES]["0.9.0"] = json!({"osVhdUrl": "https://h/0.vhd"});
    let world = World::new(vec![native(&live)], &[("a", &offer("a", "new"))]).await;
    let stopped = world.run(&["plan", "--out", "p.json", "-o", "json"]).await.exits(0).json();
    let allow = ["--allow", "remove-image:basic/0.9.0"];
    let accepted = world.run(&["plan", "-o", "json", allow[0], allow[1]]).await.exits(0).json();
    assert_ne!(stopped["fingerprint"], accepted["fingerprint"]);
    let stopped = stopped["fingerprint"].as_str().expect("a fingerprint");
    world.run(&["apply", "--yes", "--expect-plan", stopped, allow[0], allow[1]]).await.exits(5);
    world.run(&["apply", "p.json", "--yes", "--expect-plan", "0123456789ab"]).await.exits(5);
    let refused = world.run(&["apply", "p.json", "--yes", "--expect-plan", stopped]).await.exits(5);
    says(&refused, "✗ contoso/a   refused by a guard; nothing was written");
    only_read(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_many_offers_is_refused_as_a_whole() {
    let live = vec![native(&offer("a", "old")), native(&offer("b", "old"))];
    let world = World::new(live, &[("a", &offer("a", "new")), ("b", &offer("b", "new"))]).await;
    write(world.folder.path(), "offerctl.toml", "[guards.limits]\noffers = 1\n");
    let planned = world.run(&["plan", "--out", "p.json"]).await.exits(0);
    says(&planned, "! changes 2 of 2 offers at once, more than 1   needs --allow many-offers:2\n");
    let json = world.run(&["plan", "-o", "json"]).await.exits(0).json();
    let finding = &json["findings"][0];
    assert_eq!((&finding["guard"], &finding["level"]), (&json!("many-offers"), &json!("stop")), "{json}");

    for args in [&["apply", "p.json", "--yes"][..], &["apply", "--yes", "--allow", "many-offers:3"]] {
        let refused = world.run(args).await.exits(5);
        says(&refused, "✗ the plan   refused by a guard; nothing was written");
        says(&refused, "(to accept, plan with --allow many-offers:2)");
        says(&refused, "… contoso/b   not attempted");
    }
    let report = world.run(&["apply", "--yes", "-o", "json"]).await.exits(5).json();
    assert_eq!(report["refused"].as_array().map(Vec::len), Some(1), "{report}");
    only_read(&world).await;
    world.run(&["plan", "--out", "p.json", "--allow", "many-offers:2"]).await.exits(0);
    world.run(&["apply", "p.json", "--yes"]).await.exits(0);
}

/// One job plans, and another one comments, without the project, a portal and a credential.
#[tokio::test(flavor = "multi_thread")]
async fn a_saved_plan_is_shown_in_every_format_as_it_was_when_it_was_made() {
    const TEXTS: [&str; 6] = ["text", "markdown", "html", "junit", "sarif", "github"];
    let mut live = offer("a", "old");
    live["definition"]["plans"][0][IMAGES]["0.9.0"] = json!({"osVhdUrl": "https://h/0.vhd"});
    let live = vec![native(&live), native(&offer("b", "old")), native(&offer("c", "old"))];
    let (a, b, c) = (offer("a", "new"), offer("b", "new"), offer("c", "old"));
    let world = World::new(live, &[("a", &a), ("b", &b), ("c", &c)]).await;
    write(world.folder.path(), "offerctl.toml", "[guards.limits]\noffers = 1\n");
    let json = world.run(&["plan", "--out", "p.json", "-o", "json"]).await.exits(0).json();
    let elsewhere = tempfile::tempdir().expect("a folder");
    std::fs::copy(world.path("p.json"), elsewhere.path().join("p.json")).expect("copied");
    let show = |args: &[&str]| run(offerctl(elsewhere.path()).args(["show-plan", "p.json"]).args(args));
    for format in TEXTS {
        assert_eq!(show(&["-o", format]).exits(0).stdout, world.run(&["plan", "-o", format]).await.exits(0).stdout);
    }
    assert_eq!(show(&["-o", "json"]).exits(0).json(), json);
    assert_eq!(json["portal"], json!(world.sandbox.url()));
    let comment = show(&["-o", "markdown"]).stdout;
    assert!(comment.contains("<code>Portal&#58; http"), "{comment}");
    // The findings and the changes are those of the fingerprint, or the plan is not shown.
    let saved = std::fs::read_to_string(world.path("p.json")).expect("a plan");
    for (from, to) in [("many-offers:2", "many-offers:3"), ("\"after\": \"new\"", "\"after\": \"safe\"")] {
        assert!(saved.contains(from), "{saved}");
        write(elsewhere.path(), "p.json", &saved.replace(from, to));
        show(&[]).exits(5);
    }
    write(elsewhere.path(), "p.json", &json.to_string());
    show(&[]).exits(5);
    run(offerctl(elsewhere.path()).args(["show-plan", "none.json"])).exits(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_live_outside_of_its_window() {
    let world = one_changed().await;
    let day = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).weekday().wrapping_add(3);
    let day = format!("{day:?}").to_lowercase()[..3].to_owned();
    let window = format!("[[guards.windows]]\ndays = [\"{day}\"]\nfrom = \"09:00\"\nto = \"10:00\"\nzone = \"UTC\"\n");
    write(world.folder.path(), "offerctl.toml", &window);
    world.run(&["plan", "--out", "early.json", "--through", "live"]).await.exits(0);
    for args in [&["apply", "--yes", "--through", "live"][..], &["apply", "early.json", "--yes"]] {
        let refused = world.run(args).await.exits(5);
        says(
            &refused,
            &format!("offers may go live {day} 09:00-10:00 UTC (to accept, plan with --allow outside-window"),
        );
    }
    only_read(&world).await;
    world.run(&["plan", "--out", "early.json", "--through", "live", "--allow", "outside-window"]).await.exits(0);
    world.run(&["apply", "early.json", "--yes"]).await.exits(0);
    assert_eq!(world.count("POST", "/golive").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_users_own_rules_are_judged_and_accepted_by_name() {
    let rules = |expression: &str| {
        format!("[[rules]]\nname = \"calm\"\nexpression = '''{expression}'''\nmessage = \"not before the fair\"\n")
    };
    let world = one_changed().await;
    let root = world.folder.path();
    write(root, "offerctl.toml", &rules("changes.all(c, c.address != 'title')"));
    says(&world.run(&["plan"]).await.exits(0), "! not before the fair   needs --allow rule:calm, or `reconcile.allow`");
    world.run(&["apply", "--yes", "--allow", "rule:other"]).await.exits(5);

    // What fails stops the offer, and its token does not help.
    write(root, "offerctl.toml", &rules("offer.colour == 'red'"));
    world.run(&["apply", "--yes", "--allow", "rule:calm"]).await.exits(5);
    let planned = world.run(&["plan", "-o", "json", "--allow", "rule:calm"]).await.exits(0).json();
    let finding = &planned["offers"][0]["findings"][0];
    assert_eq!((&finding["level"], &finding["token"]), (&json!("stop"), &Value::Null), "{planned}");
    write(root, "offerctl.toml", &rules("changes.all(c, "));
    let invalid = world.run(&["plan"]).await.exits(3);
    says(&invalid, "offerctl.toml:3:14");
    only_read(&world).await;

    write(root, "offerctl.toml", &rules("changes.all(c, c.address != 'title')"));
    world.run(&["apply", "--yes", "--allow", "rule:calm"]).await.exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rules_cost_is_limited_before_they_run() {
    let rule = |name: &str, expression: &str| {
        format!("[[rules]]\nname = \"{name}\"\nexpression = '''{expression}'''\nmessage = \"m\"\n")
    };
    let pairs = |size: usize| {
        let list = format!("[{}]", vec!["1"; size].join(","));
        format!("{list}.all(a, {list}.all(b, a == b))")
    };
    let world = one_changed().await;
    let root = world.folder.path();
    write(root, "offerctl.toml", &rule("pairs", &pairs(30)));
    world.run(&["plan"]).await.exits(0);
    // Lists of 1,000 members make a million pairs, and six such rules are too many.
    let many = (0..6).map(|n| rule(&format!("pairs-{n}"), &pairs(1_000)));
    write(root, "offerctl.toml", &many.collect::<String>());
    let refused = world.run(&["plan", "-o", "json"]).await.exits(3).json();
    let message = refused["message"].as_str().expect("a message");
    for part in ["`pairs-", "1001000", "6006000", "5000000"] {
        assert!(message.contains(part), "{part} is not in {message}");
    }
    world.run(&["apply", "--yes"]).await.exits(3);

    write(root, "offerctl.toml", &rule("deep", "changes.all(a, changes.all(b, changes.all(c, true)))"));
    let refused = world.run(&["plan", "-o", "json"]).await.exits(3).json();
    let found = &refused["diagnostics"][0];
    assert_eq!((&found["file"], &found["line"]), (&json!("offerctl.toml"), &json!(3)), "{refused}");
    only_read(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_out_counts_as_offers_that_exist() {
    let ids = (0..40).map(|n| format!("offer-{n:02}")).collect::<Vec<_>>();
    let live = ids.iter().map(|id| native(&offer(id, "old"))).collect();
    let files = ids.iter().map(|id| (id.clone(), offer(id, "old"))).collect::<Vec<_>>();
    let files = files.iter().map(|(id, offer)| (id.as_str(), offer)).collect::<Vec<_>>();
    let world = World::new(live, &files).await;
    crate::drift::git(&world, &["init", "-q"]);
    let revision = crate::drift::commit(&world);
    for id in &ids[..12] {
        world.declare(id, &offer(id, "new"));
    }
    let plan = async |args: &[&str]| world.run(&[&["plan", "-o", "json"], args].concat()).await.exits(0).json();
    let (whole, part) = (plan(&[]).await, plan(&["--since", &revision]).await);
    assert_eq!((part["summary"]["update"].as_u64(), part["since"]["left_out"].as_u64()), (Some(12), Some(28)));
    assert_eq!(part["findings"], json!([]));
    for field in ["findings", "offers", "fingerprint"] {
        assert_eq!(part[field], whole[field], "{field}");
    }
    // A finding about many offers is the same, too.
    write(world.folder.path(), "offerctl.toml", "[guards.limits]\noffers_percent = 25\n");
    crate::drift::git(&world, &["add", "offerctl.toml"]);
    crate::drift::git(&world, &["commit", "-q", "-m", "limits", "offerctl.toml"]);
    let (whole, part) = (plan(&[]).await, plan(&["--since", "HEAD"]).await);
    assert_eq!((&part["findings"][0]["token"], &part["since"]["left_out"]), (&json!("many-offers:12"), &json!(28)));
    assert_eq!((&part["findings"], &part["fingerprint"]), (&whole["findings"], &whole["fingerprint"]));

    let allow = ["--allow", "many-offers:12"];
    let approved = plan(&[&allow[..], &["--since", "HEAD"]].concat()).await;
    let fingerprint = approved["fingerprint"].as_str().expect("a fingerprint");
    world.run(&[&["apply", "--yes", "--expect-plan", fingerprint], &allow[..]].concat()).await.exits(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn apply_since_a_revision_takes_the_fingerprint_of_the_plan_since_it() {
    let files = [("a", &offer("a", "old")), ("b", &offer("b", "old"))];
    let world = World::new(vec![native(&offer("a", "old")), native(&offer("b", "elsewhere"))], &files).await;
    crate::drift::git(&world, &["init", "-q"]);
    let revision = crate::drift::commit(&world);
    world.declare("a", &offer("a", "new"));
    let since = ["--since", &revision];
    let plan = world.run(&[&["plan", "-o", "json"], &since[..]].concat()).await.exits(0).json();
    let fingerprint = plan["fingerprint"].as_str().expect("a fingerprint").to_owned();
    // Without the flag there is more to do, which is another plan.
    world.run(&["apply", "--yes", "--expect-plan", &fingerprint]).await.exits(5);
    only_read(&world).await;
    let apply = ["apply", "--yes", "--expect-plan", &fingerprint, "-o", "json"];
    let report = world.run(&[&apply, &since[..]].concat()).await.exits(0).json();
    assert_eq!(report["receipt"]["applied"].as_array().map(Vec::len), Some(1), "{report}");
    assert_eq!(world.live("a").await["definition"]["offer"][TITLE], "new");
    assert_eq!(world.live("b").await["definition"]["offer"][TITLE], "elsewhere");
    assert_eq!(world.count("PUT", "/offers/b").await, 0);

    world.declare("a", &offer("a", "newer"));
    world.run(&[&["plan", "--out", "p.json"], &since[..]].concat()).await.exits(0);
    world.run(&[&["apply", "p.json", "--yes"], &since[..]].concat()).await.exits(3);
    world.run(&["apply", "p.json", "--yes"]).await.exits(0);
    assert_eq!(world.live("a").await["definition"]["offer"][TITLE], "newer");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_reaches_an_expression() {
    let world = one_changed().await;
    let mut declared = offer("a", "new");
    declared["definition"]["plans"][0][IMAGES]["1.0.0"]["osVhdUrl"] = json!("https://h.example/2.vhd?sig=CANARYnew");
    world.declare("a", &declared);
    let seen = "changes.exists(c, c.address.endsWith('osVhdUrl') && c.after.contains('sig=REDACTED'))";
    let hidden = "!changes.exists(c, c.address.endsWith('osVhdUrl') && (c.after + c.before).contains('CANARY'))";
    let rules = [("seen", seen), ("hidden", hidden)].map(|(name, expression)| {
        format!("[[rules]]\nname = \"{name}\"\nexpression = \"{expression}\"\nmessage = \"m\"\n")
    });
    write(world.folder.path(), "offerctl.toml", &rules.concat());
    let planned = world.run(&["plan", "-o", "json"]).await.exits(0).json();
    assert_eq!(planned["offers"][0]["findings"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_readme_states_the_default_of_the_price_guard() {
    let readme = include_str!("../../README.md");
    let (before, _) = readme.split_once(" % (`price_percent`)").expect("the README names the limit");
    let percent = before.rsplit(' ').next().and_then(|word| word.parse::<u32>().ok()).expect("a number");
    let price = |price: u32| {
        let mut offer = offer("a", "t");
        for key in ["virtualMachinePricing", "virtualMachinePricingV2"] {
            offer["definition"]["plans"][0][key] = json!({"coreMultiplier": {"currency": "USD", "single": price}});
        }
        offer
    };
    let world = World::new(vec![native(&price(100))], &[]).await;
    for (above, stops) in [(percent, 0), (percent + 1, 1)] {
        world.declare("a", &price(100 + above));
        let plan = world.run(&["plan", "-o", "json"]).await.exits(0).json();
        assert_eq!(plan["summary"]["stopped"], stops, "+{above} %");
    }
}
