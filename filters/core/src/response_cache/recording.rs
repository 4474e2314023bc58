//! An answer that may be kept, while it passes.

use crate::exchange::ResponseHead;
use crate::response::Media;

/// The upstream's answer as it came, before anything is made of it.
#[derive(Debug)]
pub struct Recording {
    /// Bytes it may have.
    most: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    /// No answer has begun.
    Waiting,
    /// It is being kept.
    Keeping(Recorded),
    /// It can not be kept, for this reason.
    Lost(Unkept),
}

/// An answer that came.
#[derive(Debug)]
pub struct Recorded {
    /// HTTP status.
    pub status: u16,
    /// Its form.
    pub media: Media,
    /// Its `content-type`.
    pub content_type: Vec<u8>,
    /// Its body.
    pub body: Vec<u8>,
}

/// Why an answer is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unkept {
    /// Its status is none that is kept.
    Status,
    /// It is compressed, or neither JSON nor server-sent events.
    Form,
    /// It is larger than may be kept, or there is no memory for it.
    Size,
    /// It broke off, reports an error, or did not end as it should.
    Incomplete,
    /// It ends for a reason that another try may not have: its length, a filter, a call.
    FinishReason,
    /// The store did not take it.
    Store,
}

impl Unkept {
    /// Its name, as a label of metrics.
    pub fn name(self) -> &'static str {
        match self {
            Unkept::Status => "status",
            Unkept::Form => "form",
            Unkept::Size => "size",
            Unkept::Incomplete => "incomplete",
            Unkept::FinishReason => "finish_reason",
            Unkept::Store => "store",
        }
    }
}

impl Recording {
    /// Of an answer with at most so many bytes.
    pub fn new(most: u32) -> Recording {
        Recording {
            most: most as usize,
            state: State::Waiting,
        }
    }

    /// Takes note of the answer's head.
    pub fn begin(&mut self, head: &ResponseHead<'_>) {
        self.state = match Media::of(head.content_type) {
            _ if !matches!(head.status, 200 | 400) => State::Lost(Unkept::Status),
            Some(media) if head.is_plain() => State::Keeping(Recorded {
                status: head.status,
                media,
                content_type: head.content_type.to_vec(),
                body: Vec::new(),
            }),
            _ => State::Lost(Unkept::Form),
        };
    }

    /// Keeps what came of the body.
    pub fn push(&mut self, chunk: &[u8]) {
        let State::Keeping(recorded) = &mut self.state else {
            return;
        };
        let fits = recorded.body.len().saturating_add(chunk.len()) <= self.most;
        if fits && recorded.body.try_reserve(chunk.len()).is_ok() {
            recorded.body.extend_from_slice(chunk);
        } else {
            self.lose();
        }
    }

    /// There is no more room.
    pub fn lose(&mut self) {
        if let State::Keeping(_) = self.state {
            self.state = State::Lost(Unkept::Size);
        }
    }

    /// Bytes that are kept so far.
    pub fn kept(&self) -> usize {
        match &self.state {
            State::Keeping(recorded) => recorded.body.len(),
            State::Waiting | State::Lost(_) => 0,
        }
    }

    /// Whether it wants to see the chunks that come.
    pub fn is_keeping(&self) -> bool {
        matches!(self.state, State::Keeping(_))
    }

    /// Whether what comes is not kept.
    pub fn is_lost(&self) -> bool {
        matches!(self.state, State::Lost(_))
    }

    /// What came.
    ///
    /// # Errors
    /// Why it was not kept.
    pub fn finish(self) -> Result<Recorded, Unkept> {
        match self.state {
            State::Keeping(recorded) => Ok(recorded),
            State::Waiting => Err(Unkept::Incomplete),
            State::Lost(why) => Err(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_kept_as_it_came() {
        let head = |status, content_type, content_encoding| ResponseHead {
            status,
            content_type,
            content_encoding,
            cache: b"",
        };
        let json = b"application/json".as_slice();
        // The head, the chunks, and what is kept.
        type Row<'a> = (
            Option<ResponseHead<'a>>,
            &'a [&'a [u8]],
            Result<&'a [u8], Unkept>,
        );
        let rows: [Row; 8] = [
            (Some(head(200, json, b"")), &[b"{", b"}"], Ok(b"{}")),
            (
                Some(head(200, b"text/event-stream", b"")),
                &[b"12345678"],
                Ok(b"12345678"),
            ),
            (Some(head(400, json, b"identity")), &[], Ok(b"")),
            (
                Some(head(200, json, b"")),
                &[b"1234567", b"89"],
                Err(Unkept::Size),
            ),
            (Some(head(200, json, b"gzip")), &[b"x"], Err(Unkept::Form)),
            (
                Some(head(200, b"text/html", b"")),
                &[b"x"],
                Err(Unkept::Form),
            ),
            (Some(head(429, json, b"")), &[b"{}"], Err(Unkept::Status)),
            (None, &[b"x"], Err(Unkept::Incomplete)),
        ];
        for (head, chunks, expected) in rows {
            let mut recording = Recording::new(8);
            if let Some(head) = &head {
                recording.begin(head);
            }
            chunks.iter().for_each(|chunk| recording.push(chunk));
            let is_kept = recording.is_keeping();
            let kept = recording.kept();
            let recorded = recording.finish();
            assert_eq!(is_kept, recorded.is_ok());
            assert_eq!(
                kept,
                recorded.as_ref().map_or(0, |recorded| recorded.body.len())
            );
            assert_eq!(
                recorded
                    .as_ref()
                    .map(|recorded| &*recorded.body)
                    .map_err(|why| *why),
                expected,
                "{head:?}"
            );
        }
    }
}
