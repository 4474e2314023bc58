//! The table of what was found.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::replay::{Replayed, Sent};

/// First and last turn of each row.
const ROWS: [(usize, usize); 8] = [
    (1, 1),
    (2, 2),
    (3, 3),
    (4, 5),
    (6, 10),
    (11, 20),
    (21, 50),
    (51, usize::MAX),
];

/// What some turns came to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sum {
    /// Requests.
    pub requests: u64,
    /// Those answered from the cache.
    pub hits: u64,
    /// Bytes of conversations that were sent.
    pub bytes: u64,
    /// Those of them that were seen before.
    pub seen_bytes: u64,
    /// Estimated tokens of prompts that were sent.
    pub tokens: u64,
    /// Those of them that were seen before, as the bytes are.
    pub seen_tokens: f64,
}

impl Sum {
    /// Of these turns.
    pub fn of<'a>(turns: impl IntoIterator<Item = &'a Replayed>) -> Sum {
        let mut sum = Sum::default();
        for turn in turns {
            sum.requests += 1;
            match &turn.sent {
                None => sum.hits += 1,
                Some(Sent { seen, all, .. }) => {
                    sum.bytes += all;
                    sum.seen_bytes += seen;
                    sum.tokens += turn.tokens;
                    sum.seen_tokens += turn.tokens as f64 * *seen as f64 / (*all).max(1) as f64;
                }
            }
        }
        sum
    }

    fn row(&self, name: &str) -> String {
        format!(
            "  {name:>8} {:>9} {:>7.1} %  {:>11} {:>7.1} %  {:>10} {:>7.1} %\n",
            self.requests,
            percent(self.hits as f64, self.requests),
            self.bytes,
            percent(self.seen_bytes as f64, self.bytes),
            self.tokens,
            percent(self.seen_tokens, self.tokens),
        )
    }
}

fn percent(part: f64, all: u64) -> f64 {
    100.0 * part / all.max(1) as f64
}

/// Keys of conversations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keys {
    /// Conversations of which a turn was sent.
    pub conversations: usize,
    /// Those whose turns do not all have one key.
    pub torn: usize,
    /// Different keys.
    pub keys: usize,
}

impl Keys {
    /// Of these turns.
    pub fn of(turns: &[Replayed]) -> Keys {
        let mut of: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
        for turn in turns {
            if let Some(sent) = &turn.sent {
                of.entry(turn.conversation).or_default().insert(&sent.key);
            }
        }
        let keys: BTreeSet<&str> = of.values().flatten().copied().collect();
        Keys {
            conversations: of.len(),
            torn: of.values().filter(|keys| keys.len() > 1).count(),
            keys: keys.len(),
        }
    }
}

/// The table for people.
pub fn table(turns: &[Replayed]) -> String {
    let mut table = format!(
        "  {:>8} {:>9} {:>9}  {:>11} {:>9}  {:>10} {:>9}\n",
        "turn", "requests", "hits", "bytes sent", "seen", "tokens", "seen"
    );
    for (first, last) in ROWS {
        let name = match last {
            _ if first == last => first.to_string(),
            usize::MAX => format!("{first}-"),
            _ => format!("{first}-{last}"),
        };
        let of = |turn: &&Replayed| (first..=last).contains(&turn.number);
        let sum = Sum::of(turns.iter().filter(of));
        if sum.requests > 0 {
            table.push_str(&sum.row(&name));
        }
    }
    table.push_str(&Sum::of(turns).row("all"));
    let Keys {
        conversations,
        torn,
        keys,
    } = Keys::of(turns);
    let _ = writeln!(
        table,
        "{conversations} conversations with {keys} keys; in {torn} the key changed"
    );
    table
}
