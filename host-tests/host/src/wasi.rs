//! The WASI functions Envoy offers, under both module names that exist.
//!
//! There are no files: descriptors 1 and 2 are the log, the rest is absent
//! (cpp-host `exports.cc`).

use wasmtime::{Caller, Linker};

use crate::abi::host_functions;
use crate::call::Call;
use crate::status::{Outcome, Refusal};
use crate::vm::Vm;

const SUCCESS: u32 = 0;
const EBADF: u32 = 8;
/// What `fd_readdir` gives in Envoy: Linux's ENOTDIR, not WASI's.
const NO_DIRECTORY: u32 = 20;
const EFAULT: u32 = 21;
const EINVAL: u32 = 28;
const ENOENT: u32 = 44;
const ENOSYS: u32 = 52;
const ENOTSUP: u32 = 58;

const STDOUT: u32 = 1;
const STDERR: u32 = 2;
const MAX_RANDOM_BYTES: u32 = 64 << 10;

pub(crate) fn link_all(linker: &mut Linker<Vm>) -> wasmtime::Result<()> {
    for module in ["wasi_snapshot_preview1", "wasi_unstable"] {
        host_functions!(linker, module,
            "fd_write" => fd_write, (fd: u32, vectors: u32, count: u32, out: u32);
            "fd_read" => enosys4, (a: u32, b: u32, c: u32, d: u32);
            "fd_seek" => fd_seek, (fd: u32, offset: i64, whence: u32, out: u32);
            "fd_close" => fd_close, (fd: u32);
            "fd_fdstat_get" => fd_fdstat_get, (fd: u32, out: u32);
            "fd_fdstat_set_flags" => enosys2, (a: u32, b: u32);
            "fd_filestat_get" => ebadf2, (a: u32, b: u32);
            "fd_prestat_get" => ebadf2, (a: u32, b: u32);
            "fd_prestat_dir_name" => enosys3, (a: u32, b: u32, c: u32);
            "clock_time_get" => clock_time_get, (clock: u32, precision: u64, out: u32);
            "clock_res_get" => clock_res_get, (clock: u32, out: u32);
            "random_get" => random_get, (ptr: u32, len: u32);
            "environ_sizes_get" => environ_sizes_get, (count: u32, size: u32);
            "environ_get" => environ_get, (pointers: u32, text: u32);
            "args_sizes_get" => args_sizes_get, (count: u32, size: u32);
            "args_get" => args_get, (pointers: u32, text: u32);
            "sched_yield" => sched_yield, ();
            "poll_oneoff" => poll_oneoff, (subscriptions: u32, events: u32, count: u32, out: u32);
            "path_open" => path_open, (fd: u32, flags: u32, path: u32, path_len: u32, open_flags: u32,
                rights: u64, inheriting: u64, fd_flags: u32, out: u32);
        );
        link_without_files(linker, module)?;
        // Envoy only traces it: nothing ends (`Context::error`).
        linker.func_wrap(
            module,
            "proc_exit",
            move |caller: Caller<'_, Vm>, code: u32| {
                let arguments = [code.into()];
                Call::run(caller, module, "proc_exit", &["code"], &arguments, |_| {
                    Ok(())
                })
                .map(|_| ())
            },
        )?;
    }
    Ok(())
}

