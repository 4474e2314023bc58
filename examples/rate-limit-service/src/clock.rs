//! When a charge was made, as text: Envoy keeps it with the request and brings it back with the
//! settlement, so that a refund finds the window that was charged.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Writes and reads times. What it reads of another run is before all of its own.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    start_since_1970: Duration,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
            start_since_1970: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
        }
    }

    /// Nanoseconds since 1970.
    pub fn write(&self, time: Instant) -> String {
        let since = self.start_since_1970 + time.saturating_duration_since(self.start);
        since.as_nanos().to_string()
    }

    /// The time; none for another text. What was before the start is at the start, when no
    /// window had begun.
    pub fn read(&self, text: &str) -> Option<Instant> {
        let since = Duration::from_nanos(text.parse().ok()?);
        self.start
            .checked_add(since.saturating_sub(self.start_since_1970))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let clock = Clock::start();
        for nanoseconds in [0, 1, 999_999_999, 86_400_000_000_123] {
            let time = clock.start + Duration::from_nanos(nanoseconds);
            assert_eq!(clock.read(&clock.write(time)), Some(time));
        }
        let rows = [
            ("true", None),
            ("", None),
            ("-1", None),
            ("99999999999999999999999", None),
            ("0", Some(clock.start)), // of an earlier run
        ];
        for (text, expected) in rows {
            assert_eq!(clock.read(text), expected, "{text}");
        }
    }
}
