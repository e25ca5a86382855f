use serde_json::json;

use super::*;
use crate::diagnostic::{Source, Sources};
use crate::live::LiveOffer;
use crate::model::{Digest, Kind, Node, SecretRef};
use crate::schema::Schemas;
use crate::workspace::Reconcile;

fn of(now: &Desired, base: Known<'_>, live: &Live, contents: &Contents, shape: &Shape) -> OfferDrift {
    super::of(now, base, live, contents, &compared(now, live, contents, shape).changes, shape)
}

const VM: &str = "microsoft-azure-virtualmachines";

fn document(title: &str, summary: &str, regions: &Value) -> Value {
    json!({"publisherId": "contoso", "id": "a", "offerTypeId": VM, "definition": {
        "offer": {"microsoft-azure-marketplace.title": title, "microsoft-azure-marketplace.summary": summary},
        "plans": [{"planId": "basic", "regions": regions}]}})
}

fn desired(document: &Value) -> Desired {
    Desired {
        key: "contoso/a".parse().expect("a key"),
        offer_type: VM.to_owned(),
        document: Node::from_value(document).into(),
        reconcile: Reconcile::default(),
        sources: Sources::new(Source { path: "offers/a.yaml".into(), text: "".into() }),
        files: vec![("offers/a.yaml".to_owned(), Digest::of(b"a"))],
    }
}

fn shape() -> &'static Shape {
    Schemas::builtin().shape(VM)
}

fn present(document: &Value) -> Live {
    Live::Present(LiveOffer { document: document.clone(), etag: None })
}

fn moved_since(now: &Desired, base: Option<Base<'_>>, live: &Live) -> Vec<Moved> {
    let base = base.map(|base| ("base", base)).ok_or(None);
    of(now, base, live, &Contents::default(), shape()).moved
}

/// The verdicts with a receipt, with a revision, and with neither.
fn verdicts(before: &Value, portal: &Value, file: &Value) -> [Vec<String>; 3] {
    let (now, then) = (desired(file), desired(before));
    let applied = Applied::new(&then, before, shape());
    let bases = [Some(Base::Receipt(&applied)), Some(Base::Revision(&then)), None];
    bases.map(|base| {
        let moved = moved_since(&now, base, &present(portal));
        moved.iter().map(|moved| format!("{}: {:?}", moved.address, moved.who)).collect()
    })
}

#[test]
fn every_difference_has_its_side() {
    let base = document("T", "S", &json!(["DE", "NO"]));
    let portal = document("portal", "S", &json!(["DE", "NO"]));
    let file = document("T", "file", &json!(["DE", "NO"]));
    let both = document("portal", "file", &json!(["DE", "NO"]));
    let nobody = Vec::<String>::new();
    let all = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    let cases: [(&Value, &Value, &[&str], &[&str]); 5] = [
        (&portal, &base, &["title: Portal"], &["title: Unknown"]),
        (&base, &file, &["summary: File"], &["summary: Unknown"]),
        (&portal, &file, &["title: Portal", "summary: File"], &["title: Unknown", "summary: Unknown"]),
        (&portal, &document("other", "S", &json!(["DE", "NO"])), &["title: Both"], &["title: Unknown"]),
        (&both, &both, &["title: Agreed", "summary: Agreed"], &[]),
    ];
    for (portal, file, known, unknown) in cases {
        let [receipt, revision, neither] = verdicts(&base, portal, file);
        assert_eq!(receipt, all(known));
        assert_eq!(revision, all(known));
        assert_eq!(neither, all(unknown));
    }
    assert_eq!(verdicts(&base, &base, &base), [nobody.clone(), nobody.clone(), nobody]);
}

#[test]
fn order_and_what_the_portal_fills_in_are_no_drift() {
    let base = document("T", "S", &json!(["DE", "NO"]));
    let mut portal = document("T", "S", &json!(["NO", "DE"]));
    portal["version"] = json!(7);
    portal["status"] = json!("running");
    assert!(verdicts(&base, &portal, &base).iter().all(Vec::is_empty));
}

#[test]
fn a_plan_that_the_portal_removed_is_drift_and_one_that_it_added_too() {
    let base = document("T", "S", &json!(["DE"]));
    let mut portal = base.clone();
    portal["definition"]["plans"] = json!([{"planId": "pro"}]);
    let [receipt, revision, _] = verdicts(&base, &portal, &base);
    for found in [receipt, revision] {
        let mut found = found;
        found.sort();
        assert_eq!(found, ["plans[basic]: Portal", "plans[pro]: Portal"]);
    }
}

#[test]
fn what_no_file_names_is_told_and_does_not_count() {
    let base = document("T", "S", &json!(["DE"]));
    let mut portal = base.clone();
    portal["definition"]["offer"]["vendor.extra"] = json!("x");
    let [receipt, revision, neither] = verdicts(&base, &portal, &base);
    assert_eq!(receipt, ["vendor.extra: Unmanaged"]);
    assert_eq!((revision, neither), (vec![], vec![]));
    // A field that the file names no more is not the portal's move, whatever became of it there.
    let mut file = base.clone();
    file["definition"]["offer"].as_object_mut().expect("an object").remove("microsoft-azure-marketplace.title");
    let [_, revision, neither] = verdicts(&base, &document("portal", "S", &json!(["DE"])), &file);
    assert_eq!((revision, neither), (vec![], vec![]));
}

