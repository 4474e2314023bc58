//! What Envoy requires of headers behind the last filter. Where a filter took it away, Envoy
//! answers itself (`filter_removed_required_…`).

use crate::ending::envoy_reply;
use crate::flow::{Hold, Side};
use crate::guest::Guest;
use crate::headers::Headers;
use crate::message::LocalReply;
use crate::response_flags;

impl Guest {
    /// Sends the headers on, the last filter behind them. False when Envoy misses something
    /// in them and answers itself.
    pub fn send_headers(&mut self, id: u32, side: Side, end: bool) -> bool {
        let Some(flow) = self.flow(id, side) else {
            return false;
        };
        if flow.headers_forwarded {
            return true;
        }
        let reply = missed(side, &flow.headers).filter(|_| flow.headers_whole);
        let Some((flags, reply)) = reply else {
            flow.forward_headers(end);
            return true;
        };
        if let Some(stream) = self.stream(id) {
            stream.flags |= flags;
        }
        self.local_reply(id, reply);
        false
    }

    /// Sends on everything held, in order, and the end when it has come.
    pub fn send_all(&mut self, id: u32, side: Side) {
        let Some(flow) = self.flow(id, side) else {
            return;
        };
        flow.hold = Hold::Free;
        let headers_only = flow.complete && flow.trailers.is_none() && flow.held.is_empty();
        if self.send_headers(id, side, headers_only)
            && let Some(flow) = self.flow(id, side)
        {
            flow.forward_all();
        }
    }
}

/// What Envoy answers instead of sending these headers on, and its response flags: no path, no route; a request that
/// its client's codec refuses (`HeaderUtility::checkRequiredRequestHeaders`); a response
/// without a status (`checkRequiredResponseHeaders`).
pub(crate) fn missed(side: Side, headers: &Headers) -> Option<(u64, LocalReply)> {
    let missing = |flags, status, message: &str, name: &str| {
        let details =
            format!("filter_removed_required_{message}_headers{{missing_required_header:_{name}}}");
        let body = format!("missing required header: {name}");
        Some((flags, envoy_reply(status, &details, &body)))
    };
    if side == Side::Response {
        let status = headers.get(":status");
        let known = status.is_some_and(|status| status.parse::<u64>().is_ok());
        return if known {
            None
        } else {
            missing(response_flags::NONE, 502, "response", ":status")
        };
    }
    let method = headers.value(":method");
    let path = headers.value(":path").unwrap_or_default();
    // The route of this host is the prefix `/`.
    if !path.starts_with(b"/") && method != Some(b"CONNECT") {
        let reply = envoy_reply(404, "route_not_found", "");
        return Some((response_flags::NO_ROUTE_FOUND, reply));
    }
    match method {
        None => missing(
            response_flags::DOWNSTREAM_PROTOCOL_ERROR,
            503,
            "request",
            ":method",
        ),
        Some(_) => None,
    }
}
