//! HTTP/1.1 on the wire, cut as a scenario says: what libraries for it decide by themselves
//! (when to write, what to merge) is what a replay must decide.

use crate::headers::Headers;
use crate::message::Received;

/// Most header fields of one message.
const MAX_FIELDS: usize = 256;

/// How a message says where its body ends (RFC 9112, section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// By `content-length`, or there is none.
    Plain,
    /// In chunks.
    Chunked,
}

/// A request's head; chunked unless it says a length or has no body.
pub fn request_head(headers: &Headers, end: bool) -> (Vec<u8>, Framing) {
    let of = |name| headers.get(name).unwrap_or_default();
    let mut text = format!("{} {} HTTP/1.1\r\n", of(":method"), of(":path")).into_bytes();
    if headers.value(":authority").is_some() {
        text.extend(format!("host: {}\r\n", of(":authority")).bytes());
    }
    let framing = fields(&mut text, headers, end);
    (text, framing)
}

/// A response's head, likewise.
pub fn response_head(headers: &Headers, end: bool) -> (Vec<u8>, Framing) {
    let status = headers.get(":status").unwrap_or_default();
    let mut text = format!("HTTP/1.1 {status} Scripted\r\n").into_bytes();
    let framing = fields(&mut text, headers, end);
    (text, framing)
}

fn fields(text: &mut Vec<u8>, headers: &Headers, end: bool) -> Framing {
    for (name, value) in headers.iter().filter(|(name, _)| !name.starts_with(b":")) {
        text.extend([name, b": ", value, b"\r\n"].concat());
    }
    let said = |name| headers.value(name).is_some();
    let chunked = said("transfer-encoding") || (!end && !said("content-length"));
    if chunked && !said("transfer-encoding") {
        text.extend(b"transfer-encoding: chunked\r\n");
    }
    text.extend(b"\r\n");
    if chunked {
        Framing::Chunked
    } else {
        Framing::Plain
    }
}

/// A piece of a body, and the body's end if it is the last: one write, so that the receiver
/// reads the piece as one.
pub fn body(framing: Framing, bytes: &[u8], end: bool) -> Vec<u8> {
    if framing == Framing::Plain {
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

/// The end of a chunked body with trailers; `None` where there is no place for them.
pub fn trailers(framing: Framing, trailers: &Headers) -> Option<Vec<u8>> {
    if framing == Framing::Plain {
        return None;
    }
    let mut text = b"0\r\n".to_vec();
    for (name, value) in trailers.iter() {
        text.extend([name, b": ", value, b"\r\n"].concat());
    }
    text.extend(b"\r\n");
    Some(text)
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

/// Reads messages from the bytes of a connection as they come.
#[derive(Debug)]
pub struct Decoder {
    kind: Kind,
    state: State,
    buffer: Vec<u8>,
}

impl Decoder {
    /// At the beginning of a connection.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            state: State::Head,
            buffer: Vec::new(),
        }
    }

    /// Reads more bytes into the last of `messages`, or new ones behind it.
    ///
    /// # Errors
    /// What is no HTTP/1.1.
    pub fn read(&mut self, bytes: &[u8], messages: &mut Vec<Received>) -> Result<(), String> {
        self.buffer.extend(bytes);
        loop {
            let taken = match self.state {
                State::Head => self.head(messages)?,
                _ => match messages.last_mut() {
                    Some(message) => self.rest(message)?,
                    None => return Err("a body before any head".to_owned()),
                },
            };
            let Some(taken) = taken else { return Ok(()) };
            self.buffer.drain(..taken);
        }
    }

    /// The connection is closed: what is not whole now has broken off. With nothing of a
    /// message there, that is so of `messages`' first only.
    pub fn closed(&self, messages: &mut Vec<Received>) {
        if messages.is_empty() {
            messages.push(Received::default());
        }
        if let Some(message) = messages.last_mut() {
            if self.state == State::UntilClosed {
                message.complete = true;
            }
            message.reset |= !message.complete;
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
        let mut decoder = Decoder::new(Kind::Requests);
        decoder.read(text, &mut whole).unwrap();
        let shown: Vec<_> = whole
            .iter()
            .map(|message| (message.header(":path").unwrap(), message.text()))
            .collect();
        let expected = [("/a", "abcde"), ("/b", ""), ("/c", "xy")];
        assert_eq!(shown, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
        assert!(whole.iter().all(|message| message.complete));
        assert_eq!(whole[0].trailers, Some(Headers::from([("t", "1")])));

        let mut cut = Vec::new();
        let mut decoder = Decoder::new(Kind::Requests);
        for byte in text {
            decoder.read(&[*byte], &mut cut).unwrap();
        }
        assert_eq!(cut, whole);
    }

    #[test]
    fn what_was_written_reads_back() {
        let head = Headers::from([(":status", "200"), ("x", "1")]);
        let (mut text, framing) = response_head(&head, false);
        text.extend(body(framing, b"abc", false));
        text.extend(trailers(framing, &Headers::from([("t", "2")])).unwrap());
        let mut messages = Vec::new();
        let mut decoder = Decoder::new(Kind::Responses { to_head: false });
        decoder.read(&text, &mut messages).unwrap();
        assert_eq!(messages[0].headers.as_ref(), Some(&head));
        assert_eq!(messages[0].text(), "abc");
        assert_eq!(messages[0].trailers, Some(Headers::from([("t", "2")])));
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
            let mut decoder = Decoder::new(Kind::Responses { to_head: false });
            decoder.read(bytes, &mut messages).unwrap();
            decoder.closed(&mut messages);
            let message = &messages[0];
            assert_eq!((message.complete, message.reset), (complete, reset));
        }
    }
}
