//! HTTP/1.1 on the wire, cut as a scenario says: what libraries for it decide by themselves
//! (when to write, what to merge) is what a replay must decide.

use crate::headers::Headers;
use crate::message::Received;

use super::wire::{Read, Reader, Writer};

/// Most header fields of one message.
const MAX_FIELDS: usize = 256;

/// How a message says where its body ends (RFC 9112, section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// By `content-length`, or there is none.
    Plain,
    /// In chunks.
    Chunked,
}

/// Writes messages one after the other.
pub struct Http1Writer {
    framing: Framing,
}

impl Http1Writer {
    /// At the beginning of a connection.
    pub fn new() -> Self {
        Self {
            framing: Framing::Plain,
        }
    }
}

impl Writer for Http1Writer {
    fn opening(&mut self) -> Vec<u8> {
        Vec::new()
    }

    /// Chunked, unless it says a length or has no body.
    fn head(&mut self, _: usize, headers: &Headers, end: bool) -> Vec<u8> {
        let of = |name| headers.get(name).unwrap_or_default();
        let mut text = match headers.get(":status") {
            Some(status) => format!("HTTP/1.1 {status} Scripted\r\n"),
            None => format!("{} {} HTTP/1.1\r\n", of(":method"), of(":path")),
        }
        .into_bytes();
        if headers.value(":authority").is_some() {
            text.extend(format!("host: {}\r\n", of(":authority")).bytes());
        }
        fields(&mut text, headers);
        let said = |name| headers.value(name).is_some();
        let chunked = said("transfer-encoding") || (!end && !said("content-length"));
        if chunked && !said("transfer-encoding") {
            text.extend(b"transfer-encoding: chunked\r\n");
        }
        text.extend(b"\r\n");
        self.framing = match chunked {
            true => Framing::Chunked,
            false => Framing::Plain,
        };
        text
    }

    fn body(&mut self, _: usize, bytes: &[u8], end: bool) -> Vec<u8> {
        if self.framing == Framing::Plain {
            return bytes.to_vec();
        }
        let mut text = Vec::new();
        if !bytes.is_empty() {
            text.extend(format!("{:x}\r\n", bytes.len()).bytes());
            text.extend(bytes);
            text.extend(b"\r\n");
        }
        if end {
            text.extend(b"0\r\n\r\n");
        }
        text
    }

    fn trailers(&mut self, _: usize, trailers: &Headers) -> Option<Vec<u8>> {
        if self.framing == Framing::Plain {
            return None;
        }
        let mut text = b"0\r\n".to_vec();
        fields(&mut text, trailers);
        text.extend(b"\r\n");
        Some(text)
    }

    fn reset(&mut self, _: usize) -> Option<Vec<u8>> {
        None
    }
}

fn fields(text: &mut Vec<u8>, headers: &Headers) {
    for (name, value) in headers.iter().filter(|(name, _)| !name.starts_with(b":")) {
        text.extend([name, b": ", value, b"\r\n"].concat());
    }
}

/// What a decoder reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Requests, one after the other.
    Requests,
    /// Responses; `to_head` when to a HEAD request.
    Responses {
        /// They have no body, whatever they say.
        to_head: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    Sized(usize),
    ChunkSize,
    Chunk(usize),
    ChunkEnd,
    Trailers,
    UntilClosed,
}

/// Reads messages one after the other.
#[derive(Debug)]
pub struct Http1Reader {
    kind: Kind,
    state: State,
    buffer: Vec<u8>,
}

