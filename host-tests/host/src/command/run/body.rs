//! A body before and after: what changed, and little else, however large it is.

use serde::de::IgnoredAny;
use similar::{ChangeTag, TextDiff};

use super::diff::{Line, Sign};
use super::indent::indented;

/// Unchanged lines around a change.
const CONTEXT: usize = 2;
/// Lines of a body that nobody changed.
const PREVIEW_LINES: usize = 6;
/// Lines of a comparison; `--json` has all of both bodies.
const MOST_LINES: usize = 200;
/// Characters of a line: what changed in a longer one, or its beginning.
const LONG_LINE: usize = 400;
/// Characters shown around a change in a long line.
const LONG_LINE_CONTEXT: usize = 40;
/// Bytes of a binary body in a line, and lines of them from where the bodies part.
const ROW_BYTES: usize = 16;
const ROWS: usize = 4;

/// How a body's bytes are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Json,
    Text,
    Binary,
}

impl Form {
    /// The form that shows both of two bodies.
    fn of(before: &[u8], after: &[u8]) -> Self {
        match (form_of(before), form_of(after)) {
            (Self::Binary, _) | (_, Self::Binary) => Self::Binary,
            (Self::Json, Self::Json) => Self::Json,
            _ => Self::Text,
        }
    }
}

/// The form that the lines have, and the lines.
pub fn body(before: &[u8], after: &[u8]) -> (Form, Vec<Line>) {
    let form = Form::of(before, after);
    let lines = match form {
        _ if before == after => preview(form, before),
        Form::Binary => binary(before, after),
        Form::Json => {
            let (old, new) = (text(before), text(after));
            let (old_lines, new_lines) = (indented(&old), indented(&new));
            if old_lines == new_lines {
                // Only how the JSON is written differs.
                return (Form::Text, changes(&old, &new));
            }
            changes(&old_lines, &new_lines)
        }
        Form::Text => changes(&text(before), &text(after)),
    };
    (form, lines)
}

fn form_of(bytes: &[u8]) -> Form {
    if serde_json::from_slice::<IgnoredAny>(bytes).is_ok() {
        return Form::Json;
    }
    let is_text = std::str::from_utf8(bytes)
        .is_ok_and(|text| !text.chars().any(|c| c.is_control() && !c.is_whitespace()));
    if is_text { Form::Text } else { Form::Binary }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The first lines of a body that nobody changed.
fn preview(form: Form, bytes: &[u8]) -> Vec<Line> {
    if form == Form::Binary {
        return rows(Sign::Same, bytes, 0);
    }
    let text = match form {
        Form::Json => indented(&text(bytes)),
        _ => text(bytes),
    };
    let first = text.lines().take(PREVIEW_LINES);
    let mut lines: Vec<Line> = first
        .map(|line| Line::new(Sign::Same, beginning(line)))
        .collect();
    let count = text.lines().count();
    if count > PREVIEW_LINES {
        lines.push(more(count - PREVIEW_LINES, "more line"));
    }
    lines
}

/// Lines that went and came, with a few around them.
fn changes(old: &str, new: &str) -> Vec<Line> {
    // What both begin and end with costs the comparison nothing then, so that a small change
    // in a large body is found at once.
    let (ahead, behind) = shared_lines(old, new);
    let inner = |text: &str| {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        lines[ahead..lines.len() - behind].concat()
    };
    let (old, new) = (inner(old), inner(new));
    let both = !old.is_empty() && !new.is_empty();
    let one_ends = both && old.ends_with('\n') != new.ends_with('\n');
    let diff = TextDiff::from_lines(&old, &new);
    let mut lines = Vec::new();
    let mut upto = 0;
    let skipped = |lines: &mut Vec<Line>, count: usize| {
        if count > 0 {
            lines.push(more(count, "unchanged line"));
        }
    };
    for (at, hunk) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        let first = hunk.first().map_or(0, |first| first.old_range().start);
        let before_it = if at == 0 { first + ahead } else { first - upto };
        skipped(&mut lines, before_it);
        for change in hunk.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Equal => Sign::Same,
                ChangeTag::Delete => Sign::Gone,
                ChangeTag::Insert => Sign::New,
            };
            let mut text = change.value().trim_end_matches(['\r', '\n']).to_owned();
            if one_ends && sign != Sign::Same && change.missing_newline() {
                text.push_str("  (no line end)");
            }
            lines.push(Line::new(sign, text));
        }
        upto = hunk.last().map_or(upto, |last| last.old_range().end);
    }
    let after_them = old.lines().count().saturating_sub(upto) + behind;
    skipped(&mut lines, after_them);
    shorten(&mut lines);
    if lines.len() > MOST_LINES {
        let left_out = lines.len() - MOST_LINES;
        lines.truncate(MOST_LINES);
        lines.push(more(left_out, "more line"));
    }
    lines
}

