//! Bodies, configurations, callout answers and call data as buffers.

use wasmtime::Linker;

use super::host_functions;
use crate::call::Call;
use crate::status::{Outcome, Status};
use crate::vm::{Configuring, Vm};

const REQUEST_BODY: u32 = 0;
const RESPONSE_BODY: u32 = 1;
const DOWNSTREAM_DATA: u32 = 2;
const UPSTREAM_DATA: u32 = 3;
const HTTP_CALL_BODY: u32 = 4;
const GRPC_MESSAGE: u32 = 5;
const VM_CONFIGURATION: u32 = 6;
const PLUGIN_CONFIGURATION: u32 = 7;
const CALL_DATA: u32 = 8;

pub(super) fn link(linker: &mut Linker<Vm>) -> wasmtime::Result<()> {
    host_functions!(linker, "env",
        "proxy_get_buffer_bytes" => get, (buffer: u32, start: u32, max: u32, ptr: u32, len: u32);
        "proxy_get_buffer_status" => status, (buffer: u32, len: u32, flags: u32);
        "proxy_set_buffer_bytes" => set, (buffer: u32, start: u32, size: u32, data: u32, len: u32);
    );
    Ok(())
}

/// The buffer as reads see it. A body, a connection's data, a gRPC message or arguments that
/// are not there are an empty buffer, not a missing one (seen on Envoy 1.40).
fn find(vm: &Vm, buffer: u32) -> Result<&[u8], Status> {
    let found: Option<&[u8]> = match buffer {
        REQUEST_BODY => vm
            .stream()
            .and_then(|s| s.request.visible_body())
            .map(Vec::as_slice),
        RESPONSE_BODY => vm
            .stream()
            .and_then(|s| s.response.visible_body())
            .map(Vec::as_slice),
        DOWNSTREAM_DATA => vm
            .connection()
            .and_then(|connection| connection.downstream.visible()),
        UPSTREAM_DATA => vm
            .connection()
            .and_then(|connection| connection.upstream.visible()),
        HTTP_CALL_BODY => vm.http_answer.as_ref().map(|answer| answer.body.as_slice()),
        VM_CONFIGURATION => Some(&vm.plugin.vm_configuration),
        PLUGIN_CONFIGURATION => {
            (vm.configuring == Configuring::Plugin).then_some(vm.plugin.configuration.as_slice())
        }
        CALL_DATA => Some(&vm.call_data),
        GRPC_MESSAGE => vm.grpc.visible.message.as_deref(),
        _ if buffer > CALL_DATA => return Err(Status::BadArgument),
        _ => None,
    };
    match buffer {
        HTTP_CALL_BODY | VM_CONFIGURATION | PLUGIN_CONFIGURATION => found.ok_or(Status::NotFound),
        _ => Ok(found.unwrap_or_default()),
    }
}

fn get(call: &mut Call<'_>, buffer: u32, start: u32, max: u32, ptr: u32, len: u32) -> Outcome {
    let bytes = find(call.vm(), buffer)?;
    let end = bytes.len().min(start as usize + max as usize);
    let part = bytes.get(start as usize..end).unwrap_or_default().to_vec();
    call.give(&part, ptr, len)
}

fn status(call: &mut Call<'_>, buffer: u32, len: u32, flags: u32) -> Outcome {
    let size = find(call.vm(), buffer)?.len() as u32;
    call.write_u32(len, size)?;
    call.write_u32(flags, 0)
}

/// Start 0 drains `size` bytes and puts the data in front; a start at or behind the end
/// appends; a start inside is refused, although the specification promises an insertion
/// (Envoy `Buffer::copyFrom`).
fn set(call: &mut Call<'_>, buffer: u32, start: u32, size: u32, data: u32, len: u32) -> Outcome {
    // Bytes that stand behind the edited ones are moved.
    let moved = find(call.vm(), buffer)?.len();
    call.work(moved as u64)?;
    let data = call.read(data, len)?;
    let vm = call.vm_mut();
    let body = match buffer {
        REQUEST_BODY => vm.stream_mut().and_then(|s| s.request.visible_body_mut()),
        RESPONSE_BODY => vm.stream_mut().and_then(|s| s.response.visible_body_mut()),
        DOWNSTREAM_DATA => vm
            .connection_mut()
            .and_then(|connection| connection.downstream.visible_mut()),
        UPSTREAM_DATA => vm
            .connection_mut()
            .and_then(|connection| connection.upstream.visible_mut()),
        GRPC_MESSAGE => vm.grpc.visible.message.as_mut(),
        _ => None,
    };
    let body = body.ok_or(Status::BadArgument)?;
    let (start, size) = (start as usize, size as usize);
    if start == 0 {
        let drained = size.min(body.len());
        body.splice(..drained, data);
    } else if start >= body.len() {
        body.extend(data);
    } else {
        return Err(Status::BadArgument.into());
    }
    Ok(())
}
