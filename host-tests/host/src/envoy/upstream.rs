//! A scripted upstream or callout target: accepts connections, answers only when told.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::flow::Protocol;
use crate::shared::lock;

use super::connection::Connection;

/// Envoy writes the PROXY line with the first bytes of a request.
const LINE_LIMIT: Duration = Duration::from_secs(5);
/// Longest PROXY line of version 1 (its specification, section 2.1).
const LONGEST_LINE: usize = 107;

/// Connections by the client's port, in the order of their arrival otherwise.
type Connections<C> = Arc<Mutex<Vec<(u16, C)>>>;

/// A server on a port of its own, and its ends of connections. Its thread ends with it.
pub struct Upstream<C = Connection> {
    address: SocketAddr,
    connections: Connections<C>,
    accept: Arc<Accept<C>>,
    /// None while connections are refused.
    listening: Option<Listening>,
}

/// Makes a socket an end of a connection; with the client's port where a line of the PROXY
/// protocol says it.
type Accept<C> = dyn Fn(TcpStream) -> Option<(u16, C)> + Send + Sync;

struct Listening {
    over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Upstream {
    /// Listens on loopback. With `proxied`, connections begin with a line of the PROXY
    /// protocol, which says whose client's request they carry.
    ///
    /// # Errors
    /// When the system gives no port.
    pub fn listen(protocol: Protocol, proxied: bool) -> std::io::Result<Self> {
        Self::listen_with(proxied, move |socket| Connection::server(socket, protocol))
    }
}

impl<C: Send + 'static> Upstream<C> {
    /// As [`Upstream::listen`], with `server` to make a socket an end of a connection.
    ///
    /// # Errors
    /// When the system gives no port.
    pub fn listen_with(
        proxied: bool,
        server: impl Fn(TcpStream) -> std::io::Result<C> + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let mut upstream = Self {
            address: listener.local_addr()?,
            connections: Connections::default(),
            accept: Arc::new(move |socket| {
                let port = match proxied {
                    true => client_port(&socket)?,
                    false => 0,
                };
                Some((port, server(socket).ok()?))
            }),
            listening: None,
        };
        upstream.serve(listener);
        Ok(upstream)
    }

    /// Refuses connections from now on, or takes them again.
    ///
    /// # Errors
    /// When the system has given the port away in the meantime.
    pub fn refuse(&mut self, refuse: bool) -> std::io::Result<()> {
        match (refuse, self.listening.is_some()) {
            (true, true) => self.stop(),
            (false, false) => self.serve(TcpListener::bind(self.address)?),
            _ => {}
        }
        Ok(())
    }

    fn serve(&mut self, listener: TcpListener) {
        let over = Arc::new(AtomicBool::new(false));
        let (is_over, accept) = (over.clone(), self.accept.clone());
        let connections = self.connections.clone();
        let thread = std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                if let Some(connection) = accept(socket) {
                    lock(&connections).push(connection);
                }
            }
        });
        self.listening = Some(Listening { over, thread });
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Looks at the latest connection that carries requests of the client at `port`.
    pub fn with<R>(&self, port: u16, look: impl FnOnce(&mut C) -> R) -> Option<R> {
        let mut connections = lock(&self.connections);
        let mut found = connections.iter_mut().rev().filter(|(of, _)| *of == port);
        found.next().map(|(_, connection)| look(connection))
    }

    /// Looks at the connection that was accepted as number `at`, from 0.
    pub fn nth<R>(&self, at: usize, look: impl FnOnce(&mut C) -> R) -> Option<R> {
        let mut connections = lock(&self.connections);
        connections
            .get_mut(at)
            .map(|(_, connection)| look(connection))
    }

    /// Looks at all connections.
    pub fn all<R>(&self, mut look: impl FnMut(&mut C) -> R) -> Vec<R> {
        let mut connections = lock(&self.connections);
        let all = connections.iter_mut();
        all.map(|(_, connection)| look(connection)).collect()
    }
}

impl<C> Upstream<C> {
    /// Closes the port.
    fn stop(&mut self) {
        if let Some(Listening { over, thread }) = self.listening.take() {
            over.store(true, Ordering::Relaxed);
            // Wakes the thread that accepts.
            let _ = TcpStream::connect(self.address);
            let _ = thread.join();
        }
    }
}

impl<C> Drop for Upstream<C> {
    fn drop(&mut self) {
        self.stop();
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