/// What there is to do only with files or sockets. `path_link` and `path_symlink` have a
/// parameter less than WASI's, `proc_raise` is not there at all: as in Envoy, a module that
/// imports one of them cannot be loaded.
fn link_without_files(linker: &mut Linker<Vm>, module: &'static str) -> wasmtime::Result<()> {
    host_functions!(linker, module,
        "fd_advise" => fd_advise, (fd: u32, offset: u64, len: u64, advice: u32);
        "fd_allocate" => log_only3, (fd: u32, offset: u64, len: u64);
        "fd_datasync" => log_only1, (fd: u32);
        "fd_fdstat_set_rights" => log_only3, (fd: u32, base: u64, inheriting: u64);
        "fd_filestat_set_size" => log_only2, (fd: u32, size: u64);
        "fd_filestat_set_times" => log_only4, (fd: u32, accessed: u64, modified: u64, flags: u32);
        "fd_pread" => enosys_at, (fd: u32, vectors: u32, count: u32, offset: u64, out: u32);
        "fd_pwrite" => fd_pwrite, (fd: u32, vectors: u32, count: u32, offset: u64, out: u32);
        "fd_readdir" => fd_readdir, (fd: u32, buffer: u32, len: u32, cookie: u64, out: u32);
        "fd_renumber" => fd_renumber, (fd: u32, to: u32);
        "fd_sync" => log_only1, (fd: u32);
        "fd_tell" => fd_tell, (fd: u32, out: u32);
        "path_create_directory" => enotsup3, (a: u32, b: u32, c: u32);
        "path_filestat_get" => enotsup5, (a: u32, b: u32, c: u32, d: u32, e: u32);
        "path_filestat_set_times" => enotsup_times, (a: u32, b: u32, c: u32, d: u32, e: u64, f: u64, g: u32);
        "path_link" => enotsup6, (a: u32, b: u32, c: u32, d: u32, e: u32, f: u32);
        "path_readlink" => enotsup6, (a: u32, b: u32, c: u32, d: u32, e: u32, f: u32);
        "path_remove_directory" => enotsup3, (a: u32, b: u32, c: u32);
        "path_rename" => enotsup6, (a: u32, b: u32, c: u32, d: u32, e: u32, f: u32);
        "path_symlink" => enotsup4, (a: u32, b: u32, c: u32, d: u32);
        "path_unlink_file" => enotsup3, (a: u32, b: u32, c: u32);
        "sock_accept" => enotsup3, (a: u32, b: u32, c: u32);
        "sock_recv" => enotsup6, (a: u32, b: u32, c: u32, d: u32, e: u32, f: u32);
        "sock_send" => enotsup5, (a: u32, b: u32, c: u32, d: u32, e: u32);
        "sock_shutdown" => enotsup2, (a: u32, b: u32);
    );
    Ok(())
}

/// Functions that give one code whatever their arguments are.
macro_rules! constant {
    ($($name:ident($($kind:ty),*) = $code:expr;)*) => {
        $(#[allow(clippy::too_many_arguments, reason = "WASI's signatures")]
        fn $name(_: &mut Call<'_>, $(_: $kind),*) -> Outcome {
            Err(Refusal::Code($code))
        })*
    };
}

constant! {
    enosys2(u32, u32) = ENOSYS;
    enosys3(u32, u32, u32) = ENOSYS;
    enosys4(u32, u32, u32, u32) = ENOSYS;
    ebadf2(u32, u32) = EBADF;
    path_open(u32, u32, u32, u32, u32, u64, u64, u32, u32) = ENOENT;
    fd_advise(u32, u64, u64, u32) = SUCCESS;
    enosys_at(u32, u32, u32, u64, u32) = ENOSYS;
    enotsup2(u32, u32) = ENOTSUP;
    enotsup3(u32, u32, u32) = ENOTSUP;
    enotsup4(u32, u32, u32, u32) = ENOTSUP;
    enotsup5(u32, u32, u32, u32, u32) = ENOTSUP;
    enotsup6(u32, u32, u32, u32, u32, u32) = ENOTSUP;
    enotsup_times(u32, u32, u32, u32, u64, u64, u32) = ENOTSUP;
}

/// Functions that do nothing to the two logs, and there is no other descriptor.
macro_rules! log_only {
    ($($name:ident($($kind:ty),*);)*) => {
        $(fn $name(_: &mut Call<'_>, fd: u32, $(_: $kind),*) -> Outcome {
            is_log(fd)
        })*
    };
}

log_only! {
    log_only1();
    log_only2(u64);
    log_only3(u64, u64);
    log_only4(u64, u64, u32);
}

fn is_log(fd: u32) -> Outcome {
    match fd {
        STDOUT | STDERR => Ok(()),
        _ => Err(Refusal::Code(EBADF)),
    }
}

fn fault(refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Code(_) => Refusal::Code(EFAULT),
        trap => trap,
    }
}

fn fd_write(call: &mut Call<'_>, fd: u32, vectors: u32, count: u32, out: u32) -> Outcome {
    let level = match fd {
        STDOUT => 2,
        STDERR => 4,
        _ => return Err(Refusal::Code(EBADF)),
    };
    let mut text = Vec::new();
    for at in 0..count {
        let vector = call
            .read(vectors.wrapping_add(at.wrapping_mul(8)), 8)
            .map_err(fault)?;
        let (ptr, len) = (u32_at(&vector, 0), u32_at(&vector, 4));
        text.extend(call.read(ptr, len).map_err(fault)?);
    }
    let written = text.len() as u32;
    if written > 0 {
        call.vm()
            .log(level, text.strip_suffix(b"\n").unwrap_or(&text));
    }
    call.write_u32(out, written).map_err(fault)
}

