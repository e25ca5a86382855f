//! The normalisation rules, one row each: a difference that means nothing gives no change, and the change beside it
//! is shown. The rows follow what is known of how the portal rewrites documents.

use super::*;

const CORE: &str = "microsoft-azure-corevm";
const APPLICATION: &str = "microsoft-azure-applications";

/// How a difference in form is told.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Told {
    Hidden(Rule),
    Unknown,
}

use Told::{Hidden as By, Unknown};

/// One difference in form: what a file declares and what the portal has for it, and two like them that do differ.
struct Row {
    what: &'static str,
    offer_type: &'static str,
    declared: Value,
    live: Value,
    /// Empty for what is not compared at all.
    told: Vec<Told>,
    neighbour: [Value; 2],
    /// The address of the change between the neighbours.
    address: String,
}

/// Says where the three documents of a row have their value.
type Around = fn(&str, &Value) -> Value;

fn envelope(key: &str, value: &Value) -> Value {
    let mut offer = json!({"definition": {"displayText": "A"}});
    if !value.is_null() {
        offer[key] = value.clone();
    }
    offer
}

fn of_offer(key: &str, value: &Value) -> Value {
    if *value == absent() { in_offer(json!({})) } else { in_offer(json!({key: value})) }
}

fn of_plan(key: &str, value: &Value) -> Value {
    let plan = if *value == absent() { json!({"planId": "a"}) } else { json!({"planId": "a", key: value}) };
    in_plans(json!([plan]))
}

/// Stands for a key that is not there.
fn absent() -> Value {
    json!("(no such key)")
}

/// A row whose documents differ in one value.
fn value(
    (what, offer_type): (&'static str, &'static str),
    around: Around,
    key: &str,
    [declared, live, neighbour]: [Value; 3],
    told: &[Told],
    address: &str,
) -> Row {
    Row {
        what,
        offer_type,
        declared: around(key, &declared),
        live: around(key, &live),
        neighbour: [around(key, &declared), around(key, &neighbour)],
        told: told.to_vec(),
        address: address.to_owned(),
    }
}

fn envelope_rows() -> Vec<Row> {
    let owned = [
        ("version", json!(3)),
        ("changedTime", json!("2022-06-01T05:41:25.969Z")),
        ("status", json!("running")),
        ("pcMigrationStatus", json!("migrated")),
        ("pcRedirectUri", json!("https://partner.example/x")),
        ("isvUpgradeRequest", json!(false)),
        ("lockStatus", json!("none")),
        ("eTag", json!("W/\"datetime'2022'\"")),
    ];
    let mut rows = Vec::new();
    for (key, declared) in owned {
        // A body that was copied from an older answer has the old value, or none.
        for declared in [declared, Value::Null] {
            rows.push(Row {
                what: "what the portal keeps in the envelope",
                offer_type: VM,
                declared: envelope(key, &declared),
                live: envelope(key, &json!("another")),
                told: vec![],
                neighbour: [envelope(key, &declared), json!({key: "another", "definition": {"displayText": "B"}})],
                address: "displayText".to_owned(),
            });
        }
    }
    let declared =
        json!({"offerTypeVersions": {"microsoft-azure-virtualmachines": 87}, "definition": {"displayText": "A"}});
    rows.push(Row {
        what: "offerTypeVersions are never returned",
        offer_type: VM,
        declared: declared.clone(),
        live: json!({"definition": {"displayText": "A"}}),
        told: vec![],
        neighbour: [declared, json!({"definition": {"displayText": "B"}})],
        address: "displayText".to_owned(),
    });
    rows
}

fn names() -> Vec<Row> {
    const OPERATION: &str = "microsoft-azure-virtualmachines.operationSystem";
    const OPERATING: &str = "microsoft-azure-virtualmachines.operatingSystem";
    let renamed = |what, keys: [&str; 2], values: [&str; 2], address: &str| Row {
        what,
        offer_type: VM,
        declared: of_plan(keys[0], &json!(values[0])),
        live: of_plan(keys[1], &json!(values[0])),
        told: vec![],
        neighbour: [of_plan(keys[0], &json!(values[0])), of_plan(keys[1], &json!(values[1]))],
        address: address.to_owned(),
    };
    let os_types = [WINDOWS_OS_TYPE, OS_TYPE];
    let spellings = [OPERATION, OPERATING];
    vec![
        renamed("windowsOSType comes back as osType", os_types, ["Other", "Ubuntu"], "plans[a]/windowsOSType"),
        renamed("operationSystem, spelt otherwise", spellings, ["Bionic", "Focal"], "plans[a]/operationSystem"),
    ]
}

