//! What a scripted peer needs of a protocol.
//!
//! An exchange is a request and its response; a connection numbers them from 0.

use crate::headers::Headers;
use crate::message::{Metadata, Received};

/// Turns pieces of messages into bytes, each piece into one write.
pub trait Writer: Send {
    /// What opens a connection, once.
    fn opening(&mut self) -> Vec<u8>;
    /// A head; `end` when it is all there is.
    fn head(&mut self, at: usize, headers: &Headers, end: bool) -> Vec<u8>;
    /// A piece of a body; nothing with `end` is the end alone.
    fn body(&mut self, at: usize, bytes: &[u8], end: bool) -> Vec<u8>;
    /// Trailers, and with them the end; `None` where the message has no place for them.
    fn trailers(&mut self, at: usize, trailers: &Headers) -> Option<Vec<u8>>;
    /// An HTTP/2 METADATA frame; `None` where the protocol has none.
    fn metadata(&mut self, at: usize, metadata: &Metadata) -> Option<Vec<u8>> {
        let _ = (at, metadata);
        None
    }
    /// The end of one exchange by force; `None` where only the connection can be broken.
    fn reset(&mut self, at: usize) -> Option<Vec<u8>>;
}

/// Turns bytes, as they come, into messages.
pub trait Reader: Send {
    /// Reads on into `messages`, one for each exchange.
    ///
    /// # Errors
    /// What is not the protocol.
    fn read(&mut self, bytes: &[u8], messages: &mut Vec<Received>) -> Result<Read, String>;
    /// The connection is closed: what is not whole now has broken off.
    fn closed(&self, messages: &mut Vec<Received>);
}

/// What follows from bytes besides messages.
#[derive(Debug, Default)]
pub struct Read {
    /// To be written back at once.
    pub answer: Vec<u8>,
    /// Exchanges that the other end has ended by force.
    pub gone: Vec<usize>,
}
