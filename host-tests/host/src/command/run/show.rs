//! A run as a person reads it.

use tollgate_host::{CallDirection, Costs, Crossing, Headers, Metric, Received, StreamEnd, Value};

use tollgate_host::scenario::level_name;

use super::body::{self, Form};
use super::diff::{self, Line, Sign};
use super::perform::{Run, StreamRun};
use super::timeline::{Entry, host_calls_of};
use crate::command::page::{ARRIVES, DIM, GONE, LEAVES, NEW, PLAIN, Page, STRONG, WARN, counted};

/// Bytes of a text in a traced call; `--json` has them all.
const TRACED_TEXT: usize = 100;

/// What a run cost, in the order shown; `--json` has the others.
const COSTS: [&str; 7] = [
    "fuel",
    "callbacks",
    "host_calls",
    "bytes_to_guest",
    "bytes_from_guest",
    "handovers",
    "memory_bytes",
];
/// Columns of a short cost, and of what stands before the first.
const COST_WIDTH: usize = 8;
const COST_LEAD: usize = 17;

/// `proxy_log`'s number for a warning.
const WARN_LEVEL: u32 = 3;

pub fn show(page: &mut Page, run: &Run, trace: bool) {
    page.title("Start", "");
    timeline(page, &run.start, None, trace);
    let mut last: Option<&StreamRun> = None;
    for stream in &run.streams {
        let number = match run.streams.len() {
            1 => String::new(),
            _ => format!(" {} (worker {})", stream.name, stream.worker),
        };
        let same = last.is_some_and(|last| same_messages(last, stream));
        page.title(&format!("Timeline{number}"), "");
        timeline(page, &stream.timeline, Some(stream), trace);
        if same {
            page.title(&format!("Messages{number}"), "as before");
        } else {
            messages(page, stream, &number);
        }
        last = Some(stream);
    }
    left_behind(page, run);
    costs(page, run);
    for (worker, death) in &run.deaths {
        page.title(&format!("Worker {worker} is dead"), "");
        page.wrapped(GONE, "  ", &death.to_string());
        for function in death.backtrace.iter().take(10) {
            page.line(&[(DIM, "    in "), (DIM, function)]);
        }
    }
}

fn same_messages(one: &StreamRun, other: &StreamRun) -> bool {
    one.upstream == other.upstream
        && one.client == other.client
        && one.details == other.details
        && one.end == other.end
}

fn timeline(page: &mut Page, entries: &[Entry], stream: Option<&StreamRun>, trace: bool) {
    for (at, entry) in entries.iter().enumerate() {
        match entry {
            Entry::Arrives { from, what } => {
                page.line(&[
                    (ARRIVES, &format!("  {:<8} → ", from.name())),
                    (PLAIN, what),
                ]);
            }
            Entry::Leaves { to, what } => {
                page.line(&[
                    (LEAVES, &format!("           → {:<8} ", to.name())),
                    (PLAIN, what),
                ]);
            }
            Entry::Note(text) => page.line(&[(WARN, "    ! "), (WARN, text)]),
            Entry::Crossing(worker, call) if call.direction == CallDirection::Callback => {
                let calls = host_calls_of(entries, at);
                callback(
                    page,
                    *worker,
                    call,
                    stream.map(|stream| stream.worker),
                    calls,
                    trace,
                );
            }
            Entry::Crossing(_, call) if trace => host_call(page, call),
            Entry::Crossing(..) => {}
        }
    }
}

fn callback(
    page: &mut Page,
    worker: usize,
    call: &Crossing,
    streams_worker: Option<usize>,
    calls: usize,
    trace: bool,
) {
    let decoded = call.decoded();
    let arguments: Vec<String> = decoded
        .arguments
        .iter()
        .filter(|(name, _)| *name != "context_id")
        .map(|(name, value)| labelled(name, value))
        .collect();
    let name = call
        .function
        .strip_prefix("proxy_")
        .unwrap_or(call.function);
    let context = match call.arguments.first() {
        Some(context) if name.starts_with("on_") => format!(" #{context}"),
        _ => String::new(),
    };
    let (arrow, result) = match &decoded.result {
        Some(result) => (" → ", result.as_str()),
        None => ("", ""),
    };
    let style = match result {
        "PAUSE" => WARN,
        "TRAPPED" | "false" => GONE,
        _ => NEW,
    };
    let calls = match calls {
        0 => String::new(),
        _ if trace => String::new(),
        calls => format!("   {}", counted(calls, "host call")),
    };
    let worker = match streams_worker == Some(worker) {
        true => String::new(),
        false => format!("worker {worker}: "),
    };
    let lead = format!("      {worker}");
    let mut arguments = format!("({})", arguments.join(", "));
    let others = [&lead, name, &context, arrow, result, &calls];
    let others: usize = others.iter().map(|part| part.chars().count()).sum();
    if !page.has_room_for(others + arguments.chars().count()) {
        // What it returned matters more than what it was told.
        arguments = "(…)".to_owned();
    }
    page.line(&[
        (DIM, &lead),
        (STRONG, name),
        (DIM, &context),
        (PLAIN, &arguments),
        (PLAIN, arrow),
        (style, result),
        (DIM, &calls),
    ]);
}

