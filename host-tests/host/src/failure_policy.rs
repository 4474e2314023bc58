//! What becomes of streams when their VM has trapped (`PluginConfig.failure_policy`).
//!
//! The stream that trapped is answered 503 or reset under every policy, and so is each
//! other stream of that VM as soon as its next event comes; one that only waits goes on
//! waiting (seen on Envoy 1.40).

use std::sync::Arc;

use crate::error::Error;
use crate::flow::{Side, StreamState};
use crate::guest::Guest;
use crate::headers::Headers;

/// How new streams fare on a worker whose VM has trapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailurePolicy {
    /// Each is answered 503.
    #[default]
    FailClosed,
    /// They go past the filter.
    FailOpen,
    /// The first one starts the VM anew, if the last start was
    /// [`Plugin::reload_backoff`](crate::Plugin::reload_backoff) ago; until then each is
    /// answered 503.
    FailReload,
}

/// When a VM was loaded, and those that were there before it on the same worker.
pub(crate) struct Loading {
    /// 0 for a worker's first VM.
    pub generation: u32,
    /// Of the last attempt. Nanoseconds since 1970.
    loaded_ns: u64,
    /// Why the last attempt to start the VM anew failed.
    pub failed: Option<Arc<Error>>,
    /// The VM before, as long as it may have streams.
    retired: Option<Box<Guest>>,
}

impl Loading {
    pub fn at(loaded_ns: u64) -> Self {
        Self {
            generation: 0,
            loaded_ns,
            failed: None,
            retired: None,
        }
    }
}

impl Guest {
    /// The VM of that generation; `None` when it is gone.
    pub fn of_generation(&mut self, generation: u32) -> Option<&mut Guest> {
        if self.loading.generation == generation {
            return Some(self);
        }
        self.loading.retired.as_mut()?.of_generation(generation)
    }

    /// The VM and number with which a stream begins. One opened on a VM that has been
    /// replaced since moves over, as Envoy creates contexts with the request's headers.
    pub fn place(&mut self, generation: u32, id: u32) -> (u32, u32) {
        let begun = self.of_generation(generation).is_none_or(|guest| {
            let stream = guest.vm().streams.get(&id);
            stream.is_none_or(|stream| stream.request.started)
        });
        if begun {
            return (generation, id);
        }
        self.reload_if_due();
        let now = self.loading.generation;
        if now == generation {
            return (generation, id);
        }
        let old = self.of_generation(generation);
        let Some(stream) = old.and_then(|guest| guest.vm_mut().streams.remove(&id)) else {
            return (generation, id);
        };
        let id = self.next_context;
        self.next_context += 1;
        self.vm_mut().streams.insert(id, stream);
        (now, id)
    }

    /// Shared data, metrics and queues stay, being the host's; the rest begins anew. A VM
    /// that does not start leaves the dead one in place, with its costs and transcript.
    pub fn reload_if_due(&mut self) {
        let vm = self.store.data();
        let now = vm.shared.now_ns();
        let due = self.loading.loaded_ns + vm.plugin.reload_backoff.as_nanos() as u64;
        let reloads = vm.plugin.failure_policy == FailurePolicy::FailReload;
        if self.death.is_none() || !reloads || now < due {
            return;
        }
        self.loading.loaded_ns = now;
        let (plugin, shared) = (vm.plugin.clone(), vm.shared.clone());
        let (worker, recorded) = (vm.worker, vm.transcript.is_some());
        let started = Guest::start(&self.module, plugin, shared, worker, recorded);
        let mut next = match started {
            Ok(next) => next,
            Err(failed) => {
                let vm = self.store.data_mut();
                vm.costs += failed.costs;
                if let Some(transcript) = &mut vm.transcript {
                    transcript.append(failed.transcript);
                }
                self.loading.failed = Some(Arc::new(failed.error));
                return;
            }
        };
        next.loading.generation = self.loading.generation + 1;
        let mut last = std::mem::replace(self, next);
        let (old, new) = (last.store.data_mut(), self.store.data_mut());
        new.costs += old.costs;
        if let (Some(earlier), Some(transcript)) = (&mut old.transcript, &mut new.transcript) {
            transcript.follow(std::mem::take(earlier));
        }
        self.loading.retired = if old.streams.is_empty() && old.connections.is_empty() {
            last.loading.retired.take()
        } else {
            Some(Box::new(last))
        };
    }

    /// Whether a stream goes past the filter; decided when its headers come.
    pub fn bypasses(&mut self, id: u32) -> bool {
        let open = self.vm().plugin.failure_policy == FailurePolicy::FailOpen;
        let dead = self.death.is_some();
        let Some(stream) = self.stream(id) else {
            return false;
        };
        stream.bypasses |= open && dead && !stream.created;
        stream.bypasses
    }

    pub fn pass_headers(&mut self, id: u32, side: Side, end: bool) {
        self.pass(id, |stream| {
            let flow = stream.flow_mut(side);
            flow.headers_visible = false;
            flow.forward_headers(end);
        });
    }

    pub fn pass_data(&mut self, id: u32, side: Side, bytes: &[u8], end: bool) {
        self.pass(id, |stream| stream.flow_mut(side).forward_body(bytes, end));
    }

    pub fn pass_trailers(&mut self, id: u32, side: Side, trailers: Headers) {
        self.pass(id, |stream| {
            let flow = stream.flow_mut(side);
            flow.complete = true;
            flow.trailers = Some(trailers);
            flow.forward_trailers();
        });
    }

    fn pass(&mut self, id: u32, forward: impl FnOnce(&mut StreamState)) {
        if let Some(stream) = self.stream(id) {
            forward(stream);
        }
        self.after_callback(id);
    }
}
