//! TCP connections through Envoy: a scripted client, a scripted upstream, and what each
//! received.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::connection_state::ReceivedBytes;
use crate::scenario::file::Peer;
use crate::scenario::{Action, ConnectionOutcome};
use crate::shared::lock;

use super::process::POLL;
use super::records::Record;
use super::replay::LIMIT;
use super::upstream::Upstream;

/// What Envoy does not read for this long it will not read.
const WRITE_LIMIT: Duration = Duration::from_secs(2);
/// Read at once.
const READ_BYTES: usize = 64 << 10;

/// The connections of one replay.
pub struct Connections {
    upstream: Upstream<End>,
    /// By name, with the port by which all else of the connection is found.
    clients: BTreeMap<String, (u16, End)>,
}

impl Connections {
    /// Listens as upstream.
    ///
    /// # Errors
    /// When the system gives no port.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            upstream: Upstream::listen_with(true, End::of)?,
            clients: BTreeMap::new(),
        })
    }

    /// Where the upstream listens.
    pub fn address(&self) -> SocketAddr {
        self.upstream.address()
    }

    /// Whether there is a connection of this name.
    pub fn has(&self, name: &str) -> bool {
        self.clients.contains_key(name)
    }

    /// Opens a connection; `connect` makes one to Envoy, which the upstream will refuse or take.
    ///
    /// # Errors
    /// A sentence when that is impossible.
    pub fn open(
        &mut self,
        name: &str,
        refused: bool,
        connect: impl FnOnce() -> Result<TcpStream, String>,
    ) -> Result<(), String> {
        self.upstream.refuse(refused).map_err(text)?;
        let socket = connect()?;
        let port = socket.local_addr().map_err(text)?.port();
        let client = End::of(socket).map_err(text)?;
        self.clients.insert(name.to_owned(), (port, client));
        Ok(())
    }

    /// Makes a peer send, or go away. The upstream waits until it is connected; it does
    /// nothing if the client's connection is over by then.
    ///
    /// # Errors
    /// When Envoy does not read, or never connects.
    pub fn act(&mut self, action: &Action) -> Result<(), String> {
        match action {
            Action::Data {
                stream,
                from,
                bytes,
                end,
            } => self.at(stream, *from, |peer| peer.send(bytes, *end)),
            Action::Reset { stream, by } => self.at(stream, *by, End::reset),
            _ => Ok(()),
        }
    }

    fn at(
        &mut self,
        name: &str,
        peer: Peer,
        act: impl FnOnce(&mut End) -> Result<(), String>,
    ) -> Result<(), String> {
        let client = self.clients.get_mut(name);
        let (port, client) = client.ok_or_else(|| format!("no connection `{name}` was opened"))?;
        if peer == Peer::Client {
            return act(client);
        }
        let started = Instant::now();
        loop {
            if self.upstream.with(*port, |_| ()).is_some() {
                return self.upstream.with(*port, act).unwrap_or(Ok(()));
            }
            let seen = client.seen();
            if seen.ended || seen.reset {
                return Ok(());
            }
            if started.elapsed() > LIMIT {
                return Err(format!("Envoy has not connected `{name}` to the upstream"));
            }
            std::thread::sleep(POLL);
        }
    }

    /// What has come out, with what the access log tells.
    pub fn outcomes(
        &self,
        records: &mut BTreeMap<u16, Record>,
    ) -> BTreeMap<String, ConnectionOutcome> {
        let all = self.clients.iter().map(|(name, (port, client))| {
            let record = records.remove(port).unwrap_or_default();
            let outcome = ConnectionOutcome {
                upstream: self.upstream.with(*port, |upstream| upstream.seen()),
                client: client.seen(),
                filter_state: record.filter_state,
                properties: record.properties,
            };
            (name.clone(), outcome)
        });
        all.collect()
    }
}

/// A peer's end of a connection: written by the scenario, read by a thread of its own.
struct End {
    /// None once it was reset.
    socket: Option<TcpStream>,
    reader: Option<JoinHandle<()>>,
    seen: Arc<Mutex<ReceivedBytes>>,
}

impl End {
    fn of(socket: TcpStream) -> std::io::Result<Self> {
        socket.set_nodelay(true)?;
        socket.set_write_timeout(Some(WRITE_LIMIT))?;
        let seen = Arc::new(Mutex::new(ReceivedBytes::default()));
        let (from, to) = (socket.try_clone()?, seen.clone());
        let reader = std::thread::spawn(move || read(from, &to));
        Ok(Self {
            socket: Some(socket),
            reader: Some(reader),
            seen,
        })
    }

    fn seen(&self) -> ReceivedBytes {
        lock(&self.seen).clone()
    }

    /// Writes bytes. With `end` the system holds them back until they can go with the end, in
    /// one packet: Envoy shall read both at once.
    fn send(&mut self, bytes: &[u8], end: bool) -> Result<(), String> {
        let Some(socket) = &mut self.socket else {
            return Ok(());
        };
        if end {
            // Linux has it, as Envoy's release for comparison does; elsewhere the end may come
            // in a packet of its own.
            #[cfg(any(target_os = "linux", target_os = "android"))]
            let _ = socket2::SockRef::from(&*socket).set_tcp_cork(true);
        }
        if let Err(error) = socket.write_all(bytes)
            && error.kind() == std::io::ErrorKind::WouldBlock
        {
            return Err(format!("Envoy did not read on for {WRITE_LIMIT:?}"));
        }
        // After any other error Envoy is done with this connection: nothing arrives any more.
        if end {
            let _ = socket.shutdown(Shutdown::Write);
        }
        Ok(())
    }

    /// Breaks off, without an orderly end.
    fn reset(&mut self) -> Result<(), String> {
        let Some(socket) = self.socket.take() else {
            return Ok(());
        };
        // A reset is sent when the last handle is dropped; the reader has one.
        let _ = socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO));
        // What the reader sees of this is the peer's own doing.
        let before = self.seen();
        let _ = socket.shutdown(Shutdown::Read);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        *lock(&self.seen) = before;
        Ok(())
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if let Some(socket) = &self.socket {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

fn read(mut from: TcpStream, seen: &Mutex<ReceivedBytes>) {
    let mut bytes = vec![0; READ_BYTES];
    loop {
        let count = from.read(&mut bytes);
        let mut seen = lock(seen);
        match count {
            Ok(0) => seen.ended = true,
            Ok(count) => {
                seen.bytes.extend(&bytes[..count]);
                seen.chunks.push(count);
                continue;
            }
            Err(_) => seen.reset = true,
        }
        return;
    }
}

fn text(error: std::io::Error) -> String {
    error.to_string()
}
