//! JSON as it was written: the members of an object and the elements of an array, each as the
//! bytes it came as.

use core::ops::Range;
use std::borrow::Cow;

use crate::json::{
    Container, Error, Handler, Lexer, Literal, MAX_DEPTH, Number, Piece, Place, Unescaped,
    escape_at, unescape,
};

/// Members and elements beyond these are not told apart: OpenAI allows 128 choices and as many
/// tools, and nothing that is looked into has more.
const MAX_CHILDREN: usize = 1024;

/// One JSON value, without white space around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Raw<'a>(&'a [u8]);

impl<'a> Raw<'a> {
    pub(super) const NULL: Raw<'static> = Raw(b"null");
    pub(super) const EMPTY_ARRAY: Raw<'static> = Raw(b"[]");

    /// The value that `json` is; `None` where that is none.
    pub(super) fn read(json: &'a [u8]) -> Option<Raw<'a>> {
        let value = Raw(json.trim_ascii());
        value.children().map(|_| value)
    }

    pub(super) fn bytes(self) -> &'a [u8] {
        self.0
    }

    pub(super) fn is_null(self) -> bool {
        self.0 == b"null"
    }

    /// Whether it is a string without any characters, an array without elements or an object
    /// without members.
    pub(super) fn is_empty(self) -> bool {
        let inside = self.0.get(1..self.0.len().saturating_sub(1));
        match self.0.first() {
            Some(b'"') => self.0 == b"\"\"",
            Some(b'[' | b'{') => inside.is_some_and(|inside| inside.trim_ascii().is_empty()),
            _ => false,
        }
    }

    /// The content of a string, still escaped.
    pub(super) fn string(self) -> Option<&'a [u8]> {
        self.0.strip_prefix(b"\"")?.strip_suffix(b"\"")
    }

    /// Whether it is this string, however it was escaped.
    pub(super) fn is(self, text: &str) -> bool {
        self.string()
            .is_some_and(|content| *plain(content) == *text.as_bytes())
    }

    /// A whole number, written with digits only.
    pub(super) fn whole(self) -> Option<u64> {
        core::str::from_utf8(self.0).ok()?.parse().ok()
    }

    /// What stands between the brackets of an array.
    pub(super) fn inside(self) -> Option<&'a [u8]> {
        let inside = self.0.strip_prefix(b"[")?.strip_suffix(b"]")?;
        Some(inside.trim_ascii())
    }

    /// The elements of an array.
    pub(super) fn items(self) -> Option<Vec<Raw<'a>>> {
        self.inside()?;
        let children = self.children()?;
        Some(children.into_iter().map(|(_, value)| value).collect())
    }

    /// An object; `None` also where two of its members have one name, of which some readers
    /// take the first and some the last.
    pub(super) fn object(self) -> Option<Object<'a>> {
        self.0.strip_prefix(b"{")?;
        let children = self.children()?;
        let members: Vec<Member<'a>> = children
            .into_iter()
            .map(|(name, value)| Member {
                name: plain(name.unwrap_or_default()),
                value,
            })
            .collect();
        let mut names: Vec<&[u8]> = members.iter().map(|member| &*member.name).collect();
        names.sort_unstable();
        let is_clear = names.windows(2).all(|pair| pair.first() != pair.last());
        drop(names);
        is_clear.then_some(Object { members })
    }

    fn children(self) -> Option<Vec<Child<'a>>> {
        let mut lexer = Lexer::new(MAX_DEPTH);
        let mut children = Children {
            json: self.0,
            depth: 0,
            from: 0,
            name: None,
            is_name: false,
            found: Vec::new(),
        };
        lexer.push(self.0, &mut children).ok()?;
        lexer.finish(&mut children).ok()?;
        Some(children.found)
    }
}

/// The content of a string or name without its escapes.
fn plain(content: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', content).is_none() {
        return Cow::Borrowed(content);
    }
    let mut plain = Vec::with_capacity(content.len());
    for run in unescape(content) {
        match run {
            Unescaped::Bytes(bytes) => plain.extend_from_slice(bytes),
            Unescaped::Char(character) => {
                plain.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
    }
    Cow::Owned(plain)
}

/// The members of an object, in their order.
#[derive(Debug)]
pub(super) struct Object<'a> {
    pub(super) members: Vec<Member<'a>>,
}

