//! What a shell gives back.

use std::fmt::Write as _;

use serde_json::json;

use super::{SYSTEM, turns};
use crate::Random;
use crate::conversation::Conversation;
use crate::words::NOUNS;

pub(super) fn conversation(random: &mut Random) -> Conversation {
    let mut conversation = Conversation::new(SYSTEM);
    conversation.tool("run", "Run a command and give its output.", "command");
    turns(random, &mut conversation, |random, conversation| {
        let (command, output) = match random.below(4) {
            0 => ("kubectl logs deploy/web --tail 200", service(random)),
            1 => ("cargo build", build(random)),
            2 => ("tail -n 100 access.log", access(random)),
            _ => ("journalctl -u worker -n 80", retries(random)),
        };
        conversation.call(random, "run", &json!({"command": command}), &output);
    });
    conversation
}

/// A clock that goes on a little with each line.
struct Clock(usize);

impl Clock {
    fn new(random: &mut Random) -> Clock {
        Clock(random.below(80_000_000))
    }

    fn next(&mut self, random: &mut Random) -> String {
        self.0 += random.between(1, 4_000);
        let (seconds, milliseconds) = (self.0 / 1_000, self.0 % 1_000);
        format!(
            "2026-03-14T{:02}:{:02}:{:02}.{milliseconds:03}Z",
            seconds / 3_600 % 24,
            seconds / 60 % 60,
            seconds % 60
        )
    }
}

/// Different lines, among them runs of the same.
fn service(random: &mut Random) -> String {
    let mut clock = Clock::new(random);
    let mut log = String::new();
    for _ in 0..random.between(20, 60) {
        let level = random.one(&["INFO", "INFO", "INFO", "DEBUG", "WARN"]);
        let (module, id) = (random.function(), random.hex(8));
        match random.below(4) {
            0 => {
                for _ in 0..random.between(3, 12) {
                    let _ = writeln!(
                        log,
                        "{} {level} {module}: heartbeat took {} ms",
                        clock.next(random),
                        random.below(90)
                    );
                }
            }
            1 => {
                let _ = writeln!(
                    log,
                    "{} {level} {module}: {}",
                    clock.next(random),
                    random.sentence()
                );
            }
            _ => {
                let _ = writeln!(
                    log,
                    "{} {level} {module}: id={id} {}={} status={}",
                    clock.next(random),
                    random.one(NOUNS),
                    random.below(5_000),
                    random.one(&[200, 200, 404, 503])
                );
            }
        }
    }
    log
}

fn build(random: &mut Random) -> String {
    let mut log = String::new();
    for _ in 0..random.between(15, 70) {
        let _ = writeln!(
            log,
            "   Compiling {}-{} v{}.{}.{}",
            random.one(NOUNS),
            random.one(NOUNS),
            random.below(3),
            random.below(30),
            random.below(20)
        );
    }
    for _ in 0..random.between(1, 4) {
        let line = random.between(10, 400);
        let _ = writeln!(
            log,
            "warning: unused variable: `{0}`\n  --> src/{0}.rs:{line}:9\n   |\n{line} |     let {0} = {1}();\n   |         ^ help: prefix it with an underscore\n",
            random.one(NOUNS),
            random.function()
        );
    }
    let _ = writeln!(
        log,
        "    Finished `dev` profile in {}.{:02}s",
        random.below(200),
        random.below(100)
    );
    log
}

fn access(random: &mut Random) -> String {
    let mut clock = Clock::new(random);
    let mut log = String::new();
    for _ in 0..random.between(30, 100) {
        let _ = writeln!(
            log,
            "10.4.{}.{} - - [{}] \"GET /{}/{} HTTP/1.1\" {} {} \"-\" \"curl/8.5.0\"",
            random.below(4),
            random.below(256),
            clock.next(random),
            random.one(NOUNS),
            random.below(9_000),
            random.one(&[200, 200, 200, 304, 500]),
            random.below(90_000)
        );
    }
    log
}

/// The same failure over and over, as a loop that retries writes it.
fn retries(random: &mut Random) -> String {
    let mut clock = Clock::new(random);
    let mut log = String::new();
    for _ in 0..random.between(2, 5) {
        let (queue, name) = (random.one(NOUNS), random.name());
        for _ in 0..random.between(4, 40) {
            let _ = writeln!(
                log,
                "{} ERROR worker: connection to {queue}-db refused, will try again",
                clock.next(random)
            );
        }
        let _ = writeln!(
            log,
            "{} INFO worker: connected to {queue}-db after a restart by {name}",
            clock.next(random)
        );
    }
    for _ in 0..random.between(3, 20) {
        log.push_str("waiting for the lock on /var/lib/worker/lock\n");
    }
    log
}
