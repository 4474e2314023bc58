//! The host functions of Proxy-Wasm, module `env`.

#![allow(
    unsafe_code,
    clippy::unnecessary_cast,
    reason = "imports; parameters of 64 bits are cast like the others"
)]

use crate::function::functions;

functions! { "env":
    proxy_log(level: u32, message: u32, length: u32) gives Nothing;
    proxy_get_log_level(level: u32) gives Number;
    proxy_get_current_time_nanoseconds(time: u32) gives Long;
    proxy_set_tick_period_milliseconds(period: u32) gives Nothing;
    proxy_set_effective_context(context: u32) gives Nothing;
    proxy_done() gives Nothing;
    proxy_get_buffer_bytes(buffer: u32, start: u32, most: u32, at: u32, length: u32) gives Bytes;
    proxy_get_buffer_status(buffer: u32, length: u32, flags: u32) gives TwoNumbers;
    proxy_set_buffer_bytes(buffer: u32, start: u32, size: u32, data: u32, length: u32) gives Nothing;
    proxy_get_header_map_size(map: u32, size: u32) gives Number;
    proxy_get_header_map_pairs(map: u32, at: u32, length: u32) gives Pairs;
    proxy_set_header_map_pairs(map: u32, pairs: u32, length: u32) gives Nothing;
    proxy_get_header_map_value(map: u32, key: u32, key_length: u32, at: u32, length: u32) gives Bytes;
    proxy_add_header_map_value(map: u32, key: u32, key_length: u32, value: u32, length: u32) gives Nothing;
    proxy_replace_header_map_value(map: u32, key: u32, key_length: u32, value: u32, length: u32) gives Nothing;
    proxy_remove_header_map_value(map: u32, key: u32, key_length: u32) gives Nothing;
    proxy_continue_stream(stream: u32) gives Nothing;
    proxy_close_stream(stream: u32) gives Nothing;
    proxy_get_status(code: u32, message: u32, length: u32) gives NumberAndBytes;
    proxy_send_local_response(status: u32, details: u32, details_length: u32, body: u32,
        body_length: u32, headers: u32, headers_length: u32, grpc_status: u32) gives Nothing;
    proxy_http_call(cluster: u32, cluster_length: u32, headers: u32, headers_length: u32, body: u32,
        body_length: u32, trailers: u32, trailers_length: u32, timeout: u32, call: u32) gives Number;
    proxy_grpc_call(service: u32, service_length: u32, name: u32, name_length: u32, method: u32,
        method_length: u32, metadata: u32, metadata_length: u32, message: u32, message_length: u32,
        timeout: u32, call: u32) gives Number;
    proxy_grpc_stream(service: u32, service_length: u32, name: u32, name_length: u32, method: u32,
        method_length: u32, metadata: u32, metadata_length: u32, call: u32) gives Number;
    proxy_grpc_send(call: u32, message: u32, length: u32, end: u32) gives Nothing;
    proxy_grpc_cancel(call: u32) gives Nothing;
    proxy_grpc_close(call: u32) gives Nothing;
    proxy_set_shared_data(key: u32, key_length: u32, value: u32, value_length: u32, version: u32) gives Nothing;
    proxy_get_shared_data(key: u32, key_length: u32, at: u32, length: u32, version: u32) gives BytesAndNumber;
    proxy_register_shared_queue(name: u32, length: u32, queue: u32) gives Number;
    proxy_resolve_shared_queue(vm: u32, vm_length: u32, name: u32, length: u32, queue: u32) gives Number;
    proxy_enqueue_shared_queue(queue: u32, value: u32, length: u32) gives Nothing;
    proxy_dequeue_shared_queue(queue: u32, at: u32, length: u32) gives Bytes;
    proxy_define_metric(kind: u32, name: u32, length: u32, metric: u32) gives Number;
    proxy_increment_metric(metric: u32, by: i64) gives Nothing;
    proxy_record_metric(metric: u32, value: u64) gives Nothing;
    proxy_get_metric(metric: u32, value: u32) gives Long;
    proxy_get_property(path: u32, path_length: u32, at: u32, length: u32) gives Bytes;
    proxy_set_property(path: u32, path_length: u32, value: u32, length: u32) gives Nothing;
    proxy_call_foreign_function(name: u32, name_length: u32, arguments: u32,
        arguments_length: u32, at: u32, length: u32) gives Bytes;
    envoy_resolve_dns(name: u32, length: u32, lookup: u32) gives Number;
}

/// Writes a line of Envoy's log.
pub fn log(level: u32, line: &str) {
    // SAFETY: pointer and length are those of a text that outlives the call.
    unsafe {
        proxy_log(level, line.as_ptr() as u32, line.len() as u32);
    }
}

/// All bytes of a buffer; none when it is not there.
pub fn buffer(buffer: u32) -> Vec<u8> {
    let (mut at, mut length) = (0_u32, 0_u32);
    // SAFETY: both results are written to places that outlive the call, and what the host
    // hands over lies in memory it asked this module for, which is never freed.
    unsafe {
        let (at_place, length_place) = (&raw mut at as u32, &raw mut length as u32);
        proxy_get_buffer_bytes(buffer, 0, u32::MAX, at_place, length_place);
        if at == 0 {
            return Vec::new();
        }
        std::slice::from_raw_parts(at as usize as *const u8, length as usize).to_vec()
    }
}

/// What Envoy offers to modules that other compilers made, and gives no status.
pub mod compilers {
    #[link(wasm_import_module = "env")]
    unsafe extern "C" {
        /// Nothing comes of it.
        pub safe fn emscripten_notify_memory_growth(memory: u32);
        /// 1 when they are equal.
        pub safe fn pthread_equal(left: u32, right: u32) -> u32;
    }
}
