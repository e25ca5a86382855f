//! `render`: what an environment resolves to, without a portal and without the value of a secret.

use std::path::Path;

use serde_json::json;

use crate::support::{offerctl, project, run, write};

const OFFER: &str = "\
publisherId: contoso
id: a
offerTypeId: microsoft-azure-virtualmachines
reconcile:
  through: preview
  allow: [remove-market:basic:RS]
  ignore:
    - path: /definition/offer/wideLogo
      reason: marketing
definition:
  displayText: !env NAME
  offer:
    title: T
    microsoft-azure-marketplace.description: !file texts/a.html
    leadDestination: Https
    httpsEndpointLeadConfiguration: {httpsEndpointUrl: !secret env:LEADS}
    smallLogo: !artifact https://contoso.example/logo.png
";

fn world(root: &Path) {
    write(
        root,
        "offerctl.toml",
        "[environments.test]\npublishers = { contoso = \"contoso-test\" }\nvariables = { NAME = \"of the test\" }\n\
         [environments.prod]\nvariables = { NAME = \"of prod\" }\n\
         [[sas]]\naccount = \"disks\"\ncontainers = [\"vhds\"]\n",
    );
    write(root, "offers/a/offer.yaml", OFFER);
    write(root, "offers/a/texts/a.html", "<p>of all</p>\n");
    write(root, "offers/a/offer.test.yaml", "definition:\n  offer: {title: T for tests}\n");
    write(root, "offers/a/plans/basic.yaml", "planId: basic\nregions: [DE]\n");
    let images =
        "planId: pro\nvmImages:\n  1.0.0:\n    osVhdUrl: !sas https://disks.blob.core.windows.net/vhds/os.vhd\n";
    write(root, "offers/a/plans/pro.yaml", images);
    write(root, "offers/a/plans/basic.test.yaml", "regions: [\"NO\"]\n");
}

fn render(root: &Path, args: &[&str]) -> crate::support::Ran {
    let mut command = offerctl(root);
    command.env("LEADS", "https://hooks.contoso.example/CANARY").arg("render").args(args);
    run(&mut command)
}

#[test]
fn an_environment_resolves_to_one_document_for_each_offer() {
    let folder = project(&[]);
    world(folder.path());
    let ran = render(folder.path(), &["--env", "test"]).exits(0);
    assert_eq!(
        ran.stdout,
        "\
# contoso-test/a in the environment test, from offers/a/offer.yaml, offers/a/plans/basic.yaml, \
offers/a/plans/basic.test.yaml, offers/a/plans/pro.yaml, offers/a/offer.test.yaml
publisherId: contoso-test
id: a
offerTypeId: microsoft-azure-virtualmachines
definition:
  displayText: of the test
  offer:
    microsoft-azure-marketplace.title: T for tests
    microsoft-azure-marketplace.description: \"<p>of all</p>\\n\"
    microsoft-azure-marketplace.leadDestination: Https
    microsoft-azure-marketplace.httpsEndpointLeadConfiguration:
      httpsEndpointUrl: !secret env:LEADS
    microsoft-azure-marketplace.smallLogo: !artifact https://contoso.example/logo.png
  plans:
    - planId: basic
      regions: [\"NO\"]
    - planId: pro
      microsoft-azure-virtualmachines.vmImages:
        1.0.0:
          osVhdUrl: !sas https://disks.blob.core.windows.net/vhds/os.vhd
reconcile:
  through: preview
  allow: [\"remove-market:basic:RS\"]
  ignore:
    - path: /definition/offer/microsoft-azure-marketplace.wideLogo
"
    );
}

#[test]
fn what_is_rendered_is_a_file_that_declares_the_same() {
    let folder = project(&[]);
    world(folder.path());
    let first = render(folder.path(), &["--env", "prod", "-o", "json"]).exits(0).json();
    let text = render(folder.path(), &["--env", "prod"]).exits(0).stdout;
    let other = project(&[]);
    write(other.path(), "offerctl.toml", "[[sas]]\naccount = \"disks\"\ncontainers = [\"vhds\"]\n");
    write(other.path(), "offers/a.yaml", &text);
    let second = render(other.path(), &["-o", "json"]).exits(0).json();
    assert_eq!(first["offers"][0]["document"], second["offers"][0]["document"]);
    assert_eq!(first["offers"][0]["reconcile"], second["offers"][0]["reconcile"]);
}

#[test]
fn a_program_reads_tags_as_objects_and_no_secret() {
    let folder = project(&[]);
    world(folder.path());
    let ran = render(folder.path(), &["--env", "prod", "-o", "json"]).exits(0);
    assert!(!ran.stdout.contains("CANARY"), "{}", ran.stdout);
    let document = ran.json();
    assert_eq!(document["environment"], "prod");
    let offer = &document["offers"][0]["document"]["definition"]["offer"];
    let leads = &offer["microsoft-azure-marketplace.httpsEndpointLeadConfiguration"]["httpsEndpointUrl"];
    assert_eq!(*leads, json!({"!secret": "env:LEADS"}));
    assert_eq!(document["offers"][0]["document"]["definition"]["plans"][0]["regions"], json!(["DE"]));
    let files = document["offers"][0]["files"].as_array().expect("files");
    assert!(files.contains(&json!("offers/a/texts/a.html")), "{files:?}");
}

#[test]
fn an_environment_must_be_chosen_and_targets_choose_offers() {
    let folder = project(&[]);
    world(folder.path());
    write(folder.path(), "offers/b.yaml", &OFFER.replace("id: a", "id: b").replace("texts/", "a/texts/"));
    render(folder.path(), &[]).exits(3);
    let text = render(folder.path(), &["--env", "prod"]).exits(0).stdout;
    assert_eq!(text.matches("\n---\n").count(), 1, "{text}");
    let one = render(folder.path(), &["--env", "prod", "contoso/b", "-o", "json"]).exits(0).json();
    assert_eq!(one["offers"].as_array().map(Vec::len), Some(1));
}
