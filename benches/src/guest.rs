//! The guest module, loaded into wasmtime as a Wasm engine runs it inside a proxy.

use std::path::{Path, PathBuf};

use wasmtime::error::Context;
use wasmtime::{Engine, Linker, Memory, Module, Result, Store, TypedFunc, ensure};

/// Names the module to load instead of the one `cargo xtask bench` builds.
const PATH_VARIABLE: &str = "TOLLGATE_BENCH_GUEST";
const DEFAULT_PATH: &str = "target/filters/tollgate-bench-guest.wasm";

/// An instance of the guest module.
pub struct Guest {
    store: Store<()>,
    memory: Memory,
    alloc: TypedFunc<u32, u32>,
    instance: wasmtime::Instance,
}

/// A subject with its input already in the guest's memory.
pub struct Prepared {
    function: TypedFunc<(u32, u32), u64>,
    at: u32,
    len: u32,
}

impl Guest {
    /// Loads the module named by `TOLLGATE_BENCH_GUEST`, else the one of the target folder.
    pub fn load() -> Result<Guest> {
        let path = std::env::var_os(PATH_VARIABLE).map_or_else(default_path, PathBuf::from);
        ensure!(
            path.is_file(),
            "no bench guest at {}: run `cargo xtask bench`, which builds it first, or name one in {PATH_VARIABLE}",
            path.display()
        );
        Guest::from_file(&path).with_context(|| format!("loading {}", path.display()))
    }

    fn from_file(path: &Path) -> Result<Guest> {
        let engine = Engine::default();
        let module = Module::from_file(&engine, path)?;
        let mut linker = Linker::new(&engine);
        // Keys of std's hash maps: what lies there already is as good for a bench.
        linker.func_wrap(
            "wasi_snapshot_preview1",
            "random_get",
            |_at: i32, _len: i32| 0i32,
        )?;
        // std imports WASI for what a subject never does (print, exit): doing it is a trap.
        linker.define_unknown_imports_as_traps(&module)?;
        let mut store = Store::new(&engine, ());
        let instance = linker.instantiate(&mut store, &module)?;
        if let Ok(initialize) = instance.get_typed_func::<(), ()>(&mut store, "_initialize") {
            initialize.call(&mut store, ())?;
        }
        let memory = instance
            .get_memory(&mut store, "memory")
            .context("the module exports no memory")?;
        let alloc = instance.get_typed_func(&mut store, "alloc")?;
        Ok(Guest {
            store,
            memory,
            alloc,
            instance,
        })
    }

    /// Copies `input` into the guest for the export `run_NAME`.
    pub fn prepare(&mut self, name: &str, input: &[u8]) -> Result<Prepared> {
        let function = self
            .instance
            .get_typed_func(&mut self.store, &format!("run_{name}"))?;
        let len = u32::try_from(input.len())?;
        let at = self.alloc.call(&mut self.store, len)?;
        self.memory.write(&mut self.store, at as usize, input)?;
        Ok(Prepared { function, at, len })
    }

    /// Calls a prepared subject once.
    pub fn call(&mut self, prepared: &Prepared) -> Result<u64> {
        prepared
            .function
            .call(&mut self.store, (prepared.at, prepared.len))
    }
}

fn default_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(DEFAULT_PATH)
}
