//! A share of all offers, for one of several machines. Which share an offer is in follows from its key alone.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Digest, OfferKey};

/// Share `index` of `of`, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Shard {
    pub(crate) index: u16,
    pub(crate) of: u16,
}

impl Shard {
    /// Whether an offer is in this share. The answer is the same on every machine and for every version.
    pub(crate) fn holds(self, key: &OfferKey) -> bool {
        let digest = Digest::of(key.to_string().to_ascii_lowercase().as_bytes());
        let number = u64::from_str_radix(digest.as_str().get(..15).unwrap_or_default(), 16).unwrap_or_default();
        number % u64::from(self.of) == u64::from(self.index) - 1
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((index, of)) if (1..=of).contains(&index) => Ok(Self { index, of }),
            _ => Err(format!("`{text}` is not a shard; expected i/n such as 2/8, i from 1 to n")),
        }
    }
}

impl TryFrom<String> for Shard {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(text: &str) -> Shard {
        text.parse().expect("a shard")
    }

    #[test]
    fn every_offer_is_in_one_shard_and_stays_there() {
        let keys = (0..400).map(|at| format!("contoso/offer-{at}").parse::<OfferKey>().expect("a key"));
        let mut sizes = [0; 4];
        for key in keys {
            let held = (1..=4).filter(|index| Shard { index: *index, of: 4 }.holds(&key)).collect::<Vec<_>>();
            assert_eq!(held.len(), 1, "{key}");
            sizes[usize::from(held[0]) - 1] += 1;
        }
        assert!(sizes.iter().all(|size| (60..140).contains(size)), "{sizes:?}");
        // Pinned: another answer would take offers from one machine to another.
        let held = |key: &str| (1..=3).find(|index| Shard { index: *index, of: 3 }.holds(&key.parse().expect("a key")));
        assert_eq!([held("contoso/a"), held("contoso/A"), held("contoso/b")], [Some(1), Some(1), Some(3)]);
    }

    #[test]
    fn what_is_not_a_shard_is_refused() {
        assert_eq!((shard("1/1").to_string(), shard("2/8")), ("1/1".to_owned(), Shard { index: 2, of: 8 }));
        for text in ["0/2", "3/2", "1/0", "1", "a/b", "-1/2", "1/2/3", "1/70000"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
