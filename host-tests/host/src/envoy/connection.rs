//! One connection of a scripted peer: written by the scenario, read by a thread of its own.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::headers::Headers;
use crate::message::Received;
use crate::shared::lock;

use super::http1::{self, Decoder, Framing, Kind};

/// What Envoy does not read for this long it will not read.
const WRITE_LIMIT: Duration = Duration::from_secs(2);
/// Read at once.
const READ_BYTES: usize = 64 << 10;

/// What was read of a connection.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The messages, the last perhaps not whole.
    pub messages: Vec<Received>,
    /// When the last of them began.
    pub began: Option<Instant>,
    /// Nothing more will come.
    pub closed: bool,
}

/// An HTTP/1.1 connection.
pub struct Connection {
    /// None once it was reset.
    socket: Option<TcpStream>,
    reader: Option<JoinHandle<()>>,
    seen: Arc<Mutex<Seen>>,
    framing: Framing,
    /// Whole messages written.
    written: usize,
}

impl Connection {
    /// Reads messages of `kind` from `socket` as they come; `first` was read from it before.
    ///
    /// # Errors
    /// When the system refuses an option or another handle.
    pub fn new(socket: TcpStream, kind: Kind, first: Vec<u8>) -> std::io::Result<Self> {
        socket.set_nodelay(true)?;
        socket.set_write_timeout(Some(WRITE_LIMIT))?;
        let seen = Arc::new(Mutex::new(Seen::default()));
        let reader = {
            let (socket, seen) = (socket.try_clone()?, seen.clone());
            std::thread::spawn(move || read(socket, Decoder::new(kind), &first, &seen))
        };
        Ok(Self {
            socket: Some(socket),
            reader: Some(reader),
            seen,
            framing: Framing::Plain,
            written: 0,
        })
    }

    /// What was read so far.
    pub fn seen(&self) -> Seen {
        lock(&self.seen).clone()
    }

    /// Writes a request's head.
    ///
    /// # Errors
    /// When Envoy does not read.
    pub fn request(&mut self, headers: &Headers, end: bool) -> Result<(), String> {
        let (text, framing) = http1::request_head(headers, end);
        self.framing = framing;
        self.write(&text, end)
    }

    /// Writes a response's head.
    ///
    /// # Errors
    /// When Envoy does not read.
    pub fn response(&mut self, headers: &Headers, end: bool) -> Result<(), String> {
        let (text, framing) = http1::response_head(headers, end);
        self.framing = framing;
        self.write(&text, end)
    }

    /// Writes a piece of a body.
    ///
    /// # Errors
    /// When Envoy does not read.
    pub fn body(&mut self, bytes: &[u8], end: bool) -> Result<(), String> {
        let text = http1::body(self.framing, bytes, end);
        self.write(&text, end)
    }

    /// Writes trailers.
    ///
    /// # Errors
    /// When Envoy does not read, or the message has a length and so no place for trailers.
    pub fn trailers(&mut self, trailers: &Headers) -> Result<(), String> {
        let text = http1::trailers(self.framing, trailers)
            .ok_or("over HTTP/1 only a message without content-length can have trailers")?;
        self.write(&text, true)
    }

    /// How many whole messages were written.
    pub fn written(&self) -> usize {
        self.written
    }

    /// Breaks the connection: what follows is a TCP reset, no orderly close.
    pub fn reset(&mut self) {
        let Some(socket) = self.socket.take() else {
            return;
        };
        // A reset is sent when the last handle is dropped; the reader has one.
        let _ = socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO));
        let _ = socket.shutdown(Shutdown::Read);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }

    fn write(&mut self, text: &[u8], end: bool) -> Result<(), String> {
        self.written += usize::from(end);
        let Some(socket) = &mut self.socket else {
            return Ok(());
        };
        match socket.write_all(text) {
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
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

fn read(mut socket: TcpStream, mut decoder: Decoder, first: &[u8], seen: &Mutex<Seen>) {
    let mut bytes = first.to_vec();
    loop {
        let mut now = lock(seen);
        let before = now.messages.len();
        if let Err(problem) = decoder.read(&bytes, &mut now.messages) {
            // Shown where the message is compared, since nothing else will be expected.
            now.messages.push(Received {
                body: problem.into_bytes(),
                reset: true,
                ..Received::default()
            });
            break;
        }
        if now.messages.len() > before {
            now.began = Some(Instant::now());
        }
        drop(now);
        bytes.resize(READ_BYTES, 0);
        match socket.read(&mut bytes) {
            Ok(0) | Err(_) => break,
            Ok(count) => bytes.truncate(count),
        }
    }
    let mut seen = lock(seen);
    decoder.closed(&mut seen.messages);
    seen.closed = true;
}
