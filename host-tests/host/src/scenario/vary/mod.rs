//! Variations: a scenario played again in every way that must make no difference, and in ways
//! that must do no harm.
//!
//! Bodies and TCP data cut anew, and other protocols, must give what the file expects and the
//! same in the end. Trailers leave bodies as they are, and of two streams at once each gives
//! what it gives alone. Resets and early answers may give something else, but every stream ends
//! that the file lets end. A file may excuse some of it, with a reason
//! ([`File::cuts_matter`](super::file::File::cuts_matter) and its neighbours); what no variation
//! needs is no excuse. Whatever happens, no worker dies, every context begins and ends in order,
//! and the books are settled. Where a worker must die
//! ([`File::traps`](super::file::File::traps)), the file is played as it is written and no
//! other way.

mod check;
mod choice;
mod cuts;
mod excuse;
mod fault;
mod run;
mod twist;

use std::fmt;

use crate::flow::Protocol;

use super::event::{Action, Event, Scenario};
use super::file::Peer;

pub use check::{check, check_all};
pub use choice::Choice;
pub use cuts::{Cuts, MOST_PIECES};
pub use fault::Fault;
pub(super) use run::Run;
pub use twist::Twist;

/// One way to play a scenario. Its text names it: the same text is the same variation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variation {
    /// How bodies are cut.
    pub cuts: Cuts,
    /// How client and upstream speak; as the file says where it is `None`.
    pub protocols: Option<(Protocol, Protocol)>,
    /// What peers do otherwise.
    pub twist: Option<Twist>,
}

/// Random cuttings of each scenario.
const SEEDS: u64 = 16;

/// A scenario with more events than this is broken off at that many of them, evenly spread.
const MOST_RESETS: usize = 32;

/// Likewise when its bodies go byte by byte.
const MOST_RESETS_WITHIN: usize = 12;

/// Likewise for answers before the request's end.
const MOST_EARLY_ANSWERS: usize = 6;

const HTTP1: (Protocol, Protocol) = (Protocol::Http1, Protocol::Http1);
const HTTP2: (Protocol, Protocol) = (Protocol::Http2, Protocol::Http2);

impl Variation {
    const AS_WRITTEN: Self = Self {
        cuts: Cuts::AsWritten,
        protocols: None,
        twist: None,
    };

    /// Bodies of `scenario` cut at random, over a protocol that goes by the seed.
    fn random(scenario: &Scenario, seed: u64) -> Self {
        let protocols = if seed % 2 == 1 { HTTP1 } else { HTTP2 };
        Self {
            cuts: Cuts::Random(seed),
            protocols: (!speaks_one_protocol(scenario)).then_some(protocols),
            twist: None,
        }
    }

    /// All variations of `scenario`, the one that changes nothing first; the only one where a
    /// trap is what it is about.
    pub fn all(scenario: &Scenario) -> Vec<Self> {
        let cut = |cuts, protocols| Self {
            cuts,
            protocols: Some(protocols),
            twist: None,
        };
        let twisted = |cuts, twist| Self {
            cuts,
            protocols: None,
            twist: Some(twist),
        };
        let mut all = vec![Self::AS_WRITTEN];
        if scenario.traps.is_some() {
            // What a dead worker shows is the host's doing.
            return all;
        }
        if speaks_one_protocol(scenario) {
            all.extend([Cuts::Whole, Cuts::Bytes].map(|cuts| Self {
                cuts,
                ..Self::AS_WRITTEN
            }));
        } else {
            all.extend([
                cut(Cuts::AsWritten, HTTP1),
                cut(Cuts::AsWritten, HTTP2),
                cut(Cuts::AsWritten, (Protocol::Http1, Protocol::Http2)),
                cut(Cuts::AsWritten, (Protocol::Http2, Protocol::Http1)),
                cut(Cuts::Whole, HTTP1),
                cut(Cuts::Whole, HTTP2),
                cut(Cuts::Bytes, HTTP1),
                cut(Cuts::Bytes, HTTP2),
            ]);
        }
        all.extend((1..=SEEDS).map(|seed| Self::random(scenario, seed)));
        if !scenario.is_tcp() {
            for (request, response) in [(true, false), (false, true), (true, true)] {
                let twist = Twist::Trailers { request, response };
                all.push(twisted(Cuts::AsWritten, twist));
            }
        }
        all.push(twisted(Cuts::AsWritten, Twist::TwoAtOnce));
        let written = happenings(&scenario.events);
        let open = early(&written);
        for after in spread(&open, MOST_EARLY_ANSWERS) {
            for whole in [true, false] {
                let twist = Twist::EarlyAnswer { after, whole };
                all.push(twisted(Cuts::AsWritten, twist));
            }
        }
        let bytes = Cuts::Bytes.apply(&scenario.events);
        let bytes = happenings(&bytes);
        for by in [Peer::Client, Peer::Upstream] {
            let within = [
                (Cuts::AsWritten, written.len(), MOST_RESETS),
                (Cuts::Bytes, bytes.len(), MOST_RESETS_WITHIN),
            ];
            for (cuts, count, most) in within {
                let events: Vec<usize> = (1..=count).collect();
                let resets = spread(&events, most).map(|after| Twist::Reset { by, after });
                all.extend(resets.map(|twist| twisted(cuts, twist)));
            }
        }
        all
    }

