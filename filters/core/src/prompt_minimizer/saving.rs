//! Whether a change saves tokens: they are counted, as an estimate may be off by more than a note
//! has. Counts take time, so only the head of a long text is.

use crate::tokens::{Encoding, exact};

/// Whether in every encoding `after` has at least `margin` tokens less than `before`.
pub(super) fn saves(before: &str, after: &str, margin: u32) -> bool {
    Encoding::ALL.into_iter().all(|encoding| {
        exact::count(encoding, before) >= exact::count(encoding, after).saturating_add(margin)
    })
}

/// The characters of `text` that end within its first `len` bytes.
pub(super) fn up_to(text: &str, len: usize) -> &str {
    text.get(..text.floor_char_boundary(len))
        .unwrap_or_default()
}
