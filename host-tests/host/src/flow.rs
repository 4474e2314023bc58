//! One direction of a stream as Envoy's filter manager keeps it for one filter.

use std::collections::BTreeMap;

use crate::costs::Costs;
use crate::headers::Headers;
use crate::inline_headers::MapKind;
use crate::message::{FilterState, LocalReply, Metadata, Received, StreamEnd};

/// A direction of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Request,
    Response,
}

impl Side {
    pub fn headers(self) -> MapKind {
        match self {
            Self::Request => MapKind::RequestHeaders,
            Self::Response => MapKind::ResponseHeaders,
        }
    }

    pub fn trailers(self) -> MapKind {
        match self {
            Self::Request => MapKind::RequestTrailers,
            Self::Response => MapKind::ResponseTrailers,
        }
    }
}

/// How far the filter stopped iteration (Envoy's `IterationState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// Everything goes on.
    Free,
    /// `StopIteration`: what came is held; later callbacks are made.
    Single,
    /// `StopAllIterationAndBuffer` (bounded) or `…AndWatermark`: no callbacks until resumed.
    All { bounded: bool },
}

/// What Envoy holds, shows to the guest, and has sent on, in one direction.
#[derive(Debug)]
pub(crate) struct Flow {
    /// The map itself; the log phase reads it after the stream.
    pub headers: Headers,
    /// True once the headers have arrived.
    pub started: bool,
    /// Body bytes that arrived, whatever became of them.
    pub received_bytes: u64,
    /// True while the guest may read and edit the headers (Envoy's `request_headers_`).
    pub headers_visible: bool,
    pub headers_forwarded: bool,
    /// They arrived with all that Envoy requires; a test may leave it out.
    pub headers_whole: bool,
    /// The headers were the whole message.
    pub headers_only: bool,
    pub trailers: Option<Headers>,
    pub trailers_visible: bool,
    /// METADATA whose callback waits for the headers to go on.
    pub metadata: Vec<Metadata>,
    /// METADATA that the filter has seen and that waits for the headers to be sent.
    pub seen_metadata: Vec<Metadata>,
    /// The filter manager's buffer.
    pub held: Vec<u8>,
    /// The last body callback returned Pause: the guest sees `held` (`buffering_request_body_`).
    pub buffering: bool,
    /// The bytes of the body callback now running.
    pub chunk: Option<Vec<u8>>,
    /// The callback asked to continue: its own bytes are out of its reach since.
    pub chunk_forgotten: bool,
    /// `end_of_stream` of the body callback now running.
    pub chunk_ends_stream: bool,
    pub hold: Hold,
    /// The sender's end has been seen.
    pub complete: bool,
    /// The sender has sent everything, seen or not.
    pub sent: bool,
    /// What the receiver got.
    pub out: Received,
}

impl Default for Flow {
    fn default() -> Self {
        Self {
            headers: Headers::new(),
            started: false,
            received_bytes: 0,
            headers_visible: false,
            headers_forwarded: false,
            headers_whole: false,
            headers_only: false,
            trailers: None,
            trailers_visible: false,
            metadata: Vec::new(),
            seen_metadata: Vec::new(),
            held: Vec::new(),
            buffering: false,
            chunk: None,
            chunk_forgotten: false,
            chunk_ends_stream: false,
            hold: Hold::Free,
            complete: false,
            sent: false,
            out: Received::default(),
        }
    }
}

impl Flow {
    /// The body as the guest may see it now.
    pub fn visible_body(&self) -> Option<&Vec<u8>> {
        if self.buffering {
            Some(&self.held)
        } else {
            self.chunk.as_ref().filter(|_| !self.chunk_forgotten)
        }
    }

    pub fn visible_body_mut(&mut self) -> Option<&mut Vec<u8>> {
        if self.buffering {
            Some(&mut self.held)
        } else {
            self.chunk.as_mut().filter(|_| !self.chunk_forgotten)
        }
    }

    /// The trailers the guest may edit now. In the last body callback Envoy adds an empty
    /// map when the guest asks for it.
    pub fn trailers_mut(&mut self) -> Option<&mut Headers> {
        if self.trailers_visible {
            return self.trailers.as_mut();
        }
        if self.chunk.is_some() && !self.chunk_forgotten && self.chunk_ends_stream {
            self.trailers_visible = true;
            return Some(self.trailers.get_or_insert_default());
        }
        None
    }

    pub fn forward_headers(&mut self, end: bool) {
        if !self.headers_forwarded {
            self.headers_forwarded = true;
            self.out.headers = Some(self.headers.clone());
            self.out.metadata.append(&mut self.seen_metadata);
            self.out.complete |= end;
        }
    }

