//! The Proxy-Wasm host functions the filters need, every one of them fallible.
//!
//! The SDK's own wrappers panic on statuses they do not expect, and Envoy answers several
//! calls with such statuses (no header map in a body callback, for one). A panic is a trap
//! and kills every stream of the worker, so the calls are declared again here and every
//! status is a value.
#![allow(
    unsafe_code,
    reason = "host functions take raw pointers; each call below passes live slices or locals"
)]

use core::ptr;
use core::time::Duration;

use proxy_wasm::hostcalls;

/// Why a host call did not do what it was asked to: the status it answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HostError {
    /// Status code of the Proxy-Wasm ABI 0.2.1; 2 is BAD_ARGUMENT.
    pub(crate) status: u32,
}

impl HostError {
    /// NOT_FOUND.
    pub(crate) const NOT_FOUND: HostError = HostError { status: 1 };
    /// CAS_MISMATCH.
    pub(crate) const CAS_MISMATCH: HostError = HostError { status: 8 };
}

/// What a host call gives.
pub(crate) type HostResult<T> = Result<T, HostError>;

/// Buffers of the ABI.
#[derive(Clone, Copy)]
pub(crate) enum Buffer {
    RequestBody = 0,
    ResponseBody = 1,
    HttpCallBody = 4,
    PluginConfiguration = 7,
}

/// Header maps of the ABI.
#[derive(Clone, Copy)]
pub(crate) enum Headers {
    Request = 0,
    Response = 2,
    HttpCall = 6,
}

/// Kinds of metrics of the ABI.
#[derive(Clone, Copy)]
pub(crate) enum MetricType {
    Counter = 0,
    Gauge = 1,
    Histogram = 2,
}

/// Log levels of the ABI.
#[derive(Clone, Copy)]
pub(crate) enum Level {
    Warn = 3,
    Error = 4,
}

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    fn proxy_set_effective_context(context: u32) -> u32;
    fn proxy_continue_stream(stream: u32) -> u32;
    fn proxy_get_shared_data(
        key: *const u8,
        key_length: usize,
        data: *mut *mut u8,
        length: *mut usize,
        version: *mut u32,
    ) -> u32;
    fn proxy_set_shared_data(
        key: *const u8,
        key_length: usize,
        value: *const u8,
        value_length: usize,
        version: u32,
    ) -> u32;
    fn proxy_log(level: u32, message: *const u8, length: usize) -> u32;
    fn proxy_get_buffer_bytes(
        buffer: u32,
        start: usize,
        max: usize,
        data: *mut *mut u8,
        length: *mut usize,
    ) -> u32;
    fn proxy_set_buffer_bytes(
        buffer: u32,
        start: usize,
        length: usize,
        value: *const u8,
        value_length: usize,
    ) -> u32;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, length: *mut usize) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        key: *const u8,
        key_length: usize,
        value: *const u8,
        value_length: usize,
    ) -> u32;
    fn proxy_remove_header_map_value(map: u32, key: *const u8, key_length: usize) -> u32;
    fn proxy_get_property(
        path: *const u8,
        path_length: usize,
        data: *mut *mut u8,
        length: *mut usize,
    ) -> u32;
    fn proxy_set_property(
        path: *const u8,
        path_length: usize,
        value: *const u8,
        value_length: usize,
    ) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_length: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, delta: i64) -> u32;
    fn proxy_record_metric(id: u32, value: u64) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_length: usize,
        body: *const u8,
        body_length: usize,
        headers: *const u8,
        headers_length: usize,
        grpc_status: i32,
    ) -> u32;
    fn proxy_call_foreign_function(
        name: *const u8,
        name_length: usize,
        arguments: *const u8,
        arguments_length: usize,
        results: *mut *mut u8,
        results_length: *mut usize,
    ) -> u32;
}

fn check(status: u32) -> HostResult<()> {
    if status == 0 {
        Ok(())
    } else {
        Err(HostError { status })
    }
}

/// What the host wrote through a pair of out-pointers.
struct Answer {
    data: *mut u8,
    length: usize,
}

impl Answer {
    const NONE: Answer = Answer {
        data: ptr::null_mut(),
        length: 0,
    };

