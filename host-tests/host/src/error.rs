//! Why a module does not start, and why a running one stopped.

use std::fmt;

use crate::costs::Costs;
use crate::transcript::Crossing;
use crate::vm::Vm;

/// A module that cannot be loaded or started: one sentence that names the function at fault.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    Read {
        /// Path as given.
        path: String,
        /// What the system said.
        cause: std::io::Error,
    },
    /// wasmtime does not work here at all.
    Engine(String),
    /// The bytes are not a WebAssembly module this engine compiles.
    Compile(String),
    /// No `proxy_abi_version_0_2_0` or `proxy_abi_version_0_2_1` export.
    AbiVersion {
        /// The `proxy_abi_version_*` exports there are.
        found: Vec<String>,
    },
    /// Neither `malloc` nor `proxy_on_memory_allocate` is exported.
    NoAllocator,
    /// It was to count its allocations, and its allocator cannot be found.
    Uncountable {
        /// Why not.
        reason: String,
    },
    /// No memory is exported as `memory`.
    NoMemory,
    /// An import that Envoy does not offer, or offers with other parameters.
    Import {
        /// `module.function`.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// An export the host calls has other parameters or results than the ABI says.
    Export {
        /// The function.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// `Plugin::answers` names a function that gives no status, or that does not exist.
    Answer {
        /// The name as given.
        function: String,
    },
    /// Its memory or tables are above the plugin's limits, or its data do not fit into them.
    Instantiate(String),
    /// The guest trapped while it was being started.
    Start(Death),
    /// `proxy_on_vm_start` or `proxy_on_configure` returned false.
    Rejected {
        /// The callback that said no.
        callback: &'static str,
        /// What the guest logged until then, one line each.
        logs: Vec<String>,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, cause } => write!(f, "cannot read {path}: {cause}"),
            Self::Engine(cause) => write!(f, "wasmtime cannot run modules here: {cause}"),
            Self::Compile(cause) => write!(f, "this is not a usable WebAssembly module: {cause}"),
            Self::AbiVersion { found } if found.is_empty() => f.write_str(
                "the module exports no proxy_abi_version_0_2_1 (or 0_2_0): it is not a Proxy-Wasm filter",
            ),
            Self::AbiVersion { found } => write!(
                f,
                "the module exports {} but this host speaks proxy_abi_version_0_2_1 and 0_2_0",
                found.join(", ")
            ),
            Self::NoAllocator => f.write_str(
                "the module exports neither malloc nor proxy_on_memory_allocate, so the host could hand it no data",
            ),
            Self::Uncountable { reason } => write!(
                f,
                "the module's allocations cannot be counted: {reason}; build it with its names \
                 (in Rust `strip = \"debuginfo\"`, in C and C++ without -s)"
            ),
            Self::NoMemory => f.write_str("the module exports no memory named \"memory\""),
            Self::Import { name, problem } => write!(f, "the module imports {name}, {problem}"),
            Self::Export { name, problem } => write!(f, "the module exports {name}, {problem}"),
            Self::Answer { function } => write!(
                f,
                "Plugin::answers names {function}, which is no host function that gives a status"
            ),
            Self::Instantiate(cause) => write!(
                f,
                "the module cannot be instantiated: {cause} (Plugin::memory_limit and \
                 Plugin::table_limit say how large it may be)"
            ),
            Self::Start(death) => write!(f, "the module does not start: {death}"),
            Self::Rejected { callback, logs } => {
                write!(f, "{callback} returned false")?;
                match logs.last() {
                    Some(line) => write!(f, "; its last log line: {line}"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { cause, .. } => Some(cause),
            Self::Start(death) => Some(death),
            _ => None,
        }
    }
}

/// A worker that did not start, and what it did until then.
#[derive(Debug)]
pub struct FailedStart {
    /// Why not.
    pub error: Error,
    /// What it cost.
    pub costs: Costs,
    /// Every call across the ABI, when they were to be written down.
    pub transcript: Vec<Crossing>,
}

impl FailedStart {
    pub(crate) fn new(error: Error, vm: Vm) -> Box<Self> {
        let transcript = vm.transcript.map(|mut recorder| recorder.take());
        Box::new(Self {
            error,
            costs: vm.costs,
            transcript: transcript.unwrap_or_default(),
        })
    }
}

impl fmt::Display for FailedStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for FailedStart {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

/// Notices of queues that one instant of a host's clock may have. Between workers that hand
/// work to each other there may be many; without end there is no next instant.
pub(crate) const NOTICES_PER_INSTANT: usize = 10_000;

/// gRPC calls that may fail at once behind one callback. Envoy nests their closes until it is out
/// of stack; so many they were of a small guest, each time (seen on Envoy 1.40).
pub(crate) const GRPC_CLOSES_IN_A_ROW: usize = 2_364;

/// Why a VM stopped for good. Envoy answers 503 for it from then on (FAIL_CLOSED).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// The callback that did not return.
    pub callback: &'static str,
    /// What happened, in words.
    pub reason: String,
    /// Names of the guest's functions on the stack, innermost first; as far as the module
    /// still has names.
    pub backtrace: Vec<String>,
    /// The guest's last log line in that callback: the SDKs log a panic's message there.
    pub last_log: Option<String>,
    /// True when the fuel budget ran out: an endless loop, or a budget too small.
    pub out_of_fuel: bool,
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} trapped: {}", self.callback, self.reason)?;
        if let Some(innermost) = self.backtrace.first() {
            write!(f, " (in {innermost})")?;
        }
        if let Some(line) = &self.last_log {
            write!(f, "; its last log line: {line}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Death {}

impl Death {
    /// An end that is no trap of the guest's code.
    fn because(callback: &'static str, reason: String) -> Self {
        Self {
            callback,
            reason,
            backtrace: Vec::new(),
            last_log: None,
            out_of_fuel: false,
        }
    }

    /// The clock would never move on.
    pub(crate) fn endless_notices(worker: usize, queue: &str) -> Self {
        let reason = format!(
            "there is no end of notices at one instant, {NOTICES_PER_INSTANT} so far: worker \
             {worker} is told again and again of queue {queue:?} (Host::advance)"
        );
        Self::because("proxy_on_queue_ready", reason)
    }

    /// Envoy's stack would overflow.
    pub(crate) fn endless_grpc_closes() -> Self {
        let reason = format!(
            "{GRPC_CLOSES_IN_A_ROW} gRPC calls failed at once, each made while the close of \
             another was waiting or running (a retry without end?); Envoy 1.40 runs out of stack \
             there"
        );
        Self::because("proxy_on_grpc_close", reason)
    }

    /// A thread panicked while it used the VM.
    pub(crate) fn host_panic() -> Self {
        let reason = "the host panicked in it, so that the VM's state cannot be trusted";
        Self::because("a call of the host", reason.to_owned())
    }

    pub(crate) fn new(callback: &'static str, error: &wasmtime::Error, fuel: u64) -> Self {
        let out_of_fuel =
            error.downcast_ref::<wasmtime::Trap>() == Some(&wasmtime::Trap::OutOfFuel);
        let backtrace = error
            .downcast_ref::<wasmtime::WasmBacktrace>()
            .map(|trace| {
                let frames = trace.frames().iter();
                frames
                    .map(|frame| match frame.func_name() {
                        Some(name) => name.to_owned(),
                        None => format!("function {}", frame.func_index()),
                    })
                    .collect()
            })
            .unwrap_or_default();
        let reason = if out_of_fuel {
            format!(
                "it used more than its {fuel} units of fuel (an endless loop, or Plugin::fuel_per_callback is too small)"
            )
        } else {
            let cause = error.root_cause().to_string();
            cause
                .strip_prefix("wasm trap: ")
                .unwrap_or(&cause)
                .to_owned()
        };
        Self {
            callback,
            reason,
            backtrace,
            last_log: None,
            out_of_fuel,
        }
    }
}
