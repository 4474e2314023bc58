//! The gRPC services that filters call, and the calls and streams that are open there.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::flow::Protocol;
use crate::grpc_calls::GrpcEvent;
use crate::headers::Headers;
use crate::message::Received;
use crate::scenario::{GrpcCallee, GrpcSent, presented};

use super::connection::Connection;
use super::process::POLL;
use super::replay::LIMIT;
use super::upstream::Upstream;

/// In front of every message: whether it is compressed, and its length.
const FRAMING: usize = 5;
/// What gRPC and Envoy's client add to a filter's initial metadata.
const ADDED: [&str; 5] = [
    "te",
    "content-type",
    "grpc-timeout",
    "x-envoy-internal",
    "x-envoy-expected-rq-timeout-ms",
];

/// A scripted service for each cluster, over HTTP/2.
pub struct Services {
    clusters: BTreeMap<String, Upstream>,
    /// Those whose response has begun.
    begun: BTreeSet<Place>,
}

/// A call or stream: its cluster, and the numbers of the connection there and of the exchange
/// on it.
type Place = (String, usize, usize);

struct Open {
    began: Instant,
    place: Place,
    method: String,
}

impl Services {
    /// Listens for each of `names`.
    ///
    /// # Errors
    /// When the system gives no port.
    pub fn listen(names: &[String]) -> std::io::Result<Self> {
        let clusters = names.iter().map(|name| {
            let server = Upstream::listen(Protocol::Http2, false)?;
            Ok((name.clone(), server))
        });
        Ok(Self {
            clusters: clusters.collect::<std::io::Result<_>>()?,
            begun: BTreeSet::new(),
        })
    }

    /// Names and addresses.
    pub fn addresses(&self) -> impl Iterator<Item = (&str, SocketAddr)> {
        let clusters = self.clusters.iter();
        clusters.map(|(name, server)| (name.as_str(), server.address()))
    }

    /// The open calls and streams as scenarios list them.
    pub fn open(&self) -> Vec<String> {
        let mut open: Vec<_> = self
            .all()
            .iter()
            .map(|open| format!("{} {}", open.place.0, open.method))
            .collect();
        open.sort();
        open
    }

    fn all(&self) -> Vec<Open> {
        let mut all = Vec::new();
        for (name, server) in &self.clusters {
            let connections = server.all(|connection| (connection.seen(), connection.unended()));
            for (number, (seen, open)) in connections.into_iter().enumerate() {
                all.extend(open.into_iter().map(|(at, began)| Open {
                    began,
                    place: (name.clone(), number, at),
                    method: seen.messages.get(at).map(method).unwrap_or_default(),
                }));
            }
        }
        all.sort_by_key(|open| open.began);
        all
    }

    /// Waits for a call or stream that fits.
    fn oldest(&self, callee: &GrpcCallee) -> Option<Place> {
        let started = Instant::now();
        loop {
            let mut all = self.all().into_iter();
            if let Some(found) = all.find(|open| callee.fits(&open.place.0, &open.method)) {
                return Some(found.place);
            }
            if started.elapsed() > LIMIT {
                return None;
            }
            std::thread::sleep(POLL);
        }
    }

    /// What the oldest one that fits has sent, once that is as it should be or nothing more
    /// is to be expected.
    pub fn sent(&self, callee: &GrpcCallee, holds: &dyn Fn(&GrpcSent) -> bool) -> Option<GrpcSent> {
        let (cluster, connection, at) = self.oldest(callee)?;
        let server = self.clusters.get(&cluster)?;
        let started = Instant::now();
        loop {
            let seen = server.nth(connection, |connection| connection.seen())?;
            let sent = sent(seen.messages.get(at)?);
            if holds(&sent) || started.elapsed() > LIMIT {
                return Some(sent);
            }
            std::thread::sleep(POLL);
        }
    }

