//! What was kept before a moment and must not be given any more.
//!
//! Shared data has no removal, so a purge is a time: an answer to what was asked before it is
//! none. It is noted for everybody or for one tenant, all workers see it with their next
//! request, and what is not given any more goes when its room is needed.

use crate::host::Host;
use crate::rate_limiter::tenant::Tenant;
use crate::table::{Change, Kind, PATIENT_RETRIES, Table, Values};

/// The records: when, and 1 where it concerns more than one tenant.
#[derive(Debug)]
struct Purged;

/// Longer than an answer may be given: three years.
pub const KEPT: u64 = 3 * 365 * 24 * 3600 * 1_000_000_000;

impl Kind for Purged {
    const NAME: &'static str = "purges";
    const PAGES: u32 = 64;
    const RECORDS: usize = 64;

    fn ends([at, _]: Values) -> u64 {
        match at {
            0 => 0,
            at => at.saturating_add(KEPT),
        }
    }

    /// What concerns more than one tenant stays.
    fn worth([at, weight]: Values) -> u64 {
        match weight {
            0 => Self::ends([at, weight]),
            _ => u64::MAX,
        }
    }

    /// What was asked before a clock stepped back has times that are yet to come, and is not
    /// given either.
    fn shifted([at, weight]: Values, by: u64) -> Values {
        [at.saturating_sub(by), weight]
    }
}

/// The times of purges.
#[derive(Debug, Default)]
pub struct Purges(Table<Purged>);

/// Stands for everybody: no tenant's hash is likely to be it.
const EVERYBODY: u64 = u64::MAX;
/// Stands for anybody: when the last purge was, whosever it was.
const ANYBODY: u64 = u64::MAX - 1;

impl Purges {
    /// Has done with all that was asked before `at`, for `tenant` or for everybody. False where
    /// that could not be noted.
    pub fn purge(&self, host: &dyn Host, tenant: Option<Tenant>, at: u64, now: u64) -> bool {
        // Whoever finds the second note finds the first.
        self.note(host, key(tenant), at, now) && self.note(host, ANYBODY, at, now)
    }

    /// Whether what `tenant` was answered, as it asked at `asked`, was purged since. It costs one
    /// read where nothing was purged since then, and three otherwise.
    pub fn has_done_with(
        &self,
        host: &dyn Host,
        tenant: Option<Tenant>,
        asked: u64,
        now: u64,
    ) -> bool {
        asked <= self.at(host, ANYBODY, now) && asked <= self.last(host, tenant, now)
    }

    /// When all was purged last that `tenant` could be given; 0 where nothing was.
    fn last(&self, host: &dyn Host, tenant: Option<Tenant>, now: u64) -> u64 {
        let own = tenant.map_or(0, |tenant| self.at(host, key(Some(tenant)), now));
        own.max(self.at(host, EVERYBODY, now))
    }

    fn note(&self, host: &dyn Host, key: u64, at: u64, now: u64) -> bool {
        let later = |[before, _]: Values| {
            let weight = u64::from(key >= ANYBODY);
            ((), (at > before).then_some([at, weight]))
        };
        let noted = self.0.update(host, key, now, PATIENT_RETRIES, later);
        let is_noted = matches!(noted.change, Change::Stored | Change::None);
        // Where another purge had to go for it, nobody knows whose that was: all are purged, rather
        // than one given what it was not to be.
        let is_lossless = !noted.evicted || key == EVERYBODY;
        is_noted && (is_lossless || self.note(host, EVERYBODY, now, now))
    }

    /// Where the clock stepped back this writes: a purge of that time is as of now, and not of
    /// whenever somebody asks.
    fn at(&self, host: &dyn Host, key: u64, now: u64) -> u64 {
        let seen = self.0.update(host, key, now, 0, |[at, _]| (at, None));
        seen.result
    }
}

fn key(tenant: Option<Tenant>) -> u64 {
    match tenant {
        None => EVERYBODY,
        Some(Tenant::Named(hash)) => hash,
        Some(Tenant::Default) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::world::World;

    #[test]
    fn what_was_asked_before_is_purged_for_one_or_for_all() {
        let world = World::default();
        let purges = Purges::default();
        let [ann, bob] = [7, u64::MAX / 2].map(|hash| Some(Tenant::Named(hash)));
        let last = |now| [None, ann, bob].map(|tenant| purges.last(&world, tenant, now));
        assert_eq!(last(10), [0, 0, 0]);
        assert!(purges.purge(&world, ann, 10, 10));
        assert_eq!(last(11), [0, 10, 0]);
        assert!(purges.purge(&world, None, 20, 20));
        assert_eq!(last(21), [20, 20, 20]);
        assert!(purges.purge(&world, bob, 30, 30));
        assert_eq!(last(31), [20, 20, 30]);
        // A slower worker's does not undo a later one.
        assert!(purges.purge(&world, bob, 25, 25));
        assert_eq!(last(31), [20, 20, 30]);
    }

    #[test]
    fn who_was_not_purged_is_known_by_one_read() {
        let world = World::default();
        let purges = Purges::default();
        let [ann, bob] = [7, u64::MAX / 2].map(|hash| Some(Tenant::Named(hash)));
        let has_done_with = |tenant, asked| {
            let (before, _) = world.store.calls();
            let has = purges.has_done_with(&world, tenant, asked, 100);
            (has, world.store.calls().0 - before)
        };
        assert_eq!(has_done_with(ann, 1), (false, 1));
        assert!(purges.purge(&world, ann, 10, 10));
        assert_eq!(has_done_with(ann, 10), (true, 3));
        assert_eq!(has_done_with(ann, 11), (false, 1));
        assert_eq!(has_done_with(bob, 10), (false, 3));
        assert_eq!(has_done_with(None, 10), (false, 2));
        assert!(purges.purge(&world, None, 20, 20));
        for tenant in [None, ann, bob] {
            assert!(has_done_with(tenant, 20).0);
            assert_eq!(has_done_with(tenant, 21), (false, 1));
        }
    }

    #[test]
    fn a_purge_that_pushes_another_out_purges_everybody() {
        let world = World::default();
        let purges = Purges::default();
        // All in one page.
        let tenant = |number| Some(Tenant::Named(number));
        assert!(purges.purge(&world, None, 1, 1));
        let many = Purged::RECORDS as u64;
        for number in 1..=many {
            assert!(purges.purge(&world, tenant(number), 9 + number, 9 + number));
        }
        let later = 20 + many;
        assert_eq!(purges.last(&world, tenant(many + 5), later), 1);
        assert!(purges.purge(&world, tenant(many + 1), later, later));
        for number in 1..=many + 5 {
            assert!(purges.has_done_with(&world, tenant(number), later, later));
        }
        assert!(!purges.has_done_with(&world, tenant(1), later + 1, later + 1));
    }

    #[test]
    fn a_purge_of_before_the_clock_stepped_back_is_as_of_then() {
        const HOUR: u64 = 3600 * 1_000_000_000;
        let world = World::default();
        let purges = Purges::default();
        assert!(purges.purge(&world, None, 10 * HOUR, 10 * HOUR));
        let (_, before) = world.store.calls();
        let last = [10, 9, 8, 11].map(|hour| purges.last(&world, None, hour * HOUR));
        assert_eq!(last, [10, 9, 8, 8].map(|hour| hour * HOUR));
        let (_, after) = world.store.calls();
        assert_eq!(after - before, 2);
    }

    #[test]
    fn a_purge_that_cannot_be_noted_says_so() {
        assert!(!Purges::default().purge(&crate::host::Nowhere, None, 10, 10));
    }
}
