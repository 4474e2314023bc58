//! What was really consumed, and when: the measure of a limit that nobody can argue with.

use std::time::Duration;

/// The window a limit is about.
pub const WINDOW: Duration = Duration::from_secs(60);

/// Amounts are kept by slots of this length, so a window may be one slot off.
const SLOT: Duration = Duration::from_millis(100);
const SLOTS_A_WINDOW: usize = (WINDOW.as_millis() / SLOT.as_millis()) as usize;

/// Amounts over time.
#[derive(Clone, Debug, Default)]
pub struct Consumption {
    slots: Vec<f64>,
}

impl Consumption {
    /// `amount` at one moment.
    pub fn at(&mut self, when: Duration, amount: f64) {
        let slot = (when.as_nanos() / SLOT.as_nanos()) as usize;
        self.slot(slot, amount);
    }

    /// `amount`, evenly from `start` to `end`.
    pub fn spread(&mut self, start: Duration, end: Duration, amount: f64) {
        let (start, end) = (in_slots(start), in_slots(end));
        if end <= start {
            return self.slot(start as usize, amount);
        }
        for slot in start as usize..=end as usize {
            let overlap = end.min(slot as f64 + 1.0) - start.max(slot as f64);
            self.slot(slot, amount * overlap.max(0.0) / (end - start));
        }
    }

    fn slot(&mut self, slot: usize, amount: f64) {
        if self.slots.len() <= slot {
            self.slots.resize(slot + 1, 0.0);
        }
        self.slots[slot] += amount;
    }

    /// What was consumed between two moments.
    pub fn between(&self, start: Duration, end: Duration) -> f64 {
        let (start, end) = (in_slots(start) as usize, in_slots(end) as usize);
        self.slots.iter().take(end).skip(start).sum()
    }

    /// For the end of each slot, what the window that ends there holds.
    pub fn windows(&self) -> Vec<f64> {
        let mut sum = 0.0;
        let ends = (0..self.slots.len()).map(|end| {
            sum += self.slots[end];
            if let Some(out) = end.checked_sub(SLOTS_A_WINDOW) {
                sum -= self.slots[out];
            }
            sum
        });
        ends.collect()
    }

    /// The most that any window holds.
    pub fn worst_window(&self) -> f64 {
        self.windows().into_iter().fold(0.0, f64::max)
    }

    /// For each second until `end`, what the window that ends with it holds.
    pub fn each_second(&self, end: Duration) -> Vec<(Duration, f64)> {
        let seconds = (1..=end.as_secs()).map(Duration::from_secs);
        let windows = seconds.map(|second| {
            let held = self.between(second.saturating_sub(WINDOW), second);
            (second, held)
        });
        windows.collect()
    }
}

fn in_slots(time: Duration) -> f64 {
    time.as_secs_f64() / SLOT.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn nothing_is_lost_or_made_up() {
        // From, to, the slots it falls into.
        let rows: [(u64, u64, &[f64]); 5] = [
            (0, 100, &[1.0]),
            (0, 200, &[0.5, 0.5]),
            (50, 150, &[0.5, 0.5]),
            (150, 150, &[0.0, 1.0]),
            (75, 275, &[0.125, 0.5, 0.375]),
        ];
        for (start, end, expected) in rows {
            let mut consumption = Consumption::default();
            consumption.spread(ms(start), ms(end), 1.0);
            for (slot, expected) in expected.iter().enumerate() {
                let held = consumption.slots[slot];
                assert!((held - expected).abs() < 1e-9, "{start} to {end}: {held}");
            }
            let sum: f64 = consumption.slots.iter().sum();
            assert!((sum - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn a_window_is_a_minute() {
        let mut consumption = Consumption::default();
        for second in [0, 30, 59, 61, 90] {
            consumption.at(ms(second * 1000), 1.0);
        }
        // 30, 59, 61 and, as it ends a slot later, not yet 90.
        assert_eq!(consumption.worst_window(), 3.0);
        assert_eq!(consumption.between(ms(30_000), ms(90_000)), 3.0);
        let seconds = consumption.each_second(ms(200_000));
        let rows = [
            (1, 1.0),
            (60, 3.0),
            (61, 2.0),
            (62, 3.0),
            (91, 3.0),
            (151, 0.0),
            (200, 0.0),
        ];
        for (second, held) in rows {
            assert_eq!(seconds[second - 1], (ms(second as u64 * 1_000), held));
        }
        assert_eq!(seconds.len(), 200);
    }
}
