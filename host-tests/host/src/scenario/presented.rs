//! What Envoy makes of a head before the first filter sees it.

use crate::flow::Protocol;
use crate::headers::Headers;

/// A request's head, as the HTTP connection manager presents it.
pub fn request(mut headers: Headers) -> Headers {
    // ConnectionManagerUtility::mutateRequestHeaders: the connection's scheme.
    if headers.value("x-forwarded-proto").is_none() {
        headers.add("x-forwarded-proto", "http");
    }
    headers
}

/// A response's head: over HTTP/1 it says how the body ends, and filters see that.
pub fn response(mut headers: Headers, from: Protocol, end: bool, to_head: bool) -> Headers {
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
