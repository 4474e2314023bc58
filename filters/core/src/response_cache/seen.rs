//! Which beginnings of conversations an upstream has read lately, and so may have at hand.
//!
//! Noted is what an upstream has answered to. All records of one conversation lie together, so a
//! request costs as many host calls however long it is:
//!
//! - **its own**, those from its root on, in the page of the root. Of a conversation that goes on
//!   this one page says how far it is known.
//! - **common ones**, those before its root (what an operator says, a long text that many are asked
//!   about), in the page of its first mark. It is read where the conversation is new.
//!
//! A look is a read of one page or two, a note a read and a write of one or two, and once more each
//! where another worker was faster. What was noted not long ago is not noted again.

use super::key::Prefix;
use super::prefix::Landmarks;
use crate::host::Host;
use crate::table::{Kind, Page, Table, Values};

/// The records: when one ends to mean something, and which ones it lies together with.
#[derive(Debug)]
pub(crate) struct Read;

impl Kind for Read {
    const NAME: &'static str = "seen";
    const PAGES: u32 = 1024;
    const RECORDS: usize = 64;

    fn ends([ends, _]: Values) -> u64 {
        ends
    }

    fn shifted([ends, group]: Values, by: u64) -> Values {
        [ends.saturating_sub(by), group]
    }
}

/// Records of one conversation, so that one of many turns leaves room to the others of its page.
const MOST_OWN: usize = 16;

/// Common records that lie together.
const MOST_COMMON: usize = 48;

/// Of a conversation's marks as many are noted at a time.
const MOST_NOTED: usize = 12;

/// As many of them of each power of eight, the newest: what a longer conversation remembers of
/// its marks is as thin as that, see [`prefix`](super::prefix).
const NOTED_OF_A_LEVEL: usize = 4;

/// How often a note is tried again. Nothing is lost but a little of what was seen.
const RETRIES: u64 = 1;

/// See the [module](self).
#[derive(Debug, Default)]
pub struct Seen(Table<Read>);

/// What is to be noted of a conversation when an upstream has answered.
#[derive(Debug, Default)]
pub struct Notes {
    own: Group,
    common: Group,
    /// How long it counts, in nanoseconds.
    ttl: u64,
}

/// Records that lie together.
#[derive(Debug, Default)]
struct Group {
    place: u64,
    keys: Vec<u64>,
}

/// The beginnings of a conversation.
#[derive(Clone, Copy, Debug)]
pub struct Beginnings<P> {
    /// Each, the shortest first.
    pub prefixes: P,
    /// Which of them it has in common with others.
    pub landmarks: Landmarks,
}

impl Seen {
    /// The longest of the beginnings that was seen at `now`, and what to note, to count for `ttl`
    /// nanoseconds.
    pub fn look<P>(
        &self,
        host: &dyn Host,
        beginnings: &Beginnings<P>,
        ttl: u64,
        now: u64,
    ) -> (Option<Prefix>, Notes)
    where
        P: DoubleEndedIterator<Item = Prefix> + ExactSizeIterator + Clone,
    {
        let Beginnings {
            prefixes,
            landmarks: Landmarks { head, root },
        } = beginnings;
        let nth = |place| prefixes.clone().nth(place);
        let (Some(first), Some(root_prefix)) = (nth(0), nth(*root)) else {
            return (None, Notes::default());
        };
        let look = |place: Prefix| Look {
            page: self.0.page(host, key(&place), now),
            place: key(&place),
            // What has an eighth of its time behind it is noted again.
            fresh: now.saturating_add(ttl).saturating_sub(ttl >> 3),
        };
        let own = prefixes.clone().skip(*root);
        let (mut found, own) = look(root_prefix).group(own, Some(root_prefix));
        let mut notes = Notes {
            own,
            common: Group::default(),
            ttl,
        };
        // A root that is the head is common too.
        let common = root.saturating_add(usize::from(*head == Some(*root)));
        if found.is_none() && common > 0 {
            let head = head.and_then(nth);
            (found, notes.common) = look(first).group(prefixes.clone().take(common), head);
        }
        (found, notes)
    }

