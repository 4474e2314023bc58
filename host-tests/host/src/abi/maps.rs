//! Header and trailer maps.

use wasmtime::Linker;

use super::host_functions;
use crate::call::Call;
use crate::headers::Headers;
use crate::inline_headers::MapKind;
use crate::status::{Outcome, Status};
use crate::vm::Vm;

const REQUEST_HEADERS: u32 = 0;
const REQUEST_TRAILERS: u32 = 1;
const RESPONSE_HEADERS: u32 = 2;
const RESPONSE_TRAILERS: u32 = 3;
const GRPC_INITIAL_METADATA: u32 = 4;
const GRPC_TRAILING_METADATA: u32 = 5;
const HTTP_CALL_HEADERS: u32 = 6;
const HTTP_CALL_TRAILERS: u32 = 7;
const LAST_MAP: u32 = 7;

pub(super) fn link(linker: &mut Linker<Vm>) -> wasmtime::Result<()> {
    host_functions!(linker, "env",
        "proxy_get_header_map_size" => size, (map: u32, out: u32);
        "proxy_get_header_map_pairs" => pairs, (map: u32, ptr: u32, len: u32);
        "proxy_set_header_map_pairs" => set_pairs, (map: u32, data: u32, len: u32);
        "proxy_get_header_map_value" => value, (map: u32, key: u32, key_len: u32, ptr: u32, len: u32);
        "proxy_add_header_map_value" => add, (map: u32, key: u32, key_len: u32, value: u32, value_len: u32);
        "proxy_replace_header_map_value" => replace, (map: u32, key: u32, key_len: u32, value: u32, value_len: u32);
        "proxy_remove_header_map_value" => remove, (map: u32, key: u32, key_len: u32);
    );
    Ok(())
}

/// What is there of metadata, and answers of HTTP calls, are maps of a response.
fn kind(map: u32) -> MapKind {
    match map {
        REQUEST_HEADERS => MapKind::RequestHeaders,
        REQUEST_TRAILERS => MapKind::RequestTrailers,
        RESPONSE_TRAILERS | GRPC_TRAILING_METADATA | HTTP_CALL_TRAILERS => {
            MapKind::ResponseTrailers
        }
        _ => MapKind::ResponseHeaders,
    }
}

/// The map as reads see it. The log phase shows what the access log gets: both header maps
/// and the response's trailers (`Context::getConstMap`).
fn find(vm: &Vm, map: u32) -> Result<Option<&Headers>, Status> {
    if map > LAST_MAP {
        return Err(Status::BadArgument);
    }
    let stream = vm.stream();
    let answer = vm.http_answer.as_ref();
    Ok(match map {
        REQUEST_HEADERS => stream
            .filter(|s| s.request.headers_visible || (s.logging && s.request.started))
            .map(|s| &s.request.headers),
        REQUEST_TRAILERS => stream
            .filter(|s| s.request.trailers_visible)
            .and_then(|s| s.request.trailers.as_ref()),
        RESPONSE_HEADERS => stream
            .filter(|s| s.response.headers_visible || (s.logging && s.response.started))
            .map(|s| &s.response.headers),
        RESPONSE_TRAILERS => stream
            .filter(|s| s.response.trailers_visible || s.logging)
            .and_then(|s| s.response.trailers.as_ref()),
        GRPC_INITIAL_METADATA => vm.grpc.visible.initial_metadata.as_ref(),
        GRPC_TRAILING_METADATA => vm.grpc.visible.trailing_metadata.as_ref(),
        HTTP_CALL_HEADERS => answer.map(|answer| &answer.headers),
        HTTP_CALL_TRAILERS => answer
            .map(|answer| &answer.trailers)
            .filter(|trailers| !trailers.is_empty()),
        _ => None,
    })
}

/// The map as edits see it (`Context::getMap`): never one of a callout, none in the log.
fn find_mut(vm: &mut Vm, map: u32) -> Result<&mut Headers, Status> {
    let stream = vm.stream_mut().ok_or(Status::BadArgument)?;
    let found = match map {
        REQUEST_HEADERS => Some(&mut stream.request)
            .filter(|f| f.headers_visible)
            .map(|f| &mut f.headers),
        REQUEST_TRAILERS => stream.request.trailers_mut(),
        RESPONSE_HEADERS => Some(&mut stream.response)
            .filter(|f| f.headers_visible)
            .map(|f| &mut f.headers),
        RESPONSE_TRAILERS => stream.response.trailers_mut(),
        _ => None,
    };
    found.ok_or(Status::BadArgument)
}

fn size(call: &mut Call<'_>, map: u32, out: u32) -> Outcome {
    let size = find_mut(call.vm_mut(), map)?.byte_size();
    call.write_u32(out, size as u32)
}

fn pairs(call: &mut Call<'_>, map: u32, ptr: u32, len: u32) -> Outcome {
    let bytes = find(call.vm(), map)?
        .map(Headers::encode)
        .unwrap_or_default();
    call.give(&bytes, ptr, len)
}

fn set_pairs(call: &mut Call<'_>, map: u32, data: u32, len: u32) -> Outcome {
    let headers = Headers::decode(&call.read(data, len)?).in_map(kind(map));
    *find_mut(call.vm_mut(), map)? = headers;
    Ok(())
}

fn value(call: &mut Call<'_>, map: u32, key: u32, key_len: u32, ptr: u32, len: u32) -> Outcome {
    let key = call.read(key, key_len)?;
    // In the log an absent map is an empty one (seen on Envoy 1.40).
    let absent = match call.vm().stream() {
        Some(stream) if stream.logging => Status::NotFound,
        _ => Status::BadArgument,
    };
    let headers = find(call.vm(), map)?.ok_or(absent)?;
    let value = headers
        .value(kind(map).own_name(&key))
        .ok_or(Status::NotFound)?
        .to_vec();
    call.give(&value, ptr, len)
}

fn add(
    call: &mut Call<'_>,
    map: u32,
    key: u32,
    key_len: u32,
    value: u32,
    value_len: u32,
) -> Outcome {
    let (key, value) = (call.read(key, key_len)?, call.read(value, value_len)?);
    find_mut(call.vm_mut(), map)?.add_to(kind(map), key, value);
    Ok(())
}

fn replace(
    call: &mut Call<'_>,
    map: u32,
    key: u32,
    key_len: u32,
    value: u32,
    value_len: u32,
) -> Outcome {
    let (key, value) = (call.read(key, key_len)?, call.read(value, value_len)?);
    find_mut(call.vm_mut(), map)?.set(kind(map).own_name(&key), value);
    Ok(())
}

fn remove(call: &mut Call<'_>, map: u32, key: u32, key_len: u32) -> Outcome {
    let key = call.read(key, key_len)?;
    find_mut(call.vm_mut(), map)?.remove(kind(map).own_name(&key));
    Ok(())
}
