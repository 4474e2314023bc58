//! Server-sent events: where one ends in a stream, and what its data is.
//!
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>

use core::ops::Range;
use std::borrow::Cow;

/// Looks for the blank line that ends an event, wherever the bytes are cut.
///
/// An event that a carriage return ends is over with it, since a line feed may never come;
/// one that does come stands before the next event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    at_line_start: bool,
    after_return: bool,
    /// The event has no byte yet.
    is_fresh: bool,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A line feed that belongs to what ended the event before.
    LineFeed,
    /// So many bytes, with which the event ends.
    End(usize),
    /// More of the event: all bytes there are.
    More,
}

impl Default for Frame {
    fn default() -> Self {
        Frame {
            at_line_start: true,
            after_return: false,
            is_fresh: true,
        }
    }
}

impl Frame {
    /// Reads `bytes`, of which there is one at least, up to the end of the event at hand.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Next {
        if self.is_fresh && self.after_return && bytes.first() == Some(&b'\n') {
            self.after_return = false;
            return Next::LineFeed;
        }
        self.is_fresh = false;
        let mut at = 0_usize;
        while let Some((&byte, rest)) = bytes.get(at..).and_then(<[u8]>::split_first) {
            let next = at.saturating_add(1);
            match byte {
                b'\n' if core::mem::take(&mut self.after_return) => at = next,
                b'\n' | b'\r' => {
                    self.after_return = byte == b'\r';
                    if self.at_line_start {
                        self.is_fresh = true;
                        return Next::End(next);
                    }
                    self.at_line_start = true;
                    at = next;
                }
                _ => {
                    self.after_return = false;
                    self.at_line_start = false;
                    let line = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
                    at = next.saturating_add(line);
                }
            }
        }
        Next::More
    }
}

/// The events of a whole stream, each with the blank line that ends it; the last one may be
/// without.
pub(crate) fn events(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = stream;
    core::iter::from_fn(move || {
        let mut count = match Frame::default().read(rest) {
            Next::End(count) => count,
            Next::More | Next::LineFeed => rest.len(),
        };
        let (event, after) = rest.split_at_checked(count)?;
        if event.ends_with(b"\r") && after.starts_with(b"\n") {
            count = count.saturating_add(1);
        }
        let (event, after) = rest.split_at_checked(count)?;
        rest = after;
        (!event.is_empty()).then_some(event)
    })
}

/// The data of an event, and where it stands there.
#[derive(Debug)]
pub(crate) struct Data<'a> {
    /// The lines of data, joined by line feeds.
    pub(crate) text: Cow<'a, [u8]>,
    /// For each line, where it begins in `text` and in the event.
    lines: Vec<(usize, usize)>,
}

