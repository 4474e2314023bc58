//! Values in a scenario's document, replaced where they stand.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use toml_edit::{Array, InlineTable, Item, Table, TableLike, Value};

use crate::connection_state::ReceivedBytes;
use crate::headers::Headers;
use crate::message::{Metadata, Received};
use crate::scenario::file::End;
use crate::scenario::head;
use crate::scenario::outcome::{ConnectionOutcome, Outcome, StreamOutcome};
use crate::scenario::shown;

/// A line longer than this is one element of a list to a line.
const WIDTH: usize = 80;

/// The table at `path` within `table`.
pub fn at<'t>(table: &'t mut dyn TableLike, path: &[&str]) -> Option<&'t mut dyn TableLike> {
    match path {
        [] => Some(table),
        [first, rest @ ..] => at(table.get_mut(first)?.as_table_like_mut()?, rest),
    }
}

/// Sets `key` to `value`, in the place and with the comments of the old value.
fn set(table: &mut dyn TableLike, key: &str, value: impl Into<Value>) {
    let mut value = value.into();
    match table.get_mut(key) {
        Some(item) => {
            if let Some(old) = item.as_value() {
                *value.decor_mut() = old.decor().clone();
            }
            *item = Item::Value(value);
        }
        None => {
            table.insert(key, Item::Value(value));
        }
    }
}

/// As [`set`]; no value takes the key away.
pub fn set_or_remove(table: &mut dyn TableLike, key: &str, value: Option<impl Into<Value>>) {
    match value {
        Some(value) => set(table, key, value),
        None => {
            table.remove(key);
        }
    }
}

/// Sets `key` to a list of texts.
pub fn set_lines(table: &mut dyn TableLike, key: &str, lines: &[String]) {
    let array = table.get_mut(key).and_then(Item::as_array_mut);
    if let Some(array) = array.filter(|array| !array.is_empty() && !lines.is_empty()) {
        replace_lines(array, lines);
        return;
    }
    let mut array: Array = lines.iter().collect();
    if lines.iter().map(|line| line.len() + 4).sum::<usize>() > WIDTH {
        for value in array.iter_mut() {
            value.decor_mut().set_prefix("\n  ");
        }
        array.set_trailing_comma(true);
        array.set_trailing("\n");
    }
    set(table, key, array);
}

/// Makes a list that has some lines have these; those that stay keep place, style and
/// comments.
fn replace_lines(array: &mut Array, lines: &[String]) {
    let old: Vec<String> = array
        .iter()
        .map(|value| value.as_str().unwrap_or_default().to_owned())
        .collect();
    let same = |(old, new): &(&String, &String)| old == new;
    let before = old.iter().zip(lines).take_while(same).count();
    let rest = old.len().min(lines.len()) - before;
    let ends = old.iter().rev().zip(lines.iter().rev()).take(rest);
    let after = ends.take_while(same).count();
    let (removed, added) = (old.len() - before - after, lines.len() - before - after);
    let in_place = removed.min(added);
    let indent = array
        .get(before.min(old.len() - 1))
        .map_or_else(String::new, indent);
    for (index, line) in lines.iter().enumerate().skip(before).take(in_place) {
        array.replace(index, line.as_str());
    }
    for _ in in_place..removed {
        array.remove(before + in_place);
    }
    for (index, line) in lines
        .iter()
        .enumerate()
        .take(before + added)
        .skip(before + in_place)
    {
        let mut value = Value::from(line.as_str());
        value.decor_mut().set_prefix(indent.as_str());
        array.insert_formatted(index, value);
    }
}

/// What stands before a value of a list, without comments.
fn indent(value: &Value) -> String {
    let before = value.decor().prefix().and_then(|prefix| prefix.as_str());
    match before.unwrap_or_default().rsplit_once('\n') {
        Some((_, indent)) => format!("\n{indent}"),
        None => " ".to_owned(),
    }
}