    /// Notes what an upstream has read by `now`. True where something else had to go for it
    /// before its time.
    pub fn note(&self, host: &dyn Host, notes: &Notes, now: u64) -> bool {
        let Notes { own, common, ttl } = notes;
        let ends = now.saturating_add(*ttl);
        let mut evicted = false;
        for (group, most) in [(own, MOST_OWN), (common, MOST_COMMON)] {
            if group.keys.is_empty() {
                continue;
            }
            let updated = self.0.update_page(host, group.place, now, RETRIES, |page| {
                group.make_room(page, most);
                for key in &group.keys {
                    page.set(*key, [ends, group.place]);
                }
            });
            evicted |= updated.evicted;
        }
        evicted
    }
}

/// A look at records that lie together.
struct Look {
    page: Page<Read>,
    place: u64,
    /// What ends later is not noted again.
    fresh: u64,
}

impl Look {
    /// The longest of `prefixes` that was seen, and which to note: those beyond it, and
    /// `landmark`.
    fn group<P>(&self, prefixes: P, landmark: Option<Prefix>) -> (Option<Prefix>, Group)
    where
        P: DoubleEndedIterator<Item = Prefix>,
    {
        let live = self.page.live();
        let live = live.filter(|(_, [_, place])| *place == self.place);
        let live: Vec<(u64, u64)> = live.map(|(key, [ends, _])| (key, ends)).collect();
        let ends = |prefix: &Prefix| {
            let found = live.iter().find(|(of, _)| *of == key(prefix));
            found.map(|(_, ends)| *ends)
        };
        let mut levels = Levels::default();
        let mut keys = Vec::with_capacity(MOST_NOTED.saturating_add(2));
        let mut found = None;
        for prefix in prefixes.rev() {
            if ends(&prefix).is_some() {
                found = Some(prefix);
                break;
            }
            if keys.len() < MOST_NOTED && levels.takes(prefix.ordinal) {
                keys.push(key(&prefix));
            }
        }
        let known = [found, landmark].into_iter().flatten();
        let is_fresh = |prefix: &Prefix| ends(prefix).is_some_and(|ends| ends > self.fresh);
        if !keys.is_empty() || !known.clone().all(|prefix| is_fresh(&prefix)) {
            // What is written at all is written with these, which stay so while they are used.
            for key in known.map(|prefix| key(&prefix)) {
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
        }
        let place = self.place;
        (found, Group { place, keys })
    }
}

impl Group {
    /// Ends records of this group that are not to be noted, the oldest first, where there would
    /// be more than `most`.
    fn make_room(&self, page: &mut Page<Read>, most: usize) {
        let others = page.live();
        let others = others.filter(|(key, [_, place])| {
            // A short list.
            *place == self.place && !self.keys.contains(key)
        });
        let mut others: Vec<(u64, u64)> = others.map(|(key, [ends, _])| (ends, key)).collect();
        others.sort_unstable();
        let room = most.saturating_sub(self.keys.len());
        let surplus = others.len().saturating_sub(room);
        for (_, key) in others.into_iter().take(surplus) {
            page.set(key, [0, 0]);
        }
    }
}

/// How many marks were taken of each power of eight.
#[derive(Default)]
struct Levels([usize; 11]);

impl Levels {
    /// Whether the mark before which there are so many is one of the newest of its power.
    fn takes(&mut self, ordinal: u32) -> bool {
        let level = (ordinal.trailing_zeros() / 3) as usize;
        // A mark of a higher power is one of every lower power too.
        let Some(own) = self.0.get_mut(..=level.min(10)) else {
            return false;
        };
        let takes = own.last().is_some_and(|taken| *taken < NOTED_OF_A_LEVEL);
        if takes {
            for taken in own {
                *taken = taken.saturating_add(1);
            }
        }
        takes
    }
}

fn key(prefix: &Prefix) -> u64 {
    prefix.hash as u64
}

#[cfg(test)]
mod tests;
