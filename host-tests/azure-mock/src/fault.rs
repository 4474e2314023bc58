//! What can go wrong on purpose, and its one text form, shared by the configuration, the
//! command line, the admin paths and the `x-mock-fault` request header.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The request header that asks for a fault for this one request.
pub const FAULT_HEADER: &str = "x-mock-fault";

/// Faults to apply to an answer. The text form is a list of terms separated by `;`, such
/// as `latency=200ms;status=429;retry-after-ms=1500`. The default is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// `latency=200ms`: wait before the response headers.
    pub latency: Duration,
    /// `event-delay=5ms`: wait before each event of a stream.
    pub event_delay: Duration,
    /// `events-at-once=10`: send so many events of a stream as one piece, after the waits of
    /// all of them.
    pub events_at_once: Option<usize>,
    /// `status=429`: answer with this error instead.
    pub status: Option<u16>,
    /// `retry-after-ms=1500`: what an error answer says in `retry-after-ms` and, in
    /// seconds rounded up, in `retry-after`. Without it a 429 says 1 second.
    pub retry_after_ms: Option<u64>,
    /// `reset=headers` or `reset=after-events:3`.
    pub reset: Option<Reset>,
    /// `error-event:2`: after this many events of a stream send an error event and end.
    pub error_event: Option<usize>,
    /// `gzip`: compress the body, whatever the client accepts.
    pub gzip: bool,
    /// `trailers`: end the body with trailers (HTTP/2; over HTTP/1.1 only to a client
    /// that sends `te: trailers`).
    pub trailers: bool,
    /// `every=3`: only every third request of the region is hit.
    pub every: Option<u32>,
    /// `times=2`: only this many requests are hit, then the fault is over.
    pub times: Option<u32>,
}

/// Where a connection (HTTP/1.1) or a stream (HTTP/2) is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// Before any byte of the response.
    Headers,
    /// After this many events of a stream. A JSON body is cut in half, and at 0 before
    /// its first byte.
    AfterEvents(usize),
}

impl Fault {
    /// Puts the terms of `text` on top of this fault; `none` takes away what there was.
    ///
    /// # Errors
    /// On a term that is unknown or has a wrong value; the message names the term.
    pub fn apply(&mut self, text: &str) -> Result<(), String> {
        for term in text.split(';').map(str::trim).filter(|t| !t.is_empty()) {
            let (name, value) = term.split_once(['=', ':']).unwrap_or((term, ""));
            self.apply_term(name.trim(), value.trim())
                .ok_or_else(|| format!("`{term}` is not a fault; known: {KNOWN}"))?;
        }
        Ok(())
    }

    fn apply_term(&mut self, name: &str, value: &str) -> Option<()> {
        match (name, value) {
            ("none", "") => *self = Self::default(),
            ("gzip", "") => self.gzip = true,
            ("trailers", "") => self.trailers = true,
            ("latency", _) => self.latency = parse_duration(value)?,
            ("event-delay", _) => self.event_delay = parse_duration(value)?,
            ("events-at-once", _) => {
                self.events_at_once = Some(value.parse().ok().filter(|n| *n > 0)?)
            }
            ("status", _) => {
                self.status = Some(value.parse().ok().filter(|s| (400..600).contains(s))?)
            }
            ("retry-after-ms", _) => self.retry_after_ms = Some(value.parse().ok()?),
            ("reset", "headers") => self.reset = Some(Reset::Headers),
            ("reset", _) => {
                let events = value.strip_prefix("after-events:")?.parse().ok()?;
                self.reset = Some(Reset::AfterEvents(events));
            }
            ("error-event", _) => self.error_event = Some(value.parse().ok()?),
            ("every", _) => self.every = Some(value.parse().ok().filter(|n| *n > 0)?),
            ("times", _) => self.times = Some(value.parse().ok()?),
            _ => return None,
        }
        Some(())
    }
}

