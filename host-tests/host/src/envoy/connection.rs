//! One connection of a scripted peer: written by the scenario, read by a thread of its own.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::flow::Protocol;
use crate::headers::Headers;
use crate::message::{Metadata, Received};
use crate::shared::lock;

use super::http1::{Http1Reader, Http1Writer, Kind};
use super::http2::{Http2Reader, Http2Writer, Role};
use super::wire::{Reader, Writer};

/// What Envoy does not read for this long it will not read.
const WRITE_LIMIT: Duration = Duration::from_secs(2);
/// Read at once.
const READ_BYTES: usize = 64 << 10;

/// What was read of a connection.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The messages, one for each exchange.
    pub messages: Vec<Received>,
    /// When each of them began.
    pub began: Vec<Instant>,
    /// Exchanges that the other end has ended by force.
    gone: BTreeSet<usize>,
    /// Nothing more will come.
    closed: bool,
}

impl Seen {
    /// Whether the other end is done with the exchange, by force if it was not over.
    pub fn gone(&self, at: usize) -> bool {
        self.closed || self.gone.contains(&at)
    }
}

/// A connection with Envoy at its other end.
pub struct Connection {
    /// None once it was broken. The thread that reads writes too, to say it has read.
    socket: Option<Arc<Mutex<TcpStream>>>,
    reader: Option<JoinHandle<()>>,
    seen: Arc<Mutex<Seen>>,
    writer: Box<dyn Writer>,
    /// Exchanges whose message from here is whole.
    written: BTreeSet<usize>,
    /// Exchanges that were ended by force from here.
    resets: BTreeSet<usize>,
}

impl Connection {
    /// A client's end; over HTTP/1 answers to HEAD requests have no body.
    ///
    /// # Errors
    /// When the system refuses an option or another handle.
    pub fn client(socket: TcpStream, protocol: Protocol, to_head: bool) -> std::io::Result<Self> {
        match protocol {
            Protocol::Http1 => {
                let reader = Http1Reader::new(Kind::Responses { to_head });
                Self::new(socket, Box::new(Http1Writer::new()), reader)
            }
            Protocol::Http2 => {
                let writer = Http2Writer::new(Role::Client);
                Self::new(socket, Box::new(writer), Http2Reader::new(Role::Client))
            }
        }
    }

    /// A server's end.
    ///
    /// # Errors
    /// As [`Connection::client`].
    pub fn server(socket: TcpStream, protocol: Protocol) -> std::io::Result<Self> {
        match protocol {
            Protocol::Http1 => {
                let reader = Http1Reader::new(Kind::Requests);
                Self::new(socket, Box::new(Http1Writer::new()), reader)
            }
            Protocol::Http2 => {
                let writer = Http2Writer::new(Role::Server);
                Self::new(socket, Box::new(writer), Http2Reader::new(Role::Server))
            }
        }
    }

    fn new(
        socket: TcpStream,
        mut writer: Box<dyn Writer>,
        reader: impl Reader + 'static,
    ) -> std::io::Result<Self> {
        socket.set_nodelay(true)?;
        socket.set_write_timeout(Some(WRITE_LIMIT))?;
        let from = socket.try_clone()?;
        let socket = Arc::new(Mutex::new(socket));
        lock(&socket).write_all(&writer.opening())?;
        let seen = Arc::new(Mutex::new(Seen::default()));
        let thread = {
            let (socket, seen) = (socket.clone(), seen.clone());
            std::thread::spawn(move || read(from, reader, &socket, &seen))
        };
        Ok(Self {
            socket: Some(socket),
            reader: Some(thread),
            seen,
            writer,
            written: BTreeSet::new(),
            resets: BTreeSet::new(),
        })
    }

    /// What was read so far.
    pub fn seen(&self) -> Seen {
        lock(&self.seen).clone()
    }

    /// Exchanges whose request is whole and has no answer yet, and when they began.
    pub fn unanswered(&self) -> Vec<(usize, Instant)> {
        let seen = lock(&self.seen);
        let all = seen.messages.iter().zip(&seen.began).enumerate();
        let open = all.filter(|(at, (message, _))| {
            let untouched = !self.written.contains(at) && !self.was_reset(*at);
            message.complete && untouched && !seen.gone(*at)
        });
        open.map(|(at, (_, began))| (at, *began)).collect()
    }