/// Replaces the entries of the map `key` that differ; those that are not there any more go.
pub fn entries<V: Clone + PartialEq + ToValue>(
    table: &mut dyn TableLike,
    key: &str,
    expected: &BTreeMap<String, V>,
    actual: &BTreeMap<String, V>,
) {
    let Some(map) = at(table, &[key]) else { return };
    for (name, expected) in expected {
        let actual = actual.get(name);
        if actual != Some(expected) {
            set_or_remove(map, name, actual.map(ToValue::to_value));
        }
    }
}

/// What an entry of a map is in TOML.
pub trait ToValue {
    fn to_value(&self) -> Value;
}

impl ToValue for String {
    fn to_value(&self) -> Value {
        self.as_str().into()
    }
}

impl ToValue for u64 {
    /// A gauge below zero has wrapped, and is written as what it was.
    fn to_value(&self) -> Value {
        self.cast_signed().into()
    }
}

/// Sets one key of a message that can be read off what was received.
pub fn set_part(table: &mut dyn TableLike, key: &str, actual: &Received) {
    let none = Headers::new();
    let headers = actual.headers.as_ref().unwrap_or(&none);
    match key {
        "head" => set_or_remove(table, key, head::text(headers)),
        "status" => set_or_remove(table, key, actual.status().map(i64::from)),
        "body" => {
            let body = bytes(table.get(key), &actual.body);
            set(table, key, body);
        }
        "metadata" => set(table, key, frames(&actual.metadata)),
        "trailers" => {
            let lines = lines(actual.trailers.as_ref().unwrap_or(&none));
            set_lines(table, key, &lines);
        }
        "end" => set(table, key, End::of(actual).word()),
        _ => {}
    }
}

/// As [`set_part`], of what a peer received on a TCP connection.
pub fn set_received(table: &mut dyn TableLike, key: &str, actual: Option<&ReceivedBytes>) {
    let received = actual.map_or(&[][..], |actual| &actual.bytes);
    match key {
        "data" => {
            let data = bytes(table.get(key), received);
            set(table, key, data);
        }
        "end" => set(table, key, End::of_bytes(actual).word()),
        _ => {}
    }
}

/// Replaces the lines of `headers` whose values differ; other lines stay as they are.
pub fn headers(table: &mut dyn TableLike, expected: &[String], actual: &Received) {
    let Some(array) = table.get_mut("headers").and_then(Item::as_array_mut) else {
        return;
    };
    let none = Headers::new();
    let actual = actual.headers.as_ref().unwrap_or(&none);
    let named = |line: &str| {
        let fields = head::fields([line]).unwrap_or_default();
        let name = fields.iter().next().map(|(name, _)| name.to_vec());
        String::from_utf8_lossy(&name.unwrap_or_default()).into_owned()
    };
    let names: Vec<String> = expected.iter().map(|line| named(line)).collect();
    // From the back, so that what is inserted or removed moves no line still to come.
    for (index, name) in names.iter().enumerate().rev() {
        let lines: Vec<String> = actual
            .all(name)
            .map(|value| format!("{name}: {}", String::from_utf8_lossy(value)))
            .collect();
        let same_before = names[..index].iter().filter(|other| *other == name).count();
        if !names[index + 1..].contains(name) {
            for line in lines.iter().skip(same_before + 1).rev() {
                array.insert(index + 1, line.as_str());
            }
        }
        match lines.get(same_before) {
            Some(line) if *line == expected[index] => {}
            Some(line) => {
                array.replace(index, line.as_str());
            }
            None => {
                array.remove(index);
            }
        }
    }
}

/// Makes an empty inline table under `key` a table with a header of its own, which has room.
pub fn open_up(table: &mut dyn TableLike, key: &str) {
    let item = table.get(key);
    let inline = item.and_then(Item::as_inline_table);
    if inline.is_some_and(InlineTable::is_empty) {
        table.insert(key, Item::Table(Table::new()));
    }
}