impl<'a> Data<'a> {
    /// The data of `event`; `None` where it has none.
    pub(crate) fn of(event: &'a [u8]) -> Option<Data<'a>> {
        let mut spans = lines(event).filter_map(|line| data_of(event, without_mark(event, line)));
        let first = spans.next()?;
        let mut data = Data {
            lines: vec![(0, first.start)],
            text: Cow::Borrowed(event.get(first).unwrap_or_default()),
        };
        for span in spans {
            let text = data.text.to_mut();
            text.push(b'\n');
            data.lines.push((text.len(), span.start));
            text.extend_from_slice(event.get(span).unwrap_or_default());
        }
        Some(data)
    }

    /// Where in the event the byte of this offset stands. A string has no line feed in it:
    /// none is spread over lines.
    pub(crate) fn offset(&self, at: usize) -> usize {
        let line = self.lines.iter().rev().find(|(start, _)| *start <= at);
        line.map_or(at, |(start, from)| {
            at.saturating_sub(*start).saturating_add(*from)
        })
    }
}

/// The lines of an event, without their ends.
fn lines(event: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0_usize;
    core::iter::from_fn(move || {
        let rest = event.get(start..).filter(|rest| !rest.is_empty())?;
        let len = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let line = start..start.saturating_add(len);
        // An empty line between a carriage return and its line feed has no data.
        start = line.end.saturating_add(1);
        Some(line)
    })
}

/// A line without the byte order mark that a stream may begin with. Within a stream it would
/// make the line one of no meaning; what some clients may read is looked at.
fn without_mark(event: &[u8], line: Range<usize>) -> Range<usize> {
    let content = event.get(line.clone()).unwrap_or_default();
    let content = content
        .strip_prefix("\u{feff}".as_bytes())
        .unwrap_or(content);
    line.end.saturating_sub(content.len())..line.end
}

/// Where the data is of a line that is of data.
fn data_of(event: &[u8], line: Range<usize>) -> Option<Range<usize>> {
    let content = event.get(line.clone())?;
    if content == b"data" {
        return Some(line.end..line.end);
    }
    let value = content.strip_prefix(b"data:")?;
    let value = value.strip_prefix(b" ").unwrap_or(value);
    Some(line.end.saturating_sub(value.len())..line.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(stream: &[u8], size: usize) -> Vec<String> {
        let mut frame = Frame::default();
        let mut events = vec![String::new()];
        for mut chunk in stream.chunks(size) {
            while !chunk.is_empty() {
                let (count, is_end) = match frame.read(chunk) {
                    Next::LineFeed => {
                        chunk = &chunk[1..];
                        continue;
                    }
                    Next::End(count) => (count, true),
                    Next::More => (chunk.len(), false),
                };
                let last = events.last_mut().unwrap();
                last.push_str(core::str::from_utf8(&chunk[..count]).unwrap());
                chunk = &chunk[count..];
                if is_end {
                    events.push(String::new());
                }
            }
        }
        events
    }

    #[test]
    fn events_end_with_a_blank_line_of_any_kind() {
        for (stream, expected) in [
            ("a\n\nb\n\n", vec!["a\n\n", "b\n\n", ""]),
            ("a\r\n\r\nb", vec!["a\r\n\r", "b"]),
            ("a\r\rb\r\r", vec!["a\r\r", "b\r\r", ""]),
            ("a\r\n\nb", vec!["a\r\n\n", "b"]),
            ("a\nb\r\nc\n\r\n", vec!["a\nb\r\nc\n\r", ""]),
            ("\n\na", vec!["\n", "\n", "a"]),
            ("\r\n\r\na", vec!["\r", "\r", "a"]),
        ] {
            for size in 1..=stream.len() {
                assert_eq!(
                    events(stream.as_bytes(), size),
                    expected,
                    "{stream:?} by {size}"
                );
            }
        }
    }

    #[test]
    fn a_whole_stream_falls_into_its_events() {
        for (stream, expected) in [
            ("", vec![]),
            ("a\n\nb\n\n", vec!["a\n\n", "b\n\n"]),
            ("a\r\n\r\nb", vec!["a\r\n\r\n", "b"]),
            ("a\r\rb\r\r", vec!["a\r\r", "b\r\r"]),
            ("a\r\n\nb\n", vec!["a\r\n\n", "b\n"]),
            ("\n\na", vec!["\n", "\n", "a"]),
        ] {
            let events: Vec<_> = super::events(stream.as_bytes()).collect();
            let expected: Vec<_> = expected.into_iter().map(str::as_bytes).collect();
            assert_eq!(events, expected, "{stream:?}");
        }
    }

    #[test]
    fn the_data_of_an_event_is_its_lines_of_data() {
        for (event, expected) in [
            ("data: {}\n\n", Some("{}")),
            ("data:{}\r\n\r\n", Some("{}")),
            ("event: x\ndata:  a\rdata\rdata: b\n\n", Some(" a\n\nb")),
            (": comment\nid: 1\n\n", None),
            ("database: x\n\n", None),
            ("data: no end", Some("no end")),
            ("\u{feff}data: {}\n\n", Some("{}")),
            ("\u{feff}\ndata\n\n", Some("")),
        ] {
            let data = Data::of(event.as_bytes());
            let text = data.as_ref().map(|data| data.text.to_vec());
            assert_eq!(
                text,
                expected.map(|text| text.as_bytes().to_vec()),
                "{event:?}"
            );
            for (at, &byte) in data.iter().flat_map(|data| data.text.iter().enumerate()) {
                let there = event.as_bytes()[data.as_ref().unwrap().offset(at)];
                assert!(there == byte || byte == b'\n', "{event:?} at {at}");
            }
        }
    }
}
