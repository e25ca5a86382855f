//! What an offer file says against the schema of its type.

use super::super::{Code, Severity};
use super::About;

const fn error(code: Code, name: &'static str, summary: &'static str, texts: [&'static str; 3]) -> About {
    let [explanation, example, mended] = texts;
    About { code, name, severity: Severity::Error, lint: false, summary, explanation, example, mended }
}

pub(super) const TABLE: &[About] = &[
    error(
        Code::WrongType,
        "wrong-type",
        "a value of a type that its field does not take",
        [
            "The schema of the offer type says what a field holds: a string, a number, a list, a mapping. The portal \
             answers other types with a refusal of the whole offer, or stores what nobody meant.",
            "regions: DE",
            "regions: [DE]",
        ],
    ),
    error(
        Code::NotAllowed,
        "not-allowed",
        "a value outside of a closed set",
        [
            "Some fields take a few values only, and the schema names all of them. The spelling counts.",
            "operatingSystemFamily: linux",
            "operatingSystemFamily: Linux",
        ],
    ),
    About {
        code: Code::NearKey,
        name: "near-key",
        severity: Severity::Warning,
        lint: true,
        summary: "a name that is nearly one that is known",
        explanation: "Fields that the schema does not name are sent as they are, because the portal has more fields than \
                      are written down anywhere. One that differs from a known name by a letter or two is most often a \
                      slip, and the portal drops unknown fields without a word.",
        example: "skuTitel: Basic",
        mended: "skuTitle: Basic",
    },
    error(
        Code::Exclusive,
        "exclusive",
        "two of several things of which there is one at most",
        [
            "A price is set by one method: by cores, by region or by a price sheet. A price by cores is one price for \
             each core, or one for each size. With two of them it is not known which one customers pay.",
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
        "a name that a closed dictionary does not have, such as a machine size",
        [
            "Prices for each size go by its number of cores, and only for the sizes that there are. A price under another \
             name would be no customer's.",
            "individually: {3core: 0.3}",
            "individually: {2core: 0.2, 4core: 0.4}",
        ],
    ),
    error(
        Code::Malformed,
        "malformed",
        "a text that is not a valid its field",
        [
            "A currency is three capital letters, as in ISO 4217.",
            "coreMultiplier: {currency: usd, single: 0.1}",
            "coreMultiplier: {currency: USD, single: 0.1}",
        ],
    ),
    error(
        Code::TwinsDiffer,
        "twins-differ",
        "two fields that must be equal, and differ",
        [
            "The portal holds the price under two names, of before and after September 2018, and wants both to be equal. \
             Declare one: both are written.",
            "virtualMachinePricing: {isByol: true}\nvirtualMachinePricingV2: {isByol: false}",
            "virtualMachinePricingV2: {isByol: true}",
        ],
    ),
    error(
        Code::ProjectSchema,
        "project-schema",
        "a schema of the project that cannot be used",
        [
            "`schemas` in `offerctl.toml` names a folder with JSON Schemas that add to those of offerctl, or stand in their \
             place. One of them is no JSON, refers to something that is not there, or has an annotation that offerctl does \
             not know. Nothing is compared by half of a description.",
            "\"x-offerctl\": { \"lst\": \"set\" }",
            "\"x-offerctl\": { \"list\": \"set\" }",
        ],
    ),
    error(
        Code::MisplacedSecret,
        "misplaced-secret",
        "a `!secret` where the plan needs the value",
        [
            "What says which offer, plan or category is meant, and what guards compare (prices, regions, who sees the offer), is \
             read when a plan is made, and a secret is read later. A price or a region is no secret: customers see it.",
            "regions: [!secret env:REGION]",
            "regions: [!env REGION]",
        ],
    ),
    error(
        Code::Overlay,
        "overlay",
        "a file that is named as an overlay and is none, or an entry of an overlay without effect",
        [
            "In a project with environments, `x.NAME.yaml` changes what `x.yaml` declares in the environment NAME. It needs \
             the file `x.yaml` and a table `[environments.NAME]`. `!absent` in it takes out what the file declares.",
            "offers/a.prod.yaml        # no [environments.prod], or no offers/a.yaml",
            "offers/a.yaml\noffers/a.prod.yaml        # [environments.prod] is in offerctl.toml",
        ],
    ),
];
