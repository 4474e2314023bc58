//! The names whose repetitions Envoy joins into one field.
//!
//! Each kind of header map has places of its own for them ("inline headers"): those of
//! `envoy/http/header_map.h`, and what extensions register (`RegisterCustomInlineHeader`).
//! The names here are what Envoy 1.40 joined when a filter gave it every name of its binary
//! twice.

/// Which of Envoy's header maps, as far as it matters to names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MapKind {
    RequestHeaders,
    RequestTrailers,
    ResponseHeaders,
    ResponseTrailers,
}

impl MapKind {
    /// Whether values of this lower-case name become one, with commas between them.
    pub fn joins(self, name: &[u8]) -> bool {
        let names = match self {
            Self::RequestHeaders => REQUEST_HEADERS,
            Self::RequestTrailers => &[],
            Self::ResponseHeaders => RESPONSE_HEADERS,
            Self::ResponseTrailers => RESPONSE_TRAILERS,
        };
        names
            .binary_search_by(|known| known.as_bytes().cmp(name))
            .is_ok()
    }

    /// The name under which the map keeps a field (`header_map_impl.cc` makes `host` another
    /// word for `:authority`).
    pub fn own_name(self, name: &[u8]) -> &[u8] {
        match self {
            Self::RequestHeaders if name.eq_ignore_ascii_case(b"host") => b":authority",
            _ => name,
        }
    }
}

/// In order, as are the others.
const REQUEST_HEADERS: &[&str] = &[
    ":authority",
    ":method",
    ":path",
    ":protocol",
    ":scheme",
    "accept",
    "accept-encoding",
    "access-control-request-headers",
    "access-control-request-method",
    "access-control-request-private-network",
    "authentication",
    "authorization",
    "cache-control",
    "cdn-loop",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "grpc-accept-encoding",
    "grpc-timeout",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "keep-alive",
    "origin",
    "pragma",
    "proxy-connection",
    "proxy-status",
    "referer",
    "te",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-client-trace-id",
    "x-envoy-attempt-count",
    "x-envoy-decorator-operation",
    "x-envoy-downstream-service-cluster",
    "x-envoy-downstream-service-node",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-external-address",
    "x-envoy-force-trace",
    "x-envoy-hedge-on-per-try-timeout",
    "x-envoy-internal",
    "x-envoy-ip-tags",
    "x-envoy-is-timeout-retry",
    "x-envoy-max-retries",
    "x-envoy-original-path",
    "x-envoy-original-url",
    "x-envoy-retriable-header-names",
    "x-envoy-retriable-status-codes",
    "x-envoy-retry-grpc-on",
    "x-envoy-retry-on",
    "x-envoy-upstream-alt-stat-name",
    "x-envoy-upstream-rq-per-try-timeout-ms",
    "x-envoy-upstream-rq-timeout-alt-response",
    "x-envoy-upstream-rq-timeout-ms",
    "x-envoy-upstream-stream-duration-ms",
    "x-forwarded-client-cert",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-request-id",
];

const RESPONSE_HEADERS: &[&str] = &[
    ":status",
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-allow-private-network",
    "access-control-expose-headers",
    "access-control-max-age",
    "age",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "date",
    "etag",
    "expires",
    "grpc-message",
    "grpc-status",
    "keep-alive",
    "last-modified",
    "location",
    "proxy-connection",
    "proxy-status",
    "server",
    "transfer-encoding",
    "upgrade",
    "vary",
    "via",
    "x-envoy-attempt-count",
    "x-envoy-decorator-operation",
    "x-envoy-degraded",
    "x-envoy-immediate-health-check-fail",
    "x-envoy-ratelimited",
    "x-envoy-upstream-canary",
    "x-envoy-upstream-healthchecked-cluster",
    "x-envoy-upstream-service-time",
    "x-request-id",
];

/// `INLINE_RESP_HEADERS_TRAILERS`.
const RESPONSE_TRAILERS: &[&str] = &["grpc-message", "grpc-status"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_by_halving() {
        for names in [REQUEST_HEADERS, RESPONSE_HEADERS, RESPONSE_TRAILERS] {
            assert!(names.is_sorted());
        }
        assert!(MapKind::RequestHeaders.joins(b"user-agent"));
        assert!(!MapKind::ResponseHeaders.joins(b"user-agent"));
        assert!(!MapKind::RequestHeaders.joins(b"cookie"));
    }
}
