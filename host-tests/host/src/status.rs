//! What host functions answer: ABI statuses, and the end of the guest.

/// Proxy-Wasm status codes that Envoy gives to a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Status {
    /// The call did what it says.
    Ok = 0,
    /// No such key, buffer, queue, metric or function.
    NotFound = 1,
    /// An argument out of range, or a map that does not exist in this callback.
    BadArgument = 2,
    /// A property that has no wire form.
    SerializationFailure = 3,
    /// A message that does not parse.
    ParseFailure = 4,
    /// A pointer outside the guest's memory.
    InvalidMemoryAccess = 6,
    /// An empty queue.
    Empty = 7,
    /// The entry changed since it was read.
    CasMismatch = 8,
    /// The host could not do it.
    InternalFailure = 10,
    /// Not offered by this host.
    Unimplemented = 12,
}

impl Status {
    /// The specification's name of a code, `None` for a code without one. 5, 9 and 11 are
    /// in no specification, but Envoy's host has names for them.
    pub fn name(code: u32) -> Option<&'static str> {
        Some(match code {
            0 => "OK",
            1 => "NOT_FOUND",
            2 => "BAD_ARGUMENT",
            3 => "SERIALIZATION_FAILURE",
            4 => "PARSE_FAILURE",
            5 => "BAD_EXPRESSION",
            6 => "INVALID_MEMORY_ACCESS",
            7 => "EMPTY",
            8 => "CAS_MISMATCH",
            9 => "RESULT_MISMATCH",
            10 => "INTERNAL_FAILURE",
            11 => "BROKEN_CONNECTION",
            12 => "UNIMPLEMENTED",
            _ => return None,
        })
    }
}

impl From<Status> for u32 {
    fn from(status: Status) -> Self {
        status as u32
    }
}

/// Why a host function did not succeed.
pub(crate) enum Refusal {
    /// A code for the guest: an ABI status or a WASI errno.
    Code(u32),
    /// The guest must not go on.
    Trap(wasmtime::Error),
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        Self::Code(status as u32)
    }
}

/// What a host function gives; `Ok` is code 0 in both the ABI and WASI.
pub(crate) type Outcome = Result<(), Refusal>;
