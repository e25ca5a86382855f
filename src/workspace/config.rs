//! `offerctl.toml`: the project's optional settings. A flag wins over a variable, a variable over this file.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{DeserializeSeed, MapAccess, Visitor};
use serde_json::{Map, Value, json};
use url::Url;

use super::Guards;
use super::environment::{self, Environment};
use super::rules::{self, PolicyRule};
use super::variables::Variables;
use crate::diagnostic::{Code, Diagnostic, Levels, Source, Span, did_you_mean};
use crate::model::Digest;
use crate::sas::Accounts;

/// The settings, each with its default.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// The folder with the offer files, relative to the file.
    pub(crate) offers: String,
    /// The portal's base URL: the real one, or one on this machine. A token goes to no other host on a file's word.
    pub(crate) endpoint: Option<String>,
    /// How many offers are worked on at once.
    #[serde(deserialize_with = "parallelism")]
    pub(crate) parallelism: Option<usize>,
    /// `[lints]`: how bad each lint is, by name or code: `error`, `warning` or `off`.
    #[serde(deserialize_with = "levels")]
    pub(crate) lints: Levels,
    pub(crate) artifacts: Option<ArtifactStore>,
    /// The folder with the project's own schemas, relative to the file.
    pub(crate) schemas: Option<String>,
    /// The most characters of a plan in Markdown.
    pub(crate) markdown_limit: Option<usize>,
    /// `[guards]`: how bad each guard's finding is, and from where on it is one.
    pub(crate) guards: Guards,
    /// `[[rules]]`: the project's own rules for every plan.
    #[serde(deserialize_with = "rules::rules")]
    pub(crate) rules: Vec<PolicyRule>,
    /// `[env]`: which variables `!env` may read.
    pub(crate) env: Variables,
    /// `[environments.NAME]`: what differs from one place to another.
    #[serde(deserialize_with = "environment::environments")]
    pub(crate) environments: BTreeMap<String, Environment>,
    /// `[[sas]]`: the storage accounts for which `!sas` may sign.
    pub(crate) sas: Accounts,
    /// The settings as they were read.
    #[serde(skip)]
    tables: Map<String, Value>,
}

/// Reads `[lints]`, each level where it stands, so that a slip has its place.
fn levels<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Levels, D::Error> {
    struct Table;
    struct One<'a>(&'a mut Levels, &'a str);

    impl<'de> DeserializeSeed<'de> for One<'_> {
        type Value = ();
        fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
            let level = String::deserialize(deserializer)?;
            self.0.set(self.1, &level).map_err(serde::de::Error::custom)
        }
    }

    impl<'de> Visitor<'de> for Table {
        type Value = Levels;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a table of lints and their levels")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Levels, A::Error> {
            let mut levels = Levels::default();
            while let Some(name) = table.next_key::<String>()? {
                table.next_value_seed(One(&mut levels, &name))?;
            }
            Ok(levels)
        }
    }

    deserializer.deserialize_map(Table)
}

/// `[artifacts]`: where local artifacts are uploaded, and where the portal finds them.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct ArtifactStore {
    /// `az://container/prefix`, `s3://bucket/prefix`, `gs://bucket/prefix` or `file:///folder`.
    #[serde(deserialize_with = "store")]
    pub(crate) store: Url,
    /// The address of the prefix, or of the folder, as the portal sees it. Without one, each file gets a signed
    /// address of its own.
    #[serde(default, deserialize_with = "public_url")]
    pub(crate) public_url: Option<Url>,
    /// How many hours a signed address is good for.
    #[serde(default = "signed_hours", deserialize_with = "hours")]
    pub(crate) signed_hours: u32,
}

/// The portal fetches when it is told of an address; a day leaves time for whatever it does later.
const fn signed_hours() -> u32 {
    24
}

fn hours<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    /// No cloud signs for longer than a week.
    const WEEK: u32 = 7 * 24;
    let hours = u32::deserialize(deserializer)?;
    let good = (1..=WEEK).contains(&hours);
    good.then_some(hours).ok_or_else(|| serde::de::Error::custom("`signed_hours` is a number from 1 to 168, a week"))
}