    /// Exchanges that have begun and that neither end has ended, and when they began.
    pub fn unended(&self) -> Vec<(usize, Instant)> {
        let seen = lock(&self.seen);
        let all = seen.messages.iter().zip(&seen.began).enumerate();
        let open = all.filter(|(at, (message, _))| {
            let ended = self.written.contains(at) || self.was_reset(*at) || seen.gone(*at);
            message.headers.is_some() && !ended
        });
        open.map(|(at, (_, began))| (at, *began)).collect()
    }

    /// Whether the message from here is whole.
    pub fn written(&self, at: usize) -> bool {
        self.written.contains(&at)
    }

    /// Whether the exchange was ended by force from here.
    pub fn was_reset(&self, at: usize) -> bool {
        self.socket.is_none() || self.resets.contains(&at)
    }

    /// Writes a head.
    ///
    /// # Errors
    /// When Envoy does not read.
    pub fn head(&mut self, at: usize, headers: &Headers, end: bool) -> Result<(), String> {
        let text = self.writer.head(at, headers, end);
        self.write(at, &text, end)
    }

    /// Writes a piece of a body.
    ///
    /// # Errors
    /// When Envoy does not read.
    pub fn body(&mut self, at: usize, bytes: &[u8], end: bool) -> Result<(), String> {
        let text = self.writer.body(at, bytes, end);
        self.write(at, &text, end)
    }

    /// Writes a METADATA frame.
    ///
    /// # Errors
    /// When Envoy does not read, or the protocol has no METADATA.
    pub fn metadata(&mut self, at: usize, metadata: &Metadata) -> Result<(), String> {
        let text = self.writer.metadata(at, metadata);
        self.write(at, &text.ok_or("only HTTP/2 has METADATA")?, false)
    }

    /// Writes trailers.
    ///
    /// # Errors
    /// When Envoy does not read, or the message has a length and so no place for trailers.
    pub fn trailers(&mut self, at: usize, trailers: &Headers) -> Result<(), String> {
        let text = self.writer.trailers(at, trailers);
        let text =
            text.ok_or("over HTTP/1 only a message without content-length can have trailers")?;
        self.write(at, &text, true)
    }

    /// Ends an exchange by force. Over HTTP/1 that is a TCP reset of the connection, no
    /// orderly close.
    ///
    /// # Errors
    /// When Envoy does not read.
    pub fn reset(&mut self, at: usize) -> Result<(), String> {
        self.resets.insert(at);
        if let Some(text) = self.writer.reset(at) {
            let written = self.write(at, &text, false);
            let mut seen = lock(&self.seen);
            if seen.messages.is_empty() {
                seen.messages.push(Received::default());
            }
            if let Some(message) = seen.messages.get_mut(at) {
                message.reset |= !message.complete;
            }
            return written;
        }
        let Some(socket) = self.socket.take() else {
            return Ok(());
        };
        // A reset is sent when the last handle is dropped; the reader has one.
        let _ = socket2::SockRef::from(&*lock(&socket)).set_linger(Some(Duration::ZERO));
        let _ = lock(&socket).shutdown(Shutdown::Read);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        Ok(())
    }

    fn write(&mut self, at: usize, text: &[u8], end: bool) -> Result<(), String> {
        // What is written to a connection that is closed reaches nobody.
        if end && !lock(&self.seen).gone(at) {
            self.written.insert(at);
        }
        let Some(socket) = &self.socket else {
            return Ok(());
        };
        match lock(socket).write_all(text) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                Err(format!("Envoy did not read on for {WRITE_LIMIT:?}"))
            }
            // Envoy is done with this connection: nothing arrives any more.
            _ => Ok(()),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(socket) = &self.socket {
            let _ = lock(socket).shutdown(Shutdown::Both);
        }
    }
}

fn read(
    mut from: TcpStream,
    mut reader: impl Reader,
    socket: &Mutex<TcpStream>,
    seen: &Mutex<Seen>,
) {
    let mut bytes = vec![0; READ_BYTES];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        let mut now = lock(seen);
        let now = &mut *now;
        match reader.read(&bytes[..count], &mut now.messages) {
            Ok(read) => {
                now.gone.extend(read.gone);
                // Nobody waits for it when Envoy has gone.
                let _ = lock(socket).write_all(&read.answer);
            }
            Err(problem) => {
                // Shown where the message is compared, since nothing else will be expected.
                now.messages.push(Received {
                    body: problem.into_bytes(),
                    reset: true,
                    ..Received::default()
                });
                break;
            }
        }
        now.began.resize_with(now.messages.len(), Instant::now);
    }
    let mut seen = lock(seen);
    reader.closed(&mut seen.messages);
    seen.closed = true;
}
