//! `validate --fix` mends what has one right answer, and nothing else.

use crate::support::{offerctl, project, run, write};

const SLIPS: &str = "\
# The gateway; comments stay.
publisherId: contoso
id: a
offerTypeId: microsoft-azure-virtualmachines
definition:
  displayText: 1.10   # not the number
  plans:
    - planId: basic
      regions: [de, FR, NO, FR]   # where it is sold
      vmImages:
        1.0.0: {lunVhdDetails: []}
";

#[test]
fn what_is_certain_is_mended_and_comments_stay() {
    let folder = project(&[]);
    write(folder.path(), "offers/a.yaml", SLIPS);
    run(offerctl(folder.path()).arg("validate")).exits(3);
    assert_eq!(std::fs::read_to_string(folder.path().join("offers/a.yaml")).expect("the file"), SLIPS);
    let file = folder.path().join("offers/a.yaml");
    #[cfg(unix)]
    let owner = {
        use std::os::unix::fs::MetadataExt as _;
        // Only root can give files away.
        let _ = std::os::unix::fs::chown(&file, Some(12_345), Some(54_321));
        let owner = move || file.metadata().map(|file| (file.uid(), file.gid(), file.mode())).expect("a file");
        (owner(), owner)
    };
    let ran = run(offerctl(folder.path()).args(["validate", "--fix"])).exits(0);
    #[cfg(unix)]
    assert_eq!(owner.1(), owner.0);
    let mended = SLIPS.replace("1.10 ", "\"1.10\" ").replace("[de, FR, NO, FR]", "[DE, FR, \"NO\"]");
    assert_eq!(std::fs::read_to_string(folder.path().join("offers/a.yaml")).expect("the file"), mended);
    assert_eq!(ran.stdout, "Valid (1 file, 1 offer).\n");
    assert!(ran.stderr.contains("fixed offers/a.yaml:6:16 OFR0013: now \"1.10\""), "{}", ran.stderr);
    assert!(ran.stderr.contains("fixed offers/a.yaml:9:29 OFR0053: removed"), "{}", ran.stderr);
    let again = run(offerctl(folder.path()).args(["validate", "--fix"])).exits(0);
    assert_eq!(again.stderr, "", "nothing is left to mend");
}

#[test]
fn what_has_two_answers_is_left_as_it_is() {
    let folder = project(&[]);
    let text = "publisherId: contoso\nid: a\nofferTypeId: t\ndefinition: {a: 1, a: 2}\n";
    write(folder.path(), "offers/a.yaml", text);
    let ran = run(offerctl(folder.path()).args(["validate", "--fix"])).exits(3);
    assert_eq!(ran.stderr, "");
    assert_eq!(std::fs::read_to_string(folder.path().join("offers/a.yaml")).expect("the file"), text);
}
