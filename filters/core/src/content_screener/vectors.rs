//! The rows of `vectors/`: texts with what a detector must find between « and », and texts in
//! which it must find nothing. A `·` is taken out, so that no secret stands in the file as it is.

use std::collections::BTreeMap;

/// One text and what is in it.
#[derive(Debug)]
pub(super) struct Row {
    /// The kind, by its name in the configuration.
    pub(super) kind: String,
    pub(super) text: String,
    /// Where findings of the kind are; nowhere for a text that must pass.
    pub(super) found: Vec<(usize, usize)>,
}

/// The rows of a file.
pub(super) fn rows(file: &str) -> Vec<Row> {
    let kinds: BTreeMap<String, BTreeMap<String, Vec<String>>> = toml::from_str(file).unwrap();
    let mut rows = Vec::new();
    for (kind, lists) in kinds {
        for (list, texts) in lists {
            assert!(list == "found" || list == "passed", "{kind}.{list}");
            for marked in texts {
                let row = row(&kind, &marked);
                assert_eq!(row.found.is_empty(), list == "passed", "{marked}");
                rows.push(row);
            }
        }
    }
    rows
}

/// Asserts that `spans` finds in every row of a file what it says and nothing else, and that
/// there is a row with a finding of each of `kinds`.
pub(super) fn check<'a>(
    file: &str,
    kinds: impl Iterator<Item = &'a str>,
    spans: impl Fn(&str) -> Vec<(&'static str, usize, usize)>,
) {
    let rows = rows(file);
    let mut wrong = Vec::new();
    for row in &rows {
        let kind = row.kind.as_str();
        let expected: Vec<_> = row
            .found
            .iter()
            .map(|&(start, end)| (kind, start, end))
            .collect();
        let found = spans(&row.text);
        if found != expected {
            wrong.push(format!(
                "{kind}: {:?}: {found:?}, expected {expected:?}",
                row.text
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        rows.len(),
        wrong.join("\n")
    );
    let known: Vec<&str> = kinds.collect();
    for kind in &known {
        assert!(
            rows.iter()
                .any(|row| row.kind == *kind && !row.found.is_empty()),
            "{kind}"
        );
    }
    assert!(rows.iter().all(|row| known.contains(&row.kind.as_str())));
}

fn row(kind: &str, marked: &str) -> Row {
    let (mut text, mut found, mut open) = (String::new(), Vec::new(), None);
    for character in marked.chars() {
        match character {
            '·' => {}
            '«' => open = Some(text.len()),
            '»' => found.push((open.take().unwrap(), text.len())),
            other => text.push(other),
        }
    }
    assert_eq!(open, None, "{marked}");
    Row {
        kind: kind.to_owned(),
        text,
        found,
    }
}
