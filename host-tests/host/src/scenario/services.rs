//! The other end of a filter's gRPC calls and name lookups on this harness.

use std::net::SocketAddr;

use crate::dns::DnsAddress;
use crate::grpc_calls::{GrpcCall, GrpcEvent};
use crate::headers::Headers;
use crate::worker::Worker;

use super::event::Action;
use super::file::Lookup;
use super::grpc::{GrpcCallee, GrpcSent, method};
use super::play::Harness;
use super::presented;

/// A step's `lookup` as an event.
///
/// # Errors
/// When an address is none.
pub(super) fn lookup(lookup: Lookup) -> Result<Action, String> {
    let ttl = lookup.ttl.0;
    let is_none = |address: &&String| address.parse::<SocketAddr>().is_err();
    if let Some(address) = lookup.addresses.iter().find(is_none) {
        return Err(format!(
            "`{address}` is no address with a port: write it as in `127.0.0.1:0` or `[::1]:0`"
        ));
    }
    let addresses = lookup.addresses.into_iter();
    let addresses = addresses.map(|address| DnsAddress { address, ttl });
    Ok(Action::Lookup {
        name: lookup.name,
        addresses: addresses.collect(),
    })
}

impl Harness {
    /// The oldest open call or stream that fits, and its worker.
    fn open_grpc(&self, callee: &GrpcCallee) -> Option<(&Worker, GrpcCall)> {
        let calls = self.workers().iter().flat_map(|worker| {
            let calls = worker.grpc_calls().into_iter();
            calls.map(move |call| (worker, call))
        });
        let mut calls = calls.filter(|(_, call)| callee.fits(&call.service, &method(call)));
        calls.next()
    }

    pub(super) fn grpc_sent(&self, callee: &GrpcCallee) -> Option<GrpcSent> {
        self.open_grpc(callee).map(|(_, call)| (&call).into())
    }

    pub(super) fn act_grpc(
        &self,
        callee: &GrpcCallee,
        event: Option<&GrpcEvent>,
    ) -> Result<(), String> {
        let (worker, call) = self.open_grpc(callee).ok_or_else(|| callee.missing())?;
        let answer = |event| worker.answer_grpc_call(call.id, event);
        let Some(event) = event else { return Ok(()) };
        let (head, then) = match event {
            GrpcEvent::InitialMetadata(metadata) => (Some(metadata.clone()), None),
            // A message is never the first that comes; a second head changes nothing.
            GrpcEvent::Message(_) => (Some(Headers::new()), Some(event.clone())),
            GrpcEvent::End { .. } | GrpcEvent::Reset => (None, Some(event.clone())),
        };
        if let Some(metadata) = head {
            let head = presented::grpc_head(&metadata, call.half_closed);
            let begun = answer(GrpcEvent::InitialMetadata(head));
            if !begun && then.is_none() {
                return Err("the service has begun its response already".to_owned());
            }
        }
        if let Some(event) = then {
            answer(event);
        }
        Ok(())
    }

    /// The open calls and streams as scenarios list them.
    pub(super) fn grpc_open(&self) -> Vec<String> {
        let calls = self.workers().iter().flat_map(Worker::grpc_calls);
        let mut open: Vec<_> = calls
            .map(|call| format!("{} {}", call.service, method(&call)))
            .collect();
        open.sort();
        open
    }

    pub(super) fn look_up(&self, name: &str, addresses: &[DnsAddress]) -> Result<(), String> {
        for worker in self.workers() {
            let lookups = worker.dns_lookups();
            if let Some(lookup) = lookups.iter().find(|lookup| lookup.name == name) {
                worker.answer_dns_lookup(lookup.id, addresses);
                return Ok(());
            }
        }
        Err(format!("the filter has no open lookup of `{name}`"))
    }

    pub(super) fn lookups(&self) -> Vec<String> {
        let lookups = self.workers().iter().flat_map(Worker::dns_lookups);
        lookups.map(|lookup| lookup.name).collect()
    }
}
