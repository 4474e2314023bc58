//! Walks JSON that a scanner has already found valid, where it lies in the body.
//!
//! Nothing is copied. On anything that is not valid JSON the walk ends early. Keys and words
//! are compared as what they stand for, and of members with the same key the last counts:
//! so the parsers of upstreams read them.

use crate::json::unescape_short;

/// Longer than any key or word that is compared, so that what does not fit is none.
const WORD: usize = 32;

/// A JSON value: where it starts in the body, and where it ends.
#[derive(Clone, Copy)]
pub(super) struct Raw<'b> {
    body: &'b [u8],
    start: usize,
    end: usize,
}

/// The content of a JSON string: its bytes between the quotes, still escaped, and their offset.
#[derive(Clone, Copy)]
pub(super) struct Content<'b> {
    pub(super) bytes: &'b [u8],
    pub(super) at: usize,
}

impl Content<'_> {
    /// Passes what the content stands for to `read`, if it is no longer than a word.
    pub(super) fn word<T>(self, read: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let mut room = [0; WORD];
        unescape_short(self.bytes, &mut room).map(read)
    }

    fn is(self, word: &[u8]) -> bool {
        self.word(|found| found == word).unwrap_or_default()
    }
}

impl<'b> Raw<'b> {
    /// The value that starts at or after `start`, past white space.
    pub(super) fn at(body: &'b [u8], start: usize) -> Option<Raw<'b>> {
        let start = skip_space(body, start);
        let end = skip_value(body, start)?;
        Some(Raw { body, start, end })
    }

    /// The value's bytes as they were sent.
    pub(super) fn bytes(self) -> &'b [u8] {
        self.body.get(self.start..self.end).unwrap_or_default()
    }

    fn first(self) -> u8 {
        self.body.get(self.start).copied().unwrap_or_default()
    }

    /// Whether the value is an object.
    pub(super) fn is_object(self) -> bool {
        self.first() == b'{'
    }

    /// Whether the value is an array.
    pub(super) fn is_array(self) -> bool {
        self.first() == b'['
    }

    /// The content of the value, if it is a string.
    pub(super) fn string(self) -> Option<Content<'b>> {
        let bytes = self.bytes().strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        Some(Content {
            bytes,
            at: self.start.checked_add(1)?,
        })
    }

    /// The members of an object; none of anything else.
    pub(super) fn members(self) -> Members<'b> {
        let next = if self.is_object() {
            self.start.saturating_add(1)
        } else {
            self.end
        };
        Members { raw: self, next }
    }

    /// The items of an array; none of anything else.
    pub(super) fn items(self) -> impl Iterator<Item = Raw<'b>> {
        let mut next = if self.is_array() {
            self.start.saturating_add(1)
        } else {
            self.end
        };
        core::iter::from_fn(move || {
            let item = Raw::at(self.body, next).filter(|item| item.end < self.end)?;
            next = skip_comma(self.body, item.end);
            Some(item)
        })
    }

    /// The value of the last member with this key.
    pub(super) fn member(self, key: &[u8]) -> Option<Raw<'b>> {
        self.members()
            .filter(|(name, _)| name.is(key))
            .last()
            .map(|(_, value)| value)
    }

    /// Whether the value is the string `word`.
    pub(super) fn is_word(self, word: &[u8]) -> bool {
        self.string().is_some_and(|content| content.is(word))
    }

    /// Bytes of all strings in the value, keys included.
    pub(super) fn string_bytes(self) -> usize {
        let (mut at, mut bytes) = (self.start, 0_usize);
        while at < self.end {
            let rest = self.body.get(at..self.end).unwrap_or_default();
            let Some(start) = memchr::memchr(b'"', rest).map(|quote| at.saturating_add(quote))
            else {
                break;
            };
            at = skip_string(self.body, start).unwrap_or(self.end);
            bytes = bytes.saturating_add(at.saturating_sub(start).saturating_sub(2));
        }
        bytes
    }
}

/// The members of an object, in order.
pub(super) struct Members<'b> {
    raw: Raw<'b>,
    next: usize,
}

impl<'b> Iterator for Members<'b> {
    type Item = (Content<'b>, Raw<'b>);

    fn next(&mut self) -> Option<Self::Item> {
        let body = self.raw.body;
        let key = Raw::at(body, self.next).filter(|key| key.end < self.raw.end)?;
        let colon = skip_space(body, key.end);
        let value =
            Raw::at(body, colon.checked_add(1)?).filter(|value| value.end < self.raw.end)?;
        self.next = skip_comma(body, value.end);
        Some((key.string()?, value))
    }
}

fn skip_space(body: &[u8], from: usize) -> usize {
    let rest = body.get(from..).unwrap_or_default();
    let space = rest
        .iter()
        .take_while(|b| matches!(b, b' ' | b'\n' | b'\r' | b'\t'))
        .count();
    from.saturating_add(space)
}

