//! The record of every call between host and guest, in the order in which they began.

use std::fmt;

/// One call across the ABI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crossing {
    /// Which way it went.
    pub direction: CallDirection,
    /// The module a host function was imported from, `env` or one of WASI's two names; of a
    /// callback nothing.
    pub module: &'static str,
    /// The function's name as in the specification.
    pub function: &'static str,
    /// Names of the arguments of a host function, in order. A pointer stands before the
    /// length that goes with it (`key`, `key_len`); `ptr`, `len` and `out` are where the
    /// host writes its answer.
    pub names: &'static [&'static str],
    /// Its raw arguments.
    pub arguments: Vec<u64>,
    /// What was copied out of and into the guest's memory, in order; of a callback nothing.
    pub passed: Vec<Passed>,
    /// Its raw result; `None` when it has none or did not return.
    pub result: Option<u32>,
    /// False when it ended the guest.
    pub returned: bool,
}

/// Who called whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallDirection {
    /// A callback: the host called the guest. The host functions it called stand after it.
    Callback,
    /// A host function: the guest called the host.
    HostCall,
}

/// Bytes that a host function copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// To the guest, or from it.
    pub to_guest: bool,
    /// The address in the guest; for a value in memory of the guest's allocator the
    /// address that its pointer was written to, as the arguments name it.
    pub at: u32,
    /// The bytes, the first [`Passed::KEPT`] of them.
    pub bytes: Vec<u8>,
    /// How many there were.
    pub len: usize,
}

impl Passed {
    /// Bytes kept of each value: enough for the headers of most requests, while a
    /// transcript of large bodies stays small.
    pub const KEPT: usize = 16 << 10;

    pub(crate) fn new(to_guest: bool, at: u32, bytes: &[u8]) -> Self {
        Self {
            to_guest,
            at,
            bytes: bytes[..bytes.len().min(Self::KEPT)].to_vec(),
            len: bytes.len(),
        }
    }
}

/// A transcript while it is written.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    crossings: Vec<Crossing>,
    /// Places of the calls that have not returned yet, outermost first.
    open: Vec<usize>,
}

impl Recorder {
    pub fn begin(
        &mut self,
        direction: CallDirection,
        module: &'static str,
        function: &'static str,
        names: &'static [&'static str],
        arguments: Vec<u64>,
    ) {
        self.open.push(self.crossings.len());
        self.crossings.push(Crossing {
            direction,
            module,
            function,
            names,
            arguments,
            passed: Vec::new(),
            result: None,
            returned: false,
        });
    }

    /// Bytes of the innermost call that has not returned.
    pub fn pass(&mut self, passed: Passed) {
        let innermost = self.open.last().and_then(|at| self.crossings.get_mut(*at));
        // A Wasm start function copies nothing that a call recorded.
        if let Some(call) = innermost {
            call.passed.push(passed);
        }
    }

    /// The innermost call ends.
    pub fn end(&mut self, result: Option<u32>, returned: bool) {
        let innermost = self.open.pop().and_then(|at| self.crossings.get_mut(at));
        if let Some(call) = innermost {
            (call.result, call.returned) = (result, returned);
        }
    }

    /// Puts what an earlier VM wrote down in front.
    pub fn follow(&mut self, earlier: Self) {
        self.crossings.splice(..0, earlier.crossings);
    }

    /// Puts what a VM that did not start wrote down behind.
    pub fn append(&mut self, later: Vec<Crossing>) {
        self.crossings.extend(later);
    }

    /// What was written down so far; only between calls.
    pub fn take(&mut self) -> Vec<Crossing> {
        std::mem::take(&mut self.crossings)
    }
}

impl fmt::Display for Crossing {
    /// As raw numbers; [`Crossing::decoded`] gives names and texts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let indent = match self.direction {
            CallDirection::Callback => "",
            CallDirection::HostCall => "  ",
        };
        write!(f, "{indent}{}(", self.function)?;
        for (at, argument) in self.arguments.iter().enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            write!(f, "{comma}{argument}")?;
        }
        match self.result {
            Some(result) => write!(f, ") = {result}"),
            None => f.write_str(")"),
        }
    }
}
