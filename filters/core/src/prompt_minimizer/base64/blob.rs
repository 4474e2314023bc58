//! Runs of base64 in a text, and what they may be.

use core::ops::Range;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;

/// A run of base64 that decodes.
pub(super) struct Blob<'a> {
    text: &'a str,
    /// Where it stands, with what a data URL begins with.
    pub(super) range: Range<usize>,
    /// Where its characters stand, lines and all.
    pub(super) source: Range<usize>,
    /// What a data URL says it is.
    pub(super) media_type: Option<&'a str>,
    /// How many characters it has, without line breaks and padding.
    pub(super) len: usize,
    /// How many bytes it decodes to.
    pub(super) bytes: usize,
}

/// Shorter runs cost little, and are hashes, identifiers and signatures.
const SHORTEST: usize = 256;

/// Wrapped base64 has 64 characters a line in PEM and 76 in MIME.
const WRAPPED: [usize; 2] = [64, 76];

/// A last line that is shorter and has no padding may be a word of what follows.
const SHORTEST_LAST: usize = 20;

/// Characters at the beginning that tell what it is.
pub(super) const HEAD: usize = 4096;

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

/// What may stand in a token, of base64 or not.
fn is_token(byte: u8) -> bool {
    is_base64(byte) || matches!(byte, b'-' | b'_' | b'=')
}

impl Blob<'_> {
    /// The characters, without line breaks and padding.
    fn characters(&self) -> impl Iterator<Item = u8> {
        let source = self.text.get(self.source.clone()).unwrap_or_default();
        source.bytes().filter(|byte| is_base64(*byte))
    }

    /// What the first characters decode to.
    pub(super) fn head(&self) -> Option<Vec<u8>> {
        let mut characters: Vec<u8> = self.characters().take(HEAD).collect();
        // Whole groups.
        characters.truncate(characters.len().saturating_sub(characters.len() % 4));
        let mut decoded = vec![0; characters.len()];
        let len = BASE64_STANDARD_NO_PAD
            .decode_slice(&characters, &mut decoded)
            .ok()?;
        decoded.truncate(len);
        Some(decoded)
    }

    /// How many of the first characters are capitals, small letters, digits, and how many
    /// different ones there are.
    pub(super) fn statistics(&self) -> Statistics {
        let mut statistics = Statistics::default();
        let mut seen = [false; 256];
        for byte in self.characters().take(HEAD) {
            let count = match byte {
                b'A'..=b'Z' => &mut statistics.capitals,
                b'a'..=b'z' => &mut statistics.small,
                b'0'..=b'9' => &mut statistics.digits,
                _ => &mut statistics.signs,
            };
            *count = count.saturating_add(1);
            if let Some(seen) = seen.get_mut(usize::from(byte)) {
                *seen = true;
            }
        }
        statistics.different = seen.into_iter().filter(|seen| *seen).count();
        statistics
    }
}

/// What the first characters are.
#[derive(Default)]
pub(super) struct Statistics {
    pub(super) capitals: usize,
    pub(super) small: usize,
    pub(super) digits: usize,
    pub(super) signs: usize,
    pub(super) different: usize,
}

/// The runs of base64 in a text, in order.
pub(super) struct Blobs<'a> {
    text: &'a str,
    at: usize,
    /// Where the PEM block ends that was seen last.
    pem_end: usize,
    pems: memchr::memmem::FindIter<'a, 'static>,
    next_pem: Option<usize>,
}

impl<'a> Blobs<'a> {
    pub(super) fn new(text: &'a str) -> Blobs<'a> {
        let mut pems = memchr::memmem::find_iter(text.as_bytes(), "BEGIN ");
        Blobs {
            text,
            at: 0,
            pem_end: 0,
            next_pem: pems.next(),
            pems,
        }
    }

    fn bytes_from(&self, at: usize) -> &'a [u8] {
        self.text.as_bytes().get(at..).unwrap_or_default()
    }

