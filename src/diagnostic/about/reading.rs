//! What keeps a file from being read, or a document from being an offer. Always errors, but for an `ignore` that ended.

use super::super::{Code, Severity};
use super::About;

const fn error(code: Code, name: &'static str, summary: &'static str, texts: [&'static str; 3]) -> About {
    let [explanation, example, mended] = texts;
    About { code, name, severity: Severity::Error, lint: false, summary, explanation, example, mended }
}

pub(super) const TABLE: &[About] = &[
    error(
        Code::Unreadable,
        "unreadable",
        "the file cannot be read",
        [
            "The system refused to open the file or to list the folder, or the file lies outside of the project: a link \
             must not show what is not part of it.",
            "offers/a.yaml -> /srv/elsewhere/a.yaml",
            "offers/a.yaml            # the file itself, readable by you",
        ],
    ),
    error(
        Code::NotUtf8,
        "not-utf8",
        "a byte that is not UTF-8",
        [
            "Offer files are UTF-8, with or without a byte order mark. Editors on older systems save Latin-1 or UTF-16.",
            "summary: caf\\xe9          # one byte of Latin-1",
            "summary: café             # saved as UTF-8",
        ],
    ),
    error(
        Code::Syntax,
        "syntax",
        "the text is not YAML",
        [
            "The place is where reading stopped; the cause is often a line above: an indentation that fits nowhere, a \
             quote or a bracket left open, a `: ` inside a text without quotes.",
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
        "there is nothing in the file, or no file in the folder",
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
        "a key, or the identity of a list's member, stands twice",
        [
            "Readers of YAML disagree about which of the two counts, so neither does. It is the same with two plans of one \
             `planId`, and with a key that stands there under its short and its full name.",
            "displayText: Gateway\ndisplayText: Edge Gateway",
            "displayText: Edge Gateway",
        ],
    ),
    error(
        Code::Limit,
        "limit",
        "larger, deeper or more than is read",
        [
            "A file has at most 16 MiB, 64 levels, 200,000 values with anchors and aliases expanded (or as many as a larger file has without), and 100 findings; a \
             text by `!file` at most 1 MiB; a project at most 10,000 offer files. Real offers stay far below; what does \
             not is a slip or an attack.",
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
            "The envelope and the `reconcile` stanza have a closed set of keys. Below `definition` the portal takes keys \
             that it does not know and drops them without a word, so spellings that are known to be dropped are errors too.",
            "defintion: {}",
            "definition: {}",
        ],
    ),
    error(
        Code::MissingKey,
        "missing-key",
        "a key that must be there",
        [
            "An offer is known by `publisherId` and `id`, read by `offerTypeId`, and declared by `definition`. A member of \
             a list with identities needs its identity.",
            "plans:\n  - regions: [DE]",
            "plans:\n  - planId: basic\n    regions: [DE]",
        ],
    ),
    error(
        Code::WrongValue,
        "wrong-value",
        "a value of the wrong type, or outside of what is allowed",
        [
            "The message says what belongs there.",
            "reconcile:\n  through: production",
            "reconcile:\n  through: live          # draft, preview or live",
        ],
    ),
    error(
        Code::QuoteNumber,
        "quote-number",
        "a number that must be quoted",
        [
            "`1.10` without quotes is the number 1.1, so a version or a text would lose its zero. `0755`, `+1` and `.5` \
             are numbers to some readers and texts to others. `validate --fix` puts the quotes where they are certain.",
            "displayText: 1.10",
            "displayText: \"1.10\"",
        ],
    ),
    error(
        Code::DuplicateOffer,
        "duplicate-offer",
        "two files declare one offer",
        [
            "An offer is known by its publisher and id. Two files would undo each other's work.",
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
        "a secret as a plain text",
        [
            "A field that holds a secret, by the schema or by its name, takes `!secret` alone: the value is read when a \
             request is made, and stands in no file, plan or log. What was once committed is known: change the secret too.",
            "connectionString: DefaultEndpointsProtocol=https;AccountKey=…",
            "connectionString: !secret env:LEADS_CONNECTION",
        ],
    ),
    error(
        Code::DeclaredIgnored,
        "declared-ignored",
        "declared and ignored at once",
        [
            "`reconcile.ignore` leaves a part of the offer to the portal; declaring it asks for the opposite.",
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
        explanation: "From the day after `until` on, the entry no longer counts, so that an exception does not outlive its \
                      reason unseen.",
        example: "ignore:\n  - path: /definition/plans/legacy\n    until: 2024-01-31",
        mended: "ignore:\n  - path: /definition/plans/legacy\n    until: 2029-01-31",
    },
    error(
        Code::Config,
        "config",
        "the project or its `offerctl.toml` cannot be used",
        [
            "There is no project here, or its settings have a key or a value that offerctl does not know.",
            "paralelism = 4",
            "parallelism = 4",
        ],
    ),
];
