//! WASI's functions, under both module names Envoy offers them by.

/// Declares them for one module name.
macro_rules! wasi {
    ($name:ident, $module:literal) => {
        /// Of this module name.
        #[allow(
            unsafe_code,
            clippy::unnecessary_cast,
            reason = "imports; parameters of 64 bits are cast like the others"
        )]
        pub mod $name {
            $crate::function::functions! { $module:
                fd_write(fd: u32, vectors: u32, count: u32, written: u32) gives Number;
                fd_read(fd: u32, vectors: u32, count: u32, read: u32) gives Number;
                fd_seek(fd: u32, offset: i64, whence: u32, at: u32) gives Nothing;
                fd_close(fd: u32) gives Nothing;
                fd_fdstat_get(fd: u32, status: u32) gives FileStatus;
                fd_fdstat_set_flags(fd: u32, flags: u32) gives Nothing;
                fd_filestat_get(fd: u32, status: u32) gives Nothing;
                fd_prestat_get(fd: u32, status: u32) gives Nothing;
                fd_prestat_dir_name(fd: u32, path: u32, length: u32) gives Nothing;
                fd_advise(fd: u32, offset: u64, length: u64, advice: u32) gives Nothing;
                fd_allocate(fd: u32, offset: u64, length: u64) gives Nothing;
                fd_datasync(fd: u32) gives Nothing;
                fd_fdstat_set_rights(fd: u32, base: u64, inheriting: u64) gives Nothing;
                fd_filestat_set_size(fd: u32, size: u64) gives Nothing;
                fd_filestat_set_times(fd: u32, accessed: u64, modified: u64,
                    flags: u32) gives Nothing;
                fd_pread(fd: u32, vectors: u32, count: u32, offset: u64,
                    read: u32) gives Nothing;
                fd_pwrite(fd: u32, vectors: u32, count: u32, offset: u64,
                    written: u32) gives Nothing;
                fd_readdir(fd: u32, at: u32, length: u32, cookie: u64, used: u32) gives Nothing;
                fd_renumber(fd: u32, to: u32) gives Nothing;
                fd_sync(fd: u32) gives Nothing;
                fd_tell(fd: u32, offset: u32) gives Nothing;
                path_open(fd: u32, look_up: u32, path: u32, length: u32, flags: u32,
                    rights: u64, inheriting: u64, fd_flags: u32, opened: u32) gives Number;
                path_create_directory(fd: u32, path: u32, length: u32) gives Nothing;
                path_filestat_get(fd: u32, flags: u32, path: u32, length: u32,
                    status: u32) gives Nothing;
                path_filestat_set_times(fd: u32, look_up: u32, path: u32, length: u32,
                    accessed: u64, modified: u64, flags: u32) gives Nothing;
                path_link(fd: u32, path: u32, length: u32, to: u32, to_path: u32, to_length: u32) gives Nothing;
                path_readlink(fd: u32, path: u32, length: u32, at: u32, most: u32,
                    used: u32) gives Nothing;
                path_remove_directory(fd: u32, path: u32, length: u32) gives Nothing;
                path_rename(fd: u32, path: u32, length: u32, to: u32, to_path: u32,
                    to_length: u32) gives Nothing;
                path_symlink(path: u32, length: u32, fd: u32, to_path: u32) gives Nothing;
                path_unlink_file(fd: u32, path: u32, length: u32) gives Nothing;
                clock_time_get(clock: u32, precision: u64, time: u32) gives Long;
                clock_res_get(clock: u32, resolution: u32) gives Long;
                random_get(at: u32, length: u32) gives Nothing;
                environ_sizes_get(count: u32, size: u32) gives TwoNumbers;
                environ_get(pointers: u32, texts: u32) gives Texts;
                args_sizes_get(count: u32, size: u32) gives TwoNumbers;
                args_get(pointers: u32, texts: u32) gives Texts;
                sched_yield() gives Nothing;
                poll_oneoff(subscriptions: u32, events: u32, count: u32,
                    happened: u32) gives Number;
                sock_accept(fd: u32, flags: u32, accepted: u32) gives Nothing;
                sock_recv(fd: u32, vectors: u32, count: u32, flags: u32, read: u32,
                    out_flags: u32) gives Nothing;
                sock_send(fd: u32, vectors: u32, count: u32, flags: u32,
                    written: u32) gives Nothing;
                sock_shutdown(fd: u32, how: u32) gives Nothing;
            }

            /// Envoy's logs only: nothing ends, so it does return.
            pub fn exit(code: u32) {
                #[link(wasm_import_module = $module)]
                unsafe extern "C" {
                    safe fn proc_exit(code: u32);
                }
                proc_exit(code);
            }
        }
    };
}

wasi!(preview1, "wasi_snapshot_preview1");
wasi!(unstable, "wasi_unstable");
