//! Which host functions a module may call while it starts and inside its allocator: row by
//! row what Envoy 1.40 (`--mode validate`) lets pass and what it refuses there.

use tollgate_host::{Host, Module, Plugin};

use super::guest::assemble;

/// Where a function may be called besides callbacks.
#[derive(Clone, Copy, PartialEq)]
enum Where {
    Nowhere,
    AtStart,
    AtStartAndInAllocator,
}
use Where::{AtStart, AtStartAndInAllocator, Nowhere};

/// Function, its parameters (`i` is i32, `I` is i64), whether it has a result, and where.
const ROWS: &[(&str, &str, bool, Where)] = &[
    ("proxy_log", "iii", true, AtStartAndInAllocator),
    ("proxy_get_current_time_nanoseconds", "i", true, Nowhere),
    ("proxy_get_log_level", "i", true, Nowhere),
    ("proxy_get_property", "iiii", true, Nowhere),
    ("proxy_get_status", "iii", true, Nowhere),
    ("envoy_resolve_dns", "iii", true, Nowhere),
    ("pthread_equal", "ii", true, Nowhere),
    ("emscripten_notify_memory_growth", "i", false, AtStart),
    ("fd_write", "iiii", true, AtStartAndInAllocator),
    ("clock_time_get", "iIi", true, AtStartAndInAllocator),
    ("poll_oneoff", "iiii", true, AtStartAndInAllocator),
    ("fd_read", "iiii", true, Nowhere),
    ("fd_seek", "iIii", true, Nowhere),
    ("fd_close", "i", true, Nowhere),
    ("sched_yield", "", true, Nowhere),
    ("path_open", "iiiiiIIii", true, Nowhere),
    ("proc_exit", "i", false, Nowhere),
    ("fd_fdstat_get", "ii", true, AtStart),
    ("fd_fdstat_set_flags", "ii", true, AtStart),
    ("fd_filestat_get", "ii", true, AtStart),
    ("fd_prestat_get", "ii", true, AtStart),
    ("fd_prestat_dir_name", "iii", true, AtStart),
    ("clock_res_get", "ii", true, AtStart),
    ("random_get", "ii", true, AtStart),
    ("environ_sizes_get", "ii", true, AtStart),
    ("environ_get", "ii", true, AtStart),
    ("args_sizes_get", "ii", true, AtStart),
    ("args_get", "ii", true, AtStart),
    ("fd_sync", "i", true, AtStart),
    ("fd_pread", "iiiIi", true, AtStart),
    ("path_rename", "iiiiii", true, AtStart),
    ("path_unlink_file", "iii", true, AtStart),
    ("sock_shutdown", "ii", true, AtStart),
];

/// A module whose `_initialize` and allocator do this, and that has its configuration handed
/// over when it starts.
fn guest(row: &(&str, &str, bool, Where), at_start: bool) -> Module {
    let (name, parameters, has_result, _) = *row;
    let module = match name.starts_with("proxy_")
        || [
            "envoy_resolve_dns",
            "pthread_equal",
            "emscripten_notify_memory_growth",
        ]
        .contains(&name)
    {
        true => "env",
        false => "wasi_snapshot_preview1",
    };
    let kind = |letter| if letter == 'i' { "i32" } else { "i64" };
    let kinds: Vec<_> = parameters.chars().map(kind).collect();
    let zeros: Vec<_> = kinds
        .iter()
        .map(|kind| format!("({kind}.const 0)"))
        .collect();
    let call = format!("(call $probed {})", zeros.join(" "));
    let call = if has_result {
        format!("(drop {call})")
    } else {
        call
    };
    let result = if has_result { "(result i32)" } else { "" };
    let (start, allocator) = if at_start {
        (call, String::new())
    } else {
        (String::new(), call)
    };
    let source = format!(
        r#"(import "{module}" "{name}" (func $probed (param {}) {result}))
        (import "env" "proxy_get_buffer_bytes" (func $get (param i32 i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "proxy_abi_version_0_2_1"))
        (func (export "_initialize") {start})
        (func (export "malloc") (param i32) (result i32) {allocator} #1024)
        (func (export "proxy_on_vm_start") (param i32 i32) (result i32)
          (drop (call $get #6 #0 #5 #64 #68)) #1)"#,
        kinds.join(" ")
    );
    Module::from_bytes(&assemble(&source)).unwrap()
}

#[test]
fn little_may_be_called_at_the_start_and_less_in_the_allocator() {
    let plugin = Plugin {
        vm_configuration: b"hello".to_vec(),
        ..Plugin::default()
    };
    for row in ROWS {
        for (at_start, may, phase) in [
            (
                true,
                row.3 != Nowhere,
                "while the module is being initialized",
            ),
            (
                false,
                row.3 == AtStartAndInAllocator,
                "inside the allocator",
            ),
        ] {
            let started = Host::new().worker(&guest(row, at_start), plugin.clone());
            let refused = started.err().map(|error| error.to_string());
            let reason = format!("{} must not be called {phase}", row.0);
            match refused {
                None => assert!(may, "{reason}"),
                Some(error) => assert!(!may && error.contains(&reason), "{}: {error}", row.0),
            }
        }
    }
}
