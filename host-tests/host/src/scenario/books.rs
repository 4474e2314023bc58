//! Whether a filter's books are settled: metrics that say the same of a stream however it
//! ended.

use std::collections::BTreeMap;

use crate::host::Host;
use crate::metrics::{Metric, MetricKind};

use super::file::Books;

/// Counters at some moment, by name.
pub type Counters = BTreeMap<String, u64>;

/// All counters of a host.
pub fn counters(host: &Host) -> Counters {
    let metrics = host.metrics().into_iter();
    metrics
        .filter_map(|((_, name), metric)| match metric {
            Metric::Counter(value) => Some((name, value)),
            Metric::Gauge(_) | Metric::Histogram(_) => None,
        })
        .collect()
}

/// What a text of `agree` adds up.
fn summands(text: &str) -> impl Iterator<Item = &str> {
    text.split(" + ")
}

/// Every entry says something.
///
/// # Errors
/// With the first key that cannot fail, and why.
pub fn check(books: &Books) -> Result<(), (&'static str, &'static str)> {
    if books.agree.iter().any(|prefixes| prefixes.len() < 2) {
        let problem = "one text agrees with itself: name at least two ways counters begin";
        return Err(("books.agree", problem));
    }
    let all = "every counter begins so: write how the names of those meant begin";
    let mut agree = books.agree.iter().flatten();
    if agree.any(|text| summands(text).any(str::is_empty)) {
        return Err(("books.agree", all));
    }
    if books.once_per_stream.iter().any(String::is_empty) {
        return Err(("books.once_per_stream", all));
    }
    Ok(())
}

/// Counters that must agree and of which there is none when all has happened, so that nothing
/// agrees with nothing; a sentence each. A stream that breaks off may have none.
pub fn unnamed(books: &Books, host: &Host) -> Vec<String> {
    let now = counters(host);
    let is_there = |prefix: &str| now.keys().any(|name| name.starts_with(prefix));
    let entries = books.agree.iter();
    let empty = entries.filter(|texts| {
        let mut prefixes = texts.iter().flat_map(|text| summands(text));
        !prefixes.any(is_there)
    });
    let sentences = empty.map(|prefixes| {
        let prefixes = prefixes.join("`, `");
        format!("books.agree: no counter begins with any of `{prefixes}`, so they say nothing")
    });
    sentences.collect()
}

/// What is not settled on a host that carried `streams` streams since its counters were
/// `before`, and carries none now; a sentence each.
pub fn unsettled(books: &Books, host: &Host, before: &Counters, streams: usize) -> Vec<String> {
    let now = counters(host);
    let sum = |prefix: &str| -> u64 {
        let named = now
            .iter()
            .flat_map(|entry| summands(prefix).map(move |prefix| (entry, prefix)))
            .filter(|((name, _), prefix)| name.starts_with(prefix))
            .map(|(entry, _)| entry);
        named
            .map(|(name, value)| value - before.get(name).unwrap_or(&0))
            .sum()
    };
    let listed = |prefix: &str| {
        let is_meant = |name: &str| summands(prefix).any(|prefix| name.starts_with(prefix));
        let named = now.iter().filter(|(name, _)| is_meant(name));
        let lines: Vec<_> = named
            .map(|(name, value)| format!("{name} {}", value - before.get(name).unwrap_or(&0)))
            .collect();
        match lines.is_empty() {
            true => "none of them is there".to_owned(),
            false => lines.join(", "),
        }
    };
    let mut wrong = Vec::new();
    for prefix in &books.once_per_stream {
        let count = sum(prefix);
        if count != streams as u64 {
            let listed = listed(prefix);
            wrong.push(format!(
                "books.once_per_stream: `{prefix}` counted {count} for {streams} streams ({listed})"
            ));
        }
    }
    for prefixes in &books.agree {
        let mut all = prefixes.iter();
        let Some(first) = all.next() else { continue };
        for other in all.filter(|other| sum(other) != sum(first)) {
            wrong.push(format!(
                "books.agree: `{first}` counted {}, `{other}` {} ({}; {})",
                sum(first),
                sum(other),
                listed(first),
                listed(other)
            ));
        }
    }
    let metrics = host.metrics();
    for name in &books.zero_at_rest {
        let gauge = metrics.get(&(MetricKind::Gauge, name.clone()));
        match gauge {
            Some(Metric::Gauge(0)) => {}
            Some(Metric::Gauge(value)) => wrong.push(format!(
                "books.zero_at_rest: `{name}` is {value} with no stream open"
            )),
            _ => wrong.push(format!("books.zero_at_rest: there is no gauge `{name}`")),
        }
    }
    wrong
}
