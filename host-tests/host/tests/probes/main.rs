//! Small guests in WebAssembly text, each showing one behaviour of the host.

mod bodies;
mod contexts;
mod costs;
mod failure_policies;
mod failures;
mod foreign;
mod grpc;
mod guest;
mod local_replies;
mod maps;
mod metadata;
mod state;
mod tcp;
mod variations;
