//! What a scenario may expect: that its heads and lines can be read, and that it can fail.

use super::file::{Expect, ExpectMessage};
use super::{grpc, head};

/// A key and what is wrong with its value.
type Wrong = (String, String);

/// Heads and header lines of an expectation can be read.
///
/// # Errors
/// With the first key that cannot.
pub(super) fn check(expect: &Expect) -> Result<(), Wrong> {
    if let Some(upstream) = &expect.upstream {
        check_message("upstream", Head::Request, upstream)?;
    }
    if let Some(client) = &expect.client {
        check_message("client", Head::Response, client)?;
    }
    for open in expect.grpc.iter().flatten() {
        grpc::check_open(open).map_err(|problem| ("grpc".to_owned(), problem))?;
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
