//! What happens to a VM outside streams: ticks, callout answers, foreign functions, queue notices.

use crate::ending::unanswered;
use crate::error::Death;
use crate::guest::Guest;
use crate::headers::Headers;
use crate::inline_headers::MapKind;
use crate::message::HttpAnswer;
use crate::vm::{ROOT, Root};

/// `WasmResult::BrokenConnection`, which Envoy reports for a callout that was reset.
const BROKEN_CONNECTION: u32 = 11;

impl Guest {
    /// When the next tick or callout timeout is due, nanoseconds since 1970.
    pub fn next_due_ns(&self) -> Option<u64> {
        if self.death.is_some() {
            return None;
        }
        let timeouts = self
            .vm()
            .http_calls
            .values()
            .filter_map(|pending| pending.deadline_ns);
        let grpc = self.vm().grpc.next_timeout().map(|(due, _)| due);
        timeouts.chain(grpc).chain(self.vm().next_tick_ns).min()
    }

    /// Makes the one call that is due first, if its time has come: a callout's timeout
    /// before a tick of the same instant.
    pub fn run_due(&mut self) {
        let now = self.vm().shared.now_ns();
        let mut calls = self.vm().http_calls.iter();
        let late = calls.find(|(_, pending)| pending.deadline_ns.is_some_and(|due| due <= now));
        if let Some((&id, _)) = late {
            let answer = of_envoy(504, "upstream request timeout");
            self.answer_http_call(id, Some(answer));
        } else if let Some((_, id)) = self.vm().grpc.next_timeout().filter(|(due, _)| *due <= now) {
            self.time_out_grpc(id);
        } else if self.vm().next_tick_ns.is_some_and(|due| due <= now) {
            let exports = self.exports.clone();
            self.call("proxy_on_tick", ROOT, exports.tick.as_ref(), ROOT, &[ROOT]);
            let vm = self.vm_mut();
            vm.next_tick_ns = vm.tick_period.map(|period| now + period.as_nanos() as u64);
            self.settle();
        }
    }

    /// A callout's connection breaks before any answer. False when there is no such callout.
    pub fn reset_http_call(&mut self, id: u32) -> bool {
        let reason = unanswered("connection termination");
        self.answer_http_call(id, Some(of_envoy(503, &reason)))
    }

    /// Answers a callout; `None` when an answer has begun and breaks off. False when there is
    /// no such callout.
    pub fn answer_http_call(&mut self, id: u32, answer: Option<HttpAnswer>) -> bool {
        let vm = self.vm_mut();
        if vm.http_calls.remove(&id).is_none() {
            return false;
        }
        let answer = answer.map(|answer| HttpAnswer {
            headers: answer.headers.in_map(MapKind::ResponseHeaders),
            trailers: answer.trailers.in_map(MapKind::ResponseTrailers),
            ..answer
        });
        let (headers, body, trailers) = match &answer {
            Some(answer) => (
                answer.headers.len(),
                answer.body.len(),
                answer.trailers.len(),
            ),
            None => (0, 0, 0),
        };
        if answer.is_none() {
            vm.call_status = (BROKEN_CONNECTION, "reset".to_owned());
        }
        vm.http_answer = answer;
        let (headers, body, trailers) = (headers as u32, body as u32, trailers as u32);
        let exports = self.exports.clone();
        self.call(
            "proxy_on_http_call_response",
            ROOT,
            exports.http_call_response.as_ref(),
            (ROOT, id, headers, body, trailers),
            &[ROOT, id, headers, body, trailers],
        );
        let vm = self.vm_mut();
        vm.http_answer = None;
        vm.call_status.1.clear();
        self.settle();
        true
    }

    pub fn foreign_function(&mut self, function_id: u32, data: &[u8]) {
        self.vm_mut().call_data = data.to_vec();
        let arguments = (ROOT, function_id, data.len() as u32);
        let exports = self.exports.clone();
        self.call(
            "proxy_on_foreign_function",
            ROOT,
            exports.foreign_function.as_ref(),
            arguments,
            &[ROOT, function_id, arguments.2],
        );
        self.vm_mut().call_data.clear();
        self.settle();
    }

    /// Envoy takes the configuration away. True when the root context is gone; false when
    /// the guest asks to wait, and it goes with `proxy_done`. Once only.
    pub fn shut_down(&mut self) -> bool {
        if self.vm().root != Root::Present {
            return self.vm().root == Root::Gone;
        }
        let exports = self.exports.clone();
        let done = self.call("proxy_on_done", ROOT, exports.done.as_ref(), ROOT, &[ROOT]);
        if done == Some(0) {
            self.vm_mut().root = Root::Waiting;
            self.settle();
            return false;
        }
        self.delete_root();
        self.settle();
        true
    }

    pub fn delete_root(&mut self) {
        let exports = self.exports.clone();
        self.call(
            "proxy_on_delete",
            ROOT,
            exports.delete.as_ref(),
            ROOT,
            &[ROOT],
        );
        let vm = self.vm_mut();
        vm.root = Root::Gone;
        vm.tick_period = None;
        vm.next_tick_ns = None;
        vm.http_calls.clear();
        vm.grpc.pending.clear();
        vm.dns.pending.clear();
    }

    /// Tells this VM's contexts of items in queues they own: of those that are there now, not
    /// of what the guest adds meanwhile. `left` counts down; at 0 the VM ends. True when there
    /// was one.
    pub fn run_queue_notices(&mut self, left: &mut usize) -> bool {
        let (shared, worker) = (self.vm().shared.clone(), self.vm().worker);
        let due = shared.queues().ready(worker);
        for _ in 0..due {
            let next = shared.queues().next_ready(worker);
            let Some((context, token)) = next else {
                return true;
            };
            if self.death.is_some() {
                continue;
            }
            if *left == 0 {
                let name = shared.queues().name(token);
                self.death = Some(Death::endless_notices(worker, &name));
                continue;
            }
            *left -= 1;
            if self.vm().context_exists(context) {
                let exports = self.exports.clone();
                let function = exports.queue_ready.as_ref();
                self.call(
                    "proxy_on_queue_ready",
                    context,
                    function,
                    (context, token),
                    &[context, token],
                );
                self.settle();
            }
        }
        due > 0
    }
}

/// An answer that Envoy's client makes where none comes.
fn of_envoy(status: u32, body: &str) -> HttpAnswer {
    let headers = [
        (":status", status.to_string()),
        ("content-length", body.len().to_string()),
        ("content-type", "text/plain".to_owned()),
    ];
    HttpAnswer {
        headers: Headers::from(headers),
        body: body.into(),
        trailers: Headers::new(),
    }
}
