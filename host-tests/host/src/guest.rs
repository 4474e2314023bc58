//! One VM: an instantiated module and the calls the host makes into it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use wasmtime::{Instance, Store, TypedFunc, WasmParams, WasmResults};

use crate::costs::Costs;
use crate::counters::Counters;
use crate::error::{Death, Error, FailedStart};
use crate::exports::{Exports, find};
use crate::failure_policy::Loading;
use crate::linker;
use crate::module::{Module, engine};
use crate::plugin::Plugin;
use crate::shared::Shared;
use crate::transcript::{CallDirection, Recorder};
use crate::vm::{Configuring, Phase, ROOT, Vm};

pub(crate) struct Guest {
    pub module: Module,
    pub store: Store<Vm>,
    pub exports: Arc<Exports>,
    pub death: Option<Death>,
    /// The number of the next context.
    pub next_context: u32,
    /// Streams whose end callbacks are due.
    pub ended: VecDeque<u32>,
    pub loading: Loading,
}

impl Guest {
    /// Instantiates the module and starts it as Envoy does on each worker.
    pub fn start(
        module: &Module,
        plugin: Arc<Plugin>,
        shared: Arc<Shared>,
        worker: usize,
        transcript: bool,
    ) -> Result<Self, Box<FailedStart>> {
        let loading = Loading::at(shared.now_ns());
        let vm = Vm::new(plugin, shared, worker);
        let mut store = match engine() {
            Ok(engine) => Store::new(engine, vm),
            Err(error) => return Err(FailedStart::new(error, vm)),
        };
        store.limiter(|vm| &mut vm.limits);
        store.data_mut().transcript = transcript.then(Recorder::default);
        let (instance, exports) = match instantiate(module, &mut store) {
            Ok(instantiated) => instantiated,
            Err(error) => return Err(FailedStart::new(error, store.into_data())),
        };
        let mut guest = Self {
            module: module.clone(),
            store,
            exports,
            death: None,
            next_context: ROOT + 1,
            ended: VecDeque::new(),
            loading,
        };
        match guest.begin(&instance) {
            Ok(()) => Ok(guest),
            Err(error) => Err(FailedStart::new(error, guest.store.into_data())),
        }
    }

    fn begin(&mut self, instance: &Instance) -> Result<(), Error> {
        self.settle_costs(ROOT, self.vm().plugin.fuel_per_callback);
        self.initialize(instance)?;
        self.vm_mut().phase = Phase::Running;
        self.configure()?;
        self.settle();
        Ok(())
    }

    /// `_initialize` and then `main`, or `_start` for a command module (cpp-host `wasm.cc`).
    fn initialize(&mut self, instance: &Instance) -> Result<(), Error> {
        let initialize: Option<TypedFunc<(), ()>> = find(instance, &mut self.store, "_initialize")?;
        if initialize.is_none() {
            let start: Option<TypedFunc<(), ()>> = find(instance, &mut self.store, "_start")?;
            self.call("_start", 0, start.as_ref(), (), &[]);
            return self.started();
        }
        self.call("_initialize", 0, initialize.as_ref(), (), &[]);
        let main: Option<TypedFunc<(u32, u32), u32>> = find(instance, &mut self.store, "main")?;
        if main.is_some() {
            self.call("main", 0, main.as_ref(), (0, 0), &[0, 0]);
        } else {
            let main: Option<TypedFunc<(), u32>> = find(instance, &mut self.store, "__main_void")?;
            self.call("__main_void", 0, main.as_ref(), (), &[]);
        }
        self.started()
    }

