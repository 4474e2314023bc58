//! How far the peers of a stream or connection have come with what they send, so that no
//! scenario has one do what it cannot do.

use super::file::{Data, Message, Peer};

/// What both peers of a stream or connection have sent.
#[derive(Debug, Default)]
pub struct Sending {
    client: Half,
    upstream: Half,
}

/// What one peer has sent.
#[derive(Clone, Copy, Debug, Default)]
struct Half {
    begun: bool,
    ended: bool,
    gone: bool,
}

/// A key within what is sent, empty where all of it is meant, and what is wrong with it.
type Wrong = (&'static str, String);

const GONE: &str = "this peer has broken off in an earlier step, and sends no more";
const ENDED: &str = "this peer's message is over since an earlier step: say `end = false` there";

impl Sending {
    /// The upstream's half of a connection it does not take.
    pub fn refuse(&mut self) {
        self.upstream.gone = true;
    }

    /// A piece of an HTTP message.
    ///
    /// # Errors
    /// When `peer` cannot send it now.
    pub fn message(&mut self, peer: Peer, message: &Message) -> Result<(), Wrong> {
        let half = self.half(peer);
        let begins = message.head.is_some();
        let parts = [
            ("head", begins),
            ("body", message.body.is_some()),
            ("chunks", !message.chunks.is_empty()),
            ("metadata", message.metadata.is_some()),
            ("trailers", !message.trailers.is_empty()),
        ];
        let first = parts.into_iter().find(|(_, said)| *said);
        let first = first.map_or("", |(key, _)| key);
        if half.gone {
            return Err((first, GONE.to_owned()));
        }
        if begins && half.begun {
            let problem = "this message has a head already: an exchange has one response";
            return Err(("head", problem.to_owned()));
        }
        // METADATA may come in front of a head, but nothing else, and no end.
        let only_metadata = first == "metadata" && message.trailers.is_empty() && !message.end;
        if !begins && !half.begun && !only_metadata {
            let problem = "the response has no head yet: say `response.head` first";
            return Err((first, problem.to_owned()));
        }
        if half.ended {
            return Err((first, ENDED.to_owned()));
        }
        half.begun |= begins;
        half.ended = message.end;
        Ok(())
    }

    /// Bytes on a TCP connection.
    ///
    /// # Errors
    /// When `peer` cannot send them now.
    pub fn data(&mut self, peer: Peer, data: &Data) -> Result<(), String> {
        let half = self.half(peer);
        if half.gone {
            return Err("this peer has no connection: it broke off, or did not take it".to_owned());
        }
        if half.ended {
            return Err("this peer has ended its half of the connection".to_owned());
        }
        half.ended = data.end;
        Ok(())
    }

    /// A peer breaks off.
    ///
    /// # Errors
    /// When it has done so before.
    pub fn reset(&mut self, peer: Peer) -> Result<(), String> {
        let half = self.half(peer);
        if half.gone {
            return Err("this peer is gone already".to_owned());
        }
        half.gone = true;
        Ok(())
    }

    fn half(&mut self, peer: Peer) -> &mut Half {
        match peer {
            Peer::Client => &mut self.client,
            Peer::Upstream => &mut self.upstream,
        }
    }
}
