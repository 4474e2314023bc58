//! The prompt-minimizer: the stage's work on a body, and the least that a filter does with one.
//!
//! Settings are kept from one call to the next, as in a worker: [`minimize_configure`] sets them.

use std::cell::Cell;

use tollgate_core::config::{Config, PromptMinimizerConfig, StageKind};
use tollgate_core::prompt_minimizer::minimize;

use crate::request::texts;

thread_local! {
    static SETTINGS: Cell<Option<PromptMinimizerConfig>> = const { Cell::new(None) };
}

/// Reads a plugin's configuration; gives its length.
pub fn minimize_configure(settings: &[u8]) -> u64 {
    let config = Config::read(settings, &[StageKind::PromptMinimizer]);
    let config = config.expect("the bench's configuration is one");
    SETTINGS.set(Some(config.defaults.prompt_minimizer));
    settings.len() as u64
}

/// Reads a body, finds the edits and makes them; gives how many bytes go on.
pub fn minimize_stage(body: &[u8]) -> u64 {
    let config = SETTINGS.get().expect("minimize_configure comes first");
    let (edits, _) = minimize(&texts(body), &config);
    match edits.is_empty() {
        true => body.len() as u64,
        false => edits.apply(body).map_or(0, |edited| edited.len() as u64),
    }
}

/// Copies a body and reads the copy.
pub fn copy_and_read(body: &[u8]) -> u64 {
    let copy = std::hint::black_box(body.to_vec());
    texts(&copy).texts.len() as u64
}
