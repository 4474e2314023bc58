//! One VM: an instantiated module and the calls the host makes into it.

use std::collections::VecDeque;
use std::sync::Arc;

use wasmtime::{Instance, Store, TypedFunc, WasmParams, WasmResults};

use crate::costs::Costs;
use crate::counters::Counters;
use crate::error::{Death, Error};
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
    ) -> Result<Self, Error> {
        let first_log = shared.logs().len();
        let loading = Loading::at(shared.now_ns());
        let mut store = Store::new(engine(), Vm::new(plugin, shared, worker));
        store.limiter(|vm| &mut vm.limits);
        store.data_mut().transcript = transcript.then(Recorder::default);
        let linker = linker::for_module(module, &mut store)?;
        linker::check_answers(linker, &mut store)?;
        store.data_mut().phase = Phase::Starting;
        let fuel = store.data().plugin.fuel_per_callback;
        let _ = store.set_fuel(fuel);
        let instance = linker
            .instantiate(&mut store, module.compiled())
            .map_err(|error| Error::Start(Death::new("the start function", &error, fuel)))?;
        store.data_mut().memory = instance.get_memory(&mut store, "memory");
        // Envoy takes `malloc` first (cpp-host `wasm.cc`), whatever the specification says.
        let malloc = find(&instance, &mut store, "malloc")?;
        store.data_mut().allocator = match malloc {
            Some(malloc) => Some(malloc),
            None => find(&instance, &mut store, "proxy_on_memory_allocate")?,
        };
        store.data_mut().counters = Counters::find(&instance, &mut store);
        let exports = Arc::new(Exports::find(&instance, &mut store)?);
        store.data_mut().exports = Some(exports.clone());
        let mut guest = Self {
            module: module.clone(),
            store,
            exports,
            death: None,
            next_context: ROOT + 1,
            ended: VecDeque::new(),
            loading,
        };
        guest.initialize(&instance)?;
        guest.store.data_mut().phase = Phase::Running;
        guest.configure(first_log)?;
        guest.settle();
        Ok(guest)
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

    fn configure(&mut self, first_log: usize) -> Result<(), Error> {
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
        self.accepted("proxy_on_vm_start", ok, first_log)?;
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
        self.accepted("proxy_on_configure", ok, first_log)
    }

    fn started(&self) -> Result<(), Error> {
        self.death
            .clone()
            .map_or(Ok(()), |death| Err(Error::Start(death)))
    }

    fn accepted(
        &self,
        callback: &'static str,
        ok: Option<u32>,
        first_log: usize,
    ) -> Result<(), Error> {
        self.started()?;
        if ok == Some(0) {
            let logs = self.vm().shared.logs();
            let logs = logs
                .iter()
                .skip(first_log)
                .map(|line| line.message.clone())
                .collect();
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
        if let Some(transcript) = &mut vm.transcript {
            let arguments = recorded.iter().copied().map(u64::from).collect();
            transcript.begin(CallDirection::Callback, "", name, &[], arguments);
        }
        let first_log = vm.shared.logs().len();
        let result = function.call(&mut self.store, arguments);
        let used = fuel - self.store.get_fuel().unwrap_or(0);
        let counters = self.vm().counters;
        let counted = counters.map(|counters| counters.take(&mut self.store));
        let memory = self.vm().memory;
        let memory_bytes = memory.map_or(0, |memory| memory.data_size(&self.store));
        let vm = self.store.data_mut();
        vm.true_context = 0;
        vm.effective_context = None;
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
        if let Some(transcript) = &mut vm.transcript {
            transcript.end(result.as_ref().ok().and_then(Code::code), result.is_ok());
        }
        match result {
            Ok(result) => Some(result),
            Err(error) => {
                let logs = self.vm().shared.logs();
                let last_log = logs.get(first_log..).and_then(<[_]>::last);
                let last_log = last_log.map(|line| line.message.clone());
                drop(logs);
                self.death = Some(Death {
                    last_log,
                    ..Death::new(name, &error, fuel)
                });
                None
            }
        }
    }
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
