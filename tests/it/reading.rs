//! Plans for people: text, Markdown and a page.

use serde_json::{Value, json};

use crate::support::{World, native, offer};

const IMAGES: &str = "microsoft-azure-virtualmachines.vmImages";
const DESCRIPTION: &str = "microsoft-azure-marketplace.description";

/// An offer with a description whose words and tags change, and an image that goes.
async fn world() -> World {
    let mut live = offer("a", "old");
    live["definition"]["plans"][0][IMAGES]["0.9.0"] = json!({"osVhdUrl": "https://h/0.vhd"});
    live["definition"]["offer"][DESCRIPTION] = json!("<p>It keeps what your machines say for <b>one</b> day.</p>");
    let mut declared = offer("a", "new");
    declared["definition"]["offer"][DESCRIPTION] = json!("<p>It keeps what your machines say for <i>two</i> days.</p>");
    World::new(vec![native(&live)], &[("a", &declared)]).await
}

fn read(world: &World, name: &str) -> String {
    std::fs::read_to_string(world.path(name)).expect("a file")
}

#[tokio::test(flavor = "multi_thread")]
async fn one_run_writes_text_markdown_and_a_page_of_the_same_plan() {
    let world = world().await;
    let outputs = ["plan", "-o", "markdown=p.md", "-o", "html=p.html", "-o", "json=p.json"];
    let text = world.run(&outputs).await.exits(0).stdout;
    let json = serde_json::from_str::<Value>(&read(&world, "p.json")).expect("JSON");
    let fingerprint = json["fingerprint"].as_str().expect("a fingerprint");
    assert!(text.contains("      - It keeps what your machines say for [-one day-].\n"), "{text}");
    assert!(text.contains("  - remove plans[basic]/vmImages[0.9.0]: (1 field)   removal   offers/a.yaml:"), "{text}");
    let markdown = read(&world, "p.md");
    assert!(markdown.starts_with("<!-- offerctl:plan -->\n<!-- offerctl:fingerprint "), "{markdown}");
    assert!(markdown.contains("- contoso/a plans[basic]/vmImages[0.9.0]   offers/a.yaml:"), "{markdown}");
    let page = read(&world, "p.html");
    for part in ["<h2 id=\"deletions-title\">1 deletion</h2>", "<i>two</i> days", "<b>one</b> day"] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    for text in [&markdown, &page] {
        assert!(text.contains(fingerprint) && !text.contains("CANARY"), "{text}");
    }
    assert_eq!(world.run(&["plan", "-o", "markdown"]).await.exits(0).stdout, markdown);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_has_the_length_that_it_is_given() {
    let world = world().await;
    let plan = async |args: &[&str]| world.run(&[&["plan", "-o", "markdown"], args].concat()).await.exits(0).stdout;
    let whole = plan(&[]).await;
    let cut = plan(&["--markdown-limit", "1000"]).await;
    assert!(cut.chars().count() <= 1000 && cut.contains("Cut to 1000 characters: "), "{cut}");
    assert!(cut.contains("- contoso/a plans[basic]/vmImages[0.9.0]"), "{cut}");
    std::fs::write(world.path("offerctl.toml"), "markdown_limit = 1000\n").expect("written");
    assert_eq!(plan(&[]).await, cut);
    assert_eq!(plan(&["--markdown-limit", "65536"]).await, whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn html_is_compared_as_it_is_read_or_as_it_is_written() {
    let mut live = offer("a", "old");
    live["definition"]["offer"][DESCRIPTION] =
        json!("<p>It keeps what your machines say.</p><p>For a day, or two.</p>");
    let mut declared = live.clone();
    declared["definition"]["offer"][DESCRIPTION] =
        json!("<p>It keeps what your machines say.<br>For a day, or two.</p>");
    let world = World::new(vec![native(&live)], &[("a", &declared)]).await;
    let read = world.run(&["plan"]).await.exits(0).stdout;
    assert!(read.contains("change description (only the markup changes; --html-source shows it)"), "{read}");
    let written = world.run(&["plan", "--html-source"]).await.exits(0).stdout;
    assert!(
        written.contains("change description (6 words)") && written.contains("- <p>It keeps what your machines say."),
        "{written}"
    );
}
