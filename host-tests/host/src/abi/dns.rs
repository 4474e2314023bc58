//! Name lookups, which the test answers where Envoy would have to ask.

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
    match dns::known(&name) {
        Some(address) => {
            let id = call.vm_mut().dns.next();
            answer(call, id, &[address])?;
            call.write_u32(out, id)
        }
        None => {
            let id = call.vm_mut().dns.begin(name);
            call.write_u32(out, id)
        }
    }
}

/// The answer comes before the number that it is about.
fn answer(call: &mut Call<'_>, id: u32, addresses: &[DnsAddress]) -> Outcome {
    let data = dns::encode(addresses);
    let size = data.len() as u32;
    let outer = std::mem::replace(&mut call.vm_mut().call_data, data);
    let exports = call.vm().exports.clone();
    let function = exports.as_ref().and_then(|e| e.resolve_dns.as_ref());
    call.reenter("envoy_on_resolve_dns", function, [id, size])?;
    call.vm_mut().call_data = outer;
    Ok(())
}