/// How many lines both texts begin with, and end with besides, [`CONTEXT`] less of each.
fn shared_lines(old: &str, new: &str) -> (usize, usize) {
    let equal = |(one, other): &(&str, &str)| one == other;
    let olds = old.split_inclusive('\n');
    let news = new.split_inclusive('\n');
    let ahead = olds.clone().zip(news.clone()).take_while(equal).count();
    let fewest = olds.clone().count().min(news.clone().count());
    let behind = olds.rev().zip(news.rev()).take(fewest - ahead);
    let behind = behind.take_while(equal).count();
    (
        ahead.saturating_sub(CONTEXT),
        behind.saturating_sub(CONTEXT),
    )
}

/// Long lines become what changed in them, or their beginning.
fn shorten(lines: &mut [Line]) {
    let mut at = 0;
    while at < lines.len() {
        let pair = match &lines[at..] {
            [old, new, ..] if (old.sign, new.sign) == (Sign::Gone, Sign::New) => {
                (old.text.len().max(new.text.len()) > LONG_LINE)
                    .then(|| around_the_change(&old.text, &new.text))
            }
            _ => None,
        };
        match pair {
            Some((old, new)) => {
                lines[at].text = beginning(&old);
                lines[at + 1].text = beginning(&new);
                at += 2;
            }
            None => {
                lines[at].text = beginning(&lines[at].text);
                at += 1;
            }
        }
    }
}

/// Both without most of what they begin and end with in common.
fn around_the_change(old: &str, new: &str) -> (String, String) {
    let (old, new): (Vec<char>, Vec<char>) = (old.chars().collect(), new.chars().collect());
    let equal = |(one, other): &(&char, &char)| one == other;
    let ahead = old.iter().zip(&new).take_while(equal).count();
    let rest = old.len().min(new.len()) - ahead;
    let behind = old.iter().rev().zip(new.iter().rev()).take(rest);
    let behind = behind.take_while(equal).count();
    let from = ahead.saturating_sub(LONG_LINE_CONTEXT);
    let kept_behind = behind.min(LONG_LINE_CONTEXT);
    let part = |line: &[char]| {
        let to = line.len() - behind + kept_behind;
        let shown: String = line[from..to].iter().collect();
        let lead = if from > 0 { "…" } else { "" };
        let tail = if to < line.len() { "…" } else { "" };
        format!("{lead}{shown}{tail}")
    };
    (part(&old), part(&new))
}

fn beginning(line: &str) -> String {
    match line.char_indices().nth(LONG_LINE) {
        None => line.to_owned(),
        Some((end, _)) => {
            let count = line.chars().count();
            format!("{}… ({count} characters)", &line[..end])
        }
    }
}

/// Both from the row on in which they part.
fn binary(before: &[u8], after: &[u8]) -> Vec<Line> {
    let shared = before.iter().zip(after).take_while(|(a, b)| a == b).count();
    let from = shared / ROW_BYTES * ROW_BYTES;
    let mut lines = Vec::new();
    if from > 0 {
        let same = format!("{from} unchanged bytes");
        lines.push(Line::new(Sign::Gap, same));
    }
    lines.extend(rows(Sign::Gone, before, from));
    lines.extend(rows(Sign::New, after, from));
    lines
}

