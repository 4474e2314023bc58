//! Lexes a text in every chunking and compares the tokens with serde_json's reading.

use serde_json::Value;
use tollgate_core::json::{
    Container, Error, Handler, Lexer, Literal, MAX_DEPTH, Number, Piece, Place,
};

use crate::common::chunkings;

#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    Open(Container, usize),
    Close(Container, usize),
    String {
        place: Place,
        start: usize,
        end: usize,
        escaped: bool,
        content: Vec<u8>,
    },
    Number(Number, usize, usize),
    Literal(Literal, usize, usize),
}

/// Keeps every token, strings put together, and checks what pieces promise.
#[derive(Default)]
struct Recorder {
    tokens: Vec<Token>,
    open: Option<(Place, usize, Vec<u8>)>,
    whole_until: usize,
}

impl Handler for Recorder {
    type Error = Error;

    fn open(&mut self, container: Container, at: usize) -> Result<(), Error> {
        self.tokens.push(Token::Open(container, at));
        Ok(())
    }

    fn close(&mut self, container: Container, end: usize) -> Result<(), Error> {
        self.tokens.push(Token::Close(container, end));
        Ok(())
    }

    fn string_start(&mut self, place: Place, at: usize) -> Result<(), Error> {
        assert!(self.open.is_none());
        self.open = Some((place, at, Vec::new()));
        self.whole_until = at + 1;
        Ok(())
    }

    fn string_piece(&mut self, piece: Piece<'_>) -> Result<(), Error> {
        let (_, start, content) = self.open.as_mut().expect("a piece of an open string");
        assert_eq!(piece.at, *start + 1 + content.len(), "pieces are adjacent");
        std::str::from_utf8(piece.bytes).expect("a piece is whole UTF-8 characters");
        content.extend(piece.bytes);
        assert!(
            piece.whole_until >= self.whole_until,
            "what was whole stays whole"
        );
        self.whole_until = piece.whole_until;
        let whole =
            String::from_utf8(content[..piece.whole_until - *start - 1].to_vec()).expect("UTF-8");
        serde_json::from_str::<String>(&format!("\"{whole}\""))
            .expect("whole escapes and surrogate pairs");
        Ok(())
    }

    fn string_end(&mut self, at: usize, escaped: bool) -> Result<(), Error> {
        let (place, start, content) = self.open.take().expect("an open string");
        assert_eq!(self.whole_until, at);
        assert_eq!(escaped, content.contains(&b'\\'));
        self.tokens.push(Token::String {
            place,
            start,
            end: at + 1,
            escaped,
            content,
        });
        Ok(())
    }

    fn number(&mut self, number: Number, start: usize, end: usize) -> Result<(), Error> {
        self.tokens.push(Token::Number(number, start, end));
        Ok(())
    }

    fn literal(&mut self, literal: Literal, start: usize, end: usize) -> Result<(), Error> {
        self.tokens.push(Token::Literal(literal, start, end));
        Ok(())
    }
}

pub fn lex(chunks: &[&[u8]], depth: u8) -> (Vec<Token>, Result<(), Error>) {
    let mut lexer = Lexer::new(depth);
    let mut recorder = Recorder::default();
    let result = chunks
        .iter()
        .try_for_each(|chunk| lexer.push(chunk, &mut recorder))
        .and_then(|()| lexer.finish(&mut recorder));
    (recorder.tokens, result)
}

/// The tokens and the outcome of `text`, the same in every chunking.
pub fn lex_every_way(text: &[u8], depth: u8) -> (Vec<Token>, Result<(), Error>) {
    let whole = lex(&[text], depth);
    for chunks in chunkings(text) {
        let cut = lex(&chunks, depth);
        assert_eq!(
            cut,
            whole,
            "{:?} in chunks {:?}",
            String::from_utf8_lossy(text),
            chunks.iter().map(|c| c.len()).collect::<Vec<_>>()
        );
    }
    whole
}

/// What the tokens mean, for comparison with serde_json; exact for what policies read.
fn value(tokens: &mut std::slice::Iter<'_, Token>, text: &[u8]) -> Value {
    match tokens.next().expect("a value") {
        Token::Open(Container::Array, at) => {
            assert_eq!(text[*at], b'[');
            let mut items = Vec::new();
            while !matches!(tokens.as_slice()[0], Token::Close(..)) {
                items.push(value(tokens, text));
            }
            let Some(Token::Close(Container::Array, end)) = tokens.next() else {
                panic!("an array closes")
            };
            assert_eq!(text[end - 1], b']');
            Value::Array(items)
        }
        Token::Open(Container::Object, at) => {
            assert_eq!(text[*at], b'{');
            let mut members = serde_json::Map::new();
            while !matches!(tokens.as_slice()[0], Token::Close(..)) {
                assert!(matches!(
                    tokens.as_slice()[0],
                    Token::String {
                        place: Place::Key,
                        ..
                    }
                ));
                let Value::String(key) = string(tokens.next().unwrap(), text) else {
                    unreachable!()
                };
                members.insert(key, value(tokens, text));
            }
            let Some(Token::Close(Container::Object, end)) = tokens.next() else {
                panic!("an object closes")
            };
            assert_eq!(text[end - 1], b'}');
            Value::Object(members)
        }
        string_token @ Token::String { place, .. } => {
            assert_eq!(*place, Place::Value);
            string(string_token, text)
        }
        Token::Number(number, start, end) => {
            let parsed: Value =
                serde_json::from_slice(&text[*start..*end]).expect("a number's span is a number");
            let spelling = std::str::from_utf8(&text[*start..*end]).unwrap();
            let expected = match parsed.as_u64() {
                _ if spelling.starts_with('-') => Number::Negative,
                _ if spelling.contains(['.', 'e', 'E']) => Number::Fractional,
                Some(whole) => Number::Whole(whole),
                None => Number::TooLarge,
            };
            assert_eq!(*number, expected, "{spelling}");
            parsed
        }
        Token::Literal(_, start, end) => {
            serde_json::from_slice(&text[*start..*end]).expect("a literal's span is one")
        }
        Token::Close(..) => panic!("a value, not a closing bracket"),
    }
}

fn string(token: &Token, text: &[u8]) -> Value {
    let Token::String {
        start,
        end,
        content,
        ..
    } = token
    else {
        panic!("a string")
    };
    assert_eq!(&text[start + 1..end - 1], content);
    serde_json::from_slice(&text[*start..*end]).expect("a string's span is a string")
}

/// Lexes `text` every way and compares with serde_json; `true` when both accept.
pub fn agree(text: &[u8]) -> bool {
    let (tokens, result) = lex_every_way(text, MAX_DEPTH - 1);
    let theirs = serde_json::from_slice::<Value>(text);
    assert_eq!(
        result.is_ok(),
        theirs.is_ok(),
        "{:?}: ours {result:?}, theirs {theirs:?}",
        String::from_utf8_lossy(text)
    );
    if let Ok(theirs) = &theirs {
        let mut rest = tokens.iter();
        assert_eq!(value(&mut rest, text), *theirs);
        assert_eq!(rest.as_slice(), []);
    }
    theirs.is_ok()
}
