//! A run as a scenario file that expects what came out.

use std::fmt::Write as _;
use std::fs;
use std::path::{Component, Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tollgate_host::scenario::file::End;
use tollgate_host::scenario::{Checked, Checker, FileError, Scenario, report};
use tollgate_host::{Headers, Received};

use super::diff::{self, Sign};
use super::input::{Input, Message};
use super::perform::{Run, StreamRun};

/// Bodies above it are expected only where the filter changed them, in bytes.
const LONG_BODY: usize = 4096;

/// Envoy's details of an answer that came from the upstream: nothing to expect of a filter.
const VIA_UPSTREAM: &str = "via_upstream";

/// Writes the file, and plays it to be sure that it passes.
///
/// # Errors
/// When it cannot be written, or something of the run cannot be said in a scenario.
pub fn save(file: &Path, input: &Input, run: &Run) -> Result<(), String> {
    let text = scenario(file, input, run).map_err(|problem| in_file(file, problem))?;
    Scenario::parse(file, &text).map_err(|FileError { problem, key, .. }| {
        in_file(
            file,
            format!("a scenario cannot say this run: {key}: {problem}"),
        )
    })?;
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(|error| in_file(file, error))?;
    }
    fs::write(file, text).map_err(|error| in_file(file, error))?;
    let checked = Checker::default().check(file);
    if !checked.iter().all(Checked::passed) {
        let report: String = checked.iter().map(report).collect();
        return Err(format!(
            "saved, but it does not pass when played again:\n{report}"
        ));
    }
    Ok(())
}

fn in_file(file: &Path, problem: impl ToString) -> String {
    format!("cannot save {}: {}", file.display(), problem.to_string())
}

fn scenario(file: &Path, input: &Input, run: &Run) -> Result<String, String> {
    let mut out = String::new();
    let module = input
        .wasm
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let first = input
        .request
        .headers
        .get(":path")
        .unwrap_or_default()
        .into_owned();
    line(
        &mut out,
        "about",
        &quoted(&format!("What {module} does to {first}.")),
    );
    if input.fuel.is_some() {
        return Err("a scenario has no word for --fuel".to_owned());
    }
    out.push_str("\n[filter]\n");
    let wasm = relative(file, &input.wasm)?;
    line(&mut out, "wasm", &quoted(&wasm));
    for (key, value) in [
        ("name", &input.name),
        ("root_id", &input.root_id),
        ("vm_id", &input.vm_id),
        ("configuration", &input.configuration),
        ("vm_configuration", &input.vm_configuration),
    ] {
        if !value.is_empty() {
            line(&mut out, key, &text(value));
        }
    }
    if input.allow_on_headers_stop_iteration {
        line(&mut out, "allow_on_headers_stop_iteration", "true");
    }
    if let Some(bytes) = input.buffer_limit {
        line(
            &mut out,
            "per_connection_buffer_limit_bytes",
            &bytes.to_string(),
        );
    }
    if input.workers > 1 {
        line(&mut out, "workers", &input.workers.to_string());
    }
    for (key, value) in &input.environment {
        line(
            &mut out,
            &format!("environment.{}", quoted(key)),
            &quoted(value),
        );
    }
    // Top-level keys stand before the first table.
    let mut top = String::new();
    if !input.callouts.is_empty() {
        let clusters: Vec<String> = input.callouts.keys().map(|name| quoted(name)).collect();
        line(&mut top, "clusters", &format!("[{}]", clusters.join(", ")));
    }
    if let Some((worker, death)) = run.deaths.first() {
        let reason = format!("Worker {worker} dies: {}.", death.reason);
        line(&mut top, "traps", &quoted(&reason));
    }
    for (path, value) in &input.properties {
        line(
            &mut top,
            &format!("properties.{}", quoted(path)),
            &quoted(value),
        );
    }
    if input.http2 {
        line(
            &mut top,
            "protocol",
            "{ client = \"http2\", upstream = \"http2\" }",
        );
    }
    let after_about = out.find('\n').map_or(0, |at| at + 1);
    out.insert_str(after_about, &top);
    let last = run.streams.len() - 1;
    for (at, one) in run.streams.iter().enumerate() {
        stream(&mut out, input, one)?;
        expectation(&mut out, one, run, at == last)?;
    }
    Ok(out)
}

