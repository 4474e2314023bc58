//! Name lookups, which the test answers.

use wasmtime::Linker;

use super::host_functions;
use crate::call::Call;
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
    let id = call.vm_mut().dns.begin(name);
    call.write_u32(out, id)
}