/// Some rows of hexadecimal digits, and how many bytes are left out behind them.
fn rows(sign: Sign, bytes: &[u8], from: usize) -> Vec<Line> {
    let bytes = &bytes[from..];
    let rows = bytes.chunks(ROW_BYTES).take(ROWS).map(|row| {
        let hex: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
        Line::new(sign, hex.join(" "))
    });
    let mut lines: Vec<Line> = rows.collect();
    if let Some(left_out) = bytes.len().checked_sub(ROWS * ROW_BYTES)
        && left_out > 0
    {
        lines.push(more(left_out, "more byte"));
    }
    lines
}

fn more(count: usize, what: &str) -> Line {
    let s = if count == 1 { "" } else { "s" };
    Line::new(Sign::Gap, format!("{count} {what}{s}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(lines: &[Line]) -> String {
        let lines: Vec<String> = lines.iter().map(Line::plain).collect();
        lines.join("|")
    }

    #[test]
    fn bodies_have_the_form_that_shows_them() {
        // (before, after, form, lines)
        let rows: [(&[u8], &[u8], Form, &str); 11] = [
            (
                br#"{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6}"#,
                br#"{"a":1,"b":2,"c":3,"d":4,"e":5,"f":7}"#,
                Form::Json,
                r#"…4 unchanged lines|   "d": 4,|   "e": 5,|-  "f": 6|+  "f": 7| }"#,
            ),
            (b"[1]", b"[ 1]", Form::Text, "-[1]|+[ 1]"),
            (b"a\nb\n", b"a\nc\n", Form::Text, " a|-b|+c"),
            (
                b"1\n2\n3\n4\n5\n6\n7\n8\n9\n",
                b"1\n2\n3\n4\n5\nsix\n7\n8\n9\n",
                Form::Text,
                "…3 unchanged lines| 4| 5|-6|+six| 7| 8|…1 unchanged line",
            ),
            (b"", b"x", Form::Text, "+x"),
            (b"x\n", b"x", Form::Text, "-x|+x  (no line end)"),
            (b"x", b"yy", Form::Text, "-x|+yy"),
            (b"x\0", b"x\x01", Form::Binary, "-78 00|+78 01"),
            (b"x\0", b"x\0", Form::Binary, " 78 00"),
            (b"same", b"same", Form::Text, " same"),
            (b"", b"", Form::Text, ""),
        ];
        for (before, after, form, expected) in rows {
            let (found, lines) = body(before, after);
            let name = text(before);
            assert_eq!((found, plain(&lines).as_str()), (form, expected), "{name}");
        }
    }

    #[test]
    fn large_bodies_are_as_short_as_what_changed() {
        let lines = |count: usize| (0..count).map(|n| format!("{n}\n")).collect::<String>();
        let line = "x".repeat(1000);
        let binary = [&[0; 1000][..], b"end"].concat();
        // (before, after, lines)
        let rows: [(Vec<u8>, Vec<u8>, String); 5] = [
            (
                lines(100_000).into(),
                (lines(100_000) + "end\n").into(),
                "…99998 unchanged lines| 99998| 99999|+end".to_owned(),
            ),
            (
                format!("{line}a{line}").into(),
                format!("{line}b{line}").into(),
                format!("-…{x}a{x}…|+…{x}b{x}…", x = "x".repeat(40)),
            ),
            (
                line.clone().into(),
                line.clone().into(),
                format!(" {}… (1000 characters)", "x".repeat(400)),
            ),
            (
                binary.clone(),
                [&binary[..], b"!"].concat(),
                "…992 unchanged bytes|-00 00 00 00 00 00 00 00 65 6e 64\
                 |+00 00 00 00 00 00 00 00 65 6e 64 21"
                    .to_owned(),
            ),
            (
                vec![0; 100],
                vec![0; 100],
                format!(
                    " {row}| {row}| {row}| {row}|…36 more bytes",
                    row = ["00"; 16].join(" ")
                ),
            ),
        ];
        for (before, after, expected) in rows {
            assert_eq!(plain(&body(&before, &after).1), expected);
        }
        let (_, lines) = body(&[], lines(1000).as_bytes());
        assert_eq!(lines.len(), MOST_LINES + 1);
        assert_eq!(lines[MOST_LINES].plain(), "…800 more lines");
    }
}
