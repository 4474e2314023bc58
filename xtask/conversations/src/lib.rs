//! What the response-cache stage does with whole conversations, turn by turn.

pub mod made_up;
pub mod replay;
pub mod report;
pub mod set;
mod world;
