//! `[environments.NAME]` of `offerctl.toml`: one declaration for several places, such as a test publisher and the real one.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::Error as _;
use serde_json::Value;

use super::variables::is_readable;
use super::{CONFIG, Project};
use crate::diagnostic::did_you_mean;
use crate::error::{Error, Result};
use crate::model::{Kind, Node};

/// What one environment sets.
#[derive(Debug, Clone, Default, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Environment {
    /// The portal's base URL, under the rule of [`Config::endpoint`](super::Config).
    pub(crate) endpoint: Option<String>,
    /// The method to get a token by, by its name.
    pub(crate) auth: Option<String>,
    /// Whether it is the one where none is named.
    default: bool,
    /// The publishers, by those that the files name.
    publishers: BTreeMap<String, String>,
    /// What `!env` reads, before the variables of the process.
    #[serde(deserialize_with = "variables")]
    pub(super) variables: BTreeMap<String, String>,
}

fn variables<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<BTreeMap<String, String>, D::Error> {
    let variables = BTreeMap::<String, String>::deserialize(deserializer)?;
    match variables.keys().find(|name| !is_readable(name)) {
        None => Ok(variables),
        Some(name) => Err(D::Error::custom(format!(
            "`{name}` looks like a secret, and `variables` are plain values that plans show; use `!secret env:{name}` in \
             the offer file"
        ))),
    }
}

/// Reads the table of all environments.
pub(super) fn environments<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<BTreeMap<String, Environment>, D::Error> {
    let all = BTreeMap::<String, Environment>::deserialize(deserializer)?;
    let plain =
        |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if let Some(name) = all.keys().find(|name| !plain(name)) {
        return Err(D::Error::custom(format!(
            "`{name}` cannot be the name of an environment; write letters, digits, `-` and `_`"
        )));
    }
    let mut defaults = all.iter().filter(|(_, environment)| environment.default).map(|(name, _)| name);
    if let (Some(first), Some(second)) = (defaults.next(), defaults.next()) {
        return Err(D::Error::custom(format!("`{first}` and `{second}` are both the default environment; keep one")));
    }
    Ok(all)
}

impl Environment {
    /// Gives an offer the publisher that it has in this environment.
    pub(super) fn rename_publisher(&self, root: &mut Node) {
        let Kind::Map(entries) = &mut root.kind else { return };
        let publisher = entries.iter_mut().find(|entry| entry.key == "publisherId");
        let Some(Kind::Scalar(Value::String(name))) = publisher.map(|entry| &mut entry.value.kind) else { return };
        if let Some(other) = self.publishers.get(name) {
            name.clone_from(other);
        }
    }
}

impl Environment {
    /// Returns the name that files have for a publisher of the portal.
    ///
    /// # Errors
    /// With the reason, where no file can declare an offer of it in this environment.
    pub(crate) fn declared_publisher<'a>(&'a self, publisher: &'a str) -> std::result::Result<&'a str, String> {
        let names = self.publishers.iter().filter(|(_, other)| *other == publisher).map(|(name, _)| name.as_str());
        match (names.collect::<Vec<_>>().as_slice(), self.publishers.get(publisher)) {
            ([name], _) => Ok(name),
            ([], None) => Ok(publisher),
            ([], Some(other)) => {
                Err(format!("in files, `{publisher}` stands for the publisher {other} in this environment"))
            }
            (names, _) => {
                let names = names.join("` and `");
                Err(format!("`{names}` stand for the publisher {publisher} in this environment; keep one of them"))
            }
        }
    }
}

impl Project {
    /// Returns the environment that files are read for.
    pub(crate) fn chosen(&self) -> Option<&Environment> {
        self.config.environments.get(self.environment.as_deref()?)
    }

