//! One call of a host function: memory checks, hand-over of data, counting.

use wasmtime::{Caller, Extern, Memory, TypedFunc};

use crate::limits::WORK_OF_A_CALL;
use crate::status::{Outcome, Refusal, Status};
use crate::transcript::{CallDirection, Passed};
use crate::vm::{Phase, ROOT, Vm};

const WASI_ENOTCAPABLE: u32 = 76;

/// A running host function's access to its VM and the guest's memory.
pub(crate) struct Call<'a> {
    caller: Caller<'a, Vm>,
}

impl<'a> Call<'a> {
    /// Runs one host function, counted, recorded and refused where Envoy refuses it.
    pub fn run(
        mut caller: Caller<'a, Vm>,
        module: &'static str,
        function: &'static str,
        names: &'static [&'static str],
        arguments: &[u64],
        body: impl FnOnce(&mut Call<'a>) -> Outcome,
    ) -> wasmtime::Result<u32> {
        caller.data_mut().callback_costs.host_calls += 1;
        if let Some(transcript) = &mut caller.data_mut().transcript {
            let arguments = arguments.to_vec();
            transcript.begin(CallDirection::HostCall, module, function, names, arguments);
        }
        let allowed = caller.data().plugin.allows(function);
        if allowed && !is_allowed(caller.data().phase, function) {
            let phase = match caller.data().phase {
                Phase::Allocating => "inside the allocator",
                _ => "while the module is being initialized",
            };
            if let Some(transcript) = &mut caller.data_mut().transcript {
                transcript.end(None, false);
            }
            return Err(wasmtime::Error::msg(format!(
                "{function} must not be called {phase}"
            )));
        }
        let mut call = Call { caller };
        let outcome = call.work(WORK_OF_A_CALL).and_then(|()| {
            match call.vm().plugin.answers.get(function) {
                Some(status) => Err(Refusal::Code(*status)),
                // Envoy links a stub in its place (cpp-host `exports.h`).
                None if !allowed && function.starts_with("proxy_") => {
                    Err(Status::InternalFailure.into())
                }
                None if !allowed => Err(Refusal::Code(WASI_ENOTCAPABLE)),
                None => body(&mut call),
            }
        });
        let result = match outcome {
            Ok(()) => Ok(0),
            Err(Refusal::Code(code)) => Ok(code),
            Err(Refusal::Trap(error)) => Err(error),
        };
        if let Some(transcript) = &mut call.vm_mut().transcript {
            transcript.end(result.as_ref().ok().copied(), result.is_ok());
        }
        result
    }

    pub fn vm(&self) -> &Vm {
        self.caller.data()
    }

    pub fn vm_mut(&mut self) -> &mut Vm {
        self.caller.data_mut()
    }

    /// Takes units of [`Plugin::host_work_per_callback`](crate::Plugin) before doing them.
    pub fn work(&mut self, units: u64) -> Outcome {
        let limits = &mut self.vm_mut().limits;
        limits.work(units).map_err(Refusal::Trap)
    }

    /// Copies `len` bytes at `ptr` out of the guest.
    pub fn read(&mut self, ptr: u32, len: u32) -> Result<Vec<u8>, Refusal> {
        let memory = self.memory()?;
        let (bytes, vm) = memory.data_and_store_mut(&mut self.caller);
        let end = ptr as usize + len as usize;
        let bytes = bytes
            .get(ptr as usize..end)
            .ok_or(Status::InvalidMemoryAccess)?;
        let worked = vm.limits.work(u64::from(len));
        worked.map_err(Refusal::Trap)?;
        vm.callback_costs.bytes_from_guest += u64::from(len);
        if let Some(transcript) = &mut vm.transcript {
            transcript.pass(Passed::new(false, ptr, bytes));
        }
        Ok(bytes.to_vec())
    }

    /// Copies `bytes` into the guest at `ptr`.
    pub fn write(&mut self, ptr: u32, bytes: &[u8]) -> Outcome {
        self.work(bytes.len() as u64)?;
        self.copy_in(ptr, bytes)?;
        self.record_answer(ptr, bytes);
        Ok(())
    }

    fn copy_in(&mut self, ptr: u32, bytes: &[u8]) -> Outcome {
        let memory = self.memory()?;
        memory
            .write(&mut self.caller, ptr as usize, bytes)
            .map_err(|_| Status::InvalidMemoryAccess)?;
        self.vm_mut().callback_costs.bytes_to_guest += bytes.len() as u64;
        Ok(())
    }

    fn record_answer(&mut self, at: u32, bytes: &[u8]) {
        if let Some(transcript) = &mut self.vm_mut().transcript {
            transcript.pass(Passed::new(true, at, bytes));
        }
    }

    pub fn write_u32(&mut self, ptr: u32, value: u32) -> Outcome {
        self.write(ptr, &value.to_le_bytes())
    }

