//! What Envoy says went wrong with a stream: bits of the property `response.flags`, by the
//! names of its `CoreResponseFlag`. The values are what Envoy 1.40 shows in the log.

use crate::flow::Protocol;

pub(crate) const NONE: u64 = 0;
pub(crate) const NO_ROUTE_FOUND: u64 = 0x100;
pub(crate) const DOWNSTREAM_PROTOCOL_ERROR: u64 = 0x4_0000;
const UPSTREAM_REMOTE_RESET: u64 = 0x10;
const UPSTREAM_CONNECTION_TERMINATION: u64 = 0x40;
const DOWNSTREAM_CONNECTION_TERMINATION: u64 = 0x4000;
const UPSTREAM_PROTOCOL_ERROR: u64 = 0x80_0000;
const DOWNSTREAM_REMOTE_RESET: u64 = 0x1000_0000;

/// The client went away.
pub(crate) fn client_reset(protocol: Protocol) -> u64 {
    match protocol {
        Protocol::Http1 => DOWNSTREAM_CONNECTION_TERMINATION,
        Protocol::Http2 => DOWNSTREAM_REMOTE_RESET,
    }
}

/// The upstream broke off, in front of its response or within it.
pub(crate) fn upstream_reset(protocol: Protocol, response_started: bool) -> u64 {
    match (protocol, response_started) {
        (Protocol::Http1, false) => UPSTREAM_CONNECTION_TERMINATION,
        (Protocol::Http1, true) => UPSTREAM_PROTOCOL_ERROR,
        (Protocol::Http2, _) => UPSTREAM_REMOTE_RESET,
    }
}
