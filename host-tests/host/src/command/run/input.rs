//! What a run begins with: messages and configuration, read from their files.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use tollgate_host::Headers;
use tollgate_host::scenario::head;

use crate::command::Stop;

/// Everything a run depends on, besides the module's bytes.
pub struct Input {
    pub wasm: PathBuf,
    pub request: Message,
    /// The request's body as it arrives.
    pub chunks: Vec<Vec<u8>>,
    pub response: Message,
    pub response_chunks: Vec<Vec<u8>>,
    /// Answers to callouts by cluster.
    pub callouts: BTreeMap<String, Message>,
    pub configuration: String,
    pub vm_configuration: String,
    pub name: String,
    pub root_id: String,
    pub vm_id: String,
    pub environment: BTreeMap<String, String>,
    pub allow_on_headers_stop_iteration: bool,
    pub buffer_limit: Option<usize>,
    pub properties: BTreeMap<String, String>,
    pub fuel: Option<u64>,
    pub http2: bool,
    pub workers: usize,
    pub repeat: usize,
}

/// A whole HTTP message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub headers: Headers,
    pub body: Vec<u8>,
}

impl Message {
    pub fn request(file: &Path) -> Result<Self, Stop> {
        Self::parse(&bytes(file)?, head::sent_request).map_err(|problem| in_file(file, &problem))
    }

    pub fn response(file: &Path) -> Result<Self, Stop> {
        Self::parse(&bytes(file)?, head::response).map_err(|problem| in_file(file, &problem))
    }

    /// What an upstream answers unless told otherwise.
    pub fn empty_200() -> Self {
        Self {
            headers: Headers::from([(":status", "200"), ("content-length", "0")]),
            body: Vec::new(),
        }
    }

    fn parse(
        bytes: &[u8],
        read: impl FnOnce(&str) -> Result<Headers, String>,
    ) -> Result<Self, String> {
        let (head, body) = split(bytes);
        let head = std::str::from_utf8(head).map_err(|_| "its head is not UTF-8".to_owned())?;
        let mut headers = read(head)?;
        let length = headers
            .get("content-length")
            .map(|value| value.into_owned());
        match length.as_deref() {
            Some("auto") => headers.set("content-length", body.len().to_string()),
            Some(length) if length != body.len().to_string() => {
                return Err(format!(
                    "content-length is {length}, but its body has {} bytes (an editor may have \
                     added a line end): write `content-length: auto`",
                    body.len()
                ));
            }
            _ => {}
        }
        Ok(Self {
            headers,
            body: body.to_vec(),
        })
    }
}

/// Head and body, which the first empty line behind the first line parts.
fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    let mut begun = false;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let is_empty = line.iter().all(u8::is_ascii_whitespace);
        if is_empty && begun {
            return (&bytes[..at], &bytes[at + line.len()..]);
        }
        begun |= !is_empty;
        at += line.len();
    }
    (bytes, &[])
}

/// A file as text.
pub fn text(file: &Path) -> Result<String, Stop> {
    String::from_utf8(bytes(file)?).map_err(|_| in_file(file, "it is not UTF-8"))
}

fn bytes(file: &Path) -> Result<Vec<u8>, Stop> {
    let mut bytes = Vec::new();
    let read = match file.to_str() {
        Some("-") => std::io::stdin().read_to_end(&mut bytes).map(drop),
        _ => std::fs::read(file).map(|read| bytes = read),
    };
    read.map_err(|error| Stop::unusable(format!("cannot read {}: {error}", file.display())))?;
    Ok(bytes)
}

fn in_file(file: &Path, problem: &str) -> Stop {
    Stop::unusable(format!("{}: {problem}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_a_head_and_bytes() {
        // (file, the body or a part of the problem)
        type Row = (&'static [u8], Result<&'static [u8], &'static str>);
        let rows: [Row; 8] = [
            (b"POST /a\nx: y\n\nbody\n", Ok(b"body\n")),
            (
                b"\nPOST /a HTTP/1.1\r\nx: y\r\n\r\n\r\nbody",
                Ok(b"\r\nbody"),
            ),
            (b"GET /", Ok(b"")),
            (b"GET /\n\n\xff\x00", Ok(b"\xff\x00")),
            (b"POST /\ncontent-length: auto\n\nab", Ok(b"ab")),
            (
                b"POST /\ncontent-length: 2\n\nab\n",
                Err("content-length is 2"),
            ),
            (b"POST\n\nab", Err("no request line")),
            (b"POST /\xff\n\nab", Err("not UTF-8")),
        ];
        for (bytes, expected) in rows {
            let name = String::from_utf8_lossy(bytes);
            match (Message::parse(bytes, head::request), expected) {
                (Ok(message), Ok(body)) => {
                    assert_eq!(message.body, body, "{name}");
                    if let Some(length) = message.headers.get("content-length") {
                        assert_eq!(length, body.len().to_string(), "{name}");
                    }
                }
                (Err(problem), Err(part)) => assert!(problem.contains(part), "{name}: {problem}"),
                (read, _) => panic!("{name}: {read:?}"),
            }
        }
    }
}
