//! Logs and the clock.

use wasmtime::Linker;

use super::host_functions;
use crate::call::Call;
use crate::status::{Outcome, Status};
use crate::vm::Vm;

const MOST_SEVERE_LEVEL: u32 = 5;

pub(super) fn link(linker: &mut Linker<Vm>, abi_0_2_1: bool) -> wasmtime::Result<()> {
    host_functions!(linker, "env",
        "proxy_log" => log, (level: u32, message: u32, len: u32);
        "proxy_get_current_time_nanoseconds" => current_time, (out: u32);
    );
    if abi_0_2_1 {
        host_functions!(linker, "env", "proxy_get_log_level" => log_level, (out: u32););
    }
    Ok(())
}

fn log(call: &mut Call<'_>, level: u32, message: u32, len: u32) -> Outcome {
    if level > MOST_SEVERE_LEVEL {
        return Err(Status::BadArgument.into());
    }
    let message = call.read(message, len)?;
    call.vm().log(level, &message);
    Ok(())
}

fn log_level(call: &mut Call<'_>, out: u32) -> Outcome {
    call.write_u32(out, call.vm().plugin.log_level)
}

fn current_time(call: &mut Call<'_>, out: u32) -> Outcome {
    call.write_u64(out, call.vm().shared.now_ns())
}
