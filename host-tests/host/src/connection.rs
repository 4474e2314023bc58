//! A TCP connection as its two peers drive it, and everything that came out of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::connection_state::{ConnectionEnd, ConnectionState, ReceivedBytes, Unread};
use crate::costs::Costs;
use crate::guest::{Guest, lock_guest};
use crate::message::{FilterState, dotted};

/// One TCP connection through the filter.
///
/// The methods in `downstream` play the client, those in `upstream` the upstream. An event
/// that a real peer could not deliver any more, or that Envoy would not notice, changes
/// nothing and is listed by [`Connection::ignored`].
pub struct Connection {
    guest: Arc<Mutex<Guest>>,
    /// Which of the worker's VMs, if it was started anew.
    generation: u32,
    id: u32,
}

impl Connection {
    pub(crate) fn new(guest: Arc<Mutex<Guest>>, generation: u32, id: u32) -> Self {
        Self {
            guest,
            generation,
            id,
        }
    }

    /// The number of the connection's context in the guest.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The client sends bytes, and with `end` ends its half: both reach Envoy in one read.
    /// No bytes and `end` is the end alone.
    pub fn downstream_data(&mut self, bytes: impl AsRef<[u8]>, end: bool) -> &mut Self {
        let bytes = bytes.as_ref().to_vec();
        if bytes.is_empty() && !end {
            return self;
        }
        self.event("downstream data", client_goes_on, |guest, id| {
            guest.downstream_data(id, bytes, end)
        })
    }

    /// The upstream sends bytes, and with `end` ends its half: both reach Envoy in one read.
    /// No bytes and `end` is the end alone.
    pub fn upstream_data(&mut self, bytes: impl AsRef<[u8]>, end: bool) -> &mut Self {
        let bytes = bytes.as_ref().to_vec();
        if bytes.is_empty() && !end {
            return self;
        }
        self.event("upstream data", upstream_goes_on, |guest, id| {
            guest.upstream_data(id, bytes, end)
        })
    }

    /// The client breaks off. Envoy does not notice when the client has ended its half.
    pub fn reset_by_client(&mut self) -> &mut Self {
        self.event("client reset", client_goes_on, Guest::client_reset)
    }

    /// The upstream breaks off. Envoy does not notice when the upstream has ended its half.
    pub fn reset_by_upstream(&mut self) -> &mut Self {
        self.event("upstream reset", upstream_goes_on, Guest::upstream_reset)
    }

    /// What the upstream has received; `None` when it was never connected.
    pub fn upstream(&self) -> Option<ReceivedBytes> {
        self.inspect(|state| state.connected.then(|| state.downstream.out.clone()))
    }

    /// What the client has received.
    pub fn client(&self) -> ReceivedBytes {
        self.inspect(|state| state.upstream.out.clone())
    }

    /// How the connection ended; `None` while it goes on.
    pub fn end(&self) -> Option<ConnectionEnd> {
        self.inspect(|state| state.end)
    }

    /// A property the filter set; path segments joined with NUL, as it gave them.
    pub fn property(&self, path: &str) -> Option<Vec<u8>> {
        self.inspect(|state| state.properties.get(path.as_bytes()).cloned())
    }

    /// All properties the filter set, by path with its segments joined by `.`.
    pub fn properties(&self) -> BTreeMap<String, Vec<u8>> {
        self.inspect(|state| dotted(&state.properties))
    }

    /// Filter state that the filter set by `set_envoy_filter_state`, by key; Envoy's
    /// `tcp_proxy` goes where `envoy.tcp_proxy.cluster` says, when it is there in time.
    pub fn filter_state(&self) -> BTreeMap<String, FilterState> {
        self.inspect(|state| state.filter_state.clone())
    }

    /// What the connection's own callbacks cost so far.
    pub fn costs(&self) -> Costs {
        self.inspect(|state| state.costs)
    }

    /// Events that changed nothing because they could not happen any more, with the reason.
    pub fn ignored(&self) -> Vec<String> {
        self.inspect(|state| state.ignored.clone())
    }

    fn event(
        &mut self,
        name: &str,
        possible: impl FnOnce(&ConnectionState) -> bool,
        deliver: impl FnOnce(&mut Guest, u32),
    ) -> &mut Self {
        let mut current = lock_guest(&self.guest);
        let Some(guest) = current.of_generation(self.generation) else {
            drop(current);
            return self;
        };
        if let Some(state) = guest.vm_mut().connections.get_mut(&self.id) {
            let reason = match state.end {
                Some(end) => Some(format!("the connection is over ({end:?})")),
                None if possible(state) => None,
                None => Some("it does not follow from what came before".to_owned()),
            };
            if let Some(reason) = reason {
                state.ignored.push(format!("{name}: {reason}"));
            } else {
                deliver(guest, self.id);
                guest.settle();
            }
        }
        drop(current);
        self
    }

    fn inspect<R: Default>(&self, look: impl FnOnce(&ConnectionState) -> R) -> R {
        let mut current = lock_guest(&self.guest);
        let guest = current.of_generation(self.generation);
        let state = guest.and_then(|guest| guest.vm().connections.get(&self.id));
        state.map(look).unwrap_or_default()
    }
}

/// True until the client's last word, which Envoy may not have read yet.
fn client_goes_on(state: &ConnectionState) -> bool {
    let last = |unread: &Unread| matches!(unread, Unread::Data(_, true) | Unread::Reset);
    !state.downstream.ended && !state.unread.iter().any(last)
}

fn upstream_goes_on(state: &ConnectionState) -> bool {
    state.connected && !state.upstream.ended
}

/// A connection's record goes with its handle, once it is over.
impl Drop for Connection {
    fn drop(&mut self) {
        let mut current = lock_guest(&self.guest);
        let Some(guest) = current.of_generation(self.generation) else {
            return;
        };
        let connections = &mut guest.vm_mut().connections;
        if connections
            .get(&self.id)
            .is_some_and(|state| state.end.is_some())
        {
            connections.remove(&self.id);
        }
    }
}
