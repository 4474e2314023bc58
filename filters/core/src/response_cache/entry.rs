//! An answer as it is kept: bytes that say themselves whether they are whole and whose they are.
//!
//! The same bytes are kept by Envoy and by a store that several Envoys share. Whatever comes back
//! from either is looked at as if anybody could have written it: a seal over all of it, made with
//! the deployment's secret, and the full key. What does not stand that is no entry.
//!
//! ```text
//! 0   "TGRC"                      16  created, u64        52  key
//! 4   version of this form, u8    24  expires, u64        …   content-type
//! 5   media, u8                   32  prompt tokens, u64  …   headers: length of name, u8,
//! 6   kind, u8                    40  completion, u64         of value, u16, name, value
//! 7   length of key, u8           48  length of body, u32 …   body
//! 8   status, u16                                         end seal over all before, 16
//! 10  length of content-type, u16; its highest bit: the tokens are known
//! 12  length of headers, u32                              little-endian throughout
//! ```

use siphasher::sip128::SipHasher13;

use super::lifetime::Freshness;
use crate::fingerprint::keyed_hasher;
use crate::response::{Media, Usage};

/// Seals entries, and opens those that were sealed under the same secret.
#[derive(Clone, Debug)]
pub struct Seal {
    hasher: SipHasher13,
}

/// What an entry is to be made of.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// Hash of all that the answer depends on; 255 bytes at most.
    pub key: &'a [u8],
    /// The form of the body.
    pub media: Media,
    /// Whether it answers the request.
    pub kind: Kind,
    /// HTTP status.
    pub status: u16,
    /// When it was received, in nanoseconds since 1970.
    pub created: u64,
    /// When it ceases to be fresh, in nanoseconds since 1970.
    pub expires: u64,
    /// What the upstream charged for it, where it said so.
    pub usage: Option<Usage>,
    /// `content-type`, [`MAX_CONTENT_TYPE`] bytes at most.
    pub content_type: &'a [u8],
    /// Names and values of other headers to be sent along. Those beyond [`MAX_HEADERS`] bytes
    /// are left out.
    pub headers: &'a [(&'a [u8], &'a [u8])],
    /// The body, as the upstream sent it.
    pub body: &'a [u8],
}

/// An entry that is whole and answers to its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    bytes: Vec<u8>,
    head: Head,
}

/// What kind of answer it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The model's.
    Answer,
    /// The provider's refusal of a request that it will refuse again.
    Refusal,
}

/// Bytes of a `content-type`; real ones have fewer than fifty.
pub const MAX_CONTENT_TYPE: usize = 256;
/// Bytes of all other headers, with three for each: the few worth keeping have some hundred.
pub const MAX_HEADERS: usize = 2048;

const MAGIC: &[u8; 4] = b"TGRC";
const FORM: u8 = 1;
const HEAD: usize = 52;
pub(super) const SEAL: usize = 16;
/// In the length of the content-type: the tokens are known.
const KNOWN: u16 = 1 << 15;

/// The part that is as long in every entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    media: Media,
    kind: Kind,
    status: u16,
    created: u64,
    expires: u64,
    usage: Option<Usage>,
    key: usize,
    content_type: usize,
    headers: usize,
    body: usize,
}

impl Seal {
    /// A seal under `secret`; all that share a store need the same. An empty one still tells
    /// what is broken, but not what somebody made up.
    pub fn new(secret: &[u8]) -> Seal {
        Seal {
            hasher: keyed_hasher(b"tollgate response-cache entry 1\0", secret),
        }
    }

    /// The seal of `bytes`.
    pub(super) fn of(&self, bytes: &[u8]) -> [u8; SEAL] {
        self.hasher.hash(bytes).as_bytes()
    }
}

