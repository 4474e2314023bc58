//! A stream as its two peers drive it, and everything that came out of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::costs::Costs;
use crate::flow::{Protocol, Side, StreamState};
use crate::guest::{Guest, lock_guest};
use crate::headers::Headers;
use crate::message::{FilterState, LocalReply, Metadata, Received, StreamEnd, dotted};

/// The largest DATA frame a peer may send without asking first, in bytes (RFC 9113, section
/// 4.2).
const HTTP2_FRAME: usize = 16 << 10;

/// One HTTP stream through the filter.
///
/// The request methods play the client, the response methods the upstream. An event that
/// a real peer could not deliver any more (the stream is over, the request never reached
/// the upstream) changes nothing and is listed by [`Stream::ignored`].
pub struct Stream {
    guest: Arc<Mutex<Guest>>,
    /// Which of the worker's VMs, if it was started anew.
    generation: u32,
    id: u32,
}

impl Stream {
    pub(crate) fn new(guest: Arc<Mutex<Guest>>, generation: u32, id: u32) -> Self {
        Self {
            guest,
            generation,
            id,
        }
    }

    /// The number of the stream's context in the guest; another one after the request's
    /// headers if the VM had to be started anew for it.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The client sends headers; `end` when that is all.
    pub fn request_headers(&mut self, headers: impl Into<Headers>, end: bool) -> &mut Self {
        (self.generation, self.id) = lock_guest(&self.guest).place(self.generation, self.id);
        self.headers(Side::Request, headers.into(), end)
    }

    /// The client sends body bytes; `end` when they are the last and no trailers follow.
    pub fn request_body(&mut self, bytes: impl AsRef<[u8]>, end: bool) -> &mut Self {
        self.body(Side::Request, bytes.as_ref(), end)
    }

    /// The client sends trailers, and with them the end.
    pub fn request_trailers(&mut self, trailers: impl Into<Headers>) -> &mut Self {
        self.trailers(Side::Request, trailers.into())
    }

    /// The upstream sends headers; `end` when that is all.
    pub fn response_headers(&mut self, headers: impl Into<Headers>, end: bool) -> &mut Self {
        self.headers(Side::Response, headers.into(), end)
    }

    /// The upstream sends body bytes; `end` when they are the last and no trailers follow.
    pub fn response_body(&mut self, bytes: impl AsRef<[u8]>, end: bool) -> &mut Self {
        self.body(Side::Response, bytes.as_ref(), end)
    }

    /// The upstream sends trailers, and with them the end.
    pub fn response_trailers(&mut self, trailers: impl Into<Headers>) -> &mut Self {
        self.trailers(Side::Response, trailers.into())
    }

    /// The client sends an HTTP/2 METADATA frame; of repeated keys the first counts. Assumes
    /// Envoy's `allow_metadata: true`: without it Envoy drops the frame.
    pub fn request_metadata<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> &mut Self {
        self.metadata(Side::Request, pairs)
    }

    /// The upstream sends an HTTP/2 METADATA frame; as [`Stream::request_metadata`]. One that
    /// comes before the response's headers is shown to the filter behind them.
    pub fn response_metadata<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> &mut Self {
        self.metadata(Side::Response, pairs)
    }

    /// A whole request: headers and, unless it is empty, a body in one piece.
    pub fn request(&mut self, headers: impl Into<Headers>, body: impl AsRef<[u8]>) -> &mut Self {
        let body = body.as_ref();
        self.request_headers(headers, body.is_empty());
        if body.is_empty() {
            self
        } else {
            self.request_body(body, true)
        }
    }

    /// A whole response: headers and, unless it is empty, a body in one piece.
    pub fn response(&mut self, headers: impl Into<Headers>, body: impl AsRef<[u8]>) -> &mut Self {
        let body = body.as_ref();
        self.response_headers(headers, body.is_empty());
        if body.is_empty() {
            self
        } else {
            self.response_body(body, true)
        }
    }

