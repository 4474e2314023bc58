//! Envoy's foreign functions.

use wasmtime::Linker;

use super::host_functions;
use crate::call::Call;
use crate::message::FilterState;
use crate::protobuf::{self, Value};
use crate::status::{Outcome, Status};
use crate::vm::Vm;

/// Filter-state keys that Envoy registers a factory for and filters commonly set.
const TEXT_KEYS: [&str; 5] = [
    "envoy.string",
    "envoy.tcp_proxy.cluster",
    "envoy.upstream.dynamic_host",
    "envoy.network.upstream_server_name",
    "envoy.network.application_protocols",
];
const NUMBER_KEYS: [&str; 2] = ["envoy.ratelimit.hits_addend", "envoy.upstream.dynamic_port"];

pub(super) fn link(linker: &mut Linker<Vm>) -> wasmtime::Result<()> {
    host_functions!(linker, "env",
        "proxy_call_foreign_function" => call_function, (name: u32, name_len: u32, arguments: u32,
            arguments_len: u32, ptr: u32, len: u32);
    );
    Ok(())
}

fn call_function(
    call: &mut Call<'_>,
    name: u32,
    name_len: u32,
    arguments: u32,
    arguments_len: u32,
    ptr: u32,
    len: u32,
) -> Outcome {
    let name = call.read(name, name_len)?;
    let arguments = call.read(arguments, arguments_len)?;
    match name.as_slice() {
        b"set_envoy_filter_state" => set_filter_state(call.vm_mut(), &arguments)?,
        // There is one route and no route cache here.
        b"clear_route_cache"
            if call.vm().stream().is_some() || call.vm().connection().is_some() => {}
        _ => return Err(Status::NotFound.into()),
    }
    // Neither gives a result; pointers of 0 say that none is wanted.
    if ptr != 0 && len != 0 {
        call.give(&[], ptr, len)
    } else {
        Ok(())
    }
}

/// `SetEnvoyFilterStateArguments`: path 1, value 2, span 3 (Envoy `wasm/ext/set_envoy_filter_state.proto`).
fn set_filter_state(vm: &mut Vm, arguments: &[u8]) -> Result<(), Status> {
    let (mut path, mut value, mut life_span) = (Vec::new(), Vec::new(), 0);
    for field in protobuf::fields(arguments) {
        match field.ok_or(Status::BadArgument)? {
            (1, Value::Bytes(bytes)) => path = bytes.to_vec(),
            (2, Value::Bytes(bytes)) => value = bytes.to_vec(),
            (3, Value::Varint(number)) => life_span = number,
            _ => {}
        }
    }
    let path = String::from_utf8(path).map_err(|_| Status::BadArgument)?;
    if NUMBER_KEYS.contains(&path.as_str()) {
        let text = std::str::from_utf8(&value).map_err(|_| Status::BadArgument)?;
        text.parse::<u64>().map_err(|_| Status::BadArgument)?;
    } else if !TEXT_KEYS.contains(&path.as_str()) {
        return Err(Status::NotFound);
    }
    // Envoy takes the true context here, not the effective one (`foreign.cc`).
    let state = vm.filter_state_mut(vm.true_context);
    state
        .ok_or(Status::NotFound)?
        .insert(path, FilterState { value, life_span });
    Ok(())
}
