//! Properties: what Envoy knows about a stream, and what filters leave on it.
//!
//! Values are in their wire form: text raw, numbers 8 bytes little-endian, flags one byte.

use wasmtime::Linker;

use super::host_functions;
use crate::call::Call;
use crate::flow::{Protocol, StreamState};
use crate::headers::Headers;
use crate::inline_headers::MapKind;
use crate::status::{Outcome, Status};
use crate::vm::{ROOT, Vm};

pub(super) fn link(linker: &mut Linker<Vm>) -> wasmtime::Result<()> {
    host_functions!(linker, "env",
        "proxy_get_property" => get, (path: u32, path_len: u32, ptr: u32, len: u32);
        "proxy_set_property" => set, (path: u32, path_len: u32, value: u32, value_len: u32);
    );
    Ok(())
}

fn get(call: &mut Call<'_>, path: u32, path_len: u32, ptr: u32, len: u32) -> Outcome {
    let path = call.read(path, path_len)?;
    let vm = call.vm();
    let value = find(vm, &path).ok_or_else(|| match is_group(vm, &path) {
        true => Status::SerializationFailure,
        false => Status::NotFound,
    })?;
    call.give(&value, ptr, len)
}

/// Whether properties have this path in front of theirs, which has no wire form itself.
fn is_group(vm: &Vm, path: &[u8]) -> bool {
    match path.strip_suffix(&[0]).unwrap_or(path) {
        b"" | b"xds" => true,
        b"connection" | b"destination" | b"filter_state" | b"request" | b"response" | b"source"
        | b"upstream" => vm.stream().is_some() || vm.connection().is_some(),
        _ => false,
    }
}

fn set(call: &mut Call<'_>, path: u32, path_len: u32, value: u32, value_len: u32) -> Outcome {
    let (path, value) = (call.read(path, path_len)?, call.read(value, value_len)?);
    let vm = call.vm_mut();
    let declared = vm.declared_properties.get(&(ROOT, path.clone()));
    let read_only = declared.copied().unwrap_or_default();
    let properties = if vm.connection().is_some() {
        vm.connection_mut().map(|c| &mut c.properties)
    } else {
        vm.stream_mut().map(|s| &mut s.properties)
    };
    let properties = properties.ok_or(Status::NotFound)?;
    if read_only && properties.contains_key(&path) {
        return Err(Status::BadArgument.into());
    }
    properties.insert(path, value);
    Ok(())
}

fn find(vm: &Vm, path: &[u8]) -> Option<Vec<u8>> {
    // Envoy accepts a trailing separator.
    let path = path.strip_suffix(&[0]).unwrap_or(path);
    let parts: Vec<&str> = path
        .split(|byte| *byte == 0)
        .map(std::str::from_utf8)
        .collect::<Result<_, _>>()
        .ok()?;
    match parts.as_slice() {
        ["plugin_name"] => return Some(vm.plugin.name.clone().into_bytes()),
        ["plugin_root_id"] => return Some(vm.plugin.root_id.clone().into_bytes()),
        ["plugin_vm_id"] => return Some(vm.plugin.vm_id.clone().into_bytes()),
        _ => {}
    }
    if let Some(connection) = vm.connection() {
        return match parts.as_slice() {
            ["connection_id"] | ["connection", "id"] => {
                Some(u64::from(vm.context()).to_le_bytes().to_vec())
            }
            _ => {
                let given = connection.options.properties.get(&parts.join("."));
                given.or_else(|| connection.properties.get(path)).cloned()
            }
        };
    }
    let stream = vm.stream()?;
    if let Some(value) = stream.options.properties.get(&parts.join(".")) {
        return Some(value.clone());
    }
    match parts.as_slice() {
        ["connection_id"] | ["connection", "id"] => {
            Some(u64::from(vm.context()).to_le_bytes().to_vec())
        }
        ["request", rest @ ..] => request(stream, rest),
        ["response", rest @ ..] => response(stream, rest),
        // Envoy looks up the first part only, so what was set by a longer path is lost.
        [_] => stream.properties.get(path).cloned(),
        _ => None,
    }
}