    fn configure(&mut self) -> Result<(), Error> {
        let exports = self.exports.clone();
        self.vm_mut().configuring = Configuring::Plugin;
        self.call(
            "proxy_on_context_create",
            ROOT,
            exports.context_create.as_ref(),
            (ROOT, 0),
            &[1, 0],
        );
        self.vm_mut().configuring = Configuring::No;
        self.started()?;
        let size = self.vm().plugin.vm_configuration.len() as u32;
        let ok = self.call(
            "proxy_on_vm_start",
            ROOT,
            exports.vm_start.as_ref(),
            (ROOT, size),
            &[1, size],
        );
        self.accepted("proxy_on_vm_start", ok)?;
        let size = self.vm().plugin.configuration.len() as u32;
        self.vm_mut().configuring = Configuring::Plugin;
        let ok = self.call(
            "proxy_on_configure",
            ROOT,
            exports.configure.as_ref(),
            (ROOT, size),
            &[1, size],
        );
        self.vm_mut().configuring = Configuring::No;
        self.accepted("proxy_on_configure", ok)
    }

    fn started(&self) -> Result<(), Error> {
        self.death
            .clone()
            .map_or(Ok(()), |death| Err(Error::Start(death)))
    }

    fn accepted(&self, callback: &'static str, ok: Option<u32>) -> Result<(), Error> {
        self.started()?;
        if ok == Some(0) {
            let (logs, worker) = (self.vm().shared.logs(), self.vm().worker);
            let own = logs
                .iter()
                .skip(self.vm().first_log)
                .filter(|line| line.worker == worker);
            let logs = own.map(|line| line.message.clone()).collect();
            return Err(Error::Rejected { callback, logs });
        }
        Ok(())
    }

    pub fn vm(&self) -> &Vm {
        self.store.data()
    }

    pub fn vm_mut(&mut self) -> &mut Vm {
        self.store.data_mut()
    }

    /// Calls a callback for `context`, with its fuel budget, counted and recorded. `None`
    /// when the guest has no such callback or is dead, or dies in this one.
    pub fn call<A: WasmParams, R: WasmResults + Code>(
        &mut self,
        name: &'static str,
        context: u32,
        function: Option<&TypedFunc<A, R>>,
        arguments: A,
        recorded: &[u32],
    ) -> Option<R> {
        // Before anything else: a callback that is missing stops nothing.
        self.vm_mut().stop_iteration = false;
        let function =
            function.filter(|_| self.death.is_none() && self.vm().plugin.allows(name))?;
        let fuel = self.vm().plugin.fuel_per_callback;
        // Fails only on an engine without fuel, and ours has it.
        let _ = self.store.set_fuel(fuel);
        let vm = self.store.data_mut();
        vm.true_context = context;
        vm.effective_context = None;
        vm.callback_costs = Costs {
            callbacks: 1,
            ..Default::default()
        };
        vm.limits.renew_work();
        if let Some(transcript) = &mut vm.transcript {
            let arguments = recorded.iter().copied().map(u64::from).collect();
            transcript.begin(CallDirection::Callback, "", name, &[], arguments);
        }
        let first_log = vm.shared.logs().len();
        let result = function.call(&mut self.store, arguments);
        self.settle_costs(context, fuel);
        let vm = self.store.data_mut();
        vm.true_context = 0;
        vm.effective_context = None;
        if let Some(transcript) = &mut vm.transcript {
            transcript.end(result.as_ref().ok().and_then(Code::code), result.is_ok());
        }
        match result {
            Ok(result) => Some(result),
            Err(error) => {
                self.death = Some(Death {
                    last_log: self.vm().last_log_since(first_log),
                    ..Death::new(name, &error, fuel)
                });
                None
            }
        }
    }

    /// Adds up what ran since the fuel was set, for the VM and for the context it ran for.
    fn settle_costs(&mut self, context: u32, fuel: u64) {
        let used = fuel - self.store.get_fuel().unwrap_or(0);
        let counters = self.vm().counters;
        let counted = counters.map(|counters| counters.take(&mut self.store));
        let memory = self.vm().memory;
        let memory_bytes = memory.map_or(0, |memory| memory.data_size(&self.store));
        let vm = self.store.data_mut();
        let counting = counted.map_or(0, |counted| counted.fuel);
        vm.callback_costs.fuel = used.saturating_sub(counting);
        vm.callback_costs.allocations = counted.map(|counted| counted.allocations);
        vm.callback_costs.memory_bytes = memory_bytes as u64;
        let costs = vm.callback_costs;
        vm.costs += costs;
        if let Some(stream) = vm.streams.get_mut(&context) {
            stream.costs += costs;
        } else if let Some(connection) = vm.connections.get_mut(&context) {
            connection.costs += costs;
        }
    }
}

