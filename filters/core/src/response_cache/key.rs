//! The key of a request: what its answer depends on, in 128 or 256 bits.
//!
//! Made while the body arrives, of the [canonical](super::canonical) text of each top-level field.
//! Every field counts, but for those that say how the answer is sent or whose it is; `null` is
//! no field. Their order does not count, that of unknown ones excepted, which count by their
//! bytes: what they mean is not known. What is not in the body, such as whose request it is, comes
//! in at the end, as a [`Scope`].

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

use super::canonical::{Canonical, Output};
use super::keyer::{Digest, Hasher, Keyer, Of};
use super::prefix::{Landmarks, Mark, Marks, Root, STEP};
use crate::endpoint::Dialect;
use crate::json::{Literal, Place};
use crate::scan::{Field, Role, Token};

/// Ends a name: no UTF-8 has this byte.
const END: u8 = 0xff;

/// What the answer to a request depends on besides its body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope<'a> {
    /// Who shares the entry: a tenant, or empty for all.
    pub tenant: &'a [u8],
    /// What decides where the request goes, such as the route's name.
    pub route: &'a [u8],
    /// The deployment that the path names.
    pub deployment: Option<&'a str>,
    /// Azure's `api-version`.
    pub api_version: Option<&'a str>,
    /// What an operator changes to have done with all earlier entries.
    pub version: &'a str,
}

/// A request's hashes, without its scope.
#[derive(Clone, Debug)]
pub struct RequestKey {
    keyer: Keyer,
    body: Digest,
    context: Digest,
    marks: Vec<Mark>,
    landmarks: Landmarks,
    is_grounded: bool,
}

/// The beginning of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// How many shorter ones the conversation has, those that are not remembered included.
    pub ordinal: u32,
    /// Offset in the body of its end.
    pub end: u32,
    /// Equal for the same messages up to there, after the same tools and instructions, of the same
    /// tenant, to the same model.
    pub hash: u128,
}

impl RequestKey {
    /// The key of what is stored for this request in `scope`.
    pub fn key(&self, scope: &Scope<'_>) -> Digest {
        let mut hasher = self.keyer.hasher(Of::Key);
        hasher.write(self.body.as_bytes());
        hasher.write_framed(scope.tenant);
        hasher.write_framed(scope.route);
        write_option(&mut hasher, scope.deployment);
        write_option(&mut hasher, scope.api_version);
        hasher.write_framed(scope.version.as_bytes());
        hasher.digest()
    }

    /// Beginnings of its conversation (`messages`, `input` of the Responses API, `prompt`), the
    /// shortest first; see [`prefix`](super::prefix) for which. Of `scope` tenant, deployment and
    /// API version count.
    pub fn prefixes<'a>(
        &'a self,
        scope: &Scope<'_>,
    ) -> impl DoubleEndedIterator<Item = Prefix> + ExactSizeIterator + Clone + use<'a> {
        let place = self.place(scope).digest().short();
        self.marks.iter().map(move |mark| Prefix {
            ordinal: mark.ordinal,
            end: mark.end,
            // Both are hashes under the secret already.
            hash: u128::from_le_bytes(mark.hash) ^ place,
        })
    }

    /// Which of its prefixes it has in common with others.
    pub fn landmarks(&self) -> Landmarks {
        self.landmarks
    }

    /// What all turns of its conversation in `scope` have in common, and no other conversation that
    /// begins otherwise; `None` where there is no conversation.
    pub fn conversation(&self, scope: &Scope<'_>) -> Option<u128> {
        let root = self.marks.get(self.landmarks.root)?;
        let mut hasher = self.place(scope);
        hasher.write(&root.hash);
        Some(hasher.digest().short())
    }

    /// Whether it has Azure's `data_sources`, or may have: with them Azure refuses fields that are
    /// new to it.
    pub fn is_grounded(&self) -> bool {
        self.is_grounded
    }

    fn place(&self, scope: &Scope<'_>) -> Hasher {
        let mut place = self.keyer.hasher(Of::Prefix);
        place.write(self.context.as_bytes());
        place.write_framed(scope.tenant);
        write_option(&mut place, scope.deployment);
        write_option(&mut place, scope.api_version);
        place
    }
}

fn write_option(hasher: &mut Hasher, value: Option<&str>) {
    match value {
        None => hasher.write(&[END]),
        Some(value) => hasher.write_framed(value.as_bytes()),
    }
}

/// What of the request a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// One that does not change the answer, or none.
    Nothing,
    Known(Field),
    /// What the conversation is in.
    Conversation(Field),
    Unknown,
}

