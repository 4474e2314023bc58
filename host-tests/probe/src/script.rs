//! Scripts: what to do in which callback.

use crate::value::{Names, Value};

/// The blocks of a script, in order.
#[derive(Clone, Default)]
pub struct Script {
    /// All of it.
    pub blocks: Vec<Block>,
}

/// `on CALLBACK when CONDITIONS:` and the lines below it.
#[derive(Clone)]
pub struct Block {
    /// The callback without `proxy_on_`.
    pub callback: String,
    /// All of them must hold.
    pub conditions: Vec<Condition>,
    /// What to do.
    pub commands: Vec<Command>,
}

/// `end`, `not end`, `size >= 5`.
#[derive(Clone)]
pub struct Condition {
    /// `not`.
    pub negated: bool,
    /// An argument of the callback, `nth`, or a name given by `as`.
    pub argument: String,
    /// With what it is compared; without, that it is not 0.
    pub comparison: Option<(Comparison, u64)>,
}

/// How an argument is compared.
#[derive(Clone, Copy)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `>=`
    AtLeast,
    /// `<`
    Less,
}

/// One line: `NAME ARGUMENTS [as NAME] [hide]`.
#[derive(Clone)]
pub struct Command {
    /// The line as it was written.
    pub text: String,
    /// Its first word.
    pub name: String,
    /// What it is given.
    pub arguments: Vec<Value>,
    /// The name its number gets for later commands.
    pub named: Option<String>,
    /// Its result differs from run to run and is not shown.
    pub hide: bool,
}

impl Block {
    /// Whether its conditions hold for these arguments of its callback.
    pub fn applies(&self, arguments: &Names) -> bool {
        let holds = |condition: &Condition| {
            let value = arguments.get(&condition.argument).copied();
            let value = value.unwrap_or_default();
            let holds = match condition.comparison {
                None => value != 0,
                Some((Comparison::Equal, other)) => value == other,
                Some((Comparison::AtLeast, other)) => value >= other,
                Some((Comparison::Less, other)) => value < other,
            };
            holds != condition.negated
        };
        self.conditions.iter().all(holds)
    }
}