fn skip_comma(body: &[u8], from: usize) -> usize {
    let at = skip_space(body, from);
    at.saturating_add(usize::from(body.get(at) == Some(&b',')))
}

/// The end of the value that starts at `start`.
fn skip_value(body: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    let mut depth = 0_usize;
    loop {
        match body.get(at)? {
            b'"' => at = skip_string(body, at)?,
            b'{' | b'[' => {
                depth = depth.checked_add(1)?;
                at = at.checked_add(1)?;
            }
            b'}' | b']' => {
                // A bracket that closes what the value stands in is no value.
                depth = depth.checked_sub(1)?;
                at = at.checked_add(1)?;
            }
            b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' if depth > 0 => {
                at = at.checked_add(1)?;
                continue;
            }
            _ => {
                let rest = body.get(at..)?;
                let len = rest.iter().take_while(|b| matches!(b, b'+' | b'-' | b'.' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z')).count();
                if len == 0 {
                    return None;
                }
                at = at.checked_add(len)?;
            }
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

/// The offset after the closing quote of the string that starts at `start`.
fn skip_string(body: &[u8], start: usize) -> Option<usize> {
    let mut at = start.checked_add(1)?;
    loop {
        let rest = body.get(at..)?;
        let stop = rest.iter().position(|&b| b == b'"' || b == b'\\')?;
        at = at.checked_add(stop)?;
        if body.get(at) == Some(&b'"') {
            return at.checked_add(1);
        }
        at = at.checked_add(2)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walks_what_is_there_and_stops_at_what_is_not_json() {
        let body = br#"xx {"a" : "q\"\\", "b":[1, -2.5e3 ,{"c":[]},"",null], "d":{} }"#;
        let raw = Raw::at(body, 2).unwrap();
        let keys: Vec<_> = raw
            .members()
            .map(|(key, value)| (key.bytes, value.bytes()))
            .collect();
        assert_eq!(keys.len(), 3);
        assert_eq!(keys[0], (&b"a"[..], &br#""q\"\\""#[..]));
        assert_eq!(raw.member(b"a").unwrap().string().unwrap().at, 11);
        let items: Vec<_> = raw.member(b"b").unwrap().items().map(Raw::bytes).collect();
        assert_eq!(
            items,
            [&b"1"[..], b"-2.5e3", br#"{"c":[]}"#, b"\"\"", b"null"]
        );
        assert_eq!(raw.member(b"d").unwrap().members().count(), 0);
        assert!(raw.member(b"e").is_none());
        assert_eq!(raw.string_bytes(), 1 + 5 + 1 + 1 + 1);
        for len in 0..body.len() {
            assert!(Raw::at(&body[..len], 2).is_none(), "cut at {len}");
            // A value that ends before the body does is not walked past its end.
            let raw = Raw {
                body,
                start: 3,
                end: len,
            };
            let is_whole = len >= body.len() - " }".len();
            assert!(raw.members().count() < 3 || is_whole, "ended at {len}");
        }
        for bad in [
            "", "]", ",", "{\"a\"", "{\"a\":}", "{,}", "[1,,2", "\"a", "{a:1}", "[[[", "}{",
        ] {
            let raw = Raw::at(bad.as_bytes(), 0);
            let walked = raw.map_or(0, |raw| raw.members().count() + raw.items().count());
            assert!(walked <= 1, "{bad}");
        }
    }

    #[test]
    fn members_are_found_as_upstreams_find_them() {
        let longest = "x".repeat(WORD);
        let too_long = "x".repeat(WORD + 1);
        let member = |json: &str, key: &str| {
            let value = Raw::at(json.as_bytes(), 0).unwrap().member(key.as_bytes());
            value.map(|value| String::from_utf8(value.bytes().to_vec()).unwrap())
        };
        for (json, key, value) in [
            (r#"{"a":1,"a":2}"#.to_owned(), "a", Some("2")),
            (r#"{"\u0061":1}"#.to_owned(), "a", Some("1")),
            (r#"{"a":1,"\u0061":2,"b":3}"#.to_owned(), "a", Some("2")),
            (r#"{"\\u0061":1}"#.to_owned(), "a", None),
            (format!("{{\"{longest}\":1}}"), longest.as_str(), Some("1")),
            (format!("{{\"{too_long}\":1}}"), too_long.as_str(), None),
        ] {
            assert_eq!(member(&json, key).as_deref(), value, "{json}");
        }
        assert!(Raw::at(br#""\u006fbject""#, 0).unwrap().is_word(b"object"));
        assert!(!Raw::at(b"object", 0).unwrap().is_word(b"object"));
    }
}
