//! Answers as rows, each rewritten whole, cut at every byte, and byte by byte.

mod documents;
mod oracle;
mod properties;
mod streams;

use super::screen::tests::Words;
use super::*;

const JSON: &[u8] = b"application/json; charset=utf-8";
const SSE: &[u8] = b"text/event-stream";

const MAX_DOCUMENT: usize = 1 << 20;

/// Only placeholders.
fn unmask() -> TextEdits {
    let mut originals = Originals::default();
    originals.add("[EMAIL_1]", "ann@example.com");
    originals.add("[NAME_1]", "Ann \"A\" Ä");
    TextEdits {
        originals,
        ..TextEdits::default()
    }
}

/// Only what must not be sent.
fn screen() -> TextEdits {
    TextEdits {
        detect: Some(Box::new(Words(&["bomb", "dirty bomb"]))),
        max_document: MAX_DOCUMENT,
        ..TextEdits::default()
    }
}

fn both() -> TextEdits {
    TextEdits {
        originals: unmask().originals,
        ..screen()
    }
}

/// What is sent for these chunks, and what became of the answer.
fn rewrite<'a>(
    content_type: &[u8],
    edits: TextEdits,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> (String, Rewritten) {
    let mut rewriter = Rewriter::new(content_type, edits).expect("a type that is rewritten");
    let mut sent = Vec::new();
    let mut send = |chunk: &[u8], is_end| match rewriter.push(chunk, is_end) {
        Some(edited) => sent.extend_from_slice(&edited),
        None => sent.extend_from_slice(chunk),
    };
    chunks.into_iter().for_each(|chunk| send(chunk, false));
    send(b"", true);
    let sent = String::from_utf8(sent).expect("text");
    (sent, rewriter.rewritten())
}

/// What is sent, which must be the same however the answer is cut.
fn rewrite_every_way(
    content_type: &[u8],
    edits: fn() -> TextEdits,
    answer: &str,
) -> (String, Rewritten) {
    let bytes = answer.as_bytes();
    let whole = rewrite(content_type, edits(), [bytes]);
    for cut in 0..=bytes.len() {
        let (head, tail) = bytes.split_at(cut);
        let sent = rewrite(content_type, edits(), [head, tail]);
        assert_eq!(sent, whole, "cut at {cut}: {answer}");
    }
    let bytewise = rewrite(content_type, edits(), bytes.chunks(1));
    assert_eq!(bytewise, whole, "byte by byte: {answer}");
    whole
}

#[test]
fn other_types_are_not_rewritten() {
    for content_type in ["", "text/plain", "application/jsonl", "audio/mpeg"] {
        assert!(Rewriter::new(content_type.as_bytes(), unmask()).is_none());
    }
}

#[test]
fn a_chunk_in_which_nothing_changes_is_not_copied() {
    let event: &[u8] =
        b"data: {\"choices\":[{\"delta\":{\"content\":\"a [B] c\"},\"index\":0}]}\n\n";
    let document: &[u8] = b"{\"choices\":[{\"message\":{\"content\":\"a [B] c\"}}]}\n";
    for (content_type, chunk) in [(SSE, event), (JSON, document)] {
        let mut rewriter = Rewriter::new(content_type, unmask()).unwrap();
        assert_eq!(rewriter.push(chunk, false), None);
        assert_eq!(rewriter.push(b"", true), None);
        assert_eq!(rewriter.held(), 0);
    }
}
