//! The work for a byte does not grow with what came before it.

use tollgate_core::json::{Error, Handler, Lexer};

/// Listens to nothing.
struct Deaf;

impl Handler for Deaf {
    type Error = Error;
}

/// A lexer that went back to the start of a token at each push would not come to an end
/// here: a million bytes, a million pushes.
#[test]
fn long_tokens_byte_by_byte() {
    let million = 1_000_000;
    for text in [
        format!("\"{}\"", "x".repeat(million)),
        format!("\"{}\"", "\\n你".repeat(million / 5)),
        "1".repeat(million),
        format!("0.{}", "0".repeat(million)),
        format!("[{}1]", " ".repeat(million)),
    ] {
        let mut lexer = Lexer::new(64);
        for byte in text.as_bytes() {
            assert_eq!(lexer.push(&[*byte], &mut Deaf), Ok(()));
        }
        assert_eq!(lexer.finish(&mut Deaf), Ok(()));
    }
}
