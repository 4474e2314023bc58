//! How subjects leave the module: `alloc(len) -> ptr` gives room for the input, then
//! `run_NAME(ptr, len) -> u64` reads it where it lies.

/// Room for `len` bytes of input, never freed: a bench allocates once a body.
#[unsafe(no_mangle)]
#[allow(
    unsafe_code,
    reason = "an export needs no_mangle; nothing else in the module has this name"
)]
pub extern "C" fn alloc(len: usize) -> *mut u8 {
    Vec::leak(vec![0; len]).as_mut_ptr()
}

/// The input the host wrote.
///
/// # Safety
/// `ptr` came from [`alloc`] with at least `len`, and the host does not write while this runs.
#[allow(unsafe_code, reason = "the host hands over an address")]
pub(crate) unsafe fn input<'a>(ptr: *const u8, len: usize) -> &'a [u8] {
    // SAFETY: by this function's own contract `ptr..ptr + len` is initialised and stays put.
    unsafe { std::slice::from_raw_parts(ptr, len) }
}

/// Exports each `run_NAME` as a call of its subject.
macro_rules! subjects {
    ($($export:ident => $subject:path,)*) => { $(
        /// Runs the subject on the input at `ptr`.
        ///
        /// # Safety
        /// `ptr` came from `alloc` with at least `len`.
        #[unsafe(no_mangle)]
        #[allow(unsafe_code, reason = "an export needs no_mangle and receives an address")]
        pub unsafe extern "C" fn $export(ptr: *const u8, len: usize) -> u64 {
            // SAFETY: passed on to the caller.
            $subject(unsafe { $crate::export::input(ptr, len) })
        }
    )* };
}