/// Fills an empty expectation with what came out.
pub fn fill(table: &mut dyn TableLike, stream: Option<&str>, outcome: &Outcome) {
    match stream.and_then(|name| outcome.connections.get(name)) {
        Some(connection) => fill_connection(table, connection),
        None => {
            let none = StreamOutcome::default();
            if let Some(name) = stream {
                fill_stream(table, outcome.streams.get(name).unwrap_or(&none));
            }
        }
    }
    for (key, lines) in [
        ("logs", &outcome.logs),
        ("callouts", &outcome.callouts),
        ("grpc", &outcome.grpc),
        ("lookups", &outcome.lookups),
    ] {
        if !lines.is_empty() {
            set_lines(table, key, lines);
        }
    }
}

fn fill_stream(table: &mut dyn TableLike, stream: &StreamOutcome) {
    for (side, actual) in [("upstream", &stream.upstream), ("client", &stream.client)] {
        let mut message = Table::new();
        message.set_dotted(true);
        let parts = [
            ("head", actual.headers.is_some()),
            ("body", !actual.body.is_empty()),
            ("metadata", !actual.metadata.is_empty()),
            ("trailers", actual.trailers.is_some()),
            ("end", true),
        ];
        for (key, _) in parts.into_iter().filter(|(_, is_there)| *is_there) {
            set_part(&mut message, key, actual);
        }
        table.insert(side, Item::Table(message));
    }
    fill_state(table, &stream.filter_state, &stream.properties);
}

fn fill_connection(table: &mut dyn TableLike, connection: &ConnectionOutcome) {
    let sides = [
        ("upstream", connection.upstream.as_ref()),
        ("client", Some(&connection.client)),
    ];
    for (side, actual) in sides {
        let mut peer = Table::new();
        peer.set_dotted(true);
        if actual.is_some_and(|actual| !actual.bytes.is_empty()) {
            set_received(&mut peer, "data", actual);
        }
        set_received(&mut peer, "end", actual);
        table.insert(side, Item::Table(peer));
    }
    fill_state(table, &connection.filter_state, &connection.properties);
}

fn fill_state(
    table: &mut dyn TableLike,
    filter_state: &BTreeMap<String, Vec<u8>>,
    properties: &BTreeMap<String, Vec<u8>>,
) {
    for (key, values) in [("filter_state", filter_state), ("properties", properties)] {
        let mut map = Table::new();
        map.set_dotted(true);
        for (name, value) in shown::texts(values) {
            map.insert(&name, Item::Value(value.to_value()));
        }
        if !map.is_empty() {
            table.insert(key, Item::Table(map));
        }
    }
}

/// METADATA frames as a list of tables.
fn frames(frames: &[Metadata]) -> Array {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let tables = frames.iter().map(|frame| {
        let entries = frame.iter();
        let entries = entries.map(|(key, value)| (text(key), text(value)));
        entries.collect::<InlineTable>()
    });
    tables.collect()
}

/// Bytes as a scenario writes them: as `old` is written, else a text, or hexadecimal digits
/// where they are none.
fn bytes(old: Option<&Item>, bytes: &[u8]) -> Value {
    let old = old.and_then(Item::as_table_like);
    let is = |encoding: &str| old.is_some_and(|old| old.contains_key(encoding));
    let (encoding, encoded) = match std::str::from_utf8(bytes) {
        _ if is("base64") => ("base64", STANDARD.encode(bytes)),
        Ok(text) if !is("hex") => return text.into(),
        _ => {
            let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
            ("hex", digits.collect())
        }
    };
    let mut table = InlineTable::new();
    table.insert(encoding, encoded.into());
    table.into()
}

fn lines(headers: &Headers) -> Vec<String> {
    let lines = headers.iter().map(|(name, value)| {
        let (name, value) = (
            String::from_utf8_lossy(name),
            String::from_utf8_lossy(value),
        );
        format!("{name}: {value}")
    });
    lines.collect()
}
