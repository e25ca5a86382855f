//! The lints: what is well-formed and still goes wrong, days later, at the portal or before customers. Limits and sizes
//! are those of the portal's and Partner Center's published documentation (2019 to 2022).

use super::super::{Code, Severity};
use super::About;

const fn lint(
    code: Code,
    name: &'static str,
    severity: Severity,
    summary: &'static str,
    texts: [&'static str; 3],
) -> About {
    let [explanation, example, fixed] = texts;
    About { code, name, severity, lint: true, summary, explanation, example, fixed }
}

const fn warning(code: Code, name: &'static str, summary: &'static str, texts: [&'static str; 3]) -> About {
    lint(code, name, Severity::Warning, summary, texts)
}

pub(super) const TABLE: &[About] = &[
    lint(
        Code::VersionKey,
        "version-key",
        Severity::Error,
        "a version key that is not three numbers",
        [
            "Images and packages are kept by version, MAJOR.MINOR.PATCH, each a number. The portal \
             offers the highest one, and refuses other forms.",
            "vmImages:\n  \"1.10\": {}",
            "vmImages:\n  1.10.0: {}",
        ],
    ),
    warning(
        Code::SasExpiry,
        "sas-expiry",
        "a signed URL that expires within 21 days, has expired, or has no expiry time",
        [
            "Certification and publishing read the image for up to three weeks. If the signature expires in that \
                time, the submission fails late. An image that is already live does not need its signature: turn \
                this lint off, or sign the URL again. The portal rejects an expiry date without a time, as some \
                commands of the Azure CLI write it.",
            "osVhdUrl: https://….vhd?sp=rl&se=2024-01-01T00:00:00Z&sig=…",
            "osVhdUrl: https://….vhd?sp=rl&se=2029-01-01T00:00:00Z&sig=…",
        ],
    ),
    warning(
        Code::SasPermissions,
        "sas-permissions",
        "a signed URL without the permissions to read and to list",
        [
            "The portal reads the blob and lists its container, so the signature needs both permissions (`sp=rl`). \
                Only a container signature can have both. Signatures with a stored policy (`si`) are not checked.",
            "osVhdUrl: https://….vhd?sp=r&se=…&sig=…",
            "osVhdUrl: https://….vhd?sp=rl&sr=c&se=…&sig=…",
        ],
    ),
    warning(
        Code::SasStart,
        "sas-start",
        "a signed URL that is not valid yet, or has no start time",
        [
            "The portal reads the image as soon as the offer is published. Clocks differ, so use a start time one \
                day in the past. The portal rejects a signature without a start time, and a start date without a \
                time.",
            "osVhdUrl: https://….vhd?sp=rl&st=2999-01-01T00:00:00Z&se=…&sig=…",
            "osVhdUrl: https://….vhd?sp=rl&st=2026-01-01T00:00:00Z&se=…&sig=…",
        ],
    ),
    warning(
        Code::NoImage,
        "no-image",
        "a plan that declares no image or package",
        [
            "A plan without one cannot be published. If another tool adds the versions, add an `ignore` entry for \
                that dictionary, or turn this lint off.",
            "- planId: basic\n  microsoft-azure-virtualmachines.skuTitle: Basic",
            "- planId: basic\n  microsoft-azure-virtualmachines.skuTitle: Basic\n  microsoft-azure-virtualmachines.vmImages:\n    1.0.0: {osVhdUrl: …}",
        ],
    ),
    warning(
        Code::GenerationDrift,
        "generation-drift",
        "a generation whose versions differ from its plan",
        [
            "A new version goes into the plan and into each entry of `diskGenerations`; customers of a generation \
                that was forgotten do not get the new version.",
            "vmImages: {1.0.0: …, 1.1.0: …}\ndiskGenerations:\n  - planId: basic-gen2\n    vmImages: {1.0.0: …}",
            "vmImages: {1.0.0: …, 1.1.0: …}\ndiskGenerations:\n  - planId: basic-gen2\n    vmImages: {1.0.0: …, 1.1.0: …}",
        ],
    ),
    warning(
        Code::MediaName,
        "media-name",
        "a media name that two generations share",
        [
            "Each image needs a different `mediaName`. Usually it is the one of the plan with the generation \
                appended.",
            "mediaName: gateway-1.0.0        # in the plan, and in its second generation",
            "mediaName: gateway-1.0.0-gen2",
        ],
    ),
    warning(
        Code::LogoType,
        "logo-type",
        "a logo that is not a PNG or JPEG picture",
        [
            "The portal fetches the logo when the offer is saved. It stores null, without an error, for what it \
                cannot use: other formats, and web pages that show a picture, such as GitHub's `blob` pages.",
            "smallLogo: https://github.com/contoso/art/blob/main/small.png",
            "smallLogo: https://raw.githubusercontent.com/contoso/art/main/small.png",
        ],
    ),
    warning(
        Code::LogoSize,
        "logo-size",
        "a logo of the wrong size",
        [
            "In pixels: small 48 by 48, medium 90 by 90, large 216 by 216, wide 255 by 115, hero 815 by 290. Only \
                files of the project are checked, not addresses.",
            "smallLogo: !artifact ../art/logo-512.png",
            "smallLogo: !artifact ../art/logo-48.png",
        ],
    ),
    warning(
        Code::NotHttps,
        "not-https",
        "an address that is not https",
        [
            "Links of the listing, addresses of support and privacy pages, and everything that the portal fetches must be \
             https.",
            "linkUrl: http://docs.contoso.example",
            "linkUrl: https://docs.contoso.example",
        ],
    ),
    warning(
        Code::HtmlTag,
        "html-tag",
        "HTML that the marketplace may remove",
        [
            "Descriptions take b, i, p, br, ul, ol, li and h1 to h6, without styles and scripts; live offers also \
                use strong, em and a. Other tags may be shown as text or removed with their content.",
            "description: <p>Fast.</p><script>count()</script>",
            "description: <p>Fast.</p>",
        ],
    ),
    warning(
        Code::HtmlUnbalanced,
        "html-unbalanced",
        "HTML whose tags are not balanced",
        [
            "A tag that is not closed, or closed out of order, changes the look of everything after it on the page.",
            "description: <p>A <b>fast</p> gateway",
            "description: <p>A <b>fast</b> gateway</p>",
        ],
    ),
    warning(
        Code::TooLong,
        "too-long",
        "a text that is longer than its limit",
        [
            "In characters, HTML included: title 50, summary 100, long summary 256, description 5,000, marketing identifier \
             50; of a plan, title 50 and summary 100.",
            "title: The gateway for everybody who needs one and for all the others",
            "title: Contoso Edge Gateway",
        ],
    ),
    warning(
        Code::DuplicateMember,
        "duplicate-member",
        "a duplicate member of a set",
        [
            "Regions, clouds, subscriptions and the like are sets. A duplicate is usually a typo for another member. \
                `validate --fix` removes the second one.",
            "regions: [DE, FR, DE]",
            "regions: [DE, FR]",
        ],
    ),
    warning(
        Code::MarketoForm,
        "marketo-form",
        "Marketo settings in the format from before December 2022",
        [
            "Since December 2022, leads are sent to Marketo with an API client: `clientId` and `clientSecret`. \
                `serverId` alone no longer works.",
            "marketoLeadConfiguration: {serverId: app-1, munchkinId: 123, formId: 7}",
            "marketoLeadConfiguration:\n  munchkinId: \"123\"\n  formId: \"7\"\n  clientId: gateway\n  clientSecret: !secret env:MARKETO_SECRET",
        ],
    ),
    warning(
        Code::NotifyIgnored,
        "notify-ignored",
        "`reconcile.notify` has no effect on migrated offers",
        [
            "The portal ignores `reconcile.notify` for offers that were migrated, and notifies the owners of the \
                account. `plan` reports this for every migrated offer, `validate` only for files with \
                `pcMigrationStatus: migrated`.",
            "reconcile:\n  notify: [release@contoso.example]",
            "reconcile: {}",
        ],
    ),
    warning(
        Code::YamlTrap,
        "yaml-trap",
        "a plain text that other YAML readers read as another type",
        [
            "offerctl reads YAML 1.2, where `NO` is a text. Readers of YAML 1.1 read it as false, `1_000` and \
                `12:30` as numbers, and `2026-01-31` as a date. `validate --fix` adds the quotes.",
            "regions: [DE, NO]",
            "regions: [DE, \"NO\"]",
        ],
    ),
    warning(
        Code::RegionCase,
        "region-case",
        "a region code in lower case",
        [
            "Regions are ISO 3166 codes of two upper-case letters. The portal accepts lower case too; with one form, \
                files are easier to compare. `validate --fix` writes upper case.",
            "regions: [de, FR]",
            "regions: [DE, FR]",
        ],
    ),
    warning(
        Code::Deprecated,
        "deprecated",
        "a deprecated field",
        [
            "The schema marks this field as deprecated: the portal empties it, or uses another field, which the hint \
                names. offerctl sends the field as declared.",
            "categories: [networking]",
            "categoryMap:\n  - categoryL1: networking\n    categoryL2-networking: [firewalls]",
        ],
    ),
    warning(
        Code::SasForm,
        "sas-form",
        "an image address without a usable signature",
        [
            "The portal copies an image from its address alone, so the address needs the query of a signature: with \
                `sig`, with `&` between the parameters instead of the `\\u0026` or `&amp;` of a printed form, and \
                without white space in the name of the file. Anything else ends in \"Not able to download blob using \
                provided SAS Uri\".",
            "osVhdUrl: https://….vhd",
            "osVhdUrl: https://….vhd?sp=rl&sr=c&st=…&se=…&sig=…",
        ],
    ),
    warning(
        Code::PlanId,
        "plan-id",
        "a plan id with characters other than lower-case letters, digits, dashes and underscores",
        [
            "Customers deploy a plan by its id, and the portal accepts only these characters. An id cannot be \
                changed once the plan is published.",
            "- planId: My Plan",
            "- planId: my-plan",
        ],
    ),
    warning(
        Code::Template,
        "template",
        "a template placeholder that was not replaced",
        [
            "A value holds a placeholder, such as `{{ID}}`, `${ID}` or `$(ID)`: the step that replaces it did not \
                run, or uses another name. offerctl would publish the placeholder.",
            "skuTitle: \"{{TITLE}}\"",
            "skuTitle: !env TITLE",
        ],
    ),
    warning(
        Code::NotGuid,
        "not-guid",
        "a subscription or tenant that is not a GUID",
        [
            "The audience of a preview and of a private plan is named by the ids of subscriptions or tenants. A \
                name, or an id without its dashes, gives access to no one.",
            "allowedSubscriptions: [Production]",
            "allowedSubscriptions: [3f8a1c52-6d0e-4b97-a2f4-5c7e90b1d386]",
        ],
    ),
    warning(
        Code::TooMany,
        "too-many",
        "a list with more members than the portal accepts",
        [
            "The portal accepts 100 subscriptions for a preview, 10 entries for a private plan (longer lists are \
                uploaded as CSV), and 6 recommended machine sizes.",
            "recommendedVMSizes: [a0-basic, a1-basic, a2-basic, a3-basic, a4-basic, d2s-standard-v3, d4s-standard-v3]",
            "recommendedVMSizes: [d2s-standard-v3, d4s-standard-v3]",
        ],
    ),
    warning(
        Code::SameVersion,
        "same-version",
        "two keys for one version",
        [
            "Versions are compared as numbers, so `1.02.0` and `1.2.0` are one version with two images, and it is \
                undefined which one customers get.",
            "vmImages:\n  1.2.0: {}\n  1.02.0: {}",
            "vmImages:\n  1.2.0: {}",
        ],
    ),
];
