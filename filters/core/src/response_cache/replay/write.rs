//! JSON and events, written from what was read.

use super::raw::Raw;

/// A JSON text as it is written. Commas come by themselves.
#[derive(Debug, Default)]
pub(super) struct Json {
    out: Vec<u8>,
}

impl Json {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    fn separate(&mut self) {
        // Nothing that is written ends like this but what opens, and a name.
        if !matches!(self.out.last(), None | Some(b'{' | b'[' | b':' | b' ')) {
            self.out.push(b',');
        }
    }

    /// The name of the member that comes next.
    pub(super) fn name(&mut self, name: &[u8]) {
        self.separate();
        let name = core::str::from_utf8(name).unwrap_or_default();
        // Nothing that can be said of a string fails to be written.
        let quoted = serde_json::to_string(name).unwrap_or_default();
        self.out.extend_from_slice(quoted.as_bytes());
        self.out.push(b':');
    }

    /// A value, or several with commas between them; nothing where it is empty.
    pub(super) fn value(&mut self, json: &[u8]) {
        if !json.is_empty() {
            self.separate();
            self.out.extend_from_slice(json);
        }
    }

    /// A string; `content` is escaped.
    pub(super) fn string(&mut self, content: &[u8]) {
        self.separate();
        self.out.push(b'"');
        self.out.extend_from_slice(content);
        self.out.push(b'"');
    }

    pub(super) fn open(&mut self, bracket: u8) {
        self.separate();
        self.out.push(bracket);
    }

    pub(super) fn close(&mut self, bracket: u8) {
        self.out.push(bracket);
    }

    pub(super) fn member(&mut self, name: &str, value: Raw<'_>) {
        self.name(name.as_bytes());
        self.value(value.bytes());
    }

    pub(super) fn string_member(&mut self, name: &str, content: &[u8]) {
        self.name(name.as_bytes());
        self.string(content);
    }

    pub(super) fn null_member(&mut self, name: &str) {
        self.name(name.as_bytes());
        self.value(b"null");
    }

    pub(super) fn number_member(&mut self, name: &str, number: u64) {
        self.name(name.as_bytes());
        self.value(number.to_string().as_bytes());
    }
}

/// An event stream as it is written.
#[derive(Debug)]
pub(super) struct Events {
    json: Json,
    /// The longest that it may become.
    most: usize,
}

impl Events {
    /// A stream made of a document of this length: what every event repeats must not make
    /// many times as much of it.
    pub(super) fn of_document(len: usize) -> Events {
        Events {
            json: Json::default(),
            most: len.saturating_mul(16).saturating_add(1 << 20),
        }
    }

    /// One more event, whose data is an object with the members that `write` adds; `None`
    /// where the stream becomes too long.
    pub(super) fn push(&mut self, name: Option<&str>, write: impl FnOnce(&mut Json)) -> Option<()> {
        if let Some(name) = name {
            self.json.out.extend_from_slice(b"event: ");
            self.json.out.extend_from_slice(name.as_bytes());
            self.json.out.push(b'\n');
        }
        self.json.out.extend_from_slice(b"data: ");
        self.json.open(b'{');
        write(&mut self.json);
        self.json.close(b'}');
        self.json.out.extend_from_slice(b"\n\n");
        (self.json.out.len() <= self.most).then_some(())
    }

    /// The stream, after `[DONE]`.
    pub(super) fn done(mut self) -> Vec<u8> {
        self.json.out.extend_from_slice(b"data: [DONE]\n\n");
        self.json.into_bytes()
    }

    /// The stream as it is: those of the Responses API end with an event.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.json.into_bytes()
    }
}