    /// The client goes away.
    pub fn reset_by_client(&mut self) -> &mut Self {
        self.event(
            "client reset",
            |state| state.request.started,
            |guest, id| {
                guest.reset(id, Side::Request);
            },
        )
    }

    /// The upstream breaks off; before a response has begun, Envoy answers 503 itself.
    pub fn reset_by_upstream(&mut self) -> &mut Self {
        let possible = |state: &StreamState| {
            state.request.headers_forwarded
                && state.local_reply.is_none()
                && !state.response.complete
        };
        self.event("upstream reset", possible, |guest, id| {
            guest.reset(id, Side::Response)
        })
    }

    /// What the upstream has received.
    pub fn upstream(&self) -> Received {
        self.inspect(|state| state.received(Side::Request))
    }

    /// What the client has received.
    pub fn client(&self) -> Received {
        self.inspect(|state| state.received(Side::Response))
    }

    /// The response that the filter or Envoy made itself, if it did.
    pub fn local_reply(&self) -> Option<LocalReply> {
        self.inspect(|state| state.local_reply.clone())
    }

    /// How the stream ended; `None` while it goes on.
    pub fn end(&self) -> Option<StreamEnd> {
        self.inspect(|state| state.end)
    }

    /// Envoy's response code details, once there are any.
    pub fn details(&self) -> Option<String> {
        self.inspect(|state| state.details.clone())
    }

    /// A property the filter set; path segments joined with NUL, as it gave them.
    pub fn property(&self, path: &str) -> Option<Vec<u8>> {
        self.inspect(|state| state.properties.get(path.as_bytes()).cloned())
    }

    /// All properties the filter set, by path with its segments joined by `.`.
    pub fn properties(&self) -> BTreeMap<String, Vec<u8>> {
        self.inspect(|state| dotted(&state.properties))
    }

    /// Filter state that the filter set by `set_envoy_filter_state`, by key.
    pub fn filter_state(&self) -> BTreeMap<String, FilterState> {
        self.inspect(|state| state.filter_state.clone())
    }

    /// What the stream's own callbacks cost so far. Callbacks on the root context (ticks,
    /// callout answers) count for the worker only.
    pub fn costs(&self) -> Costs {
        self.inspect(|state| state.costs)
    }

    /// Events that changed nothing because they could not happen any more, with the reason.
    pub fn ignored(&self) -> Vec<String> {
        self.inspect(|state| state.ignored.clone())
    }

    /// Whether the request's method is HEAD, so that no answer has a body.
    pub(crate) fn is_head(&self) -> bool {
        self.inspect(|state| state.head)
    }

    fn headers(&mut self, side: Side, headers: Headers, end: bool) -> &mut Self {
        let name = match side {
            Side::Request => "request headers",
            Side::Response => "response headers",
        };
        let possible = move |state: &StreamState| match side {
            Side::Request => !state.request.started,
            Side::Response => state.request.headers_forwarded && !state.response.started,
        };
        self.event(name, possible, |guest, id| {
            if let Some(state) = guest.stream(id) {
                match side {
                    Side::Request => {
                        state.head = headers.value(":method") == Some(b"HEAD");
                        state.grpc = is_grpc(&headers);
                    }
                    Side::Response => state.details = Some("via_upstream".to_owned()),
                }
            }
            guest.headers(id, side, headers, end)
        })
    }

    fn body(&mut self, side: Side, bytes: &[u8], end: bool) -> &mut Self {
        let name = match side {
            Side::Request => "request body",
            Side::Response => "response body",
        };
        self.event(name, in_message(side), |guest, id| {
            if let Some(flow) = guest.flow(id, side) {
                flow.sent |= end;
            }
            let options = guest.vm().streams.get(&id).map(|state| &state.options);
            let protocol = options.map_or(Protocol::Http1, |options| match side {
                Side::Request => options.client,
                Side::Response => options.upstream,
            });
            let end_alone = end && (protocol == Protocol::Http1 || bytes.is_empty());
            let piece = match protocol {
                Protocol::Http1 => bytes.len().max(1),
                Protocol::Http2 => HTTP2_FRAME,
            };
            let mut pieces = bytes.chunks(piece).peekable();
            while let Some(bytes) = pieces.next() {
                let last = end && !end_alone && pieces.peek().is_none();
                guest.data(id, side, bytes.to_vec(), last);
            }
            if end_alone {
                guest.data(id, side, Vec::new(), true);
            }
        })
    }

