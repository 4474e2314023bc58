//! What is sent instead of a chunk: nothing is copied until something differs.

/// The bytes to be sent, while they are made from a chunk.
pub(super) struct Output<'a> {
    chunk: &'a [u8],
    /// So many bytes of the chunk have been dealt with.
    read: usize,
    /// What to send, once that is something else than those.
    edited: Option<Vec<u8>>,
}

impl<'a> Output<'a> {
    pub(super) fn new(chunk: &'a [u8]) -> Output<'a> {
        Output {
            chunk,
            read: 0,
            edited: None,
        }
    }

    /// What of the chunk has not been dealt with.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.chunk.get(self.read..).unwrap_or_default()
    }

    /// Sends the next `count` bytes of the chunk.
    pub(super) fn pass(&mut self, count: usize) {
        let from = self.read;
        self.read = from.saturating_add(count).min(self.chunk.len());
        if let Some(edited) = &mut self.edited {
            edited.extend_from_slice(self.chunk.get(from..self.read).unwrap_or_default());
        }
    }

    /// Leaves the next `count` bytes of the chunk out.
    pub(super) fn skip(&mut self, count: usize) {
        if count > 0 {
            self.edited();
            self.read = self.read.saturating_add(count).min(self.chunk.len());
        }
    }

    /// Sends other bytes.
    pub(super) fn insert(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.edited().extend_from_slice(bytes);
        }
    }

    /// What to send; `None` where that is the chunk as it came.
    pub(super) fn finish(self) -> Option<Vec<u8>> {
        self.edited
    }

    fn edited(&mut self) -> &mut Vec<u8> {
        let sent = self.chunk.get(..self.read).unwrap_or_default();
        self.edited.get_or_insert_with(|| sent.to_vec())
    }
}
