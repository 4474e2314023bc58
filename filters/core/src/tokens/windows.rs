//! The sampled tier: exact counts of a few windows correct the estimate of the whole.
//!
//! The weights are right for text in general and a little wrong for any text in
//! particular, in the same direction from its start to its end. So the ratio of exact to
//! estimated tokens on windows spread evenly over the request holds for all of it.

use super::features::Features;
use super::unescape::Unescape;
use super::{Encoding, exact, linear};

/// Requests with no more text than this are too short to be worth a sample.
pub const SAMPLED_ABOVE: u64 = 4096;

/// Windows counted for a request: what the exact tier costs at most, whatever the body.
pub const WINDOWS: usize = 6;

/// Bytes of a window, unescaped.
pub const WINDOW_BYTES: usize = 512;

/// Places remembered; more than windows, so that dropping every second leaves enough.
const PLACES: usize = 2 * WINDOWS;

/// A sample never takes more than this share off the estimate: windows lie where a sender
/// can work out, who could fill them with what is cheap and the rest with what is not.
pub(super) const LEAST_RATIO: f64 = 0.7;

/// Weights that find less than half of what the sample holds know nothing of such text
/// (control characters, rare ideographs): then its tokens per byte say more.
const MOST_RATIO: f64 = 2.0;

/// Bytes at a window's ends in which a word border is looked for, and in which a place
/// must be found that is certainly not in the middle of an escape.
const BORDER: usize = 64;

/// Evenly spread places in the texts of a request, in constant memory: when there are too
/// many, every second is dropped and the stride doubles.
#[derive(Clone, Copy)]
pub(super) struct Places {
    offsets: [u32; PLACES],
    len: usize,
    stride: u64,
    next: u64,
    /// Bytes of text so far, escaped.
    seen: u64,
}

impl Places {
    pub(super) fn new() -> Places {
        Places {
            offsets: [0; PLACES],
            len: 0,
            stride: WINDOW_BYTES as u64,
            next: 0,
            seen: 0,
        }
    }

    /// Notes that `len` bytes of text lie at offset `at` of the body.
    #[inline]
    pub(super) fn pass(&mut self, at: usize, len: usize) {
        let end = self.seen.saturating_add(len as u64);
        while self.next < end {
            let offset = (at as u64).saturating_add(self.next.saturating_sub(self.seen));
            self.note(u32::try_from(offset).unwrap_or(u32::MAX));
        }
        self.seen = end;
    }

    fn note(&mut self, offset: u32) {
        if self.len == PLACES {
            self.len = PLACES / 2;
            for keep in 0..self.len {
                self.offsets
                    .copy_within(keep.saturating_mul(2)..=keep.saturating_mul(2), keep);
            }
            self.stride = self.stride.saturating_mul(2);
        }
        if let Some(place) = self.offsets.get_mut(self.len) {
            *place = offset;
            self.len = self.len.saturating_add(1);
        }
        self.next = self.next.saturating_add(self.stride);
    }

    /// At most [`WINDOWS`] of the places, evenly chosen; none for a short request.
    fn chosen(&self) -> impl Iterator<Item = usize> + '_ {
        let count = if self.seen > SAMPLED_ABOVE {
            self.len.min(WINDOWS)
        } else {
            0
        };
        (0..count).filter_map(move |i| {
            let index = i.saturating_mul(self.len).checked_div(count)?;
            self.offsets.get(index).map(|&offset| offset as usize)
        })
    }

    /// The tokens of the request, of which the weights say `estimate`.
    pub(super) fn correct(&self, estimate: f64, encoding: Encoding, body: &[u8]) -> f64 {
        let mut window = Window {
            bytes: [0; WINDOW_BYTES],
        };
        let (mut exact, mut estimated, mut sampled_bytes) = (0.0, 0.0, 0.0);
        for place in self.chosen() {
            let (text, escaped_len) = window.read(body, place);
            exact += f64::from(exact::count(encoding, text));
            let mut features = Features::default();
            features.text(text.as_bytes());
            estimated += linear::estimate(encoding, &features);
            sampled_bytes += escaped_len;
        }
        if exact == 0.0 {
            return estimate;
        }
        let ratio = exact / estimated;
        if ratio > MOST_RATIO {
            let by_bytes = exact / sampled_bytes * self.seen as f64;
            return by_bytes.max(estimate);
        }
        estimate * ratio.max(LEAST_RATIO)
    }
}

/// Room for the unescaped text of one window.
struct Window {
    bytes: [u8; WINDOW_BYTES],
}

