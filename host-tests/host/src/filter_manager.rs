//! Envoy's HTTP filter manager for a chain of one Wasm filter and the router.
//!
//! Follows Envoy's `filter_manager.cc` and `wasm/context.cc`: what a callback returns
//! decides what is held and what goes on; actions asked for inside a callback happen when
//! it has returned.

use crate::error::{Death, GRPC_CLOSES_IN_A_ROW};
use crate::flow::{Flow, Hold, Protocol, Side, StreamOptions, StreamState};
use crate::guest::Guest;
use crate::headers::Headers;
use crate::message::{Metadata, StreamEnd};
use crate::required_headers::missed;
use crate::vm::{Deferred, ROOT};

/// What a body callback may return beyond Continue (cpp-host `FilterDataStatus`).
const STOP_AND_BUFFER: u32 = 1;
const STOP_AND_WATERMARK: u32 = 2;
const STOP_NO_BUFFER: u32 = 3;

/// Envoy's default `initial_stream_window_size`, in bytes.
const HTTP2_STREAM_WINDOW: usize = 16 << 20;

impl Guest {
    /// A new stream; its context is created with its request headers.
    pub fn open(&mut self, options: StreamOptions) -> u32 {
        let id = self.next_context;
        self.next_context += 1;
        let stream = StreamState {
            options,
            ..StreamState::default()
        };
        self.vm_mut().streams.insert(id, stream);
        id
    }

    pub fn stream(&mut self, id: u32) -> Option<&mut StreamState> {
        self.vm_mut().streams.get_mut(&id)
    }

    /// The flow, as long as the stream goes on.
    pub fn flow(&mut self, id: u32, side: Side) -> Option<&mut Flow> {
        let stream = self.stream(id).filter(|stream| stream.end.is_none())?;
        Some(stream.flow_mut(side))
    }

    /// Headers arrive.
    pub fn headers(&mut self, id: u32, side: Side, headers: Headers, end: bool) {
        let headers = headers.in_map(side.headers());
        let now = self.vm().shared.now_ns();
        if let Some(stream) = self.stream(id).filter(|_| side == Side::Request) {
            stream.started_ns = now;
        }
        let Some(flow) = self.flow(id, side) else {
            return;
        };
        let count = headers.len() as u32;
        flow.headers_whole = missed(side, &headers).is_none();
        flow.headers = headers;
        flow.headers_only = end;
        flow.started = true;
        flow.headers_visible = true;
        flow.complete |= end;
        if self.bypasses(id) {
            return self.pass_headers(id, side, end);
        }
        if !self.create_context(id) {
            return self.fail_stream(id);
        }
        let exports = self.exports.clone();
        let (name, function) = match side {
            Side::Request => ("proxy_on_request_headers", &exports.request_headers),
            Side::Response => ("proxy_on_response_headers", &exports.response_headers),
        };
        let arguments = (id, count, u32::from(end));
        let returned = self.call(
            name,
            id,
            function.as_ref(),
            arguments,
            &[id, count, u32::from(end)],
        );
        if self.death.is_some() {
            return self.fail_stream(id);
        }
        let hold = self.headers_hold(returned.unwrap_or(0));
        self.run_deferred();
        if let Some(flow) = self.flow(id, side) {
            flow.hold = hold;
            if hold == Hold::Free {
                flow.headers_visible = false;
                if !self.send_headers(id, side, end) {
                    return self.after_callback(id);
                }
            }
        }
        self.metadata_callbacks(id, side);
        self.after_callback(id);
    }

    /// What a header callback's return means (cpp-host
    /// `convertVmCallResultToFilterHeadersStatus`, then Envoy's).
    fn headers_hold(&self, returned: u32) -> Hold {
        if self.vm().stop_iteration {
            return Hold::All { bounded: false };
        }
        match returned {
            0 | 2 => Hold::Free,
            1 if self.vm().plugin.allow_on_headers_stop_iteration => Hold::Single,
            3 => Hold::All { bounded: true },
            _ => Hold::All { bounded: false },
        }
    }

    fn create_context(&mut self, id: u32) -> bool {
        let Some(stream) = self.stream(id) else {
            return false;
        };
        if !std::mem::replace(&mut stream.created, true) {
            let exports = self.exports.clone();
            let function = exports.context_create.as_ref();
            self.call(
                "proxy_on_context_create",
                id,
                function,
                (id, ROOT),
                &[id, ROOT],
            );
        }
        self.death.is_none()
    }

