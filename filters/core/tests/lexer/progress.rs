//! The work for a byte does not grow with what came before it.

use tollgate_core::json::{Container, Error, Handler, Lexer, Literal, Number, Piece, Place};

/// Listens to nothing.
struct Deaf;

impl Handler for Deaf {
    type Error = Error;

    fn open(&mut self, _: Container, _: usize) -> Result<(), Error> {
        Ok(())
    }

    fn close(&mut self, _: Container, _: usize) -> Result<(), Error> {
        Ok(())
    }

    fn string_start(&mut self, _: Place, _: usize) -> Result<(), Error> {
        Ok(())
    }

    fn string_piece(&mut self, _: Piece<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn string_end(&mut self, _: usize, _: bool) -> Result<(), Error> {
        Ok(())
    }

    fn number(&mut self, _: Number, _: usize, _: usize) -> Result<(), Error> {
        Ok(())
    }

    fn literal(&mut self, _: Literal, _: usize, _: usize) -> Result<(), Error> {
        Ok(())
    }
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