#[derive(Clone, Debug)]
pub(super) struct Member<'a> {
    /// Without its escapes.
    pub(super) name: Cow<'a, [u8]>,
    pub(super) value: Raw<'a>,
}

impl<'a> Object<'a> {
    pub(super) fn get(&self, name: &str) -> Option<Raw<'a>> {
        let mut members = self.members.iter();
        let member = members.find(|member| *member.name == *name.as_bytes())?;
        Some(member.value)
    }

    /// The member of this name, where it is there and not `null`.
    pub(super) fn given(&self, name: &str) -> Option<Raw<'a>> {
        self.get(name).filter(|value| !value.is_null())
    }
}

/// A member's name, still escaped, and a value.
type Child<'a> = (Option<&'a [u8]>, Raw<'a>);

/// Remembers what stands directly in the outermost container.
struct Children<'a> {
    json: &'a [u8],
    depth: usize,
    /// Where the value, or string, at hand begins.
    from: usize,
    name: Option<&'a [u8]>,
    is_name: bool,
    found: Vec<Child<'a>>,
}

/// Not JSON, or more than [`MAX_CHILDREN`].
struct Unreadable;

impl From<Error> for Unreadable {
    fn from(_: Error) -> Unreadable {
        Unreadable
    }
}

impl Children<'_> {
    fn child(&mut self, span: Range<usize>) -> Result<(), Unreadable> {
        if self.depth == 1 {
            if self.found.len() >= MAX_CHILDREN {
                return Err(Unreadable);
            }
            let value = Raw(self.json.get(span).unwrap_or_default());
            self.found.push((self.name.take(), value));
        }
        Ok(())
    }
}

impl Handler for Children<'_> {
    type Error = Unreadable;

    fn open(&mut self, _container: Container, at: usize) -> Result<(), Unreadable> {
        if self.depth == 1 {
            self.from = at;
        }
        self.depth = self.depth.saturating_add(1);
        Ok(())
    }

    fn close(&mut self, _container: Container, end: usize) -> Result<(), Unreadable> {
        self.depth = self.depth.saturating_sub(1);
        self.child(self.from..end)
    }

    fn string_start(&mut self, place: Place, at: usize) -> Result<(), Unreadable> {
        if self.depth == 1 {
            self.from = at;
            self.is_name = place == Place::Key;
        }
        Ok(())
    }

    fn string_piece(&mut self, _piece: Piece<'_>) -> Result<(), Unreadable> {
        Ok(())
    }

    fn string_end(&mut self, at: usize, _escaped: bool) -> Result<(), Unreadable> {
        if self.depth == 1 && self.is_name {
            self.name = self.json.get(self.from.saturating_add(1)..at);
            return Ok(());
        }
        self.child(self.from..at.saturating_add(1))
    }

    fn number(&mut self, _: Number, start: usize, end: usize) -> Result<(), Unreadable> {
        self.child(start..end)
    }

    fn literal(&mut self, _: Literal, start: usize, end: usize) -> Result<(), Unreadable> {
        self.child(start..end)
    }
}

/// A JSON text without the white space between its tokens, where it has line ends there, which
/// cannot stand in a line of an event.
pub(super) fn on_one_line(json: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr2(b'\n', b'\r', json).is_none() {
        return Cow::Borrowed(json);
    }
    let mut line = Vec::with_capacity(json.len());
    let mut rest = json;
    while let Some((&byte, after)) = rest.split_first() {
        let len = match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {
                rest = after;
                continue;
            }
            b'"' => length_of_string(after).saturating_add(1),
            _ => 1,
        };
        let (token, after) = rest.split_at_checked(len).unwrap_or((rest, &[]));
        line.extend_from_slice(token);
        rest = after;
    }
    Cow::Owned(line)
}

/// How long the string is of which `rest` follows the opening quote, up to and with the
/// closing one.
fn length_of_string(rest: &[u8]) -> usize {
    let mut at = 0_usize;
    loop {
        let from = rest.get(at..).unwrap_or_default();
        let Some(stop) = memchr::memchr2(b'"', b'\\', from) else {
            return rest.len();
        };
        at = at.saturating_add(stop).saturating_add(1);
        if from.get(stop) == Some(&b'"') {
            return at;
        }
        at = at.saturating_add(1);
    }
}

