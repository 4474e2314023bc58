//! What the benches time: one function a subject, `fn(&[u8]) -> u64`.
//!
//! The answer is part of the contract. The benches compare the guest's answer with the
//! native one, so a subject that is fast because it does something else is caught.

#[macro_use]
mod export;
pub mod cache;
pub mod minimize;
pub mod peers;
pub mod request;
pub mod scan;
pub mod screen;
pub mod tokens;

subjects! {
    run_cache_hit => cache::cache_hit,
    run_cache_miss => cache::cache_miss,
    run_copy_and_read => minimize::copy_and_read,
    run_minimize_configure => minimize::minimize_configure,
    run_minimize_stage => minimize::minimize_stage,
    run_request_fast => request::request_fast,
    run_request_key => request::request_key,
    run_request_key_sha256 => request::request_key_sha256,
    run_request_sampled => request::request_sampled,
    run_request_texts => request::request_texts,
    run_scan => scan::scan,
    run_screen_configure => screen::screen_configure,
    run_screen_stage => screen::screen_stage,
    run_screen_terms => screen::screen_terms,
    run_serde_json_value => peers::serde_json_value,
    run_terms_contiguous_nfa => screen::terms_contiguous_nfa,
    run_terms_dfa => screen::terms_dfa,
    run_terms_auto => screen::terms_auto,
    run_terms_of_peers => screen::terms_of_peers,
    run_tokens_fast => tokens::tokens_fast,
    run_tokens_sampled => tokens::tokens_sampled,
}
