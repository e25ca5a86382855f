//! `offerctl init`: a project with settings, a schema for editors, pipelines, and the offers of publishers.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::ValueEnum as _;

use super::home::{CONFIG, SCHEMA, SETTINGS, put_new};
use super::import;
use super::project::current_folder;
use super::shell::Shell;
use crate::cli::{Ci, ImportArgs, InitArgs};
use crate::error::{Error, Exit, Result};
use crate::model::PublisherId;
use crate::schema::Bundle;

/// What a project is made of.
#[derive(Debug, PartialEq, Eq)]
struct Choices {
    ci: Ci,
    publishers: Vec<PublisherId>,
}

pub(super) async fn run(shell: &Shell, args: InitArgs) -> Result<Exit> {
    let project = shell.project_if_any()?;
    let root = match &project {
        Some(project) => project.root.clone(),
        None => current_folder()?,
    };
    let term = shell.term;
    let guess = guess(&root);
    let answers = tokio::task::spawn_blocking(move || {
        let ask = |question: &str| if term.interactive { term.ask(question) } else { None };
        choices(args, guess, &ask)
    });
    let choices = shell
        .until_stopped(async { answers.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())) });
    let Choices { ci, publishers } = choices.await?;
    // The import makes the project, and lists in its settings the accounts that hold disks.
    let imported = match publishers.as_slice() {
        [] => Ok(Exit::Done),
        publishers => {
            let targets = publishers.iter().map(ToString::to_string).collect();
            import::run(shell, &ImportArgs { targets, ..ImportArgs::default() }).await
        }
    };
    let schema = format!("{:#}\n", shell.schemas.bundle(Bundle::OfferFile));
    let offers = project.as_ref().map_or("offers", |project| project.config.offers.as_str());
    let mut text = String::new();
    for (path, bytes) in files(ci, &schema, offers) {
        text += &match place(&root, path, bytes.as_bytes())? {
            Placed::Written => format!("+ {path}   written\n"),
            Placed::Same => format!("= {path}   there already\n"),
            Placed::Kept => format!("= {path}   there already with other content, left as it is\n"),
        };
    }
    let folder = root.join(offers);
    std::fs::create_dir_all(&folder).map_err(|error| Error::io("create", &folder, &error))?;
    text += &next(&root, ci, &publishers, imported.is_ok());
    shell.emit(&|_, _| text.clone())?;
    imported.map_err(|error| {
        let targets = publishers.iter().map(|publisher| format!(" {publisher}")).collect::<String>();
        error
            .hint(format!("the project was written without its offers; run `offerctl import{targets}` once this works"))
    })
}

/// Decides what is written: by the flags, by answers on a terminal, else by what needs no answer.
fn choices(args: InitArgs, guess: Ci, ask: &dyn Fn(&str) -> Option<String>) -> Result<Choices> {
    let ci = match args.ci {
        Some(ci) => ci,
        None => match ask(&format!("Pipelines (github, azure, gitlab or none) [{}]:", name(guess))) {
            None => Ci::None,
            Some(answer) if answer.is_empty() => guess,
            Some(answer) => Ci::from_str(&answer, true).map_err(|_| {
                Error::invalid(format!("`{answer}` is not a host of pipelines; expected github, azure, gitlab or none"))
            })?,
        },
    };
    let publishers = match args.publishers {
        given if !given.is_empty() => given,
        _ => {
            let answer = ask("Publishers whose offers are imported, with blanks between them [none]:");
            let ids = answer.iter().flat_map(|answer| answer.split([' ', ','])).filter(|id| !id.is_empty());
            let parse = |id: &str| {
                id.parse::<PublisherId>()
                    .map_err(|error| Error::invalid(format!("`{id}` is not a publisher: it {error}")))
            };
            ids.map(parse).collect::<Result<_>>()?
        }
    };
    Ok(Choices { ci, publishers })
}

/// Whose pipelines the folder has signs of.
fn guess(root: &Path) -> Ci {
    let has = |name: &str| root.join(name).exists();
    match () {
        () if has(".github") => Ci::Github,
        () if has("azure-pipelines.yml") => Ci::Azure,
        () if has(".gitlab-ci.yml") => Ci::Gitlab,
        () => Ci::None,
    }
}

fn name(ci: Ci) -> &'static str {
    match ci {
        Ci::Github => "github",
        Ci::Azure => "azure",
        Ci::Gitlab => "gitlab",
        Ci::None => "none",
    }
}

const IGNORED: &str = "# What offerctl keeps for itself, and results that belong to one run.\n\
                       .offerctl/\n/plan.json\n/receipt.json\n/snapshot.json\n";

const GITHUB: [(&str, &str); 6] = [
    (".github/workflows/validate.yml", include_str!("../../docs/ci/github/validate.yml")),
    (".github/workflows/snapshot.yml", include_str!("../../docs/ci/github/snapshot.yml")),
    (".github/workflows/plan.yml", include_str!("../../docs/ci/github/plan.yml")),
    (".github/workflows/comment.yml", include_str!("../../docs/ci/github/comment.yml")),
    (".github/workflows/apply.yml", include_str!("../../docs/ci/github/apply.yml")),
    (".github/workflows/drift.yml", include_str!("../../docs/ci/github/drift.yml")),
];
const AZURE: [(&str, &str); 1] = [("azure-pipelines.yml", include_str!("../../docs/ci/azure/azure-pipelines.yml"))];
const GITLAB: [(&str, &str); 1] = [(".gitlab-ci.yml", include_str!("../../docs/ci/gitlab/gitlab-ci.yml"))];

