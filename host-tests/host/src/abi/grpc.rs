//! gRPC calls and streams, as Envoy begins them (`wasm/context.cc`).

use std::time::Duration;

use wasmtime::Linker;

use super::host_functions;
use crate::call::Call;
use crate::grpc_calls::{self, GrpcCall, GrpcKind};
use crate::grpc_service::GrpcService;
use crate::headers::Headers;
use crate::status::{Outcome, Refusal, Status};
use crate::vm::{Deferred, Vm};

pub(super) fn link(linker: &mut Linker<Vm>) -> wasmtime::Result<()> {
    host_functions!(linker, "env",
        "proxy_grpc_call" => grpc_call, (service: u32, service_len: u32, name: u32, name_len: u32,
            method: u32, method_len: u32, metadata: u32, metadata_len: u32, message: u32,
            message_len: u32, timeout_ms: u32, out: u32);
        "proxy_grpc_stream" => grpc_stream, (service: u32, service_len: u32, name: u32, name_len: u32,
            method: u32, method_len: u32, metadata: u32, metadata_len: u32, out: u32);
        "proxy_grpc_send" => send, (id: u32, message: u32, message_len: u32, end: u32);
        "proxy_grpc_cancel" => cancel, (id: u32);
        "proxy_grpc_close" => close, (id: u32);
    );
    Ok(())
}

/// A text in the guest's memory: pointer and length.
type Text = (u32, u32);

#[expect(clippy::too_many_arguments, reason = "the ABI's signature")]
fn grpc_call(
    call: &mut Call<'_>,
    service: u32,
    service_len: u32,
    name: u32,
    name_len: u32,
    method: u32,
    method_len: u32,
    metadata: u32,
    metadata_len: u32,
    message: u32,
    message_len: u32,
    timeout_ms: u32,
    out: u32,
) -> Outcome {
    let texts = [
        (service, service_len),
        (name, name_len),
        (method, method_len),
        (metadata, metadata_len),
    ];
    let message = call.read(message, message_len)?;
    let id = begin(call, GrpcKind::Call, texts, Some(message), timeout_ms)?;
    call.write_u32(out, id)
}

#[expect(clippy::too_many_arguments, reason = "the ABI's signature")]
fn grpc_stream(
    call: &mut Call<'_>,
    service: u32,
    service_len: u32,
    name: u32,
    name_len: u32,
    method: u32,
    method_len: u32,
    metadata: u32,
    metadata_len: u32,
    out: u32,
) -> Outcome {
    let texts = [
        (service, service_len),
        (name, name_len),
        (method, method_len),
        (metadata, metadata_len),
    ];
    let id = begin(call, GrpcKind::Stream, texts, None, 0)?;
    call.write_u32(out, id)
}

/// Begins a call or stream and gives its number. What fails at once is INTERNAL_FAILURE,
/// and `proxy_on_grpc_close` comes all the same, with a number the guest never got (seen
/// on Envoy 1.40).
fn begin(
    call: &mut Call<'_>,
    kind: GrpcKind,
    [service, name, method, metadata]: [Text; 4],
    message: Option<Vec<u8>>,
    timeout_ms: u32,
) -> Result<u32, Refusal> {
    let service = call.read(service.0, service.1)?;
    let name = call.read(name.0, name.1)?;
    let method = call.read(method.0, method.1)?;
    let own_metadata = Headers::decode(&call.read(metadata.0, metadata.1)?);
    let plugin = call.vm().plugin.clone();
    let has_cluster = |cluster: &str| {
        plugin.clusters.contains(cluster) || plugin.clusters_without_hosts.contains(cluster)
    };
    let service = match GrpcService::parse(&service) {
        Some(service) => service.ok_or_else(GrpcService::abort)?,
        None => match String::from_utf8(service) {
            Ok(cluster) if has_cluster(&cluster) => GrpcService::cluster(cluster),
            _ => return Err(Status::ParseFailure.into()),
        },
    };
    let id = call.vm_mut().grpc.next_id(kind);
    if !service.google && !has_cluster(&service.target) {
        call.vm_mut().defer_grpc_close(id, "Cluster not available");
        return Err(Status::InternalFailure.into());
    }
    if !service.google && plugin.clusters_without_hosts.contains(&service.target) {
        return Err(no_host(call, kind, id)?.into());
    }
    let mut initial_metadata = service.initial_metadata;
    for (name, value) in own_metadata.iter() {
        initial_metadata.add(name, value);
    }
    let call_made = GrpcCall {
        id,
        kind,
        service: service.target,
        service_name: String::from_utf8_lossy(&name).into_owned(),
        method_name: String::from_utf8_lossy(&method).into_owned(),
        initial_metadata,
        half_closed: message.is_some(),
        messages: message.into_iter().collect(),
        timeout: (timeout_ms > 0).then(|| Duration::from_millis(u64::from(timeout_ms))),
    };
    let vm = call.vm_mut();
    let now = vm.shared.now_ns();
    vm.grpc.begin(call_made, now);
    Ok(id)
}

