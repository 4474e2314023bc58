//! Name lookups: `envoy_resolve_dns`, which Envoy adds to the ABI.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::guest::Guest;
use crate::vm::ROOT;

/// A name that the filter asked for and nobody has answered yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsLookup {
    /// The number the guest knows it by: 2, 3, 4… (seen on Envoy 1.40).
    pub id: u32,
    /// The name.
    pub name: String,
}

/// One address in the answer to a [`DnsLookup`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsAddress {
    /// As Envoy writes addresses, with a port of 0: `127.0.0.1:0`, `[::1]:0`.
    pub address: String,
    /// How long it holds; whole seconds are told.
    pub ttl: Duration,
}

/// The lookups of one VM.
#[derive(Debug)]
pub(crate) struct DnsLookups {
    pub pending: BTreeMap<u32, String>,
    last: u32,
}

impl Default for DnsLookups {
    fn default() -> Self {
        Self {
            pending: BTreeMap::new(),
            last: 1,
        }
    }
}

impl DnsLookups {
    /// The number of a new lookup.
    pub fn next(&mut self) -> u32 {
        self.last += 1;
        self.last
    }

    pub fn begin(&mut self, name: String) -> u32 {
        let id = self.next();
        self.pending.insert(id, name);
        id
    }
}

impl Guest {
    /// `envoy_on_resolve_dns` on the root context; no addresses: the name does not exist.
    /// False when nobody waits for the answer.
    pub fn answer_dns(&mut self, id: u32, addresses: &[DnsAddress]) -> bool {
        let vm = self.vm_mut();
        if vm.dns.pending.remove(&id).is_none() {
            return false;
        }
        vm.call_data = encode(addresses);
        let size = vm.call_data.len() as u32;
        let exports = self.exports.clone();
        let function = exports.resolve_dns.as_ref();
        let name = "envoy_on_resolve_dns";
        self.call(name, ROOT, function, (ROOT, id, size), &[ROOT, id, size]);
        self.vm_mut().call_data.clear();
        self.settle();
        true
    }
}

/// What Envoy knows without asking, and says inside `envoy_resolve_dns`: an address, and
/// `localhost`, of whose two it takes IPv6's (seen on Envoy 1.40).
pub(crate) fn known(name: &str) -> Option<DnsAddress> {
    let address: IpAddr = match name {
        "localhost" => Ipv6Addr::LOCALHOST.into(),
        name => name.parse().ok()?,
    };
    Some(DnsAddress {
        address: SocketAddr::new(address, 0).to_string(),
        ttl: Duration::ZERO,
    })
}

/// A count, a TTL in seconds for each address, and the addresses, each with a NUL behind
/// (`Context::onResolveDns`).
pub(crate) fn encode(addresses: &[DnsAddress]) -> Vec<u8> {
    let mut out = (addresses.len() as u32).to_le_bytes().to_vec();
    for address in addresses {
        let seconds = u32::try_from(address.ttl.as_secs()).unwrap_or(u32::MAX);
        out.extend(seconds.to_le_bytes());
    }
    for address in addresses {
        out.extend(address.address.as_bytes());
        out.push(0);
    }
    out
}
