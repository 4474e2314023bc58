//! The push lexer: a state machine over bytes that may stop after any of them.

use super::number::{Digits, Step};
use super::string::StringState;
use super::utf8::{self, Grown, Partial};
use super::{Container, Error, ErrorKind, Handler, Literal, Place};

/// How deep containers may nest at most: the bits of the lexer's stack.
pub const MAX_DEPTH: u8 = 128;

/// Reads one JSON text, pushed in chunks of any size.
///
/// Memory is constant. After an error the lexer is of no further use: pushing more
/// yields more errors or tokens that mean nothing.
#[derive(Clone, Debug)]
pub struct Lexer {
    state: State,
    /// Bytes lexed so far; the offset of the next one.
    offset: usize,
    /// Offset of the number or literal being read.
    token: usize,
    pub(super) string: StringState,
    depth: u8,
    max_depth: u8,
    /// One bit for each open container, the innermost lowest: 1 is an object.
    containers: u128,
    partial: Partial,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Before the value of the whole text.
    Start,
    Value,
    /// After `[`.
    ElementOrEnd,
    /// After `{`.
    KeyOrEnd,
    /// After `,` in an object.
    Key,
    Colon,
    /// After a value inside a container.
    CommaOrEnd,
    /// After the value of the whole text.
    End,
    String(Place),
    Number(Digits),
    /// A literal and how many of its bytes have been read.
    Literal(Literal, u8),
}

impl Lexer {
    /// A lexer that refuses more than `max_depth` containers inside each other (at most [`MAX_DEPTH`]).
    pub fn new(max_depth: u8) -> Lexer {
        Lexer {
            state: State::Start,
            offset: 0,
            token: 0,
            string: StringState::default(),
            depth: 0,
            max_depth: max_depth.min(MAX_DEPTH),
            containers: 0,
            partial: Partial::default(),
        }
    }

    /// Reads the next bytes of the text.
    pub fn push<H: Handler>(&mut self, chunk: &[u8], handler: &mut H) -> Result<(), H::Error> {
        let mut rest = chunk;
        while !self.partial.is_empty() {
            let Some((&byte, after)) = rest.split_first() else {
                return Ok(());
            };
            rest = after;
            match self.partial.grow(byte) {
                Grown::Whole(bytes, len) => {
                    self.lex(bytes.get(..len).unwrap_or_default(), handler)?
                }
                Grown::Partial => {}
                Grown::Invalid => return self.fail(ErrorKind::InvalidUtf8, self.offset),
            }
        }
        let (valid, tail, only_cut) = utf8::valid_prefix(rest);
        self.lex(valid, handler)?;
        if !only_cut {
            return self.fail(ErrorKind::InvalidUtf8, self.offset);
        }
        for &byte in tail {
            if let Grown::Invalid = self.partial.grow(byte) {
                return self.fail(ErrorKind::InvalidUtf8, self.offset);
            }
        }
        Ok(())
    }

    /// Ends the text: whatever is unfinished now is an error.
    pub fn finish<H: Handler>(&mut self, handler: &mut H) -> Result<(), H::Error> {
        if !self.partial.is_empty() {
            return self.fail(ErrorKind::InvalidUtf8, self.offset);
        }
        match self.state {
            State::End => Ok(()),
            State::Start => self.fail(ErrorKind::Empty, self.offset),
            State::Number(digits) if self.depth == 0 && digits.is_complete() => {
                self.state = State::End;
                handler.number(digits.value(), self.token, self.offset)
            }
            _ => self.fail(ErrorKind::UnexpectedEnd, self.offset),
        }
    }

