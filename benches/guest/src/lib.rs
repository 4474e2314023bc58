//! What the benches time: one function a subject, `fn(&[u8]) -> u64`.
//!
//! The answer is part of the contract. The benches compare the guest's answer with the
//! native one, so a subject that is fast because it does something else is caught.

#[macro_use]
mod export;
pub mod peers;
pub mod request;
pub mod scan;
pub mod tokens;

subjects! {
    run_request_fast => request::request_fast,
    run_request_sampled => request::request_sampled,
    run_scan => scan::scan,
    run_serde_json_value => peers::serde_json_value,
    run_tokens_fast => tokens::tokens_fast,
    run_tokens_sampled => tokens::tokens_sampled,
}
