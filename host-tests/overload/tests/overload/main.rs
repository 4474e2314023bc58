//! The rate-limiter under overload, with many tenants, and with workers that race.

mod contention;
mod gateway;
mod policies;
mod tenants;