    /// METADATA overtakes a held body, but not held headers.
    pub fn forward_metadata(&mut self, metadata: Metadata) {
        match self.headers_forwarded {
            true => self.out.metadata.push(metadata),
            false => self.seen_metadata.push(metadata),
        }
    }

    pub fn forward_body(&mut self, bytes: &[u8], end: bool) {
        if !bytes.is_empty() {
            self.out.body.extend_from_slice(bytes);
            self.out.chunks.push(bytes.len());
        }
        self.out.complete |= end;
    }

    /// Sends on everything held, in order, and the end when it has come.
    pub fn forward_all(&mut self) {
        let end = self.complete && self.trailers.is_none();
        self.hold = Hold::Free;
        self.forward_headers(end && self.held.is_empty());
        let held = std::mem::take(&mut self.held);
        self.forward_body(&held, end);
        self.forward_trailers();
    }

    pub fn forward_trailers(&mut self) {
        if self.complete && self.trailers.is_some() {
            self.out.trailers = self.trailers.clone();
            self.out.complete = true;
        }
    }
}

/// A response without a body, whatever length it states (RFC 9110, section 6.4.1).
fn is_bodiless(response: &Received) -> bool {
    matches!(response.status(), Some(100..=199 | 204 | 304))
}

/// How a peer cuts its messages into events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// The end comes alone, behind the data: `body(5, false)`, `body(0, true)`.
    #[default]
    Http1,
    /// The last data carry the end: `body(5, true)`.
    Http2,
}

/// What is particular to one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamOptions {
    /// How the client's request arrives.
    pub client: Protocol,
    /// How the upstream's response arrives.
    pub upstream: Protocol,
    /// Properties that Envoy would know, already in their wire form, by path joined with
    /// `.` (`route_name`, `source.address`). They come before the host's own.
    pub properties: BTreeMap<String, Vec<u8>>,
}

/// A stream, its filter context included.
#[derive(Debug, Default)]
pub(crate) struct StreamState {
    pub options: StreamOptions,
    /// When its headers came, in nanoseconds since 1970.
    pub started_ns: u64,
    pub request: Flow,
    pub response: Flow,
    /// `proxy_on_context_create` was called.
    pub created: bool,
    /// The client's method was HEAD, whatever the filter made of it.
    pub head: bool,
    /// The client's request was a gRPC call, likewise.
    pub grpc: bool,
    /// The VM was dead when the stream began, and the policy is to go on without it.
    pub bypasses: bool,
    /// `proxy_on_log` is running.
    pub logging: bool,
    /// `proxy_on_delete` has been called, or never will be.
    pub deleted: bool,
    pub local_reply: Option<LocalReply>,
    pub details: Option<String>,
    /// As in [`crate::response_flags`].
    pub flags: u64,
    pub end: Option<StreamEnd>,
    /// Set by `proxy_set_property`.
    pub properties: BTreeMap<Vec<u8>, Vec<u8>>,
    pub filter_state: BTreeMap<String, FilterState>,
    pub costs: Costs,
    /// Events that could not happen any more, and why.
    pub ignored: Vec<String>,
}

impl StreamState {
    /// Whether the upstream has the whole request and has sent its whole response.
    pub fn exchanged(&self) -> bool {
        let has_request = self.received(Side::Request).complete;
        has_request && (self.response.complete || self.response.sent)
    }

    /// What the receiver of that side makes of what Envoy sent. Over HTTP/1 it goes by the
    /// `content-length`, which Envoy leaves as the filter does.
    pub fn received(&self, side: Side) -> Received {
        let mut received = self.flow(side).out.clone();
        let (protocol, without_body) = match side {
            Side::Request => (self.options.upstream, false),
            Side::Response => (self.options.client, self.head),
        };
        let headers = received.headers.as_ref();
        let length = headers.and_then(|headers| headers.get("content-length")?.parse().ok());
        let Some(length) = length.filter(|_| protocol == Protocol::Http1) else {
            return received;
        };
        // Trailers come behind chunks only.
        received.trailers = None;
        match received.body.len() {
            sent if sent < length => received.complete &= without_body || is_bodiless(&received),
            sent if sent > length => received.excess = received.body.split_off(length),
            _ => {}
        }
        received
    }

    pub fn flow(&self, side: Side) -> &Flow {
        match side {
            Side::Request => &self.request,
            Side::Response => &self.response,
        }
    }

    pub fn flow_mut(&mut self, side: Side) -> &mut Flow {
        match side {
            Side::Request => &mut self.request,
            Side::Response => &mut self.response,
        }
    }
}
