//! The host functions of module `env`, one file a subject.

mod buffers;
mod callouts;
mod compilers;
mod dns;
mod foreign;
mod grpc;
mod logging;
mod maps;
mod measures;
mod properties;
mod sharing;
mod streams;

use wasmtime::Linker;

use crate::vm::Vm;

/// Registers functions that answer a status under their names.
macro_rules! host_functions {
    ($linker:ident, $module:expr, $($name:literal => $function:path, ($($argument:ident: $kind:ty),*);)*) => {
        $($linker.func_wrap($module, $name, move |caller: wasmtime::Caller<'_, $crate::vm::Vm>, $($argument: $kind),*| {
            $crate::call::Call::run(caller, $module, $name, &[$(stringify!($argument)),*], &[$($argument as u64),*], |call| $function(call, $($argument),*))
        })?;)*
    };
}
pub(crate) use host_functions;

/// Registers everything Envoy offers in module `env`.
pub(crate) fn link_all(linker: &mut Linker<Vm>, abi_0_2_1: bool) -> wasmtime::Result<()> {
    buffers::link(linker)?;
    callouts::link(linker)?;
    dns::link(linker)?;
    foreign::link(linker)?;
    grpc::link(linker)?;
    logging::link(linker, abi_0_2_1)?;
    maps::link(linker)?;
    measures::link(linker)?;
    properties::link(linker)?;
    sharing::link(linker)?;
    streams::link(linker)?;
    compilers::link(linker)?;
    Ok(())
}