/// The module's start function runs here, with a callback's budgets.
fn instantiate(module: &Module, store: &mut Store<Vm>) -> Result<(Instance, Arc<Exports>), Error> {
    let linker = linker::for_module(module, store)?;
    linker::check_answers(linker, store)?;
    store.data_mut().phase = Phase::Starting;
    let fuel = store.data().plugin.fuel_per_callback;
    // Fails only on an engine without fuel, and ours has it.
    let _ = store.set_fuel(fuel);
    let instance = linker
        .instantiate(&mut *store, module.compiled())
        .map_err(|error| not_instantiated(store, &error, fuel))?;
    store.data_mut().memory = instance.get_memory(&mut *store, "memory");
    // Envoy takes `malloc` first (cpp-host `wasm.cc`), whatever the specification says.
    let malloc = find(&instance, store, "malloc")?;
    store.data_mut().allocator = match malloc {
        Some(malloc) => Some(malloc),
        None => find(&instance, store, "proxy_on_memory_allocate")?,
    };
    store.data_mut().counters = Counters::find(&instance, store);
    let exports = Arc::new(Exports::find(&instance, store)?);
    store.data_mut().exports = Some(exports.clone());
    Ok((instance, exports))
}

/// Access to a VM that several handles share. One that a thread panicked in is dead.
pub(crate) fn lock_guest(guest: &Mutex<Guest>) -> MutexGuard<'_, Guest> {
    guest.lock().unwrap_or_else(|poisoned| {
        guest.clear_poison();
        let mut guest = poisoned.into_inner();
        guest.death.get_or_insert_with(Death::host_panic);
        guest.vm_mut().deferred.clear();
        guest
    })
}

/// Without a function on the stack there was no start function that failed.
fn not_instantiated(store: &Store<Vm>, error: &wasmtime::Error, fuel: u64) -> Error {
    let vm = store.data();
    let death = Death::new("the start function", error, fuel);
    if death.backtrace.is_empty() {
        return Error::Instantiate(death.reason);
    }
    Error::Start(Death {
        last_log: vm.last_log_since(vm.first_log),
        ..death
    })
}

/// A callback's result as the transcript shows it.
pub(crate) trait Code {
    fn code(&self) -> Option<u32>;
}

impl Code for () {
    fn code(&self) -> Option<u32> {
        None
    }
}

impl Code for u32 {
    fn code(&self) -> Option<u32> {
        Some(*self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vm_that_the_host_panicked_in_is_dead() {
        let text = r#"(module (memory (export "memory") 1)
          (func (export "proxy_abi_version_0_2_1"))
          (func (export "malloc") (param i32) (result i32) i32.const 0))"#;
        let module = Module::from_bytes(&wat::parse_str(text).unwrap()).unwrap();
        let shared = Arc::new(Shared::new(0, 0));
        let guest = Guest::start(&module, Arc::new(Plugin::default()), shared, 0, false);
        let guest = Mutex::new(guest.unwrap_or_else(|failed| panic!("{failed}")));
        let panicked = std::thread::scope(|threads| {
            let thread = threads.spawn(|| {
                let _locked = lock_guest(&guest);
                std::panic::resume_unwind(Box::new(()));
            });
            thread.join().is_err()
        });
        assert!(panicked && guest.is_poisoned());
        for _ in 0..2 {
            let death = lock_guest(&guest).death.clone().unwrap().to_string();
            let sentence = "a call of the host trapped: the host panicked in it, so that the VM's \
                            state cannot be trusted";
            assert_eq!(death, sentence);
        }
    }
}
