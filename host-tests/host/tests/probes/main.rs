//! What scenarios cannot say: bad modules, limits and costs of the host, and its Rust API. Small
//! guests in WebAssembly text. How Envoy behaves is shown by `host-tests/scenarios/probes`.

mod buffers;
mod contexts;
mod costs;
mod expectations;
mod failure_policies;
mod failures;
mod foreign;
mod grpc;
mod guest;
mod limits;
mod local_replies;
mod metadata;
mod restricted;
mod starting;
mod state;
mod tcp;
mod variations;
