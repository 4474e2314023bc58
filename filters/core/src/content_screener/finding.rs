//! What was found in a request: in whose text and where in the body.

use super::action::{Action, Category, Severity};
use super::screen::What;
use crate::Span;

/// Something found in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub what: What,
    /// What is done about it.
    pub action: Action,
    /// What it is about.
    pub category: Category,
    /// How bad it is.
    pub severity: Severity,
    /// Where it begins in the body.
    pub at: u32,
    /// What it is masked by taking out of the body: one place, or several where it goes on in
    /// another part of a message.
    pub places: Vec<Span>,
}
