//! Envoys that share what they keep in a real Redis, behind a real Webdis.

mod needs_redis {
    use std::time::{Duration, Instant};

    use serde_json::{Value, json};
    use tollgate_tests::{Builder, Redis, Response, Stack};

    const CONFIGURATION: &str = "envoy/response-cache/fleet.yaml";
    const CHAT: &str = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";
    const LOOKUPS: &str = "wasmcustom.tollgate.response_cache.fleet_lookups.outcome";
    const WRITES: &str = "wasmcustom.tollgate.response_cache.fleet_writes.outcome";

    /// An Envoy of the fleet.
    fn envoy(redis: &Redis) -> Builder {
        let port = format!("port_value: {}", redis.address().port());
        Stack::of(CONFIGURATION)
            .replace("port_value: 7379", &port)
            // On a busy machine a store that is late must not count as one that failed.
            .replace("connect_timeout: 0.05s", "connect_timeout: 5s")
            .replace(
                r#""timeout_milliseconds": 50"#,
                r#""timeout_milliseconds": 5000"#,
            )
    }

    fn ask(stack: &Stack, body: &Value) -> Response {
        let request = stack.client().post(CHAT).header("api-key", "ann");
        // One name for the fleet: answers are of the host that was asked.
        let request = request.header("host", "gateway.internal");
        let answer = request.json(body).send().unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer
    }

    fn told(answer: &Response) -> &str {
        answer.header("x-tollgate-cache").unwrap_or_default()
    }

    fn question(seed: u32) -> Value {
        json!({"seed": seed, "messages": [{"role": "user", "content": "Which colour has the sky?"}]})
    }

    fn stat(stack: &Stack, name: &str, outcome: &str) -> u64 {
        stack
            .envoy
            .stat(&format!("{name}.{outcome}"))
            .unwrap_or_default()
    }

    /// Waits until so many answers have been written.
    fn wait_for(stack: &Stack, name: &str, outcome: &str, count: u64) {
        let what = format!("{count} {name}.{outcome}");
        let is_there = |_: &_| stat(stack, name, outcome) >= count;
        stack.envoy.wait_until(&what, is_there).unwrap();
    }

    #[test]
    fn what_one_envoy_keeps_another_finds() {
        let redis = Redis::start().unwrap();
        let [one, other] = [(); 2].map(|()| envoy(&redis).start().unwrap());
        let first = ask(&one, &question(1));
        assert_eq!(told(&first), "miss");
        wait_for(&one, WRITES, "stored", 1);
        let found = ask(&other, &question(1));
        assert_eq!(told(&found), "hit; store=fleet");
        assert_eq!(found.text(), first.text(), "byte for byte");
        assert_eq!(told(&ask(&other, &question(1))), "hit", "its own now");
        // As a stream too, by an Envoy that has never seen it.
        let third = envoy(&redis).start().unwrap();
        let mut streamed = question(1);
        streamed["stream"] = json!(true);
        let stream = ask(&third, &streamed);
        assert_eq!(told(&stream), "hit; store=fleet");
        assert!(stream.text().ends_with("data: [DONE]\n\n"));
        assert_eq!(stat(&third, LOOKUPS, "hit"), 1);
        let regions = third.mock.regions();
        assert_eq!(
            regions
                .map(|region| region.take_requests().len())
                .sum::<usize>(),
            0
        );
    }

    #[test]
    fn a_purge_is_one_of_the_whole_fleet() {
        let redis = Redis::start().unwrap();
        let [one, other] = [(); 2].map(|()| envoy(&redis).start().unwrap());
        ask(&one, &question(1));
        ask(&one, &question(2));
        wait_for(&one, WRITES, "stored", 2);
        assert_eq!(told(&ask(&other, &question(1))), "hit; store=fleet");
        let purge = || {
            let request = one.client().request("DELETE", "/tollgate/response-cache");
            request.header("api-key", "ann").send().unwrap()
        };
        let purged = purge();
        assert_eq!(purged.text(), r#"{"purged":"tenant"}"#);
        // The other hears of it with its next question, and then gives nothing of before.
        assert_eq!(told(&ask(&other, &question(2))), "miss");
        assert_eq!(told(&ask(&other, &question(1))), "miss");
    }

    #[test]
    fn a_store_in_trouble_makes_misses_that_are_counted() {
        let mut redis = Redis::start().unwrap();
        let one = envoy(&redis).start().unwrap();
        ask(&one, &question(1));
        wait_for(&one, WRITES, "stored", 1);
        // What was changed or cut off there is not given.
        let fresh = || envoy(&redis).start().unwrap();
        let entries = redis.command("KEYS tollgate:1:*").unwrap();
        let [entry] = &*entries else {
            panic!("{entries:?}");
        };
        for damage in [
            format!("SETRANGE {entry} 100 x"),
            format!("APPEND {entry} x"),
            format!("SET {entry} nonsense"),
        ] {
            redis.command(&damage).unwrap();
            let other = fresh();
            assert_eq!(told(&ask(&other, &question(1))), "miss", "{damage}");
            assert_eq!(stat(&other, LOOKUPS, "unreadable"), 1, "{damage}");
            // It is written anew.
            wait_for(&other, WRITES, "stored", 1);
        }
        // Of another type.
        redis.command(&format!("DEL {entry}")).unwrap();
        redis.command(&format!("LPUSH {entry} x")).unwrap();
        let other = fresh();
        assert_eq!(told(&ask(&other, &question(1))), "miss");
        // Full.
        redis.command("CONFIG SET maxmemory 1").unwrap();
        assert_eq!(told(&ask(&other, &question(2))), "miss");
        wait_for(&other, WRITES, "failed", 1);
        assert_eq!(told(&ask(&other, &question(2))), "hit");
        redis.command("CONFIG SET maxmemory 0").unwrap();
        // Gone, and back.
        redis.stop();
        let before = stat(&other, LOOKUPS, "unavailable");
        assert_eq!(told(&ask(&other, &question(3))), "miss");
        assert!(stat(&other, LOOKUPS, "unavailable") > before);
        redis.come_back().unwrap();
        let started = Instant::now();
        let mut seed = 10;
        while stat(&other, WRITES, "stored") < 2 {
            seed += 1;
            ask(&other, &question(seed));
            assert!(started.elapsed() < Duration::from_secs(30));
        }
    }

    #[test]
    fn a_store_that_is_slow_is_waited_for_no_longer_than_is_said() {
        let redis = Redis::start().unwrap();
        let port = format!("port_value: {}", redis.address().port());
        let one = Stack::of(CONFIGURATION).replace("port_value: 7379", &port);
        let one = one.start().unwrap();
        redis.command("CLIENT PAUSE 60000 ALL").unwrap();
        for seed in 0..8 {
            assert_eq!(told(&ask(&one, &question(seed))), "miss");
        }
        // Five fail, and then it is left alone for a second.
        let [unavailable, skipped] =
            ["unavailable", "skipped"].map(|outcome| stat(&one, LOOKUPS, outcome));
        assert_eq!(unavailable + skipped, 8);
        assert!(skipped > 0, "{unavailable} unavailable");
        assert_eq!(told(&ask(&one, &question(0))), "hit");
    }
}
