//! Name lookups. The test answers them, but for addresses, which need no name server.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use wasmtime::Linker;

use super::host_functions;
use crate::call::Call;
use crate::dns::{self, DnsAddress};
use crate::status::Outcome;
use crate::vm::Vm;

pub(super) fn link(linker: &mut Linker<Vm>) -> wasmtime::Result<()> {
    host_functions!(linker, "env",
        "envoy_resolve_dns" => resolve, (name: u32, name_len: u32, out: u32);
    );
    Ok(())
}

fn resolve(call: &mut Call<'_>, name: u32, name_len: u32, out: u32) -> Outcome {
    let name = String::from_utf8_lossy(&call.read(name, name_len)?).into_owned();
    call.write_u32(out, 0)?;
    let address: Option<IpAddr> = name.parse().ok();
    let id = call.vm_mut().dns.begin(name);
    if let Some(address) = address {
        answer_at_once(call, id, address)?;
    }
    call.write_u32(out, id)
}

/// An address is its own answer, and the guest hears it while it is still inside
/// `envoy_resolve_dns` (seen on Envoy 1.40).
fn answer_at_once(call: &mut Call<'_>, id: u32, address: IpAddr) -> Outcome {
    let address = DnsAddress {
        address: SocketAddr::new(address, 0).to_string(),
        ttl: Duration::ZERO,
    };
    let data = dns::encode(&[address]);
    let size = data.len() as u32;
    let vm = call.vm_mut();
    vm.dns.pending.remove(&id);
    let outer = std::mem::replace(&mut vm.call_data, data);
    let exports = vm.exports.clone();
    let function = exports.as_deref().and_then(|e| e.resolve_dns.as_ref());
    let answered = call.reenter("envoy_on_resolve_dns", function, [id, size]);
    call.vm_mut().call_data = outer;
    answered
}
