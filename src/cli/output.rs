//! The formats of results, where they go, and which command writes which.

use std::path::PathBuf;

use clap::ValueEnum;

use super::Command;

/// A format and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OutputSpec {
    /// The format.
    pub(crate) format: Format,
    /// The file; stdout where there is none.
    pub(crate) path: Option<PathBuf>,
}

/// The formats of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For comments and summaries.
    Markdown,
    /// For a browser: one page that needs nothing else.
    Html,
    /// For programs.
    Json,
    /// An offer as a file declares it.
    Yaml,
    /// For code scanning: SARIF 2.1.0.
    Sarif,
    /// For test reports: JUnit XML.
    Junit,
    /// For the lines of a pull request: workflow commands of GitHub Actions.
    Github,
}

impl Format {
    /// The name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Json => "json",
            Self::Yaml => "yaml",
            Self::Sarif => "sarif",
            Self::Junit => "junit",
            Self::Github => "github",
        }
    }

    /// Names in a row, for a sentence.
    pub(crate) fn list(formats: &[Self]) -> String {
        let names = formats.iter().map(|format| format.name()).collect::<Vec<_>>();
        match names.as_slice() {
            [rest @ .., last] if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            names => names.concat(),
        }
    }
}

impl std::str::FromStr for OutputSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (format, path) = text.split_once('=').map_or((text, None), |(format, path)| (format, Some(path)));
        if path == Some("") {
            return Err("the path after `=` is missing".to_owned());
        }
        let known = || format!("`{format}` is not a format; expected {}", Format::list(Format::value_variants()));
        Ok(Self { format: Format::from_str(format, false).map_err(|_| known())?, path: path.map(PathBuf::from) })
    }
}

impl Command {
    /// The command's name, as the user types it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Validate(_) => "validate",
            Self::Fmt(_) => "fmt",
            Self::Render(_) => "render",
            Self::Import(_) => "import",
            Self::Show(_) => "show",
            Self::History(_) => "history",
            Self::Rollback(_) => "rollback",
            Self::Set(_) => "set",
            Self::Unset(_) => "unset",
            Self::Image(_) => "image",
            Self::Edit(_) => "edit",
            Self::Explain(_) => "explain",
            Self::Schema(_) => "schema",
            Self::Plan(_) => "plan",
            Self::ShowPlan(_) => "show-plan",
            Self::Apply(_) => "apply",
            Self::Status(_) => "status",
            Self::Wait(_) => "wait",
            Self::Publish(_) => "publish",
            Self::GoLive(_) => "go-live",
            Self::Cancel(_) => "cancel",
            Self::Doctor(_) => "doctor",
            Self::Drift(_) => "drift",
            Self::Diff(_) => "diff",
            Self::Snapshot(_) => "snapshot",
            Self::Sandbox(_) => "sandbox",
        }
    }

    /// The formats in which the command's result makes sense.
    pub(crate) fn formats(&self) -> &'static [Format] {
        use Format::{Github, Html, Json, Junit, Markdown, Sarif, Text, Yaml};
        match self {
            Self::Validate(_) => &[Text, Markdown, Json, Sarif, Junit, Github],
            Self::Plan(_) | Self::ShowPlan(_) => &[Text, Markdown, Html, Json, Sarif, Junit, Github],
            // What a run did is no finding in a file, so there is nothing for code scanning.
            Self::Apply(_) | Self::Wait(_) | Self::Publish(_) | Self::GoLive(_) | Self::Cancel(_) => {
                &[Text, Markdown, Json, Junit, Github]
            }
            Self::Drift(_) => &[Text, Markdown, Json, Junit, Github],
            Self::Show(_) | Self::Render(_) => &[Yaml, Text, Json],
            Self::Status(_)
            | Self::Doctor(_)
            | Self::Diff(_)
            | Self::Snapshot(_)
            | Self::Fmt(_)
            | Self::Import(_)
            | Self::History(_) => &[Text, Json],
            Self::Rollback(_)
            | Self::Set(_)
            | Self::Unset(_)
            | Self::Image(_)
            | Self::Edit(_)
            | Self::Explain(_)
            | Self::Schema(_)
            | Self::Sandbox(_) => &[Text],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_read() {
        let spec = |text: &str| text.parse::<OutputSpec>().map(|spec| (spec.format, spec.path));
        assert_eq!(spec("json=a=b.json"), Ok((Format::Json, Some(PathBuf::from("a=b.json")))));
        assert_eq!(spec("text"), Ok((Format::Text, None)));
        assert!(spec("json=").is_err());
        let unknown = spec("xml").expect_err("unknown");
        assert_eq!(unknown, "`xml` is not a format; expected text, markdown, html, json, yaml, sarif, junit or github");
    }

    #[test]
    fn a_format_has_one_name() {
        for format in Format::value_variants() {
            assert_eq!(Format::from_str(format.name(), false).as_ref(), Ok(format));
        }
    }
}
