//! A short string of an answer, kept while it is read: a name, a type, a model.

use crate::json::unescape_short;

/// Room for the longest name that matters with every letter written `\uXXXX`. A longer string
/// is none that matters.
const ROOM: usize = 128;

#[derive(Clone, Copy, Debug)]
pub(super) struct Word {
    bytes: [u8; ROOM],
    len: usize,
}

impl Default for Word {
    fn default() -> Self {
        Word {
            bytes: [0; ROOM],
            len: 0,
        }
    }
}

impl Word {
    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    pub(super) fn push(&mut self, piece: &[u8]) {
        let end = self.len.saturating_add(piece.len());
        if let Some(room) = self.bytes.get_mut(self.len..end) {
            room.copy_from_slice(piece);
        }
        self.len = end;
    }

    /// The word, whose string has ended; empty where it was too long to be kept. `escaped`
    /// tells whether it was written with escapes.
    pub(super) fn end(&mut self, escaped: bool) -> &[u8] {
        if escaped {
            self.unescape();
        }
        self.bytes.get(..self.len).unwrap_or_default()
    }

    #[cold]
    fn unescape(&mut self) {
        let mut room = [0; ROOM];
        let written = self.bytes.get(..self.len).unwrap_or_default();
        let len = unescape_short(written, &mut room).map_or(0, <[u8]>::len);
        self.bytes = room;
        self.len = len;
    }
}