impl Part {
    fn of(field: Field, dialect: Dialect) -> Part {
        match (field, dialect) {
            // How the answer is sent, whose it is, and what else is done with it.
            (
                Field::Stream
                | Field::StreamOptions
                | Field::User
                | Field::Metadata
                | Field::SafetyIdentifier
                | Field::PromptCacheKey
                | Field::Store,
                _,
            ) => Part::Nothing,
            (Field::Messages, Dialect::Chat)
            | (Field::Input, Dialect::Responses)
            | (Field::Prompt, Dialect::Completions) => Part::Conversation(field),
            _ => Part::Known(field),
        }
    }
}

/// As Azure names what an answer is to be grounded on, now and in its first versions.
const DATA_SOURCES: [&[u8]; 2] = [b"data_sources", b"dataSources"];

/// What the model reads before a conversation, or as part of it wherever it stands.
const CONTEXT: [Field; 6] = [
    Field::Model,
    Field::Instructions,
    Field::Tools,
    Field::Functions,
    Field::ResponseFormat,
    Field::Text,
];

/// Makes a request's hashes out of its tokens.
pub(crate) struct KeyReader {
    keyer: Keyer,
    dialect: Dialect,
    /// How many containers are open.
    depth: u32,
    /// Whether the open string at the top level is a key, and where its content starts.
    key: Option<usize>,
    part: Part,
    canonical: Canonical,
    running: Running,
    /// As no field has been written.
    field: Hasher,
    /// Of each known field.
    digests: [Digest; Field::ALL.len()],
    /// Of all others.
    unknown: Hasher,
    is_grounded: bool,
}

/// The hash of a field that is being read.
struct Running {
    hasher: Hasher,
    /// Whether it is a conversation.
    marking: bool,
    /// Bytes since the last mark.
    since: usize,
    marks: Marks,
}

impl Output for Running {
    #[inline]
    fn write(&mut self, bytes: &[u8], end: usize) {
        if self.marking {
            self.write_marking(bytes, end);
        } else {
            self.hasher.write(bytes);
        }
    }
}

impl Running {
    fn write_marking(&mut self, bytes: &[u8], end: usize) {
        let mut rest = bytes;
        while let Some((step, after)) = rest.split_at_checked(STEP.saturating_sub(self.since)) {
            self.hasher.write(step);
            rest = after;
            self.mark(end.saturating_sub(rest.len()));
        }
        self.hasher.write(rest);
        self.since = self.since.saturating_add(rest.len());
    }

    /// A mark where the body has been read up to `end`.
    fn mark(&mut self, end: usize) {
        self.marks.add(end, self.hasher.digest());
        self.since = 0;
    }
}

impl KeyReader {
    pub(crate) fn new(keyer: Keyer, dialect: Dialect) -> KeyReader {
        let field = keyer.hasher(Of::Field);
        KeyReader {
            keyer,
            dialect,
            depth: 0,
            key: None,
            part: Part::Nothing,
            canonical: Canonical::at(0),
            running: Running {
                hasher: field.clone(),
                marking: false,
                since: 0,
                marks: Marks::default(),
            },
            field,
            digests: [Digest::NONE; Field::ALL.len()],
            unknown: keyer.hasher(Of::Unknown),
            is_grounded: false,
        }
    }

