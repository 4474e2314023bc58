//! The harness offers and calls what Envoy does: the names are those in Envoy's executable.

use std::collections::BTreeSet;

use tollgate_host::{CALLBACKS, host_functions};
use tollgate_tests::places;

/// Of ABI 0.1.0, which no module of a later one can import.
const OLDER: &[&str] = &[
    "proxy_clear_route_cache",
    "proxy_continue_request",
    "proxy_continue_response",
    "proxy_get_configuration",
];

/// The allocator; a callback that nothing in Envoy 1.40 makes; and what Envoy's stats sink of
/// Wasm calls, which is no filter.
const NO_CALLBACKS: &[&str] = &[
    "envoy_on_stats_update",
    "proxy_on_memory_allocate",
    "proxy_validate_configuration",
];

/// What Lua's filter calls, V8's words for JavaScript's proxies, and details of responses by
/// Envoy's own proxies.
const OF_OTHERS: &[&str] = &[
    "envoy_on_request",
    "envoy_on_response",
    "proxy_callable_map",
    "proxy_configuration_error",
    "proxy_constructor_map",
    "proxy_function",
    "proxy_internal_error",
    "proxy_internal_response",
    "proxy_loop_detected",
    "proxy_map",
    "proxy_resolve",
    "proxy_revocable_result_map",
    "proxy_revoke_shared_fun",
    "proxy_string",
];

#[test]
fn the_harness_has_what_envoy_has() {
    let executable = std::fs::read(places::envoy().unwrap()).unwrap();
    let texts = executable.split(|byte| *byte == 0);
    let texts = texts.filter(|text| {
        let mut starts = [&b"proxy_"[..], b"envoy_on_", b"envoy_resolve_dns"].into_iter();
        starts.any(|start| text.starts_with(start))
    });
    let names = texts.filter_map(|text| std::str::from_utf8(text).ok());
    let is_name = |c| matches!(c, 'a'..='z' | '_');
    let of_envoy: BTreeSet<&str> = names.filter(|name| name.chars().all(is_name)).collect();
    let functions = host_functions();
    let functions = functions.iter().map(|(_, name)| name.as_str());
    let of_harness = functions.chain(CALLBACKS.iter().copied());
    let of_harness =
        of_harness.filter(|name| name.starts_with("proxy_") || name.starts_with("envoy_"));
    let others = [OLDER, NO_CALLBACKS, OF_OTHERS].concat();
    let expected: BTreeSet<&str> = of_harness.chain(others).collect();
    let missing: Vec<_> = of_envoy.difference(&expected).collect();
    let unknown: Vec<_> = expected.difference(&of_envoy).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "Envoy has, and the harness has not: {missing:?}; the other way round: {unknown:?}"
    );
}