fn request(stream: &StreamState, path: &[&str]) -> Option<Vec<u8>> {
    let flow = &stream.request;
    match path {
        ["protocol"] => {
            let name = match stream.options.client {
                Protocol::Http1 => "HTTP/1.1",
                Protocol::Http2 => "HTTP/2",
            };
            return Some(name.into());
        }
        ["time"] => return Some(stream.started_ns.to_le_bytes().to_vec()),
        _ => {}
    }
    let headers = Some(&flow.headers).filter(|_| flow.headers_visible || stream.logging);
    let headers_bytes = headers.map_or(0, Headers::byte_size) as u64;
    match path {
        // What the client announces, as long as that can be seen; a value that is no number
        // is none (Envoy's `RequestWrapper`).
        ["size"] => {
            let announced = headers.and_then(|headers| headers.get("content-length"));
            let size = announced.map_or(Ok(flow.received_bytes), |length| length.parse());
            return size.ok().map(|size| size.to_le_bytes().to_vec());
        }
        ["headers_bytes"] => return Some(headers_bytes.to_le_bytes().to_vec()),
        ["total_size"] => {
            let size = flow.received_bytes + headers_bytes;
            return Some(size.to_le_bytes().to_vec());
        }
        _ => {}
    }
    let headers = headers?;
    let name = match path {
        ["path"] => ":path",
        ["method"] => ":method",
        ["host"] => ":authority",
        ["scheme"] => ":scheme",
        ["referer"] => "referer",
        ["useragent"] => "user-agent",
        ["id"] => "x-request-id",
        ["url_path"] | ["query"] => {
            let target = headers.get(":path")?;
            let (url_path, query) = target.split_once('?').unwrap_or((&target, ""));
            return Some(
                if path == ["url_path"] {
                    url_path
                } else {
                    query
                }
                .into(),
            );
        }
        ["headers", name] => {
            let name = MapKind::RequestHeaders.own_name(name.as_bytes());
            return joined(headers, name);
        }
        _ => return None,
    };
    headers.value(name).map(<[u8]>::to_vec)
}

fn response(stream: &StreamState, path: &[&str]) -> Option<Vec<u8>> {
    let flow = &stream.response;
    let readable = flow.started && (flow.headers_visible || stream.logging);
    match path {
        ["code"] if flow.started => {
            let code: i64 = flow.headers.get(":status")?.parse().ok()?;
            Some(code.to_le_bytes().to_vec())
        }
        ["flags"] => Some(stream.flags.to_le_bytes().to_vec()),
        ["code_details"] => stream.details.clone().map(String::into_bytes),
        // What was sent to the client (Envoy's `ResponseWrapper`).
        ["size"] => Some((flow.out.body.len() as u64).to_le_bytes().to_vec()),
        ["total_size"] => {
            let headers = Some(&flow.headers).filter(|_| readable);
            let trailers = flow.trailers.as_ref();
            let trailers = trailers.filter(|_| flow.trailers_visible || stream.logging);
            let fields =
                headers.map_or(0, Headers::byte_size) + trailers.map_or(0, Headers::byte_size);
            let size = flow.out.body.len() + fields;
            Some((size as u64).to_le_bytes().to_vec())
        }
        ["headers", name] if readable => joined(&flow.headers, name.as_bytes()),
        ["trailers", name] if flow.trailers_visible || stream.logging => {
            joined(flow.trailers.as_ref()?, name.as_bytes())
        }
        _ => None,
    }
}

/// All values of a name, with commas, where the map call gives the first.
fn joined(headers: &Headers, name: &[u8]) -> Option<Vec<u8>> {
    let values = headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
    let values: Vec<&[u8]> = values.map(|(_, value)| value).collect();
    (!values.is_empty()).then(|| values.join(&b','))
}
