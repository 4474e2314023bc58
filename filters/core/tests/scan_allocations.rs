//! Scanning allocates nothing, whatever the body: counted by the allocator itself, which is the
//! whole process's, so this is a test binary of its own. Each thread has a count of its own: the
//! test harness's main thread allocates beside the test.
#![allow(
    clippy::expect_used,
    unsafe_code,
    reason = "a test that panics fails; a global allocator is unsafe by contract"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use tollgate_core::config::Limits;
use tollgate_core::endpoint::Dialect;
use tollgate_core::models::Models;
use tollgate_core::request::{Keying, RequestReader, Wanted};
use tollgate_core::response_cache::keyer::{KeyHash, Keyer};
use tollgate_core::scan::{Event, Scanner, Sink};

struct Counting;

thread_local! {
    // Neither filled at first use nor dropped: counting must not allocate.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get().wrapping_add(1));
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[derive(Default)]
struct Bytes(usize);

impl Sink for Bytes {
    fn event(&mut self, event: Event<'_>) {
        if let Event::Text(text) = event {
            self.0 = self.0.saturating_add(text.bytes.len());
        }
    }
}

/// A conversation of so many messages, each with `text` of so many bytes.
fn body(messages: usize, text: usize) -> Vec<u8> {
    let content = "word \\n\\u00e9 é ".repeat(text.div_ceil(16));
    let message = format!(r#"{{"role":"user","content":"{content}"}}"#);
    format!(
        r#"{{"model":"gpt-4o","messages":[{}],"n":2}}"#,
        vec![message; messages].join(",")
    )
    .into_bytes()
}

#[test]
fn scanning_allocates_nothing() {
    let refused =
        br#"{"messages":[{"role":"user","content":[{"type":"text","text":7}]}]}"#.to_vec();
    let bodies = [
        (body(1, 1_000), true),
        (body(10, 100_000), true),
        (body(10_000, 20), true),
        (refused, false),
    ];
    for (body, accepted) in bodies {
        for chunk in [body.len(), 4_096, 61] {
            let before = ALLOCATIONS.get();
            let mut scanner = Scanner::new(Dialect::Chat, 64);
            let mut bytes = Bytes::default();
            let mut ends = (0..body.len()).step_by(chunk).skip(1).chain([body.len()]);
            let result = ends
                .try_for_each(|end| {
                    scanner.push(body.get(..end).expect("within the body"), &mut bytes)
                })
                .and_then(|()| scanner.finish(&body, &mut bytes).copied());
            let allocations = ALLOCATIONS.get().wrapping_sub(before);
            assert_eq!(allocations, 0, "{} bytes in chunks of {chunk}", body.len());
            assert_eq!(result.is_ok(), accepted);
            assert_eq!(bytes.0 > 0, accepted);
        }
    }
}

#[test]
fn a_key_allocates_twice() {
    for body in [body(1, 1_000), body(10, 100_000), body(10_000, 20)] {
        for chunk in [body.len(), 4_096, 61] {
            let before = ALLOCATIONS.get();
            let wanted = Wanted {
                tokens: false,
                texts: false,
                key: Some(Keying::by(Keyer::new(KeyHash::Sip, b""))),
            };
            let mut reader = RequestReader::new(Dialect::Chat, wanted, &Limits::default());
            for end in (0..body.len()).step_by(chunk).skip(1) {
                let pushed = reader.push(body.get(..end).expect("within the body"));
                assert_eq!(pushed, Ok(()));
            }
            let request = reader.finish(&body, None, &Models::default());
            let key = request.ok().and_then(|request| request.key);
            assert!(key.is_some());
            // What is hashed, and the list of a conversation's beginnings.
            let allocations = ALLOCATIONS.get().wrapping_sub(before);
            assert_eq!(allocations, 2, "{} bytes in chunks of {chunk}", body.len());
        }
    }
}
