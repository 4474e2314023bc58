//! What the first argument of `proxy_grpc_call` names: a serialized
//! `envoy.config.core.v3.GrpcService`, or, if it cannot be one, a cluster.

use crate::headers::Headers;
use crate::protobuf::{self, Value};
use crate::status::Refusal;

/// Fields of `GrpcService`, and of the messages in it (`grpc_service.proto`).
const ENVOY_GRPC: u64 = 1;
const GOOGLE_GRPC: u64 = 2;
const INITIAL_METADATA: u64 = 5;
/// `EnvoyGrpc.cluster_name` and `GoogleGrpc.target_uri`.
const TARGET: u64 = 1;
const HEADER_KEY: u64 = 1;
const HEADER_VALUE: u64 = 2;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct GrpcService {
    /// The cluster, or the URI of a `google_grpc` service.
    pub target: String,
    pub google: bool,
    pub initial_metadata: Headers,
}

impl GrpcService {
    pub fn cluster(name: String) -> Self {
        Self {
            target: name,
            google: false,
            initial_metadata: Headers::new(),
        }
    }

    /// `None` when the bytes are no such message; `Some(None)` when they are one without a
    /// target, which a short name can be by accident (`xy`, and the empty text).
    pub fn parse(bytes: &[u8]) -> Option<Option<Self>> {
        let (mut target, mut initial_metadata) = (None, Headers::new());
        for field in protobuf::fields(bytes) {
            match field? {
                (number @ (ENVOY_GRPC | GOOGLE_GRPC), Value::Bytes(inner)) => {
                    let name = text(inner, TARGET)?;
                    // The last of a oneof counts; two of the same kind are merged.
                    let google = number == GOOGLE_GRPC;
                    target = match (target, name) {
                        (Some((before, kind)), None) if kind == google => Some((before, kind)),
                        (_, name) => Some((name.unwrap_or_default(), google)),
                    };
                }
                (INITIAL_METADATA, Value::Bytes(inner)) => {
                    let (name, value) = (text(inner, HEADER_KEY)?, text(inner, HEADER_VALUE)?);
                    initial_metadata.add(name.unwrap_or_default(), value.unwrap_or_default());
                }
                _ => {}
            }
        }
        Some(target.map(|(target, google)| Self {
            target,
            google,
            initial_metadata,
        }))
    }

    /// Seen on Envoy 1.40: the process aborts with `panic: unset oneof`. Here the VM dies.
    pub fn abort() -> Refusal {
        Refusal::Trap(wasmtime::Error::msg(
            "Envoy 1.40 would abort here: the gRPC service parses as a GrpcService message \
             with neither envoy_grpc nor google_grpc, as an empty or an unlucky name does; give \
             a serialized GrpcService",
        ))
    }
}

/// The last string of that field in a message. `None` when the message does not parse.
fn text(message: &[u8], number: u64) -> Option<Option<String>> {
    let mut found = None;
    for field in protobuf::fields(message) {
        match field? {
            (at, Value::Bytes(bytes)) if at == number => {
                found = Some(String::from_utf8(bytes.to_vec()).ok()?);
            }
            _ => {}
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_by_their_bytes() {
        // (bytes, what they name, google's; None when not a message; Some(None): no target)
        type Expected = Option<Option<(&'static str, bool)>>;
        let rows: [(&[u8], Expected); 9] = [
            (b"grpc", None),
            (b"", Some(None)),
            (b"xy", Some(None)),
            (b"\x0a\x06\x0a\x04grpc", Some(Some(("grpc", false)))),
            (b"\x0a\x00", Some(Some(("", false)))),
            (b"\x0a\x06\x0a\x05grpc", None),
            (b"\x0a\x03\x0a\x01\xff", None),
            (b"\x12\x04\x0a\x02ab", Some(Some(("ab", true)))),
            (
                b"\x0a\x03\x0a\x01a\x12\x03\x0a\x01b",
                Some(Some(("b", true))),
            ),
        ];
        for (bytes, expected) in rows {
            let parsed = GrpcService::parse(bytes);
            let parsed = parsed.as_ref().map(|service| {
                let service = service.as_ref();
                service.map(|service| (service.target.as_str(), service.google))
            });
            assert_eq!(parsed, expected, "{}", bytes.escape_ascii());
        }
        let bytes = b"\x0a\x03\x0a\x01a\x2a\x06\x0a\x01X\x12\x01v\x2a\x03\x0a\x01y";
        let service = GrpcService::parse(bytes).flatten().unwrap();
        assert_eq!(service.initial_metadata, [("x", "v"), ("y", "")].into());
    }
}
