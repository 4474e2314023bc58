//! Before and after of a message, line by line.

use std::collections::BTreeSet;

use serde::de::IgnoredAny;
use similar::{ChangeTag, TextDiff};
use tollgate_host::Headers;

/// A line of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub sign: Sign,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    Same,
    Gone,
    New,
    /// Unchanged lines were left out here.
    Gap,
}

impl Line {
    fn new(sign: Sign, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { sign, text }
    }
}

/// Unchanged lines around a change.
const CONTEXT: usize = 2;
/// Lines of a body that nobody changed.
const PREVIEW_LINES: usize = 6;
/// Bytes of a binary body.
const PREVIEW_BYTES: usize = 32;

/// Fields by name, in the order of `before`; values of a name in theirs.
pub fn headers(before: &Headers, after: &Headers) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut seen = BTreeSet::new();
    for (name, _) in before.iter().chain(after.iter()) {
        let name = String::from_utf8_lossy(name).into_owned();
        if !seen.insert(name.clone()) {
            continue;
        }
        let values = |headers: &Headers| -> Vec<String> {
            let all = headers.all(&name);
            all.map(|value| format!("{name}: {}", String::from_utf8_lossy(value)))
                .collect()
        };
        let (old, new) = (values(before), values(after));
        if old == new {
            lines.extend(old.into_iter().map(|line| Line::new(Sign::Same, line)));
        } else {
            lines.extend(old.into_iter().map(|line| Line::new(Sign::Gone, line)));
            lines.extend(new.into_iter().map(|line| Line::new(Sign::New, line)));
        }
    }
    lines
}

/// How a body's bytes are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Json,
    Text,
    Binary,
}

/// A body before and after, and the form its lines have.
pub fn body(before: &[u8], after: &[u8]) -> (Form, Vec<Line>) {
    let form = form_of(before).max(form_of(after));
    let (old, new) = (shown(form, before), shown(form, after));
    if before == after {
        let lines: Vec<&str> = old.lines().collect();
        let first = lines.iter().take(PREVIEW_LINES);
        let mut shown: Vec<Line> = first.map(|line| Line::new(Sign::Same, *line)).collect();
        if lines.len() > PREVIEW_LINES {
            let more = format!("{} more lines", lines.len() - PREVIEW_LINES);
            shown.push(Line::new(Sign::Gap, more));
        }
        return (form, shown);
    }
    if old == new {
        // Only how the JSON is written differs.
        let lines = |sign, bytes: &[u8]| Line::new(sign, String::from_utf8_lossy(bytes));
        return (
            Form::Text,
            vec![lines(Sign::Gone, before), lines(Sign::New, after)],
        );
    }
    let diff = TextDiff::from_lines(&old, &new);
    let mut lines = Vec::new();
    let mut upto = 0;
    for hunk in diff.grouped_ops(CONTEXT) {
        if let Some(first) = hunk.first() {
            gap(&mut lines, first.old_range().start - upto);
        }
        for change in hunk.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Equal => Sign::Same,
                ChangeTag::Delete => Sign::Gone,
                ChangeTag::Insert => Sign::New,
            };
            lines.push(Line::new(
                sign,
                change.value().trim_end_matches(['\r', '\n']),
            ));
        }
        upto = hunk.last().map_or(upto, |last| last.old_range().end);
    }
    gap(&mut lines, old.lines().count().saturating_sub(upto));
    (form, lines)
}

fn gap(lines: &mut Vec<Line>, count: usize) {
    if count > 0 {
        let s = if count == 1 { "" } else { "s" };
        lines.push(Line::new(Sign::Gap, format!("{count} unchanged line{s}")));
    }
}

impl Form {
    /// The form that shows both of two bodies.
    fn max(self, other: Self) -> Self {
        match (self, other) {
            (Self::Binary, _) | (_, Self::Binary) => Self::Binary,
            (Self::Json, Self::Json) => Self::Json,
            _ => Self::Text,
        }
    }
}