    /// Where the next token begins that is as long as a line of base64.
    fn next_token(&mut self) -> Option<Range<usize>> {
        let [line, _] = WRAPPED;
        loop {
            let rest = self.bytes_from(self.at);
            let window = rest.get(..line)?;
            // What breaks the run here, no run before it can be long enough.
            if let Some(last) = window.iter().rposition(|byte| !is_token(*byte)) {
                self.at = self.at.saturating_add(last).saturating_add(1);
                continue;
            }
            let len = rest.iter().take_while(|byte| is_token(**byte)).count();
            // A window begins behind a byte that is no token's, or where a token ended.
            let start = self.at;
            self.at = start.saturating_add(len);
            return Some(start..self.at);
        }
    }

    /// The blob that begins with the token at `first`.
    fn blob(&mut self, first: &Range<usize>) -> Option<Blob<'a>> {
        let before = self.text.as_bytes().get(..first.start)?;
        // Parts of a JWT, of a crypt(3) hash.
        if matches!(before.last(), Some(b'.' | b'$' | b'%' | b'\\')) || self.is_in_pem(first.start)
        {
            return None;
        }
        let mut end = first
            .start
            .saturating_add(padded(self.bytes_from(first.start)));
        let width = end.saturating_sub(first.start);
        let mut len = unpadded(self.text.get(first.start..end)?);
        if end != first.end {
            return None;
        }
        if WRAPPED.contains(&width) && len == width {
            let indentation = self.indentation(first.start);
            while let Some(line) = self.line_after(indentation, end, width) {
                let characters = unpadded(self.text.get(line.clone())?);
                len = len.saturating_add(characters);
                end = line.end;
                self.at = end;
                if characters < width {
                    break;
                }
            }
        }
        let source = first.start..end;
        let padding = self
            .text
            .get(..end)?
            .bytes()
            .rev()
            .take_while(|byte| *byte == b'=')
            .count();
        let is_whole = match (len % 4, padding) {
            (1, _) => false,
            (_, 0) => true,
            (rest, padding) => rest.saturating_add(padding) == 4,
        };
        // In a JWT, or up to the scheme of a URL.
        let goes_on = match self.bytes_from(end) {
            [b'.', next, ..] => is_token(*next),
            after => after.starts_with(b":"),
        };
        if len < SHORTEST || !is_whole || goes_on || !is_canonical(self.text.get(..end)?, len) {
            return None;
        }
        let url = data_url(self.text.get(..first.start)?);
        // It would end another one.
        let ahead = url.and_then(|url| self.text.as_bytes().get(..url.start)?.last());
        if ahead.is_some_and(|byte| is_token(*byte)) {
            return None;
        }
        Some(Blob {
            text: self.text,
            range: url.map_or(first.start, |url| url.start)..end,
            source,
            media_type: url.map(|url| url.media_type),
            len,
            bytes: len.saturating_mul(3) / 4,
        })
    }

    /// What a blob's lines are indented by, of which the first begins at `start`; nothing where
    /// something else stands before it on its line.
    fn indentation(&self, start: usize) -> &'a [u8] {
        let before = self.text.as_bytes().get(..start).unwrap_or_default();
        let blanks = before
            .iter()
            .rev()
            .take_while(|byte| matches!(byte, b' ' | b'\t'))
            .count();
        let (before, blanks) = before
            .split_at_checked(before.len().saturating_sub(blanks))
            .unwrap_or_default();
        match before.last() {
            None | Some(b'\n') => blanks,
            Some(_) => &[],
        }
    }

    /// The next line of a blob whose lines are indented so, after one that ends at `end`.
    fn line_after(&self, indentation: &[u8], end: usize, width: usize) -> Option<Range<usize>> {
        let rest = self.bytes_from(end);
        let after = rest
            .strip_prefix(b"\r\n")
            .or_else(|| rest.strip_prefix(b"\n"))?;
        // All lines are indented as the first is.
        let after = after.strip_prefix(indentation)?;
        let from = self.text.len().saturating_sub(after.len());
        let token = after.iter().take_while(|byte| is_token(**byte)).count();
        let len = padded(after);
        let is_end = matches!(
            after.get(len),
            None | Some(b'\n' | b'\r' | b'"' | b'\'' | b')' | b'<' | b' ')
        );
        let has_padding = after.get(..len)?.ends_with(b"=");
        let is_line = len == token
            && is_end
            && len > 0
            && (len == width || len < width && (has_padding || len >= SHORTEST_LAST));
        is_line.then(|| from..from.saturating_add(len))
    }

    /// Whether a PEM block (RFC 7468), or what OpenSSH and PGP write like it, has begun before
    /// `at` and not ended.
    fn is_in_pem(&mut self, at: usize) -> bool {
        while let Some(begin) = self.next_pem.filter(|begin| *begin < at) {
            self.next_pem = self.pems.next();
            let before = self
                .text
                .get(..begin)
                .unwrap_or_default()
                .trim_end_matches(' ');
            if begin >= self.pem_end && before.ends_with("---") {
                let end = memchr::memmem::find(self.bytes_from(begin), b"END ");
                self.pem_end = end.map_or(self.text.len(), |end| begin.saturating_add(end));
            }
        }
        at < self.pem_end
    }
}

