//! HTTP/2 on the wire (RFC 9113), frame by frame as a scenario says.
//!
//! Windows are opened as wide as they go, so that nobody ever waits.

use std::collections::BTreeMap;

use fluke_hpack::{Decoder, Encoder};

use crate::headers::Headers;
use crate::message::{Metadata, Received};

use super::wire::{Read, Reader, Writer};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEAD: usize = 9;
/// Largest frame without asking first (section 4.2), in bytes.
pub const MAX_FRAME: usize = 16_384;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
/// Envoy's extension (`source/docs/h2_metadata.md`).
const METADATA: u8 = 0x4d;

const END_STREAM: u8 = 0x1;
const ACK: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const END_METADATA: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

const SETTINGS_INITIAL_WINDOW_SIZE: u16 = 4;
/// Says that METADATA are understood (QUICHE's `kMetadataExtensionId`).
const SETTINGS_METADATA: u16 = 0x4d44;
const WIDEST_WINDOW: u32 = 0x7fff_ffff;
/// Every connection's window at first.
const FIRST_WINDOW: u32 = 65_535;
/// Error code of a peer that needs the stream no longer.
const CANCEL: u32 = 8;

/// Which end of a connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It sends requests.
    Client,
    /// It answers them.
    Server,
}

/// Writes frames.
pub struct Http2Writer {
    encoder: Encoder<'static>,
    /// What opens the connection, until it was written.
    opening: Vec<u8>,
}

impl Http2Writer {
    /// At the beginning of a connection.
    pub fn new(role: Role) -> Self {
        let mut opening = match role {
            Role::Client => PREFACE.to_vec(),
            Role::Server => Vec::new(),
        };
        let window = [
            &SETTINGS_INITIAL_WINDOW_SIZE.to_be_bytes()[..],
            &WIDEST_WINDOW.to_be_bytes(),
            &SETTINGS_METADATA.to_be_bytes(),
            &1_u32.to_be_bytes(),
        ];
        frame(&mut opening, SETTINGS, 0, 0, &window.concat());
        let more = (WIDEST_WINDOW - FIRST_WINDOW).to_be_bytes();
        frame(&mut opening, WINDOW_UPDATE, 0, 0, &more);
        Self {
            encoder: Encoder::new(),
            opening,
        }
    }

    fn block(&mut self, at: usize, headers: &Headers, end: bool) -> Vec<u8> {
        let block = self.encoder.encode(headers.iter());
        let mut text = Vec::new();
        let count = block.chunks(MAX_FRAME).count();
        for (index, part) in block.chunks(MAX_FRAME).enumerate() {
            let kind = if index == 0 { HEADERS } else { CONTINUATION };
            let mut flags = 0;
            if index == 0 && end {
                flags |= END_STREAM;
            }
            if index + 1 == count {
                flags |= END_HEADERS;
            }
            frame(&mut text, kind, flags, stream(at), part);
        }
        text
    }
}

impl Writer for Http2Writer {
    fn opening(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.opening)
    }

    fn head(&mut self, at: usize, headers: &Headers, end: bool) -> Vec<u8> {
        self.block(at, headers, end)
    }

    fn body(&mut self, at: usize, bytes: &[u8], end: bool) -> Vec<u8> {
        let mut text = Vec::new();
        let count = bytes.chunks(MAX_FRAME).count();
        for (index, part) in bytes.chunks(MAX_FRAME).enumerate() {
            let last = end && index + 1 == count;
            frame(
                &mut text,
                DATA,
                u8::from(last) * END_STREAM,
                stream(at),
                part,
            );
        }
        if bytes.is_empty() && end {
            frame(&mut text, DATA, END_STREAM, stream(at), &[]);
        }
        text
    }

    fn trailers(&mut self, at: usize, trailers: &Headers) -> Option<Vec<u8>> {
        Some(self.block(at, trailers, true))
    }

    fn metadata(&mut self, at: usize, metadata: &Metadata) -> Option<Vec<u8>> {
        // METADATA share no table with header blocks. A new encoder finds nothing in its own,
        // so whatever Envoy keeps of earlier frames does not matter.
        let entries = metadata.iter().map(|(key, value)| (&key[..], &value[..]));
        let block = Encoder::new().encode(entries);
        let mut text = Vec::new();
        let mut parts = block.chunks(MAX_FRAME).peekable();
        if parts.peek().is_none() {
            frame(&mut text, METADATA, END_METADATA, stream(at), &[]);
        }
        while let Some(part) = parts.next() {
            let flags = match parts.peek() {
                Some(_) => 0,
                None => END_METADATA,
            };
            frame(&mut text, METADATA, flags, stream(at), part);
        }
        Some(text)
    }

    fn reset(&mut self, at: usize) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        frame(&mut text, RST_STREAM, 0, stream(at), &CANCEL.to_be_bytes());
        Some(text)
    }
}