fn form_of(bytes: &[u8]) -> Form {
    if serde_json::from_slice::<IgnoredAny>(bytes).is_ok() {
        return Form::Json;
    }
    let is_text = std::str::from_utf8(bytes)
        .is_ok_and(|text| !text.chars().any(|c| c.is_control() && !c.is_whitespace()));
    if is_text { Form::Text } else { Form::Binary }
}

fn shown(form: Form, bytes: &[u8]) -> String {
    match form {
        Form::Json => indented(&String::from_utf8_lossy(bytes)),
        Form::Text => String::from_utf8_lossy(bytes).into_owned(),
        Form::Binary => {
            let rows = bytes.chunks(16).take(PREVIEW_BYTES / 16);
            let rows = rows.map(|row| {
                let hex: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
                hex.join(" ")
            });
            let mut lines: Vec<String> = rows.collect();
            if bytes.len() > PREVIEW_BYTES {
                lines.push(format!("… {} bytes in all", bytes.len()));
            }
            lines.join("\n")
        }
    }
}

/// Valid JSON with a line for each member, everything but the white space as it was: keys
/// in their order, numbers with their digits.
fn indented(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    let (mut in_string, mut escaped) = (false, false);
    let mut opened = false;
    for c in json.chars() {
        if in_string {
            out.push(c);
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        if c.is_whitespace() {
            continue;
        }
        let closes = matches!(c, '}' | ']');
        if closes {
            depth = depth.saturating_sub(1);
        }
        // An empty object or array stays on its line.
        if closes != opened {
            line(&mut out, depth);
        }
        opened = matches!(c, '{' | '[');
        depth += usize::from(opened);
        out.push(c);
        match c {
            '"' => in_string = true,
            ',' => line(&mut out, depth),
            ':' => out.push(' '),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(lines: &[Line]) -> String {
        let lines = lines.iter().map(|line| {
            let sign = match line.sign {
                Sign::Same => ' ',
                Sign::Gone => '-',
                Sign::New => '+',
                Sign::Gap => '…',
            };
            format!("{sign}{}", line.text)
        });
        lines.collect::<Vec<_>>().join("|")
    }

    #[test]
    fn json_is_indented_and_nothing_else() {
        let text = r#"{"b":1.00,"a":[],"c":[ {"d":"\\\"{,"},{} ]}"#;
        let expected = concat!(
            "{\n  \"b\": 1.00,\n  \"a\": [],\n  \"c\": [\n    {\n",
            "      \"d\": \"\\\\\\\"{,\"\n    },\n    {}\n  ]\n}"
        );
        assert_eq!(indented(text), expected);
        assert_eq!(indented("[]"), "[]");
    }

    #[test]
    fn headers_stand_by_name() {
        let before = Headers::from([("a", "1"), ("b", "2"), ("c", "3"), ("c", "4")]);
        let after = Headers::from([("a", "1"), ("c", "3"), ("d", "5")]);
        let expected = " a: 1|-b: 2|-c: 3|-c: 4|+c: 3|+d: 5";
        assert_eq!(text(&headers(&before, &after)), expected);
    }

    #[test]
    fn bodies_have_the_form_that_shows_them() {
        // (before, after, form, lines)
        let rows: [(&[u8], &[u8], Form, &str); 7] = [
            (
                br#"{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6}"#,
                br#"{"a":1,"b":2,"c":3,"d":4,"e":5,"f":7}"#,
                Form::Json,
                r#"…4 unchanged lines|   "d": 4,|   "e": 5,|-  "f": 6|+  "f": 7| }"#,
            ),
            (b"[1]", b"[ 1]", Form::Text, "-[1]|+[ 1]"),
            (b"a\nb\n", b"a\nc\n", Form::Text, " a|-b|+c"),
            (b"", b"x", Form::Text, "+x"),
            (b"x\0", b"x\x01", Form::Binary, "-78 00|+78 01"),
            (b"same", b"same", Form::Text, " same"),
            (b"", b"", Form::Text, ""),
        ];
        for (before, after, form, expected) in rows {
            let (found, lines) = body(before, after);
            let name = String::from_utf8_lossy(before);
            assert_eq!((found, text(&lines).as_str()), (form, expected), "{name}");
        }
    }
}
