//! What no reader of the body can see: white space outside strings, and escapes of characters
//! that need none. The model reads the same after it.

use super::gap;
use crate::Span;
use crate::edit::Edits;
use crate::json::{Container, Error, Handler, Lexer, Literal, MAX_DEPTH, Number, Place};
use crate::json::{compactness, escape_at};

/// Takes white space outside strings out of `body`, and writes out `\uXXXX` in UTF-8.
pub fn tidy(body: &[u8], edits: &mut Edits) {
    let found = compactness(body);
    if !found.has_gaps && !found.has_unicode_escapes {
        return;
    }
    let mut tokens = Tokens {
        body,
        edits,
        end: 0,
        start: 0,
    };
    // The scanner has read it before.
    let mut lexer = Lexer::new(MAX_DEPTH);
    if lexer.push(body, &mut tokens).is_ok() && lexer.finish(&mut tokens).is_ok() {
        tokens.gap(body.len());
    }
}

/// Sees where tokens end, and where the next begin.
struct Tokens<'a> {
    body: &'a [u8],
    edits: &'a mut Edits,
    /// The end of the last token.
    end: usize,
    /// Where the content of the string at hand begins.
    start: usize,
}

impl Tokens<'_> {
    /// Looks at what stands between the last token and what begins at `next`.
    #[inline(always)]
    fn gap(&mut self, next: usize) {
        let between = self.body.get(self.end..next).unwrap_or_default();
        // Nothing more in most bodies.
        if !matches!(between, [] | [b',' | b':']) {
            self.take_out(between);
        }
    }

    fn take_out(&mut self, between: &[u8]) {
        for range in gap::white_space(between, self.end) {
            if !range.is_empty() {
                self.edits.replace(Span::new(range.start, range.end), b"");
            }
        }
    }

    /// Writes out the escapes of a string's content that need be none.
    fn write_out(&mut self, start: usize, end: usize) {
        let content = self.body.get(start..end).unwrap_or_default();
        let mut at = 0usize;
        while let Some(rest) = content.get(at..)
            && let Some(skip) = memchr::memchr(b'\\', rest)
        {
            at = at.saturating_add(skip);
            let here = content.get(at..).unwrap_or_default();
            // The lexer has seen every escape to be one.
            let (character, len) = escape_at(here).unwrap_or(('\\', 2));
            if here.starts_with(b"\\u") && is_plain(character) {
                let from = start.saturating_add(at);
                let span = Span::new(from, from.saturating_add(len));
                self.edits
                    .replace(span, character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            at = at.saturating_add(len);
        }
    }
}

/// Whether a character may stand in a JSON string as it is, wherever that is pasted: the two
/// line separators end lines of older JavaScript.
fn is_plain(character: char) -> bool {
    !character.is_control() && !matches!(character, '"' | '\\' | '\u{2028}' | '\u{2029}')
}

impl Handler for Tokens<'_> {
    type Error = Error;

    fn open(&mut self, _: Container, at: usize) -> Result<(), Error> {
        self.gap(at);
        self.end = at.saturating_add(1);
        Ok(())
    }
    fn close(&mut self, _: Container, end: usize) -> Result<(), Error> {
        self.gap(end.saturating_sub(1));
        self.end = end;
        Ok(())
    }
    fn string_start(&mut self, _: Place, at: usize) -> Result<(), Error> {
        self.gap(at);
        self.start = at.saturating_add(1);
        Ok(())
    }
    fn string_end(&mut self, at: usize, escaped: bool) -> Result<(), Error> {
        if escaped {
            self.write_out(self.start, at);
        }
        self.end = at.saturating_add(1);
        Ok(())
    }
    fn number(&mut self, _: Number, start: usize, end: usize) -> Result<(), Error> {
        self.gap(start);
        self.end = end;
        Ok(())
    }
    fn literal(&mut self, _: Literal, start: usize, end: usize) -> Result<(), Error> {
        self.gap(start);
        self.end = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn tidied(body: &str) -> String {
        let mut edits = Edits::default();
        tidy(body.as_bytes(), &mut edits);
        let edited = edits.apply(body.as_bytes()).unwrap();
        String::from_utf8(edited).unwrap()
    }

    #[test]
    fn what_no_reader_sees_goes() {
        for (body, expected) in [
            (r#"{"a":1}"#, r#"{"a":1}"#),
            ("", ""),
            (
                " { \"a\" :\t1 ,\r\n\"b\": [ ] , \"c\": { } }\n",
                r#"{"a":1,"b":[],"c":{}}"#,
            ),
            (
                "[1 , true ,null , \" a  b \" ]",
                r#"[1,true,null," a  b "]"#,
            ),
            (r#"["\u0041\u00e9\u4f60\ud83d\ude00"]"#, r#"["Aé你😀"]"#),
            // What must be escaped, or had better be, stays as it is spelled.
            (
                r#"["\u0022\u005c\u000a\u007f\u2028\n\/\\u0041"]"#,
                r#"["\u0022\u005c\u000a\u007f\u2028\n\/\\u0041"]"#,
            ),
            (r#"{"\u006bey": 1.50e+3}"#, r#"{"key":1.50e+3}"#),
        ] {
            assert_eq!(tidied(body), expected, "{body}");
        }
    }

    proptest! {
        #[test]
        fn it_reads_the_same_and_is_done_once(text in "[ -~é\u{2028}😀\n\"\\\\]{0,40}", numbers in proptest::collection::vec(any::<i64>(), 0..6)) {
            let value = serde_json::json!({"text": text, "list": numbers, "deep": [[{}], {"a": null}]});
            let escaped: String = serde_json::to_string_pretty(&value)
                .unwrap()
                .chars()
                .flat_map(|c| match c.is_ascii() {
                    true => vec![c.to_string()],
                    false => c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
                })
                .collect();
            let once = tidied(&escaped);
            prop_assert_eq!(serde_json::from_str::<Value>(&once).unwrap(), value);
            prop_assert!(once.len() <= escaped.len());
            prop_assert_eq!(tidied(&once), once);
        }
    }
}