/// A stream to a cluster without hosts calls the guest back while the guest is still inside
/// `proxy_grpc_stream` (seen on Envoy 1.40); its close, and all of a call, come afterwards.
fn no_host(call: &mut Call<'_>, kind: GrpcKind, id: u32) -> Result<Status, Refusal> {
    let text = "no healthy upstream";
    if kind == GrpcKind::Stream {
        // Envoy puts such a close off again and again as long as the outer callback runs.
        let closes = call.vm().deferred.iter();
        if closes
            .clone()
            .any(|deferred| matches!(deferred, Deferred::GrpcClose { .. }))
        {
            return Err(Refusal::Trap(wasmtime::Error::msg(
                "Envoy 1.40 would hang here for ever: a stream to a cluster without hosts is \
                 begun while the close of another failed call waits",
            )));
        }
        let exports = call.vm().exports.clone();
        let exports = exports.as_deref();
        call.vm_mut().grpc.visible.initial_metadata = Some(Headers::new());
        let function = exports.and_then(|e| e.grpc_receive_initial_metadata.as_ref());
        let name = "proxy_on_grpc_receive_initial_metadata";
        call.reenter(name, function, [id, 0])?;
        let trailing = grpc_calls::unavailable(text);
        let count = trailing.len() as u32;
        call.vm_mut().grpc.visible.initial_metadata = None;
        call.vm_mut().grpc.visible.trailing_metadata = Some(trailing);
        let function = exports.and_then(|e| e.grpc_receive_trailing_metadata.as_ref());
        let name = "proxy_on_grpc_receive_trailing_metadata";
        call.reenter(name, function, [id, count])?;
        call.vm_mut().grpc.visible.trailing_metadata = None;
    }
    let message = format!("{text}{{no_healthy_upstream}}");
    call.vm_mut().defer_grpc_close(id, &message);
    Ok(Status::InternalFailure)
}

/// After the other end has closed, and after its own `end`, what a guest sends is accepted
/// and goes nowhere (seen on Envoy 1.40).
fn send(call: &mut Call<'_>, id: u32, message: u32, message_len: u32, end: u32) -> Outcome {
    let message = call.read(message, message_len)?;
    if grpc_calls::kind_of(id) != Some(GrpcKind::Stream) {
        return Err(Status::BadArgument.into());
    }
    let pending = call.vm_mut().grpc.pending.get_mut(&id);
    let pending = pending.ok_or(Status::NotFound)?;
    if !pending.call.half_closed && !pending.remote_closed {
        pending.call.messages.push(message);
        pending.call.half_closed = end != 0;
    }
    Ok(())
}

fn cancel(call: &mut Call<'_>, id: u32) -> Outcome {
    grpc_calls::kind_of(id).ok_or(Status::BadArgument)?;
    let removed = call.vm_mut().grpc.pending.remove(&id);
    removed.map(|_| ()).ok_or(Status::NotFound.into())
}

/// Cancels a call. A stream's own side is closed; it is gone when the other side is too.
fn close(call: &mut Call<'_>, id: u32) -> Outcome {
    if grpc_calls::kind_of(id) != Some(GrpcKind::Stream) {
        return cancel(call, id);
    }
    let pending = &mut call.vm_mut().grpc.pending;
    let stream = pending.get_mut(&id).ok_or(Status::NotFound)?;
    if stream.remote_closed {
        pending.remove(&id);
    } else {
        stream.local_closed = true;
        stream.call.half_closed = true;
    }
    Ok(())
}
