//! What is no JSON, one row a reason.

use serde_json::Value;
use tollgate_core::json::{Error, ErrorKind, MAX_DEPTH};

use crate::agreement::{lex, lex_every_way};

#[test]
fn every_error_has_its_name_and_place() {
    use ErrorKind::*;
    let nested = |depth: usize| "[".repeat(depth).into_bytes();
    let rows: &[(&[u8], ErrorKind, usize)] = &[
        (b"", Empty, 0),
        (b" \n\t\r ", Empty, 5),
        (b"\xef\xbb\xbf{}", ByteOrderMark, 0),
        (b"\xef\xbb\xbf", ByteOrderMark, 0),
        (b" \xef\xbb\xbf{}", UnexpectedByte, 1),
        (b"{} x", TrailingBytes, 3),
        (b"{}{}", TrailingBytes, 2),
        (b"1 2", TrailingBytes, 2),
        (b"\"\" \xc3\xa9", TrailingBytes, 3),
        (b"[1,]", UnexpectedByte, 3),
        (b"[,1]", UnexpectedByte, 1),
        (b"[1 2]", UnexpectedByte, 3),
        (b"[1}", UnexpectedByte, 2),
        (b"{\"a\":1]", UnexpectedByte, 6),
        (b"{\"a\":1,}", UnexpectedByte, 7),
        (b"{,}", UnexpectedByte, 1),
        (b"{a:1}", UnexpectedByte, 1),
        (b"{\"a\" 1}", UnexpectedByte, 5),
        (b"{\"a\":}", UnexpectedByte, 5),
        (b"]", UnexpectedByte, 0),
        (b"[\xc3\xa9]", UnexpectedByte, 1),
        (b"'a'", UnexpectedByte, 0),
        (b"// comment", UnexpectedByte, 0),
        (b"[", UnexpectedEnd, 1),
        (b"{\"a\":1", UnexpectedEnd, 6),
        (b"\"abc", UnexpectedEnd, 4),
        (b"\"abc\\", UnexpectedEnd, 5),
        (b"\"\\ud83d", UnexpectedEnd, 7),
        (b"tru", UnexpectedEnd, 3),
        (b"-", UnexpectedEnd, 1),
        (b"1.", UnexpectedEnd, 2),
        (b"1e+", UnexpectedEnd, 3),
        (b"[12", UnexpectedEnd, 3),
        (b"truE", InvalidLiteral, 3),
        (b"[nul]", InvalidLiteral, 4),
        (b"NaN", InvalidLiteral, 0),
        (b"Infinity", InvalidLiteral, 0),
        (b"True", InvalidLiteral, 0),
        (b"[01]", InvalidNumber, 2),
        (b"[-01]", InvalidNumber, 3),
        (b"[+1]", InvalidNumber, 1),
        (b"[.5]", InvalidNumber, 1),
        (b"[1.]", InvalidNumber, 3),
        (b"[1.e5]", InvalidNumber, 3),
        (b"[1e]", InvalidNumber, 3),
        (b"[-]", InvalidNumber, 2),
        (b"[-Infinity]", InvalidNumber, 2),
        (b"0x1f", TrailingBytes, 1),
        (b"\"a\nb\"", ControlCharacter, 2),
        (b"\"a\0b\"", ControlCharacter, 2),
        (b"\"\x1f\"", ControlCharacter, 1),
        (b"\"\\q\"", InvalidEscape, 1),
        (b"\"a\\\n\"", InvalidEscape, 2),
        (b"\"\\u12g4\"", InvalidEscape, 1),
        (b"\"\\u12\"", InvalidEscape, 1),
        (b"\"\\U0041\"", InvalidEscape, 1),
        (b"\"\\ud83d\"", LoneSurrogate, 1),
        (b"\"ab\\ude00\"", LoneSurrogate, 3),
        (b"\"\\ud83dx\"", LoneSurrogate, 1),
        (b"\"\\ud83d\\n\"", LoneSurrogate, 1),
        (b"\"\\ud83d\\ud83d\"", LoneSurrogate, 1),
        (b"\"\\ud83d\\u0041\"", LoneSurrogate, 1),
        (b"\"\\ud83d\\u00zz\"", InvalidEscape, 1),
        (b"\"\xff\"", InvalidUtf8, 1),
        (b"\"\x80\"", InvalidUtf8, 1),
        (b"\"a\xc3\"", InvalidUtf8, 2),
        (b"\"\xc0\xaf\"", InvalidUtf8, 1),
        (b"\"\xe0\x80\xaf\"", InvalidUtf8, 1),
        (b"\"\xed\xa0\x80\"", InvalidUtf8, 1),
        (b"\"\xf4\x90\x80\x80\"", InvalidUtf8, 1),
        (b"\"\xe4\xb8", InvalidUtf8, 1),
        (b"[1}\xff", UnexpectedByte, 2),
        (b"[\"\\q\xff\"]", InvalidEscape, 2),
    ];
    for (text, kind, at) in rows {
        let (_, result) = lex_every_way(text, MAX_DEPTH);
        assert_eq!(
            result,
            Err(Error {
                kind: *kind,
                at: *at
            }),
            "{:?}",
            String::from_utf8_lossy(text)
        );
        assert!(
            serde_json::from_slice::<Value>(text).is_err(),
            "{:?}",
            String::from_utf8_lossy(text)
        );
    }
    for depth in [1, 64, 127, 128] {
        let (_, result) = lex_every_way(&nested(300), depth);
        assert_eq!(
            result,
            Err(Error {
                kind: TooDeep,
                at: usize::from(depth)
            })
        );
        let deepest = [nested(depth.into()), vec![b']'; depth.into()]].concat();
        assert_eq!(lex_every_way(&deepest, depth).1, Ok(()));
    }
    assert_eq!(
        lex(&[&nested(129)], 255).1,
        Err(Error {
            kind: TooDeep,
            at: 128
        }),
        "a larger limit is 128"
    );
}