    /// Takes the next token of `body`.
    #[inline(always)]
    pub(crate) fn token(&mut self, token: Token, body: &[u8]) {
        if self.depth <= 1 {
            return self.top_level(token, body);
        }
        match token {
            Token::Open { .. } => self.depth = self.depth.saturating_add(1),
            Token::Close { .. } => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.take(token, body);
        if let Token::Close { end } = token {
            match (self.depth, self.part) {
                (1, _) => self.end_field(body),
                // The array of messages is the second container.
                (2, Part::Conversation(_)) => self.end_message(end, body),
                _ => {}
            }
        }
    }

    /// Hashes what has arrived.
    pub(crate) fn flush(&mut self, body: &[u8]) {
        self.canonical.flush(body, &mut self.running);
    }

    /// The message whose last token was taken is of this author.
    pub(crate) fn end_message_of(&mut self, role: Option<Role>) {
        let is_operators = matches!(role, Some(Role::System | Role::Developer));
        self.running.marks.end_message(is_operators);
    }

    /// The hashes of the whole request.
    pub(crate) fn finish(self) -> RequestKey {
        let dialect = match self.dialect {
            Dialect::Chat => b'c',
            Dialect::Completions => b'l',
            Dialect::Embeddings => b'e',
            Dialect::Responses => b'r',
        };
        let mut body = self.keyer.hasher(Of::Body);
        body.write(&[dialect]);
        let mut context = self.keyer.hasher(Of::Context);
        context.write(&[dialect]);
        for (field, digest) in Field::ALL.iter().zip(&self.digests) {
            // One that is not there has none. Names are in the digests.
            body.write(digest.as_bytes());
            if CONTEXT.contains(field) {
                context.write(digest.as_bytes());
            }
        }
        body.write(self.unknown.digest().as_bytes());
        let otherwise = match self.dialect {
            Dialect::Completions => Root::First,
            Dialect::Chat | Dialect::Embeddings | Dialect::Responses => Root::Last,
        };
        let (marks, landmarks) = self.running.marks.finish(otherwise);
        RequestKey {
            keyer: self.keyer,
            body: body.digest(),
            context: context.digest(),
            marks,
            landmarks,
            is_grounded: self.is_grounded,
        }
    }

    /// A token of the request itself or of a field's value that is no container.
    #[inline(never)]
    fn top_level(&mut self, token: Token, body: &[u8]) {
        match token {
            Token::Open { at } => {
                self.depth = self.depth.saturating_add(1);
                if self.depth > 1 {
                    self.begin_value(at);
                    self.take(token, body);
                }
            }
            Token::Close { .. } => self.depth = 0,
            Token::String {
                place: Place::Key,
                at,
            } => self.key = Some(at.saturating_add(1)),
            Token::String {
                place: Place::Value,
                at,
            } => {
                self.begin_value(at);
                self.take(token, body);
            }
            Token::Piece { .. } if self.key.is_some() => {}
            Token::Piece { .. } => self.take(token, body),
            Token::StringEnd { at, .. } => match self.key.take() {
                Some(start) => self.begin_field(body.get(start..at).unwrap_or_default()),
                None => {
                    self.take(token, body);
                    if let Part::Conversation(_) = self.part {
                        self.end_message(at.saturating_add(1), body);
                    }
                    self.end_field(body);
                }
            },
            Token::Literal {
                literal: Literal::Null,
                ..
            } if matches!(self.part, Part::Known(_) | Part::Conversation(_)) => {
                // As good as absent.
                self.part = Part::Nothing;
            }
            Token::Number { start, .. } | Token::Literal { start, .. } => {
                self.begin_value(start);
                self.take(token, body);
                self.end_field(body);
            }
        }
    }

    /// A top-level key is complete. It is taken as it stands: known ones are never spelled with
    /// escapes, which the scanner refuses.
    fn begin_field(&mut self, key: &[u8]) {
        self.part = match Field::named(key) {
            Some(field) => Part::of(field, self.dialect),
            None => {
                // Spelled with escapes it may be any.
                self.is_grounded |= DATA_SOURCES.contains(&key) || key.contains(&b'\\');
                Part::Unknown
            }
        };
        self.running.hasher = self.field.clone();
        self.running.hasher.write(key);
        self.running.hasher.write(&[END]);
    }

    fn begin_value(&mut self, at: usize) {
        self.canonical = Canonical::at(at);
        self.running.marking = matches!(self.part, Part::Conversation(_));
    }

    #[inline(always)]
    fn take(&mut self, token: Token, body: &[u8]) {
        match self.part {
            Part::Known(_) | Part::Conversation(_) => {
                self.canonical.token(token, body, &mut self.running);
            }
            Part::Unknown => self.canonical.token_as_is(token),
            Part::Nothing => {}
        }
    }

    /// A message is complete, or a conversation that is one string.
    #[inline(never)]
    fn end_message(&mut self, end: usize, body: &[u8]) {
        self.canonical.flush(body, &mut self.running);
        // A step that ends here has its mark.
        if self.running.since > 0 {
            self.running.mark(end);
        }
    }

    /// The value of a top-level field is complete.
    #[inline(never)]
    fn end_field(&mut self, body: &[u8]) {
        self.canonical.flush(body, &mut self.running);
        let digest = self.running.hasher.digest();
        match self.part {
            Part::Known(field) | Part::Conversation(field) => {
                if let Some(place) = self.digests.get_mut(usize::from(field as u8)) {
                    *place = digest;
                }
            }
            Part::Unknown => self.unknown.write(digest.as_bytes()),
            Part::Nothing => {}
        }
        self.running.marking = false;
        self.part = Part::Nothing;
    }
}
