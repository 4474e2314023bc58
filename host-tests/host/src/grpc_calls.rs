//! gRPC calls and streams of a guest: what is pending, and how answers reach it.
//!
//! Follows Envoy's `wasm/context.cc` and `grpc/async_client_impl.cc`. A call answers its
//! guest once: with the message or with a status. A stream tells it everything.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::guest::Guest;
use crate::headers::Headers;
use crate::inline_headers::MapKind;
use crate::scenario::presented::SERVICE_TIME;
use crate::vm::{Deferred, ROOT, Vm};

/// The low two bits of a callout's number say its kind; 0 is HTTP.
pub(crate) const KIND_STEP: u32 = 4;
const CALL: u32 = 1;
const STREAM: u32 = 2;

pub(crate) const OK: u32 = 0;
pub(crate) const INTERNAL: u32 = 13;
pub(crate) const UNAVAILABLE: u32 = 14;

/// One call, or a stream of messages both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrpcKind {
    /// `proxy_grpc_call`: one message each way.
    Call,
    /// `proxy_grpc_stream`.
    Stream,
}

/// A gRPC call or stream that the filter began and nobody has closed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrpcCall {
    /// The number the guest knows it by: 5, 9… for calls, 6, 10… for streams.
    pub id: u32,
    /// Call or stream.
    pub kind: GrpcKind,
    /// The upstream cluster, or the target URI of a `google_grpc` service.
    pub service: String,
    /// The full name of the gRPC service, as in `package.Service`.
    pub service_name: String,
    /// The method.
    pub method_name: String,
    /// Metadata of the request, that of the serialized `GrpcService` in front; Envoy adds
    /// `te`, `content-type` and `grpc-timeout`.
    pub initial_metadata: Headers,
    /// The messages sent so far, without their five bytes of framing.
    pub messages: Vec<Vec<u8>>,
    /// When to give up; `None` is never, which holds for every stream.
    pub timeout: Option<Duration>,
    /// The guest sends no more messages.
    pub half_closed: bool,
}

/// What the other end of a [`GrpcCall`] does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrpcEvent {
    /// Response headers, all of them: a guest reads `:status` and `content-type` too.
    InitialMetadata(Headers),
    /// A message, without framing; in front of the first one, plain headers if none were
    /// sent. The answer of a call is its last message, seen by the guest when the call ends.
    Message(Vec<u8>),
    /// The end. The trailing metadata a guest reads have `grpc-status` and, unless it is
    /// empty, `grpc-message` in front of what stands here.
    End {
        /// `grpc-status`: 0 is success.
        status: u32,
        /// `grpc-message`, which the guest reads with `{via_upstream}` behind.
        message: String,
        /// Further trailing metadata.
        trailing_metadata: Headers,
    },
    /// The service resets the HTTP/2 stream.
    Reset,
}

impl GrpcEvent {
    /// An end without further trailing metadata.
    pub fn end(status: u32, message: impl Into<String>) -> Self {
        Self::End {
            status,
            message: message.into(),
            trailing_metadata: Headers::new(),
        }
    }
}

/// A call or stream as Envoy's context keeps it.
#[derive(Debug)]
pub(crate) struct Pending {
    pub call: GrpcCall,
    /// Its place among calls and streams together, by when they began.
    pub order: u32,
    /// Nanoseconds since 1970.
    pub deadline_ns: Option<u64>,
    /// Response headers came.
    began: bool,
    /// The answer of a call, until it ends.
    answer: Option<Vec<u8>>,
    /// The guest called `proxy_grpc_close`.
    pub local_closed: bool,
    /// The other end is done; a stream stays until the guest closes it.
    pub remote_closed: bool,
}

/// What the gRPC callback now running may read.
#[derive(Debug, Default)]
pub(crate) struct Visible {
    pub message: Option<Vec<u8>>,
    pub initial_metadata: Option<Headers>,
    pub trailing_metadata: Option<Headers>,
}

/// The calls and streams of one VM.
#[derive(Debug, Default)]
pub(crate) struct GrpcCalls {
    pub pending: BTreeMap<u32, Pending>,
    last: [u32; 2],
    begun: u32,
    pub visible: Visible,
}

/// The kind that a number stands for, if it is one of gRPC's.
pub(crate) fn kind_of(id: u32) -> Option<GrpcKind> {
    match id % KIND_STEP {
        CALL => Some(GrpcKind::Call),
        STREAM => Some(GrpcKind::Stream),
        _ => None,
    }
}

