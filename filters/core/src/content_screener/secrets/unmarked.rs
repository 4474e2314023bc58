//! Secrets that no word of their own begins: their mark is in the middle, or their length and
//! what stands before them say what they are.

use core::ops::Range;

use super::alphabet::{base64 as base64_byte, is_random, lower_hex, url_safe};
use super::{Found, Kind};
use crate::content_screener::bytes::Bytes;
use crate::simd::Block;
use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;

/// Longer runs of letters and digits are no key of those below.
const LONGEST: usize = 128;

/// Calls `found` with every secret in `text` that no anchor begins, in order of their marks.
/// Looks at 64 bytes at a time for `Q~`, `:AA`, two dots with six characters between them and
/// runs of 32 letters and digits, and there at 300 bytes at most.
pub fn scan_unmarked(text: &[u8], found: &mut impl FnMut(Found)) {
    let mut sweep = Sweep {
        text: Bytes::new(text),
        dots_before: 0,
        free_from: 0,
    };
    let (blocks, rest) = text.as_chunks::<64>();
    let mut start = 0usize;
    for block in blocks {
        sweep.block(block, start, found);
        start = start.wrapping_add(64);
    }
    let mut last = [0; 64];
    if let Some(room) = last.get_mut(..rest.len()) {
        room.copy_from_slice(rest);
    }
    sweep.block(&last, start, found);
}

struct Sweep<'a> {
    text: Bytes<'a>,
    /// The dots of the block before.
    dots_before: u64,
    /// Nothing before this byte is looked at any more.
    free_from: usize,
}

impl Sweep<'_> {
    #[inline(always)]
    fn block(&mut self, bytes: &[u8; 64], start: usize, found: &mut impl FnMut(Found)) {
        let block = Block::load(bytes);
        let word = block.lower_case().range(b'a', b'z') | block.range(b'0', b'9');
        // Bit i: sixteen of them from i on. Every run of 32 has such in one block.
        let mut runs = word & word >> 1;
        runs &= runs >> 2;
        runs &= runs >> 4;
        runs &= runs >> 8;
        let dots = block.eq(b'.');
        let both = u128::from(dots) << 64 | u128::from(self.dots_before);
        self.dots_before = dots;
        let pairs = dots & (both >> (64 - 7)) as u64;
        // An `A` in the next block cannot be seen: its colon is looked at.
        let colons = block.eq(b':') & (block.eq(b'A') >> 1 | 1 << 63);
        let mut events = runs | pairs | colons | block.eq(b'~');
        while events != 0 {
            let bit = events.trailing_zeros();
            events &= events.wrapping_sub(1);
            let at = start.wrapping_add(bit as usize);
            if at < self.free_from {
                continue;
            }
            if let Some(finding) = self.look(at) {
                found(finding);
            }
        }
    }

    fn look(&mut self, at: usize) -> Option<Found> {
        let text = self.text;
        let (kind, range) = match text.at(at) {
            b'.' => (Kind::DiscordToken, discord(text, at)?),
            b':' => (Kind::TelegramToken, telegram(text, at)?),
            b'~' => (Kind::AzureClientSecret, client_secret(text, at)?),
            _ => {
                let start = text.run_back(at, LONGEST, |b| b.is_ascii_alphanumeric());
                let end = text.run(at, LONGEST, |b| b.is_ascii_alphanumeric());
                self.free_from = end;
                long_word(text, start..end)?
            }
        };
        self.free_from = self.free_from.max(range.end);
        Some(Found::new(kind, range))
    }
}

/// A run of letters and digits whose length says what it may be.
fn long_word(text: Bytes<'_>, range: Range<usize>) -> Option<(Kind, Range<usize>)> {
    let word = text.slice(range.clone());
    // A part of a longer base64 text.
    let before = text.before(range.start, 1);
    if matches!(before, b'+') || matches!(text.at(range.end), b'+' | b'/') {
        return None;
    }
    let has = |at: usize, mark: &[u8]| word.get(at..).is_some_and(|rest| rest.starts_with(mark));
    let kind = match word.len() {
        // Microsoft's common annotated key: its mark, then the service's names.
        84 if has(52, b"JQQJ9") => Kind::AzureAiKey,
        52 if has(42, b"AzSe") => Kind::AzureSearchKey,
        34 if (has(0, b"SK") || has(0, b"AC")) && word.iter().skip(2).all(|&b| lower_hex(b)) => {
            Kind::TwilioKey
        }
        32 if word.iter().all(|&b| lower_hex(b.to_ascii_lowercase())) => {
            return hex(text, range, word);
        }
        _ => return None,
    };
    is_random(word).then_some((kind, range))
}

