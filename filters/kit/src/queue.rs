//! Streams that wait for their turn, which comes when another ends or with a tick.
//!
//! The SDK lends a context to one callback at a time and hands out no other, so what the SDK knows
//! is a [`Handle`], and the streams that wait are known here too.
//!
//! They go on in callbacks that return nothing, and in no others: where any stream is answered in a
//! callback of headers or a body, Envoy holds back what that callback is about, whatever it
//! returns.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;
use tollgate_core::callout::{News, Place, Turn};

use crate::abi;
use crate::root::Worker;
use crate::stream::Stream;

/// Streams that go on in one callback: the host sends what they are answered with after it, all at
/// once. The others go on with the next tick.
const AT_ONCE: usize = 128;

/// The streams of a worker that wait, by their places.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: RefCell<Vec<(Place, Waiter)>>,
    /// Whose turn has come.
    called: RefCell<VecDeque<(Place, Turn)>>,
}

struct Waiter {
    /// The stream's context.
    id: u32,
    stream: Rc<RefCell<Stream>>,
}

impl Queue {
    /// It is the turn of who waits at `place`.
    pub(crate) fn call(&self, place: Place, turn: Turn) {
        if let Ok(mut called) = self.called.try_borrow_mut() {
            called.push_back((place, turn));
        }
    }

    /// Nobody waits any longer.
    pub(crate) fn call_all(&self) {
        if let (Ok(waiting), Ok(mut called)) =
            (self.waiting.try_borrow(), self.called.try_borrow_mut())
        {
            called.extend(waiting.iter().map(|(place, _)| (*place, Turn::Alone)));
        }
    }

    /// Whether it is anybody's turn.
    pub(crate) fn has_called(&self) -> bool {
        self.called
            .try_borrow()
            .is_ok_and(|called| !called.is_empty())
    }

    /// Lets those go on whose turn has come; `at_hand` is the context of the callback, which is one
    /// that returns nothing.
    pub(crate) fn serve(&self, at_hand: u32) {
        let mut has_left = false;
        for (place, turn) in core::iter::from_fn(|| self.next()).take(AT_ONCE) {
            let Some(Waiter { id, stream }) = self.leave(place) else {
                continue;
            };
            has_left = true;
            // A stream that the host does not know any more has gone its way already.
            if abi::set_effective_context(id).is_err() {
                continue;
            }
            let again = stream.try_borrow_mut().ok().and_then(|mut stream| {
                stream.resume(News::Turn(turn));
                stream.place()
            });
            if let Some(again) = again {
                self.join(again, Waiter { id, stream });
            }
        }
        if has_left {
            let _ = abi::set_effective_context(at_hand);
        }
    }

    fn next(&self) -> Option<(Place, Turn)> {
        self.called.try_borrow_mut().ok()?.pop_front()
    }

    fn join(&self, place: Place, waiter: Waiter) {
        if let Ok(mut waiting) = self.waiting.try_borrow_mut() {
            waiting.push((place, waiter));
        }
    }

    fn leave(&self, place: Place) -> Option<Waiter> {
        let mut waiting = self.waiting.try_borrow_mut().ok()?;
        let at = waiting.iter().position(|(other, _)| *other == place)?;
        // In order, so that those whose turn has come are found at the front. `remove` would trap
        // beyond the end, which a position never is.
        (at < waiting.len()).then(|| waiting.remove(at).1)
    }
}

/// A stream, as the SDK knows it.
pub(crate) struct Handle {
    id: u32,
    worker: Rc<Worker>,
    stream: Rc<RefCell<Stream>>,
}

impl Handle {
    pub(crate) fn new(id: u32, worker: Rc<Worker>) -> Handle {
        Handle {
            id,
            stream: Rc::new(RefCell::new(Stream::new(Rc::clone(&worker)))),
            worker,
        }
    }

    /// Lets the stream take a callback.
    fn on<T>(&mut self, callback: impl FnOnce(&mut Stream) -> T) -> Option<T> {
        // Nothing else is at a stream while the host calls it.
        let mut stream = self.stream.try_borrow_mut().ok()?;
        let before = stream.place();
        let done = callback(&mut stream);
        let after = stream.place();
        drop(stream);
        if before != after {
            let queue = &self.worker.queue;
            let _ = before.and_then(|place| queue.leave(place));
            if let Some(place) = after {
                let stream = Rc::clone(&self.stream);
                queue.join(
                    place,
                    Waiter {
                        id: self.id,
                        stream,
                    },
                );
            }
        }
        Some(done)
    }
}

impl Context for Handle {
    fn on_http_call_response(&mut self, _call: u32, headers: usize, body: usize, _trailers: usize) {
        self.on(|stream| stream.on_answer(headers, body));
        self.worker.queue.serve(self.id);
    }
}

impl HttpContext for Handle {
    fn on_http_request_headers(&mut self, count: usize, is_end: bool) -> Action {
        let action = self.on(|stream| stream.on_http_request_headers(count, is_end));
        action.unwrap_or(Action::Pause)
    }

    fn on_http_request_body(&mut self, available: usize, is_end: bool) -> Action {
        let action = self.on(|stream| stream.on_http_request_body(available, is_end));
        action.unwrap_or(Action::Pause)
    }

    fn on_http_request_trailers(&mut self, count: usize) -> Action {
        let action = self.on(|stream| stream.on_http_request_trailers(count));
        action.unwrap_or(Action::Pause)
    }

    fn on_http_response_headers(&mut self, count: usize, is_end: bool) -> Action {
        let action = self.on(|stream| stream.on_http_response_headers(count, is_end));
        action.unwrap_or(Action::Continue)
    }

    fn on_http_response_body(&mut self, available: usize, is_end: bool) -> Action {
        let action = self.on(|stream| stream.on_http_response_body(available, is_end));
        action.unwrap_or(Action::Continue)
    }

    fn on_http_response_trailers(&mut self, count: usize) -> Action {
        let action = self.on(|stream| stream.on_http_response_trailers(count));
        action.unwrap_or(Action::Continue)
    }

    fn on_log(&mut self) {
        self.on(Stream::on_log);
        self.worker.queue.serve(self.id);
    }
}
