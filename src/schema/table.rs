//! A table of the names in a schema. Each is looked up for every field of every document, several times over.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// The names are those of schemas, so nobody can choose them to collide; what is looked up may be anything.
pub(super) type Table<V> = HashMap<String, V, BuildHasherDefault<Fast>>;

/// A hash of eight bytes at a time.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fast(u64);

impl Fast {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for Fast {
    fn write(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            self.add(u64::from_le_bytes(word.try_into().unwrap_or_default()));
        }
        let mut rest = [0; 8];
        rest[..words.remainder().len()].copy_from_slice(words.remainder());
        self.add(u64::from_le_bytes(rest) ^ bytes.len() as u64);
    }

    fn finish(&self) -> u64 {
        // The table takes the upper bits for what a multiplication mixes well.
        self.0.rotate_left(26)
    }
}