fn stream(out: &mut String, input: &Input, one: &StreamRun) -> Result<(), String> {
    out.push_str("\n[[steps]]\n");
    if one.worker > 0 {
        line(out, "worker", &one.worker.to_string());
    }
    message(out, "request", &input.request, &input.chunks, true)?;
    let callouts = |out: &mut String, after_response: bool| -> Result<(), String> {
        let these = one.callouts.iter();
        for callout in these.filter(|callout| callout.after_response == after_response) {
            let answer = &input.callouts[&callout.cluster];
            out.push_str("\n[[steps]]\n");
            line(out, "callout.cluster", &quoted(&callout.cluster));
            message(
                out,
                "callout.answer",
                answer,
                std::slice::from_ref(&answer.body),
                false,
            )?;
        }
        Ok(())
    };
    callouts(out, false)?;
    if one.response.is_some() {
        out.push_str("\n[[steps]]\n");
        message(
            out,
            "response",
            &input.response,
            &input.response_chunks,
            true,
        )?;
    }
    callouts(out, true)
}

fn message(
    out: &mut String,
    key: &str,
    message: &Message,
    pieces: &[Vec<u8>],
    may_be_cut: bool,
) -> Result<(), String> {
    line(out, &format!("{key}.head"), &text(&head(&message.headers)?));
    match pieces {
        [] => {}
        [whole] if !may_be_cut || pieces.len() == 1 => {
            if !whole.is_empty() {
                line(out, &format!("{key}.body"), &bytes(whole));
            }
        }
        _ => {
            let _ = writeln!(out, "{key}.chunks = [");
            for piece in pieces {
                let _ = writeln!(out, "  {},", bytes(piece));
            }
            out.push_str("]\n");
        }
    }
    Ok(())
}

fn expectation(out: &mut String, one: &StreamRun, run: &Run, last: bool) -> Result<(), String> {
    out.push_str("\n[[steps]]\n");
    let sent = &one.request;
    received(
        out,
        "upstream",
        Some((&sent.headers, &sent.body)),
        &one.upstream,
    )?;
    let response = one.response.as_ref().filter(|_| one.local_reply.is_none());
    let before = response.map(|message| (&message.headers, message.body.as_slice()));
    received(out, "client", before, &one.client)?;
    if let Some(details) = one
        .details
        .as_deref()
        .filter(|details| *details != VIA_UPSTREAM)
    {
        line(out, "expect.details", &quoted(details));
    }
    if let Some(left) = run.outcome.streams.get(&one.name) {
        for (key, values) in [
            ("filter_state", &left.filter_state),
            ("properties", &left.properties),
        ] {
            // Scenarios compare them as text.
            for (name, value) in values {
                let value = String::from_utf8_lossy(value);
                line(
                    out,
                    &format!("expect.{key}.{}", quoted(name)),
                    &text(&value),
                );
            }
        }
    }
    if last {
        for (name, value) in &run.outcome.metrics {
            // A gauge below zero has wrapped.
            line(
                out,
                &format!("expect.metrics.{}", quoted(name)),
                &value.cast_signed().to_string(),
            );
        }
        if !run.outcome.logs.is_empty() {
            out.push_str("expect.logs = [\n");
            for log in &run.outcome.logs {
                let _ = writeln!(out, "  {},", quoted(log));
            }
            out.push_str("]\n");
        }
    }
    Ok(())
}

