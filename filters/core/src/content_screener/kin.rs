//! Terms that begin with the same word, looked at together.
//!
//! A list may have thousands of terms that begin alike, and a text nothing but their first word.
//! They are sorted, so that one walk along the text narrows them down byte by byte to those it
//! has: what a word of a text costs depends on how long terms are, not on how many.

use core::ops::Range;

use super::lexicon::Anchor;
use super::term::{Term, text_byte};
use crate::config::TermList;

/// So few are looked at one by one.
const FEW: usize = 4;

/// A term by the positions of its list and of itself in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TermPlace {
    pub(super) list: u16,
    term: u32,
}

impl TermPlace {
    pub(super) fn of(self, lists: &[TermList]) -> Option<&Term> {
        let list = lists.get(usize::from(self.list))?;
        list.terms.get(self.term as usize)
    }

    fn text(self, lists: &[TermList]) -> &[u8] {
        self.of(lists).map_or(&[], Term::words)
    }
}

/// The terms of all lists, those of one anchor in a row and sorted by their text.
#[derive(Debug, Default)]
pub(super) struct Kin {
    places: Vec<TermPlace>,
}

impl Kin {
    /// Sorts the terms of `lists`, each once, and gives `group` the anchors with the positions
    /// of their terms.
    pub(super) fn new(lists: &[TermList], mut group: impl FnMut(Anchor, Range<u32>)) -> Kin {
        let mut all: Vec<(Anchor, TermPlace)> = Vec::new();
        for (list, of_list) in (0u16..).zip(lists) {
            for (term, one) in (0u32..).zip(of_list.terms.iter()) {
                all.extend(
                    one.anchor()
                        .map(|anchor| (anchor, TermPlace { list, term })),
                );
            }
        }
        let texts = |(anchor, place): &(Anchor, TermPlace)| (*anchor, place.text(lists));
        all.sort_by(|a, b| texts(a).cmp(&texts(b)));
        all.dedup_by(|(_, a), (_, b)| a.list == b.list && a.of(lists) == b.of(lists));
        let mut kin = Kin::default();
        for alike in all.chunk_by(|a, b| a.0 == b.0) {
            let narrow = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
            let start = narrow(kin.places.len());
            kin.places.extend(alike.iter().map(|(_, place)| *place));
            if let Some((anchor, _)) = alike.first() {
                group(*anchor, start..narrow(kin.places.len()));
            }
        }
        kin
    }

    /// Bytes it holds.
    pub(super) fn bytes(&self) -> usize {
        self.places
            .capacity()
            .saturating_mul(size_of::<TermPlace>())
    }

    /// Calls `found` with every term of `group` that `text` has, and where; its first word
    /// begins at `at`.
    pub(super) fn check(
        &self,
        lists: &[TermList],
        group: &Range<u32>,
        text: &[u8],
        at: usize,
        mut found: impl FnMut(TermPlace, Range<usize>),
    ) {
        let mut look = |place: TermPlace| {
            if let Some(range) = place.of(lists).and_then(|term| term.check(text, at)) {
                found(place, range);
            }
        };
        let group = group.start as usize..group.end as usize;
        let mut places = self.places.get(group).unwrap_or_default();
        let mut rest = text.get(at..).unwrap_or_default();
        for depth in 0usize.. {
            if places.len() <= FEW {
                break;
            }
            // The shorter stand before those that go on.
            while let Some((first, longer)) = places.split_first()
                && first.text(lists).len() <= depth
            {
                look(*first);
                places = longer;
            }
            let Some((byte, after)) = text_byte(rest) else {
                return;
            };
            rest = after;
            let of = |place: &TermPlace| place.text(lists).get(depth).copied();
            let from = places.partition_point(|place| of(place) < Some(byte));
            let to = places.partition_point(|place| of(place) <= Some(byte));
            places = places.get(from..to).unwrap_or_default();
        }
        places.iter().copied().for_each(look);
    }
}
