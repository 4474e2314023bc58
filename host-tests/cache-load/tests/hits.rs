//! What is measured is measured: a second of it.

use std::time::Duration;

use tollgate_cache_load::hits::Hits;

#[test]
fn needs_wrk_hits_are_counted_and_checked() {
    let hits = Hits {
        rounds: 1,
        duration: Duration::from_secs(1),
        connections: 4,
        peers: false,
    };
    let rows = hits.run(|_, _| ()).unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    for row in rows {
        let [turn] = row.turns[..] else {
            panic!("{}: one turn", row.name);
        };
        assert!(turn.many.requests > 100 && turn.one.requests > 100);
        assert!(turn.one.slow >= turn.one.median);
    }
}
