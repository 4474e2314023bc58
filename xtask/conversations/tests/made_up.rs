//! A small set that is made up, beside a naive account of it: every body that was sent, compared
//! with every other.

use tollgate_conversations::replay::{Pace, Replayed, replay};
use tollgate_conversations::report::{Keys, Sum, table};
use tollgate_conversations::{made_up, set};

/// All of it is within the times that things are kept.
const PACE: Pace = Pace {
    at_once: 20,
    milliseconds: 100,
    ttl_seconds: 3600,
    prefix_ttl_seconds: 600,
    max_cached_bytes: 64 << 20,
};

const COUNT: usize = 200;

fn replayed(seed: u64) -> (Vec<set::Conversation>, Vec<Replayed>) {
    let conversations = made_up::conversations(seed, COUNT);
    let turns = replay(&conversations, &PACE).unwrap();
    (conversations, turns)
}

#[test]
fn hits_and_shares_are_what_comparing_all_bodies_gives() {
    for seed in [1, 2] {
        let (conversations, turns) = replayed(seed);
        let mut sent: Vec<Vec<u8>> = Vec::new();
        let (mut hits, mut most, mut least) = (0, 0, 0);
        // Every request up to the end of its last message.
        let mut ends: Vec<Vec<u8>> = Vec::new();
        for turn in &turns {
            let conversation = &conversations[turn.conversation];
            let body = conversation.turns().nth(turn.number - 1).unwrap().body;
            if sent.contains(&body) {
                assert_eq!(turn.sent, None);
                hits += 1;
                continue;
            }
            let told = turn.sent.as_ref().expect("sent");
            let start = br#"{"messages":"#.len();
            assert_eq!(told.all as usize, body.len() - start - "]}".len());
            let common = |other: &Vec<u8>| {
                let same = body
                    .iter()
                    .zip(other)
                    .take_while(|(one, other)| one == other);
                same.count().saturating_sub(start)
            };
            let longest = sent.iter().map(common).max().unwrap_or(0) as u64;
            // Beginnings are known by ends of messages and every 1,024 bytes.
            assert!(told.seen <= longest, "{} of {longest}", told.seen);
            let known = ends.iter().filter(|end| body.starts_with(end));
            let known = known
                .map(|end| (end.len() - start) as u64)
                .max()
                .unwrap_or(0);
            most += longest;
            least += known;
            ends.push(body[..body.len() - "]}".len()].to_vec());
            sent.push(body);
        }
        let sum = Sum::of(&turns);
        assert_eq!(sum.hits, hits);
        assert!(hits > 0 && least > 0);
        // Where requests ended is known but for what makes room: the early turns of long
        // conversations, which some go on from. And there is not much more that is the same.
        for (all, expected) in [(least, 0.98), (most, 0.95)] {
            let share = sum.seen_bytes as f64 / all as f64;
            assert!(share > expected, "seed {seed}: {share} of {all}");
        }
    }
}

#[test]
fn no_conversation_is_torn_and_the_report_says_so() {
    let (conversations, turns) = replayed(3);
    let keys = Keys::of(&turns);
    assert_eq!(keys.torn, 0);
    assert!(keys.conversations <= conversations.len());
    // Those that go on with another have its key.
    assert!(
        (COUNT / 2..keys.conversations).contains(&keys.keys),
        "{keys:?}"
    );
    let table = table(&turns);
    assert!(table.contains("in 0 the key changed"), "{table}");
    assert_eq!(made_up::conversations(3, COUNT), conversations);
}
