//! What keeps a file from being read, or a document from being an offer. Always errors, but for an `ignore` that ended.

use super::super::{Code, Severity};
use super::About;

const fn error(code: Code, name: &'static str, summary: &'static str, texts: [&'static str; 3]) -> About {
    let [explanation, example, fixed] = texts;
    About { code, name, severity: Severity::Error, lint: false, summary, explanation, example, fixed }
}

pub(super) const TABLE: &[About] = &[
    error(
        Code::Unreadable,
        "unreadable",
        "the file cannot be read",
        [
            "The file cannot be opened, the folder cannot be listed, or the file is outside the project. Links that \
                lead out of the project are not followed.",
            "offers/a.yaml -> /srv/elsewhere/a.yaml",
            "offers/a.yaml            # the file itself, readable by you",
        ],
    ),
    error(
        Code::NotUtf8,
        "not-utf8",
        "a byte that is not UTF-8",
        [
            "Offer files are UTF-8, with or without a byte order mark. Some editors save Latin-1 or UTF-16.",
            "summary: caf\\xe9          # one byte of Latin-1",
            "summary: café             # saved as UTF-8",
        ],
    ),
    error(
        Code::Syntax,
        "syntax",
        "the text is not YAML",
        [
            "The place is where the parser stopped. The cause is often in a line above: wrong indentation, an \
                unclosed quote or bracket, or a `: ` in a text without quotes.",
            "summary: Gateway: fast",
            "summary: \"Gateway: fast\"",
        ],
    ),
    error(
        Code::Tab,
        "tab",
        "a tab in the indentation",
        ["YAML is indented with spaces.", "definition:\n\tdisplayText: Gateway", "definition:\n  displayText: Gateway"],
    ),
    error(
        Code::Empty,
        "empty",
        "an empty file, or a folder without offer files",
        [
            "An offer file declares one offer. A folder of offer files has at least one `.yaml` or `.yml`.",
            "# nothing yet",
            "publisherId: contoso\nid: edge-gateway\nofferTypeId: microsoft-azure-virtualmachines\ndefinition: {}",
        ],
    ),
    error(
        Code::ManyDocuments,
        "many-documents",
        "a second document in the file",
        [
            "One file declares one offer; `---` starts another document.",
            "id: a\n---\nid: b",
            "# a.yaml\nid: a\n# b.yaml\nid: b",
        ],
    ),
    error(
        Code::DuplicateKey,
        "duplicate-key",
        "a duplicate key, or two list members with the same identity",
        [
            "YAML readers disagree about which of the two counts, so this is an error. So are two plans with one \
                `planId`, and a key that is written under its short and its full name.",
            "displayText: Gateway\ndisplayText: Edge Gateway",
            "displayText: Edge Gateway",
        ],
    ),
    error(
        Code::Limit,
        "limit",
        "a file or project over a size limit",
        [
            "A file has at most 4 MiB, 64 levels, 200,000 values with anchors and aliases expanded, and 100 \
                findings; a text read by `!file` at most 1 MiB; a project at most 10,000 offer files. Real offers \
                are much smaller.",
            "a: &a [x, x, x]\nb: &b [*a, *a, *a]       # and so on, ten times",
            "a: [x, x, x]",
        ],
    ),
    error(
        Code::Unsupported,
        "unsupported",
        "a YAML form that offer files do not use",
        [
            "Keys are plain texts. The tags are `!env`, `!file`, `!secret`, `!artifact` and `!absent`, each before one \
             value. A merge key `<<` takes a mapping, or a list of mappings.",
            "title: !evn OFFER_TITLE",
            "title: !env OFFER_TITLE",
        ],
    ),
    error(
        Code::UnknownKey,
        "unknown-key",
        "a key that nothing reads",
        [
            "The envelope and the `reconcile` stanza have a closed set of keys. Below `definition` the portal \
                accepts unknown keys and drops them without an error, so names that are known to be dropped are \
                errors too.",
            "defintion: {}",
            "definition: {}",
        ],
    ),
    error(
        Code::MissingKey,
        "missing-key",
        "a missing key",
        [
            "An offer file needs `publisherId`, `id`, `offerTypeId` and `definition`. A member of a list with \
                identities needs its identity.",
            "plans:\n  - regions: [DE]",
            "plans:\n  - planId: basic\n    regions: [DE]",
        ],
    ),
    error(
        Code::WrongValue,
        "wrong-value",
        "a value of the wrong type, or a value that is not allowed",
        [
            "The message names the expected value.",
            "reconcile:\n  through: production",
            "reconcile:\n  through: live          # draft, preview or live",
        ],
    ),
    error(
        Code::QuoteNumber,
        "quote-number",
        "a number that must be quoted",
        [
            "`1.10` without quotes is the number 1.1, so a version or a text would lose its zero. Some YAML readers \
                read `0755`, `+1` and `.5` as numbers, others as texts. `validate --fix` adds the quotes where the \
                field shows that they are right.",
            "displayText: 1.10",
            "displayText: \"1.10\"",
        ],
    ),
    error(
        Code::DuplicateOffer,
        "duplicate-offer",
        "two files declare one offer",
        [
            "Each publisher and id can be declared once. Two files would overwrite each other's changes.",
            "# a.yaml and copy-of-a.yaml\npublisherId: contoso\nid: edge-gateway",
            "# copy-of-a.yaml\npublisherId: contoso\nid: edge-gateway-beta",
        ],
    ),
    error(
        Code::Unresolved,
        "unresolved",
        "a tag that could not be resolved",
        [
            "The variable of an `!env` is not set or not listed by `allow` under `[env]` in `offerctl.toml`, or the file of a \
             `!file` does not exist, lies outside of the project, or is not a regular file.",
            "description: !file ../../shared/text.html",
            "description: !file ../texts/description.html",
        ],
    ),
    error(
        Code::PlainSecret,
        "plain-secret",
        "a secret in plain text",
        [
            "A field that holds a secret, by the schema or by its name, takes `!secret` alone: the value is read \
                when a request is sent, and is never in a file, plan or log. If the secret was committed, change it.",
            "connectionString: DefaultEndpointsProtocol=https;AccountKey=…",
            "connectionString: !secret env:LEADS_CONNECTION",
        ],
    ),
    error(
        Code::DeclaredIgnored,
        "declared-ignored",
        "a value that is declared and ignored",
        [
            "`reconcile.ignore` leaves a part of the offer to the portal, so the file cannot declare it too.",
            "reconcile:\n  ignore: [{path: /definition/plans/basic/regions}]\ndefinition:\n  plans:\n    - planId: basic\n      regions: [DE]",
            "definition:\n  plans:\n    - planId: basic\n      regions: [DE]",
        ],
    ),
    About {
        code: Code::IgnoreExpired,
        name: "ignore-expired",
        severity: Severity::Warning,
        lint: true,
        summary: "an `ignore` entry whose date has passed",
        explanation: "The entry has no effect after the day of `until`, so that an exception is not forgotten.",
        example: "ignore:\n  - path: /definition/plans/legacy\n    until: 2024-01-31",
        fixed: "ignore:\n  - path: /definition/plans/legacy\n    until: 2029-01-31",
    },
    error(
        Code::Config,
        "config",
        "the project or its `offerctl.toml` cannot be used",
        [
            "This folder is not in a project, or `offerctl.toml` has an unknown key or a wrong value.",
            "paralelism = 4",
            "parallelism = 4",
        ],
    ),
];