    /// The scenario as it is played.
    pub fn of(&self, scenario: &Scenario) -> Scenario {
        let mut varied = scenario.clone();
        varied.events = self.cuts.apply(&scenario.events);
        if let Some(twist) = self.twist {
            varied.events = twist.apply(&varied.events);
        }
        if let Some((client, upstream)) = self.protocols {
            (varied.client, varied.upstream) = (client, upstream);
        }
        varied
    }

    /// Whether everything must be as the file says it.
    pub fn changes_nothing(&self) -> bool {
        *self == Self::AS_WRITTEN
    }

    /// The option of `tollgate-host test --vary` that chooses it.
    pub fn option(&self) -> String {
        match (self.cuts, self.twist) {
            (Cuts::Random(seed), None) => format!("--seed {seed}"),
            _ => format!("--variation '{self}'"),
        }
    }
}

/// Whether the scenario means nothing in another protocol: TCP connections have none, and
/// only HTTP/2 has METADATA.
fn speaks_one_protocol(scenario: &Scenario) -> bool {
    let mut events = scenario.events.iter();
    scenario.is_tcp() || events.any(|event| matches!(event.action, Action::Metadata { .. }))
}

/// The events without the expectations.
fn happenings(events: &[Event]) -> Vec<&Event> {
    let happenings = events.iter().filter(|event| !twist::is_expectation(event));
    happenings.collect()
}

/// The events, counted from 1, after which a request is under way and not complete.
fn early(events: &[&Event]) -> Vec<usize> {
    let unfinished = |event: &Event| {
        matches!(
            event.action,
            Action::Open { end: false, .. }
                | Action::Body {
                    from: Peer::Client,
                    end: false,
                    ..
                }
        )
    };
    let numbered = events.iter().enumerate();
    let early = numbered.filter(|(_, event)| unfinished(event));
    early.map(|(index, _)| index + 1).collect()
}

/// At most `most` of `all`, evenly spread.
fn spread(all: &[usize], most: usize) -> impl Iterator<Item = usize> {
    let step = all.len().div_ceil(most).max(1);
    all.iter().copied().step_by(step)
}

impl fmt::Display for Variation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cuts {
            Cuts::AsWritten => f.write_str("as written")?,
            Cuts::Whole => f.write_str("bodies whole")?,
            Cuts::Bytes => f.write_str("byte by byte")?,
            Cuts::Random(seed) => write!(f, "random cuts, seed {seed}")?,
        }
        let name = |protocol| match protocol {
            Protocol::Http1 => "HTTP/1",
            Protocol::Http2 => "HTTP/2",
        };
        match self.protocols {
            None => {}
            Some((client, upstream)) if client == upstream => write!(f, ", {}", name(client))?,
            Some((client, upstream)) => write!(f, ", {} to {}", name(client), name(upstream))?,
        }
        match self.twist {
            None => Ok(()),
            Some(Twist::Trailers { request, response }) => f.write_str(match (request, response) {
                (true, true) => ", trailers both ways",
                (true, false) => ", trailers after the request",
                _ => ", trailers after the response",
            }),
            Some(Twist::Reset { by, after }) => {
                let by = match by {
                    Peer::Client => "client",
                    Peer::Upstream => "upstream",
                };
                write!(f, ", reset by the {by} after event {after}")
            }
            Some(Twist::EarlyAnswer { after, whole }) => {
                let what = if whole { "response" } else { "response head" };
                write!(f, ", {what} after event {after}")
            }
            Some(Twist::TwoAtOnce) => f.write_str(", two at once"),
        }
    }
}
