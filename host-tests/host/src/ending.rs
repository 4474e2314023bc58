//! How streams end: resets, local replies, and the last callbacks.

use crate::flow::{Flow, Protocol, Side};
use crate::guest::Guest;
use crate::headers::Headers;
use crate::inline_headers::MapKind;
use crate::message::{LocalReply, StreamEnd};
use crate::response_flags;
use crate::vm::Deferred;

const GRPC_UNKNOWN: u32 = 2;
const GRPC_UNAVAILABLE: u32 = 14;

impl Guest {
    /// The connection of one side is gone.
    pub fn reset(&mut self, id: u32, side: Side) {
        let Some(stream) = self.stream(id) else {
            return;
        };
        if side == Side::Request {
            stream.details = Some(client_reset_details(stream.options.client));
            stream.flags |= response_flags::client_reset(stream.options.client);
            self.end(id, StreamEnd::ClientReset);
            return self.after_callback(id);
        }
        let started = stream.response.started;
        stream.flags |= response_flags::upstream_reset(stream.options.upstream, started);
        if started {
            stream.details = Some(upstream_reset_details(stream.options.upstream));
            self.end(id, StreamEnd::UpstreamReset);
        } else {
            // The router answers itself when no response has begun.
            stream.request.out.reset = true;
            let reason = match stream.options.upstream {
                Protocol::Http1 => "connection termination",
                Protocol::Http2 => "remote reset",
            };
            let details = reason.replace(' ', "_");
            let details = format!("upstream_reset_before_response_started{{{details}}}");
            self.local_reply(id, envoy_reply(503, &details, &unanswered(reason)));
        }
        self.after_callback(id);
    }

    pub fn too_large(&mut self, id: u32, side: Side) {
        match side {
            Side::Request => {
                let reply = envoy_reply(413, "request_payload_too_large", "Payload Too Large");
                self.local_reply(id, reply);
            }
            Side::Response => {
                let details = "response_payload_too_large";
                self.local_reply(id, envoy_reply(500, details, "Internal Server Error"));
            }
        }
    }

    /// The VM trapped. A reply that the callback had asked for gives its details only (seen
    /// on Envoy 1.40): this one has the response already.
    pub fn fail_stream(&mut self, id: u32) {
        let mut reply = envoy_reply(503, "wasm_fail_stream", "");
        reply.grpc_status = Some(GRPC_UNAVAILABLE);
        self.vm_mut().deferred.retain(|deferred| match deferred {
            Deferred::LocalReply {
                stream,
                reply: asked,
            } if *stream == id => {
                reply.details.clone_from(&asked.details);
                false
            }
            _ => true,
        });
        self.local_reply(id, reply);
        self.after_callback(id);
    }

    /// `sendLocalReply`: through the filter's response callbacks when no response has
    /// begun; straight to the client when response headers have not left yet (so a reply in
    /// the response callbacks of another takes its place); a reset when they have.
    pub fn local_reply(&mut self, id: u32, reply: LocalReply) {
        let alive = self.death.is_none();
        let Some(stream) = self.stream(id).filter(|s| s.end.is_none()) else {
            return;
        };
        stream.details = Some(reply.details.clone());
        if stream.response.headers_forwarded {
            return self.end(id, StreamEnd::ResponseCut);
        }
        let (headers, body) = reply_message(&reply, stream.head, stream.grpc);
        let filtered = alive && !stream.response.started;
        stream.local_reply = Some(reply);
        stream.request.out.reset |= stream.request.headers_forwarded && !stream.exchanged();
        if filtered {
            self.headers(id, Side::Response, headers, body.is_empty());
            if !body.is_empty() {
                self.data(id, Side::Response, body, true);
            }
        } else {
            let flow = &mut stream.response;
            *flow = Flow {
                headers,
                started: true,
                complete: true,
                held: body,
                ..Flow::default()
            };
            flow.forward_all();
        }
    }

