//! HTTP calls, which the test answers, and the status of the last callout of any kind.

use std::time::Duration;

use wasmtime::Linker;

use super::host_functions;
use crate::call::Call;
use crate::grpc_calls::KIND_STEP;
use crate::headers::Headers;
use crate::inline_headers::MapKind;
use crate::message::HttpCall;
use crate::status::{Outcome, Status};
use crate::vm::{PendingCall, Vm};

pub(super) fn link(linker: &mut Linker<Vm>) -> wasmtime::Result<()> {
    host_functions!(linker, "env",
        "proxy_http_call" => http_call, (cluster: u32, cluster_len: u32, headers: u32, headers_len: u32,
            body: u32, body_len: u32, trailers: u32, trailers_len: u32, timeout_ms: u32, out: u32);
        "proxy_get_status" => get_status, (code: u32, ptr: u32, len: u32);
    );
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "the ABI's signature")]
fn http_call(
    call: &mut Call<'_>,
    cluster: u32,
    cluster_len: u32,
    headers: u32,
    headers_len: u32,
    body: u32,
    body_len: u32,
    trailers: u32,
    trailers_len: u32,
    timeout_ms: u32,
    out: u32,
) -> Outcome {
    let cluster = String::from_utf8_lossy(&call.read(cluster, cluster_len)?).into_owned();
    let headers = Headers::decode(&call.read(headers, headers_len)?);
    let mut headers = headers.in_map(MapKind::RequestHeaders);
    let body = call.read(body, body_len)?;
    let trailers = Headers::decode(&call.read(trailers, trailers_len)?);
    // Envoy writes the number before the call to know that the pointer is good.
    call.write_u32(out, 0)?;
    let vm = call.vm_mut();
    let complete = [":method", ":path", ":authority"]
        .iter()
        .all(|n| headers.value(n).is_some());
    let has_hosts = vm.plugin.clusters.contains(&cluster);
    let exists = has_hosts || vm.plugin.clusters_without_hosts.contains(&cluster);
    if (timeout_ms as i32) < 0 || !exists || !complete {
        return Err(Status::BadArgument.into());
    }
    if !body.is_empty() {
        headers.put("content-length", body.len().to_string());
    }
    let timeout = (timeout_ms > 0).then(|| Duration::from_millis(u64::from(timeout_ms)));
    vm.last_http_call += KIND_STEP;
    if !has_hosts {
        // A number is used up, and no callback follows (seen on Envoy 1.40).
        return Err(Status::InternalFailure.into());
    }
    let id = vm.last_http_call;
    let deadline_ns = timeout.map(|timeout| vm.shared.now_ns() + timeout.as_nanos() as u64);
    let call_made = HttpCall {
        id,
        cluster,
        headers,
        body,
        trailers,
        timeout,
    };
    vm.http_calls.insert(
        id,
        PendingCall {
            call: call_made,
            deadline_ns,
        },
    );
    call.write_u32(out, id)
}

fn get_status(call: &mut Call<'_>, code: u32, ptr: u32, len: u32) -> Outcome {
    let (number, message) = call.vm().call_status.clone();
    call.write_u32(code, number)?;
    call.give(message.as_bytes(), ptr, len)
}