    /// Chooses the environment: the one that is named, else the default.
    ///
    /// # Errors
    /// When the project does not declare the one that is named.
    pub(crate) fn choose(&mut self, named: Option<&str>) -> Result<()> {
        let all = &self.config.environments;
        self.environment = match named {
            Some(name) if all.contains_key(name) => Some(name.to_owned()),
            Some(name) => {
                let error = Error::invalid(format!("`{name}` is not an environment of this project"));
                let near = did_you_mean(name, all.keys().map(String::as_str));
                return Err(error.hint(match near {
                    Some(near) => format!("did you mean --env {near}?"),
                    None if all.is_empty() => {
                        format!("add [environments.{name}] to {CONFIG}, or leave out --env and OFFERCTL_ENV")
                    }
                    None => format!("give --env {}", self.environments()),
                }));
            }
            None => all.iter().find(|(_, environment)| environment.default).map(|(name, _)| name.clone()),
        };
        Ok(())
    }

    /// Checks that an environment is chosen, where the project declares some.
    ///
    /// # Errors
    /// When none is chosen.
    pub(crate) fn check_chosen(&self) -> Result<()> {
        if self.environment.is_some() || self.config.environments.is_empty() {
            return Ok(());
        }
        Err(Error::invalid("the project has environments, but none is chosen")
            .hint(format!("give --env {}, or set `default = true` on one in {CONFIG}", self.environments())))
    }

    /// The names of all environments: `a, b or c`.
    fn environments(&self) -> String {
        super::conform::any_of(self.config.environments.keys().map(String::as_str))
    }
}

/// Names an environment in a message.
pub(crate) fn environment_name(environment: Option<&str>) -> String {
    environment.map_or("no environment".to_owned(), |name| format!("the environment `{name}`"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::workspace::Config;

    fn project(text: &str) -> Project {
        let config = toml::from_str::<Config>(text).expect("settings");
        Project { root: "/p".into(), config, environment: None }
    }

    #[test]
    fn the_named_environment_wins_over_the_default() {
        let mut project = project("[environments.test]\n[environments.prod]\ndefault = true");
        for (named, chosen) in [(None, "prod"), (Some("test"), "test")] {
            project.choose(named).expect("chosen");
            assert_eq!(project.environment.as_deref(), Some(chosen));
        }
        assert!(project.choose(Some("tset")).expect_err("unknown").hints()[0].contains("--env test"));
    }

    #[test]
    fn a_project_with_environments_needs_a_choice() {
        let mut with = project("[environments.test]");
        with.choose(None).expect("no name is no error");
        assert!(with.check_chosen().is_err());
        let mut without = project("");
        without.choose(None).expect("no name is no error");
        assert!(without.check_chosen().is_ok());
        assert!(without.choose(Some("test")).is_err());
    }

    #[test]
    fn names_defaults_and_variables_are_checked() {
        for text in [
            "[environments.\"a.b\"]",
            "[environments.\"\"]",
            "[environments.a]\ndefault = true\n[environments.b]\ndefault = true",
            "[environments.a]\nvariables = { API_KEY = \"x\" }",
            "[environments.a]\nvariables = { AZURE_CLIENT_ID = \"x\" }",
            "[environments.a]\nvariables = { N = 1 }",
            "[environments.a]\ntoken_file = \"/etc/passwd\"",
            "[environments.a]\nauthority_host = \"https://evil.example\"",
        ] {
            assert!(toml::from_str::<Config>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_publisher_of_the_portal_has_one_name_in_files() {
        let project =
            project("[environments.a]\npublishers = { contoso = \"contoso-test\", x = \"same\", y = \"same\" }");
        let environment = &project.config.environments["a"];
        assert_eq!(environment.declared_publisher("contoso-test"), Ok("contoso"));
        assert_eq!(environment.declared_publisher("fabrikam"), Ok("fabrikam"));
        for publisher in ["contoso", "same"] {
            assert!(environment.declared_publisher(publisher).is_err(), "{publisher}");
        }
    }

    #[test]
    fn a_publisher_is_renamed_once() {
        let project =
            project("[environments.a]\npublishers = { contoso = \"contoso-test\", contoso-test = \"other\" }");
        let environment = &project.config.environments["a"];
        for (name, other) in [("contoso", "contoso-test"), ("fabrikam", "fabrikam")] {
            let mut root = Node::from_value(&json!({"publisherId": name}));
            environment.rename_publisher(&mut root);
            assert_eq!(root.get("publisherId").and_then(Node::as_str), Some(other));
        }
    }
}
