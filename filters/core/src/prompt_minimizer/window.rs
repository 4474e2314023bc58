//! Which old messages a conversation loses to stay within a budget of tokens.
//!
//! Each cut breaks the provider's prompt cache once, so the window moves in large steps: when a
//! conversation outgrows its budget it loses a step more than it must, and then stays as it is
//! until it has grown by that much. Nothing is remembered between requests. The cut is found by
//! going through the conversation as it grew, and so it is the same in every later turn until
//! the next step; it never moves back.
//!
//! Instructions always stay. A cut falls only ahead of a user's message, and never between a
//! tool call and its result: providers refuse one without the other.

use core::ops::Range;

/// What the window has to know of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// Its tokens; the same in every turn.
    pub tokens: u64,
    /// The place of the message whose tool call this one answers.
    pub answers: Option<usize>,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `system` and `developer`.
    Instructions,
    /// `user`.
    User,
    /// `assistant`, also where it calls tools.
    Assistant,
    /// `tool` and `function`: what a call gave.
    Tool,
}

/// What becomes of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trim {
    /// It is within its budget.
    Nothing,
    /// These messages go, except for instructions among them.
    Drop(Range<usize>),
    /// Instructions and the last turn alone are more than the budget.
    Impossible {
        /// Their tokens.
        needed: u64,
    },
}

/// The cut that keeps a conversation within `budget` tokens and moves at most once in `step`
/// tokens of growth, as long as instructions and the last turn leave room for a step. A
/// conversation in which a tool's result comes after the next user's message is cut where no
/// call is separated from its result, which may be elsewhere than before the result came.
pub fn trim(messages: &[Message], budget: u64, step: u64) -> Trim {
    let mut cuts = Cuts::of(messages);
    // What has come so far, and how much of it is before the cut.
    let mut total = 0u128;
    let mut cut = Cut { at: 0, dropped: 0 };
    for (at, message) in messages.iter().enumerate() {
        total = total.saturating_add(message.tokens.into());
        if total.saturating_sub(cut.dropped) > budget.into() {
            let excess = total.saturating_sub(budget.saturating_sub(step).into());
            cut = cuts.first_to_drop(excess, at).unwrap_or(cut);
        }
    }
    let needed = total.saturating_sub(cut.dropped);
    if needed > budget.into() {
        let needed = u64::try_from(needed).unwrap_or(u64::MAX);
        return Trim::Impossible { needed };
    }
    let first = messages
        .iter()
        .position(|message| message.role != Role::Instructions);
    match first {
        Some(first) if cut.dropped > 0 => Trim::Drop(first..cut.at),
        _ => Trim::Nothing,
    }
}

/// A place where the conversation may be cut.
#[derive(Clone, Copy, Debug)]
struct Cut {
    /// The first message that stays.
    at: usize,
    /// Tokens of what goes.
    dropped: u128,
}

/// The places for a cut that are left, in order.
struct Cuts {
    left: core::iter::Peekable<std::vec::IntoIter<Cut>>,
}

impl Cuts {
    fn of(messages: &[Message]) -> Cuts {
        let calls = first_calls_answered_from(messages);
        let mut cuts = Vec::new();
        let mut dropped = 0u128;
        for ((at, message), first_call) in messages.iter().enumerate().zip(calls) {
            if message.role == Role::User && first_call >= at {
                cuts.push(Cut { at, dropped });
            }
            if message.role != Role::Instructions {
                dropped = dropped.saturating_add(message.tokens.into());
            }
        }
        Cuts {
            left: cuts.into_iter().peekable(),
        }
    }

    /// Takes the first cut that drops so much, or else the last, of those up to message `until`.
    fn first_to_drop(&mut self, excess: u128, until: usize) -> Option<Cut> {
        let mut found: Option<Cut> = None;
        while found.is_none_or(|cut| cut.dropped < excess) {
            let Some(next) = self.left.next_if(|cut| cut.at <= until) else {
                break;
            };
            found = Some(next);
        }
        found
    }
}

