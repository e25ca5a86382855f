//! What an offer file says against the schema of its type.

use super::super::{Code, Severity};
use super::About;

const fn error(code: Code, name: &'static str, summary: &'static str, texts: [&'static str; 3]) -> About {
    let [explanation, example, fixed] = texts;
    About { code, name, severity: Severity::Error, lint: false, summary, explanation, example, fixed }
}

pub(super) const TABLE: &[About] = &[
    error(
        Code::WrongType,
        "wrong-type",
        "a value whose type does not match its field",
        [
            "The schema of the offer type says what a field holds: a string, a number, a list, a mapping. With \
                another type, the portal rejects the whole offer or stores a wrong value.",
            "regions: DE",
            "regions: [DE]",
        ],
    ),
    error(
        Code::NotAllowed,
        "not-allowed",
        "a value that is not in a closed set",
        [
            "Some fields accept a few values only, and the schema lists them. Upper and lower case must match.",
            "operatingSystemFamily: linux",
            "operatingSystemFamily: Linux",
        ],
    ),
    About {
        code: Code::NearKey,
        name: "near-key",
        severity: Severity::Warning,
        lint: true,
        summary: "an unknown field name, probably a typo",
        explanation: "offerctl sends fields that the schema does not name, because the portal has undocumented \
            fields. A name that differs from a known one by a letter or two is usually a typo, and the portal drops \
            unknown fields without an error.",
        example: "skuTitel: Basic",
        fixed: "skuTitle: Basic",
    },
    error(
        Code::Exclusive,
        "exclusive",
        "mutually exclusive fields are both set",
        [
            "A price is set by one method: by cores, by region or by a price sheet. A price by cores is one price \
                for each core, or one for each size. With two of them, it is undefined which one customers pay.",
            "coreMultiplier: {currency: USD, single: 0.1}\nspreadSheetPricing: {uri: https://contoso.example/p.xlsx}",
            "coreMultiplier: {currency: USD, single: 0.1}",
        ],
    ),
    error(
        Code::TooSmall,
        "too-small",
        "a number that is too small, such as a negative price",
        [
            "A price is 0 or more, and so is the length of a free trial.",
            "coreMultiplier: {currency: USD, single: -0.1}",
            "coreMultiplier: {currency: USD, single: 0.1}",
        ],
    ),
    error(
        Code::UnknownName,
        "unknown-name",
        "an unknown name in a closed dictionary, such as a machine size",
        [
            "Prices for each size are named by its number of cores, for existing sizes only. A price under another \
                name would never be used.",
            "individually: {3core: 0.3}",
            "individually: {2core: 0.2, 4core: 0.4}",
        ],
    ),
    error(
        Code::Malformed,
        "malformed",
        "a text that does not match the format of its field",
        [
            "A currency is three capital letters, as in ISO 4217.",
            "coreMultiplier: {currency: usd, single: 0.1}",
            "coreMultiplier: {currency: USD, single: 0.1}",
        ],
    ),
    error(
        Code::TwinsDiffer,
        "twins-differ",
        "two fields that must be equal but differ",
        [
            "The portal stores the price under two names, from before and after September 2018, and requires both to \
                be equal. Declare one: offerctl writes both.",
            "virtualMachinePricing: {isByol: true}\nvirtualMachinePricingV2: {isByol: false}",
            "virtualMachinePricingV2: {isByol: true}",
        ],
    ),
    error(
        Code::ProjectSchema,
        "project-schema",
        "an invalid schema of the project",
        [
            "`schemas` in `offerctl.toml` names a folder with JSON Schemas that extend or replace those of offerctl. \
                One of them is not JSON, has a broken reference, or has an unknown annotation. offerctl compares \
                nothing until it is fixed.",
            "\"x-offerctl\": { \"lst\": \"set\" }",
            "\"x-offerctl\": { \"list\": \"set\" }",
        ],
    ),
    error(
        Code::MisplacedSecret,
        "misplaced-secret",
        "a `!secret` where the plan needs the value",
        [
            "Identities, and the values that guards compare (prices, regions, audiences), are needed when a plan is made. A secret is read later. A price or a region is not a secret: customers see it.",
            "regions: [!secret env:REGION]",
            "regions: [!env REGION]",
        ],
    ),
    error(
        Code::Overlay,
        "overlay",
        "an overlay without a file or an environment, or an overlay entry without effect",
        [
            "In a project with environments, `x.NAME.yaml` changes what `x.yaml` declares in the environment NAME. It needs \
             the file `x.yaml` and a table `[environments.NAME]`. `!absent` in it removes what the file declares.",
            "offers/a.prod.yaml        # no [environments.prod], or no offers/a.yaml",
            "offers/a.yaml\noffers/a.prod.yaml        # [environments.prod] is in offerctl.toml",
        ],
    ),
];
