//! What is kept of many different requests stays within its bounds; the command asks a million.

use tollgate_cache_load::fill::Fill;

#[test]
fn different_requests_leave_no_more_than_was_configured() {
    let fill = Fill {
        requests: 20_000,
        workers: 2,
        // Full after a fifth of them.
        max_cached_bytes: 16 << 20,
    };
    let filled = fill.run(|_, _| ()).unwrap();
    assert_eq!(filled.breaches(&fill), [""; 0]);
    assert!(filled.evicted > fill.requests / 2, "{filled:?}");
    let full = filled.most.value_bytes as u64 * 10 / fill.max_cached_bytes;
    assert!(full >= 8, "{filled:?}");
}
