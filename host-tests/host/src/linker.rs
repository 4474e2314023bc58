//! The host functions put together, and what a module or a test asks of them checked.

use std::sync::{Arc, LazyLock};

use wasmtime::{FuncType, Linker, Store};

use crate::error::Error;
use crate::module::{Module, engine};
use crate::plugin::Plugin;
use crate::shared::Shared;
use crate::vm::Vm;
use crate::{abi, wasi};

/// Linkers belong to no VM; making one takes longer than starting a small module.
static ABI_0_2_0: LazyLock<wasmtime::Result<Linker<Vm>>> = LazyLock::new(|| link_all(false));
static ABI_0_2_1: LazyLock<wasmtime::Result<Linker<Vm>>> = LazyLock::new(|| link_all(true));

fn link_all(abi_0_2_1: bool) -> wasmtime::Result<Linker<Vm>> {
    let mut linker = Linker::new(engine()?);
    abi::link_all(&mut linker, abi_0_2_1)?;
    wasi::link_all(&mut linker)?;
    Ok(linker)
}

/// A linker with all host functions, once every import of the module is among them.
pub(crate) fn for_module(
    module: &Module,
    store: &mut Store<Vm>,
) -> Result<&'static Linker<Vm>, Error> {
    let linker = match module.is_abi_0_2_1() {
        true => &*ABI_0_2_1,
        false => &*ABI_0_2_0,
    };
    let linker = linker
        .as_ref()
        .map_err(|error| Error::Compile(error.to_string()))?;
    for import in module.compiled().imports() {
        let name = format!("{}.{}", import.module(), import.name());
        let Some(offered) = linker.get_by_import(&mut *store, &import) else {
            return Err(Error::Import {
                name,
                problem: "which Envoy does not offer".into(),
            });
        };
        let offered = offered.ty(&*store);
        if let (Some(wanted), Some(offered)) = (import.ty().func(), offered.func())
            && !offered.matches(wanted)
        {
            let problem = format!(
                "as {}, but Envoy offers it as {}",
                signature(wanted),
                signature(offered)
            );
            return Err(Error::Import { name, problem });
        }
    }
    Ok(linker)
}

/// Everything a module of ABI 0.2.1 may import, as module and name, in order; nothing where
/// wasmtime does not work.
pub fn host_functions() -> Vec<(String, String)> {
    let plugin = Arc::new(Plugin::default());
    let Ok(engine) = engine() else {
        return Vec::new();
    };
    let mut store = Store::new(engine, Vm::new(plugin, Arc::new(Shared::new(0, 0)), 0));
    let Ok(linker) = &*ABI_0_2_1 else {
        return Vec::new();
    };
    let offered = linker.iter(&mut store);
    let mut names: Vec<_> = offered
        .map(|(module, name, _)| (module.to_owned(), name.to_owned()))
        .collect();
    names.sort();
    names
}

/// `Plugin::answers` may name functions that give a status; all others have no result, or,
/// as `pthread_equal`, one that is none.
pub(crate) fn check_answers(linker: &Linker<Vm>, store: &mut Store<Vm>) -> Result<(), Error> {
    let plugin = store.data().plugin.clone();
    for function in plugin.answers.keys() {
        let found = ["env", "wasi_snapshot_preview1"]
            .into_iter()
            .find_map(|module| linker.get(&mut *store, module, function).ok()?.into_func());
        let gives_status = found.is_some_and(|found| found.ty(&*store).results().len() == 1);
        if !gives_status || function == "pthread_equal" {
            return Err(Error::Answer {
                function: function.clone(),
            });
        }
    }
    Ok(())
}

/// A function's type as WebAssembly text writes it, `(func (param i32) (result i32))`.
pub(crate) fn signature(ty: &FuncType) -> String {
    let text = ty.to_string();
    let inner = text
        .strip_prefix("(type ")
        .and_then(|text| text.strip_suffix(')'));
    inner.unwrap_or(&text).to_owned()
}
