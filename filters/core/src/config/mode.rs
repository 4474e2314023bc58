//! Whether a stage acts on what it finds.

use super::node::{ConfigError, Node};

/// Whether what a stage finds has consequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It has.
    Enforce,
    /// Requests and answers pass as they came; what would have been done is counted: to try
    /// settings on real traffic.
    Report,
}

impl Mode {
    pub(super) fn read(node: &Node) -> Result<Mode, ConfigError> {
        node.one_of(&[("enforce", Mode::Enforce), ("report", Mode::Report)])
    }
}
