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
    let [explanation, example, mended] = texts;
    About { code, name, severity, lint: true, summary, explanation, example, mended }
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
        "a signed URL that ends within 21 days, has ended, or has no end with a time",
        [
            "Certification and publishing read the image for up to three weeks. A signature that ends meanwhile fails the \
             submission late. An image that is live already needs its signature no more: turn this lint off, or sign again. \
             The portal refuses an end that is a date alone, as some commands of the Azure CLI write it.",
            "osVhdUrl: https://….vhd?sp=rl&se=2024-01-01T00:00:00Z&sig=…",
            "osVhdUrl: https://….vhd?sp=rl&se=2029-01-01T00:00:00Z&sig=…",
        ],
    ),
    warning(
        Code::SasPermissions,
        "sas-permissions",
        "a signed URL that does not allow to read and to list",
        [
            "The portal reads the blob and lists its container, so the signature needs both permissions (`sp=rl`), which \
             only a signature of the container can give. One by a stored policy (`si`) is not judged.",
            "osVhdUrl: https://….vhd?sp=r&se=…&sig=…",
            "osVhdUrl: https://….vhd?sp=rl&sr=c&se=…&sig=…",
        ],
    ),
    warning(
        Code::SasStart,
        "sas-start",
        "a signed URL that is not valid yet, or has no start with a time",
        [
            "The portal reads the image as soon as the offer is published. Clocks differ: let the signature begin a day \
             earlier. The portal refuses a signature without a start, and one whose start is a date alone.",
            "osVhdUrl: https://….vhd?sp=rl&st=2999-01-01T00:00:00Z&se=…&sig=…",
            "osVhdUrl: https://….vhd?sp=rl&st=2026-01-01T00:00:00Z&se=…&sig=…",
        ],
    ),
    warning(
        Code::NoImage,
        "no-image",
        "a plan that declares no image or package",
        [
            "A plan without one cannot be published. Where another tool adds the versions, say so with an `ignore` of that \
             dictionary, or turn this lint off.",
            "- planId: basic\n  microsoft-azure-virtualmachines.skuTitle: Basic",
            "- planId: basic\n  microsoft-azure-virtualmachines.skuTitle: Basic\n  microsoft-azure-virtualmachines.vmImages:\n    1.0.0: {osVhdUrl: …}",
        ],
    ),
    warning(
        Code::GenerationDrift,
        "generation-drift",
        "a generation with other versions than its plan",
        [
            "A new version goes into the plan and into each entry of `diskGenerations`; customers of the one that was \
             forgotten stay behind.",
            "vmImages: {1.0.0: …, 1.1.0: …}\ndiskGenerations:\n  - planId: basic-gen2\n    vmImages: {1.0.0: …}",
            "vmImages: {1.0.0: …, 1.1.0: …}\ndiskGenerations:\n  - planId: basic-gen2\n    vmImages: {1.0.0: …, 1.1.0: …}",
        ],
    ),
    warning(
        Code::MediaName,
        "media-name",
        "a media name that two generations share",
        [
            "Each image needs a `mediaName` of its own; the usual form is that of the plan with the generation appended.",
            "mediaName: gateway-1.0.0        # in the plan, and in its second generation",
            "mediaName: gateway-1.0.0-gen2",
        ],
    ),
    warning(
        Code::LogoType,
        "logo-type",
        "a logo that is no PNG or JPEG picture",
        [
            "The portal fetches the logo when the offer is saved. What it cannot use comes back as null, without an error: \
             other formats, and web pages about a picture, such as GitHub's `blob` pages.",
            "smallLogo: https://github.com/contoso/art/blob/main/small.png",
            "smallLogo: https://raw.githubusercontent.com/contoso/art/main/small.png",
        ],
    ),
    warning(
        Code::LogoSize,
        "logo-size",
        "a logo of the wrong size",
        [
            "In pixels: small 48 by 48, medium 90 by 90, large 216 by 216, wide 255 by 115, hero 815 by 290. Files of the \
             project are opened; what an address leads to is not looked at.",
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
        "HTML outside of what the marketplace is documented to keep",
        [
            "Descriptions take b, i, p, br, ul, ol, li and h1 to h6, without styles and scripts; strong, em and a are seen \
             in live offers as well. Other tags may be shown as text or be stripped with what they hold.",
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
        "a text over its limit",
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
        "a member that stands twice in a set",
        [
            "Regions, clouds, subscriptions and the like are sets. A member that stands twice is a slip, perhaps for \
             another one. `validate --fix` takes the second away.",
            "regions: [DE, FR, DE]",
            "regions: [DE, FR]",
        ],
    ),
    warning(
        Code::MarketoForm,
        "marketo-form",
        "Marketo settings in the form before December 2022",
        [
            "Leads go to Marketo by an API client now: `clientId` and `clientSecret`. `serverId` alone stopped to suffice \
             in December 2022.",
            "marketoLeadConfiguration: {serverId: app-1, munchkinId: 123, formId: 7}",
            "marketoLeadConfiguration:\n  munchkinId: \"123\"\n  formId: \"7\"\n  clientId: gateway\n  clientSecret: !secret env:MARKETO_SECRET",
        ],
    ),
    warning(
        Code::NotifyIgnored,
        "notify-ignored",
        "whom to notify, where the portal tells nobody",
        [
            "Publishing takes `reconcile.notify`, and the portal ignores it for offers that were migrated: the owners of \
             the account get the mails. It is told by `plan`, which sees how the offer is kept, and by `validate` where \
             the file says `pcMigrationStatus: migrated`.",
            "reconcile:\n  notify: [release@contoso.example]",
            "reconcile: {}",
        ],
    ),
    warning(
        Code::YamlTrap,
        "yaml-trap",
        "a plain text that other YAML readers take for something else",
        [
            "offerctl reads YAML 1.2, where `NO` is a text. Readers of YAML 1.1 make false of it, a number of `1_000` and \
             `12:30`, a date of `2026-01-31`. `validate --fix` puts the quotes.",
            "regions: [DE, NO]",
            "regions: [DE, \"NO\"]",
        ],
    ),
    warning(
        Code::RegionCase,
        "region-case",
        "a region code in small letters",
        [
            "Regions are ISO 3166 codes of two capitals. The portal takes small letters for the same region; one form makes \
             files comparable. `validate --fix` writes capitals.",
            "regions: [de, FR]",
            "regions: [DE, FR]",
        ],
    ),
    warning(
        Code::Deprecated,
        "deprecated",
        "a field that is not to be used any more",
        [
            "The schema of the type says that this field has had its day: the portal empties it, or takes another one \
             instead. The hint says which. The field is sent as it is declared.",
            "categories: [networking]",
            "categoryMap:\n  - categoryL1: networking\n    categoryL2-networking: [firewalls]",
        ],
    ),
    warning(
        Code::SasForm,
        "sas-form",
        "an image address that is not that of a signed file",
        [
            "The portal copies an image from its address alone, so the address needs the query of a signature: with `sig`, \
             with `&` between the parameters rather than the `\\u0026` or `&amp;` of a printed form, and without white space \
             in the name of the file. Anything else ends in \"Not able to download blob using provided SAS Uri\".",
            "osVhdUrl: https://….vhd",
            "osVhdUrl: https://….vhd?sp=rl&sr=c&st=…&se=…&sig=…",
        ],
    ),
    warning(
        Code::PlanId,
        "plan-id",
        "a plan id with other characters than small letters, digits, dashes and underscores",
        [
            "Customers deploy a plan by its id, and the portal takes no other characters. An id cannot be changed once the \
             plan is published.",
            "- planId: My Plan",
            "- planId: my-plan",
        ],
    ),
    warning(
        Code::Template,
        "template",
        "what a template should have replaced",
        [
            "A value holds a placeholder, such as `{{ID}}`, `${ID}` or `$(ID)`: the step that fills it did not run, or has no \
             such name. offerctl would publish it as it is.",
            "skuTitle: \"{{TITLE}}\"",
            "skuTitle: !env TITLE",
        ],
    ),
    warning(
        Code::NotGuid,
        "not-guid",
        "a subscription or tenant that is not a GUID",
        [
            "The audience of a preview and of a private plan is named by the ids of subscriptions or tenants. A name, or an \
             id without its dashes, lets nobody in.",
            "allowedSubscriptions: [Production]",
            "allowedSubscriptions: [3f8a1c52-6d0e-4b97-a2f4-5c7e90b1d386]",
        ],
    ),
    warning(
        Code::TooMany,
        "too-many",
        "a list with more members than the portal takes",
        [
            "The portal takes 100 subscriptions for a preview, 10 entries for a private plan (longer lists are uploaded as \
             CSV), and 6 recommended machine sizes.",
            "recommendedVMSizes: [a0-basic, a1-basic, a2-basic, a3-basic, a4-basic, d2s-standard-v3, d4s-standard-v3]",
            "recommendedVMSizes: [d2s-standard-v3, d4s-standard-v3]",
        ],
    ),
    warning(
        Code::SameVersion,
        "same-version",
        "two keys for one version",
        [
            "Versions are compared as numbers, so `1.02.0` and `1.2.0` are one version with two images, and which one \
             customers get is left to chance.",
            "vmImages:\n  1.2.0: {}\n  1.02.0: {}",
            "vmImages:\n  1.2.0: {}",
        ],
    ),
];
