//! Gets text out of the files packages hold.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

/// How a file holds its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// It is text.
    Plain,
    /// JSON: pretty-printed as it is, or compact for every second file.
    Json,
    /// JSON, or one JSON value a line: each value a document, as it is.
    JsonLines,
    /// JSON or JSON lines: the longer strings in it.
    JsonStrings,
    /// YAML: its block scalars.
    YamlBlocks,
    /// HTML or XML: what a reader sees.
    MarkupText,
    /// A manual page in roff: what a reader sees.
    Roff,
    /// A compiled gettext catalogue: the translations.
    Catalogue,
}

/// A string shorter than this is a label, not a prompt or an answer.
const LONG_STRING: usize = 60;

/// The texts in the file at `path`; none when it is not UTF-8.
pub fn texts(path: &Path, format: Format) -> Result<Vec<String>> {
    let mut bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    if path.extension().is_some_and(|e| e == "gz") {
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&bytes[..])
            .read_to_end(&mut unpacked)
            .with_context(|| format!("unpacking {}", path.display()))?;
        bytes = unpacked;
    }
    if format == Format::Catalogue {
        return Ok(vec![catalogue(&bytes).unwrap_or_default()]);
    }
    let Ok(text) = String::from_utf8(bytes) else {
        return Ok(Vec::new());
    };
    Ok(match format {
        Format::Plain | Format::Catalogue => vec![text],
        Format::Json => vec![json(text)],
        Format::JsonLines => text
            .lines()
            .filter(|l| l.len() > 200)
            .map(str::to_owned)
            .collect(),
        Format::JsonStrings => strings(&text),
        Format::YamlBlocks => vec![yaml_blocks(&text)],
        Format::MarkupText => vec![markup_text(&text)],
        Format::Roff => vec![roff(&text)],
    })
}

/// Every second file, by a property of its content, written without white space.
fn json(text: String) -> String {
    let compact = text.len().is_multiple_of(2);
    match serde_json::from_str::<Value>(&text) {
        Ok(value) if compact => value.to_string(),
        _ => text,
    }
}

fn strings(text: &str) -> Vec<String> {
    fn collect(value: &Value, into: &mut Vec<String>) {
        match value {
            Value::String(s) if s.len() >= LONG_STRING => into.push(s.clone()),
            Value::Array(all) => all.iter().for_each(|v| collect(v, into)),
            Value::Object(all) => all.values().for_each(|v| collect(v, into)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    for value in serde_json::Deserializer::from_str(text)
        .into_iter::<Value>()
        .map_while(Result::ok)
    {
        collect(&value, &mut found);
    }
    found
}

fn yaml_blocks(text: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let mut out = String::new();
    let mut block: Option<usize> = None;
    for line in text.lines() {
        if let Some(parent) = block {
            if line.trim().is_empty() || indent(line) > parent {
                out.push_str(line.get(parent + 2..).unwrap_or_default());
                out.push('\n');
                continue;
            }
            out.push('\n');
        }
        let opens = ["|", "|-", "|+", ">", ">-"]
            .iter()
            .any(|o| line.ends_with(&format!(": {o}")) || line.ends_with(&format!("- {o}")));
        block = opens.then(|| indent(line));
    }
    out
}

fn markup_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() / 2);
    let mut rest = text;
    while let Some(open) = rest.find('<') {
        entities(&rest[..open], &mut out);
        rest = &rest[open..];
        let name = rest[1..]
            .split(|c: char| !c.is_ascii_alphanumeric())
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        let end = match name.as_str() {
            "script" | "style" | "head" => rest.find(&format!("</{name}>")),
            _ => rest.find('>'),
        };
        let Some(end) = end else { return out };
        if matches!(
            name.as_str(),
            "p" | "div"
                | "li"
                | "tr"
                | "td"
                | "h1"
                | "h2"
                | "h3"
                | "br"
                | "title"
                | "item"
                | "dt"
                | "dd"
                | "section"
        ) {
            out.push('\n');
        }
        rest = &rest[end..];
        rest = rest.split_once('>').map_or("", |(_, r)| r);
    }
    entities(rest, &mut out);
    tidy(&out)
}

fn entities(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(amp) = rest.find('&') {
        out.push_str(&rest[..amp]);
        rest = &rest[amp..];
        let end = rest.find(';').filter(|&e| e < 10);
        let Some(end) = end else {
            out.push('&');
            rest = &rest[1..];
            continue;
        };
        let number = |s: &str| {
            s.strip_prefix('x')
                .map_or_else(|| s.parse().ok(), |h| u32::from_str_radix(h, 16).ok())
        };
        match &rest[1..end] {
            "lt" => out.push('<'),
            "gt" => out.push('>'),
            "quot" => out.push('"'),
            "nbsp" => out.push(' '),
            "amp" => out.push('&'),
            other => out.extend(
                other
                    .strip_prefix('#')
                    .and_then(number)
                    .and_then(char::from_u32),
            ),
        }
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
}

/// Trims lines and drops all but one of several empty ones.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = true;
    for line in text.lines().map(str::trim) {
        if !line.is_empty() || !empty {
            out.push_str(line);
            out.push('\n');
        }
        empty = line.is_empty();
    }
    out
}

fn roff(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        if line.starts_with(".\\\"") || line.starts_with("'\\\"") {
            continue;
        }
        let line = match line.strip_prefix('.') {
            Some(request) => {
                let (name, words) = request.trim().split_once(' ').unwrap_or((request, ""));
                match name.trim() {
                    "B" | "I" | "BR" | "BI" | "IR" | "RB" | "RI" | "IB" | "SH" | "SS" | "IP"
                    | "Nm" | "Fl" | "Ar" | "TP" => words.replace('"', ""),
                    "PP" | "P" | "LP" => String::new(),
                    _ => continue,
                }
            }
            None => line.to_owned(),
        };
        let mut chars = line.chars();
        while let Some(c) = chars.next() {
            if c != '\\' {
                out.push(c);
                continue;
            }
            match chars.next() {
                Some('f') => drop(chars.next().filter(|&c| c == '(').map(|_| chars.nth(1))),
                Some('-') => out.push('-'),
                Some('e') => out.push('\\'),
                Some('(') => drop(chars.nth(1)),
                Some(' ') => out.push(' '),
                _ => {}
            }
        }
        out.push('\n');
    }
    tidy(&out)
}

/// The translations of a GNU `.mo` file (gettext manual, "The Format of GNU MO Files").
fn catalogue(bytes: &[u8]) -> Option<String> {
    let word =
        |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
    if word(0)? != 0x9504_12de {
        return None;
    }
    let (count, table) = (word(8)?, word(16)?);
    let mut out = String::new();
    // The first entry is the catalogue's own header.
    for entry in 1..count {
        let (len, at) = (word(table + entry * 8)?, word(table + entry * 8 + 4)?);
        let text = std::str::from_utf8(bytes.get(at..at + len)?).ok()?;
        out.push_str(&text.replace('\0', "\n"));
        out.push('\n');
    }
    Some(out)
}
