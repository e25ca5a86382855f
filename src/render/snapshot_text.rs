//! What `snapshot` saved.

use std::fmt::Write as _;
use std::path::Path;

use super::{Paint, not_read, plural};
use crate::snapshot::Snapshot;

/// The text, ending in a line feed.
pub(crate) fn snapshot(snapshot: &Snapshot, path: &Path) -> String {
    let mut out = String::new();
    not_read(&mut out, &snapshot.content.unread, "not read; it is not in the snapshot", Paint { color: false });
    let offers = plural(snapshot.content.offers.len(), "offer");
    let path = path.display();
    let _ = writeln!(out, "Snapshot of {offers}, taken {}, saved to {path}.", snapshot.taken);
    out
}

/// A time span in its two greatest units, such as `3 hours 5 minutes`.
pub(crate) fn duration(seconds: u64) -> String {
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let first = units.iter().position(|(size, _)| seconds >= *size).unwrap_or(units.len() - 1);
    let (size, name) = units[first];
    let count = |count: u64, name: &str| plural(usize::try_from(count).unwrap_or(usize::MAX), name);
    let whole = count(seconds / size, name);
    match units.get(first + 1) {
        Some((smaller, name)) if seconds % size >= *smaller => {
            format!("{whole} {}", count(seconds % size / smaller, name))
        }
        _ => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_in_two_units() {
        let told = [0, 1, 61, 3_600, 3_725, 90_000, 200_000].map(duration);
        assert_eq!(
            told,
            [
                "0 seconds",
                "1 second",
                "1 minute 1 second",
                "1 hour",
                "1 hour 2 minutes",
                "1 day 1 hour",
                "2 days 7 hours"
            ]
        );
    }
}
