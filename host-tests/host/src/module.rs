//! A compiled filter, checked for what Envoy checks before it starts one.

use std::path::Path;
use std::sync::LazyLock;

use wasmtime::{Cache, CacheConfig, Config, Engine, ExternType};

use crate::error::Error;
use crate::instrument;

/// One engine for the process, because a module runs only on the engine that compiled it.
/// Compiled code is kept in wasmtime's cache directory (`~/.cache/wasmtime`); where there
/// is none, every process compiles anew.
static ENGINE: LazyLock<Result<Engine, String>> = LazyLock::new(|| {
    let mut config = Config::new();
    config.consume_fuel(true);
    // The same results on every machine, where the specification leaves them open.
    config.cranelift_nan_canonicalization(true);
    config.relaxed_simd_deterministic(true);
    config.cache(Cache::new(CacheConfig::new()).ok());
    Engine::new(&config).map_err(|error| error.to_string())
});

/// A compiled Proxy-Wasm module. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Module {
    compiled: wasmtime::Module,
    abi_0_2_1: bool,
}

impl Module {
    /// Compiles the module in the file `path`, or takes it from the cache.
    ///
    /// # Errors
    /// [`Error::Read`], and those of [`Module::from_bytes`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::from_bytes(&read(path.as_ref())?)
    }

    /// As [`Module::load`], with the guest's own allocations counted in its
    /// [`Costs`](crate::Costs). Everything else is as without, fuel included.
    ///
    /// # Errors
    /// [`Error::Uncountable`] for a module that was stripped of its functions' names, by
    /// which the allocator is found.
    pub fn load_counting_allocations(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::from_bytes_counting_allocations(&read(path.as_ref())?)
    }

    /// As [`Module::load_counting_allocations`], from a module's bytes.
    pub fn from_bytes_counting_allocations(bytes: &[u8]) -> Result<Self, Error> {
        check(bytes)?;
        Self::from_bytes(&instrument::count_allocations(bytes)?)
    }

    /// Compiles a module from its bytes, or takes it from the cache.
    ///
    /// # Errors
    /// [`Error::Compile`] for what is no valid module; [`Error::AbiVersion`],
    /// [`Error::NoAllocator`] and [`Error::NoMemory`] for one that is no filter.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        if let Some(what) = something_else(bytes) {
            return Err(Error::Compile(what.to_owned()));
        }
        let compiled = wasmtime::Module::from_binary(engine()?, bytes).map_err(uncompilable)?;
        let is_func = |name| matches!(compiled.get_export(name), Some(ExternType::Func(_)));
        let abi_0_2_1 = is_func("proxy_abi_version_0_2_1");
        if !abi_0_2_1 && !is_func("proxy_abi_version_0_2_0") {
            let found = compiled
                .exports()
                .map(|export| export.name().to_owned())
                .filter(|name| name.starts_with("proxy_abi_version_"))
                .collect();
            return Err(Error::AbiVersion { found });
        }
        if !is_func("malloc") && !is_func("proxy_on_memory_allocate") {
            return Err(Error::NoAllocator);
        }
        if !matches!(compiled.get_export("memory"), Some(ExternType::Memory(_))) {
            return Err(Error::NoMemory);
        }
        Ok(Self {
            compiled,
            abi_0_2_1,
        })
    }

    /// The host functions the module imports, as (module, function).
    pub fn imports(&self) -> impl Iterator<Item = (&str, &str)> {
        self.compiled
            .imports()
            .map(|import| (import.module(), import.name()))
    }

    pub(crate) fn compiled(&self) -> &wasmtime::Module {
        &self.compiled
    }

    /// True for ABI 0.2.1, false for 0.2.0, which lacks `proxy_get_log_level`.
    pub(crate) fn is_abi_0_2_1(&self) -> bool {
        self.abi_0_2_1
    }
}

/// Whether it is a valid module, without compiling it.
fn check(bytes: &[u8]) -> Result<(), Error> {
    if let Some(what) = something_else(bytes) {
        return Err(Error::Compile(what.to_owned()));
    }
    wasmtime::Module::validate(engine()?, bytes).map_err(uncompilable)
}

fn uncompilable(error: wasmtime::Error) -> Error {
    // Some of its messages are lists over many lines.
    let cause = error.root_cause().to_string();
    Error::Compile(cause.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// What the bytes are when they are no module at all, and what to do.
fn something_else(bytes: &[u8]) -> Option<&'static str> {
    // A component has the same magic number, and another layer behind the version.
    const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
    if bytes.is_empty() {
        Some("the file is empty")
    } else if bytes.starts_with(COMPONENT) {
        Some(
            "it is a component, and Envoy loads core modules: build it for wasm32-wasip1, not for \
             wasm32-wasip2",
        )
    } else if bytes.trim_ascii_start().starts_with(b"(") {
        // Envoy loads binaries only, and a parser for the text would be a heavy guest here.
        Some("it is WebAssembly text: make a binary of it first (`wasm-tools parse`, `wat2wasm`)")
    } else if !bytes.starts_with(b"\0asm") {
        Some("it does not begin as WebAssembly does")
    } else {
        None
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|cause| Error::Read {
        path: path.display().to_string(),
        cause,
    })
}

/// # Errors
/// [`Error::Engine`] where wasmtime does not work at all; never an engine without fuel.
pub(crate) fn engine() -> Result<&'static Engine, Error> {
    ENGINE
        .as_ref()
        .map_err(|cause| Error::Engine(cause.clone()))
}