impl Draft<'_> {
    /// The entry; `None` where something is longer than an entry can say, or where there is no
    /// memory for it.
    pub fn seal(&self, seal: &Seal) -> Option<Entry> {
        let headers = Headers::fitting(self.headers);
        let head = Head {
            media: self.media,
            kind: self.kind,
            status: self.status,
            created: self.created,
            expires: self.expires,
            usage: self.usage.map(|usage| Usage { cached: 0, ..usage }),
            key: self.key.len(),
            content_type: self.content_type.len(),
            headers: headers.clone().map(Headers::bytes_of).sum(),
            body: self.body.len(),
        };
        let size = head.size()?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(size).ok()?;
        head.write(&mut bytes)?;
        bytes.extend_from_slice(self.key);
        bytes.extend_from_slice(self.content_type);
        for (name, value) in headers {
            bytes.push(u8::try_from(name.len()).ok()?);
            bytes.extend_from_slice(&u16::try_from(value.len()).ok()?.to_le_bytes());
            bytes.extend_from_slice(name);
            bytes.extend_from_slice(value);
        }
        bytes.extend_from_slice(self.body);
        let sealed = seal.of(&bytes);
        bytes.extend_from_slice(&sealed);
        (bytes.len() == size).then_some(Entry { bytes, head })
    }
}

impl Entry {
    /// The entry that `bytes` are; `None` where they are not whole, not sealed by `seal`, or not
    /// the answer to `key`.
    pub fn open(bytes: Vec<u8>, seal: &Seal, key: &[u8]) -> Option<Entry> {
        let head = Head::read(&bytes)?;
        let (sealed, end) = bytes.split_last_chunk()?;
        let is_whole = head.size() == Some(bytes.len()) && *end == seal.of(sealed);
        let entry = Entry { bytes, head };
        (is_whole && entry.key() == key && Headers(entry.headers_bytes()).are_whole())
            .then_some(entry)
    }

    /// What is kept, and what [`Entry::open`] opens.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The key that it answers to.
    pub fn key(&self) -> &[u8] {
        self.part(HEAD, self.head.key)
    }

    /// The form of the body.
    pub fn media(&self) -> Media {
        self.head.media
    }

    /// What kind of answer it is.
    pub fn kind(&self) -> Kind {
        self.head.kind
    }

    /// HTTP status.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// When it was received, in nanoseconds since 1970.
    pub fn created(&self) -> u64 {
        self.head.created
    }

    /// When it ceases to be fresh, in nanoseconds since 1970.
    pub fn expires(&self) -> u64 {
        self.head.expires
    }

    /// What the upstream charged for it, where it said so; how much of the prompt came from the
    /// provider's cache is not kept, because it says nothing of the next request.
    pub fn usage(&self) -> Option<Usage> {
        self.head.usage
    }

    /// `content-type`.
    pub fn content_type(&self) -> &[u8] {
        let at = HEAD.saturating_add(self.head.key);
        self.part(at, self.head.content_type)
    }

    /// Names and values of the other headers to be sent along.
    pub fn headers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        Headers(self.headers_bytes())
    }

    /// The body, as the upstream sent it.
    pub fn body(&self) -> &[u8] {
        let at = self.headers_at().saturating_add(self.head.headers);
        self.part(at, self.head.body)
    }

    /// Nanoseconds since it was received; none where the clock says it has yet to be.
    pub fn age(&self, now: u64) -> u64 {
        now.saturating_sub(self.head.created)
    }

    /// When it is of no use any more, in nanoseconds since 1970, where the model's answers may be
    /// given for `stale` longer than they are fresh. Refusals may not: they are kept for a short
    /// time so that whoever asks wrongly in a loop costs little, and then asked for again.
    pub fn end(&self, stale: u64) -> u64 {
        self.head.expires.saturating_add(self.stale(stale))
    }

    /// What it is good for at `now`, where the model's answers may be given for `stale` longer
    /// than they are fresh.
    pub fn freshness(&self, now: u64, stale: u64) -> Freshness {
        let stale = self.stale(stale);
        Freshness::at(now, self.head.created, self.head.expires, stale)
    }

    fn stale(&self, stale: u64) -> u64 {
        match self.head.kind {
            Kind::Answer => stale,
            Kind::Refusal => 0,
        }
    }

    fn headers_at(&self) -> usize {
        HEAD.saturating_add(self.head.key)
            .saturating_add(self.head.content_type)
    }

    fn headers_bytes(&self) -> &[u8] {
        self.part(self.headers_at(), self.head.headers)
    }

    fn part(&self, at: usize, length: usize) -> &[u8] {
        let part = self.bytes.get(at..at.saturating_add(length));
        part.unwrap_or_default()
    }
}

