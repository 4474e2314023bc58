//! What a stream or a worker cost, in units that do not depend on the machine.

use std::ops::AddAssign;

/// Work done by the guest and copied across the ABI.
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
    /// Calls of the guest's allocator that the host made to hand over data.
    pub guest_allocations: u64,
    /// Bytes those calls asked for.
    pub guest_allocated_bytes: u64,
}

impl AddAssign for Costs {
    fn add_assign(&mut self, other: Self) {
        self.fuel += other.fuel;
        self.callbacks += other.callbacks;
        self.host_calls += other.host_calls;
        self.bytes_to_guest += other.bytes_to_guest;
        self.bytes_from_guest += other.bytes_from_guest;
        self.guest_allocations += other.guest_allocations;
        self.guest_allocated_bytes += other.guest_allocated_bytes;
    }
}
