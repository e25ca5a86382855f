//! Fresh names and stamps for the store. They come from a counter and a salt, so that the store stays a pure function
//! of what was asked of it, and two sandboxes still never agree on a name.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::moment::Moment;
use crate::model::Profile;

/// Hands out identifiers, signatures and instants, each only once.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Mint {
    salt: String,
    used: u64,
    last: Moment,
}

impl Mint {
    /// A mint whose names depend on the salt alone.
    pub(super) fn new(salt: impl Into<String>) -> Self {
        Self { salt: salt.into(), used: 0, last: Moment::at(0) }
    }

    /// What its names depend on.
    pub(super) fn salt(&self) -> &str {
        &self.salt
    }

    /// An identifier in the form of a random GUID.
    pub(super) fn guid(&mut self) -> String {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.bytes()[..16]);
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    /// A number that was never used.
    pub(super) fn number(&mut self) -> u64 {
        self.used += 1;
        self.used
    }

    /// What looks like the signature of a shared access URL, encoded for a query.
    pub(super) fn signature(&mut self) -> String {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let (first, second) = (self.bytes(), self.bytes());
        let plain: String =
            first.iter().chain(&second).take(43).map(|byte| char::from(ALPHABET[usize::from(byte % 64)])).collect();
        format!("{}%3D", plain.replace('+', "%2B").replace('/', "%2F"))
    }

    /// The instant to write down for a change that happens now: later than every one before, however fast they come.
    pub(super) fn stamp(&mut self, now: i64) -> Moment {
        self.last = Moment::at(now).max(self.last.next());
        self.last
    }

    /// The version after this one: native offers count, migrated ones show a large number without order.
    pub(super) fn version_after(&mut self, previous: i64, profile: Profile) -> i64 {
        match profile {
            Profile::Native => previous.saturating_add(1),
            Profile::Migrated => {
                let bytes = self.bytes();
                let number = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
                let fresh = 1_000_000_000 + i64::from(number % 1_100_000_000);
                if fresh == previous { fresh + 1 } else { fresh }
            }
        }
    }

    fn bytes(&mut self) -> [u8; 32] {
        self.used += 1;
        Sha256::digest(format!("{}:{}", self.salt, self.used)).into()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn nothing_is_handed_out_twice() {
        let mut mint = Mint::new("test");
        let guids: BTreeSet<_> = (0..100).map(|_| mint.guid()).collect();
        let stamps: BTreeSet<_> = [5, 5, 5, 4, 6].map(|now| mint.stamp(now)).into();
        assert_eq!((guids.len(), stamps.len()), (100, 5));
        assert_ne!(mint.signature(), mint.signature());
        assert_ne!(Mint::new("other").guid(), Mint::new("test").guid());
    }

    #[test]
    fn stamps_only_move_forward() {
        let mut mint = Mint::new("test");
        let (first, second) = (mint.stamp(2_000), mint.stamp(1_000));
        assert_eq!((first, second), (Moment::at(2_000), Moment::at(2_000).next()));
    }

    #[test]
    fn versions_count_or_jump() {
        let mut mint = Mint::new("test");
        assert_eq!(mint.version_after(4, Profile::Native), 5);
        let jump = mint.version_after(4, Profile::Migrated);
        assert!((1_000_000_000..=2_100_000_000).contains(&jump));
    }

    #[test]
    fn signatures_survive_a_query_string() {
        let signature = Mint::new("test").signature();
        let url = url::Url::parse(&format!("https://x.example/?sig={signature}")).expect("a URL");
        let (_, decoded) = url.query_pairs().next().expect("a pair");
        assert_eq!(decoded.len(), 44);
        assert!(decoded.ends_with('=') && !decoded.contains([' ', '%']));
    }
}
