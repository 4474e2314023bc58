//! Envoy's foreign functions.

use std::collections::btree_map::Entry;
use std::io::Read;

use flate2::Compression;
use flate2::read::{ZlibDecoder, ZlibEncoder};
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

/// What Envoy has and this host has not: CEL expressions, and signatures. Envoy never gives
/// UNIMPLEMENTED for them, so no filter takes it for an answer.
const NOT_OFFERED: [&[u8]; 5] = [
    b"expr_create",
    b"expr_evaluate",
    b"expr_delete",
    b"sign",
    b"verify_signature",
];

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
    let mut result = Vec::new();
    match name.as_slice() {
        b"compress" => result = compress(&arguments)?,
        b"uncompress" => result = uncompress(&arguments, call.vm().plugin.memory_limit)?,
        b"set_envoy_filter_state" => set_filter_state(call.vm_mut(), &arguments)?,
        b"declare_property" => declare_property(call.vm_mut(), &arguments)?,
        // There is one route and no route cache here. Outside of a stream there is nothing to
        // clear, and that is OK too (seen on Envoy 1.40).
        b"clear_route_cache" => {}
        name if NOT_OFFERED.contains(&name) => return Err(Status::Unimplemented.into()),
        _ => return Err(Status::NotFound.into()),
    }
    call.work(result.len() as u64)?;
    // Pointers of 0 say that no result is wanted.
    if ptr != 0 && len != 0 {
        call.give(&result, ptr, len)
    } else {
        Ok(())
    }
}

/// zlib's format. Envoy's own bytes may differ: its zlib is another one.
fn compress(bytes: &[u8]) -> Result<Vec<u8>, Status> {
    let mut encoder = ZlibEncoder::new(bytes, Compression::default());
    let mut out = Vec::new();
    let read = encoder.read_to_end(&mut out);
    read.map(|_| out).map_err(|_| Status::SerializationFailure)
}

/// What follows the end of the stream is ignored; what would not fit into the guest's
/// memory is refused.
fn uncompress(bytes: &[u8], limit: usize) -> Result<Vec<u8>, Status> {
    let mut decoder = ZlibDecoder::new(bytes).take((limit as u64).saturating_add(1));
    let mut out = Vec::new();
    let read = decoder.read_to_end(&mut out);
    if read.is_err() || out.len() > limit {
        return Err(Status::SerializationFailure);
    }
    Ok(out)
}

/// `DeclarePropertyArguments`: name 1, read-only 2 (Envoy `wasm/ext/declare_property.proto`).
/// Envoy keeps declarations with the context that is called, and `proxy_set_property` asks
/// only the root context's: in a stream's callback it is accepted without effect (seen on
/// Envoy 1.40).
fn declare_property(vm: &mut Vm, arguments: &[u8]) -> Result<(), Status> {
    let (mut name, mut read_only) = (Vec::new(), false);
    for field in protobuf::fields(arguments) {
        match field.ok_or(Status::BadArgument)? {
            (1, Value::Bytes(bytes)) => name = bytes.to_vec(),
            (2, Value::Varint(number)) => read_only = number != 0,
            _ => {}
        }
    }
    match vm.declared_properties.entry((vm.true_context, name)) {
        Entry::Occupied(_) => Err(Status::BadArgument),
        Entry::Vacant(entry) => {
            entry.insert(read_only);
            Ok(())
        }
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
    // Of the effective context, as seen on Envoy 1.40.
    let state = vm.filter_state_mut(vm.context());
    state
        .ok_or(Status::NotFound)?
        .insert(path, FilterState { value, life_span });
    Ok(())
}