/// Each value that the portal adds: declared where the portal has none, and the other way round.
fn defaults() -> Vec<Row> {
    let offer: &[(&str, Value, Value)] = &[
        ("tableLeadConfiguration", json!({}), json!({"contactEmail": "a@contoso.example"})),
        ("blobLeadConfiguration", json!({}), json!({"containerName": "leads"})),
        ("crmLeadConfiguration", json!({}), json!({"userName": "u"})),
        ("salesForceLeadConfiguration", json!({}), json!({"objectIdentifier": "o"})),
        ("httpsEndpointLeadConfiguration", json!({}), json!({"contactEmail": "a@contoso.example"})),
        ("marketoLeadConfiguration", json!({}), json!({"formId": "1"})),
        ("leadNotificationEmails", json!(""), json!("a@contoso.example")),
        ("useEnterpriseContract", json!(false), json!(true)),
        ("universalAmendmentTerms", json!(""), json!("Terms")),
        ("customAmendments", Value::Null, json!([{"terms": "x"}])),
        ("categories", json!([]), json!(["devService"])),
    ];
    let drive: &[(&str, Value, Value)] = &[
        ("enabled", json!(false), json!(true)),
        ("videos", json!([]), json!(["https://v.example/1"])),
        ("description", Value::Null, json!("Try it")),
        ("accessInformation", Value::Null, json!("By mail")),
        ("userManual", json!(""), json!("https://m.example/1.pdf")),
    ];
    let vm_offer: &[(&str, Value, Value)] = &[
        ("managerContactName", json!(""), json!("Ann")),
        ("managerContactEmail", json!(""), json!("a@contoso.example")),
        ("managerContactPhone", json!(""), json!("1")),
        ("gtmMaterials", json!(""), json!("x")),
    ];
    let no = || (json!(false), json!(true));
    let mut plan = vec![
        ("certificationsFairfax", json!([]), json!(["FedRAMP"])),
        ("generation", json!("1"), json!("2")),
        ("allowOnlyManagedDiskDeployments", json!(true), json!(false)),
        ("supportsExtensions", json!(true), json!(false)),
        ("patchOptions", json!({"supportsHotpatch": false}), json!({"supportsHotpatch": true})),
    ];
    for flag in [
        "supportsAcceleratedNetworking",
        "supportsCloudInit",
        "supportsBackup",
        "supportsHibernation",
        "supportsNVMe",
        "isNetworkVirtualAppliance",
        "isLockedDown",
        "isCustomArmTemplateRequired",
    ] {
        plan.push((flag, no().0, no().1));
    }
    let mut rows = Vec::new();
    for (prefix, around, parent, fields) in [
        ("microsoft-azure-marketplace", of_offer as Around, "", offer),
        ("microsoft-azure-marketplace-testdrive", of_offer, "", drive),
        ("microsoft-azure-virtualmachines", of_offer, "", vm_offer),
        ("microsoft-azure-virtualmachines", of_plan, "plans[a]/", plan.as_slice()),
    ] {
        for (name, default, other) in fields {
            let key = format!("{prefix}.{name}");
            let empty = crate::document::is_empty(default);
            let rule = if empty { Rule::Empty } else { Rule::Default };
            // Declared as the portal fills it in, and not there; then there, and declared away or not at all.
            for (declared, live, told) in [
                (default.clone(), absent(), vec![By(rule)]),
                (json!({"!absent": 0}), default.clone(), vec![By(Rule::Default)]),
                (absent(), default.clone(), vec![]),
            ] {
                rows.push(Row {
                    what: "what the portal fills in",
                    offer_type: VM,
                    declared: around(&key, &declared),
                    neighbour: [around(&key, other), around(&key, &live)],
                    live: around(&key, &live),
                    told,
                    // The test drive has a description beside the listing's, so its names are shown in full.
                    address: if prefix.ends_with("testdrive") { String::new() } else { format!("{parent}{name}") },
                });
            }
        }
    }
    rows
}

