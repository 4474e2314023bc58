//! dev only
use std::collections::BTreeSet;
use tollgate_host::Module;
use tollgate_host::envoy::Replay;
use tollgate_host::scenario::{Action, Harness, Player, Scenario, play};
fn main() {
    let envoy = std::path::Path::new("target/envoy/lib/python3.11/site-packages/envoy/_bin/envoy");
    let mode = std::env::args().nth(1).unwrap();
    for file in std::env::args().skip(2) {
        let scenario = match Scenario::load(&file) { Ok(s) => s, Err(e) => { println!("{e}"); continue } };
        let mut player: Box<dyn Player> = if mode.contains("envoy") {
            if scenario.not_on_envoy.is_some() { println!("{{\"file\":{file:?},\"skip\":true}}"); continue }
            match Replay::start(&scenario, envoy, &BTreeSet::new()) { Ok(r) => Box::new(r), Err(e) => { println!("{file}: ENVOY START {e}"); continue } }
        } else {
            let module = Module::load(&scenario.wasm).unwrap();
            match Harness::start(&scenario, &module) { Ok(r) => Box::new(r), Err(e) => { println!("{file}: HARNESS START {e}"); continue } }
        };
        if mode.contains("bless") {
            let mut all = Vec::new();
            for event in &scenario.events {
                if let Err(e) = player.act(&event.action) { println!("{file}:{}: {e}", event.line); break; }
                if let Action::Expect { stream, expect } = &event.action {
                    // wait a little
                    let mut last = player.outcome().unwrap();
                    if mode.contains("envoy") { for _ in 0..3 { std::thread::sleep(std::time::Duration::from_millis(100)); last = player.outcome().unwrap(); } }
                    let s = stream.as_ref().and_then(|n| last.streams.get(n)).cloned().unwrap_or_default();
                    eprintln!("# {file} client={:?} {} body={:?} trailers={:?} complete={} reset={}", s.client.headers.as_ref().map(|h| h.iter().map(|(n,v)| format!("{}={}", String::from_utf8_lossy(n), String::from_utf8_lossy(v))).collect::<Vec<_>>()), "", String::from_utf8_lossy(&s.client.body[..s.client.body.len().min(200)]), s.client.trailers, s.client.complete, s.client.reset);
                    eprintln!("#   upstream={:?} {} body={:?} complete={} reset={} details={:?} metrics={:?} state={:?}", s.upstream.headers.as_ref().map(|h| h.iter().map(|(n,v)| format!("{}={}", String::from_utf8_lossy(n), String::from_utf8_lossy(v))).collect::<Vec<_>>()), "", String::from_utf8_lossy(&s.upstream.body[..s.upstream.body.len().min(200)]), s.upstream.complete, s.upstream.reset, s.details, last.metrics, s.filter_state);
                    if expect.logs.is_some() { all.push(last.logs); }
                }
            }
            println!("{}", serde_json::json!({"file": file, "logs": all}));
        } else {
            let failures = play(player.as_mut(), &scenario.events);
            if failures.is_empty() { println!("ok   {file}"); }
            for f in failures { 
                println!("FAIL {file}:{} {:?}", f.line, f.problem);
                for d in f.differences { println!("  {}\n    --- expected\n{}\n    +++ actual\n{}", d.key, d.expected, d.actual); }
            }
        }
    }
}
