//! Answers a test dictates instead of leaving them to the mock.

use std::collections::VecDeque;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::{HeaderMap, StatusCode};
use serde::Deserialize;

/// The request header whose text is answered instead of something made up.
pub const ANSWER_HEADER: &str = "x-mock-answer";

/// A dictated answer, and for which requests. Scripts of a region are tried in the order
/// they were added.
#[derive(Clone, Debug)]
pub struct Script {
    /// Only for requests whose raw body contains this.
    pub when: Option<String>,
    /// For so many requests; `None` is for all.
    pub times: Option<u32>,
    /// The answer.
    pub answer: Scripted,
}

/// What a [`Script`] answers.
#[derive(Clone, Debug)]
pub enum Scripted {
    /// The model says this text, in the shape and with the usage of the operation.
    Text(String),
    /// Exactly these bytes.
    Raw(RawAnswer),
}

/// A response given byte by byte.
#[derive(Clone, Debug, Default)]
pub struct RawAnswer {
    /// The status.
    pub status: StatusCode,
    /// Headers, in place of all the mock would send. One chunk gets a `content-length`,
    /// several are sent chunked, unless the headers say otherwise.
    pub headers: HeaderMap,
    /// The body, each chunk written by itself.
    pub chunks: Vec<Bytes>,
    /// The pause before each chunk but the first. With none, chunks may reach the client
    /// in one piece.
    pub pause: Duration,
}

impl Script {
    /// The next request is answered with this text.
    pub fn text(text: &str) -> Self {
        Self {
            when: None,
            times: Some(1),
            answer: Scripted::Text(text.to_owned()),
        }
    }

    /// The next request is answered with exactly this.
    pub fn raw(answer: RawAnswer) -> Self {
        Self {
            when: None,
            times: Some(1),
            answer: Scripted::Raw(answer),
        }
    }

    /// Only requests whose raw body contains `text`.
    #[must_use]
    pub fn when(mut self, text: &str) -> Self {
        self.when = Some(text.to_owned());
        self
    }

    /// All requests it fits, not only the first.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }

    /// Reads the JSON form of the admin path: `text`, or `status`, `headers`, `chunks`
    /// and `pause-ms`; `when` and `times` (1 unless given, 0 for always) with either. A
    /// chunk is a string, or `{"base64": …}` for bytes that are no text.
    ///
    /// # Errors
    /// On JSON of another form; the message says what.
    pub fn from_json(json: &[u8]) -> Result<Self, String> {
        let form: Form = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let answer = match form.text {
            Some(text) => Scripted::Text(text),
            None => Scripted::Raw(RawAnswer {
                status: StatusCode::from_u16(form.status).map_err(|error| error.to_string())?,
                headers: HeaderMap::try_from(&form.headers).map_err(|error| error.to_string())?,
                chunks: form
                    .chunks
                    .into_iter()
                    .map(Chunk::bytes)
                    .collect::<Result<_, _>>()?,
                pause: Duration::from_millis(form.pause_ms),
            }),
        };
        Ok(Self {
            when: form.when,
            times: Some(form.times).filter(|times| *times > 0),
            answer,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Form {
    when: Option<String>,
    #[serde(default = "once")]
    times: u32,
    text: Option<String>,
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    headers: std::collections::HashMap<String, String>,
    #[serde(default)]
    chunks: Vec<Chunk>,
    #[serde(default)]
    pause_ms: u64,
}

fn once() -> u32 {
    1
}

fn ok() -> u16 {
    200
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Chunk {
    Text(String),
    Bytes { base64: String },
}

impl Chunk {
    fn bytes(self) -> Result<Bytes, String> {
        match self {
            Self::Text(text) => Ok(text.into()),
            Self::Bytes { base64 } => STANDARD
                .decode(base64)
                .map(Bytes::from)
                .map_err(|e| format!("chunk: {e}")),
        }
    }
}

/// Takes the answer for a request with this body, and counts its use.
pub(crate) fn take(scripts: &mut VecDeque<Script>, body: &[u8]) -> Option<Scripted> {
    let fits = |script: &Script| {
        script
            .when
            .as_ref()
            .is_none_or(|text| memchr::memmem::find(body, text.as_bytes()).is_some())
    };
    let index = scripts.iter().position(fits)?;
    let script = &mut scripts[index];
    if let Some(times) = &mut script.times {
        *times = times.saturating_sub(1);
        if *times == 0 {
            return scripts.remove(index).map(|script| script.answer);
        }
    }
    Some(script.answer.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_taken_in_order() {
        let mut scripts = VecDeque::from([
            Script::text("a").when("one"),
            Script::text("b"),
            Script {
                times: Some(2),
                ..Script::text("c")
            },
            Script::text("d").always(),
        ]);
        let expected = [
            ("two", "b"),
            ("one", "a"),
            ("one", "c"),
            ("", "c"),
            ("", "d"),
            ("", "d"),
        ];
        for (body, text) in expected {
            match take(&mut scripts, body.as_bytes()) {
                Some(Scripted::Text(got)) => assert_eq!(got, text),
                other => panic!("{other:?}"),
            }
        }
        assert!(take(&mut VecDeque::new(), b"").is_none());
    }

    #[test]
    fn json_form() {
        let script = Script::from_json(
            br#"{"when":"x","times":0,"status":503,"headers":{"a":"b"},"chunks":["one",{"base64":"/w=="}],"pause-ms":3}"#,
        )
        .unwrap();
        assert_eq!((script.when.as_deref(), script.times), (Some("x"), None));
        let Scripted::Raw(raw) = script.answer else {
            panic!()
        };
        assert_eq!(raw.status, 503);
        assert_eq!(raw.headers["a"], "b");
        assert_eq!(raw.chunks, [&b"one"[..], b"\xff"]);
        assert_eq!(raw.pause, Duration::from_millis(3));
        for bad in [
            "",
            "{\"txt\":1}",
            r#"{"status":9}"#,
            r#"{"headers":{"\n":""}}"#,
            r#"{"chunks":[{"base64":"?"}]}"#,
        ] {
            assert!(Script::from_json(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