impl<'a> Iterator for Blobs<'a> {
    type Item = Blob<'a>;

    fn next(&mut self) -> Option<Blob<'a>> {
        loop {
            let token = self.next_token()?;
            if let Some(blob) = self.blob(&token) {
                return Some(blob);
            }
        }
    }
}

/// The length of the base64 that `bytes` begin with, padding and all.
fn padded(bytes: &[u8]) -> usize {
    let len = bytes.iter().take_while(|byte| is_base64(**byte)).count();
    let padding = bytes.iter().skip(len).take_while(|byte| **byte == b'=');
    len.saturating_add(padding.take(2).count())
}

fn unpadded(line: &str) -> usize {
    line.trim_end_matches('=').len()
}

/// Whether no bit of the last of `len` characters is left over, as encoders have it.
fn is_canonical(text: &str, len: usize) -> bool {
    let mut last = text
        .trim_end_matches('=')
        .bytes()
        .rev()
        .filter(|byte| is_base64(*byte));
    let mut group = [0u8; 4];
    let rest = len % 4;
    for slot in group.iter_mut().take(rest).rev() {
        let Some(byte) = last.next() else {
            return false;
        };
        *slot = byte;
    }
    let group = group.get(..rest).unwrap_or_default();
    BASE64_STANDARD_NO_PAD
        .decode_slice(group, &mut [0; 3])
        .is_ok()
}

/// How a data URL (RFC 2397) begins.
#[derive(Clone, Copy)]
struct DataUrl<'a> {
    start: usize,
    media_type: &'a str,
}

/// Media types and their parameters are not longer.
const LONGEST_PREFIX: usize = 128;

/// What a data URL begins with that goes on where `text` ends.
fn data_url(text: &str) -> Option<DataUrl<'_>> {
    let before = text.strip_suffix(";base64,")?;
    let is_inner = |c: char| c.is_ascii_alphanumeric() || "/;=+-._".contains(c);
    let from = before
        .char_indices()
        .rev()
        .take_while(|(at, c)| is_inner(*c) && before.len().saturating_sub(*at) <= LONGEST_PREFIX)
        .last()
        .map_or(before.len(), |(at, _)| at);
    let (before, inner) = before.split_at_checked(from)?;
    let scheme = before.len().checked_sub("data:".len())?;
    let is_data = before
        .get(scheme..)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"));
    is_data.then(|| DataUrl {
        start: scheme,
        media_type: inner.split(';').next().unwrap_or_default(),
    })
}