fn emptiness() -> Vec<Row> {
    let forms = [json!(null), json!(""), json!([]), json!({}), absent()];
    let pairs = forms.iter().flat_map(|a| forms.iter().map(move |b| (a.clone(), b.clone())));
    pairs
        .filter(|(declared, live)| declared != live && *declared != absent())
        .map(|(declared, live)| {
            let documents = [declared, live, json!("a note")];
            value(("nothing, in any form", VM), of_offer, "unnamed", documents, &[By(Rule::Empty)], "unnamed")
        })
        .collect()
}

fn addresses_of_files() -> Vec<Row> {
    let store = |host: &str, name: &str, sig: &str| {
        json!(format!("https://{host}.blob.core.windows.net/prodcontent/D6191_publishers_c/{name}?sv=1&sig={sig}&se=2"))
    };
    let (old, new) = ("publishingapistore", "publishingstoredm");
    let mut rows = Vec::new();
    let offer = ["smallLogo", "mediumLogo", "largeLogo", "wideLogo", "heroLogo"];
    for name in offer {
        let key = format!("microsoft-azure-marketplace.{name}");
        let declared = json!("https://cdn.contoso.example/logo.png");
        let null = [declared.clone(), store(old, "1.png", "a"), Value::Null];
        rows.push(value(
            ("a logo comes back as the portal's copy, or as null", VM),
            of_offer,
            &key,
            null,
            &[Unknown],
            name,
        ));
        let again = [store(old, "1.png", "a"), store(new, "1.png", "b"), store(new, "2.png", "b")];
        let told = &[By(Rule::Signature)];
        rows.push(value(("the portal's own copy, declared again", VM), of_offer, &key, again, told, name));
    }
    let manual =
        [json!("https://cdn.contoso.example/m.pdf"), store(old, "m.pdf", "a"), json!("https://other.example/m.pdf")];
    let key = "microsoft-azure-marketplace-testdrive.userManual";
    rows.push(value(("a manual comes back as the portal's copy", VM), of_offer, key, manual, &[Unknown], "userManual"));
    let pictures = [
        json!(["https://cdn.contoso.example/1.png"]),
        json!([store(old, "1.png", "a")]),
        json!([store(old, "1.png", "a"), store(old, "2.png", "a")]),
    ];
    rows.push(value(
        ("screenshots come back as copies", VM),
        of_offer,
        SCREENSHOTS,
        pictures,
        &[Unknown],
        "screenshots",
    ));
    let sheet = |uri: Value| json!({"spreadSheetPricing": {"uri": uri}});
    let sheets =
        [sheet(json!("https://cdn.contoso.example/p.xlsx")), sheet(store(old, "p.xlsx", "a")), sheet(json!(null))];
    let address = "plans[a]/virtualMachinePricing/spreadSheetPricing/uri";
    rows.push(value(
        ("a price sheet comes back as a copy", VM),
        of_plan,
        "virtualMachinePricing",
        sheets,
        &[Unknown],
        address,
    ));
    rows
}

fn signed_urls() -> Vec<Row> {
    let images = |url: &str| json!({"1.0.0": {"osVhdUrl": url}});
    let signed = [
        images("https://s.blob.core.windows.net/vhds/a.vhd?sv=2019&st=a&se=b&sr=c&sp=rl&sig=ONE"),
        images("https://s.blob.core.windows.net/vhds/a.vhd?sp=r&sv=2022&st=c&se=d&sr=b&sig=TWO"),
        images("https://s.blob.core.windows.net/vhds/b.vhd?sv=2019&st=a&se=b&sr=c&sp=rl&sig=ONE"),
    ];
    let mut rows = Vec::new();
    let told = &[By(Rule::Signature)];
    for (offer_type, key, address) in [
        (VM, "microsoft-azure-virtualmachines.vmImages", "plans[a]/vmImages[1.0.0]/osVhdUrl"),
        (CORE, "microsoft-azure-corevm.vmImagesPublicAzure", "plans[a]/vmImagesPublicAzure[1.0.0]/osVhdUrl"),
    ] {
        rows.push(value(("the signature of an image", offer_type), of_plan, key, signed.clone(), told, address));
    }
    rows
}