    /// The bytes, without copying them again.
    fn bytes(self, status: u32) -> HostResult<Vec<u8>> {
        check(status)?;
        if self.data.is_null() || self.length == 0 {
            return Ok(Vec::new());
        }
        // SAFETY: a host hands over memory that it had from `proxy_on_memory_allocate`,
        // which the SDK implements as a leaked `Vec<u8>` of exactly the length asked for;
        // the host has written all of it and keeps no reference.
        Ok(unsafe { Vec::from_raw_parts(self.data, self.length, self.length) })
    }
}

/// Writes a line to Envoy's log, where it stands under the plugin's name.
pub(crate) fn log(level: Level, message: &str) {
    // SAFETY: the pointer and length are those of a live slice.
    // A log line that Envoy does not take has nowhere else to go.
    let _ = unsafe { proxy_log(level as u32, message.as_ptr(), message.len()) };
}

/// Up to `max` bytes of a buffer from `start` on; what lies beyond its end is left out.
pub(crate) fn buffer(buffer: Buffer, start: usize, max: usize) -> HostResult<Vec<u8>> {
    let mut answer = Answer::NONE;
    // SAFETY: both out-pointers are live locals.
    let status = unsafe {
        proxy_get_buffer_bytes(
            buffer as u32,
            start,
            max,
            &mut answer.data,
            &mut answer.length,
        )
    };
    answer.bytes(status)
}

/// Puts `value` in the place of all of a buffer.
pub(crate) fn replace_buffer(buffer: Buffer, value: &[u8]) -> HostResult<()> {
    // SAFETY: the pointer and length are those of a live slice. More bytes than the buffer has
    // are all of them.
    check(unsafe {
        proxy_set_buffer_bytes(buffer as u32, 0, usize::MAX, value.as_ptr(), value.len())
    })
}

/// Wall-clock time in nanoseconds since 1970.
pub(crate) fn time() -> HostResult<u64> {
    let mut time = 0;
    // SAFETY: the out-pointer is a live local.
    check(unsafe { proxy_get_current_time_nanoseconds(&mut time) })?;
    Ok(time)
}

/// Asks for a tick of the plugin every so many milliseconds; 0 ends it.
pub(crate) fn set_tick_period(milliseconds: u32) -> HostResult<()> {
    // SAFETY: no pointers.
    check(unsafe { proxy_set_tick_period_milliseconds(milliseconds) })
}

/// The value that all VMs with this one's `vm_id` share under `key`, and its number for a
/// comparison.
pub(crate) fn shared_data(key: &str) -> HostResult<(Vec<u8>, u32)> {
    let mut answer = Answer::NONE;
    let mut version = 0;
    // SAFETY: the slice is live and all out-pointers are live locals.
    let status = unsafe {
        proxy_get_shared_data(
            key.as_ptr(),
            key.len(),
            &mut answer.data,
            &mut answer.length,
            &mut version,
        )
    };
    Ok((answer.bytes(status)?, version))
}

/// Shares `value` under `key` where its number is `version` still; a key without a value
/// takes any.
pub(crate) fn set_shared_data(key: &str, value: &[u8], version: u32) -> HostResult<()> {
    // SAFETY: pointers and lengths are those of live slices.
    check(unsafe {
        proxy_set_shared_data(
            key.as_ptr(),
            key.len(),
            value.as_ptr(),
            value.len(),
            version,
        )
    })
}

/// All headers of a map in the ABI's serialised form; see [`crate::pairs::Pairs`].
pub(crate) fn header_pairs(map: Headers) -> HostResult<Vec<u8>> {
    let mut answer = Answer::NONE;
    // SAFETY: both out-pointers are live locals.
    let status =
        unsafe { proxy_get_header_map_pairs(map as u32, &mut answer.data, &mut answer.length) };
    answer.bytes(status)
}

/// Sets a header to one value, whatever it had before.
pub(crate) fn replace_header(map: Headers, name: &str, value: &[u8]) -> HostResult<()> {
    // SAFETY: pointers and lengths are those of live slices.
    check(unsafe {
        proxy_replace_header_map_value(
            map as u32,
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len(),
        )
    })
}