impl Http1Reader {
    /// At the beginning of a connection.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            state: State::Head,
            buffer: Vec::new(),
        }
    }

    fn head(&mut self, messages: &mut Vec<Received>) -> Result<Option<usize>, String> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut headers = Headers::new();
        let wrong = |error: httparse::Error| {
            let start = String::from_utf8_lossy(&self.buffer[..self.buffer.len().min(80)]);
            format!("no HTTP/1.1 head ({error}): {start}")
        };
        let (length, fields) = match self.kind {
            Kind::Requests => {
                let mut request = httparse::Request::new(&mut fields);
                let httparse::Status::Complete(length) =
                    request.parse(&self.buffer).map_err(wrong)?
                else {
                    return Ok(None);
                };
                headers.add(":method", request.method.unwrap_or_default());
                headers.add(":path", request.path.unwrap_or_default());
                // Not on this wire, but every request here is one.
                headers.add(":scheme", "http");
                (length, &*request.headers)
            }
            Kind::Responses { .. } => {
                let mut response = httparse::Response::new(&mut fields);
                let httparse::Status::Complete(length) =
                    response.parse(&self.buffer).map_err(wrong)?
                else {
                    return Ok(None);
                };
                headers.add(":status", response.code.unwrap_or_default().to_string());
                (length, &*response.headers)
            }
        };
        let mut chunked = false;
        for field in fields {
            if field.name.eq_ignore_ascii_case("host") {
                headers.add(":authority", field.value);
            } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
                // It belongs to this hop, as the chunks do.
                chunked |= field.value.eq_ignore_ascii_case(b"chunked");
            } else {
                headers.add(field.name, field.value);
            }
        }
        self.state = self.body_of(&headers, chunked);
        if let Some(last) = messages.last_mut() {
            last.excess.clear();
        }
        messages.push(Received {
            complete: self.state == State::Head,
            headers: Some(headers),
            ..Received::default()
        });
        Ok(Some(length))
    }

    fn body_of(&self, headers: &Headers, chunked: bool) -> State {
        let bodiless = match self.kind {
            Kind::Requests => false,
            Kind::Responses { to_head } => {
                let status = headers.get(":status").unwrap_or_default();
                to_head || status.starts_with('1') || status == "204" || status == "304"
            }
        };
        let length = headers.get("content-length").and_then(|n| n.parse().ok());
        match (bodiless, chunked, length) {
            (true, ..) | (_, false, Some(0)) => State::Head,
            (_, true, _) => State::ChunkSize,
            (_, _, Some(length)) => State::Sized(length),
            _ if self.kind == Kind::Requests => State::Head,
            _ => State::UntilClosed,
        }
    }

    /// How many bytes were used up; `None` when more are needed.
    fn rest(&mut self, message: &mut Received) -> Result<Option<usize>, String> {
        let line = || self.buffer.windows(2).position(|two| two == b"\r\n");
        Ok(match self.state {
            State::Head => None,
            State::Sized(left) | State::Chunk(left) => {
                let taken = left.min(self.buffer.len());
                if taken == 0 {
                    return Ok(None);
                }
                message.body.extend(&self.buffer[..taken]);
                let in_chunks = matches!(self.state, State::Chunk(_));
                self.state = match left - taken {
                    0 if in_chunks => State::ChunkEnd,
                    0 => State::Head,
                    left if in_chunks => State::Chunk(left),
                    left => State::Sized(left),
                };
                message.complete = self.state == State::Head;
                Some(taken)
            }
            State::ChunkSize => {
                let Some(end) = line() else { return Ok(None) };
                let text = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
                let size = usize::from_str_radix(text.trim(), 16)
                    .map_err(|_| format!("`{text}` is no chunk's size"))?;
                self.state = match size {
                    0 => State::Trailers,
                    size => State::Chunk(size),
                };
                Some(end + 2)
            }
            State::ChunkEnd => {
                if self.buffer.len() < 2 {
                    return Ok(None);
                }
                self.state = State::ChunkSize;
                Some(2)
            }
            State::Trailers => {
                let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
                match httparse::parse_headers(&self.buffer, &mut fields) {
                    Ok(httparse::Status::Complete((length, fields))) => {
                        let fields = fields.iter().map(|field| (field.name, field.value));
                        let trailers: Headers = fields.collect();
                        message.trailers = Some(trailers).filter(|fields| !fields.is_empty());
                        message.complete = true;
                        self.state = State::Head;
                        Some(length)
                    }
                    Ok(httparse::Status::Partial) => None,
                    Err(error) => return Err(format!("no trailers: {error}")),
                }
            }
            State::UntilClosed => {
                message.body.extend(&self.buffer);
                Some(self.buffer.len()).filter(|taken| *taken > 0)
            }
        })
    }
}