impl Head {
    /// Bytes of the entry; `None` where that is more than an entry can say.
    fn size(&self) -> Option<usize> {
        let fits = self.content_type <= MAX_CONTENT_TYPE
            && self.headers <= MAX_HEADERS
            && u8::try_from(self.key).is_ok()
            && u32::try_from(self.body).is_ok();
        let parts = [
            HEAD,
            self.key,
            self.content_type,
            self.headers,
            self.body,
            SEAL,
        ];
        let sum = |sum: usize, part: usize| sum.checked_add(part);
        parts.into_iter().try_fold(0, sum).filter(|_| fits)
    }

    fn write(&self, bytes: &mut Vec<u8>) -> Option<()> {
        let known = if self.usage.is_some() { KNOWN } else { 0 };
        let usage = self.usage.unwrap_or_default();
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&[
            FORM,
            match self.media {
                Media::Json => 0,
                Media::Events => 1,
            },
            match self.kind {
                Kind::Answer => 0,
                Kind::Refusal => 1,
            },
            u8::try_from(self.key).ok()?,
        ]);
        bytes.extend_from_slice(&self.status.to_le_bytes());
        let content_type = u16::try_from(self.content_type).ok()? | known;
        bytes.extend_from_slice(&content_type.to_le_bytes());
        bytes.extend_from_slice(&u32::try_from(self.headers).ok()?.to_le_bytes());
        for word in [self.created, self.expires, usage.prompt, usage.completion] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.extend_from_slice(&u32::try_from(self.body).ok()?.to_le_bytes());
        Some(())
    }

    fn read(mut bytes: &[u8]) -> Option<Head> {
        fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
            let (taken, rest) = bytes.split_first_chunk()?;
            *bytes = rest;
            Some(*taken)
        }
        let bytes = &mut bytes;
        if take(bytes)? != *MAGIC || take(bytes)? != [FORM] {
            return None;
        }
        let media = match take(bytes)? {
            [0] => Media::Json,
            [1] => Media::Events,
            _ => return None,
        };
        let kind = match take(bytes)? {
            [0] => Kind::Answer,
            [1] => Kind::Refusal,
            _ => return None,
        };
        let [key] = take(bytes)?;
        let status = u16::from_le_bytes(take(bytes)?);
        let content_type = u16::from_le_bytes(take(bytes)?);
        let headers = u32::from_le_bytes(take(bytes)?);
        let created = u64::from_le_bytes(take(bytes)?);
        let expires = u64::from_le_bytes(take(bytes)?);
        let usage = Usage {
            prompt: u64::from_le_bytes(take(bytes)?),
            completion: u64::from_le_bytes(take(bytes)?),
            cached: 0,
        };
        Some(Head {
            media,
            kind,
            status,
            created,
            expires,
            usage: Some(usage).filter(|_| content_type & KNOWN != 0),
            key: usize::from(key),
            content_type: usize::from(content_type & !KNOWN),
            headers: usize::try_from(headers).ok()?,
            body: usize::try_from(u32::from_le_bytes(take(bytes)?)).ok()?,
        })
    }
}

/// Names and values, as they stand in an entry.
#[derive(Clone)]
struct Headers<'a>(&'a [u8]);

impl<'a> Headers<'a> {
    /// Those that fit, the first ones first.
    fn fitting<'h>(
        headers: &'h [(&'h [u8], &'h [u8])],
    ) -> impl Iterator<Item = (&'h [u8], &'h [u8])> + Clone {
        let mut room = MAX_HEADERS;
        headers.iter().copied().filter(move |&(name, value)| {
            let left = room.checked_sub(Headers::bytes_of((name, value)));
            let fits = left.is_some() && u8::try_from(name.len()).is_ok();
            room = left.filter(|_| fits).unwrap_or(room);
            fits
        })
    }

    fn bytes_of((name, value): (&[u8], &[u8])) -> usize {
        name.len().saturating_add(value.len()).saturating_add(3)
    }

    fn are_whole(mut self) -> bool {
        while self.next().is_some() {}
        self.0.is_empty()
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&[name, low, high], rest) = self.0.split_first_chunk()?;
        let (name, rest) = rest.split_at_checked(usize::from(name))?;
        let value = usize::from(u16::from_le_bytes([low, high]));
        let (value, rest) = rest.split_at_checked(value)?;
        self.0 = rest;
        Some((name, value))
    }
}

#[cfg(test)]
mod tests;
