//! The callbacks a module may export: their names in the ABI, and their types.

use wasmtime::{Instance, Store, TypedFunc, WasmParams, WasmResults};

use crate::error::Error;
use crate::linker;
use crate::vm::Vm;

macro_rules! exports {
    ($($field:ident: $name:literal $parameters:ty => $result:ty;)*) => {
        /// The callbacks this host makes, as the ABI names them; every one is optional for a
        /// module. Only [`Worker::foreign_function`](crate::Worker::foreign_function) makes
        /// `proxy_on_foreign_function`: nothing in Envoy 1.40 does.
        pub const CALLBACKS: &[&str] = &[$($name),*];

        /// Those of one module.
        pub(crate) struct Exports {
            $(pub $field: Option<TypedFunc<$parameters, $result>>,)*
        }

        impl Exports {
            pub fn find(instance: &Instance, store: &mut Store<Vm>) -> Result<Self, Error> {
                Ok(Self { $($field: find(instance, store, $name)?,)* })
            }
        }
    };
}

exports! {
    context_create: "proxy_on_context_create" (u32, u32) => ();
    vm_start: "proxy_on_vm_start" (u32, u32) => u32;
    configure: "proxy_on_configure" (u32, u32) => u32;
    tick: "proxy_on_tick" u32 => ();
    request_headers: "proxy_on_request_headers" (u32, u32, u32) => u32;
    request_body: "proxy_on_request_body" (u32, u32, u32) => u32;
    request_trailers: "proxy_on_request_trailers" (u32, u32) => u32;
    request_metadata: "proxy_on_request_metadata" (u32, u32) => u32;
    response_headers: "proxy_on_response_headers" (u32, u32, u32) => u32;
    response_body: "proxy_on_response_body" (u32, u32, u32) => u32;
    response_trailers: "proxy_on_response_trailers" (u32, u32) => u32;
    response_metadata: "proxy_on_response_metadata" (u32, u32) => u32;
    new_connection: "proxy_on_new_connection" u32 => u32;
    downstream_data: "proxy_on_downstream_data" (u32, u32, u32) => u32;
    upstream_data: "proxy_on_upstream_data" (u32, u32, u32) => u32;
    downstream_connection_close: "proxy_on_downstream_connection_close" (u32, u32) => ();
    upstream_connection_close: "proxy_on_upstream_connection_close" (u32, u32) => ();
    http_call_response: "proxy_on_http_call_response" (u32, u32, u32, u32, u32) => ();
    grpc_receive_initial_metadata: "proxy_on_grpc_receive_initial_metadata" (u32, u32, u32) => ();
    grpc_receive: "proxy_on_grpc_receive" (u32, u32, u32) => ();
    grpc_receive_trailing_metadata: "proxy_on_grpc_receive_trailing_metadata" (u32, u32, u32) => ();
    grpc_close: "proxy_on_grpc_close" (u32, u32, u32) => ();
    resolve_dns: "envoy_on_resolve_dns" (u32, u32, u32) => ();
    foreign_function: "proxy_on_foreign_function" (u32, u32, u32) => ();
    queue_ready: "proxy_on_queue_ready" (u32, u32) => ();
    done: "proxy_on_done" u32 => u32;
    log: "proxy_on_log" u32 => ();
    delete: "proxy_on_delete" u32 => ();
}

/// An exported function; `None` when the module has none of this name.
pub(crate) fn find<A: WasmParams, R: WasmResults>(
    instance: &Instance,
    store: &mut Store<Vm>,
    name: &'static str,
) -> Result<Option<TypedFunc<A, R>>, Error> {
    let Some(function) = instance.get_func(&mut *store, name) else {
        return Ok(None);
    };
    function
        .typed(&*store)
        .map(Some)
        .map_err(|_| Error::Export {
            name: name.to_owned(),
            problem: format!(
                "with a signature the ABI does not know: {}",
                linker::signature(&function.ty(&*store))
            ),
        })
}