/// 32 hexadecimal digits: a key of Mailgun with its two tails, or any after its name.
fn hex(text: Bytes<'_>, range: Range<usize>, word: &[u8]) -> Option<(Kind, Range<usize>)> {
    let tail = |from: usize| {
        let end = text.run(from.saturating_add(1), 9, lower_hex);
        (text.at(from) == b'-' && end.wrapping_sub(from) == 9).then_some(end)
    };
    let mailgun = tail(range.end).and_then(tail);
    if let Some(end) = mailgun
        && !text.at(end).is_ascii_alphanumeric()
    {
        return Some((Kind::MailgunKey, range.start..end));
    }
    (is_named(text, range.start) && is_random(word)).then_some((Kind::ApiKey, range))
}

/// Whether `api-key`, `apiKey`, `API_KEY`, `Ocp-Apim-Subscription-Key` and the like name what
/// begins at `start`, with little between: ` = "`.
fn is_named(text: Bytes<'_>, start: usize) -> bool {
    let mut letters = [0u8; 32];
    let mut len = 0usize;
    for &byte in text.slice_before(start, 32) {
        if byte.is_ascii_alphabetic()
            && let Some(room) = letters.get_mut(len)
        {
            *room = byte.to_ascii_lowercase();
            len = len.wrapping_add(1);
        }
    }
    let letters = letters.get(..len).unwrap_or_default();
    ["apikey", "subscriptionkey", "azurekey", "openaikey"]
        .iter()
        .any(|name| letters.windows(name.len()).any(|l| l == name.as_bytes()))
}

/// `1234567890:AA…`, 33 characters more: a bot's id and its token.
fn telegram(text: Bytes<'_>, colon: usize) -> Option<Range<usize>> {
    let from = colon.wrapping_add(1);
    if !text.has(from, b"AA") {
        return None;
    }
    let start = text.run_back(colon, 11, |b| b.is_ascii_digit());
    let end = text.run(from, 36, url_safe);
    ((8..=10).contains(&colon.wrapping_sub(start))
        && !text.before(start, 1).is_ascii_alphanumeric()
        && end.wrapping_sub(from) == 35
        && is_random(text.slice(from..end)))
    .then_some(start..end)
}

/// Three characters, a digit, `Q~` and 31 to 34 characters.
fn client_secret(text: Bytes<'_>, tilde: usize) -> Option<Range<usize>> {
    let member = |b: u8| url_safe(b) || matches!(b, b'~' | b'.');
    let start = tilde.checked_sub(5)?;
    if text.before(tilde, 1) != b'Q'
        || !text.before(tilde, 2).is_ascii_digit()
        || text.run(start, 3, member) != start.wrapping_add(3)
        || member(text.before(start, 1))
    {
        return None;
    }
    let from = tilde.wrapping_add(1);
    let mut end = text.run(from, 36, member);
    // The sentence's dot.
    if text.before(end, 1) == b'.' {
        end = end.wrapping_sub(1);
    }
    let fits = (31..=34).contains(&end.wrapping_sub(from)) && !member(text.at(end.wrapping_add(1)));
    (fits && is_random(text.slice(from..end))).then_some(start..end)
}

/// A bot's id, decimal and as base64, a time of six characters and a signature; `dot` is the
/// second one.
fn discord(text: Bytes<'_>, dot: usize) -> Option<Range<usize>> {
    let first = dot.checked_sub(7)?;
    let start = text.run_back(first, 29, url_safe);
    let id = text.slice(start..first);
    let from = dot.wrapping_add(1);
    let end = text.run(from, 40, url_safe);
    let mut decoded = [0; 32];
    let len = (24..=28)
        .contains(&id.len())
        .then(|| BASE64_STANDARD_NO_PAD.decode_slice(id, &mut decoded).ok())
        .flatten()?;
    let is_id = decoded
        .get(..len)
        .is_some_and(|id| id.iter().all(u8::is_ascii_digit));
    (is_id
        && text.run(first.wrapping_add(1), 7, url_safe) == dot
        && (27..=39).contains(&end.wrapping_sub(from))
        && !base64_byte(text.before(start, 1)))
    .then_some(start..end)
}