    /// Lets the service of the oldest one that fits act.
    ///
    /// # Errors
    /// When there is none, it has begun its response already, or Envoy does not read.
    pub fn act(&mut self, callee: &GrpcCallee, event: &GrpcEvent) -> Result<(), String> {
        let place = self.oldest(callee).ok_or_else(|| callee.missing())?;
        let begun = !self.begun.insert(place.clone());
        if begun && matches!(event, GrpcEvent::InitialMetadata(_)) {
            return Err("the service has begun its response already".to_owned());
        }
        let (cluster, number, at) = place;
        let server = self.clusters.get(&cluster);
        let written = server.and_then(|server| {
            server.nth(number, |connection| write(connection, at, begun, event))
        });
        written.unwrap_or(Ok(()))
    }
}

fn write(
    connection: &mut Connection,
    at: usize,
    begun: bool,
    event: &GrpcEvent,
) -> Result<(), String> {
    let none = presented::grpc_head(&Headers::new(), false);
    match event {
        GrpcEvent::InitialMetadata(metadata) => {
            connection.head(at, &presented::grpc_head(metadata, false), false)
        }
        GrpcEvent::Message(message) => {
            if !begun {
                connection.head(at, &none, false)?;
            }
            connection.body(at, &framed(message), false)
        }
        GrpcEvent::End {
            status,
            message,
            trailing_metadata,
        } => {
            // Without anything before it the end is one block of headers.
            let mut end = if begun { Headers::new() } else { none };
            end.add("grpc-status", status.to_string());
            if !message.is_empty() {
                end.add("grpc-message", message);
            }
            for (name, value) in trailing_metadata.iter() {
                end.add(name, value);
            }
            if begun {
                connection.trailers(at, &end)
            } else {
                connection.head(at, &end, true)
            }
        }
        GrpcEvent::Reset => connection.reset(at),
    }
}

fn sent(request: &Received) -> GrpcSent {
    let none = Headers::new();
    let headers = request.headers.as_ref().unwrap_or(&none);
    let mut initial_metadata = headers.clone();
    for (name, _) in headers.iter() {
        if name.starts_with(b":") || ADDED.iter().any(|added| added.as_bytes() == name) {
            initial_metadata.remove(name);
        }
    }
    GrpcSent {
        method: method(request),
        initial_metadata,
        messages: messages(&request.body),
        end: request.complete,
        timeout: headers.get("grpc-timeout").and_then(|text| timeout(&text)),
    }
}

fn method(request: &Received) -> String {
    let path = request.header(":path").unwrap_or_default();
    path.strip_prefix('/').unwrap_or(&path).to_owned()
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap_or_default();
    let mut bytes = vec![0];
    bytes.extend(length.to_be_bytes());
    bytes.extend(message);
    bytes
}

/// Whole messages only; the rest of the last one is on its way.
fn messages(mut body: &[u8]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    while let Some(([_, length @ ..], rest)) = body.split_first_chunk::<FRAMING>() {
        let length = u32::from_be_bytes(*length) as usize;
        let Some((message, rest)) = rest.split_at_checked(length) else {
            break;
        };
        messages.push(message.to_vec());
        body = rest;
    }
    messages
}

/// `grpc-timeout`: digits and a unit (gRPC over HTTP/2, `TimeoutUnit`).
fn timeout(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = number.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_of_their_framing() {
        let bytes = [framed(b"one"), framed(b""), framed(b"three")].concat();
        let all = [&b"one"[..], b"", b"three"];
        for end in 0..=bytes.len() {
            let whole = match end {
                0..8 => 0,
                8..13 => 1,
                13..23 => 2,
                _ => 3,
            };
            assert_eq!(messages(&bytes[..end]), all[..whole], "{end}");
        }
    }

    #[test]
    fn timeouts_have_units() {
        let rows = [
            ("100m", Some(100)),
            ("2S", Some(2000)),
            ("1M", Some(60_000)),
            ("5", None),
            ("", None),
            ("5x", None),
        ];
        for (text, milliseconds) in rows {
            assert_eq!(
                timeout(text),
                milliseconds.map(Duration::from_millis),
                "{text}"
            );
        }
    }
}
