//! A header or trailer map as Envoy keeps it, and its wire format on the ABI.
//!
//! Names are lower case, order is kept, a name may occur several times, and
//! pseudo-headers (`:path`) stay in front of the others.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::inline_headers::MapKind;

/// Largest serialized map Envoy decodes (`proxy-wasm-cpp-host` `limits.h`), in bytes.
pub const MAX_PAIRS_BYTES: usize = 1 << 20;
/// Most pairs Envoy decodes in one map (`proxy-wasm-cpp-host` `limits.h`).
pub const MAX_PAIRS: usize = 1024;

/// An ordered list of header or trailer fields. Clones share their fields until one of them
/// is edited.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Arc<Vec<Field>>);

/// Name and value.
type Field = (Vec<u8>, Vec<u8>);

impl Headers {
    /// No fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of fields, repeated names counted each time.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True without any field.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first value of `name` as bytes; the name's case does not matter.
    pub fn value(&self, name: impl AsRef<[u8]>) -> Option<&[u8]> {
        let name = name.as_ref();
        let field = self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name))?;
        Some(&field.1)
    }

    /// The first value of `name` as text, invalid UTF-8 shown as U+FFFD.
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.value(name).map(String::from_utf8_lossy)
    }

    /// Every value of `name`, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.0
            .iter()
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value.as_slice())
    }

    /// All fields as (name, value).
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.iter().map(|(n, v)| (n.as_slice(), v.as_slice()))
    }

    /// Appends a field; a pseudo-header goes behind the last pseudo-header.
    pub fn add(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        let name = name.as_ref().to_ascii_lowercase();
        let at = if name.starts_with(b":") {
            self.0
                .iter()
                .take_while(|(n, _)| n.starts_with(b":"))
                .count()
        } else {
            self.0.len()
        };
        Arc::make_mut(&mut self.0).insert(at, (name, value.as_ref().to_vec()));
    }

    /// Adds a field as a map of this kind does: to the one of its name where there can be but
    /// one.
    pub(crate) fn add_to(
        &mut self,
        kind: MapKind,
        name: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
    ) {
        let name = kind.own_name(name.as_ref());
        let known = self.0.iter();
        let mut known = known
            .enumerate()
            .filter(|(_, (n, _))| n.eq_ignore_ascii_case(name));
        match known.next() {
            Some((at, (n, _))) if kind.joins(n) => {
                let joined = &mut Arc::make_mut(&mut self.0)[at].1;
                joined.push(b',');
                joined.extend(value.as_ref());
            }
            _ => self.add(name, value),
        }
    }

    /// These fields as a map of this kind has them when they arrive.
    pub(crate) fn in_map(self, kind: MapKind) -> Self {
        let as_they_are = self.0.iter().enumerate().all(|(at, (name, _))| {
            let repeated = || self.0[..at].iter().any(|(earlier, _)| earlier == name);
            kind.own_name(name) == name.as_slice() && !(repeated() && kind.joins(name))
        });
        if as_they_are {
            return self;
        }
        let mut map = Self::new();
        for (name, value) in self.0.iter() {
            map.add_to(kind, name, value);
        }
        map
    }

    /// Gives the first field `name` this value where it stands, and adds one if there is none.
    pub(crate) fn put(&mut self, name: &str, value: impl AsRef<[u8]>) {
        match self.0.iter().position(|(n, _)| n == name.as_bytes()) {
            Some(at) => Arc::make_mut(&mut self.0)[at].1 = value.as_ref().to_vec(),
            None => self.add(name, value),
        }
    }

    /// Leaves exactly one field `name`.
    pub fn set(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        self.remove(name.as_ref());
        self.add(name, value);
    }

    /// Removes every field `name`.
    pub fn remove(&mut self, name: impl AsRef<[u8]>) {
        let name = name.as_ref();
        if self.value(name).is_some() {
            Arc::make_mut(&mut self.0).retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        }
    }

    /// Bytes of all names and values (what `proxy_get_header_map_size` gives in Envoy).
    pub fn byte_size(&self) -> usize {
        self.0.iter().map(|(n, v)| n.len() + v.len()).sum()
    }

    /// The ABI's serialized form; empty for an empty map, as Envoy gives it.
    pub fn encode(&self) -> Vec<u8> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let mut out = Vec::with_capacity(4 + self.0.len() * 10 + self.byte_size());
        out.extend((self.0.len() as u32).to_le_bytes());
        for (name, value) in self.0.iter() {
            out.extend((name.len() as u32).to_le_bytes());
            out.extend((value.len() as u32).to_le_bytes());
        }
        for (name, value) in self.0.iter() {
            for bytes in [name, value] {
                out.extend(bytes);
                out.push(0);
            }
        }
        out
    }

    /// Reads the ABI's serialized form. What Envoy cannot decode is an empty map there,
    /// without an error, and so it is here.
    pub fn decode(bytes: &[u8]) -> Self {
        Self::try_decode(bytes).unwrap_or_default()
    }

    fn try_decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_PAIRS_BYTES {
            return None;
        }
        let mut sizes = bytes;
        let count = take_u32(&mut sizes)? as usize;
        if count > MAX_PAIRS {
            return None;
        }
        let mut text = sizes.get(count * 8..)?;
        let mut headers = Self::new();
        for _ in 0..count {
            let (name, value) = (take_u32(&mut sizes)?, take_u32(&mut sizes)?);
            let name = take_string(&mut text, name as usize)?;
            let value = take_string(&mut text, value as usize)?;
            headers.add(name, value);
        }
        text.is_empty().then_some(headers)
    }
}

fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    let (head, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*head))
}

/// A string of `len` bytes and the NUL behind it.
fn take_string<'a>(bytes: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (text, rest) = bytes.split_at_checked(len)?;
    *bytes = rest.strip_prefix(&[0])?;
    Some(text)
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.0.iter().map(|(name, value)| {
                (
                    String::from_utf8_lossy(name),
                    String::from_utf8_lossy(value),
                )
            }))
            .finish()
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let mut headers = Self::new();
        for (name, value) in fields {
            headers.add(name, value);
        }
        headers
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>, const COUNT: usize> From<[(N, V); COUNT]> for Headers {
    fn from(fields: [(N, V); COUNT]) -> Self {
        fields.into_iter().collect()
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> From<&[(N, V)]> for Headers {
    fn from(fields: &[(N, V)]) -> Self {
        fields.iter().map(|(n, v)| (n, v)).collect()
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> From<Vec<(N, V)>> for Headers {
    fn from(fields: Vec<(N, V)>) -> Self {
        fields.into_iter().collect()
    }
}

impl From<&Headers> for Headers {
    fn from(headers: &Headers) -> Self {
        headers.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_format_round_trips() {
        let rows: [&[(&str, &str)]; 4] = [
            &[],
            &[("a", "")],
            &[(":path", "/"), ("x-a", "one"), ("x-a", "two")],
            &[("", "")],
        ];
        for row in rows {
            let headers = Headers::from(row);
            assert_eq!(Headers::decode(&headers.encode()), headers, "{row:?}");
        }
    }

    #[test]
    fn what_cannot_be_decoded_is_an_empty_map() {
        let good = Headers::from([("ab", "cd"), ("e", "f")]).encode();
        for cut in 0..good.len() {
            assert_eq!(
                Headers::decode(&good[..cut]),
                Headers::new(),
                "cut at {cut}"
            );
        }
        let mut no_nul = good.clone();
        *no_nul.last_mut().unwrap() = b'!';
        let mut trailing = good.clone();
        trailing.push(0);
        let mut too_many = (MAX_PAIRS as u32 + 1).to_le_bytes().to_vec();
        too_many.extend(vec![0; (MAX_PAIRS + 1) * 10]);
        let too_long = Headers::from([("a", "x".repeat(MAX_PAIRS_BYTES))]).encode();
        for bytes in [no_nul, trailing, too_many, too_long, vec![0; 4], vec![0]] {
            assert_eq!(Headers::decode(&bytes), Headers::new());
        }
        let most = Headers::from(vec![("a", "b"); MAX_PAIRS]);
        assert_eq!(Headers::decode(&most.encode()).len(), MAX_PAIRS);
    }

    #[test]
    fn edits_keep_pseudo_headers_in_front() {
        let mut headers = Headers::from([(":path", "/a"), ("X-A", "1"), ("x-a", "2")]);
        headers.set(":path", "/b");
        headers.add(":method", "POST");
        headers.set("x-A", "3");
        headers.remove("missing");
        let names: Vec<_> = headers.iter().map(|(n, v)| [n, b"=", v].concat()).collect();
        assert_eq!(names, [&b":path=/b"[..], b":method=POST", b"x-a=3"]);
        assert_eq!(headers.byte_size(), 7 + 11 + 4);
    }
}
