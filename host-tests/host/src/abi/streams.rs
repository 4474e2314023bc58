//! What a filter does to a stream or its own context: continue, close, reply, tick.

use std::time::Duration;

use wasmtime::Linker;

use super::host_functions;
use crate::call::Call;
use crate::flow::Side;
use crate::headers::Headers;
use crate::message::LocalReply;
use crate::status::{Outcome, Status};
use crate::vm::{Deferred, Root, Vm};

const REQUEST: u32 = 0;
const RESPONSE: u32 = 1;
const DOWNSTREAM: u32 = 2;
const UPSTREAM: u32 = 3;
const LAST_STREAM_TYPE: u32 = 3;
const LAST_GRPC_STATUS: u32 = 16;

pub(super) fn link(linker: &mut Linker<Vm>) -> wasmtime::Result<()> {
    host_functions!(linker, "env",
        "proxy_continue_stream" => continue_stream, (stream_type: u32);
        "proxy_close_stream" => close_stream, (stream_type: u32);
        "proxy_send_local_response" => send_local_response, (status: u32, details: u32, details_len: u32,
            body: u32, body_len: u32, headers: u32, headers_len: u32, grpc_status: u32);
        "proxy_set_tick_period_milliseconds" => set_tick_period, (milliseconds: u32);
        "proxy_set_effective_context" => set_effective_context, (id: u32);
        "proxy_done" => done, ();
    );
    Ok(())
}

fn continue_stream(call: &mut Call<'_>, stream_type: u32) -> Outcome {
    if stream_type > LAST_STREAM_TYPE {
        return Err(Status::BadArgument.into());
    }
    // Envoy cannot resume the writing half of a connection; it says so everywhere.
    if stream_type == UPSTREAM {
        return Err(Status::Unimplemented.into());
    }
    let vm = call.vm_mut();
    let id = vm.context();
    if stream_type == DOWNSTREAM && vm.connection().is_some() {
        vm.deferred
            .push_back(Deferred::ContinueConnection { connection: id });
    }
    let Some(stream) = vm.stream_mut() else {
        return Ok(());
    };
    let side = match stream_type {
        REQUEST => Side::Request,
        RESPONSE => Side::Response,
        _ => return Ok(()),
    };
    // Envoy forgets the request in both cases (`Context::continueStream`).
    stream.request.headers_visible = false;
    stream.request.trailers_visible = false;
    stream.request.chunk_forgotten = true;
    vm.deferred
        .push_back(Deferred::Continue { stream: id, side });
    Ok(())
}

fn close_stream(call: &mut Call<'_>, stream_type: u32) -> Outcome {
    if stream_type > LAST_STREAM_TYPE {
        return Err(Status::BadArgument.into());
    }
    let vm = call.vm_mut();
    let stream = vm.context();
    if stream_type <= RESPONSE && vm.stream().is_some() {
        vm.deferred.push_back(Deferred::Close { stream });
    }
    if matches!(stream_type, DOWNSTREAM | UPSTREAM) && vm.connection().is_some() {
        // Either name closes the client's connection, and with it the upstream's.
        let connection = stream;
        vm.deferred
            .push_back(Deferred::CloseConnection { connection });
    }
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "the ABI's signature")]
fn send_local_response(
    call: &mut Call<'_>,
    status: u32,
    details: u32,
    details_len: u32,
    body: u32,
    body_len: u32,
    headers: u32,
    headers_len: u32,
    grpc_status: u32,
) -> Outcome {
    let details = call.read(details, details_len)?;
    let body = call.read(body, body_len)?;
    let headers = Headers::decode(&call.read(headers, headers_len)?);
    let reply = LocalReply {
        status,
        details: String::from_utf8_lossy(&details).into_owned(),
        headers,
        body,
        grpc_status: (grpc_status <= LAST_GRPC_STATUS).then_some(grpc_status),
    };
    let vm = call.vm_mut();
    vm.stop_iteration = true;
    let stream = vm.context();
    if vm.stream().is_some() {
        vm.deferred
            .push_back(Deferred::LocalReply { stream, reply });
    }
    Ok(())
}

fn set_tick_period(call: &mut Call<'_>, milliseconds: u32) -> Outcome {
    let vm = call.vm_mut();
    vm.tick_period = (milliseconds > 0).then(|| Duration::from_millis(u64::from(milliseconds)));
    let now = vm.shared.now_ns();
    vm.next_tick_ns = vm.tick_period.map(|period| now + period.as_nanos() as u64);
    Ok(())
}

fn set_effective_context(call: &mut Call<'_>, id: u32) -> Outcome {
    let vm = call.vm_mut();
    vm.effective_context = match id {
        0 => None,
        id if vm.context_exists(id) => Some(id),
        _ => return Err(Status::BadArgument.into()),
    };
    Ok(())
}

fn done(call: &mut Call<'_>) -> Outcome {
    let vm = call.vm_mut();
    if vm.root != Root::Waiting {
        return Err(Status::NotFound.into());
    }
    vm.root = Root::Leaving;
    vm.deferred.push_back(Deferred::DeleteRoot);
    Ok(())
}