impl Reader for Http1Reader {
    fn read(&mut self, bytes: &[u8], messages: &mut Vec<Received>) -> Result<Read, String> {
        self.buffer.extend(bytes);
        loop {
            let taken = match self.state {
                State::Head => match self.head(messages) {
                    Err(problem) if messages.is_empty() => return Err(problem),
                    read => read.unwrap_or_default(),
                },
                _ => match messages.last_mut() {
                    Some(message) => self.rest(message)?,
                    None => return Err("a body before any head".to_owned()),
                },
            };
            let Some(taken) = taken else {
                // The next message, or what is no message at all.
                if let Some(last) = messages.last_mut().filter(|last| last.complete) {
                    last.excess.clone_from(&self.buffer);
                }
                return Ok(Read::default());
            };
            self.buffer.drain(..taken);
        }
    }

    fn closed(&self, messages: &mut Vec<Received>) {
        if messages.is_empty() {
            messages.push(Received::default());
        }
        if let Some(message) = messages.last_mut() {
            message.complete |= self.state == State::UntilClosed;
            message.reset |= !message.complete;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_cut_of_messages_reads_the_same() {
        let text = b"POST /a HTTP/1.1\r\nHost: h\r\nx: 1\r\ntransfer-encoding: chunked\r\n\r\n\
                     3\r\nabc\r\n2\r\nde\r\n0\r\nt: 1\r\n\r\n\
                     GET /b HTTP/1.1\r\nhost: h\r\n\r\n\
                     PUT /c HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\nxy";
        let mut whole = Vec::new();
        let mut reader = Http1Reader::new(Kind::Requests);
        reader.read(text, &mut whole).unwrap();
        let shown: Vec<_> = whole
            .iter()
            .map(|message| (message.header(":path").unwrap(), message.text()))
            .collect();
        let expected = [("/a", "abcde"), ("/b", ""), ("/c", "xy")];
        assert_eq!(shown, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
        assert!(whole.iter().all(|message| message.complete));
        assert_eq!(whole[0].trailers, Some(Headers::from([("t", "1")])));

        let mut cut = Vec::new();
        let mut reader = Http1Reader::new(Kind::Requests);
        for byte in text {
            reader.read(&[*byte], &mut cut).unwrap();
        }
        assert_eq!(cut, whole);
    }

    #[test]
    fn what_was_written_reads_back() {
        let head = Headers::from([(":status", "200"), ("x", "1")]);
        let mut writer = Http1Writer::new();
        let mut text = writer.head(0, &head, false);
        text.extend(writer.body(0, b"abc", false));
        text.extend(writer.trailers(0, &Headers::from([("t", "2")])).unwrap());
        let mut messages = Vec::new();
        let mut reader = Http1Reader::new(Kind::Responses { to_head: false });
        reader.read(&text, &mut messages).unwrap();
        assert_eq!(messages[0].headers.as_ref(), Some(&head));
        assert_eq!(messages[0].text(), "abc");
        assert_eq!(messages[0].trailers, Some(Headers::from([("t", "2")])));
    }

    #[test]
    fn what_is_longer_than_its_length_is_told_apart() {
        let mut messages = Vec::new();
        let mut reader = Http1Reader::new(Kind::Requests);
        let text = b"PUT / HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\nxyz \0";
        for byte in text {
            reader.read(&[*byte], &mut messages).unwrap();
        }
        assert_eq!(messages.len(), 1);
        assert_eq!(
            (messages[0].text().as_str(), &*messages[0].excess),
            ("xy", &b"z \0"[..])
        );
        assert!(messages[0].complete);
    }

    #[test]
    fn a_closed_connection_ends_or_breaks_a_message() {
        // (bytes before the close, complete, reset)
        let rows: [(&[u8], bool, bool); 4] = [
            (b"", false, true),
            (b"HTTP/1.1 200 OK\r\n\r\nabc", true, false),
            (
                b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabc",
                false,
                true,
            ),
            (
                b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc",
                true,
                false,
            ),
        ];
        for (bytes, complete, reset) in rows {
            let mut messages = Vec::new();
            let mut reader = Http1Reader::new(Kind::Responses { to_head: false });
            reader.read(bytes, &mut messages).unwrap();
            reader.closed(&mut messages);
            let message = &messages[0];
            assert_eq!((message.complete, message.reset), (complete, reset));
        }
    }
}