impl GrpcCalls {
    /// The next number of its kind. Envoy uses one up even if the call then fails at once.
    pub fn next_id(&mut self, kind: GrpcKind) -> u32 {
        let (last, bits) = match kind {
            GrpcKind::Call => (&mut self.last[0], CALL),
            GrpcKind::Stream => (&mut self.last[1], STREAM),
        };
        *last += KIND_STEP;
        *last + bits
    }

    pub fn begin(&mut self, call: GrpcCall, now_ns: u64) {
        let timeout_ns = call.timeout.map(|timeout| timeout.as_nanos() as u64);
        self.begun += 1;
        let pending = Pending {
            order: self.begun,
            deadline_ns: timeout_ns.map(|timeout| now_ns + timeout),
            began: false,
            answer: None,
            local_closed: false,
            remote_closed: false,
            call,
        };
        self.pending.insert(pending.call.id, pending);
    }

    /// When the first call times out, nanoseconds since 1970, and its number.
    pub fn next_timeout(&self) -> Option<(u64, u32)> {
        let open = self.pending.iter();
        open.filter_map(|(id, pending)| Some((pending.deadline_ns?, *id)))
            .min()
    }
}

impl Guest {
    /// The other end of `id` acts. False when there is nothing open under that number, or
    /// the guest has closed it in a way that nothing more can arrive.
    pub fn grpc_event(&mut self, id: u32, event: GrpcEvent) -> bool {
        let pending = self.vm_mut().grpc.pending.get_mut(&id);
        let Some(pending) = pending.filter(|pending| !pending.remote_closed) else {
            return false;
        };
        let is_stream = pending.call.kind == GrpcKind::Stream;
        match event {
            GrpcEvent::InitialMetadata(metadata) => {
                if std::mem::replace(&mut pending.began, true) {
                    return false;
                }
                if is_stream {
                    self.initial_metadata(id, metadata);
                }
            }
            GrpcEvent::Message(message) => {
                let began = std::mem::replace(&mut pending.began, true);
                if !is_stream {
                    pending.answer = Some(message);
                } else {
                    if !began {
                        self.initial_metadata(id, plain_response());
                    }
                    self.message(id, message);
                }
            }
            GrpcEvent::End {
                status,
                message,
                trailing_metadata,
            } => self.end_grpc(id, status, &message, trailing_metadata),
            GrpcEvent::Reset if pending.began => {
                let details = "upstream_reset_after_response_started{remote_reset}";
                self.break_off(id, details);
            }
            GrpcEvent::Reset => {
                let text = "upstream connect error or disconnect/reset before headers. \
                            reset reason: remote reset";
                let details = "{upstream_reset_before_response_started{remote_reset}}";
                self.refuse(id, text, details);
            }
        }
        self.settle();
        true
    }

    /// A call's time is over. A service that has sent headers and no end counts as broken.
    pub fn time_out_grpc(&mut self, id: u32) {
        match self.vm().grpc.pending.get(&id) {
            Some(pending) if pending.began => self.break_off(id, "response_timeout"),
            _ => self.refuse(id, "upstream request timeout", "{response_timeout}"),
        }
        self.settle();
    }

    fn end_grpc(&mut self, id: u32, status: u32, message: &str, further: Headers) {
        let Some(pending) = self.vm_mut().grpc.pending.get_mut(&id) else {
            return;
        };
        let is_stream = pending.call.kind == GrpcKind::Stream;
        let half_closed = pending.call.half_closed;
        let answer = pending.answer.take();
        let began = std::mem::replace(&mut pending.began, true);
        if !is_stream && status == OK {
            return match answer {
                Some(answer) => self.message(id, answer),
                // Success without a message: Envoy's unary client takes it for a fault.
                None => self.close_grpc(id, INTERNAL, String::new()),
            };
        }
        if is_stream {
            let mut trailing = Headers::new();
            if !began {
                // Trailers alone are one block of headers; Envoy shows them as trailing.
                trailing = plain_response();
                self.initial_metadata(id, Headers::new());
            }
            trailing.add("grpc-status", status.to_string());
            if !message.is_empty() {
                trailing.add("grpc-message", message);
            }
            for (name, value) in further.iter() {
                trailing.add(name, value);
            }
            if !began && half_closed {
                trailing.add(SERVICE_TIME, "0");
            }
            self.trailing_metadata(id, trailing);
            if !self.is_open(id) {
                return;
            }
        }
        let message = match message {
            "" => "via_upstream".to_owned(),
            message => format!("{message}{{via_upstream}}"),
        };
        self.close_grpc(id, status, message);
    }

