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

/// A rewriter of an answer of this type, where it rewrites that.
fn rewriter(content_type: &[u8], edits: TextEdits) -> Option<Rewriter> {
    let mut rewriter = Rewriter::new(edits);
    let head = ResponseHead {
        status: 200,
        content_type,
        content_encoding: b"",
        cache: b"",
    };
    rewriter.begin(&head).then_some(rewriter)
}

/// What is sent for these chunks, and what became of the answer.
fn rewrite<'a>(
    content_type: &[u8],
    edits: TextEdits,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> (String, Rewritten) {
    let mut rewriter = rewriter(content_type, edits).expect("a type that is rewritten");
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
fn what_cannot_be_rewritten_passes_and_says_so() {
    for (status, content_type, content_encoding, is_rewritten, is_unreadable) in [
        (200, "application/json", "", true, false),
        (
            200,
            "text/event-stream; charset=utf-8",
            "Identity",
            true,
            false,
        ),
        (400, "application/json", "", true, false),
        (200, "application/json", "gzip", false, true),
        (200, "", "", false, true),
        (200, "text/plain", "", false, true),
        (200, "application/jsonl", "", false, true),
    ] {
        let head = ResponseHead {
            status,
            content_type: content_type.as_bytes(),
            content_encoding: content_encoding.as_bytes(),
            cache: b"",
        };
        let mut rewriter = Rewriter::new(both());
        assert_eq!(rewriter.begin(&head), is_rewritten, "{head:?}");
        assert_eq!(rewriter.rewritten().is_unreadable, is_unreadable);
        if !is_rewritten {
            assert_eq!(rewriter.push(b"\"[EMAIL_1]\"", true), None);
        }
        // With nothing to do there is nothing that could not be done.
        let mut rewriter = Rewriter::new(TextEdits::default());
        assert!(!rewriter.begin(&head));
        assert_eq!(rewriter.rewritten(), Rewritten::default());
    }
}

#[test]
fn an_error_is_unmasked_and_not_looked_through() {
    let mut rewriter = Rewriter::new(both());
    let head = ResponseHead {
        status: 400,
        content_type: JSON,
        content_encoding: b"",
        cache: b"",
    };
    assert!(rewriter.begin(&head));
    let sent = rewriter.push(br#"{"choices":[{"text":"a bomb [EMAIL_1]"}]}"#, true);
    let expected = br#"{"choices":[{"text":"a bomb ann@example.com"}]}"#;
    assert_eq!(sent.as_deref(), Some(&expected[..]));
}

#[test]
fn a_chunk_in_which_nothing_changes_is_not_copied() {
    let event: &[u8] =
        b"data: {\"choices\":[{\"delta\":{\"content\":\"a [B] c\"},\"index\":0}]}\n\n";
    let document: &[u8] = b"{\"choices\":[{\"message\":{\"content\":\"a [B] c\"}}]}\n";
    for (content_type, chunk) in [(SSE, event), (JSON, document)] {
        let mut rewriter = rewriter(content_type, unmask()).unwrap();
        assert_eq!(rewriter.push(chunk, false), None);
        assert_eq!(rewriter.push(b"", true), None);
        assert_eq!(rewriter.held(), 0);
    }
}
