//! What a scenario may expect: that its heads and lines can be read, and that it can fail.

use super::error::FileError;
use super::event::{Action, Event, Scenario};
use super::file::{Books, Expect, ExpectGrpc, ExpectMessage};
use super::{grpc, head};

/// A key and what is wrong with its value.
type Wrong = (String, String);

/// What to do about an expectation that is none.
const BLESS: &str = "`tollgate-host test --bless` writes what comes out into an empty `expect`";

/// A scenario expects something, and wherever it says that it does.
///
/// # Errors
/// With the first expectation that cannot fail, or when there is none at all.
pub(super) fn check_all(scenario: &Scenario) -> Result<(), FileError> {
    let wrong = |line: usize, key: &str, problem: String| FileError {
        file: scenario.file.clone(),
        line,
        key: key.to_owned(),
        problem,
    };
    for event in &scenario.events {
        if let Some(key) = empty(event) {
            let problem = format!("it is empty, so nothing could fail: {BLESS}");
            return Err(wrong(event.line, key, problem));
        }
    }
    let expects = |event: &Event| {
        matches!(
            event.action,
            Action::Expect { .. }
                | Action::Callout { sent: Some(_), .. }
                | Action::Grpc { sent: Some(_), .. }
        )
    };
    let by_itself = scenario.filter.refused.is_some() || scenario.traps.is_some();
    let expects =
        by_itself || scenario.books != Books::default() || scenario.events.iter().any(expects);
    if !expects {
        let line = scenario.events.last().map_or(0, |event| event.line);
        let problem = format!("nothing is expected, so nothing could fail: {BLESS}");
        return Err(wrong(line, "expect", problem));
    }
    Ok(())
}

/// The key of an expectation that says nothing.
fn empty(event: &Event) -> Option<&'static str> {
    let is_empty = |message: &Option<ExpectMessage>| *message == Some(ExpectMessage::default());
    match &event.action {
        Action::Expect { expect, .. } if **expect == Expect::default() => Some("expect"),
        Action::Expect { expect, .. } if is_empty(&expect.upstream) => Some("expect.upstream"),
        Action::Expect { expect, .. } if is_empty(&expect.client) => Some("expect.client"),
        Action::Callout {
            sent: Some(sent), ..
        } if **sent == ExpectMessage::default() => Some("callout.sent"),
        Action::Grpc {
            sent: Some(sent), ..
        } if **sent == ExpectGrpc::default() => Some("grpc.sent"),
        _ => None,
    }
}

/// Heads and header lines of an expectation can be read, and clusters are those of the file.
///
/// # Errors
/// With the first key that is wrong.
pub(super) fn check(
    expect: &Expect,
    clusters: &[String],
    grpc_clusters: &[String],
) -> Result<(), Wrong> {
    if let Some(upstream) = &expect.upstream {
        check_message("upstream", Head::Request, upstream)?;
    }
    if let Some(client) = &expect.client {
        check_message("client", Head::Response, client)?;
    }
    let mut callouts = expect.callouts.iter().flatten();
    if let Some(name) = callouts.find(|name| !clusters.contains(name)) {
        let problem = format!("`clusters` does not name `{name}`");
        return Err(("callouts".to_owned(), problem));
    }
    for open in expect.grpc.iter().flatten() {
        grpc::check_open(open, grpc_clusters).map_err(|problem| ("grpc".to_owned(), problem))?;
    }
    Ok(())
}

/// As [`check`], of what a callout sent: a request, also where the scenario is one of TCP.
///
/// # Errors
/// As [`check`].
pub(super) fn check_sent(sent: &ExpectMessage) -> Result<(), Wrong> {
    let not_there = [
        ("data", sent.data.is_some(), "a callout has it as `body`"),
        ("status", sent.status.is_some(), "a request has none"),
        (
            "metadata",
            sent.metadata.is_some(),
            "a callout sends none in HTTP/1",
        ),
    ];
    if let Some((key, _, problem)) = not_there.into_iter().find(|(_, said, _)| *said) {
        return Err((format!("sent.{key}"), problem.to_owned()));
    }
    check_message("sent", Head::Request, sent)
}

#[derive(Clone, Copy)]
enum Head {
    Request,
    Response,
}

fn check_message(side: &str, kind: Head, message: &ExpectMessage) -> Result<(), Wrong> {
    let wrong = |key: &str| {
        let key = format!("{side}.{key}");
        move |problem: String| (key, problem)
    };
    if let Some(text) = &message.head {
        let read = match kind {
            Head::Request => head::request(text),
            Head::Response => head::response(text),
        };
        read.map_err(wrong("head"))?;
    }
    head::fields(message.headers.iter().map(String::as_str)).map_err(wrong("headers"))?;
    let trailers = message.trailers.iter().flatten();
    head::fields(trailers.map(String::as_str)).map_err(wrong("trailers"))?;
    Ok(())
}
