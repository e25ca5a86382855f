//! Artifacts: files that a definition names by URL. The portal fetches them and from then on shows the address of its
//! own copy.

use serde_json::Value;
use url::Url;

use super::mint::Mint;
use super::moment::Moment;
use super::switches::Switches;
use crate::live::is_store;
use crate::model::PublisherId;

/// Where the copies go.
const STORE: &str = "publishingstoredm.blob.core.windows.net";

/// Takes in the artifacts of one PUT.
pub(super) struct Artifacts<'a> {
    pub(super) mint: &'a mut Mint,
    pub(super) at: Moment,
    pub(super) publisher: &'a PublisherId,
    pub(super) switches: &'a Switches,
}

impl Artifacts<'_> {
    /// What is stored for this text: the address of a copy, null for what cannot be fetched, or the text itself where
    /// it is the address of a copy already, or no web address at all.
    pub(super) fn rehost(&mut self, text: &str) -> Value {
        let web = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        match web {
            Some(url) if is_unfetchable(&url, &self.switches.unfetchable_hosts) => Value::Null,
            Some(url) if self.switches.rehost_artifacts && !is_store(&url) => Value::String(self.copy_of(&url)),
            _ => Value::String(text.to_owned()),
        }
    }

    fn copy_of(&mut self, source: &Url) -> String {
        format!(
            "https://{STORE}/prodcontent/D6191_publishers_{}/{}{}?sv=2018-03-28&sr=b&sig={}&se={}&sp=r",
            self.publisher,
            self.mint.guid(),
            extension(source),
            self.mint.signature(),
            self.at.two_years_on().replace(':', "%3A"),
        )
    }
}

fn is_unfetchable(url: &Url, hosts: &[String]) -> bool {
    url.host_str().is_some_and(|host| hosts.iter().any(|unfetchable| unfetchable.eq_ignore_ascii_case(host)))
}

/// The extension of the file with its dot, where there is a plausible one.
fn extension(source: &Url) -> String {
    source
        .path_segments()
        .and_then(|mut segments| segments.next_back())
        .and_then(|name| name.rsplit_once('.'))
        .filter(|(_, end)| (1..=8).contains(&end.len()) && end.chars().all(|c| c.is_ascii_alphanumeric()))
        .map(|(_, end)| format!(".{end}"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rehost(text: &str, switches: &Switches) -> Value {
        let mut mint = Mint::new("test");
        let publisher = "contoso".parse().expect("an id");
        Artifacts { mint: &mut mint, at: Moment::at(1_000), publisher: &publisher, switches }.rehost(text)
    }

    #[test]
    fn a_copy_has_the_form_of_the_portals_store() {
        let switches = Switches::default();
        let copy = rehost("https://www.contoso.example/art/logo.png?v=2", &switches);
        let url = Url::parse(copy.as_str().expect("a text")).expect("a URL");
        assert!(url.path().starts_with("/prodcontent/D6191_publishers_contoso/") && url.path().ends_with(".png"));
        let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let names: Vec<&str> = query.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["sv", "sr", "sig", "se", "sp"]);
        assert_eq!(query[3].1, "1972-01-01T00:00:01Z");
        assert_eq!(rehost(url.as_str(), &switches), url.as_str(), "a copy is not copied again");
    }

    #[test]
    fn other_texts_stay() {
        let switches = Switches::default();
        for text in ["", "logo.png", "ftp://x.example/a.png", "data:image/png;base64,AA=="] {
            assert_eq!(rehost(text, &switches), text);
        }
        let off = Switches { rehost_artifacts: false, ..Switches::default() };
        assert_eq!(rehost("https://www.contoso.example/a.png", &off), "https://www.contoso.example/a.png");
    }

    #[test]
    fn a_host_that_cannot_be_reached_leaves_null() {
        let switches = Switches { unfetchable_hosts: vec!["GitHub.com".to_owned()], ..Switches::default() };
        assert_eq!(rehost("https://github.com/x/logo.png", &switches), Value::Null);
        assert!(rehost("https://not-github.com/x/logo.png", &switches).is_string());
    }

    #[test]
    fn only_plausible_extensions_are_taken_over() {
        let of = |text: &str| extension(&Url::parse(text).expect("a URL"));
        assert_eq!(of("https://x.example/a.b/c.tar.gz"), ".gz");
        assert_eq!(of("https://x.example/a.b/c"), "");
        assert_eq!(of("https://x.example/a.%2e%2e"), "");
        assert_eq!(of("https://x.example"), "");
    }
}
