//! Bodies, configurations, callout answers and call data as buffers.

use wasmtime::Linker;

use super::host_functions;
use crate::call::Call;
use crate::status::{Outcome, Status};
use crate::vm::{Configuring, Vm};

const REQUEST_BODY: u32 = 0;
const RESPONSE_BODY: u32 = 1;
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

/// Seen on Envoy 1.40: an HTTP call's body and the plugin's configuration are NOT_FOUND
/// outside their callbacks, every other buffer is there and empty.
fn find(vm: &Vm, buffer: u32) -> Result<&[u8], Status> {
    match buffer {
        HTTP_CALL_BODY => {
            let answer = vm.http_answer.as_ref().ok_or(Status::NotFound)?;
            Ok(&answer.body)
        }
        VM_CONFIGURATION => Ok(&vm.plugin.vm_configuration),
        PLUGIN_CONFIGURATION if vm.configuring == Configuring::No => Err(Status::NotFound),
        PLUGIN_CONFIGURATION => Ok(&vm.plugin.configuration),
        CALL_DATA => Ok(&vm.call_data),
        _ if buffer > CALL_DATA => Err(Status::BadArgument),
        _ => {
            let body = match (buffer, vm.stream()) {
                (REQUEST_BODY, Some(stream)) => stream.request.visible_body(),
                (RESPONSE_BODY, Some(stream)) => stream.response.visible_body(),
                (GRPC_MESSAGE, _) => vm.grpc.visible.message.as_ref(),
                _ => None,
            };
            Ok(body.map(Vec::as_slice).unwrap_or_default())
        }
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
    find(call.vm(), buffer)?;
    let data = call.read(data, len)?;
    let vm = call.vm_mut();
    let body = if buffer == GRPC_MESSAGE {
        vm.grpc.visible.message.as_mut()
    } else {
        match (buffer, vm.stream_mut()) {
            (REQUEST_BODY, Some(stream)) => stream.request.visible_body_mut(),
            (RESPONSE_BODY, Some(stream)) => stream.response.visible_body_mut(),
            _ => None,
        }
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
