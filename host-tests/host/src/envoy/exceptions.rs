//! What only one of this harness and a real Envoy can have, and why.

use super::waiting;
use crate::headers::Headers;
use crate::message::Received;
use crate::scenario::Outcome;
use crate::scenario::presented::SERVICE_TIME;

/// What is taken out of both outcomes before they are compared; all else must be the same.
pub struct Exception {
    /// What it is.
    pub what: &'static str,
    /// Why the two cannot have the same.
    pub reason: &'static str,
    /// They may have the same by chance; otherwise some scenario must show that they differ.
    pub by_chance: bool,
    take_out: fn(&mut Shown),
}

/// Everything an event is compared by.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// What has come out.
    pub outcome: Outcome,
    /// What the callout that the event is about had sent.
    pub sent: Received,
}

/// All of them. A test finds a scenario that needs each.
pub const EXCEPTIONS: &[Exception] = &[
    Exception {
        what: "`date` of a response",
        reason: "Envoy adds it after the last filter, with the time of day",
        by_chance: false,
        take_out: |shown| for_each_head(shown, |headers, _| headers.remove("date")),
    },
    Exception {
        what: "`connection` and `transfer-encoding` at the peers",
        reason: "they belong to one hop of HTTP/1, and Envoy's codec adds and removes them",
        by_chance: false,
        take_out: |shown| {
            for_each_head(shown, |headers, _| {
                headers.remove("connection");
                headers.remove("transfer-encoding");
            });
        },
    },
    Exception {
        what: "`content-length: 0` at the peers",
        reason: "Envoy's HTTP/1 codec adds it to a message without a body",
        by_chance: false,
        take_out: |shown| {
            for_each_head(shown, |headers, body| {
                if body.is_empty() && headers.value("content-length") == Some(b"0") {
                    headers.remove("content-length");
                }
            });
        },
    },
    Exception {
        what: "`x-envoy-internal` and `x-envoy-expected-rq-timeout-ms` of a callout",
        reason: "Envoy's own client adds them behind the filter, and nothing turns them off",
        by_chance: false,
        take_out: |shown| {
            if let Some(headers) = &mut shown.sent.headers {
                headers.remove("x-envoy-internal");
                headers.remove("x-envoy-expected-rq-timeout-ms");
            }
        },
    },
    Exception {
        what: "the number in `x-envoy-upstream-service-time` of a callout's answer",
        reason: "it is how long the answer took",
        by_chance: false,
        take_out: |shown| {
            for line in &mut shown.outcome.logs {
                *line = without_service_time(line);
            }
        },
    },
    Exception {
        what: "fractions of a second in `retry-after-ms`, `x-ratelimit-reset-*` and \
               `Please try again in`",
        reason: "a time that is left is less when Envoy's clock, which does not wait, has gone \
                 on; both are rounded up to whole seconds",
        by_chance: false,
        take_out: |shown| {
            for stream in shown.outcome.streams.values_mut() {
                waiting::round_up(&mut stream.client);
            }
        },
    },
    Exception {
        what: "the number in `age` of an answer",
        reason: "it is how many seconds ago a cache kept it, and Envoy's clock does not wait",
        by_chance: true,
        take_out: |shown| {
            for_each_head(shown, |headers, _| {
                if headers.value("age").is_some() {
                    headers.set("age", "");
                }
            });
        },
    },
    Exception {
        what: "the order of open callouts",
        reason: "each has a connection of its own, and any may arrive first",
        by_chance: true,
        take_out: |shown| shown.outcome.callouts.sort_unstable(),
    },
    Exception {
        what: "shared data",
        reason: "nothing shows it outside of Envoy; what a filter reads of it is compared",
        by_chance: false,
        take_out: |shown| shown.outcome.shared_data.clear(),
    },
];

/// What is not looked at on one of them or on both, and why: nothing of it is compared.
pub const NOT_COMPARED: &[(&str, &str)] = &[
    (
        "`te`, `content-type`, `grpc-timeout`, `x-envoy-internal` and \
         `x-envoy-expected-rq-timeout-ms` of a gRPC request",
        "gRPC and Envoy's client add them behind the filter; the timeout is compared by itself",
    ),
    (
        "`transfer-encoding` of what an HTTP/1 peer receives",
        "it belongs to that hop, and the bytes are compared without their chunks",
    ),
    ("histograms", "they have no one value"),
    (
        "filter state and properties that neither this harness nor an expectation has",
        "Envoy's access log shows only those it is asked for by name",
    ),
    (
        "the sizes in which bodies are sent on",
        "a receiver cannot rely on them: the system joins and cuts what is sent",
    ),
    (
        "the order of headers of different names",
        "HTTP gives it no meaning",
    ),
];

impl Shown {
    /// Without any of [`EXCEPTIONS`].
    pub fn comparable(&self) -> Self {
        self.without_all_but(usize::MAX)
    }

    /// Without any of [`EXCEPTIONS`] except the one at `kept`.
    pub fn without_all_but(&self, kept: usize) -> Self {
        let mut shown = self.clone();
        for (index, exception) in EXCEPTIONS.iter().enumerate() {
            if index != kept {
                (exception.take_out)(&mut shown);
            }
        }
        shown
    }
}

/// Every head that a peer received, with its body.
fn for_each_head(shown: &mut Shown, mut edit: impl FnMut(&mut Headers, &[u8])) {
    let streams = shown.outcome.streams.values_mut();
    let at_peers = streams.flat_map(|stream| [&mut stream.client, &mut stream.upstream]);
    for message in at_peers.chain([&mut shown.sent]) {
        if let Some(headers) = &mut message.headers {
            edit(headers, &message.body);
        }
    }
}

/// Without the digits directly behind the header's name and `: `, as a filter logs its headers.
fn without_service_time(line: &str) -> String {
    let mut parts = line.split(SERVICE_TIME);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(SERVICE_TIME);
        match part.strip_prefix(": ") {
            Some(value) => {
                text.push_str(": ");
                text.push_str(value.trim_start_matches(|c: char| c.is_ascii_digit()));
            }
            None => text.push_str(part),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_service_time_is_left_out() {
        // (a line of the log, the same without the time)
        let rows = [
            (
                "{a: 1, x-envoy-upstream-service-time: 12, b: 3} 45",
                "{a: 1, x-envoy-upstream-service-time: , b: 3} 45",
            ),
            (
                "x-envoy-upstream-service-time = NOT_FOUND 7",
                "x-envoy-upstream-service-time = NOT_FOUND 7",
            ),
            ("headers=5", "headers=5"),
        ];
        for (line, without) in rows {
            assert_eq!(without_service_time(line), without);
        }
    }
}