#[test]
fn presence_has_its_side_too() {
    let document = document("T", "S", &json!(["DE"]));
    let now = desired(&document);
    let applied = Applied::new(&now, &document, shape());
    let who = |base| moved_since(&now, base, &Live::Absent)[0].who;
    assert_eq!(who(Some(Base::Receipt(&applied))), Who::Portal);
    assert_eq!(who(Some(Base::Revision(&now))), Who::Portal);
    assert_eq!(who(Some(Base::New)), Who::File);
    assert_eq!(who(None), Who::Unknown);
}

#[test]
fn a_secret_shows_by_its_declaration_alone() {
    let mut document = document("T", "S", &json!(["DE"]));
    document["definition"]["offer"]["vendor.oddly"] = json!("CANARYlive");
    let with = |name: &str| {
        let mut declared = desired(&document);
        secret(std::sync::Arc::make_mut(&mut declared.document), name);
        declared
    };
    let (then, now) = (with("OLD"), with("NEW"));
    let applied = Applied::new(&then, &document, shape());
    let text = serde_json::to_string(&applied).expect("JSON");
    assert!(!text.contains("CANARY") && text.contains("secret env:OLD"), "{text}");
    for base in [Base::Receipt(&applied), Base::Revision(&then)] {
        let moved = moved_since(&now, Some(base), &present(&document));
        let told = moved.iter().map(|m| (m.address.to_string(), m.who, m.file.clone())).collect::<Vec<_>>();
        assert_eq!(told, [("vendor.oddly".to_owned(), Who::File, Some(json!("secret env:NEW")))]);
    }
}

/// What the file declares as a secret now may have been a text at the base, and both sides may have changed it since.
#[test]
fn what_became_a_secret_is_not_shown() {
    let document = |oddly: &str| {
        let mut document = document("T", "S", &json!(["DE"]));
        document["definition"]["offer"]["vendor.oddly"] = json!(oddly);
        document
    };
    let then = desired(&document("CANARYthen"));
    let mut now = desired(&document("CANARYnow"));
    secret(std::sync::Arc::make_mut(&mut now.document), "NEW");
    let portal = document("CANARYlive");
    let applied = Applied::new(&then, &document("CANARYthen"), shape());
    for base in [None, Some(Base::Revision(&then)), Some(Base::Receipt(&applied))] {
        let told = format!("{:?}", moved_since(&now, base, &present(&portal)));
        assert!(!told.contains("CANARYlive") && !told.contains("CANARYnow"), "{told}");
    }
}

fn secret(node: &mut Node, name: &str) {
    let Kind::Map(entries) = &mut node.kind else { return };
    for entry in entries {
        if entry.key == "vendor.oddly" {
            entry.value.kind = Kind::Secret(SecretRef::Env(name.to_owned()));
        } else {
            secret(&mut entry.value, name);
        }
    }
}

#[test]
fn drift_is_counted_and_what_was_not_read_is_never_its_absence() {
    let moved = |who| Moved {
        address: Address::default().key("x"),
        who,
        declared: None,
        base: None,
        portal: None,
        file: None,
        note: None,
        in_portal: Vec::new(),
        in_file: Vec::new(),
    };
    let with = |who: &[Who]| Drift {
        offers: vec![OfferDrift {
            key: "contoso/a".parse().expect("a key"),
            files: vec!["offers/a.yaml".to_owned()],
            document: None,
            base: None,
            why: None,
            moved: who.iter().map(|who| moved(*who)).collect(),
        }],
        ..Drift::default()
    };
    for who in [Who::Portal, Who::Both, Who::Unknown, Who::File, Who::Agreed, Who::Unmanaged] {
        assert_eq!(with(&[who]).exit(), if who.is_drift() { Exit::Changes } else { Exit::Done }, "{who:?}");
    }
    let unread = Unread { key: "contoso/b".parse().expect("a key"), cause: String::new(), hint: None, denied: false };
    assert_eq!(Drift { unread: vec![unread.clone()], ..with(&[]) }.exit(), Exit::Partial);
    assert_eq!(Drift { unread: vec![unread], ..Drift::default() }.exit(), Exit::Failed);
    let undeclared = Undeclared { key: "contoso/c".parse().expect("a key"), was_declared: false };
    let counted = Drift { undeclared: vec![undeclared.clone()], count_undeclared: true, ..with(&[]) };
    assert_eq!(counted.exit(), Exit::Changes);
    assert_eq!(Drift { count_undeclared: false, ..counted.clone() }.exit(), Exit::Done);
    let gone = Undeclared { was_declared: true, ..undeclared };
    assert_eq!(Drift { undeclared: vec![gone], ..counted }.exit(), Exit::Done, "the files moved");
}

#[test]
fn the_cost_is_close_to_linear_in_the_changed_fields() {
    let offer = |n: usize, side: &str| {
        let fields = (0..n).map(|n| (format!("vendor.field{n}"), json!(format!("{side}{n}"))));
        json!({"publisherId": "contoso", "id": "a", "offerTypeId": VM,
            "definition": {"offer": fields.collect::<serde_json::Map<_, _>>(), "plans": []}})
    };
    for based in [true, false] {
        crate::steps::assert_linear(100, |n| {
            let (then, now) = (desired(&offer(n, "base")), desired(&offer(n, "file")));
            let base = Some(Base::Revision(&then)).filter(|_| based);
            let moved = moved_since(&now, base, &present(&offer(n, "portal")));
            assert_eq!(moved.len(), n);
        });
    }
}
