//! `offerctl render`: what the files declare, once tags, overlays and plans in files of their own are resolved.

use super::shell::Shell;
use crate::cli::{Format, Targets};
use crate::error::{Exit, Result};
use crate::render;

pub(super) fn run(shell: &Shell, args: &Targets) -> Result<Exit> {
    let (project, loaded) = shell.load(&args.targets)?;
    let environment = project.environment.as_deref();
    shell.emit(&|format, _| match format {
        Format::Json => render::resolved_json(&loaded.offers, environment),
        _ => render::resolved(&loaded.offers, environment),
    })?;
    Ok(Exit::Done)
}
