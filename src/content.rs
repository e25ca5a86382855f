//! What is known of the files behind the addresses of artifacts. Pure: a table that was filled before anything is
//! compared, and that a saved plan carries along.
//!
//! The portal copies every artifact to a store of its own and shows the copy's address, so two addresses say nothing;
//! what the files hold does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::document;
use crate::model::{Artifact, Content, Digest};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Seen {
    Content(Content),
    Unknown(String),
}

/// Whether a declared artifact is the live one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The two hold the same bytes.
    Same,
    Different,
    /// Nobody knows, for this reason.
    Unknown(String),
}

/// A declared artifact and the address of a copy that may be its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pair {
    pub(crate) declared: Artifact,
    /// What the portal names, signature included.
    pub(crate) live: String,
}

/// What is known of the files behind addresses. It holds no address that a signature could be read from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Contents(BTreeMap<String, Seen>);

impl Contents {
    pub(crate) fn note(&mut self, url: &str, seen: Seen) {
        self.0.insert(key(url), seen);
    }

    /// Whether a declared artifact is the one behind a live address.
    pub(crate) fn verdict(&self, declared: &Artifact, live: &str) -> Verdict {
        let live = match self.0.get(&key(live)) {
            Some(Seen::Content(content)) => content,
            Some(Seen::Unknown(reason)) => return Verdict::Unknown(format!("the portal's copy {reason}")),
            None => return Verdict::Unknown("the portal's copy was not looked at".to_owned()),
        };
        let declared = match declared {
            Artifact::File(file) => &file.content,
            Artifact::Url(url) => match self.0.get(&key(url)) {
                Some(Seen::Content(content)) => content,
                Some(Seen::Unknown(reason)) => return Verdict::Unknown(format!("the file at {reason}")),
                None => return Verdict::Unknown("the declared address was not looked at".to_owned()),
            },
        };
        if declared.same(live) { Verdict::Same } else { Verdict::Different }
    }
}

/// What an address goes by in a table. A copy of the portal's never changes, and its path alone names it, whatever the
/// signature; any other address goes by a digest of all of it.
pub(crate) fn key(url: &str) -> String {
    match document::store_copy(url).and_then(|_| url::Url::parse(url).ok()) {
        Some(url) => url.path().to_owned(),
        None => format!("sha256:{}", Digest::of(url.as_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::LocalFile;

    const COPY: &str = "https://publishingstoredm.blob.core.windows.net/prodcontent/D/1.png?sig=CANARY";

    #[test]
    fn equality_is_by_content_and_a_gap_is_not_equality() {
        let declared = Artifact::Url("https://cdn.example/1.png?sig=CANARY".to_owned());
        let file = Artifact::File(LocalFile { path: "1.png".to_owned(), content: Content::of(b"one") });
        let mut contents = Contents::default();
        assert!(matches!(contents.verdict(&file, COPY), Verdict::Unknown(_)));
        contents.note(COPY, Seen::Content(Content::of(b"one")));
        assert_eq!(contents.verdict(&file, COPY), Verdict::Same);
        assert_eq!(contents.verdict(&file, &COPY.replace("CANARY", "another")), Verdict::Same);
        assert!(matches!(contents.verdict(&declared, COPY), Verdict::Unknown(_)));
        contents.note("https://cdn.example/1.png?sig=CANARY", Seen::Unknown("404 Not Found".to_owned()));
        let unknown = Verdict::Unknown("the file at 404 Not Found".to_owned());
        assert_eq!(contents.verdict(&declared, COPY), unknown);
        contents.note("https://cdn.example/1.png?sig=CANARY", Seen::Content(Content::of(b"two")));
        assert_eq!(contents.verdict(&declared, COPY), Verdict::Different);
        let text = serde_json::to_string(&contents).expect("JSON");
        assert!(!text.contains("CANARY") && text.contains("/prodcontent/D/1.png"), "{text}");
    }
}
