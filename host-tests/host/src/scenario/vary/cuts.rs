//! The same bodies, and the same data of TCP connections, in other pieces.

use crate::random;
use crate::scenario::event::{Action, Event};
use crate::scenario::file::Peer;

/// How bodies are cut. What the file says between two pieces stays between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cuts {
    /// As the file cuts them.
    AsWritten,
    /// Pieces that follow each other are one.
    Whole,
    /// Byte by byte; a piece of more than [`MOST_PIECES`] bytes into that many equal ones.
    Bytes,
    /// At places drawn from this seed, the middle of a character or an escape included.
    Random(u64),
}

/// Into how many a piece is cut at most. Enough for every byte of a body that a scenario
/// spells out; a body of 8 MiB still goes by in 16 KiB at a time.
pub const MOST_PIECES: usize = 512;

/// Random cuts in a piece.
const MOST_CUTS: u64 = 8;

impl Cuts {
    pub(super) fn apply(self, events: &[Event]) -> Vec<Event> {
        match self {
            Self::AsWritten => events.to_vec(),
            Self::Whole => joined(events),
            Self::Bytes => cut(&joined(events), |length| {
                let size = length.div_ceil(MOST_PIECES).max(1);
                (size..length).step_by(size).collect()
            }),
            Self::Random(seed) => {
                let mut state = seed;
                cut(&joined(events), |length| {
                    let count = random::next(&mut state) % (MOST_CUTS + 1);
                    let at = |_| (random::next(&mut state) % (length as u64 + 1)) as usize;
                    let mut cuts: Vec<usize> = (0..count).map(at).collect();
                    cuts.sort_unstable();
                    cuts
                })
            }
        }
    }
}

/// A piece of a body or of a connection's data, to be changed: whose it is, its bytes, and
/// whether it is the last.
type Piece<'a> = ((&'a str, Peer), &'a mut Vec<u8>, &'a mut bool);

fn piece(action: &mut Action) -> Option<Piece<'_>> {
    match action {
        Action::Body {
            stream,
            from,
            bytes,
            end,
        }
        | Action::Data {
            stream,
            from,
            bytes,
            end,
        } => Some(((stream, *from), bytes, end)),
        _ => None,
    }
}

/// Pieces that one peer sends with nothing between them become one.
fn joined(events: &[Event]) -> Vec<Event> {
    let mut joined: Vec<Event> = Vec::new();
    for event in events {
        let mut event = event.clone();
        let before = joined.last_mut().map(|event| &mut event.action);
        if let Some((of, bytes, end)) = piece(&mut event.action)
            && let Some((of_before, so_far, ended)) = before.and_then(piece)
            && of_before == of
            && !*ended
        {
            so_far.append(bytes);
            *ended = *end;
        } else {
            joined.push(event);
        }
    }
    joined
}

/// Cuts each piece where `places` says for its length, in ascending order.
fn cut(events: &[Event], mut places: impl FnMut(usize) -> Vec<usize>) -> Vec<Event> {
    let mut cut = Vec::new();
    for event in events {
        let mut whole = event.clone();
        let Some((_, bytes, _)) = piece(&mut whole.action) else {
            cut.push(whole);
            continue;
        };
        let bytes = std::mem::take(bytes);
        let mut places = places(bytes.len());
        places.push(bytes.len());
        let mut begin = 0;
        let last = places.len() - 1;
        for (index, place) in places.into_iter().enumerate() {
            let mut part = whole.clone();
            if let Some((_, of_part, end)) = piece(&mut part.action) {
                *of_part = bytes[begin..place].to_vec();
                *end &= index == last;
            }
            cut.push(part);
            begin = place;
        }
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(text: &str, end: bool) -> Event {
        Event {
            line: 1,
            action: Action::Body {
                stream: "1".to_owned(),
                from: Peer::Client,
                bytes: text.into(),
                end,
            },
        }
    }

    /// Pieces as texts, `.` after the last, `|` for anything else.
    fn shown(events: &[Event]) -> String {
        let shown = events.iter().map(|event| match &event.action {
            Action::Body { bytes, end, .. } => {
                let end = if *end { "." } else { "" };
                format!("{}{end}", String::from_utf8_lossy(bytes))
            }
            _ => "|".to_owned(),
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    fn pause() -> Event {
        Event {
            line: 1,
            action: Action::Advance(std::time::Duration::ZERO),
        }
    }

    #[test]
    fn pieces_are_joined_and_cut() {
        let written = [
            piece("ab", false),
            piece("cd", false),
            pause(),
            piece("ef", true),
        ];
        let rows = [
            (Cuts::AsWritten, "ab cd | ef."),
            (Cuts::Whole, "abcd | ef."),
            (Cuts::Bytes, "a b c d | e f."),
        ];
        for (cuts, expected) in rows {
            assert_eq!(shown(&cuts.apply(&written)), expected, "{cuts:?}");
        }
    }

    #[test]
    fn random_cuts_are_the_same_for_a_seed_and_lose_nothing() {
        let written = [piece("The quick brown fox jumps", true)];
        let mut different = std::collections::BTreeSet::new();
        for seed in 0..20 {
            let cut = Cuts::Random(seed).apply(&written);
            assert_eq!(shown(&cut), shown(&Cuts::Random(seed).apply(&written)));
            assert_eq!(shown(&Cuts::Whole.apply(&cut)), shown(&written));
            different.insert(shown(&cut));
        }
        assert!(different.len() > 15, "{different:?}");
    }

    #[test]
    fn a_large_body_has_a_bounded_number_of_pieces() {
        let cut = Cuts::Bytes.apply(&[piece(&"x".repeat(100_000), true)]);
        assert!(cut.len() <= MOST_PIECES, "{}", cut.len());
    }
}