fn sets() -> Vec<Row> {
    let texts = [json!(["b", "a"]), json!(["a", "b"]), json!(["a", "c"])];
    let mut rows = Vec::new();
    let told = &[By(Rule::Order)];
    for (offer_type, around, key, address) in [
        (VM, of_plan as Around, "regions", "plans[a]/regions"),
        (VM, of_plan, "microsoft-azure-virtualmachines.cloudAvailability", "plans[a]/cloudAvailability"),
        (VM, of_plan, "microsoft-azure-virtualmachines.certificationsFairfax", "plans[a]/certificationsFairfax"),
        (VM, of_offer, "microsoft-azure-marketplace.allowedSubscriptions", "allowedSubscriptions"),
        (VM, of_offer, "microsoft-azure-marketplace.categories", "categories"),
        (CORE, of_plan, "microsoft-azure-corevm.cloudAvailability", "plans[a]/cloudAvailability"),
        (CORE, of_plan, "microsoft-azure-corevm.deploymentModels", "plans[a]/deploymentModels"),
        (CORE, of_offer, "microsoft-azure-corevm.allowedSubscriptions", "allowedSubscriptions"),
        (APPLICATION, of_plan, "regions", "plans[a]/regions"),
        (APPLICATION, of_plan, "microsoft-azure-applications.cloudAvailability", "plans[a]/cloudAvailability"),
    ] {
        rows.push(value(("a set in another order", offer_type), around, key, texts.clone(), told, address));
    }
    let category = |two: Value| json!([{"categoryL1": "compute", "categoryL2-compute": two}]);
    let documents = texts.map(category);
    let address = "categoryMap[compute]/categoryL2-compute";
    let key = "microsoft-azure-marketplace.categoryMap";
    rows.push(value(("subcategories in another order", VM), of_offer, key, documents, told, address));
    rows
}

fn keyed_lists() -> Vec<Row> {
    let of = |ids: [&str; 2]| ids.map(|id| json!({"planId": id, "n": id}));
    let plans = |ids: [&str; 2]| in_plans(json!(of(ids)));
    let mut changed = of(["a", "b"]);
    changed[1]["n"] = json!("other");
    let generations = [json!(of(["b", "a"])), json!(of(["a", "b"])), json!(changed)];
    let told = [By(Rule::Order)];
    let categories = |ids: [&str; 2]| json!(ids.map(|id| json!({"categoryL1": id, "n": id})));
    let mut moved = categories(["a", "b"]);
    moved[1]["n"] = json!("other");
    let people = |ids: [&str; 2]| json!({"manualEntries": ids.map(|id| json!({"type": "subscriptionId", "id": id}))});
    let third = json!({"manualEntries": [{"type": "subscriptionId", "id": "a"}, {"type": "tenantId", "id": "b"}]});
    vec![
        Row {
            what: "plans in another order",
            offer_type: VM,
            declared: plans(["b", "a"]),
            live: plans(["a", "b"]),
            told: told.to_vec(),
            neighbour: [plans(["b", "a"]), in_plans(json!(changed))],
            address: "plans[b]/n".to_owned(),
        },
        value(
            ("disk generations in another order", CORE),
            of_plan,
            "diskGenerations",
            generations,
            &told,
            "plans[a]/diskGenerations[b]/n",
        ),
        value(
            ("categories in another order", VM),
            of_offer,
            "microsoft-azure-marketplace.categoryMap",
            [categories(["b", "a"]), categories(["a", "b"]), moved],
            &told,
            "categoryMap[b]/n",
        ),
        value(
            ("an audience in another order", VM),
            of_plan,
            "restrictedAudience",
            [people(["b", "a"]), people(["a", "b"]), third],
            &told,
            "plans[a]/restrictedAudience/manualEntries[b]/type",
        ),
    ]
}