fn store<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let text = String::deserialize(deserializer)?;
    let url = Url::parse(&text).ok().filter(|url| url.query().is_none() && url.username().is_empty());
    let good = url.filter(|url| match url.scheme() {
        "az" | "s3" | "gs" => url.host_str().is_some_and(|host| !host.is_empty()),
        "file" => url.to_file_path().is_ok_and(|path| path.parent().is_some()),
        _ => false,
    });
    good.ok_or_else(|| {
        serde::de::Error::custom(
            "`store` is az://container/prefix, s3://bucket/prefix, gs://bucket/prefix or file:///folder; the \
                credential comes from the variables of the cloud",
        )
    })
}

fn public_url<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
    let url = url.filter(|url| url.query().is_none() && url.fragment().is_none() && url.username().is_empty());
    let url = url.ok_or_else(|| serde::de::Error::custom("`public_url` is an https address without a query"))?;
    Ok(Some(url))
}

fn parallelism<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    let number = usize::deserialize(deserializer)?;
    if (1..=MAX_PARALLELISM).contains(&number) {
        return Ok(Some(number));
    }
    Err(serde::de::Error::custom(format!("`parallelism` is a number from 1 to {MAX_PARALLELISM}")))
}

/// More at once than this helps nobody.
pub(crate) const MAX_PARALLELISM: usize = 256;

impl Default for Config {
    fn default() -> Self {
        Self {
            offers: "offers".to_owned(),
            endpoint: None,
            parallelism: None,
            lints: Levels::default(),
            artifacts: None,
            schemas: None,
            markdown_limit: None,
            guards: Guards::default(),
            rules: Vec::new(),
            env: Variables::default(),
            environments: BTreeMap::new(),
            sas: Accounts::default(),
            tables: Map::new(),
        }
    }
}

impl Config {
    /// Returns the digest of what an environment sets, in the form of [`Self::digests`].
    pub(crate) fn environment_digest(&self, name: &str) -> Digest {
        let table = self.tables.get("environments").and_then(|all| all.get(name));
        Digest::of_json(&json!({ "form": FORM, "table": table }))
    }