/// The files of a project, by their paths in it.
fn files(ci: Ci, schema: &str, offers: &str) -> Vec<(&'static str, String)> {
    let editor = serde_json::json!({
        "yaml.schemas": { format!("./{SCHEMA}"): format!("{}/**/*.yaml", offers.trim_end_matches('/')) },
        "yaml.customTags": ["!env scalar", "!file scalar", "!secret scalar", "!artifact scalar", "!sas scalar", "!absent scalar"],
    });
    let pipelines: &[(&str, &str)] = match ci {
        Ci::Github => &GITHUB,
        Ci::Azure => &AZURE,
        Ci::Gitlab => &GITLAB,
        Ci::None => &[],
    };
    let own = [
        (CONFIG, SETTINGS.to_owned()),
        (".gitignore", IGNORED.to_owned()),
        (SCHEMA, schema.to_owned()),
        (".vscode/settings.json", format!("{editor:#}\n")),
    ];
    own.into_iter().chain(pipelines.iter().map(|(path, text)| (*path, (*text).to_owned()))).collect()
}

#[derive(Debug, PartialEq, Eq)]
enum Placed {
    Written,
    /// A file with this content was there.
    Same,
    /// Another file was there, and stays.
    Kept,
}

/// Writes a file that is not there yet. No link on the way to it is followed.
fn place(root: &Path, path: &str, bytes: &[u8]) -> Result<Placed> {
    let whole = root.join(path);
    let mut folder = root.to_path_buf();
    for part in Path::new(path).parent().into_iter().flat_map(Path::components) {
        folder.push(part);
        if folder.is_symlink() {
            let message = format!("{} is a link, and init writes through none", folder.display());
            return Err(Error::invalid(message).hint("replace the link by a folder, or make the project elsewhere"));
        }
    }
    std::fs::create_dir_all(&folder).map_err(|error| Error::io("create", &folder, &error))?;
    match put_new(&whole, bytes) {
        Ok(()) => Ok(Placed::Written),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let same =
                whole.is_file() && !whole.is_symlink() && std::fs::read(&whole).is_ok_and(|found| found == bytes);
            Ok(if same { Placed::Same } else { Placed::Kept })
        }
        Err(error) => Err(Error::io("write", &whole, &error)),
    }
}

/// What to do next.
fn next(root: &Path, ci: Ci, publishers: &[PublisherId], imported: bool) -> String {
    let mut steps = Vec::new();
    if publishers.is_empty() {
        steps.push(
            "import offers with `offerctl import PUBLISHER`, or declare one in `offers/PUBLISHER/OFFER.yaml`"
                .to_owned(),
        );
    } else if imported {
        steps.push("look at the files and at `offerctl plan`, and commit them".to_owned());
    }
    if ci == Ci::Github {
        steps.push("in .github/workflows, replace `contoso/offerctl/docs/ci/github@0123…` by the commit of offerctl that you trust".to_owned());
    }
    if ci != Ci::None {
        steps.push("give the pipelines their environments and credentials: docs/ci/README.md of offerctl".to_owned());
        if let Some(repository) = repository(root).filter(|repository| repository != root) {
            let line = format!(
                "move the pipelines to the root of the repository, {}, and set OFFERCTL_CHDIR to the project's folder in them",
                repository.display()
            );
            steps.push(line);
        }
    }
    let lines = steps.iter().enumerate().map(|(index, step)| format!("  {}. {step}\n", index + 1));
    format!("\nNext:\n{}", lines.collect::<String>())
}

/// The root of the Git repository that a folder lies in.
fn repository(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find(|folder| folder.join(".git").exists()).map(Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(ci: Option<Ci>, publishers: &[&str], answers: Option<[&str; 2]>) -> Result<(Ci, Vec<String>)> {
        let publishers = publishers.iter().map(|id| id.parse().expect("a publisher")).collect();
        let ask = |question: &str| answers.map(|all| all[usize::from(question.starts_with("Publishers"))].to_owned());
        let made = choices(InitArgs { publishers, ci }, Ci::Gitlab, &ask)?;
        Ok((made.ci, made.publishers.iter().map(ToString::to_string).collect()))
    }

    #[test]
    fn flags_come_first_then_answers_then_what_needs_none() {
        let made = |result: Result<(Ci, Vec<String>)>| result.expect("choices");
        assert_eq!(made(answers(None, &[], None)), (Ci::None, vec![]), "nobody can be asked");
        assert_eq!(made(answers(None, &[], Some(["", ""]))), (Ci::Gitlab, vec![]), "the guess");
        let said = made(answers(None, &[], Some(["GitHub", "contoso, fabrikam"])));
        assert_eq!(said, (Ci::Github, vec!["contoso".to_owned(), "fabrikam".to_owned()]));
        let given = made(answers(Some(Ci::Azure), &["contoso"], Some(["github", "fabrikam"])));
        assert_eq!(given, (Ci::Azure, vec!["contoso".to_owned()]));
        assert_eq!(answers(None, &[], Some(["jenkins", ""])).expect_err("unknown").exit, Exit::Invalid);
        assert_eq!(answers(None, &[], Some(["none", "a/b"])).expect_err("no publisher").exit, Exit::Invalid);
    }
}