fn fd_pwrite(call: &mut Call<'_>, fd: u32, vectors: u32, count: u32, _: u64, out: u32) -> Outcome {
    fd_write(call, fd, vectors, count, out)
}

fn fd_readdir(call: &mut Call<'_>, _: u32, _: u32, _: u32, _: u64, out: u32) -> Outcome {
    call.write_u32(out, 0).map_err(fault)?;
    Err(Refusal::Code(NO_DIRECTORY))
}

fn fd_renumber(_: &mut Call<'_>, fd: u32, to: u32) -> Outcome {
    is_log(fd).and_then(|()| is_log(to))?;
    Err(Refusal::Code(ENOTSUP))
}

fn fd_tell(call: &mut Call<'_>, fd: u32, out: u32) -> Outcome {
    is_log(fd)?;
    call.write_u64(out, 0).map_err(fault)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let bytes = bytes
        .get(at..at + 4)
        .and_then(|bytes| bytes.try_into().ok());
    u32::from_le_bytes(bytes.unwrap_or_default())
}

fn fd_seek(_: &mut Call<'_>, _: u32, _: i64, _: u32, _: u32) -> Outcome {
    Ok(())
}

fn fd_close(_: &mut Call<'_>, _: u32) -> Outcome {
    Ok(())
}

fn fd_fdstat_get(call: &mut Call<'_>, fd: u32, out: u32) -> Outcome {
    is_log(fd)?;
    // fs_rights_base is 64, fd_write; everything else zero.
    let mut stat = [0; 24];
    stat[8] = 64;
    // A wrong address is nobody's fault here.
    match call.write(out, &stat) {
        Err(Refusal::Code(_)) => Ok(()),
        written => written,
    }
}

fn clock_time_get(call: &mut Call<'_>, clock: u32, _precision: u64, out: u32) -> Outcome {
    let time = match clock {
        0 => call.vm().shared.now_ns(),
        1 => call.vm().shared.uptime_ns(),
        _ => return Err(Refusal::Code(ENOTSUP)),
    };
    call.write_u64(out, time).map_err(fault)
}

fn clock_res_get(call: &mut Call<'_>, clock: u32, out: u32) -> Outcome {
    if clock > 1 {
        return Err(Refusal::Code(ENOTSUP));
    }
    call.write_u64(out, 1).map_err(fault)
}

fn random_get(call: &mut Call<'_>, ptr: u32, len: u32) -> Outcome {
    if len > MAX_RANDOM_BYTES {
        return Err(Refusal::Code(EINVAL));
    }
    let mut bytes = Vec::with_capacity(len as usize + 8);
    while bytes.len() < len as usize {
        bytes.extend(call.vm_mut().next_random().to_le_bytes());
    }
    bytes.truncate(len as usize);
    call.write(ptr, &bytes).map_err(fault)
}

/// The environment as `K=V` with a NUL each.
fn environment(call: &Call<'_>) -> Vec<Vec<u8>> {
    let variables = call.vm().plugin.environment.iter();
    variables
        .map(|(key, value)| format!("{key}={value}\0").into_bytes())
        .collect()
}

fn environ_sizes_get(call: &mut Call<'_>, count: u32, size: u32) -> Outcome {
    let variables = environment(call);
    call.write_u32(count, variables.len() as u32)
        .map_err(fault)?;
    let bytes: usize = variables.iter().map(Vec::len).sum();
    call.write_u32(size, bytes as u32).map_err(fault)
}

fn environ_get(call: &mut Call<'_>, pointers: u32, text: u32) -> Outcome {
    let (mut pointers, mut text) = (pointers, text);
    for variable in environment(call) {
        call.write_u32(pointers, text).map_err(fault)?;
        call.write(text, &variable).map_err(fault)?;
        pointers = pointers.wrapping_add(4);
        text = text.wrapping_add(variable.len() as u32);
    }
    Ok(())
}

fn args_sizes_get(call: &mut Call<'_>, count: u32, size: u32) -> Outcome {
    call.write_u32(count, 0).map_err(fault)?;
    call.write_u32(size, 0).map_err(fault)
}

fn args_get(_: &mut Call<'_>, _: u32, _: u32) -> Outcome {
    Ok(())
}

fn sched_yield(_: &mut Call<'_>) -> Outcome {
    Ok(())
}

/// Guests cannot wait: nothing happens, and at once.
fn poll_oneoff(call: &mut Call<'_>, _: u32, _: u32, _: u32, out: u32) -> Outcome {
    call.write_u32(out, 0).map_err(fault)
}
