//! What peers do otherwise than the file says.

use crate::headers::Headers;
use crate::scenario::event::{Action, Event};
use crate::scenario::file::Peer;

/// Something a peer does that the file does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Twist {
    /// Messages with a body end with trailers.
    Trailers {
        /// The requests.
        request: bool,
        /// The responses.
        response: bool,
    },
    /// A peer goes away. What it would have sent afterwards never comes.
    Reset {
        /// Who.
        by: Peer,
        /// After which event, from 1, expectations not counted.
        after: usize,
    },
    /// The upstream answers before it has the whole request.
    EarlyAnswer {
        /// After which event, from 1, expectations not counted.
        after: usize,
        /// The whole response, not the head alone.
        whole: bool,
    },
    /// Every stream has a companion that does the same, an event later.
    TwoAtOnce,
}

/// What a companion's name has behind its stream's: no name that a file is likely to have.
const COMPANION: &str = " (companion)";

/// The stream whose companion has this name; a stream of the file is its own.
pub(super) fn original(name: &str) -> &str {
    name.strip_suffix(COMPANION).unwrap_or(name)
}

impl Twist {
    /// `events` with the twist in them, without expectations.
    pub(super) fn apply(self, events: &[Event]) -> Vec<Event> {
        let events = events.iter().filter(|event| !is_expectation(event));
        let mut twisted = Vec::new();
        match self {
            Self::Trailers { request, response } => {
                for event in events {
                    let from = match sender(&event.action) {
                        Some((_, from)) => from,
                        None => {
                            twisted.push(event.clone());
                            continue;
                        }
                    };
                    let wanted = match from {
                        Peer::Client => request,
                        Peer::Upstream => response,
                    };
                    push_with_trailers(&mut twisted, event, wanted);
                }
            }
            Self::Reset { by, after } => {
                let mut latest = None;
                for (index, event) in events.enumerate() {
                    twisted.push(event.clone());
                    if let Some((stream, _)) = sender(&event.action) {
                        latest = Some(stream.to_owned());
                    }
                    if index + 1 == after
                        && let Some(stream) = &latest
                    {
                        let stream = stream.clone();
                        twisted.push(Event {
                            line: event.line,
                            action: Action::Reset { stream, by },
                        });
                    }
                }
            }
            Self::EarlyAnswer { after, whole } => {
                let all: Vec<&Event> = events.collect();
                for (index, event) in all.iter().enumerate() {
                    twisted.push((*event).clone());
                    if index + 1 == after
                        && let Some((stream, _)) = sender(&event.action)
                    {
                        // Where the request has not reached the upstream yet, these change
                        // nothing, and the response comes at its own time.
                        let response = all.iter().skip(after).filter(|later| {
                            sender(&later.action) == Some((stream, Peer::Upstream))
                                && !matches!(later.action, Action::Reset { .. })
                                && (whole || matches!(later.action, Action::Answer { .. }))
                        });
                        twisted.extend(response.map(|event| (*event).clone()));
                    }
                }
            }
            Self::TwoAtOnce => {
                for event in events {
                    twisted.push(event.clone());
                    let mut again = event.clone();
                    if let Some(stream) = stream_mut(&mut again.action) {
                        stream.push_str(COMPANION);
                        twisted.push(again);
                    } else if let Action::Callout { .. }
                    | Action::Grpc { .. }
                    | Action::Lookup { .. } = &event.action
                    {
                        twisted.push(again);
                    }
                }
            }
        }
        twisted
    }
}

pub(super) fn is_expectation(event: &Event) -> bool {
    matches!(event.action, Action::Expect { .. })
}

/// The stream an event is about, and whose event it is.
pub(super) fn sender(action: &Action) -> Option<(&str, Peer)> {
    match action {
        Action::Open { stream, .. } | Action::Connect { stream, .. } => {
            Some((stream, Peer::Client))
        }
        Action::Answer { stream, .. } => Some((stream, Peer::Upstream)),
        Action::Body { stream, from, .. }
        | Action::Data { stream, from, .. }
        | Action::Metadata { stream, from, .. }
        | Action::Trailers { stream, from, .. } => Some((stream, *from)),
        Action::Reset { stream, by } => Some((stream, *by)),
        Action::Advance(_)
        | Action::Callout { .. }
        | Action::Grpc { .. }
        | Action::Lookup { .. }
        | Action::Expect { .. } => None,
    }
}

fn stream_mut(action: &mut Action) -> Option<&mut String> {
    match action {
        Action::Open { stream, .. }
        | Action::Answer { stream, .. }
        | Action::Connect { stream, .. }
        | Action::Body { stream, .. }
        | Action::Data { stream, .. }
        | Action::Metadata { stream, .. }
        | Action::Trailers { stream, .. }
        | Action::Reset { stream, .. } => Some(stream),
        Action::Advance(_)
        | Action::Callout { .. }
        | Action::Grpc { .. }
        | Action::Lookup { .. }
        | Action::Expect { .. } => None,
    }
}

/// The last piece of a body no longer ends the message; trailers do.
fn push_with_trailers(events: &mut Vec<Event>, event: &Event, wanted: bool) {
    let mut event = event.clone();
    let mut trailers = None;
    if let Action::Body {
        stream, from, end, ..
    } = &mut event.action
        && wanted
        && *end
    {
        *end = false;
        trailers = Some(Event {
            line: event.line,
            action: Action::Trailers {
                stream: stream.clone(),
                from: *from,
                trailers: Headers::from([("x-trailer", "added")]),
            },
        });
    }
    events.push(event);
    events.extend(trailers);
}
