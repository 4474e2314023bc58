//! Metrics.

use wasmtime::Linker;

use super::host_functions;
use crate::call::Call;
use crate::status::Outcome;
use crate::vm::Vm;

pub(super) fn link(linker: &mut Linker<Vm>) -> wasmtime::Result<()> {
    host_functions!(linker, "env",
        "proxy_define_metric" => define, (kind: u32, name: u32, len: u32, out: u32);
        "proxy_increment_metric" => increment, (id: u32, delta: i64);
        "proxy_record_metric" => record, (id: u32, value: u64);
        "proxy_get_metric" => get, (id: u32, out: u32);
    );
    Ok(())
}

fn define(call: &mut Call<'_>, kind: u32, name: u32, len: u32, out: u32) -> Outcome {
    let name = call.read(name, len)?;
    let shared = call.vm().shared.clone();
    let id = call
        .vm_mut()
        .metrics
        .define(&mut shared.stats(), kind, &name)?;
    call.write_u32(out, id)
}

fn increment(call: &mut Call<'_>, id: u32, delta: i64) -> Outcome {
    let vm = call.vm();
    Ok(vm.metrics.increment(&mut vm.shared.stats(), id, delta)?)
}

fn record(call: &mut Call<'_>, id: u32, value: u64) -> Outcome {
    let vm = call.vm();
    Ok(vm.metrics.record(&mut vm.shared.stats(), id, value)?)
}

fn get(call: &mut Call<'_>, id: u32, out: u32) -> Outcome {
    let vm = call.vm();
    let value = vm.metrics.get(&mut vm.shared.stats(), id)?;
    call.write_u64(out, value)
}