    fn trailers(&mut self, side: Side, trailers: Headers) -> &mut Self {
        let name = match side {
            Side::Request => "request trailers",
            Side::Response => "response trailers",
        };
        self.event(name, in_message(side), |guest, id| {
            guest.trailers(id, side, trailers)
        })
    }

    fn metadata<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        side: Side,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> &mut Self {
        let mut metadata = Metadata::new();
        for (key, value) in pairs {
            let entry = metadata.entry(key.as_ref().to_vec());
            entry.or_insert_with(|| value.as_ref().to_vec());
        }
        let (name, begun): (_, fn(&StreamState) -> bool) = match side {
            Side::Request => ("request METADATA", |state| state.request.started),
            Side::Response => ("response METADATA", |state| state.request.headers_forwarded),
        };
        let possible = move |state: &StreamState| {
            let protocol = match side {
                Side::Request => state.options.client,
                Side::Response => state.options.upstream,
            };
            protocol == Protocol::Http2 && begun(state) && !state.flow(side).complete
        };
        self.event(name, possible, |guest, id| {
            // Envoy makes nothing of an empty frame.
            if !metadata.is_empty() {
                guest.metadata(id, side, metadata);
            }
        })
    }

    fn event(
        &mut self,
        name: &str,
        possible: impl FnOnce(&StreamState) -> bool,
        deliver: impl FnOnce(&mut Guest, u32),
    ) -> &mut Self {
        let mut current = lock_guest(&self.guest);
        let Some(guest) = current.of_generation(self.generation) else {
            drop(current);
            return self;
        };
        if let Some(state) = guest.vm_mut().streams.get_mut(&self.id) {
            let reason = match (state.end, &state.local_reply) {
                (Some(end), _) => Some(format!("the stream is over ({end:?})")),
                (None, Some(_)) if name != "client reset" => {
                    Some("a local reply took the upstream's place".to_owned())
                }
                _ if possible(state) => None,
                _ => Some("it does not follow from what came before".to_owned()),
            };
            if let Some(reason) = reason {
                state.ignored.push(format!("{name}: {reason}"));
            } else {
                deliver(guest, self.id);
                guest.settle();
            }
        }
        drop(current);
        self
    }

    fn inspect<R: Default>(&self, look: impl FnOnce(&StreamState) -> R) -> R {
        let mut current = lock_guest(&self.guest);
        let guest = current.of_generation(self.generation);
        let state = guest.and_then(|guest| guest.vm().streams.get(&self.id));
        state.map(look).unwrap_or_default()
    }
}

/// Envoy's `Grpc::Common::isGrpcRequestHeaders`.
fn is_grpc(headers: &Headers) -> bool {
    let kind = headers.get("content-type").unwrap_or_default();
    let rest = kind.strip_prefix("application/grpc");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('+'))
}

/// True between a message's headers and its end.
fn in_message(side: Side) -> impl Fn(&StreamState) -> bool {
    move |state| {
        let flow = state.flow(side);
        flow.started && !flow.complete
    }
}

/// A stream's record goes with its handle, once the guest has deleted its context.
impl Drop for Stream {
    fn drop(&mut self) {
        let mut current = lock_guest(&self.guest);
        let Some(guest) = current.of_generation(self.generation) else {
            return;
        };
        let streams = &mut guest.vm_mut().streams;
        if streams
            .get(&self.id)
            .is_some_and(|state| state.end.is_some() || !state.request.started)
        {
            streams.remove(&self.id);
        }
    }
}
