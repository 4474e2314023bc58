//! Scans a body in every chunking and compares with the oracle.

use serde_json::Value;
use tollgate_core::endpoint::Dialect;
use tollgate_core::scan::{Event, Field, Fields, Scanner, Sink, TextKind};

use crate::common::chunkings;
use crate::exponents::zeroed;
use crate::oracle::{Oracle, Refused, Seen};

/// Keeps what is told, texts put together, and checks what pieces promise.
#[derive(Default)]
struct Recorder {
    seen: Vec<Seen>,
    /// The text being told: its kind, start and pieces so far.
    text: Option<(TextKind, u32, Vec<u8>)>,
}

impl Sink for Recorder {
    fn event(&mut self, event: Event<'_>) {
        let seen = match event {
            Event::Text(piece) => {
                assert!(!piece.bytes.is_empty());
                let quoted = [b"\"", piece.bytes, b"\""].concat();
                serde_json::from_slice::<String>(&quoted).expect("a piece is whole characters");
                let (kind, start, bytes) =
                    self.text.get_or_insert((piece.kind, piece.at, Vec::new()));
                assert_eq!(*kind, piece.kind);
                assert_eq!(
                    piece.at as usize,
                    *start as usize + bytes.len(),
                    "pieces are adjacent"
                );
                bytes.extend(piece.bytes);
                return;
            }
            Event::TextEnd {
                kind,
                role,
                content,
            } => {
                let (told, start, bytes) =
                    self.text
                        .take()
                        .unwrap_or((kind, content.span.start, Vec::new()));
                assert_eq!(
                    (told, start, bytes.len()),
                    (kind, content.span.start, content.span.len())
                );
                Seen::Text(kind, role, content)
            }
            Event::MessageStart { index, at } => Seen::MessageStart(index, at),
            Event::Part(part) => Seen::Part(*part),
            Event::ToolCall(call) => Seen::ToolCall(*call),
            Event::MessageEnd(message) => Seen::MessageEnd(*message),
            Event::TokenIds { count, span } => Seen::TokenIds(count, span),
            Event::Field { field, value } => Seen::Field(field, value),
            Event::UnknownField { key, value } => Seen::UnknownField(key, value),
            Event::UnknownMember { key, value } => Seen::UnknownMember(key, value),
        };
        assert!(
            self.text.is_none(),
            "a text ends before anything else is told"
        );
        self.seen.push(seen);
    }
}

/// What was told, and the fields or the refusal.
pub type Outcome = (Vec<Seen>, Result<Fields, Refused>);

/// Scans the concatenation of `chunks`, pushed one by one.
pub fn scan(chunks: &[&[u8]], dialect: Dialect) -> Outcome {
    let mut scanner = Scanner::new(dialect, 64);
    let mut recorder = Recorder::default();
    let mut body = Vec::new();
    let mut result = Ok(());
    for chunk in chunks {
        body.extend(*chunk);
        // The buffer may lie elsewhere after each growth.
        result = result.and_then(|()| scanner.push(&body.clone(), &mut recorder));
    }
    let result = match result.and_then(|()| scanner.finish(&body, &mut recorder).copied()) {
        Ok(fields) => Ok(fields),
        Err(refusal) => {
            assert_eq!(
                scanner.push(&body, &mut recorder),
                Err(refusal),
                "a refusal is final"
            );
            assert_eq!(
                scanner.finish(&body, &mut recorder),
                Err(refusal),
                "a refusal is final"
            );
            Err((refusal.kind, refusal.path.to_string(), refusal.at))
        }
    };
    (recorder.seen, result)
}

/// The outcome for `body`, the same in every chunking, and the oracle's when it is JSON.
pub fn scan_every_way(body: &str, dialect: Dialect) -> Outcome {
    let whole = scan(&[body.as_bytes()], dialect);
    for chunks in chunkings(body.as_bytes()) {
        assert_eq!(
            scan(&chunks, dialect),
            whole,
            "{body} in {} chunks",
            chunks.len()
        );
    }
    let readable = zeroed(body);
    if serde_json::from_str::<Value>(&readable).is_ok() {
        let mut oracle = Oracle::new(readable.as_bytes());
        let expected = oracle.request(dialect);
        assert_eq!(whole.0, oracle.seen, "{body}");
        assert_eq!(
            whole.1.as_ref().map(|_| ()),
            expected.as_ref().copied(),
            "{body}"
        );
        if let Ok(fields) = &whole.1 {
            same_fields(fields, &oracle, body);
        }
    } else {
        // Of its syntax, or of what stands before the error.
        assert!(whole.1.is_err(), "{body}");
    }
    whole
}

fn same_fields(fields: &Fields, oracle: &Oracle<'_>, body: &str) {
    // The spans of the fields, which the oracle has told as events.
    for field in Field::ALL {
        let told = oracle.seen.iter().rev().find_map(|seen| match seen {
            Seen::Field(told, span) if told == field => Some(*span),
            _ => None,
        });
        assert_eq!(fields.value(*field), told, "{field:?} of {body}");
    }
    let values = |fields: &Fields| {
        (
            (
                fields.model,
                fields.user,
                fields.stream,
                fields.include_usage,
                fields.store,
            ),
            (
                fields.max_tokens,
                fields.max_completion_tokens,
                fields.max_output_tokens,
            ),
            (
                fields.n,
                fields.best_of,
                fields.messages,
                fields.inputs,
                fields.token_ids,
            ),
            fields.names_provider_state,
        )
    };
    assert_eq!(values(fields), values(&oracle.fields), "{body}");
}