/// The content of a string, still escaped, in pieces of about `size` bytes, none of which cuts
/// a character or an escape; none where it is empty.
pub(super) fn pieces(content: &[u8], size: usize) -> impl Iterator<Item = &[u8]> {
    let mut rest = content;
    core::iter::from_fn(move || {
        let (piece, after) = rest.split_at_checked(first_piece(rest, size))?;
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

fn first_piece(content: &[u8], size: usize) -> usize {
    let mut at = 0_usize;
    while at < size {
        let rest = content.get(at..).unwrap_or_default();
        let run = memchr::memchr(b'\\', rest).unwrap_or(rest.len());
        let end = at.saturating_add(run);
        if end >= size {
            at = size;
            break;
        }
        match rest.get(run..).and_then(escape_at) {
            Some((_, len)) => at = end.saturating_add(len),
            None => return content.len(),
        }
    }
    let is_inside = |at: usize| content.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    while is_inside(at) {
        at = at.saturating_add(1);
    }
    at.min(content.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_and_elements_are_what_was_written() {
        let rows: [(&str, &[(&str, &str)]); 5] = [
            ("{}", &[]),
            (
                r#" { "a" : 1 , "b":[1, 2] } "#,
                &[("a", "1"), ("b", "[1, 2]")],
            ),
            (
                r#"{"\u0061":{"x":"}\""},"é":"\u00e9","n":null,"t":true}"#,
                &[
                    ("a", r#"{"x":"}\""}"#),
                    ("é", r#""\u00e9""#),
                    ("n", "null"),
                    ("t", "true"),
                ],
            ),
            (r#"{"a":"","b":-1.5e3}"#, &[("a", r#""""#), ("b", "-1.5e3")]),
            (r#"{"a":{"a":{"a":1}}}"#, &[("a", r#"{"a":{"a":1}}"#)]),
        ];
        for (json, expected) in rows {
            let object = Raw::read(json.as_bytes()).and_then(Raw::object).unwrap();
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let members: Vec<_> = object
                .members
                .iter()
                .map(|member| (text(&member.name), text(member.value.bytes())))
                .collect();
            let expected: Vec<_> = expected
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            assert_eq!(members, expected, "{json}");
        }
        let array = Raw::read(b" [1, [2], \"3\"]").unwrap();
        let items: Vec<&[u8]> = array.items().unwrap().into_iter().map(Raw::bytes).collect();
        assert_eq!(items, [&b"1"[..], b"[2]", b"\"3\""]);
    }

    #[test]
    fn what_is_no_clear_object_is_none() {
        let deep = "[".repeat(200);
        for json in [
            "",
            "[]",
            "1",
            "{",
            "{} x",
            r#"{"a":1,"a":2}"#,
            r#"{"a":1,"\u0061":2}"#,
            &deep,
        ] {
            assert!(
                Raw::read(json.as_bytes()).and_then(Raw::object).is_none(),
                "{json}"
            );
        }
        let many = |count: usize| format!("[{}]", vec!["1"; count].join(","));
        assert!(Raw::read(many(MAX_CHILDREN).as_bytes()).is_some());
        assert!(Raw::read(many(MAX_CHILDREN + 1).as_bytes()).is_none());
    }

    #[test]
    fn one_line_means_the_same() {
        for (json, expected) in [
            ("{\"a\": 1}", "{\"a\": 1}"),
            (
                "{\n  \"a b\": [1, 2],\r\n\t\"c\": \" \\\" \\\\\"\n}",
                r#"{"a b":[1,2],"c":" \" \\"}"#,
            ),
            ("\n\"open", "\"open"),
            ("\n\"open\\", "\"open\\"),
        ] {
            assert_eq!(on_one_line(json.as_bytes()), expected.as_bytes(), "{json}");
        }
    }

    #[test]
    fn pieces_cut_no_character_and_no_escape() {
        let content = r"abé\n\u00e9\ud83d\ude00你好😀x\\";
        for size in 1..=content.len() + 1 {
            let pieces: Vec<&[u8]> = pieces(content.as_bytes(), size).collect();
            assert_eq!(pieces.concat(), content.as_bytes(), "{size}");
            for piece in &pieces {
                let piece = core::str::from_utf8(piece).unwrap();
                let text: String = serde_json::from_str(&format!("\"{piece}\"")).unwrap();
                assert!(!text.is_empty());
                assert!(piece.len() <= size + 11, "{piece} is of {size}");
            }
        }
        assert_eq!(pieces(b"", 4).count(), 0);
    }
}