fn letters_and_numbers() -> Vec<Row> {
    const GUID: &str = "0a1B2c3d-0000-4000-8000-00000000abCD";
    let upper = GUID.to_uppercase();
    let price = |single: Value| json!({"isByol": false, "coreMultiplier": {"currency": "USD", "single": single}});
    let number = &[By(Rule::Number)];
    let single = "plans[a]/virtualMachinePricing/coreMultiplier/single";
    vec![
        value(
            ("letter case of a GUID", VM),
            of_offer,
            "microsoft-azure-marketplace.allowedSubscriptions",
            [json!([GUID]), json!([upper]), json!([GUID.replace('0', "1")])],
            &[],
            "allowedSubscriptions",
        ),
        value(
            ("letter case of a region", VM),
            of_plan,
            "regions",
            [json!(["no", "DE"]), json!(["NO", "DE"]), json!(["NL", "DE"])],
            &[],
            "plans[a]/regions",
        ),
        value(
            ("0 and 0.0", VM),
            of_plan,
            "virtualMachinePricing",
            [price(json!(0)), price(json!(0.0)), price(json!(0.01))],
            number,
            single,
        ),
        value(
            ("\"30\" and 30", CORE),
            of_plan,
            "microsoft-azure-corevm.defaultImageSizeGB",
            [json!("30"), json!(30), json!("31")],
            number,
            "plans[a]/defaultImageSizeGB",
        ),
        value(
            ("generation \"2\" and 2", VM),
            of_plan,
            "microsoft-azure-virtualmachines.generation",
            [json!("2"), json!(2), json!(1)],
            number,
            "plans[a]/generation",
        ),
        value(
            ("line ends and white space at the end", VM),
            of_offer,
            "microsoft-azure-marketplace.description",
            [json!("<p>A</p>\n<p>B</p>\n"), json!("<p>A</p>\r\n<p>B</p>"), json!("<p>A</p>\n<p>C</p>\n")],
            &[By(Rule::Whitespace)],
            "description",
        ),
        value(
            ("the order of keys", VM),
            of_plan,
            "other",
            [json!({"a": 1, "b": 2}), json!({"b": 2, "a": 1}), json!({"b": 3, "a": 1})],
            &[],
            "plans[a]/other/b",
        ),
    ]
}

fn rows() -> Vec<Row> {
    let all = [
        envelope_rows(),
        names(),
        defaults(),
        emptiness(),
        addresses_of_files(),
        signed_urls(),
        sets(),
        keyed_lists(),
        letters_and_numbers(),
    ];
    all.into_iter().flatten().collect()
}

fn between(row: &Row, declared: &Value, live: &Value) -> Diff {
    compare(&tagged(declared), live, Schemas::builtin().shape(row.offer_type), Compare::default())
}

#[test]
fn a_difference_in_form_is_no_change_and_is_told() {
    for row in rows() {
        let diff = between(&row, &row.declared, &row.live);
        let about = format!("{}: {} and {}", row.what, row.declared, row.live);
        assert_eq!(addresses(&diff), Vec::<String>::new(), "{about}");
        assert!(diff.patch.is_empty(), "{about}");
        let told = diff.hidden.iter().map(|hidden| By(hidden.rule)).chain(diff.unknown.iter().map(|_| Unknown));
        assert_eq!(told.collect::<Vec<_>>(), row.told, "{about}");
    }
}

#[test]
fn the_change_beside_it_is_shown() {
    for row in rows() {
        let [declared, live] = &row.neighbour;
        let diff = between(&row, declared, live);
        let about = format!("{}: {declared} and {live}", row.what);
        let shown = addresses(&diff);
        assert!(matches!(&shown[..], [one] if one.starts_with(&row.address)), "{about}: {shown:?}");
        let after = diff
            .patch
            .apply(live, &tagged(declared), &|_| Err(String::new()), &Uploaded::new())
            .expect("the patch fits");
        assert_eq!(addresses(&between(&row, declared, &after)), Vec::<String>::new(), "{about}");
    }
}
