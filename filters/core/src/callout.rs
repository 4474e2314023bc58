//! Calls of other services, which the host makes: what is asked, and what comes back.

/// A request to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callout {
    /// Envoy's cluster of the service.
    pub cluster: String,
    /// Pseudo-headers first: `:method`, `:path` and `:authority` have to be there.
    pub headers: Vec<(&'static str, String)>,
    /// Body; empty where there is none.
    pub body: Vec<u8>,
    /// After so many milliseconds there is no answer.
    pub timeout_milliseconds: u32,
    /// Bytes that its answer may have; of a longer one there is no answer.
    pub most: usize,
}

/// Bytes that the answer to a call may have that no request waits for.
pub const MOST_UNAWAITED: usize = 1024;

/// What a service answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status; what the host answers for a service that it cannot reach or that takes too
    /// long is 503 and 504.
    pub status: u16,
    /// Its whole body.
    pub body: Vec<u8>,
}

/// What a request waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The answer to this call.
    Answer(Box<Callout>),
    /// Its turn, which comes by [`Effect::Wake`](crate::effect::Effect::Wake) with this place.
    Turn(Place),
}

/// What has come for a request that waited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The answer to its call.
    Answer(Answer),
    /// None will come: the call could not be made, or broke off.
    NoAnswer,
    /// It has more bytes than it may.
    TooLarge,
    /// Its turn.
    Turn(Turn),
}

/// What a request that waited for its turn is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Look again: what it waited for may be there.
    Again,
    /// Not to wait any longer.
    Alone,
}

/// A place in a worker's queues. The stage that gives them gives none twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(pub u64);
