//! What is wrong in the files, all of it in one run.

use serde_json::json;
use snapbox::{assert_data_eq, str};

use crate::support::{offer, offerctl, project, run, write};

#[test]
fn every_mistake_is_shown_with_its_place_in_one_run() {
    let folder = project(&[("good", &offer("good", "t")), ("alone", &offer("alone", "t"))]);
    let root = folder.path();
    write(root, "offers/broken.yaml", "publisherId: contoso\nid: broken\n  offerTypeId: x\n");
    write(root, "offers/duplicate.yaml", "publisherId: contoso\nid: good\nofferTypeId: x\ndefinition: {}\n");
    write(root, "offers/empty.yaml", "# nothing yet\n");
    write(
        root,
        "offers/keys.yaml",
        "publisherId: contoso\nid: keys\nofferTypeId: x\ndefintion: {}\ndefinition: {a: 1, a: 2}\n",
    );
    write(
        root,
        "offers/quote.yaml",
        "publisherId: contoso\nid: quote\nofferTypeId: microsoft-azure-virtualmachines\ndefinition:\n  displayText: 1.10\n",
    );
    write(root, "offers/tab.yaml", "publisherId: contoso\ndefinition:\n\tdisplayText: x\n");
    std::fs::write(root.join("offers/latin.yaml"), b"publisherId: contoso\nid: caf\xe9\n").expect("written");
    let found = run(offerctl(root).arg("validate")).exits(3);
    assert_data_eq!(
        found.stdout,
        str![[r#"
error[OFR0003]: this key is indented further than what is above it allows
 --> offers/broken.yaml:3:14
  |
3 |   offerTypeId: x
  |              ^
  |
  = help: the line above has a value already, so nothing can be below it: indent this line like the one above, or remove the value

error[OFR0005]: the file has no content
--> offers/empty.yaml
 = help: an offer file starts with `publisherId:`

error[OFR0014]: the offer contoso/good is declared twice
 --> offers/good.yaml:3:9
  |
3 |   "id": "good",
  |         ^^^^^^
  |
  = help: it is declared first in offers/duplicate.yaml:1; keep one of the two

error[OFR0010]: unknown key `defintion`
 --> offers/keys.yaml:4:1
  |
4 | defintion: {}
  | ^^^^^^^^^
  |
  = help: did you mean `definition`?

error[OFR0007]: duplicate key `a` in this mapping
 --> offers/keys.yaml:5:20
  |
5 | definition: {a: 1, a: 2}
  |                    ^
  |
  = help: the first one is in line 5; keep one

error[OFR0002]: a byte that is not UTF-8
--> offers/latin.yaml:2:8
 = help: save the file as UTF-8

error[OFR0013]: `1.10` is a number, but this field is a text
 --> offers/quote.yaml:5:16
  |
5 |   displayText: 1.10
  |                ^^^^
  |
  = note: at displayText
  = help: quote it: "1.10"

error[OFR0004]: a tab in the indentation
 --> offers/tab.yaml:3:1
  |
3 |     displayText: x
  | ^^^^
  |
  = help: YAML is indented with spaces; replace the tab

Not valid: 8 errors (9 files, 2 offers).

"#]]
    );
    let json = run(offerctl(root).args(["validate", "-o", "json"])).exits(3).json();
    assert_eq!(json["diagnostics"].as_array().map(Vec::len), Some(8));
    assert_eq!(json["diagnostics"][0]["file"], "offers/broken.yaml");

    let planned = run(offerctl(root).args(["plan", "--sandbox"])).exits(3);
    assert!(
        planned.stderr.contains("error: 8 errors in the offer files; nothing was read from the portal"),
        "{}",
        planned.stderr
    );
    // A broken neighbour is not in the way of a file that is named.
    run(offerctl(root).args(["validate", "offers/alone.yaml"])).exits(0);
}

#[test]
fn a_project_is_found_from_below_and_not_beyond_git() {
    let folder = project(&[("a", &offer("a", "t"))]);
    let deep = folder.path().join("some/where");
    std::fs::create_dir_all(&deep).expect("folders");
    assert_eq!(run(offerctl(&deep).arg("validate")).exits(0).stdout, "Valid (1 file, 1 offer).\n");
    std::fs::create_dir(folder.path().join("some/.git")).expect("a folder");
    let lost = run(offerctl(&deep).arg("validate")).exits(3);
    assert!(lost.stderr.contains("no `offerctl.toml` and no folder `offers`"), "{}", lost.stderr);

    write(folder.path(), "some/offerctl.toml", "offers = \"declared\"\nparallelism = \"many\"\n");
    let wrong = run(offerctl(&deep).arg("validate")).exits(3);
    assert!(wrong.stderr.contains("offerctl.toml:2:15"), "{}", wrong.stderr);
    write(folder.path(), "some/offerctl.toml", "offers = \"declared\"\n");
    write(folder.path(), "some/declared/x.yml", &offer("x", "t").to_string());
    assert_eq!(run(offerctl(&deep).arg("validate")).exits(0).stdout, "Valid (1 file, 1 offer).\n");
}

#[test]
fn tags_reach_the_environment_and_the_project_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "secret.txt", "outside");
    let root = folder.path().join("project");
    let file = |tag: &str| {
        let text = format!("publisherId: contoso\nid: a\nofferTypeId: x\ndefinition:\n  displayText: {tag}\n");
        write(&root, "offers/a.yaml", &text);
        run(offerctl(&root).arg("validate").env("NAME", "value"))
    };
    write(&root, "texts/a.html", "<p>hello</p>");
    let unlisted = file("!env NAME").exits(3);
    let told = unlisted.stdout.contains("offers/a.yaml:5:16") && unlisted.stdout.contains("`allow = [\"NAME\"]`");
    assert!(told && !unlisted.stdout.contains("value"), "{}", unlisted.stdout);
    write(&root, "offerctl.toml", "[env]\nallow = [\"OTH*\"]\n");
    let extended = file("!env NAME").exits(3);
    assert!(extended.stdout.contains("`allow = [\"OTH*\", \"NAME\"]`"), "{}", extended.stdout);
    write(&root, "offerctl.toml", "[env]\nallow = [\"OTH*\", \"NAME\"]\n");
    file("!env NAME").exits(0);
    file("!file ../texts/a.html").exits(0);
    let unset = file("!env OTHER").exits(3);
    assert!(
        unset.stdout.contains("offers/a.yaml:5:16") && unset.stdout.contains("`OTHER` is not set"),
        "{}",
        unset.stdout
    );
    let outside = file("!file ../../secret.txt").exits(3);
    assert!(outside.stdout.contains("it leads out of the project"), "{}", outside.stdout);
    let unknown = file("!evn NAME").exits(3);
    assert!(unknown.stdout.contains("unknown tag `!evn`"), "{}", unknown.stdout);
}

