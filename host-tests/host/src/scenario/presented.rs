//! What Envoy makes of a head before the first filter sees it.

use crate::flow::Protocol;
use crate::headers::Headers;
use crate::message::HttpAnswer;

/// Milliseconds that a callout, gRPC or not, took.
pub const SERVICE_TIME: &str = "x-envoy-upstream-service-time";

/// A request's head, as the HTTP connection manager presents it.
pub fn request(headers: &Headers, from: Protocol) -> Headers {
    let mut presented = Headers::new();
    if from == Protocol::Http1 {
        // The order in which Envoy's HTTP/1 codec puts them there.
        for name in [":authority", ":path", ":method", ":scheme"] {
            for value in headers.all(name) {
                presented.add(name, value);
            }
        }
    }
    for (name, value) in headers.iter() {
        if from == Protocol::Http2 || !name.starts_with(b":") {
            presented.add(name, value);
        }
    }
    // ConnectionManagerUtility::mutateRequestHeaders: the connection's scheme.
    if presented.value("x-forwarded-proto").is_none() {
        presented.add("x-forwarded-proto", "http");
    }
    presented
}

/// A response's head: over HTTP/1 it says how the body ends, and filters see that.
pub fn response(headers: &Headers, from: Protocol, end: bool, to_head: bool) -> Headers {
    let mut headers = headers.clone();
    if from == Protocol::Http1
        && headers.value("content-length").is_none()
        && headers.value("transfer-encoding").is_none()
    {
        let status = headers.get(":status").unwrap_or_default().into_owned();
        if !end {
            headers.add("transfer-encoding", "chunked");
        } else if !to_head && !["204", "304"].contains(&status.as_str()) {
            headers.add("content-length", "0");
        }
    }
    headers
}

/// A callout's head as its server takes it: over plain HTTP, whether the filter says so or not.
pub fn callout(mut headers: Headers) -> Headers {
    headers.set(":scheme", "http");
    headers
}

/// The answer to a callout: Envoy's client behind the filter adds how long it took.
pub fn callout_answer(answer: &HttpAnswer) -> HttpAnswer {
    let mut answer = answer.clone();
    let end = answer.body.is_empty() && answer.trailers.is_empty();
    answer.headers = response(&answer.headers, Protocol::Http1, end, false);
    answer.headers.add(SERVICE_TIME, "0");
    answer
}

/// The head of a gRPC response with this initial metadata, as a guest reads it. Envoy's client
/// says how long it took once the guest has sent its last message (`half_closed`).
pub fn grpc_head(metadata: &Headers, half_closed: bool) -> Headers {
    let mut head = Headers::from([(":status", "200"), ("content-type", "application/grpc")]);
    for (name, value) in metadata.iter() {
        head.add(name, value);
    }
    if half_closed {
        head.add(SERVICE_TIME, "0");
    }
    head
}