    /// Envoy answers in the service's place, before the service began.
    fn refuse(&mut self, id: u32, text: &str, details: &str) {
        if kind_of(id) == Some(GrpcKind::Stream) {
            self.initial_metadata(id, Headers::new());
            self.trailing_metadata(id, unavailable(text));
        }
        if !self.is_open(id) {
            return;
        }
        self.close_grpc(id, UNAVAILABLE, format!("{text}{details}"));
    }

    /// The response stops in the middle.
    fn break_off(&mut self, id: u32, details: &str) {
        if kind_of(id) == Some(GrpcKind::Stream) {
            self.trailing_metadata(id, Headers::new());
        }
        if !self.is_open(id) {
            return;
        }
        self.close_grpc(id, INTERNAL, details.to_owned());
    }

    /// The steps of a stream's event: one that its guest cancels in a callback has no more.
    fn is_open(&self, id: u32) -> bool {
        self.vm().grpc.pending.contains_key(&id)
    }

    fn initial_metadata(&mut self, id: u32, metadata: Headers) {
        let metadata = metadata.in_map(MapKind::ResponseHeaders);
        let count = metadata.len() as u32;
        self.vm_mut().grpc.visible.initial_metadata = Some(metadata);
        let exports = self.exports.clone();
        let function = exports.grpc_receive_initial_metadata.as_ref();
        let name = "proxy_on_grpc_receive_initial_metadata";
        self.call(name, ROOT, function, (ROOT, id, count), &[ROOT, id, count]);
        self.vm_mut().grpc.visible.initial_metadata = None;
        self.run_deferred();
    }

    fn message(&mut self, id: u32, message: Vec<u8>) {
        if !self.is_open(id) {
            return;
        }
        let size = message.len() as u32;
        self.vm_mut().grpc.visible.message = Some(message);
        let exports = self.exports.clone();
        let function = exports.grpc_receive.as_ref();
        let name = "proxy_on_grpc_receive";
        self.call(name, ROOT, function, (ROOT, id, size), &[ROOT, id, size]);
        let grpc = &mut self.vm_mut().grpc;
        grpc.visible.message = None;
        if kind_of(id) == Some(GrpcKind::Call) {
            grpc.pending.remove(&id);
        }
        self.run_deferred();
    }

    fn trailing_metadata(&mut self, id: u32, metadata: Headers) {
        if !self.is_open(id) {
            return;
        }
        let metadata = metadata.in_map(MapKind::ResponseTrailers);
        let count = metadata.len() as u32;
        self.vm_mut().grpc.visible.trailing_metadata = Some(metadata);
        let exports = self.exports.clone();
        let function = exports.grpc_receive_trailing_metadata.as_ref();
        let name = "proxy_on_grpc_receive_trailing_metadata";
        self.call(name, ROOT, function, (ROOT, id, count), &[ROOT, id, count]);
        self.vm_mut().grpc.visible.trailing_metadata = None;
        self.run_deferred();
    }

    /// `proxy_on_grpc_close`. The guest may still name the call inside it; behind it a call
    /// is gone, and a stream once the guest has closed its side too (seen on Envoy 1.40).
    ///
    /// What it deferred is the caller's to run: closes that bring about closes must not nest.
    pub fn close_grpc(&mut self, id: u32, status: u32, message: String) {
        let vm = self.vm_mut();
        if let Some(pending) = vm.grpc.pending.get_mut(&id) {
            pending.remote_closed = true;
        }
        vm.call_status = (status, message);
        let exports = self.exports.clone();
        let function = exports.grpc_close.as_ref();
        let arguments = (ROOT, id, status);
        let name = "proxy_on_grpc_close";
        self.call(name, ROOT, function, arguments, &[ROOT, id, status]);
        let vm = self.vm_mut();
        vm.call_status.1.clear();
        let gone = kind_of(id) == Some(GrpcKind::Call)
            || vm.grpc.pending.get(&id).is_some_and(|p| p.local_closed);
        if gone {
            vm.grpc.pending.remove(&id);
        }
    }
}

/// The trailing metadata of a reply that Envoy made itself.
pub(crate) fn unavailable(text: &str) -> Headers {
    let mut metadata = plain_response();
    metadata.add("grpc-status", UNAVAILABLE.to_string());
    metadata.add("grpc-message", text);
    metadata
}

fn plain_response() -> Headers {
    Headers::from([(":status", "200"), ("content-type", "application/grpc")])
}

impl Vm {
    /// A call that failed inside the host function that made it: its close waits until the
    /// guest's callback has returned (`Context::onGrpcCloseWrapper`).
    pub fn defer_grpc_close(&mut self, id: u32, message: &str) {
        self.deferred.push_back(Deferred::GrpcClose {
            id,
            status: UNAVAILABLE,
            message: message.to_owned(),
        });
    }
}
