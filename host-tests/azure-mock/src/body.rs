//! The body of an answer as a list of steps: bytes, pauses, trailers, a reset.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use crate::connection::ResetSwitch;

/// One thing an answer's body does.
#[derive(Debug)]
pub(crate) enum Step {
    /// Sends bytes.
    Data(Bytes),
    /// Lets time pass; what was sent before is on the wire by then.
    Pause(Duration),
    /// Ends with trailers.
    Trailers(HeaderMap),
    /// Ends with a reset, of the connection if there is a switch for it, else of the
    /// HTTP/2 stream.
    Reset(Option<ResetSwitch>),
}

/// Steps as a body.
#[derive(Debug)]
pub(crate) struct Steps {
    steps: VecDeque<Step>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Steps {
    pub(crate) fn new(steps: impl Into<VecDeque<Step>>) -> Self {
        Self {
            steps: steps.into(),
            sleep: None,
        }
    }
}

impl From<Bytes> for Steps {
    fn from(bytes: Bytes) -> Self {
        Self::new([Step::Data(bytes)])
    }
}

impl Body for Steps {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        loop {
            if let Some(sleep) = &mut self.sleep {
                if sleep.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                self.sleep = None;
            }
            let frame = match self.steps.pop_front() {
                None => None,
                Some(Step::Data(bytes)) => Some(Ok(Frame::data(bytes))),
                Some(Step::Trailers(trailers)) => Some(Ok(Frame::trailers(trailers))),
                Some(Step::Pause(time)) => {
                    self.sleep = Some(Box::pin(sleep(time)));
                    continue;
                }
                Some(Step::Reset(switch)) => {
                    if let Some(switch) = switch {
                        switch.pull();
                    }
                    Some(Err(io::Error::new(
                        io::ErrorKind::ConnectionReset,
                        "reset by fault",
                    )))
                }
            };
            return Poll::Ready(frame);
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty() && self.sleep.is_none()
    }

    /// Exact for a body that is one piece: hyper makes it a content-length.
    fn size_hint(&self) -> SizeHint {
        match (self.steps.len(), self.steps.front()) {
            (0, _) => SizeHint::with_exact(0),
            (1, Some(Step::Data(bytes))) => SizeHint::with_exact(bytes.len() as u64),
            _ => SizeHint::default(),
        }
    }
}