/// For each message the first whose call is answered by it or a later one.
fn first_calls_answered_from(messages: &[Message]) -> Vec<usize> {
    let mut first = usize::MAX;
    let mut calls: Vec<usize> = messages
        .iter()
        .rev()
        .map(|message| {
            first = first.min(message.answers.unwrap_or(usize::MAX));
            first
        })
        .collect();
    calls.reverse();
    calls
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `s`, `u`, `a` and tokens; `c` is an assistant's call, `t` answers the last.
    fn conversation(spelled: &str) -> Vec<Message> {
        let mut call = None;
        let message = |(at, word): (usize, &str)| {
            let (kind, tokens) = word.split_at(1);
            let role = match kind {
                "s" => Role::Instructions,
                "u" => Role::User,
                "t" => Role::Tool,
                _ => Role::Assistant,
            };
            if kind == "c" {
                call = Some(at);
            }
            Message {
                role,
                tokens: tokens.parse().unwrap(),
                answers: call.filter(|_| kind == "t"),
            }
        };
        spelled
            .split_whitespace()
            .enumerate()
            .map(message)
            .collect()
    }

    #[test]
    fn old_messages_go_in_steps() {
        use Trim::{Drop, Impossible, Nothing};
        // A budget of 100 tokens, steps of 30.
        for (spelled, expected) in [
            ("", Nothing),
            ("s100", Nothing),
            ("s101", Impossible { needed: 101 }),
            ("s10 u90", Nothing),
            ("s10 u91", Impossible { needed: 101 }),
            ("s10 u40 a50", Nothing),
            // One token too many, and 30 more go.
            ("s10 u20 a10 u20 a10 u20 a10 u1", Drop(1..5)),
            ("s10 u20 a10 u20 a10 u20 a10 u1 a59", Drop(1..5)),
            ("s10 u20 a10 u20 a10 u20 a10 u1 a59 u1", Drop(1..9)),
            // Instructions stay, wherever they are.
            ("s5 u50 s5 a30 u10 s5 u10", Drop(1..4)),
            ("u50 s50 u50", Drop(0..2)),
            ("u50 s50 u51", Impossible { needed: 101 }),
            // A step cannot be had: as much as goes.
            ("s10 u20 u80", Drop(1..2)),
            // An assistant's greeting is not what is cut ahead of.
            ("s10 a50 u20 a30", Drop(1..2)),
            ("a50 a51", Impossible { needed: 101 }),
            // Calls and results are of one turn.
            ("s10 u10 c30 t30 a30", Impossible { needed: 110 }),
            ("s10 u10 c30 t10 t10 a10 u10 a10 u10", Drop(1..6)),
            // A result that comes late holds its call's turn.
            ("u40 c20 u10 t30 u20", Drop(0..4)),
            ("u40 c20 u10 t41", Impossible { needed: 111 }),
        ] {
            assert_eq!(trim(&conversation(spelled), 100, 30), expected, "{spelled}");
        }
    }

    #[test]
    fn sums_beyond_64_bits_are_too_much() {
        let huge = format!("s{0} u{0} a{0} u{0}", u64::MAX);
        let needed = u64::MAX;
        assert_eq!(
            trim(&conversation(&huge), 100, 30),
            Trim::Impossible { needed }
        );
        assert_eq!(
            trim(&conversation("u1 a1 u1"), 2, u64::MAX),
            Trim::Drop(0..2)
        );
        assert_eq!(trim(&conversation("u1 a1 u1"), 2, 0), Trim::Drop(0..2));
        assert_eq!(
            trim(&conversation("u1 a1 u1"), 0, 0),
            Trim::Impossible { needed: 1 }
        );
    }

    fn turns() -> impl Strategy<Value = String> {
        let turn = ("[ua]", 0..60u64, 0..4usize, 0..50u64, 0..30u64, 0..12u8).prop_map(
            |(kind, asked, calls, result, answer, system)| {
                let mut turn = format!("{kind}{asked} ");
                for call in 0..calls {
                    turn += &format!("c{} t{result} ", call * 3);
                    turn += &format!("t{call} ").repeat(call);
                }
                turn += &format!("a{answer} ");
                if system == 0 {
                    turn += "s7 ";
                }
                turn
            },
        );
        proptest::collection::vec(turn, 0..30).prop_map(|turns| format!("s5 {}", turns.concat()))
    }

    fn tokens<'a>(messages: impl IntoIterator<Item = &'a Message>) -> u64 {
        messages.into_iter().map(|message| message.tokens).sum()
    }

    /// Tokens that stay with a cut ahead of message `cut`.
    fn kept(messages: &[Message], cut: usize) -> u64 {
        let instructions = messages[..cut]
            .iter()
            .filter(|m| m.role == Role::Instructions);
        tokens(instructions) + tokens(&messages[cut..])
    }

    proptest! {
        #[test]
        fn laws(spelled in turns(), budget in 20..600u64, step in 0..200u64) {
            let all = conversation(&spelled);
            let mut cut = 0;
            // Tokens of the conversation at the last move, and whether a step's room was left.
            let mut moved: Option<u64> = None;
            for len in 0..=all.len() {
                let messages = &all[..len];
                let last_turn = messages.iter().rposition(|m| m.role == Role::User).unwrap_or(0);
                let least = kept(messages, last_turn).min(tokens(messages));
                let now = match trim(messages, budget, step) {
                    Trim::Nothing => 0,
                    Trim::Impossible { needed } => {
                        prop_assert!(needed == least && needed > budget);
                        continue;
                    }
                    Trim::Drop(range) => {
                        prop_assert!(messages[range.start].role != Role::Instructions);
                        prop_assert_eq!(messages[range.end].role, Role::User);
                        range.end
                    }
                };
                prop_assert!(least <= budget && kept(messages, now) <= budget);
                prop_assert!(now >= cut, "{} after {}", now, cut);
                for (at, message) in messages.iter().enumerate() {
                    prop_assert!(message.answers.is_none_or(|call| (call < now) == (at < now)));
                }
                if now > cut {
                    let total = tokens(messages);
                    if let Some(before) = moved {
                        prop_assert!(total - before > step, "{} after {}", total, before);
                    }
                    moved = (least + step <= budget).then_some(total);
                    cut = now;
                }
            }
        }
    }
}