    pub fn end(&mut self, id: u32, end: StreamEnd) {
        let Some(stream) = self.stream(id).filter(|s| s.end.is_none()) else {
            return;
        };
        stream.end = Some(end);
        if end == StreamEnd::ClosedByFilter {
            let details = || "wasm_close_stream".to_owned();
            stream.details.get_or_insert_with(details);
        }
        let exchanged = stream.exchanged();
        let (request, response) = (&mut stream.request, &mut stream.response);
        response.out.reset |= !response.out.complete;
        request.out.reset |= request.headers_forwarded && !exchanged;
        self.ended.push_back(id);
    }

    /// To be called when nothing else runs: deferred actions, then `log`, `done` and
    /// `delete` of every stream that ended, as Envoy's deferred destruction does.
    pub fn settle(&mut self) {
        self.run_deferred();
        while let Some(id) = self.ended.pop_front() {
            let Some(stream) = self.stream(id).filter(|s| s.created && !s.deleted) else {
                continue;
            };
            stream.logging = true;
            let exports = self.exports.clone();
            self.call("proxy_on_log", id, exports.log.as_ref(), id, &[id]);
            if let Some(stream) = self.stream(id) {
                stream.logging = false;
                stream.request.headers_visible = false;
                stream.response.headers_visible = false;
            }
            self.call("proxy_on_done", id, exports.done.as_ref(), id, &[id]);
            self.call("proxy_on_delete", id, exports.delete.as_ref(), id, &[id]);
            if let Some(stream) = self.stream(id) {
                stream.deleted = true;
            }
            self.run_deferred();
        }
    }
}

fn client_reset_details(protocol: Protocol) -> String {
    match protocol {
        Protocol::Http1 => "downstream_remote_disconnect",
        Protocol::Http2 => "http2.remote_reset",
    }
    .to_owned()
}

/// Over HTTP/1 the codec finds a message cut short.
fn upstream_reset_details(protocol: Protocol) -> String {
    let reason = match protocol {
        Protocol::Http1 => "protocol_error",
        Protocol::Http2 => "remote_reset",
    };
    format!("upstream_reset_after_response_started{{{reason}}}")
}

/// What Envoy's router says when there is no answer to pass on.
pub(crate) fn unanswered(reason: &str) -> String {
    format!("upstream connect error or disconnect/reset before headers. reset reason: {reason}")
}

/// Envoy's `Http::Utility::prepareLocalReply`.
fn reply_message(reply: &LocalReply, to_head: bool, to_grpc: bool) -> (Headers, Vec<u8>) {
    let mut headers = Headers::from([(":status", reply.status.to_string())]);
    for (name, value) in reply.headers.iter() {
        headers.add_to(MapKind::ResponseHeaders, name, value);
    }
    // What the filter says of the status, or below of the length, does not count.
    headers.put(":status", reply.status.to_string());
    if to_grpc {
        let status = reply.grpc_status.unwrap_or(grpc_status(reply.status));
        headers.put(":status", "200");
        headers.put("content-type", "application/grpc");
        headers.put("grpc-status", status.to_string());
        if !reply.body.is_empty() && !to_head {
            headers.put("grpc-message", percent_encoded(&reply.body));
        }
        headers.remove("content-length");
        return (headers, Vec::new());
    }
    if !reply.body.is_empty() {
        headers.put("content-length", reply.body.len().to_string());
        if headers.value("content-type").is_none() {
            headers.add("content-type", "text/plain");
        }
    }
    let body = match to_head {
        true => Vec::new(),
        false => reply.body.clone(),
    };
    (headers, body)
}

/// Of an HTTP status (Envoy's `Grpc::Utility::httpToGrpcStatus`).
fn grpc_status(status: u32) -> u32 {
    match status {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502..=504 => GRPC_UNAVAILABLE,
        _ => GRPC_UNKNOWN,
    }
}

/// Envoy's `PercentEncoding::encode`: gRPC's rule for `grpc-message`, and `~` too.
fn percent_encoded(text: &[u8]) -> String {
    let mut encoded = String::new();
    for &byte in text {
        match byte {
            b' '..b'~' if byte != b'%' => encoded.push(byte.into()),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// A reply that Envoy makes by itself.
pub(crate) fn envoy_reply(status: u32, details: &str, body: &str) -> LocalReply {
    LocalReply {
        status,
        details: details.to_owned(),
        headers: Headers::new(),
        body: body.as_bytes().to_vec(),
        grpc_status: None,
    }
}
