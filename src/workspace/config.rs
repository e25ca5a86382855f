//! `offerctl.toml`: the project's optional settings. A flag wins over a variable, a variable over this file.

use serde::Deserialize;

use crate::diagnostic::{Code, Diagnostic, Source, Span};

/// The settings, each with its default.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The folder with the offer files, relative to the file.
    pub offers: String,
    /// The portal's base URL: the real one, or one on this machine. A token goes to no other host on a file's word.
    pub endpoint: Option<String>,
    /// How many offers are worked on at once.
    #[serde(deserialize_with = "parallelism")]
    pub parallelism: Option<usize>,
}

fn parallelism<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    let number = usize::deserialize(deserializer)?;
    if (1..=MAX_PARALLELISM).contains(&number) {
        return Ok(Some(number));
    }
    Err(serde::de::Error::custom(format!("`parallelism` is a number from 1 to {MAX_PARALLELISM}")))
}

/// More at once than this helps nobody.
pub const MAX_PARALLELISM: usize = 256;

impl Default for Config {
    fn default() -> Self {
        Self { offers: "offers".to_owned(), endpoint: None, parallelism: None }
    }
}

pub(super) fn parse(source: &Source) -> Result<Config, Box<Diagnostic>> {
    toml::from_str(&source.text).map_err(|error| {
        let span = error.span().map(|bytes| Span::within(&source.text, bytes));
        Box::new(Diagnostic::error(Code::Config, source, span, error.message().trim().replace('\n', "; ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_text(text: &str) -> Result<Config, String> {
        let source = Source { path: "offerctl.toml".into(), text: text.into() };
        parse(&source).map_err(|d| format!("{} {}", d.place(), d.message))
    }

    #[test]
    fn a_parallelism_out_of_range_has_its_place() {
        for text in ["parallelism = 0", "parallelism = 257", "parallelism = 9223372036854775807"] {
            let error = parse_text(text).expect_err("refused");
            assert!(error.starts_with("offerctl.toml:1:15 `parallelism` is a number from 1 to 256"), "{error}");
        }
    }

    #[test]
    fn every_setting_is_optional_and_unknown_ones_are_named() {
        assert_eq!(parse_text(""), Ok(Config::default()));
        assert_eq!(parse_text("offers = \"o\"\nparallelism = 3").expect("good").parallelism, Some(3));
        let error = parse_text("offers = \"o\"\nparalelism = 3").expect_err("refused");
        assert!(error.starts_with("offerctl.toml:2:1 unknown field `paralelism`"), "{error}");
    }
}
