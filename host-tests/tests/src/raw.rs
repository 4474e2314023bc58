//! Requests whose pieces arrive exactly as a test cuts them, and whose bytes no client
//! library would send.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};

/// Long enough for a piece to be read before the next one arrives, on loopback.
const PAUSE: Duration = Duration::from_millis(2);
/// A hang is a failure.
const LIMIT: Duration = Duration::from_secs(30);

/// A response as it came from the wire.
#[derive(Debug)]
pub struct RawResponse {
    /// The status code.
    pub status: u16,
    /// The status line and the headers, as sent.
    pub head: String,
    /// The body, taken out of its chunks.
    pub body: Vec<u8>,
}

/// Sends the pieces one by one over a connection of its own, and reads until it is closed.
///
/// The request should say `connection: close`; without it the read ends with an error
/// after half a minute.
///
/// # Errors
/// When the connection fails, or what comes back is not an HTTP/1.1 response.
pub fn exchange<'a>(
    address: SocketAddr,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<RawResponse> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(LIMIT))?;
    for (index, piece) in pieces.into_iter().enumerate() {
        if index > 0 {
            std::thread::sleep(PAUSE);
        }
        // An early answer closes the connection: what counts then is the answer.
        if stream.write_all(piece).is_err() {
            break;
        }
    }
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Err(error) if bytes.is_empty() => Err(error).context("no response"),
        // A reset after a complete response is how Envoy ends a request it did not read.
        _ => parse(&bytes),
    }
}

fn parse(bytes: &[u8]) -> Result<RawResponse> {
    let end = find(bytes, b"\r\n\r\n").context("the response has no end of headers")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let rest = &bytes[end + 4..];
    let status = head
        .strip_prefix("HTTP/1.1 ")
        .and_then(|line| line.get(..3)?.parse().ok())
        .with_context(|| format!("not an HTTP/1.1 response: {head}"))?;
    let chunked = head
        .lines()
        .any(|line| line.eq_ignore_ascii_case("transfer-encoding: chunked"));
    let body = match chunked {
        true => dechunk(rest).context("the body's chunks are broken")?,
        false => rest.to_vec(),
    };
    Ok(RawResponse { status, head, body })
}

fn dechunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = find(rest, b"\r\n")?;
        let size = usize::from_str_radix(str::from_utf8(&rest[..line]).ok()?, 16).ok()?;
        rest = &rest[line + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_are_taken_apart() {
        let plain = parse(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\nno").unwrap();
        assert_eq!((plain.status, &plain.body[..]), (400, &b"no"[..]));

        let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\na\r\n\r\nb\r\nhello world\r\n0\r\n\r\n";
        assert_eq!(parse(chunked).unwrap().body, b"a\r\nhello world");

        for broken in [
            &chunked[..chunked.len() - 8],
            b"HTTP/1.1 200 OK\r\n",
            b"SMTP\r\n\r\n",
        ] {
            assert!(parse(broken).is_err());
        }
    }
}
