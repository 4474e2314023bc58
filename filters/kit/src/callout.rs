//! Calls of other services, through Envoy's clusters.

use tollgate_core::callout::{Answer, Callout, News};

use crate::abi;
use crate::pairs::Pairs;

/// Makes a call, whose answer the context at hand gets. False where the host does not: there is
/// no such cluster, or it has no host.
pub(crate) fn make(callout: &Callout) -> bool {
    let headers = callout.headers.iter();
    let headers = headers.map(|(name, value)| (*name, &**value)).collect();
    let body = Some(&*callout.body).filter(|body| !body.is_empty());
    abi::call(
        &callout.cluster,
        headers,
        body,
        callout.timeout_milliseconds,
    )
}

/// HTTP status of the answer at hand; `None` where the call broke off.
fn status(headers: usize) -> Option<u16> {
    // Envoy shows an answer that broke off as one without headers.
    (headers > 0).then_some(())?;
    let pairs = Pairs::new(abi::header_pairs(abi::Headers::HttpCall).ok()?);
    core::str::from_utf8(pairs.first(":status"))
        .ok()?
        .parse()
        .ok()
}

/// The answer at hand, whose body has `size` bytes and may have `most`.
pub(crate) fn news(headers: usize, size: usize, most: usize) -> News {
    if size > most {
        return News::TooLarge;
    }
    let answer = || {
        let status = status(headers)?;
        let body = match size {
            0 => Vec::new(),
            size => abi::buffer(abi::Buffer::HttpCallBody, 0, size).ok()?,
        };
        (body.len() == size).then_some(Answer { status, body })
    };
    answer().map_or(News::NoAnswer, News::Answer)
}
