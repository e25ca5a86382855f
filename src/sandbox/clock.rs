//! The sandbox's own time: the machine's, moved on demand, or one that only moves on demand.

use serde::{Deserialize, Serialize};

/// What the sandbox's time depends on, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "is")]
pub(super) enum Clock {
    /// The machine's time, so far ahead.
    Real { ahead: i64 },
    /// Stands until it is moved.
    Stepped { now: i64 },
}

impl Clock {
    /// The time while the machine's clock shows this.
    pub(super) fn now(self, wall: i64) -> i64 {
        match self {
            Self::Real { ahead } => wall.saturating_add(ahead),
            Self::Stepped { now } => now,
        }
    }

    pub(super) fn advance(&mut self, millis: i64) {
        match self {
            Self::Real { ahead: at } | Self::Stepped { now: at } => *at = at.saturating_add(millis),
        }
    }

    /// The same time on a clock that runs, or on one that stands.
    pub(super) fn stepped(self, stepped: bool, wall: i64) -> Self {
        let now = self.now(wall);
        if stepped { Self::Stepped { now } } else { Self::Real { ahead: now.saturating_sub(wall) } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_runs_or_stands_and_both_can_be_moved() {
        let mut real = Clock::Real { ahead: 0 };
        real.advance(50);
        assert_eq!((real.now(100), real.now(200)), (150, 250));
        let mut stepped = real.stepped(true, 200);
        assert_eq!((stepped.now(100), stepped.now(900)), (250, 250));
        stepped.advance(10);
        assert_eq!(stepped.now(0), 260);
        assert_eq!(stepped.stepped(false, 1_000).now(1_001), 261, "it runs on from where it stood");
        real.advance(i64::MAX);
        assert_eq!(real.now(1), i64::MAX);
    }
}