    pub fn write_u64(&mut self, ptr: u32, value: u64) -> Outcome {
        self.write(ptr, &value.to_le_bytes())
    }

    /// Hands `bytes` to the guest in memory of its own allocator and writes where they are.
    /// No bytes need no memory: pointer 0, length 0.
    pub fn give(&mut self, bytes: &[u8], ptr_at: u32, len_at: u32) -> Outcome {
        self.work(bytes.len() as u64)?;
        let ptr = if bytes.is_empty() {
            0
        } else {
            self.allocate(bytes.len())?
        };
        if ptr != 0 {
            self.copy_in(ptr, bytes)?;
        }
        self.copy_in(ptr_at, &ptr.to_le_bytes())?;
        self.copy_in(len_at, &(bytes.len() as u32).to_le_bytes())?;
        self.record_answer(ptr_at, bytes);
        Ok(())
    }

    /// Calls a callback of the root context from inside a host function. Envoy does so where
    /// an asynchronous answer is there at once; it counts towards the outer callback.
    pub fn reenter(
        &mut self,
        name: &'static str,
        function: Option<&TypedFunc<(u32, u32, u32), ()>>,
        arguments: [u32; 2],
    ) -> Outcome {
        let [first, second] = arguments;
        let Some(function) = function.filter(|_| self.vm().plugin.allows(name)) else {
            return Ok(());
        };
        let vm = self.vm_mut();
        vm.callback_costs.callbacks += 1;
        if let Some(transcript) = &mut vm.transcript {
            let arguments = [ROOT, first, second].map(u64::from).to_vec();
            transcript.begin(CallDirection::Callback, "", name, &[], arguments);
        }
        let outer = (vm.true_context, vm.effective_context);
        (vm.true_context, vm.effective_context) = (ROOT, None);
        let called = function.call(&mut self.caller, (ROOT, first, second));
        let vm = self.vm_mut();
        (vm.true_context, vm.effective_context) = outer;
        if let Some(transcript) = &mut vm.transcript {
            transcript.end(None, called.is_ok());
        }
        called.map_err(Refusal::Trap)
    }

    fn allocate(&mut self, len: usize) -> Result<u32, Refusal> {
        let allocator = self.vm().allocator.clone().ok_or(Status::InternalFailure)?;
        let vm = self.vm_mut();
        vm.callback_costs.handovers += 1;
        vm.callback_costs.handover_bytes += len as u64;
        let counters = vm.counters;
        let outer = (vm.phase, vm.effective_context);
        (vm.phase, vm.effective_context) = (Phase::Allocating, None);
        let mark = counters.map(|counters| counters.mark(&mut self.caller));
        let ptr = allocator
            .call(&mut self.caller, len as u32)
            .map_err(Refusal::Trap);
        if let (Some(counters), Some(mark)) = (counters, mark) {
            counters.forget_since(mark, &mut self.caller);
        }
        let vm = self.vm_mut();
        (vm.phase, vm.effective_context) = outer;
        match ptr? {
            0 => Err(Status::InvalidMemoryAccess.into()),
            ptr => Ok(ptr),
        }
    }

    fn memory(&mut self) -> Result<Memory, Refusal> {
        if let Some(memory) = self.vm().memory {
            return Ok(memory);
        }
        // A Wasm start function runs before the host has seen the instance's exports.
        match self.caller.get_export("memory") {
            Some(Extern::Memory(memory)) => Ok(memory),
            _ => Err(Status::InvalidMemoryAccess.into()),
        }
    }
}

/// Envoy lets a guest call little before it is initialized and inside its allocator; anything
/// else there is a trap, "restricted_callback". Both tables are what Envoy 1.40 let pass when
/// each of its functions was called there (in cpp-host: `WasmBase::startVm` and `allocMemory`).
fn is_allowed(phase: Phase, function: &str) -> bool {
    match phase {
        Phase::Running => true,
        Phase::Starting => {
            ALLOWED_AT_START.contains(&function)
                || INERT_FILES
                    .iter()
                    .any(|prefix| function.starts_with(prefix))
                    && !REFUSED_AT_START.contains(&function)
        }
        Phase::Allocating => ALLOWED_IN_ALLOCATOR.contains(&function),
    }
}

const ALLOWED_AT_START: [&str; 10] = [
    "proxy_log",
    "args_get",
    "args_sizes_get",
    "clock_res_get",
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "poll_oneoff",
    "random_get",
    "emscripten_notify_memory_growth",
];

/// WASI's files and sockets may be asked for at the start, with exceptions.
const INERT_FILES: [&str; 3] = ["fd_", "path_", "sock_"];

const REFUSED_AT_START: [&str; 4] = ["fd_close", "fd_read", "fd_seek", "path_open"];

const ALLOWED_IN_ALLOCATOR: [&str; 4] = ["proxy_log", "fd_write", "clock_time_get", "poll_oneoff"];