/// The stream of the exchange number `at` of a connection: a client counts 1, 3, 5.
fn stream(at: usize) -> u32 {
    u32::try_from(at).unwrap_or_default() * 2 + 1
}

fn frame(text: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap_or_default();
    text.extend(&length.to_be_bytes()[1..]);
    text.extend([kind, flags]);
    text.extend(stream.to_be_bytes());
    text.extend(payload);
}

/// Reads frames.
pub struct Http2Reader {
    buffer: Vec<u8>,
    /// A server's connection begins with the client's preface.
    preface: bool,
    decoder: Decoder<'static>,
    /// A header block that continues, its stream, and whether the message ends with it.
    block: Option<(u32, bool, Vec<u8>)>,
    metadata_decoder: Decoder<'static>,
    /// METADATA that continue, by stream.
    metadata: BTreeMap<u32, Vec<u8>>,
    /// METADATA that are whole, of streams whose head has not come.
    early: Vec<(u32, Metadata)>,
    /// The place of each stream's message.
    places: BTreeMap<u32, usize>,
}

impl Http2Reader {
    /// At the beginning of a connection.
    pub fn new(role: Role) -> Self {
        Self {
            buffer: Vec::new(),
            preface: role == Role::Server,
            decoder: Decoder::new(),
            block: None,
            metadata_decoder: Decoder::new(),
            metadata: BTreeMap::new(),
            early: Vec::new(),
            places: BTreeMap::new(),
        }
    }

    fn frame(
        &mut self,
        (kind, flags, stream): (u8, u8, u32),
        payload: &[u8],
        messages: &mut Vec<Received>,
        read: &mut Read,
    ) -> Result<(), String> {
        let end = flags & END_STREAM != 0;
        match kind {
            DATA => {
                if let Some(message) = self.message(stream, messages) {
                    message.body.extend(unpadded(flags, payload)?);
                    message.complete |= end;
                }
            }
            HEADERS => {
                let mut payload = unpadded(flags, payload)?;
                if flags & PRIORITY != 0 {
                    payload = payload.get(5..).unwrap_or_default();
                }
                self.block = Some((stream, end, payload.to_vec()));
            }
            CONTINUATION => {
                if let Some((_, _, block)) = &mut self.block {
                    block.extend(payload);
                }
            }
            METADATA => {
                self.metadata.entry(stream).or_default().extend(payload);
                if flags & END_METADATA != 0 {
                    self.metadata_ends(stream, messages)?;
                }
            }
            RST_STREAM => {
                if let Some(place) = self.places.get(&stream) {
                    read.gone.push(*place);
                    if let Some(message) = messages.get_mut(*place) {
                        message.reset |= !message.complete;
                    }
                }
            }
            SETTINGS if flags & ACK == 0 => frame(&mut read.answer, SETTINGS, ACK, 0, &[]),
            PING if flags & ACK == 0 => frame(&mut read.answer, PING, ACK, 0, payload),
            GOAWAY => {}
            _ => {}
        }
        if matches!(kind, HEADERS | CONTINUATION) && flags & END_HEADERS != 0 {
            self.fields(messages)?;
        }
        Ok(())
    }

