//! Whether a service works: who does not answer is not asked by everybody all the time.

use core::cell::Cell;

/// After so many failures in a row nobody asks for a while.
const FAILURES: u32 = 5;
/// Nanoseconds until one asks again.
const PAUSE: u64 = 1_000_000_000;

/// What a worker knows of a service.
#[derive(Debug, Default)]
pub(super) struct Health {
    failures: Cell<u32>,
    /// Nanoseconds since 1970 until when nobody asks.
    until: Cell<u64>,
}

impl Health {
    /// Whether it is not known to be out of order at `now`.
    pub(super) fn works(&self, now: u64) -> bool {
        self.failures.get() < FAILURES || !self.is_paused(now)
    }

    /// Whether the caller may ask at `now`: where the service is out of order, one may after each
    /// pause.
    pub(super) fn may_ask(&self, now: u64) -> bool {
        let works = self.works(now);
        if works && self.failures.get() >= FAILURES {
            self.until.set(now.saturating_add(PAUSE));
        }
        works
    }

    /// Takes note of what became of a question.
    pub(super) fn note(&self, is_answered: bool, now: u64) {
        if is_answered {
            self.failures.set(0);
            return;
        }
        self.failures.set(self.failures.get().saturating_add(1));
        if self.failures.get() >= FAILURES {
            self.until.set(now.saturating_add(PAUSE));
        }
    }

    /// A pause that seems to be longer than any was begun before a clock was set back.
    fn is_paused(&self, now: u64) -> bool {
        (1..=PAUSE).contains(&self.until.get().saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_fails_is_asked_by_one_after_each_pause() {
        let health = Health::default();
        let mut now = 1_000 * PAUSE;
        for _ in 1..FAILURES {
            health.note(false, now);
            assert!(health.may_ask(now));
        }
        health.note(true, now);
        for _ in 0..FAILURES {
            assert!(health.may_ask(now));
            health.note(false, now);
        }
        for _ in 0..3 {
            assert!(!health.may_ask(now) && !health.works(now));
            assert!(!health.may_ask(now + PAUSE - 1));
            now += PAUSE;
            assert!(health.works(now));
            assert!(health.may_ask(now));
            assert!(!health.may_ask(now), "one asks");
            health.note(false, now);
        }
        assert!(health.may_ask(now - 10 * PAUSE), "a clock was set back");
        health.note(true, now);
        assert!(health.may_ask(now) && health.may_ask(now));
    }
}