fn host_call(page: &mut Page, call: &Crossing) {
    let decoded = call.decoded();
    let arguments: Vec<String> = decoded
        .arguments
        .iter()
        .map(|(_, value)| short(value))
        .collect();
    let result = decoded.result.unwrap_or_default();
    let style = match result.as_str() {
        "OK" | "0" => NEW,
        "TRAPPED" => GONE,
        _ => WARN,
    };
    let answers: Vec<String> = decoded
        .answers
        .iter()
        .map(|(name, value)| match *name {
            "value" | "out" => format!(" {}", short(value)),
            name => format!(" {}", labelled(name, value)),
        })
        .collect();
    page.line(&[
        (DIM, "          "),
        (
            PLAIN,
            call.function
                .strip_prefix("proxy_")
                .unwrap_or(call.function),
        ),
        (DIM, &format!("({})", arguments.join(", "))),
        (PLAIN, " → "),
        (style, &result),
        (PLAIN, &answers.concat()),
    ]);
}

fn labelled(name: &str, value: &Value) -> String {
    match name {
        "" => short(value),
        name => format!("{name} {}", short(value)),
    }
}

fn short(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::Name(name) => name.clone(),
        Value::Bytes(bytes, len) => quoted(bytes, *len),
        Value::Fields(headers) => {
            let fields = headers.iter();
            let fields = fields.map(|(name, value)| {
                format!(
                    "{}: {}",
                    String::from_utf8_lossy(name),
                    String::from_utf8_lossy(value)
                )
            });
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
    }
}

/// Text in quotes, other bytes in hexadecimal, the first of them.
fn quoted(bytes: &[u8], len: usize) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains(|c: char| c.is_control() && !c.is_whitespace()) => {
            let shown: String = text.chars().take(TRACED_TEXT).collect();
            match shown.len() < len {
                true => format!("{shown:?}… ({len} B)"),
                false => format!("{shown:?}"),
            }
        }
        _ => {
            let shown = bytes.iter().take(TRACED_TEXT / 4);
            let shown: String = shown.map(|byte| format!("{byte:02x}")).collect();
            match shown.len() / 2 < len {
                true => format!("0x{shown}… ({len} B)"),
                false => format!("0x{shown}"),
            }
        }
    }
}

fn messages(page: &mut Page, stream: &StreamRun, number: &str) {
    let request = Some((&stream.request.headers, stream.request.body.as_slice()));
    let about = format!("client → upstream{}", verdict(request, &stream.upstream));
    page.title(&format!("Request{number}"), &about);
    message(page, request, &stream.upstream, "upstream");
    if let Some(reply) = &stream.local_reply {
        let status = reply.status.to_string();
        page.title(
            &format!("Local reply{number}"),
            "instead of the upstream's answer",
        );
        let details = match reply.details.as_str() {
            "" => String::new(),
            details => format!(" {details}"),
        };
        page.line(&[(WARN, "  "), (WARN, &status), (PLAIN, &details)]);
    }
    let response = stream
        .response
        .as_ref()
        .filter(|_| stream.local_reply.is_none());
    let before = response.map(|message| (&message.headers, message.body.as_slice()));
    let about = match before {
        Some(_) => format!("upstream → client{}", verdict(before, &stream.client)),
        None => "to the client".to_owned(),
    };
    page.title(&format!("Response{number}"), &about);
    message(page, before, &stream.client, "client");
    if let Some(details) = stream
        .details
        .as_deref()
        .filter(|details| stream.local_reply.is_none() && *details != "via_upstream")
    {
        page.line(&[(DIM, "  response code details: "), (PLAIN, details)]);
    }
    if let Some(end) = stream.end.filter(|end| *end != StreamEnd::Complete) {
        page.line(&[(WARN, &format!("  the stream ended: {end:?}"))]);
    }
}

/// Whether the filter changed a message that went through it, behind its title.
fn verdict(before: Option<(&Headers, &[u8])>, after: &Received) -> &'static str {
    match (before, &after.headers) {
        (Some((headers, body)), Some(new_headers)) if after.complete => {
            let same = headers == new_headers && body == after.body && after.trailers.is_none();
            if same { ", unchanged" } else { ", changed" }
        }
        _ => "",
    }
}

fn message(page: &mut Page, before: Option<(&Headers, &[u8])>, after: &Received, receiver: &str) {
    let Some(headers) = &after.headers else {
        return page.line(&[(WARN, &format!("  the {receiver} received nothing"))]);
    };
    let (old_headers, old_body) = before.unwrap_or((headers, &after.body));
    lines(page, &diff::headers(old_headers, headers));
    let (form, changes) = body::body(old_body, &after.body);
    let size = match (old_body.len(), after.body.len()) {
        (old, new) if old_body == after.body => {
            let unchanged = if before.is_some() && old > 0 {
                ", unchanged"
            } else {
                ""
            };
            format!("{new} B{unchanged}")
        }
        (old, new) => format!("{old} B → {new} B"),
    };
    let form = match form {
        Form::Json => ", shown as indented JSON",
        Form::Binary => ", binary",
        Form::Text => "",
    };
    page.line(&[(DIM, &format!("  body: {size}{form}"))]);
    lines(page, &changes);
    if let Some(trailers) = &after.trailers {
        page.line(&[(DIM, "  trailers:")]);
        lines(page, &diff::headers(&Headers::new(), trailers));
    }
    if !after.complete {
        let how = if after.reset {
            "it broke off"
        } else {
            "its end has not come"
        };
        page.line(&[(WARN, &format!("  {how}"))]);
    }
}

