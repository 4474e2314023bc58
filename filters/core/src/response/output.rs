//! How much output came, for answers that do not say it themselves.

use core::fmt;

use crate::json::Piece;
use crate::tokens::{Encoding, Meter};

/// Measures the text of one answer.
#[derive(Default)]
pub(super) struct Output {
    /// Made for the first text: answers without any, such as embeddings, need none.
    meter: Option<Box<Meter>>,
    /// The strings of a stream are pieces of text, those of a document are texts.
    is_stream: bool,
    /// No character of the string at hand has come yet.
    is_new: bool,
    /// Text has come that what comes next may continue.
    is_open: bool,
    /// Strings of a stream that held any text.
    deltas: u32,
}

impl Output {
    pub(super) fn of_stream() -> Output {
        Output {
            is_stream: true,
            ..Output::default()
        }
    }

    /// A string begins.
    pub(super) fn start(&mut self) {
        self.is_new = true;
    }

    /// More of the string at hand.
    pub(super) fn piece(&mut self, piece: Piece<'_>) {
        if piece.bytes.is_empty() {
            return;
        }
        if self.is_new && piece.whole_until > piece.at {
            self.is_new = false;
            self.deltas = self.deltas.saturating_add(1);
        }
        self.is_open = true;
        self.meter
            .get_or_insert_with(new_meter)
            .measure(piece.bytes);
    }

    pub(super) fn end(&mut self) {
        if !self.is_stream {
            self.break_off();
        }
    }

    /// What comes next does not continue what came: a document's text has ended, or an event
    /// broke off inside one.
    pub(super) fn break_off(&mut self) {
        if let Some(meter) = &mut self.meter
            && core::mem::take(&mut self.is_open)
        {
            meter.end_text();
        }
    }

    /// The tokens that came.
    ///
    /// OpenAI sends a token a delta, so there the deltas are the tokens. Azure, which looks
    /// through text before it sends it, sends several, and only the meter knows how many. It
    /// is not exact either: what it finds has to be a third more than the deltas before it is
    /// the deltas that are doubted.
    pub(super) fn tokens(&mut self, encoding: Encoding) -> u64 {
        self.break_off();
        self.so_far(encoding)
    }

    /// Those of the texts that have come, while more may come.
    pub(super) fn so_far(&self, encoding: Encoding) -> u64 {
        let measured = match &self.meter {
            Some(meter) => u64::from(meter.estimate(encoding)),
            None => 0,
        };
        let deltas = u64::from(self.deltas);
        if self.is_stream && measured.saturating_mul(3) < deltas.saturating_mul(4) {
            deltas
        } else {
            measured
        }
    }
}

/// Apart from what every delta runs through, which takes less fuel without it.
#[cold]
#[inline(never)]
fn new_meter() -> Box<Meter> {
    Box::new(Meter::new())
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("deltas", &self.deltas)
            .finish_non_exhaustive()
    }
}