/// Removes a header, if it is there.
pub(crate) fn remove_header(map: Headers, name: &str) -> HostResult<()> {
    // SAFETY: pointer and length are those of a live slice.
    check(unsafe { proxy_remove_header_map_value(map as u32, name.as_ptr(), name.len()) })
}

/// A property; segments of `path` are separated by NUL.
pub(crate) fn property(path: &str) -> HostResult<Vec<u8>> {
    let mut answer = Answer::NONE;
    // SAFETY: the slice is live and both out-pointers are live locals.
    let status = unsafe {
        proxy_get_property(
            path.as_ptr(),
            path.len(),
            &mut answer.data,
            &mut answer.length,
        )
    };
    answer.bytes(status)
}

/// Stores `value` as filter state `wasm.PATH` of the stream.
pub(crate) fn set_property(path: &str, value: &[u8]) -> HostResult<()> {
    // SAFETY: pointers and lengths are those of live slices.
    check(unsafe { proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) })
}

/// The id of the metric of that name; the same name means the same metric in every VM.
pub(crate) fn define_metric(kind: MetricType, name: &str) -> HostResult<u32> {
    let mut id = 0;
    // SAFETY: the slice is live and the out-pointer is a live local.
    check(unsafe { proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &mut id) })?;
    Ok(id)
}

/// Adds to a counter or gauge. Envoy refuses to add nothing, or less, to a counter.
pub(crate) fn increment_metric(id: u32, delta: i64) -> HostResult<()> {
    // SAFETY: no pointers.
    check(unsafe { proxy_increment_metric(id, delta) })
}

/// Records a value in a histogram, or sets a gauge to it.
pub(crate) fn record_metric(id: u32, value: u64) -> HostResult<()> {
    // SAFETY: no pointers.
    check(unsafe { proxy_record_metric(id, value) })
}

/// Makes the stream with this context the one at hand, until the callback returns or another is.
pub(crate) fn set_effective_context(context: u32) -> HostResult<()> {
    // SAFETY: no pointers.
    check(unsafe { proxy_set_effective_context(context) })
}

/// Lets the paused request of the stream at hand go on; nothing of it can be edited after that.
pub(crate) fn continue_request() -> HostResult<()> {
    const REQUEST: u32 = 0;
    // SAFETY: no pointers.
    check(unsafe { proxy_continue_stream(REQUEST) })
}

/// Calls a service of one of Envoy's clusters; false where the host does not.
///
/// Through the SDK, because only it knows whose answer comes: it keeps the number of each call with
/// the context at hand, and trips over numbers it does not know. Of a status that is none of Envoy's
/// for a call (OK, BAD_ARGUMENT, INTERNAL_FAILURE) it panics.
pub(crate) fn call(
    cluster: &str,
    headers: Vec<(&str, &str)>,
    body: Option<&[u8]>,
    timeout_milliseconds: u32,
) -> bool {
    let timeout = Duration::from_millis(u64::from(timeout_milliseconds));
    hostcalls::dispatch_http_call(cluster, headers, body, Vec::new(), timeout).is_ok()
}

/// Answers the stream at hand; takes effect when the callback returns.
pub(crate) fn send_local_response(
    status: u16,
    details: &str,
    body: &[u8],
    headers: &[u8],
) -> HostResult<()> {
    const NO_GRPC_STATUS: i32 = -1;
    // SAFETY: pointers and lengths are those of live slices.
    check(unsafe {
        proxy_send_local_response(
            u32::from(status),
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            NO_GRPC_STATUS,
        )
    })
}

/// Calls a function that only this host has.
pub(crate) fn call_foreign_function(name: &str, arguments: &[u8]) -> HostResult<()> {
    let mut answer = Answer::NONE;
    // SAFETY: pointers and lengths are those of live slices, out-pointers are live locals.
    let status = unsafe {
        proxy_call_foreign_function(
            name.as_ptr(),
            name.len(),
            arguments.as_ptr(),
            arguments.len(),
            &mut answer.data,
            &mut answer.length,
        )
    };
    // Taken over, so that it is freed, whatever it says.
    answer.bytes(status).map(drop)
}
