//! Guests written as WebAssembly text, with two abbreviations: `#7` is `(i32.const 7)`, and
//! `@"text"` is the pointer and the length of that text in the guest's memory.

use tollgate_host::{CallDirection, Host, Module, Plugin, Worker};

/// Where guests let the host write results: addresses below the texts.
const TEXTS_AT: usize = 1024;

const IMPORTS: &str = r#"
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (import "env" "proxy_set_tick_period_milliseconds" (func $tick_period (param i32) (result i32)))
  (import "env" "proxy_set_effective_context" (func $effective (param i32) (result i32)))
  (import "env" "proxy_done" (func $done (result i32)))
  (import "env" "proxy_get_buffer_bytes" (func $get_buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_buffer_status" (func $buffer_status (param i32 i32 i32) (result i32)))
  (import "env" "proxy_set_buffer_bytes" (func $set_buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_size" (func $map_size (param i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_pairs" (func $get_pairs (param i32 i32 i32) (result i32)))
  (import "env" "proxy_set_header_map_pairs" (func $set_pairs (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_replace_header_map_value" (func $replace (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_remove_header_map_value" (func $remove (param i32 i32 i32) (result i32)))
  (import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
  (import "env" "proxy_close_stream" (func $close (param i32) (result i32)))
  (import "env" "proxy_get_status" (func $get_status (param i32 i32 i32) (result i32)))
  (import "env" "proxy_send_local_response" (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_http_call" (func $http_call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_grpc_call" (func $grpc_call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_grpc_stream" (func $grpc_stream (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_grpc_send" (func $grpc_send (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_grpc_cancel" (func $grpc_cancel (param i32) (result i32)))
  (import "env" "proxy_grpc_close" (func $grpc_close (param i32) (result i32)))
  (import "env" "envoy_resolve_dns" (func $resolve_dns (param i32 i32 i32) (result i32)))
  (import "env" "pthread_equal" (func $pthread_equal (param i32 i32) (result i32)))
  (import "env" "proxy_set_shared_data" (func $set_shared (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_shared_data" (func $get_shared (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_register_shared_queue" (func $register_queue (param i32 i32 i32) (result i32)))
  (import "env" "proxy_resolve_shared_queue" (func $resolve_queue (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_enqueue_shared_queue" (func $enqueue (param i32 i32 i32) (result i32)))
  (import "env" "proxy_dequeue_shared_queue" (func $dequeue (param i32 i32 i32) (result i32)))
  (import "env" "proxy_define_metric" (func $define_metric (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_increment_metric" (func $increment (param i32 i64) (result i32)))
  (import "env" "proxy_record_metric" (func $record (param i32 i64) (result i32)))
  (import "env" "proxy_get_property" (func $get_property (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_property" (func $set_property (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_call_foreign_function" (func $foreign (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_current_time_nanoseconds" (func $now (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ_sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
"#;

const RUNTIME: &str = r#"
  (memory (export "memory") 4)
  (global $heap (mut i32) (i32.const 65536))
  (func (export "proxy_abi_version_0_2_1"))
  (func $malloc (export "malloc") (param $size i32) (result i32)
    (global.get $heap)
    (global.set $heap (i32.add (global.get $heap) (local.get $size))))
  ;; Logs what the host wrote about: a pointer at 16, a length at 20.
  (func $log_result
    (drop (call $log (i32.const 2) (i32.load (i32.const 16)) (i32.load (i32.const 20)))))
"#;

/// The callbacks of the request and the response, for guests that treat them alike.
pub const HEADERS: &str = "(param $id i32) (param $count i32) (param $end i32) (result i32)";
pub const BODY: &str = HEADERS;
pub const TRAILERS: &str = "(param $id i32) (param $count i32) (result i32)";

/// A module with every import, a memory, an allocator and these functions.
pub fn module(functions: &str) -> Module {
    Module::from_bytes(&bytes(functions)).unwrap()
}

/// Its bytes.
pub fn bytes(functions: &str) -> Vec<u8> {
    assemble(&format!("{IMPORTS}{RUNTIME}{functions}"))
}

/// Bytes of a module without anything that is not written here.
pub fn assemble(source: &str) -> Vec<u8> {
    let (source, texts) = expand(source);
    let data = texts
        .iter()
        .map(|byte| format!("\\{byte:02x}"))
        .collect::<String>();
    let data = match data.as_str() {
        "" => String::new(),
        data => format!("(data (i32.const {TEXTS_AT}) \"{data}\")"),
    };
    wat::parse_str(format!("(module {source} {data})")).unwrap()
}

/// A recorded worker for such a module, on a host of its own.
pub fn worker(functions: &str, plugin: Plugin) -> Worker {
    Host::new()
        .recorded_worker(&module(functions), plugin)
        .unwrap()
}

/// A plugin that may hold headers alone.
pub fn holding_headers() -> Plugin {
    Plugin {
        allow_on_headers_stop_iteration: true,
        ..Plugin::default()
    }
}

/// The guest's calls of `function` since the last look, as their statuses.
pub fn statuses(worker: &Worker, function: &str) -> Vec<u32> {
    let calls = worker.transcript();
    calls
        .iter()
        .filter(|call| call.function == function)
        .filter_map(|call| call.result)
        .collect()
}

/// Callbacks since the last look, as `name(arguments)` without the ABI's prefix and the
/// context's number.
pub fn callbacks(worker: &Worker) -> Vec<String> {
    let calls = worker.transcript();
    let calls = calls
        .iter()
        .filter(|call| call.direction == CallDirection::Callback);
    calls
        .map(|call| {
            let name = call
                .function
                .strip_prefix("proxy_on_")
                .unwrap_or(call.function);
            let arguments: Vec<_> = call.arguments.iter().skip(1).map(u64::to_string).collect();
            format!("{name}({})", arguments.join(","))
        })
        .collect()
}

/// What the worker's guest logged, as text.
pub fn logged(worker: &Worker) -> Vec<String> {
    worker.logs().into_iter().map(|line| line.message).collect()
}

fn expand(source: &str) -> (String, Vec<u8>) {
    let (mut out, mut texts) = (String::new(), Vec::new());
    let mut rest = source;
    while let Some(at) = rest.find(['#', '@']) {
        out.push_str(&rest[..at]);
        let (mark, tail) = rest[at..].split_at(1);
        if mark == "#" {
            let end = tail
                .find(|c: char| !c.is_ascii_digit() && c != '-')
                .unwrap_or(tail.len());
            out.push_str(&format!("(i32.const {})", &tail[..end]));
            rest = &tail[end..];
        } else {
            let (text, tail) = tail[1..].split_once('"').unwrap();
            let text = text.replace("\\0", "\0").into_bytes();
            let ptr = TEXTS_AT + texts.len();
            out.push_str(&format!("(i32.const {ptr}) (i32.const {})", text.len()));
            texts.extend(text);
            rest = tail;
        }
    }
    out.push_str(rest);
    (out, texts)
}
