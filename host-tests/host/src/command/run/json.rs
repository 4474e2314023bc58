//! A run as programs read it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json, json};
use tollgate_host::scenario::file::End;
use tollgate_host::scenario::level_name;
use tollgate_host::{CallDirection, Costs, Crossing, Headers, LogLine, Metric, Received, Value};

use super::input::Message;
use super::perform::{Run, StreamRun};
use super::timeline::Entry;
use crate::command::VERSION;

/// Everything, in one object.
pub fn of(run: &Run) -> Json {
    let metrics = run.metrics.iter().map(|((kind, name), metric)| {
        let value = match metric {
            Metric::Counter(value) | Metric::Gauge(value) => json!(value),
            Metric::Histogram(values) => json!(values),
        };
        json!({"kind": format!("{kind:?}").to_lowercase(), "name": name, "value": value})
    });
    let workers = run.workers.iter().enumerate().map(|(at, worker)| {
        let death = run.deaths.iter().find(|(dead, _)| *dead == at);
        let death = death.map(|(_, death)| {
            json!({"callback": death.callback, "reason": death.reason,
                "backtrace": death.backtrace, "last_log": death.last_log})
        });
        json!({"start": costs(&worker.start), "all": costs(&worker.all),
            "death": death})
    });
    let shared = run.outcome.shared_data.iter();
    let shared = shared.map(|(key, value)| json!({"key": bytes(key), "value": bytes(value)}));
    json!({
        "version": VERSION,
        "start": timeline(&run.start),
        "streams": run.streams.iter().map(|one| stream(run, one)).collect::<Vec<_>>(),
        "metrics": metrics.collect::<Vec<_>>(),
        "shared_data": shared.collect::<Vec<_>>(),
        "logs": run.logs.iter().map(log).collect::<Vec<_>>(),
        "workers": workers.collect::<Vec<_>>(),
    })
}

fn log(line: &LogLine) -> Json {
    json!({"worker": line.worker, "level": level_name(line.level), "message": line.message})
}

fn stream(run: &Run, stream: &StreamRun) -> Json {
    let values = |values: &std::collections::BTreeMap<String, Vec<u8>>| {
        let values = values
            .iter()
            .map(|(key, value)| (key.clone(), bytes(value)));
        Json::Object(values.collect())
    };
    let left = run.outcome.streams.get(&stream.name);
    json!({
        "name": stream.name,
        "worker": stream.worker,
        "timeline": timeline(&stream.timeline),
        "request": {"sent": sent(&stream.request), "received": received(&stream.upstream)},
        "response": {
            "sent": stream.response.as_ref().map(sent),
            "received": received(&stream.client),
        },
        "local_reply": stream.local_reply.as_ref().map(|reply| {
            json!({"status": reply.status, "details": reply.details,
                "headers": headers(&reply.headers), "body": bytes(&reply.body)})
        }),
        "details": stream.details,
        "end": stream.end.map(|end| format!("{end:?}")),
        "filter_state": left.map(|left| values(&left.filter_state)),
        "properties": left.map(|left| values(&left.properties)),
        "costs": costs(&stream.costs),
    })
}

fn sent(message: &Message) -> Json {
    json!({"headers": headers(&message.headers), "body": bytes(&message.body)})
}

fn received(message: &Received) -> Json {
    json!({
        "headers": message.headers.as_ref().map(headers),
        "body": bytes(&message.body),
        "chunks": message.chunks,
        "trailers": message.trailers.as_ref().map(headers),
        "end": End::of(message).word(),
    })
}

fn timeline(entries: &[Entry]) -> Json {
    let entries = entries.iter().map(|entry| match entry {
        Entry::Arrives { from, what } => json!({"from": from.name(), "sends": what}),
        Entry::Leaves { to, what } => json!({"to": to.name(), "gets": what}),
        Entry::Note(text) => json!({"note": text}),
        Entry::Crossing(worker, call) => crossing(*worker, call),
    });
    entries.collect()
}

fn crossing(worker: usize, call: &Crossing) -> Json {
    let decoded = call.decoded();
    let named = |values: &[(&'static str, Value)]| {
        let mut object = Map::new();
        for (at, (name, value)) in values.iter().enumerate() {
            let name = match *name {
                "" => at.to_string(),
                name => name.to_owned(),
            };
            object.insert(name, self::value(value));
        }
        object
    };
    let kind = match call.direction {
        CallDirection::Callback => "callback",
        CallDirection::HostCall => "host_call",
    };
    json!({
        (kind): call.function,
        "worker": worker,
        "arguments": named(&decoded.arguments),
        "gives": named(&decoded.answers),
        "result": decoded.result,
        "raw": {"arguments": call.arguments, "result": call.result},
    })
}

fn value(value: &Value) -> Json {
    match value {
        // JSON's numbers end at 64 bits, and so do the ABI's.
        Value::Number(number) => match u64::try_from(*number) {
            Ok(number) => json!(number),
            Err(_) => json!(*number as i64),
        },
        Value::Name(name) => json!(name),
        Value::Bytes(part, len) if part.len() == *len => bytes(part),
        Value::Bytes(part, len) => json!({"begins": bytes(part), "length": len}),
        Value::Fields(fields) => headers(fields),
    }
}

/// Pairs: names repeat, and their order matters.
fn headers(headers: &Headers) -> Json {
    let pairs = headers
        .iter()
        .map(|(name, value)| json!([bytes(name), bytes(value)]));
    pairs.collect()
}

/// Text, or `{"base64": …}` for what is none.
fn bytes(bytes: &[u8]) -> Json {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!(text),
        Err(_) => json!({"base64": STANDARD.encode(bytes)}),
    }
}

fn costs(costs: &Costs) -> Json {
    let named = costs.named().into_iter();
    Json::Object(
        named
            .map(|(name, cost)| (name.to_owned(), json!(cost)))
            .collect(),
    )
}
