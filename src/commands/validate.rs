//! `offerctl validate`: what is wrong in the files, without a portal or a credential.

use super::declared::Roll;
use super::shell::Shell;
use crate::cli::{Format, ValidateArgs};
use crate::diagnostic::{Diagnostic, Source};
use crate::error::{Error, Exit, Result};
use crate::render;
use crate::workspace::{Project, mend};

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
    let places = shell.places_of(offers);
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
        replace(project, &first.source, &mended.text)?;
        for index in mended.done {
            let finding = here[index];
            let text = match fixes[index].text.as_str() {
                "" => "taken away".to_owned(),
                text => format!("now {text}"),
            };
            shell.term.alert(&format!("fixed {} {}: {text}", finding.place(), finding.code));
        }
    }
    Ok(())
}

/// Writes a file anew, unless its bytes are no longer those that were read.
fn replace(project: &Project, source: &Source, text: &str) -> Result<()> {
    let named = project.root.join(&*source.path);
    let failed = |error: &std::io::Error| Error::io("mend", &named, error);
    // A link stays one: what it leads to is written.
    let path = named.canonicalize().map_err(|error| failed(&error))?;
    let bytes = std::fs::read(&path).map_err(|error| failed(&error))?;
    let mark: &[u8] = if bytes.starts_with(b"\xef\xbb\xbf") { b"\xef\xbb\xbf" } else { b"" };
    if bytes[mark.len()..] != *source.text.as_bytes() {
        let message = format!("{} was changed by somebody else meanwhile; it is left as it is", source.path);
        return Err(Error::failed(message).hint("run `offerctl validate --fix` again"));
    }
    super::sinks::rewrite(&path, &[mark, text.as_bytes()].concat()).map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_moved_since_it_was_read_is_left_as_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let project = Project { root: folder.path().to_owned(), config: Default::default(), environment: None };
        let source = Source { path: "a.yaml".into(), text: "a: 1\n".into() };
        let now = || std::fs::read_to_string(folder.path().join("a.yaml")).expect("the file");
        std::fs::write(folder.path().join("a.yaml"), "a: 2\n").expect("written");
        let error = replace(&project, &source, "a: \"1\"\n").expect_err("refused");
        assert!(error.to_string().contains("was changed by somebody else meanwhile"), "{error}");
        assert_eq!(now(), "a: 2\n");
        std::fs::write(folder.path().join("a.yaml"), &*source.text).expect("written");
        replace(&project, &source, "a: \"1\"\n").expect("replaced");
        assert_eq!(now(), "a: \"1\"\n");
    }
}
