//! Files that an offer names by `!artifact` or `!sas`.

use super::super::{Code, Severity};
use super::About;

pub(super) const TABLE: &[About] = &[
    About {
        code: Code::Artifact,
        name: "artifact",
        severity: Severity::Error,
        lint: false,
        summary: "an artifact that is not a file of the project",
        explanation: "`!artifact` takes an https address, or the path of a file relative to the offer file. The file \
            must exist inside the project (links are followed first), outside `.git` and `.offerctl`, and have 1 \
            byte to 64 MiB.",
        example: "smallLogo: !artifact ../../shared/48.png",
        fixed: "smallLogo: !artifact ../art/48.png",
    },
    About {
        code: Code::ArtifactStore,
        name: "artifact-store",
        severity: Severity::Error,
        lint: false,
        summary: "a local artifact without a store to upload it to",
        explanation: "The portal fetches artifacts by address. offerctl uploads a file of the project first, to the \
            store of `[artifacts]` in `offerctl.toml`. A folder as a store also needs `public_url`, the address at \
            which the portal finds it.",
        example: "# offerctl.toml has no [artifacts]\nsmallLogo: !artifact ../art/48.png",
        fixed: "# offerctl.toml:\n# [artifacts]\n# store = \"az://artifacts/offers\"\nsmallLogo: !artifact ../art/48.png",
    },
    About {
        code: Code::Sas,
        name: "sas-address",
        severity: Severity::Error,
        lint: false,
        summary: "an address behind `!sas` that is never signed",
        explanation: "`!sas` signs the address of a blob when the draft is written. It signs only for the accounts and \
                      containers that `[[sas]]` in `offerctl.toml` lists, so that an offer file cannot send a signature to \
                      another host. The address is https://ACCOUNT.blob.core.windows.net/CONTAINER/BLOB in its plain form: \
                      lower case, without a user name, a port, `..`, a query or a fragment. Plain http is signed on \
                      loopback only, with the account as the first part of the path.",
        example: "# offerctl.toml has no [[sas]] entry for contoso\nosVhdUrl: !sas https://contoso.blob.core.windows.net/images/1.vhd",
        fixed: "# offerctl.toml:\n# [[sas]]\n# account = \"contoso\"\n# containers = [\"images\"]\nosVhdUrl: !sas https://contoso.blob.core.windows.net/images/1.vhd",
    },
];
