//! What a stream or a worker cost, in units that do not depend on the machine.

use std::fmt;
use std::ops::AddAssign;

/// Work done by the guest, its memory, and what was copied across the ABI.
///
/// The same module, configuration and events give the same costs on every machine. As
/// limits, for [`Costs::over`], start from [`Costs::UNLIMITED`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Costs {
    /// wasmtime fuel: about one unit an executed Wasm instruction.
    pub fuel: u64,
    /// Calls of the host into the guest, its allocator not counted.
    pub callbacks: u64,
    /// Calls of the guest into the host, WASI included.
    pub host_calls: u64,
    /// Bytes the host wrote into the guest's memory.
    pub bytes_to_guest: u64,
    /// Bytes the host read from the guest's memory.
    pub bytes_from_guest: u64,
    /// Times the host asked the guest's allocator for memory, to hand over data.
    pub handovers: u64,
    /// Bytes the host asked for there.
    pub handover_bytes: u64,
    /// What the guest allocated itself; `None` unless the module was loaded by
    /// [`Module::load_counting_allocations`](crate::Module::load_counting_allocations).
    pub allocations: Option<Allocations>,
    /// Size of the linear memory after the last callback, in bytes. It never shrinks, so
    /// this is also the most it was.
    pub memory_bytes: u64,
}

/// Calls of the guest's allocator by the guest itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allocations {
    /// Calls that ask for memory: `malloc`, `calloc`, `realloc` and their like. What one
    /// of them calls within itself is not counted again.
    pub calls: u64,
    /// Bytes these calls asked for; of `realloc` the new size.
    pub bytes: u64,
    /// Calls of `free` with a block, blocks among them that the host had asked for.
    pub frees: u64,
}

impl Costs {
    /// As limits: none.
    pub const UNLIMITED: Self = Self {
        fuel: u64::MAX,
        callbacks: u64::MAX,
        host_calls: u64::MAX,
        bytes_to_guest: u64::MAX,
        bytes_from_guest: u64::MAX,
        handovers: u64::MAX,
        handover_bytes: u64::MAX,
        allocations: None,
        memory_bytes: u64::MAX,
    };

    /// Every cost by its name, in a fixed order; `None` for what was not counted.
    pub fn named(&self) -> [(&'static str, Option<u64>); 11] {
        let counted = self.allocations;
        [
            ("fuel", Some(self.fuel)),
            ("callbacks", Some(self.callbacks)),
            ("host_calls", Some(self.host_calls)),
            ("bytes_to_guest", Some(self.bytes_to_guest)),
            ("bytes_from_guest", Some(self.bytes_from_guest)),
            ("handovers", Some(self.handovers)),
            ("handover_bytes", Some(self.handover_bytes)),
            ("allocations", counted.map(|counted| counted.calls)),
            ("allocated_bytes", counted.map(|counted| counted.bytes)),
            ("frees", counted.map(|counted| counted.frees)),
            ("memory_bytes", Some(self.memory_bytes)),
        ]
    }

    /// What is above its limit. In a test, where a failure then names each such cost:
    /// `assert_eq!(stream.costs().over(Costs { host_calls: 12, ..Costs::UNLIMITED }), [])`.
    pub fn over(&self, limits: Self) -> Vec<Exceeded> {
        let costs = self.named().into_iter().zip(limits.named());
        costs
            .filter_map(|((cost, actual), (_, limit))| {
                let limit = limit.filter(|limit| *limit < u64::MAX)?;
                let within = actual.is_some_and(|actual| actual <= limit);
                (!within).then_some(Exceeded {
                    cost,
                    limit,
                    actual,
                })
            })
            .collect()
    }
}

impl Allocations {
    /// As limits: none.
    pub const UNLIMITED: Self = Self {
        calls: u64::MAX,
        bytes: u64::MAX,
        frees: u64::MAX,
    };
}

impl AddAssign for Costs {
    fn add_assign(&mut self, other: Self) {
        self.fuel += other.fuel;
        self.callbacks += other.callbacks;
        self.host_calls += other.host_calls;
        self.bytes_to_guest += other.bytes_to_guest;
        self.bytes_from_guest += other.bytes_from_guest;
        self.handovers += other.handovers;
        self.handover_bytes += other.handover_bytes;
        if let Some(other) = other.allocations {
            let sum = self.allocations.get_or_insert_default();
            sum.calls += other.calls;
            sum.bytes += other.bytes;
            sum.frees += other.frees;
        }
        self.memory_bytes = self.memory_bytes.max(other.memory_bytes);
    }
}

/// A cost above its limit, or one with a limit that was not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// Its name, as in [`Costs::named`].
    pub cost: &'static str,
    /// What it may be.
    pub limit: u64,
    /// What it was; `None` when allocations were not counted.
    pub actual: Option<u64>,
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cost,
            limit,
            actual,
        } = self;
        match actual {
            Some(actual) => write!(f, "{cost} is {actual}, its limit {limit}"),
            None => write!(
                f,
                "{cost} has a limit but was not counted: load the module with \
                 Module::load_counting_allocations"
            ),
        }
    }
}