    fn message<'m>(&self, stream: u32, messages: &'m mut [Received]) -> Option<&'m mut Received> {
        messages.get_mut(*self.places.get(&stream)?)
    }

    /// METADATA are whole.
    fn metadata_ends(&mut self, stream: u32, messages: &mut [Received]) -> Result<(), String> {
        let block = self.metadata.remove(&stream).unwrap_or_default();
        let entries = self.metadata_decoder.decode(&block);
        let entries = entries.map_err(|error| format!("no METADATA: {error:?}"))?;
        let metadata: Metadata = entries.into_iter().collect();
        match self.message(stream, messages) {
            Some(message) => message.metadata.push(metadata),
            None => self.early.push((stream, metadata)),
        }
        Ok(())
    }

    /// A header block is whole: a head, or trailers.
    fn fields(&mut self, messages: &mut Vec<Received>) -> Result<(), String> {
        let Some((stream, end, block)) = self.block.take() else {
            return Ok(());
        };
        let fields = self.decoder.decode(&block);
        let fields: Headers = fields
            .map_err(|error| format!("no header block: {error:?}"))?
            .into();
        match self.message(stream, messages) {
            Some(message) => {
                message.trailers = Some(fields);
                message.complete |= end;
            }
            // An interim response; the real one follows.
            None if fields
                .get(":status")
                .is_some_and(|status| status.starts_with('1')) => {}
            None => {
                self.places.insert(stream, messages.len());
                let (early, later) = std::mem::take(&mut self.early)
                    .into_iter()
                    .partition(|(of, _)| *of == stream);
                self.early = later;
                let early: Vec<(u32, Metadata)> = early;
                messages.push(Received {
                    headers: Some(fields),
                    metadata: early.into_iter().map(|(_, metadata)| metadata).collect(),
                    complete: end,
                    ..Received::default()
                });
            }
        }
        Ok(())
    }
}

impl Reader for Http2Reader {
    fn read(&mut self, bytes: &[u8], messages: &mut Vec<Received>) -> Result<Read, String> {
        self.buffer.extend(bytes);
        let mut read = Read::default();
        if self.preface {
            if self.buffer.len() < PREFACE.len() {
                return Ok(read);
            }
            if !self.buffer.starts_with(PREFACE) {
                return Err("a connection without HTTP/2's preface".to_owned());
            }
            self.buffer.drain(..PREFACE.len());
            self.preface = false;
        }
        while let Some((head, rest)) = self.buffer.split_first_chunk::<FRAME_HEAD>() {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let stream = u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]);
            let what = (head[3], head[4], stream);
            let Some(payload) = rest.get(..length) else {
                break;
            };
            let payload = payload.to_vec();
            self.buffer.drain(..FRAME_HEAD + length);
            self.frame(what, &payload, messages, &mut read)?;
        }
        Ok(read)
    }

    fn closed(&self, messages: &mut Vec<Received>) {
        if messages.is_empty() {
            messages.push(Received::default());
        }
        for message in messages {
            message.reset |= !message.complete;
        }
    }
}

/// A payload without its padding (section 6.1).
fn unpadded(flags: u8, payload: &[u8]) -> Result<&[u8], String> {
    if flags & PADDED == 0 {
        return Ok(payload);
    }
    let inner = payload.split_first().and_then(|(padding, rest)| {
        let end = rest.len().checked_sub(usize::from(*padding))?;
        rest.get(..end)
    });
    inner.ok_or_else(|| "a frame that is all padding".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_reads_back_however_it_is_cut() {
        let head = Headers::from([
            (":method", "POST"),
            (":path", "/"),
            ("x", &"y".repeat(40_000)),
        ]);
        let trailers = Headers::from([("t", "1")]);
        let body = "b".repeat(20_000);
        let mut writer = Http2Writer::new(Role::Client);
        let mut text = writer.opening();
        text.extend(writer.head(0, &head, false));
        text.extend(writer.body(0, body.as_bytes(), false));
        let metadata = Metadata::from([(b"K".to_vec(), b"v".repeat(20_000)), (vec![], vec![])]);
        text.extend(writer.metadata(0, &metadata).unwrap());
        text.extend(writer.trailers(0, &trailers).unwrap());
        text.extend(writer.head(1, &head, false));
        text.extend(writer.reset(1).unwrap());
        for size in [1, 7, text.len()] {
            let mut reader = Http2Reader::new(Role::Server);
            let mut messages = Vec::new();
            for bytes in text.chunks(size) {
                reader.read(bytes, &mut messages).unwrap();
            }
            assert_eq!(messages[0].headers.as_ref(), Some(&head));
            assert_eq!(messages[0].text(), body);
            assert_eq!(messages[0].metadata, std::slice::from_ref(&metadata));
            assert_eq!(messages[0].trailers.as_ref(), Some(&trailers));
            assert!(messages[0].complete && !messages[0].reset);
            assert!(!messages[1].complete && messages[1].reset);
        }
    }
}