#[test]
fn a_variable_takes_the_type_of_its_field() {
    let folder = project(&[]);
    write(folder.path(), "offerctl.toml", "[env]\nallow = [\"RELEASE_*\"]\n");
    let text = "publisherId: c\nid: a\nofferTypeId: microsoft-azure-virtualmachines\ndefinition:\n  plans:\n  \
                - planId: basic\n    virtualMachinePricing: {isByol: !env RELEASE_BYOL}\n";
    write(folder.path(), "offers/a.yaml", text);
    let with = |value: &str| run(offerctl(folder.path()).args(["validate", "-o", "json"]).env("RELEASE_BYOL", value));
    with("true").exits(0);
    let wrong = with("CANARY").exits(3);
    let all = wrong.json()["diagnostics"].clone();
    let found = all.as_array().expect("a list").iter().filter(|found| found["severity"] == "error").collect::<Vec<_>>();
    assert_eq!(found.len(), 1, "{all}");
    assert_eq!((&found[0]["code"], &found[0]["line"], &found[0]["column"]), (&json!("OFR0020"), &json!(7), &json!(37)));
    let told =
        found[0]["message"].as_str().is_some_and(|told| told.contains("RELEASE_BYOL") && told.contains("a boolean"));
    assert!(told && !wrong.stdout.contains("CANARY"), "{all}");
}

#[test]
fn a_pointer_of_git_lfs_is_not_the_file() {
    let folder = project(&[]);
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";
    write(folder.path(), "art/48.png", pointer);
    for (field, code) in [("smallLogo: !artifact ../art/48.png", "OFR0080"), ("title: !file ../art/48.png", "OFR0015")]
    {
        let text = format!("publisherId: contoso\nid: a\nofferTypeId: t\ndefinition:\n  offer:\n    {field}\n");
        write(folder.path(), "offers/a.yaml", &text);
        let found = run(offerctl(folder.path()).args(["validate", "-o", "json"])).exits(3).json();
        let finding = &found["diagnostics"][0];
        assert_eq!((&finding["code"], &finding["line"]), (&json!(code), &json!(6)), "{found}");
        assert!(finding["message"].as_str().is_some_and(|text| text.contains("git lfs pull")), "{finding}");
    }
    // A text that is about pointers is none.
    write(folder.path(), "art/48.png", &format!("# How it works\n\n{pointer}"));
    run(offerctl(folder.path()).args(["validate"])).exits(0);
}
