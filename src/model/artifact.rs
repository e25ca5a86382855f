//! A file that an offer names, and that the portal fetches.

use serde::{Deserialize, Serialize};

use super::Digest;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Artifact {
    /// A file that lies at this address.
    Url(String),
    /// A file of the project, uploaded before the portal is told of it.
    File(LocalFile),
}

/// A file of the project, as it was when it was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct LocalFile {
    /// Relative to the project, with forward slashes.
    pub(crate) path: String,
    pub(crate) content: Content,
}

/// What is known of the bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Content {
    pub(crate) size: u64,
    /// Their MD5, which blob stores tell, as 32 hexadecimal digits.
    pub md5: String,
    /// Their SHA-256, where the bytes themselves were read.
    pub sha256: Option<Digest>,
}

impl Content {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        use md5::Digest as _;
        let md5 = hex(&md5::Md5::digest(bytes));
        Self { size: bytes.len() as u64, md5, sha256: Some(Digest::of(bytes)) }
    }

    pub(crate) fn told(size: u64, md5: [u8; 16]) -> Self {
        Self { size, md5: hex(&md5), sha256: None }
    }

    /// Whether the bytes are the same, by the best digest that both have.
    pub(crate) fn same(&self, other: &Self) -> bool {
        let sha256 = match (&self.sha256, &other.sha256) {
            (Some(a), Some(b)) => a == b,
            _ => true,
        };
        sha256 && self.md5 == other.md5 && self.size == other.size
    }
}

impl LocalFile {
    /// The name in a store: what the file holds, and the ending of its name, by which stores and browsers go.
    pub(crate) fn stored_name(&self) -> String {
        let digest = self.content.sha256.as_ref().map_or(self.content.md5.as_str(), Digest::as_str);
        match self.extension() {
            Some(extension) => format!("{digest}.{extension}"),
            None => digest.to_owned(),
        }
    }

    /// The ending of its name, where it is a plausible one.
    pub(crate) fn extension(&self) -> Option<String> {
        let (_, end) = self.path.rsplit('/').next()?.rsplit_once('.')?;
        let plausible = (1..=8).contains(&end.len()) && end.chars().all(|c| c.is_ascii_alphanumeric());
        plausible.then(|| end.to_ascii_lowercase())
    }
}

impl std::fmt::Display for LocalFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {} bytes", self.path, self.content.size)
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_the_same_by_what_both_tell() {
        let read = Content::of(b"abc");
        assert_eq!(read.md5, "900150983cd24fb0d6963f7d28e17f72");
        let told = Content::told(
            3,
            [0x90, 0x01, 0x50, 0x98, 0x3c, 0xd2, 0x4f, 0xb0, 0xd6, 0x96, 0x3f, 0x7d, 0x28, 0xe1, 0x7f, 0x72],
        );
        assert!(read.same(&told) && told.same(&read) && read.same(&read));
        assert!(!read.same(&Content::of(b"abd")) && !told.same(&Content::of(b"abcd")));
        assert!(!read.same(&Content { size: 4, ..told }));
        assert!(!read.same(&Content { sha256: Some(Digest::of(b"x")), ..read.clone() }), "an MD5 can be forged");
    }

    #[test]
    fn a_stored_name_tells_content_and_type() {
        let named = |path: &str| LocalFile { path: path.to_owned(), content: Content::of(b"abc") }.stored_name();
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(named("art/Logo.PNG"), format!("{digest}.png"));
        assert_eq!(named("art.d/logo"), digest);
        assert_eq!(named("a.not-one"), digest);
    }
}
