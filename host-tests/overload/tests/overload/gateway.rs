//! What is measured in a real Envoy is measured: a second of it, with answers written at once.

use std::time::Duration;

use tollgate_overload::gateway::Gateway;

#[test]
fn a_run_in_a_real_envoy_counts_what_was_sent_and_used() {
    let gateway = Gateway {
        seed: 1,
        duration: Duration::from_secs(1),
        workers: 2,
        tokens_per_second: 100_000,
    };
    let report = gateway.run(|_| {}).unwrap();
    let (mut offered, mut admitted, mut refused, mut used) = (0, 0, 0, 0.0);
    for row in &report.rows {
        let [tenant] = row.outcome.tenants.as_slice() else {
            panic!("{} is one tenant's", row.case);
        };
        assert_eq!(
            tenant.admitted + tenant.refused,
            tenant.offered,
            "{}",
            row.case
        );
        assert!(tenant.admitted > 0, "{}, {}", row.case, row.policy.name);
        offered += tenant.offered;
        admitted += tenant.admitted;
        refused += tenant.refused;
        used += tenant
            .consumption
            .between(Duration::ZERO, Duration::from_secs(60));
    }
    assert!(report.rows.len() == 6 && offered > 100, "{offered}");
    let counter = |name: &str| {
        let named = report
            .counters
            .iter()
            .filter(|(counter, _)| counter.ends_with(name));
        named.map(|(_, value)| *value).sum::<u64>()
    };
    assert_eq!(counter(".admitted"), admitted);
    assert_eq!(counter(".refused.limit.tokens"), refused);
    // The filter settles to the usage that the mock told.
    assert!(
        (counter(".settled_tokens") as f64 - used).abs() < 1.0,
        "{used}"
    );
    assert_eq!(report.connections.len(), 2);
}
