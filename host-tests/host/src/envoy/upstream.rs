//! A scripted upstream or callout target: accepts connections, answers only when told.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::shared::lock;

use super::connection::Connection;
use super::http1::Kind;

/// Envoy writes the PROXY line with the first bytes of a request.
const LINE_LIMIT: Duration = Duration::from_secs(5);
/// Longest PROXY line of version 1 (its specification, section 2.1).
const LONGEST_LINE: usize = 107;

/// Connections by the client's port, in the order of their arrival otherwise.
type Connections = Arc<Mutex<Vec<(u16, Connection)>>>;

/// A server on a port of its own.
pub struct Upstream {
    address: SocketAddr,
    connections: Connections,
}

impl Upstream {
    /// Listens on loopback. With `proxied`, connections begin with a line of the PROXY
    /// protocol, which says whose client's request they carry.
    ///
    /// # Errors
    /// When the system gives no port.
    pub fn listen(proxied: bool) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let connections = Connections::default();
        let accepted = Arc::downgrade(&connections);
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let Some(connections) = accepted.upgrade() else {
                    return;
                };
                let port = if proxied {
                    client_port(&socket)
                } else {
                    Some(0)
                };
                let connection =
                    port.map(|port| (port, Connection::new(socket, Kind::Requests, Vec::new())));
                if let Some((port, Ok(connection))) = connection {
                    lock(&connections).push((port, connection));
                }
            }
        });
        Ok(Self {
            address,
            connections,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Looks at the latest connection that carries requests of the client at `port`.
    pub fn with<R>(&self, port: u16, look: impl FnOnce(&mut Connection) -> R) -> Option<R> {
        let mut connections = lock(&self.connections);
        let mut found = connections.iter_mut().rev().filter(|(of, _)| *of == port);
        found.next().map(|(_, connection)| look(connection))
    }

    /// Looks at the connection that was accepted as number `at`, from 0.
    pub fn nth<R>(&self, at: usize, look: impl FnOnce(&mut Connection) -> R) -> Option<R> {
        let mut connections = lock(&self.connections);
        connections
            .get_mut(at)
            .map(|(_, connection)| look(connection))
    }

    /// Looks at all connections.
    pub fn all<R>(&self, mut look: impl FnMut(&mut Connection) -> R) -> Vec<R> {
        let mut connections = lock(&self.connections);
        let all = connections.iter_mut();
        all.map(|(_, connection)| look(connection)).collect()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        // Wakes the thread that accepts, which then finds nobody to accept for.
        self.connections = Connections::default();
        let _ = TcpStream::connect(self.address);
    }
}

/// The port in `PROXY TCP4 127.0.0.1 127.0.0.1 PORT PORT`.
fn client_port(mut socket: &TcpStream) -> Option<u16> {
    socket.set_read_timeout(Some(LINE_LIMIT)).ok()?;
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") && line.len() < LONGEST_LINE {
        let mut byte = [0];
        socket.read_exact(&mut byte).ok()?;
        line.extend(byte);
    }
    socket.set_read_timeout(None).ok()?;
    let line = String::from_utf8(line).ok()?;
    let mut words = line.strip_prefix("PROXY TCP4 ")?.split_whitespace();
    words.nth(2)?.parse().ok()
}

/// Connections by their kind of number, so that a look-up is by name.
pub type Upstreams = BTreeMap<String, Upstream>;