/// What the filter changed, and how far the message came.
fn received(
    out: &mut String,
    side: &str,
    before: Option<(&Headers, &[u8])>,
    after: &Received,
) -> Result<(), String> {
    let key = |name: &str| format!("expect.{side}.{name}");
    if let Some(headers) = &after.headers {
        if let Some(status) = headers.get(":status") {
            line(out, &key("status"), &status);
        }
        let nothing = Headers::new();
        let old = before.map_or(&nothing, |(headers, _)| headers);
        let lines = diff::headers(old, headers);
        let new = lines.iter().filter(|line| line.sign == Sign::New);
        let new: Vec<&str> = new.map(|line| line.text.as_str()).collect();
        let new: Vec<&str> = new
            .into_iter()
            .filter(|line| !line.starts_with(":status:"))
            .collect();
        if !new.is_empty() {
            let new: Vec<String> = new.iter().map(|line| quoted(line)).collect();
            line(out, &key("headers"), &format!("[{}]", new.join(", ")));
        }
        let mut gone: Vec<String> = Vec::new();
        for (name, _) in old.iter() {
            let is_gone = headers.value(name).is_none();
            let name = quoted(&utf8(name)?);
            if is_gone && !gone.contains(&name) {
                gone.push(name);
            }
        }
        if !gone.is_empty() {
            line(out, &key("without"), &format!("[{}]", gone.join(", ")));
        }
        let changed = before.is_none_or(|(_, body)| body != after.body);
        if changed || (!after.body.is_empty() && after.body.len() <= LONG_BODY) {
            line(out, &key("body"), &bytes(&after.body));
        }
    }
    if let Some(trailers) = &after.trailers {
        let fields = trailers
            .iter()
            .map(|(name, value)| Ok(quoted(&format!("{}: {}", utf8(name)?, utf8(value)?))));
        let fields = fields.collect::<Result<Vec<_>, String>>()?;
        line(out, &key("trailers"), &format!("[{}]", fields.join(", ")));
    }
    line(out, &key("end"), &quoted(End::of(after).word()));
    Ok(())
}

/// A head as scenarios write it.
fn head(headers: &Headers) -> Result<String, String> {
    for (name, value) in headers.iter() {
        utf8(name)?;
        utf8(value)?;
    }
    tollgate_host::scenario::head::text(headers)
        .ok_or_else(|| "a head has a method or a status".to_owned())
}

fn utf8(bytes: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| {
        let shown = String::from_utf8_lossy(bytes);
        format!("a scenario's headers are UTF-8, and `{shown}` is not")
    })?;
    Ok(text.to_owned())
}

fn line(out: &mut String, key: &str, value: &str) {
    let _ = writeln!(out, "{key} = {value}");
}

/// Text in several lines where it has them and TOML would keep every byte of it.
fn text(value: &str) -> String {
    let plain = !value.contains("'''")
        && !value.ends_with('\'')
        && !value.contains(|c: char| c.is_control() && c != '\n' && c != '\t');
    if plain && value.contains('\n') {
        return format!("'''\n{value}'''");
    }
    if plain && value.contains('"') && !value.contains(['\'', '\n']) {
        return format!("'{value}'");
    }
    quoted(value)
}

/// A text in quotes, with TOML's escapes.
fn quoted(value: &str) -> String {
    let mut out = String::from("\"");
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn bytes(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(value) => text(value),
        Err(_) => format!("{{ base64 = \"{}\" }}", STANDARD.encode(bytes)),
    }
}

/// The module as seen from the scenario's folder.
fn relative(file: &Path, wasm: &Path) -> Result<String, String> {
    let absolute = |path: &Path| std::path::absolute(path).map_err(|error| error.to_string());
    let (file, wasm) = (absolute(file)?, absolute(wasm)?);
    let folder = file.parent().unwrap_or(Path::new("/"));
    let (folder, wasm) = (plain(folder), plain(&wasm));
    let shared = folder
        .iter()
        .zip(&wasm)
        .take_while(|(one, other)| one == other)
        .count();
    let up = folder.iter().skip(shared).map(|_| PathBuf::from(".."));
    let down = wasm.iter().skip(shared).map(PathBuf::from);
    let path: PathBuf = up.chain(down).collect();
    let path = path.to_str().ok_or("the module's path is not UTF-8")?;
    Ok(path.replace('\\', "/"))
}

/// The path's parts without `.` and `..`.
fn plain(path: &Path) -> Vec<Component<'_>> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts
}