impl Window {
    /// The text at about offset `place` of `body`, from word border to word border, and about
    /// how many bytes it has there, escaped.
    ///
    /// Empty when the text ends there or no certain beginning is near.
    fn read(&mut self, body: &[u8], place: usize) -> (&str, f64) {
        let Some(escaped) = certain_start(body, place).and_then(|start| body.get(start..)) else {
            return ("", 0.0);
        };
        let mut unescape = Unescape::default();
        let mut len = 0_usize;
        let mut escaped_len = 0.0;
        let mut ended = false;
        for &byte in escaped {
            let decoded;
            let one = [byte];
            let bytes = match byte {
                b'"' if unescape.is_idle() => {
                    ended = true;
                    break;
                }
                _ if unescape.is_idle() && byte != b'\\' => one.as_slice(),
                _ => {
                    decoded = unescape.byte(byte);
                    decoded.as_bytes()
                }
            };
            let Some(room) = self.bytes.get_mut(len..len.saturating_add(bytes.len())) else {
                break;
            };
            room.copy_from_slice(bytes);
            len = len.saturating_add(bytes.len());
            escaped_len += 1.0;
        }
        let text = valid_prefix(self.bytes.get(..len).unwrap_or_default());
        let text = between_words(text, ended);
        let share = text.len() as f64 / len.max(1) as f64;
        (text, escaped_len * share)
    }
}

/// The first offset from `place` on that is certainly the start of a character or an escape.
fn certain_start(body: &[u8], place: usize) -> Option<usize> {
    for start in place..place.saturating_add(BORDER) {
        let byte = *body.get(start)?;
        let before = body.get(start.saturating_sub(6)..start)?;
        let after_backslash = before.last() == Some(&b'\\');
        match byte {
            b'"' if !after_backslash => return None,
            // An escape's first backslash is one that no backslash precedes.
            b'\\' if !after_backslash => return Some(start),
            b'\\' | 0x80..=0xbf => {}
            // The longest escape has six bytes.
            _ if !before.contains(&b'\\') => return Some(start),
            _ => {}
        }
    }
    None
}

fn valid_prefix(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap_or_else(|error| {
        let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
        core::str::from_utf8(valid).unwrap_or_default()
    })
}

/// Cuts `text` where words begin, if one begins near enough to its ends.
fn between_words(text: &str, ended: bool) -> &str {
    let border = |c: char| c == ' ' || c == '\n';
    let from = text.find(border).filter(|&at| at < BORDER).unwrap_or(0);
    let text = text.get(from..).unwrap_or_default();
    if ended {
        return text;
    }
    let to = text
        .rfind(border)
        .filter(|&at| at > text.len().saturating_sub(BORDER));
    to.and_then(|to| text.get(..to)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_even_bounded_and_independent_of_cuts() {
        for total in [0, 1, 511, 512, 513, 5000, 8192, 8193, 100_000, 3_000_000] {
            let mut whole = Places::new();
            whole.pass(7, total);
            let mut cut = Places::new();
            let mut at = 0;
            while at < total {
                let len = (at % 977 + 1).min(total - at);
                cut.pass(7 + at, len);
                at += len;
            }
            let offsets = |p: &Places| p.offsets[..p.len].to_vec();
            assert_eq!(offsets(&whole), offsets(&cut), "{total}");
            assert!(
                offsets(&whole)
                    .windows(2)
                    .all(|w| u64::from(w[1] - w[0]) == whole.stride)
            );
            assert!(whole.chosen().count() <= WINDOWS);
            assert_eq!(
                whole.chosen().count() > 0,
                total as u64 > SAMPLED_ABOVE,
                "{total}"
            );
            if total as u64 > SAMPLED_ABOVE {
                assert_eq!(whole.chosen().count(), WINDOWS, "{total}");
                assert!(total as u64 - u64::from(whole.offsets[whole.len - 1] - 7) <= whole.stride);
            }
        }
    }

    #[test]
    fn windows_begin_and_end_at_words_and_never_inside_an_escape() {
        for (body, place, text) in [
            (r#"{"c":"one two three"}"#, 7, " two three"),
            (r#"{"c":"one two three"}"#, 6, " two three"),
            (r#"{"c":"\u4e2d\u6587 x"}"#, 7, " x"),
            (r#"{"c":"\u4e2d\u6587x"}"#, 8, "文x"),
            (r#"{"c":"a\\b c d"}"#, 7, " c d"),
            (r#"{"c":"a\\bcdefgh c d"}"#, 8, " c d"),
            (r#"{"c":"中文"}"#, 7, "文"),
            (r#"{"c":"abc","d":"e f"}"#, 9, ""),
            (r#"{"c":"abc"}"#, 99, ""),
            (r#""\ud83d\ude00 y""#, 3, " y"),
        ] {
            let mut window = Window {
                bytes: [0; WINDOW_BYTES],
            };
            assert_eq!(
                window.read(body.as_bytes(), place).0,
                text,
                "{body} at {place}"
            );
        }
    }

    #[test]
    fn a_window_is_never_longer_than_its_bound_whatever_the_text() {
        for text in [
            "a".repeat(9000),
            "\\\\".repeat(9000),
            "\\u0000".repeat(3000),
            "中".repeat(3000),
            "\\".repeat(9000),
        ] {
            for place in 0..40 {
                let mut window = Window {
                    bytes: [0; WINDOW_BYTES],
                };
                assert!(window.read(text.as_bytes(), place).0.len() <= WINDOW_BYTES);
            }
        }
    }
}
