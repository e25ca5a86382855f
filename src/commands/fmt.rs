//! `offerctl fmt`: the offer files in one layout.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::rewrite;
use super::shell::Shell;
use crate::cli::{FmtArgs, Format, Names};
use crate::diagnostic::{Diagnostic, Source};
use crate::error::{Exit, Result};
use crate::layout::lay_out;
use crate::parallel::on_all_processors;
use crate::render::{self, Paint};
use crate::report::{Formatted, FormattedFile, Laid};
use crate::revise::Revised;
use crate::schema::Schemas;
use crate::workspace::{Project, Spelling};

/// A file, and what it would be.
enum Outcome {
    Same,
    New(Source, String),
    Left(usize),
    Faulty(Vec<Diagnostic>),
}

pub(super) fn run(shell: &Shell, args: &FmtArgs) -> Result<Exit> {
    let project = shell.project()?;
    let files = project.yaml_files(&args.paths)?;
    let spelling = args.names.map(|names| match names {
        Names::Short => Spelling::Short,
        Names::Wire => Spelling::Wire,
    });
    let outcomes = on_all_processors(&files, |file: &PathBuf| one(&project, &shell.schemas, file, spelling));
    let mut formatted = Formatted::default();
    for (file, outcome) in files.iter().zip(outcomes) {
        let became = match outcome {
            Outcome::Same => Laid::Unchanged,
            Outcome::New(..) if args.check => Laid::Differs,
            Outcome::New(source, text) => {
                let Source { path, text: before } = source;
                let revised = Revised { path: path.to_string(), before: Some(before.to_string()), after: Some(text) };
                rewrite::write(&project, &revised)?;
                Laid::Rewritten
            }
            Outcome::Left(line) => Laid::Left(line),
            Outcome::Faulty(findings) => {
                formatted.diagnostics.extend(findings);
                Laid::Faulty
            }
        };
        formatted.files.push(FormattedFile { path: project.name(file), became });
    }
    shell.term.alert_text(&render::diagnostics(&formatted.diagnostics, shell.term.stderr_color));
    shell.emit(&|format, color| match format {
        Format::Json => render::formatted_json(&formatted),
        _ => render::formatted(&formatted, Paint { color }),
    })?;
    Ok(formatted.exit())
}

fn one(project: &Project, schemas: &Schemas, file: &Path, spelling: Option<Spelling>) -> Outcome {
    let written = match project.written(file) {
        Ok(written) => written,
        Err(findings) => return Outcome::Faulty(findings),
    };
    let names = spelling.map_or_else(BTreeMap::new, |to| project.respelled(&written, schemas, to));
    match lay_out(&written.source, &names) {
        Err(left) => Outcome::Left(left.line),
        Ok(text) if text == *written.source.text => Outcome::Same,
        Ok(text) if spelling.is_some() && !project.declare_the_same(&written, &text, schemas) => Outcome::Left(1),
        Ok(text) => Outcome::New(written.source, text),
    }
}