fn lines(page: &mut Page, lines: &[Line]) {
    for line in lines {
        match line.sign {
            Sign::Same => page.line(&[(PLAIN, "    "), (PLAIN, &line.text)]),
            Sign::Gone => page.wrapped(GONE, "  - ", &line.text),
            Sign::New => page.wrapped(NEW, "  + ", &line.text),
            Sign::Gap => page.line(&[(DIM, "    … "), (DIM, &line.text)]),
        }
    }
}

/// What stays when the messages are gone.
fn left_behind(page: &mut Page, run: &Run) {
    for (name, stream) in &run.outcome.streams {
        let number = match run.streams.len() {
            1 => String::new(),
            _ => format!(" {name}"),
        };
        for (title, values) in [
            ("Filter state", &stream.filter_state),
            ("Properties", &stream.properties),
        ] {
            if !values.is_empty() {
                page.title(&format!("{title}{number}"), "");
            }
            for (key, value) in values {
                entry(page, "  ", key, &quoted(value, value.len()));
            }
        }
    }
    if !run.metrics.is_empty() {
        page.title("Metrics", "of all workers");
    }
    for ((kind, name), metric) in &run.metrics {
        let value = match metric {
            Metric::Counter(value) | Metric::Gauge(value) => value.to_string(),
            Metric::Histogram(values) => format!("{values:?}"),
        };
        let kind = format!("{kind:?}").to_lowercase();
        entry(page, &format!("  {kind:<9} "), name, &value);
    }
    if !run.outcome.shared_data.is_empty() {
        page.title("Shared data", "");
    }
    for (key, value) in &run.outcome.shared_data {
        let (key, value) = (quoted(key, key.len()), quoted(value, value.len()));
        entry(page, "  ", &key, &value);
    }
    if !run.logs.is_empty() {
        page.title("Logs", "of all workers, their starts included");
    }
    for line in &run.logs {
        let style = match line.level {
            WARN_LEVEL => WARN,
            level if level > WARN_LEVEL => GONE,
            _ => PLAIN,
        };
        let worker = match run.workers.len() {
            1 => String::new(),
            _ => format!("worker {} ", line.worker),
        };
        let lead = format!("  {worker}{:<8} ", level_name(line.level));
        page.wrapped(style, &lead, &line.message);
    }
}

/// A name and its value, of which the end may matter as much as the beginning.
fn entry(page: &mut Page, lead: &str, name: &str, value: &str) {
    let columns = [lead, name, " = ", value].map(|part| part.chars().count());
    if page.has_room_for(columns.iter().sum()) {
        page.line(&[(DIM, lead), (PLAIN, name), (DIM, " = "), (STRONG, value)]);
    } else {
        page.wrapped(PLAIN, lead, &format!("{name} = {value}"));
    }
}

fn costs(page: &mut Page, run: &Run) {
    page.title("Costs", "the same on every machine");
    let mut rows = Vec::new();
    for (at, worker) in run.workers.iter().enumerate() {
        rows.push((format!("worker {at} start"), &worker.start));
        if run.workers.len() > 1 || run.streams.len() > 1 {
            rows.push((format!("worker {at} in all"), &worker.all));
        }
    }
    let streams = run.streams.iter();
    rows.extend(streams.map(|stream| (format!("request {}", stream.name), &stream.costs)));

    let width = |name: &str| name.len().max(COST_WIDTH);
    let columns: usize = COSTS.iter().map(|name| 1 + width(name)).sum();
    if !page.has_room_for(COST_LEAD + columns) {
        for (name, costs) in rows {
            let costs = COSTS.map(|cost| format!("{cost} {}", amount(costs, cost)));
            page.wrapped(PLAIN, &format!("  {name}: "), &costs.join(", "));
        }
        return;
    }
    let names = COSTS.map(|name| format!(" {name:>COST_WIDTH$}"));
    page.line(&[(DIM, &" ".repeat(COST_LEAD)), (DIM, &names.concat())]);
    for (name, costs) in rows {
        let costs = COSTS.map(|cost| format!(" {:>1$}", amount(costs, cost), width(cost)));
        let lead = format!("  {name:<width$}", width = COST_LEAD - 2);
        page.line(&[(PLAIN, &lead), (PLAIN, &costs.concat())]);
    }
}

/// A cost by its name; `-` where it was not counted.
fn amount(costs: &Costs, name: &str) -> String {
    let named = costs.named();
    let found = named.iter().find(|(found, _)| *found == name);
    let cost = found.and_then(|(_, cost)| *cost);
    cost.map_or_else(|| "-".to_owned(), |cost| cost.to_string())
}