    /// Body bytes arrive; `end` when they are the last and no trailers follow.
    pub fn data(&mut self, id: u32, side: Side, bytes: Vec<u8>, end: bool) {
        let limit = self.buffer_limit(id);
        let Some(flow) = self.flow(id, side) else {
            return;
        };
        flow.received_bytes += bytes.len() as u64;
        flow.complete |= end;
        if self.bypasses(id) {
            return self.pass_data(id, side, &bytes, end);
        }
        let Some(flow) = self.flow(id, side) else {
            return;
        };
        if let Hold::All { bounded } = flow.hold {
            flow.held.extend(bytes);
            if bounded && flow.held.len() > limit {
                self.too_large(id, side);
                self.after_callback(id);
            }
            return;
        }
        self.data_callback(id, side, bytes, end);
    }

    /// Over HTTP/2 the window of the client's stream is the limit, both ways (Envoy's
    /// `StreamImpl::bufferLimit`), not the connection's.
    fn buffer_limit(&mut self, id: u32) -> usize {
        let client = self.stream(id).map(|stream| stream.options.client);
        match client {
            Some(Protocol::Http2) => HTTP2_STREAM_WINDOW,
            _ => self.vm().plugin.buffer_limit,
        }
    }

    fn data_callback(&mut self, id: u32, side: Side, mut bytes: Vec<u8>, end: bool) {
        let limit = self.buffer_limit(id);
        let Some(flow) = self.flow(id, side) else {
            return;
        };
        if flow.buffering {
            flow.held.append(&mut bytes);
            if flow.held.len() > limit {
                self.too_large(id, side);
                return self.after_callback(id);
            }
        }
        flow.chunk = Some(bytes);
        flow.chunk_forgotten = false;
        flow.chunk_ends_stream = end;
        let visible = flow.visible_body().map_or(0, Vec::len) as u32;
        let exports = self.exports.clone();
        let (name, function) = match side {
            Side::Request => ("proxy_on_request_body", &exports.request_body),
            Side::Response => ("proxy_on_response_body", &exports.response_body),
        };
        let arguments = (id, visible, u32::from(end));
        let returned = self.call(
            name,
            id,
            function.as_ref(),
            arguments,
            &[id, visible, u32::from(end)],
        );
        if self.death.is_some() {
            return self.fail_stream(id);
        }
        let status = match returned.unwrap_or(0) {
            _ if self.vm().stop_iteration => STOP_NO_BUFFER,
            status => status.min(STOP_NO_BUFFER),
        };
        self.run_deferred();
        let Some(flow) = self.flow(id, side) else {
            return;
        };
        let mut bytes = flow.chunk.take().unwrap_or_default();
        flow.buffering = status == STOP_AND_BUFFER;
        if status != 0 {
            flow.hold = Hold::Single;
        }
        if status != STOP_NO_BUFFER {
            flow.held.append(&mut bytes);
        }
        match status {
            STOP_AND_BUFFER if flow.held.len() > limit => self.too_large(id, side),
            STOP_AND_BUFFER | STOP_AND_WATERMARK | STOP_NO_BUFFER => {}
            _ => self.send_all(id, side),
        }
        self.after_callback(id);
    }

    /// An HTTP/2 METADATA frame arrives.
    pub fn metadata(&mut self, id: u32, side: Side, metadata: Metadata) {
        if let Some(flow) = self.flow(id, side) {
            flow.metadata.push(metadata);
            self.metadata_callbacks(id, side);
            self.after_callback(id);
        }
    }

    /// Makes the METADATA callbacks whose time has come. Their result means nothing
    /// (cpp-host `convertVmCallResultToFilterMetadataStatus`).
    fn metadata_callbacks(&mut self, id: u32, side: Side) {
        let ready = |flow: &Flow| flow.started && !matches!(flow.hold, Hold::All { .. });
        loop {
            let flow = self.flow(id, side).filter(|flow| ready(flow));
            let Some(flow) = flow.filter(|flow| !flow.metadata.is_empty()) else {
                return;
            };
            let metadata = flow.metadata.remove(0);
            let count = metadata.len() as u32;
            let exports = self.exports.clone();
            let (name, function) = match side {
                Side::Request => ("proxy_on_request_metadata", &exports.request_metadata),
                Side::Response => ("proxy_on_response_metadata", &exports.response_metadata),
            };
            self.call(name, id, function.as_ref(), (id, count), &[id, count]);
            if self.death.is_some() {
                return self.fail_stream(id);
            }
            // A local reply takes the place of everything that would go on.
            if self.vm().stop_iteration {
                return;
            }
            self.run_deferred();
            // Envoy's HTTP/1 codec drops them.
            let http2 = self.stream(id).is_some_and(|stream| match side {
                Side::Request => stream.options.upstream == Protocol::Http2,
                Side::Response => stream.options.client == Protocol::Http2,
            });
            if let Some(flow) = self.flow(id, side).filter(|_| http2) {
                flow.forward_metadata(metadata);
            }
        }
    }

