//! `offerctl validate`: what is wrong in the files, without a portal or a credential.

use super::declared::Roll;
use super::rewrite;
use super::shell::Shell;
use crate::cli::{Format, ValidateArgs};
use crate::diagnostic::Diagnostic;
use crate::edit::mend;
use crate::error::{Exit, Result};
use crate::render;
use crate::revise::Revised;
use crate::workspace::Project;

pub(super) fn run(shell: &Shell, args: &ValidateArgs) -> Result<Exit> {
    let targets = &args.targets.targets;
    let (project, mut roll) = shell.read_roll(targets, args.shard)?;
    if args.fix {
        fix(shell, &project, &roll.diagnostics)?;
        roll = shell.read_roll(targets, args.shard)?.1;
    }
    let errors = roll.errors();
    let exit = if errors > 0 { Exit::Invalid } else { Exit::Done };
    let Roll { files, offers, diagnostics: findings, .. } = roll;
    let places = shell.places_of(offers.into_iter());
    let keys = || places.files.keys().collect();
    shell.emit(&|format, color| match format {
        // Refused before.
        Format::Html | Format::Yaml => String::new(),
        Format::Markdown => render::summary::diagnostics(&findings, &places),
        Format::Json => render::diagnostics_json(keys(), &findings),
        Format::Sarif => render::sarif::diagnostics(&findings, &places, exit),
        Format::Junit => render::junit::diagnostics(keys(), &findings, &places),
        Format::Github => render::github::diagnostics(&findings, &places),
        Format::Text => {
            let warnings = findings.len() - errors;
            let verdict = match (errors, warnings) {
                (0, 0) => "Valid".to_owned(),
                (0, _) => format!("Valid, with {}", render::plural(warnings, "warning")),
                _ => format!("Not valid: {}", render::plural(errors, "error")),
            };
            let files = render::plural(files, "file");
            let offers = render::plural(places.files.len(), "offer");
            format!("{}{verdict} ({files}, {offers}).\n", render::diagnostics(&findings, color))
        }
    })?;
    Ok(exit)
}

/// Mends every file that has findings with one right answer, and says what it changed.
fn fix(shell: &Shell, project: &Project, findings: &[Diagnostic]) -> Result<()> {
    let mut rest = findings.iter().filter(|finding| finding.fix.is_some()).collect::<Vec<_>>();
    while let Some(first) = rest.first().copied() {
        let (here, others) = rest.into_iter().partition::<Vec<_>, _>(|other| other.source.path == first.source.path);
        rest = others;
        let fixes = here.iter().filter_map(|finding| finding.fix.as_ref()).collect::<Vec<_>>();
        let mended = mend(&first.source, &fixes);
        if mended.done.is_empty() {
            continue;
        }
        rewrite::write(
            project,
            &Revised {
                path: first.source.path.to_string(),
                before: Some(first.source.text.to_string()),
                after: Some(mended.text.clone()),
            },
        )?;
        for index in mended.done {
            let finding = here[index];
            let text = match fixes[index].text.as_str() {
                "" => "removed".to_owned(),
                text => format!("now {text}"),
            };
            shell.term.alert(&format!("fixed {} {}: {text}", finding.place(), finding.code));
        }
    }
    Ok(())
}
