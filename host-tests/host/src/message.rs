//! What travels: messages as a peer received them, local replies, callouts.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::headers::Headers;

/// What one HTTP/2 METADATA frame carries.
pub type Metadata = BTreeMap<Vec<u8>, Vec<u8>>;

/// What one peer (upstream or client) has received so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// The header fields, once they were sent.
    pub headers: Option<Headers>,
    /// All body bytes.
    pub body: Vec<u8>,
    /// The sizes in which the body's bytes were sent.
    pub chunks: Vec<usize>,
    /// Bytes behind the end that `content-length` states. Over HTTP/1 they were sent too, and
    /// the peer takes them for the beginning of the next message.
    pub excess: Vec<u8>,
    /// The trailer fields, when there are any.
    pub trailers: Option<Headers>,
    /// The HTTP/2 METADATA frames, each as a map.
    pub metadata: Vec<Metadata>,
    /// True once the message's end was sent.
    pub complete: bool,
    /// True when the stream was reset under this peer instead.
    pub reset: bool,
}

impl Received {
    /// The first value of the header `name`.
    pub fn header(&self, name: &str) -> Option<String> {
        Some(self.headers.as_ref()?.get(name)?.into_owned())
    }

    /// The body as text, invalid UTF-8 shown as U+FFFD.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// `:status` as a number.
    pub fn status(&self) -> Option<u16> {
        self.header(":status")?.parse().ok()
    }
}

/// A response made by the filter or by Envoy itself instead of an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalReply {
    /// HTTP status.
    pub status: u32,
    /// `RESPONSE_CODE_DETAILS` of the access log.
    pub details: String,
    /// Header fields besides `:status`, as the filter gave them.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
    /// gRPC status, when one in 0..=16 was given.
    pub grpc_status: Option<u32>,
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// The client received a whole response.
    Complete,
    /// The client went away.
    ClientReset,
    /// The upstream reset the stream after its response had begun.
    UpstreamReset,
    /// The filter closed it (`proxy_close_stream`).
    ClosedByFilter,
    /// A local reply or an overflow came after response headers had left.
    ResponseCut,
}

/// An HTTP call that the filter dispatched and nobody has answered yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpCall {
    /// The number the guest knows it by.
    pub id: u32,
    /// The upstream cluster named.
    pub cluster: String,
    /// Header fields; Envoy adds `content-length` when there is a body.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
    /// Trailer fields.
    pub trailers: Headers,
    /// When to give up; `None` is never.
    pub timeout: Option<Duration>,
}

/// The answer to an [`HttpCall`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpAnswer {
    /// Header fields, `:status` among them.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
    /// Trailer fields.
    pub trailers: Headers,
}

/// A value of Envoy's filter state that the filter set by `set_envoy_filter_state`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterState {
    /// The object's value.
    pub value: Vec<u8>,
    /// How long it lives: 0 filter chain, 1 downstream request, 2 downstream connection.
    pub life_span: u64,
}

/// Properties by path with its segments joined by `.`; a filter joins them with NUL.
pub(crate) fn dotted(properties: &BTreeMap<Vec<u8>, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    let named = properties.iter().map(|(path, value)| {
        let path = String::from_utf8_lossy(path).replace('\0', ".");
        (path, value.clone())
    });
    named.collect()
}