    /// Trailers arrive, and with them the end.
    pub fn trailers(&mut self, id: u32, side: Side, trailers: Headers) {
        let trailers = trailers.in_map(side.trailers());
        if self.bypasses(id) {
            return self.pass_trailers(id, side, trailers);
        }
        let Some(flow) = self.flow(id, side) else {
            return;
        };
        let count = trailers.len() as u32;
        flow.complete = true;
        flow.trailers = Some(trailers);
        if let Hold::All { .. } = flow.hold {
            return;
        }
        flow.trailers_visible = true;
        let exports = self.exports.clone();
        let (name, function) = match side {
            Side::Request => ("proxy_on_request_trailers", &exports.request_trailers),
            Side::Response => ("proxy_on_response_trailers", &exports.response_trailers),
        };
        let returned = self.call(name, id, function.as_ref(), (id, count), &[id, count]);
        if self.death.is_some() {
            return self.fail_stream(id);
        }
        let stopped = self.vm().stop_iteration || returned.unwrap_or(0) != 0;
        self.run_deferred();
        if let Some(flow) = self.flow(id, side) {
            if stopped {
                flow.hold = Hold::Single;
            } else {
                flow.trailers_visible = false;
                self.send_all(id, side);
            }
        }
        self.after_callback(id);
    }

    /// `continueDecoding` or `continueEncoding`. After a stop of all iteration this
    /// filter's own body and trailer callbacks come now, the held body in one piece.
    fn resume(&mut self, id: u32, side: Side) {
        let answered = |stream: &mut StreamState| stream.local_reply.is_some();
        if side == Side::Request && self.stream(id).is_some_and(answered) {
            return;
        }
        let Some(flow) = self.flow(id, side).filter(|flow| flow.started) else {
            return;
        };
        match flow.hold {
            Hold::Free | Hold::Single => self.send_all(id, side),
            Hold::All { .. } => {
                flow.hold = Hold::Free;
                let bytes = std::mem::take(&mut flow.held);
                let trailers = flow.trailers.take();
                let ends = flow.complete && trailers.is_none();
                // The end comes with the trailers, and those are not there yet.
                flow.complete = ends;
                let headers_only = ends && flow.headers_only;
                if !self.send_headers(id, side, headers_only) {
                    return;
                }
                self.metadata_callbacks(id, side);
                if !headers_only && (ends || !bytes.is_empty()) {
                    self.data_callback(id, side, bytes, ends);
                }
                if let Some(trailers) = trailers {
                    self.trailers(id, side, trailers);
                }
            }
        }
    }

    /// Runs what callbacks have deferred, and notices a finished response.
    pub fn after_callback(&mut self, id: u32) {
        self.run_deferred();
        if self
            .flow(id, Side::Response)
            .is_some_and(|flow| flow.out.complete)
        {
            self.end(id, StreamEnd::Complete);
        }
    }

    /// What a callback asked for happens before its return counts: a stream that was closed
    /// or answered passes nothing on, and a Pause after a continue holds what follows (seen
    /// on Envoy 1.40: continue and Pause in `on_request_headers` send the headers on, and the
    /// body waits for ever).
    pub fn run_deferred(&mut self) {
        let mut grpc_closes = 0;
        while let Some(deferred) = self.vm_mut().deferred.pop_front() {
            let id = match deferred {
                Deferred::DeleteRoot => {
                    self.delete_root();
                    continue;
                }
                Deferred::GrpcClose {
                    id,
                    status,
                    message,
                } => {
                    grpc_closes += 1;
                    if grpc_closes > GRPC_CLOSES_IN_A_ROW {
                        self.death.get_or_insert_with(Death::endless_grpc_closes);
                        self.vm_mut().deferred.clear();
                        return;
                    }
                    self.close_grpc(id, status, message);
                    continue;
                }
                Deferred::ContinueConnection { connection } => {
                    self.resume_connection(connection);
                    continue;
                }
                Deferred::CloseConnection { connection } => {
                    self.close_by_filter(connection);
                    continue;
                }
                Deferred::Continue { stream, side } => {
                    self.resume(stream, side);
                    stream
                }
                Deferred::Close { stream } => {
                    self.end(stream, StreamEnd::ClosedByFilter);
                    stream
                }
                Deferred::LocalReply { stream, reply } => {
                    // The first one wins over others of the same callback, but each sets the
                    // details (seen on Envoy 1.40).
                    let mut last = None;
                    self.vm_mut().deferred.retain(|other| match other {
                        Deferred::LocalReply { stream: id, reply } if *id == stream => {
                            last = Some(reply.details.clone());
                            false
                        }
                        _ => true,
                    });
                    self.local_reply(stream, reply);
                    if let (Some(stream), Some(last)) = (self.stream(stream), last) {
                        stream.details = Some(last);
                    }
                    stream
                }
            };
            if self
                .flow(id, Side::Response)
                .is_some_and(|flow| flow.out.complete)
            {
                self.end(id, StreamEnd::Complete);
            }
        }
    }
}