    /// Reads whole characters.
    fn lex<H: Handler>(&mut self, bytes: &[u8], handler: &mut H) -> Result<(), H::Error> {
        let base = self.offset;
        let mut at = 0usize;
        while let Some(&byte) = bytes.get(at) {
            // Invariant: `at` is below `bytes.len()`, so none of these sums wraps.
            let here = base.wrapping_add(at);
            let next = at.wrapping_add(1);
            match self.state {
                State::String(place) => {
                    let Some(after) = self.string.read(bytes, at, base, handler)? else {
                        break;
                    };
                    self.state = match place {
                        Place::Key => State::Colon,
                        Place::Value => self.after_value(),
                    };
                    at = after;
                }
                State::Number(ref mut digits) => match digits.step(byte) {
                    Step::Taken => at = next,
                    Step::Invalid => return self.fail(ErrorKind::InvalidNumber, here),
                    Step::Ended => {
                        handler.number(digits.value(), self.token, here)?;
                        self.state = self.after_value();
                    }
                },
                State::Literal(literal, read) => {
                    let word = spelling(literal);
                    if word.get(usize::from(read)) != Some(&byte) {
                        return self.fail(ErrorKind::InvalidLiteral, here);
                    }
                    let read = read.wrapping_add(1);
                    at = next;
                    self.state = if usize::from(read) < word.len() {
                        State::Literal(literal, read)
                    } else {
                        handler.literal(literal, self.token, here.wrapping_add(1))?;
                        self.after_value()
                    };
                }
                _ if matches!(byte, b' ' | b'\n' | b'\r' | b'\t') => at = next,
                State::Colon => {
                    if byte != b':' {
                        return self.fail(ErrorKind::UnexpectedByte, here);
                    }
                    self.state = State::Value;
                    at = next;
                }
                State::CommaOrEnd => {
                    match byte {
                        b',' if self.in_object() => self.state = State::Key,
                        b',' => self.state = State::Value,
                        _ => self.close(byte, here, handler)?,
                    }
                    at = next;
                }
                State::KeyOrEnd | State::Key => {
                    match (byte, self.state) {
                        (b'"', _) => self.open_string(Place::Key, here, handler)?,
                        (b'}', State::KeyOrEnd) => self.close(byte, here, handler)?,
                        _ => return self.fail(ErrorKind::UnexpectedByte, here),
                    }
                    at = next;
                }
                State::Start | State::Value | State::ElementOrEnd => {
                    self.value(byte, here, bytes.get(at..).unwrap_or_default(), handler)?;
                    at = next;
                }
                State::End => return self.fail(ErrorKind::TrailingBytes, here),
            }
        }
        self.offset = base.wrapping_add(bytes.len());
        Ok(())
    }

    /// The first byte of a value; `rest` starts with it.
    #[inline(always)]
    fn value<H: Handler>(
        &mut self,
        byte: u8,
        here: usize,
        rest: &[u8],
        handler: &mut H,
    ) -> Result<(), H::Error> {
        match byte {
            b'"' => return self.open_string(Place::Value, here, handler),
            b'{' => return self.open(Container::Object, here, handler),
            b'[' => return self.open(Container::Array, here, handler),
            b']' if matches!(self.state, State::ElementOrEnd) => {
                return self.close(byte, here, handler);
            }
            b't' => self.state = State::Literal(Literal::True, 1),
            b'f' => self.state = State::Literal(Literal::False, 1),
            b'n' => self.state = State::Literal(Literal::Null, 1),
            _ => match Digits::start(byte) {
                Some(digits) => self.state = State::Number(digits),
                None if here == 0 && rest.starts_with("\u{feff}".as_bytes()) => {
                    return self.fail(ErrorKind::ByteOrderMark, here);
                }
                None if matches!(byte, b'+' | b'.') => {
                    return self.fail(ErrorKind::InvalidNumber, here);
                }
                None if byte.is_ascii_alphabetic() => {
                    return self.fail(ErrorKind::InvalidLiteral, here);
                }
                None => return self.fail(ErrorKind::UnexpectedByte, here),
            },
        }
        self.token = here;
        Ok(())
    }

    #[inline(always)]
    fn open_string<H: Handler>(
        &mut self,
        place: Place,
        here: usize,
        handler: &mut H,
    ) -> Result<(), H::Error> {
        self.state = State::String(place);
        self.string = StringState::default();
        handler.string_start(place, here)
    }

    #[inline(always)]
    fn open<H: Handler>(
        &mut self,
        container: Container,
        here: usize,
        handler: &mut H,
    ) -> Result<(), H::Error> {
        if self.depth >= self.max_depth {
            return self.fail(ErrorKind::TooDeep, here);
        }
        self.depth = self.depth.wrapping_add(1);
        let is_object = container == Container::Object;
        self.containers = self.containers << 1 | u128::from(is_object);
        self.state = if is_object {
            State::KeyOrEnd
        } else {
            State::ElementOrEnd
        };
        handler.open(container, here)
    }

    /// A closing bracket that must fit the innermost container, of which there is one.
    #[inline(always)]
    fn close<H: Handler>(
        &mut self,
        byte: u8,
        here: usize,
        handler: &mut H,
    ) -> Result<(), H::Error> {
        let (container, bracket) = if self.in_object() {
            (Container::Object, b'}')
        } else {
            (Container::Array, b']')
        };
        if byte != bracket {
            return self.fail(ErrorKind::UnexpectedByte, here);
        }
        self.depth = self.depth.wrapping_sub(1);
        self.containers >>= 1;
        self.state = self.after_value();
        handler.close(container, here.wrapping_add(1))
    }

    #[inline(always)]
    fn in_object(&self) -> bool {
        self.containers & 1 == 1
    }

    #[inline(always)]
    fn after_value(&self) -> State {
        if self.depth == 0 {
            State::End
        } else {
            State::CommaOrEnd
        }
    }

    #[cold]
    fn fail<E: From<Error>>(&self, kind: ErrorKind, at: usize) -> Result<(), E> {
        Err(E::from(Error { kind, at }))
    }
}

fn spelling(literal: Literal) -> &'static [u8] {
    match literal {
        Literal::True => b"true",
        Literal::False => b"false",
        Literal::Null => b"null",
    }
}
