//! Small guests in WebAssembly text, each showing one behaviour of the host.

mod bodies;
mod contexts;
mod failure_policies;
mod failures;
mod foreign;
mod grpc;
mod guest;
mod local_replies;
mod maps;
mod state;
