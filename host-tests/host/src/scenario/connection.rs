//! What a scenario says of TCP connections, checked and as events; and what only one of TCP
//! connections and HTTP streams has.

use super::event::Action;
use super::file::{Data, Expect, File, Peer, ProtocolName, Step};

/// What a scenario is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// HTTP streams, by the protocols of client and upstream.
    Streams {
        /// The client speaks HTTP/2.
        http2_client: bool,
        /// The upstream does.
        http2_upstream: bool,
    },
    /// TCP connections.
    Connections,
}

/// A key and what is wrong with its value.
type Wrong = (String, String);

impl Kind {
    /// A scenario in which something connects is about TCP.
    pub fn of(file: &File) -> Self {
        let mut steps = file.steps.iter();
        if steps.any(|step| step.get_ref().connect.is_some()) {
            return Self::Connections;
        }
        Self::Streams {
            http2_client: file.protocol.client == ProtocolName::Http2,
            http2_upstream: file.protocol.upstream == ProtocolName::Http2,
        }
    }

    /// Keys outside of the steps that mean nothing on TCP.
    ///
    /// # Errors
    /// With the first such key.
    pub fn check_file(self, file: &File) -> Result<(), Wrong> {
        let http = [
            (
                "protocol.client",
                file.protocol.client == ProtocolName::Http2,
            ),
            (
                "protocol.upstream",
                file.protocol.upstream == ProtocolName::Http2,
            ),
            ("route_name", file.route_name.is_some()),
            (
                "filter.allow_on_headers_stop_iteration",
                file.filter.allow_on_headers_stop_iteration,
            ),
        ];
        let wrong = http
            .iter()
            .find(|(_, said)| *said && self == Self::Connections);
        wrong.map_or(Ok(()), |(key, _)| {
            let problem = "this is HTTP's, and a step with `connect` makes the scenario one of TCP";
            Err(((*key).to_owned(), problem.to_owned()))
        })
    }

    /// Keys of a step that are the other kind's.
    ///
    /// # Errors
    /// With the first such key.
    pub fn check_step(self, step: &Step) -> Result<(), (&'static str, String)> {
        let (request, response) = (step.request.as_ref(), step.response.as_ref());
        match self {
            Self::Connections => {
                let instead = |key: &str| {
                    format!("`connect` makes the scenario one of TCP: say `{key}` instead")
                };
                match (request, response) {
                    (Some(_), _) => Err(("request", instead("downstream"))),
                    (_, Some(_)) => Err(("response", instead("upstream"))),
                    (None, None) => Ok(()),
                }
            }
            Self::Streams {
                http2_client,
                http2_upstream,
            } => {
                let metadata = [
                    ("request.metadata", "client", request, http2_client),
                    ("response.metadata", "upstream", response, http2_upstream),
                ];
                for (key, peer, message, http2) in metadata {
                    if message.is_some_and(|message| message.metadata.is_some()) && !http2 {
                        let problem =
                            format!("METADATA are HTTP/2's: say `protocol.{peer} = \"http2\"` too");
                        return Err((key, problem));
                    }
                }
                let tcp = [
                    ("downstream", step.downstream.is_some(), "request"),
                    ("upstream", step.upstream.is_some(), "response"),
                ];
                let wrong = tcp.into_iter().find(|(_, said, _)| *said);
                wrong.map_or(Ok(()), |(key, _, instead)| {
                    let problem = format!(
                        "it is sent on a TCP connection, and no step opens one by `connect`; on \
                         an HTTP stream say `{instead}`"
                    );
                    Err((key, problem))
                })
            }
        }
    }

    /// Keys of an expectation that are the other kind's.
    ///
    /// # Errors
    /// With the first such key.
    pub fn check_expect(self, expect: &Expect) -> Result<(), Wrong> {
        let tcp = self == Self::Connections;
        if tcp && expect.details.is_some() {
            let problem = "a TCP connection has no response code details".to_owned();
            return Err(("details".to_owned(), problem));
        }
        for (side, message) in [("upstream", &expect.upstream), ("client", &expect.client)] {
            let Some(message) = message else { continue };
            let of_messages = [
                ("head", message.head.is_some()),
                ("status", message.status.is_some()),
                ("headers", !message.headers.is_empty()),
                ("without", !message.without.is_empty()),
                ("body", message.body.is_some()),
                ("metadata", message.metadata.is_some()),
                ("trailers", message.trailers.is_some()),
            ];
            let wrong = match tcp {
                true => of_messages.into_iter().find(|(_, said)| *said),
                false => Some(("data", true)).filter(|_| message.data.is_some()),
            };
            if let Some((key, _)) = wrong {
                let problem = match tcp {
                    true => "of a TCP connection there are `data`, `contains` and `end`",
                    false => "only a TCP connection has it: say `body`",
                };
                return Err((format!("{side}.{key}"), problem.to_owned()));
            }
        }
        Ok(())
    }

    /// What to say of a step that needs something open, and nothing is.
    pub fn nothing_open(self) -> &'static str {
        match self {
            Self::Streams { .. } => "no stream is open yet: a step with `request.head` opens one",
            Self::Connections => "no connection is open yet: a step with `connect` opens one",
        }
    }
}

/// What a peer sends on a connection, as events.
///
/// # Errors
/// With the key, a dot before it, within what was sent.
pub fn pieces(stream: &str, from: Peer, data: Data) -> Result<Vec<Action>, (&'static str, String)> {
    if data.data.is_some() && !data.chunks.is_empty() {
        return Err((".chunks", "say `data` or `chunks`, not both".to_owned()));
    }
    let mut parts: Vec<Vec<u8>> = data.chunks.into_iter().map(|chunk| chunk.0).collect();
    parts.extend(data.data.map(|data| data.0));
    if parts.is_empty() && !data.end {
        return Err((
            "",
            "nothing is sent: say `data`, `chunks` or `end`".to_owned(),
        ));
    }
    if parts.is_empty() {
        // An end by itself.
        parts.push(Vec::new());
    }
    let last = parts.len() - 1;
    let pieces = parts
        .into_iter()
        .enumerate()
        .map(|(index, bytes)| Action::Data {
            stream: stream.to_owned(),
            from,
            bytes,
            end: data.end && index == last,
        });
    Ok(pieces.collect())
}
