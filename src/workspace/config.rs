//! `offerctl.toml`: the project's optional settings. A flag wins over a variable, a variable over this file.

use serde::Deserialize;
use serde::de::{DeserializeSeed, MapAccess, Visitor};
use url::Url;

use crate::diagnostic::{Code, Diagnostic, Levels, Source, Span, did_you_mean};

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
    /// `[lints]`: how bad each lint is, by name or code: `error`, `warning` or `off`.
    #[serde(deserialize_with = "levels")]
    pub lints: Levels,
    /// Where local artifacts go.
    pub artifacts: Option<ArtifactStore>,
    /// The folder with the project's own schemas, relative to the file.
    pub schemas: Option<String>,
    /// The most characters of a plan in Markdown.
    pub markdown_limit: Option<usize>,
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
pub struct ArtifactStore {
    /// `az://container/prefix`, `s3://bucket/prefix`, `gs://bucket/prefix` or `file:///folder`.
    #[serde(deserialize_with = "store")]
    pub store: Url,
    /// The address of the prefix, or of the folder, as the portal sees it. Without one, each file gets a signed
    /// address of its own.
    #[serde(default, deserialize_with = "public_url")]
    pub public_url: Option<Url>,
    /// How many hours a signed address is good for.
    #[serde(default = "signed_hours", deserialize_with = "hours")]
    pub signed_hours: u32,
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
            "`store` is az://container/prefix, s3://bucket/prefix, gs://bucket/prefix or file:///folder; who may \
             write there is told by the variables of the cloud",
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
pub const MAX_PARALLELISM: usize = 256;

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
        }
    }
}

const SETTINGS: [&str; 7] = ["offers", "endpoint", "parallelism", "lints", "artifacts", "schemas", "markdown_limit"];

pub(super) fn parse(source: &Source) -> Result<Config, Box<Diagnostic>> {
    toml::from_str(&source.text).map_err(|error| {
        let span = error.span().map(|bytes| Span::within(&source.text, bytes));
        let message = error.message().trim().replace('\n', "; ").replace("expected usize", "expected a whole number");
        let help = match message.as_str() {
            text if text.starts_with("unknown field `") => {
                let word = text.split('`').nth(1).unwrap_or_default();
                did_you_mean(word, SETTINGS).map(|near| format!("did you mean `{near}`?"))
            }
            text if text.starts_with("invalid type") => None,
            text if text.contains("expected `=`") => Some("a setting is `key = value`, a text in quotes".to_owned()),
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
    fn a_slip_in_the_lints_has_its_place() {
        let good = parse_text("[lints]\nno-image = \"off\"\nOFR0049 = \"error\"").expect("good");
        let mut levels = Levels::default();
        levels.set("no-image", "off").and_then(|()| levels.set("not-https", "error")).expect("lints");
        assert_eq!(good.lints, levels);
        let error = |text: &str| parse_text(text).expect_err("refused");
        assert_eq!(
            error("[lints]\nno-imgae = \"off\""),
            "offerctl.toml:2:12 there is no lint `no-imgae`; did you mean `no-image`?"
        );
        assert!(error("[lints]\nno-image = \"loud\"").starts_with("offerctl.toml:2:12 `loud` is no level"));
        assert!(error("[lints]\nno-image = 1").starts_with("offerctl.toml:2:12 invalid type: integer `1`"));
        assert!(
            error("lints = 1").starts_with("offerctl.toml:1:9 invalid type: integer `1`, expected a table of lints")
        );
    }

    #[test]
    fn every_setting_is_optional_and_unknown_ones_are_named() {
        assert_eq!(parse_text(""), Ok(Config::default()));
        assert_eq!(parse_text("offers = \"o\"\nparallelism = 3").expect("good").parallelism, Some(3));
        let error = parse_text("offers = \"o\"\nparalelism = 3").expect_err("refused");
        assert!(error.starts_with("offerctl.toml:2:1 unknown field `paralelism`"), "{error}");
    }
}