    /// The digest of each table that decides what a plan does, by the table's name. Saved plans keep them, so the form
    /// stays the same from version to version: the table as it was read, or null, in canonical JSON.
    pub(crate) fn digests(&self) -> [(&'static str, Digest); 5] {
        let of = |name| Digest::of_json(&json!({ "form": FORM, "table": self.tables.get(name) }));
        ["artifacts", "guards", "rules", "env", "sas"].map(|name| (name, of(name)))
    }
}

/// The form in which tables are digested.
const FORM: u32 = 1;

pub(crate) const SETTINGS: [&str; 12] = [
    "offers",
    "endpoint",
    "parallelism",
    "lints",
    "artifacts",
    "schemas",
    "markdown_limit",
    "guards",
    "rules",
    "env",
    "environments",
    "sas",
];

pub(super) fn parse(source: &Source) -> Result<Config, Box<Diagnostic>> {
    let read = |text: &str| {
        let config = toml::from_str::<Config>(text)?;
        Ok(Config { tables: toml::from_str(text)?, ..config })
    };
    read(&source.text).map_err(|error: toml::de::Error| {
        let span = error.span().map(|bytes| Span::within(&source.text, bytes));
        let message = error.message().trim().replace('\n', "; ").replace("expected usize", "expected a whole number");
        let help = match message.as_str() {
            text if text.starts_with("unknown field `") => {
                let word = text.split('`').nth(1).unwrap_or_default();
                did_you_mean(word, SETTINGS).map(|near| format!("did you mean `{near}`?"))
            }
            text if text.starts_with("invalid type") => None,
            text if text.contains("expected `=`") => Some("write `key = value`, with texts in quotes".to_owned()),
            _ => None,
        };
        let finding = Diagnostic::error(Code::Config, source, span, message);
        Box::new(Diagnostic { help, ..finding })
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
    fn a_store_is_checked_where_it_is_named() {
        let config = parse_text("[artifacts]\nstore = \"az://art/offers\"").expect("good").artifacts.expect("a store");
        assert_eq!((config.store.as_str(), config.public_url, config.signed_hours), ("az://art/offers", None, 24));
        let good = "[artifacts]\nstore = \"file:///srv/art\"\npublic_url = \"https://cdn.example/art\"\n";
        assert!(parse_text(good).is_ok());
        for (text, place) in [
            ("[artifacts]\nstore = \"https://x.blob.example/art\"", "2:9 `store` is az://"),
            ("[artifacts]\nstore = \"az://\"", "2:9 `store` is az://"),
            ("[artifacts]\nstore = \"az://art?sig=x\"", "2:9 `store` is az://"),
            ("[artifacts]\nstore = \"file:///\"", "2:9 `store` is az://"),
            ("[artifacts]\nstore = \"az://art\"\npublic_url = \"ftp://x\"", "3:14 `public_url` is"),
            ("[artifacts]\nstore = \"az://art\"\nsigned_hours = 169", "3:16 `signed_hours` is"),
            ("[artifacts]\npublic_url = \"https://x\"", "1:1 missing field `store`"),
        ] {
            let error = parse_text(text).expect_err("refused");
            assert!(error.starts_with(&format!("offerctl.toml:{place}")), "{error}");
        }
    }

    #[test]
    fn the_variables_of_env_are_listed_by_name() {
        assert!(parse_text("[env]\nallow = [\"RELEASE_*\", \"A\"]").is_ok());
        for text in ["allow = [\"*\"]", "allow = [\"A\", \"**\"]", "allow = [\"\"]", "allow = [\"A=B\"]"] {
            let error = parse_text(&format!("[env]\n{text}")).expect_err(text);
            assert!(error.starts_with("offerctl.toml:2:9 "), "{error}");
        }
        assert!(parse_text("[env]\nalow = []").expect_err("refused").starts_with("offerctl.toml:2:1 unknown field"));
    }

    #[test]
    fn a_slip_in_the_lints_has_its_place() {
        let good = parse_text("[lints]\nno-image = \"off\"\nOFR0049 = \"error\"").expect("good");
        let mut levels = Levels::default();
        levels.set("no-image", "off").and_then(|()| levels.set("not-https", "error")).expect("lints");
        assert_eq!(good.lints, levels);
        let error = |text: &str| parse_text(text).expect_err("refused");
        assert_eq!(
            error("[lints]\nno-imgae = \"off\""),
            "offerctl.toml:2:12 `no-imgae` is not a lint; did you mean `no-image`?"
        );
        assert!(error("[lints]\nno-image = \"loud\"").starts_with("offerctl.toml:2:12 `loud` is not a level"));
        assert!(error("[lints]\nno-image = 1").starts_with("offerctl.toml:2:12 invalid type: integer `1`"));
        assert!(
            error("lints = 1").starts_with("offerctl.toml:1:9 invalid type: integer `1`, expected a table of lints")
        );
    }

    #[test]
    fn a_slip_in_the_guards_has_its_place() {
        let error = |text: &str| parse_text(text).expect_err("refused");
        let window = |fields: &str| error(&format!("[[guards.windows]]\ndays = [\"mon\"]\n{fields}"));
        for (said, told) in [
            (error("[guards]\nprize = \"off\""), "2:9 `prize` is not a guard; did you mean `price`?"),
            (error("[guards]\nprice = \"loud\""), "2:9 `loud` is not a level; expected off, warn or stop"),
            (error("[guards]\nprice = 1"), "2:9 invalid type: integer `1`"),
            (error("guards = 1"), "1:10 invalid type: integer `1`, expected a table of guards"),
            (error("[guards.limits]\nprice = 1"), "2:1 unknown field `price`"),
            (error("[guards.limits]\nprice_percent = -1"), "2:17 a percentage must be 0 or more"),
            (error("[guards.limits]\nprice_percent = \"10\""), "2:17 invalid type"),
            (error("[guards.limits]\noffers = -1"), "2:10 invalid value"),
            (window("from = \"9\"\nto = \"16:00\"\nzone = \"UTC\""), "3:8 `9` is not a time of day"),
            (window("from = \"24:00\"\nto = \"16:00\"\nzone = \"UTC\""), "3:8 `24:00` is not a time of day"),
            (window("from = \"09:00\"\nto = \"16:00\"\nzone = \"Mars\""), "5:8 `Mars` is not a time zone"),
            (error("[[guards.windows]]\ndays = [\"moon\"]"), "2:8 `moon` is not a day"),
            (window("from = \"09:00\"\nto = \"09:00\"\nzone = \"UTC\""), "1:1 a window must end at another time"),
        ] {
            assert!(said.starts_with(&format!("offerctl.toml:{told}")), "{said} is not {told}");
        }
        let good = parse_text("[guards]\nprice = \"warn\"\n[guards.limits]\nprice_percent = 12.5").expect("good");
        assert_eq!(good.guards.limits.price_percent.to_string(), "12.5");
    }

    #[test]
    fn a_slip_in_a_rule_has_its_place() {
        let with = |name: &str, expression: &str, rest: &str| {
            parse_text(&format!("[[rules]]\nname = \"{name}\"\nexpression = '{expression}'\nmessage = \"m\"\n{rest}"))
        };
        let rules = with("few", "size(changes) < 3", "level = \"warn\"").expect("good").rules;
        assert_eq!((rules[0].name.as_str(), rules[0].level), ("few", super::super::Level::Warn));
        assert_eq!(with("few", "true", "").expect("good").rules[0].level, super::super::Level::Stop);
        let beside = "changes.filter(a, a.line > 1).map(a, a.line).all(a, changes.exists(b, b.line == a))";
        assert!(with("few", beside, "").is_ok(), "one after the other is not one within the other");
        let deep = format!("{}1{}", "(".repeat(40), ")".repeat(40));
        for (said, told) in [
            (with("few", "changes.all(a, [1].exists(b, [2].map(c, c) == [a]))", ""), "3:14 `all`, `exists`,"),
            (with("few", "size(changes) <", ""), "3:14 the expression cannot be read: at its line 1, column "),
            (with("few", &deep, ""), "3:14 the expression has more than 32 brackets"),
            (with("few", &"x".repeat(5000), ""), "3:14 the expression is longer than 4096 bytes"),
            (with("a,b", "true", ""), "2:8 a rule name must have"),
            (with("few", "true", "level = \"loud\""), "5:9 unknown variant `loud`"),
            (with("few", "true", "colour = 1"), "5:1 unknown field `colour`"),
            (
                with("few", "true", "[[rules]]\nname = \"few\"\nexpression = \"true\"\nmessage = \"m\""),
                "1:1 duplicate rule `few`",
            ),
            (parse_text("[[rules]]\nname = \"few\"\nmessage = \"m\""), "1:1 missing field `expression`"),
        ] {
            let said = said.expect_err("refused");
            assert!(said.starts_with(&format!("offerctl.toml:{told}")), "{said} is not {told}");
        }
    }

    #[test]
    fn saved_plans_know_tables_by_what_is_written_in_them() {
        let digests = |text: &str| parse_text(text).expect("good").digests().map(|(_, digest)| digest);
        let guards = |text: &str| digests(text)[1].clone();
        let text = "[guards]\nprice = \"warn\"\n[guards.limits]\nprice_percent = 12.5\n";
        // Saved plans hold digests of this form, so it must not change.
        let pinned = r#"{"form":1,"table":{"limits":{"price_percent":12.5},"price":"warn"}}"#;
        assert_eq!(guards(text), Digest::of(pinned.as_bytes()));
        assert_eq!(guards("parallelism = 3"), Digest::of(br#"{"form":1,"table":null}"#));
        let laid_out = "parallelism = 3\n# A comment.\n[guards]\nlimits = { price_percent = 12.5 }\nprice = 'warn'\n";
        assert_eq!(guards(text), guards(laid_out), "layout and other tables");
        assert_ne!(guards(text), guards(&text.replace("12.5", "12.6")), "a limit");
        let zone = |zone: &str| {
            let window = "days = [\"mon\"]\nfrom = \"09:00\"\nto = \"16:00\"";
            guards(&format!("[[guards.windows]]\n{window}\nzone = \"{zone}\"\n"))
        };
        assert_ne!(zone("Europe/Oslo"), zone("Europe/Paris"));
        let message = |message: &str| {
            let rule = format!("[[rules]]\nname = \"a\"\nexpression = \"true\"\nmessage = \"{message}\"\n");
            digests(&rule)[2].clone()
        };
        assert_ne!(message("a"), message("b"));
        assert_ne!(digests("[env]\nallow = [\"A\"]")[3], digests("")[3]);
    }

    #[test]
    fn every_setting_is_optional_and_unknown_ones_are_named() {
        assert_eq!(parse_text(""), Ok(Config::default()));
        assert_eq!(parse_text("offers = \"o\"\nparallelism = 3").expect("good").parallelism, Some(3));
        let error = parse_text("offers = \"o\"\nparalelism = 3").expect_err("refused");
        assert!(error.starts_with("offerctl.toml:2:1 unknown field `paralelism`"), "{error}");
    }
}