const KNOWN: &str = "none, latency=200ms, event-delay=5ms, events-at-once=10, status=429, \
     retry-after-ms=1500, reset=headers, reset=after-events:3, error-event:2, gzip, trailers, every=3, \
     times=2";

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut fault = Self::default();
        fault.apply(text)?;
        Ok(fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut terms = Vec::new();
        if !self.latency.is_zero() {
            terms.push(format!("latency={}us", self.latency.as_micros()));
        }
        if !self.event_delay.is_zero() {
            terms.push(format!("event-delay={}us", self.event_delay.as_micros()));
        }
        terms.extend(self.events_at_once.map(|n| format!("events-at-once={n}")));
        terms.extend(self.status.map(|s| format!("status={s}")));
        terms.extend(self.retry_after_ms.map(|ms| format!("retry-after-ms={ms}")));
        terms.extend(self.reset.map(|reset| match reset {
            Reset::Headers => "reset=headers".to_owned(),
            Reset::AfterEvents(n) => format!("reset=after-events:{n}"),
        }));
        terms.extend(self.error_event.map(|n| format!("error-event:{n}")));
        if self.gzip {
            terms.push("gzip".to_owned());
        }
        if self.trailers {
            terms.push("trailers".to_owned());
        }
        terms.extend(self.every.map(|n| format!("every={n}")));
        terms.extend(self.times.map(|n| format!("times={n}")));
        if terms.is_empty() {
            terms.push("none".to_owned());
        }
        f.write_str(&terms.join(";"))
    }
}

impl serde::Serialize for Fault {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Fault {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// `250us`, `200ms`, `1.5s`; a bare number is milliseconds.
fn parse_duration(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| c.is_ascii_alphabetic());
    let (number, unit) = text.split_at(unit.unwrap_or(text.len()));
    let number: f64 = number.trim().parse().ok()?;
    let seconds = match unit {
        "us" => number / 1e6,
        "" | "ms" => number / 1e3,
        "s" => number,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

/// The fault of a region and which of its requests it hits.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    fault: Fault,
    seen: u32,
    hit: u32,
}

impl Standing {
    pub(crate) fn new(fault: Fault) -> Self {
        Self {
            fault,
            seen: 0,
            hit: 0,
        }
    }

    /// The fault as it was set.
    pub(crate) fn fault(&self) -> &Fault {
        &self.fault
    }

    /// What the next request suffers.
    pub(crate) fn next(&mut self) -> Fault {
        self.seen = self.seen.wrapping_add(1);
        let due = self.fault.every.is_none_or(|n| self.seen.is_multiple_of(n))
            && self.fault.times.is_none_or(|n| self.hit < n);
        if !due {
            return Fault::default();
        }
        self.hit = self.hit.saturating_add(1);
        self.fault.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_forms() {
        let rows = [
            ("", "none"),
            ("none", "none"),
            (" latency = 200ms ; gzip", "latency=200000us;gzip"),
            ("latency=20", "latency=20000us"),
            ("latency=1.5s", "latency=1500000us"),
            ("event-delay=250us", "event-delay=250us"),
            ("events-at-once=10", "events-at-once=10"),
            (
                "status=429;retry-after-ms=1500",
                "status=429;retry-after-ms=1500",
            ),
            ("reset=headers", "reset=headers"),
            (
                "reset=after-events:3;trailers",
                "reset=after-events:3;trailers",
            ),
            ("error-event:2", "error-event:2"),
            ("error-event=2", "error-event:2"),
            ("every=3;times=2", "every=3;times=2"),
            ("gzip;none;status=500", "status=500"),
        ];
        for (text, shown) in rows {
            let fault: Fault = text.parse().unwrap();
            assert_eq!(fault.to_string(), shown, "{text}");
            assert_eq!(fault.to_string().parse::<Fault>().unwrap(), fault, "{text}");
        }
        for bad in [
            "late=1",
            "latency=",
            "latency=-1",
            "latency=1h",
            "events-at-once=0",
            "status=200",
            "status=x",
            "reset=",
            "reset=after-events:x",
            "error-event",
            "every=0",
            "gzip=yes",
        ] {
            let error = bad.parse::<Fault>().unwrap_err();
            assert!(error.contains(&format!("`{bad}`")), "{bad}: {error}");
        }
    }

    #[test]
    fn every_and_times_choose_the_requests() {
        let rows = [
            ("status=500", "xxxxxx"),
            ("status=500;every=3", "..x..x"),
            ("status=500;times=2", "xx...."),
            ("status=500;every=2;times=2", ".x.x.."),
        ];
        for (text, pattern) in rows {
            let mut standing = Standing::new(text.parse().unwrap());
            let hits: String = (0..pattern.len())
                .map(|_| {
                    if standing.next().status.is_some() {
                        'x'
                    } else {
                        '.'
                    }
                })
                .collect();
            assert_eq!(hits, pattern, "{text}");
        }
    }
}
