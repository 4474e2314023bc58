//! An answer ready to be sent, and what faults do to it on the way.

use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TRAILER,
};
use hyper::{Response, StatusCode};

use crate::body::{Step, Steps};
use crate::connection::ResetSwitch;
use crate::error::{ApiError, stream_error};
use crate::fault::{Fault, Reset};
use crate::script::RawAnswer;
use crate::sse;

/// How long what was sent before a reset has to reach the peer: a TCP reset overtakes
/// bytes that are still queued.
const BEFORE_RESET: Duration = Duration::from_millis(20);

/// The trailer of the `trailers` fault.
const TRAILER_NAME: &str = "x-mock-trailer";

/// Status, headers and body of an answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Payload,
}

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum Payload {
    /// A JSON document.
    Json(Bytes),
    /// Server-sent events.
    Events(Vec<Bytes>),
    /// Dictated by a test.
    Raw { chunks: Vec<Bytes>, pause: Duration },
}

impl Reply {
    /// A 200 with a JSON document.
    pub(crate) fn json(body: impl Into<Bytes>) -> Self {
        Self {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            payload: Payload::Json(body.into()),
        }
    }

    /// A 200 with a stream.
    pub(crate) fn events(events: Vec<Bytes>) -> Self {
        Self {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            payload: Payload::Events(events),
        }
    }

    /// What a test dictated.
    pub(crate) fn raw(answer: RawAnswer) -> Self {
        Self {
            status: answer.status,
            headers: answer.headers,
            payload: Payload::Raw {
                chunks: answer.chunks,
                pause: answer.pause,
            },
        }
    }

    /// The response as the fault leaves it. `reset` is the switch of an HTTP/1.1
    /// connection; over HTTP/2, where only the stream is to be reset, there is none.
    pub(crate) fn into_response(
        mut self,
        fault: &Fault,
        reset: Option<&ResetSwitch>,
    ) -> Response<Steps> {
        let content_type = match self.payload {
            Payload::Json(_) => Some("application/json"),
            Payload::Events(_) => Some("text/event-stream; charset=utf-8"),
            Payload::Raw { .. } => None,
        };
        if let Some(content_type) = content_type {
            self.headers
                .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        if fault.gzip {
            self.headers
                .insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        if fault.trailers {
            self.headers
                .insert(TRAILER, HeaderValue::from_static(TRAILER_NAME));
        }
        let steps = match self.payload {
            Payload::Json(body) => json_steps(body, fault, reset, &mut self.headers),
            Payload::Events(events) => event_steps(events, fault, reset),
            Payload::Raw { chunks, pause } => raw_steps(chunks, pause),
        };
        let mut response = Response::new(Steps::new(steps));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

impl From<ApiError> for Reply {
    fn from(error: ApiError) -> Self {
        Self {
            status: error.status,
            headers: HeaderMap::new(),
            payload: Payload::Json(error.body.into()),
        }
    }
}

fn json_steps(
    body: Bytes,
    fault: &Fault,
    reset: Option<&ResetSwitch>,
    headers: &mut HeaderMap,
) -> Vec<Step> {
    let body = if fault.gzip {
        Gzip::default().last(&body)
    } else {
        body
    };
    if let Some(Reset::AfterEvents(events)) = fault.reset {
        headers.insert(CONTENT_LENGTH, body.len().into());
        let half = if events == 0 { 0 } else { body.len() / 2 };
        let mut steps = vec![Step::Data(body.slice(..half))];
        end_with_reset(&mut steps, reset);
        return steps;
    }
    let mut steps = vec![Step::Data(body)];
    if fault.trailers {
        steps.push(trailers());
    }
    steps
}

fn event_steps(mut events: Vec<Bytes>, fault: &Fault, reset: Option<&ResetSwitch>) -> Vec<Step> {
    if let Some(before) = fault.error_event {
        events.truncate(before);
        events.push(sse::data(&stream_error()));
    }
    let cut = match fault.reset {
        Some(Reset::AfterEvents(sent)) => {
            events.truncate(sent);
            true
        }
        _ => false,
    };
    let mut delay = fault.event_delay;
    if let Some(at_once) = fault.events_at_once {
        events = events
            .chunks(at_once)
            .map(|some| some.concat().into())
            .collect();
        delay *= at_once as u32;
    }
    let mut gzip = fault.gzip.then(Gzip::default);
    let last = events.len().saturating_sub(1);
    let mut steps = Vec::with_capacity(events.len() + 2);
    for (i, mut event) in events.into_iter().enumerate() {
        if !delay.is_zero() {
            steps.push(Step::Pause(delay));
        }
        if let Some(gzip) = &mut gzip {
            event = if i == last && !cut {
                std::mem::take(gzip).last(&event)
            } else {
                gzip.more(&event)
            };
        }
        steps.push(Step::Data(event));
    }
    if cut {
        end_with_reset(&mut steps, reset);
    } else if fault.trailers {
        steps.push(trailers());
    }
    steps
}

fn raw_steps(chunks: Vec<Bytes>, pause: Duration) -> Vec<Step> {
    let mut steps = Vec::new();
    for chunk in chunks {
        if !steps.is_empty() && !pause.is_zero() {
            steps.push(Step::Pause(pause));
        }
        steps.push(Step::Data(chunk));
    }
    steps
}

fn end_with_reset(steps: &mut Vec<Step>, reset: Option<&ResetSwitch>) {
    steps.push(Step::Pause(BEFORE_RESET));
    steps.push(Step::Reset(reset.cloned()));
}

fn trailers() -> Step {
    Step::Trailers(HeaderMap::from_iter([(
        HeaderName::from_static(TRAILER_NAME),
        HeaderValue::from_static("done"),
    )]))
}

/// One gzip stream over several writes, each of which can be decoded when it arrives.
struct Gzip(GzEncoder<Vec<u8>>);

impl Default for Gzip {
    fn default() -> Self {
        Self(GzEncoder::new(Vec::new(), Compression::fast()))
    }
}

impl Gzip {
    // Writing to memory does not fail.
    fn more(&mut self, data: &[u8]) -> Bytes {
        let _ = self.0.write_all(data).and_then(|()| self.0.flush());
        std::mem::take(self.0.get_mut()).into()
    }

    fn last(mut self, data: &[u8]) -> Bytes {
        let _ = self.0.write_all(data);
        self.0.finish().unwrap_or_default().into()
    }
}
