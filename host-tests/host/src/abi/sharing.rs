//! Shared data and shared queues.

use wasmtime::Linker;

use super::host_functions;
use crate::call::Call;
use crate::queues::Owner;
use crate::status::{Outcome, Status};
use crate::vm::{ROOT, Vm};

pub(super) fn link(linker: &mut Linker<Vm>) -> wasmtime::Result<()> {
    host_functions!(linker, "env",
        "proxy_get_shared_data" => get_data, (key: u32, key_len: u32, ptr: u32, len: u32, cas: u32);
        "proxy_set_shared_data" => set_data, (key: u32, key_len: u32, value: u32, value_len: u32, cas: u32);
        "proxy_register_shared_queue" => register, (name: u32, len: u32, out: u32);
        "proxy_resolve_shared_queue" => resolve, (vm_id: u32, vm_id_len: u32, name: u32, len: u32, out: u32);
        "proxy_enqueue_shared_queue" => enqueue, (token: u32, value: u32, len: u32);
        "proxy_dequeue_shared_queue" => dequeue, (token: u32, ptr: u32, len: u32);
    );
    Ok(())
}

fn get_data(call: &mut Call<'_>, key: u32, key_len: u32, ptr: u32, len: u32, cas: u32) -> Outcome {
    let key = call.read(key, key_len)?;
    let vm = call.vm();
    let found = vm.shared.data().get(&vm.plugin.vm_id, &key);
    let (value, version) = found.ok_or(Status::NotFound)?;
    call.give(&value, ptr, len)?;
    call.write_u32(cas, version)
}

fn set_data(
    call: &mut Call<'_>,
    key: u32,
    key_len: u32,
    value: u32,
    value_len: u32,
    cas: u32,
) -> Outcome {
    let (key, value) = (call.read(key, key_len)?, call.read(value, value_len)?);
    let vm = call.vm();
    Ok(vm.shared.data().set(&vm.plugin.vm_id, &key, &value, cas)?)
}

/// The root context hears of new items, whichever context registers (seen on Envoy 1.40).
fn register(call: &mut Call<'_>, name: u32, len: u32, out: u32) -> Outcome {
    let name = call.read(name, len)?;
    let vm = call.vm();
    let owner = Owner {
        worker: vm.worker,
        context: ROOT,
    };
    let token = vm.shared.queues().register(&vm.plugin.vm_id, &name, owner);
    call.write_u32(out, token)
}

fn resolve(
    call: &mut Call<'_>,
    vm_id: u32,
    vm_id_len: u32,
    name: u32,
    len: u32,
    out: u32,
) -> Outcome {
    let (vm_id, name) = (call.read(vm_id, vm_id_len)?, call.read(name, len)?);
    let vm = call.vm();
    let vm_id = match String::from_utf8_lossy(&vm_id) {
        id if id.is_empty() => vm.plugin.vm_id.clone(),
        id => id.into_owned(),
    };
    let token = vm
        .shared
        .queues()
        .resolve(&vm_id, &name)
        .ok_or(Status::NotFound)?;
    call.write_u32(out, token)
}

fn enqueue(call: &mut Call<'_>, token: u32, value: u32, len: u32) -> Outcome {
    let value = call.read(value, len)?;
    Ok(call.vm().shared.queues().enqueue(token, value)?)
}

fn dequeue(call: &mut Call<'_>, token: u32, ptr: u32, len: u32) -> Outcome {
    let value = call.vm().shared.queues().dequeue(token)?;
    call.give(&value, ptr, len)
}
