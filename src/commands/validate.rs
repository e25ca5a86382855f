//! `offerctl validate`: what is wrong in the files, without a portal or a credential.

use super::shell::Shell;
use crate::cli::{Format, Targets};
use crate::error::{Exit, Result};
use crate::render;

pub(super) fn run(shell: &Shell, args: &Targets) -> Result<Exit> {
    let (_, loaded) = shell.read_linted(&args.targets)?;
    shell.emit(&|format, color| match format {
        Format::Json => {
            render::diagnostics_json(loaded.offers.iter().map(|offer| &offer.key).collect(), &loaded.diagnostics)
        }
        Format::Text => {
            let errors = loaded.errors();
            let warnings = loaded.diagnostics.len() - errors;
            let verdict = match (errors, warnings) {
                (0, 0) => "Valid".to_owned(),
                (0, _) => format!("Valid, with {}", render::plural(warnings, "warning")),
                _ => format!("Not valid: {}", render::plural(errors, "error")),
            };
            let files = render::plural(loaded.files, "file");
            let offers = render::plural(loaded.offers.len(), "offer");
            format!("{}{verdict} ({files}, {offers}).\n", render::diagnostics(&loaded.diagnostics, color))
        }
    })?;
    Ok(if loaded.has_errors() { Exit::Invalid } else { Exit::Done })
}
