//! The record of every call between host and guest.

use std::fmt;

/// One call across the ABI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crossing {
    /// Which way it went.
    pub direction: CallDirection,
    /// The function's name as in the specification.
    pub function: &'static str,
    /// Its raw arguments.
    pub arguments: Vec<u64>,
    /// Its raw result; `None` when it has none or did not return.
    pub result: Option<u32>,
}

/// Who called whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallDirection {
    /// A callback: the host called the guest. Written down when it returns, so the host
    /// functions it called stand before it.
    Callback,
    /// A host function: the guest called the host.
    HostCall,
}

impl fmt::Display for Crossing {
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
