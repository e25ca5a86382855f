//! Files that an offer names by `!artifact`.

use super::super::{Code, Severity};
use super::About;

pub(super) const TABLE: &[About] = &[
    About {
        code: Code::Artifact,
        name: "artifact",
        severity: Severity::Error,
        lint: false,
        summary: "an artifact that is no file of the project",
        explanation: "`!artifact` takes an https address, or the path of a file relative to the offer file. The file must \
                      be there, within the project (links are followed first), outside of `.git` and `.offerctl`, and \
                      neither empty nor larger than 64 MiB.",
        example: "smallLogo: !artifact ../../shared/48.png",
        mended: "smallLogo: !artifact ../art/48.png",
    },
    About {
        code: Code::ArtifactStore,
        name: "artifact-store",
        severity: Severity::Error,
        lint: false,
        summary: "a local artifact, and no store to upload it to",
        explanation: "The portal fetches artifacts by address. A file of the project is uploaded first, to the store that \
                      `offerctl.toml` names; a folder also needs the address under which the portal finds it.",
        example: "# offerctl.toml has no [artifacts]\nsmallLogo: !artifact ../art/48.png",
        mended: "# offerctl.toml:\n# [artifacts]\n# store = \"az://artifacts/offers\"\nsmallLogo: !artifact ../art/48.png",
    },
];
