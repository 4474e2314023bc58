//! The exports: every callback of the ABI, each handed to the script with its arguments.

#![allow(
    unsafe_code,
    reason = "an export needs no_mangle; the names are the ABI's, and nothing else has them"
)]

use crate::probe;

/// Callbacks by their arguments and by what they return when no script says otherwise.
macro_rules! callbacks {
    ($($name:ident($($argument:ident),*) $(-> $default:literal)?;)*) => {
        /// Names without `proxy_on_` or `envoy_on_`, as scripts write them, and the names of their arguments.
        pub const CALLBACKS: &[(&str, &[&str])] =
            &[$((short(stringify!($name)), &[$(stringify!($argument)),*])),*];
        $(callbacks!(@export $name($($argument),*) $(-> $default)?);)*
    };
    (@export $name:ident($($argument:ident),*) -> $default:literal) => {
        #[unsafe(no_mangle)]
        extern "C" fn $name($($argument: u32),*) -> u32 {
            let arguments = [$((stringify!($argument), $argument)),*];
            probe::call(short(stringify!($name)), &arguments).unwrap_or($default)
        }
    };
    (@export $name:ident($($argument:ident),*)) => {
        #[unsafe(no_mangle)]
        extern "C" fn $name($($argument: u32),*) {
            let arguments = [$((stringify!($argument), $argument)),*];
            probe::call(short(stringify!($name)), &arguments);
        }
    };
}

callbacks! {
    proxy_on_context_create(context, parent);
    proxy_on_vm_start(context, size) -> 1;
    proxy_on_configure(context, size) -> 1;
    proxy_on_tick(context);
    proxy_on_request_headers(context, headers, end) -> 0;
    proxy_on_request_body(context, size, end) -> 0;
    proxy_on_request_trailers(context, trailers) -> 0;
    proxy_on_request_metadata(context, entries) -> 0;
    proxy_on_response_headers(context, headers, end) -> 0;
    proxy_on_response_body(context, size, end) -> 0;
    proxy_on_response_trailers(context, trailers) -> 0;
    proxy_on_response_metadata(context, entries) -> 0;
    proxy_on_new_connection(context) -> 0;
    proxy_on_downstream_data(context, size, end) -> 0;
    proxy_on_upstream_data(context, size, end) -> 0;
    proxy_on_downstream_connection_close(context, peer);
    proxy_on_upstream_connection_close(context, peer);
    proxy_on_http_call_response(context, call, headers, size, trailers);
    proxy_on_grpc_receive_initial_metadata(context, call, headers);
    proxy_on_grpc_receive(context, call, size);
    proxy_on_grpc_receive_trailing_metadata(context, call, trailers);
    proxy_on_grpc_close(context, call, status);
    proxy_on_queue_ready(context, queue);
    proxy_on_foreign_function(context, function, size);
    envoy_on_resolve_dns(context, lookup, size);
    proxy_on_done(context) -> 1;
    proxy_on_log(context);
    proxy_on_delete(context);
}

const fn short(name: &'static str) -> &'static str {
    // Every name above starts with `proxy_on_` or `envoy_on_`, which are of one length.
    name.split_at("proxy_on_".len()).1
}

/// Says which version of the ABI this is, by being there.
#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

/// Room for what the host hands over; never freed, a probe lives for one scenario.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    Vec::leak(vec![0; size]).as_mut_ptr()
}
