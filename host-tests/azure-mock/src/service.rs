//! One request from the socket to its response: what happens to every request, whatever
//! it asks for.

use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming as IncomingBody;
use hyper::header::HOST;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Request, Response, Version};

use crate::admin;
use crate::body::Steps;
use crate::connection::ResetSwitch;
use crate::dispatch::Incoming;
use crate::error::ApiError;
use crate::fault::{FAULT_HEADER, Fault, Reset};
use crate::headers;
use crate::recorded::Recorded;
use crate::reply::Reply;
use crate::script::{ANSWER_HEADER, Scripted, take};
use crate::state::{RegionState, Shared};

/// The largest request body; a larger one gets 413.
const MOST_BODY: usize = 64 << 20;

/// A request that is to get no answer at all.
#[derive(Debug)]
pub(crate) struct Unanswered;

impl std::fmt::Display for Unanswered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is reset before an answer")
    }
}

impl std::error::Error for Unanswered {}

/// Receives, remembers and answers one request.
///
/// # Errors
/// When a fault asks for no answer, or the client is gone.
pub(crate) async fn answer(
    shared: &Shared,
    region: &RegionState,
    reset: &ResetSwitch,
    request: Request<IncomingBody>,
) -> Result<Response<Steps>, Unanswered> {
    let (parts, body) = request.into_parts();
    let body = match Limited::new(body, MOST_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Ok(Reply::from(ApiError::too_large()).into_response(&Fault::default(), None));
        }
        // The client is gone.
        Err(_) => return Err(Unanswered),
    };
    let path = parts.uri.path();
    if path.starts_with(admin::PREFIX) {
        return Ok(admin::answer(shared, &parts.method, path, &body));
    }

    let (standing, script) = {
        let mut live = region.live();
        if shared.config.log_limit > 0 {
            live.record(recorded(region, &parts, &body), shared.config.log_limit);
        }
        (live.standing.next(), take(&mut live.scripts, &body))
    };
    // HTTP/2 resets the one stream, HTTP/1.1 has only the connection.
    let reset = (parts.version != Version::HTTP_2).then_some(reset);
    let fault = match own_fault(standing, &parts.headers) {
        Ok(fault) => fault,
        Err(message) => {
            return Ok(
                Reply::from(ApiError::invalid(&message)).into_response(&Fault::default(), None)
            );
        }
    };
    if !fault.latency.is_zero() {
        tokio::time::sleep(fault.latency).await;
    }
    if fault.reset == Some(Reset::Headers) {
        if let Some(reset) = reset {
            reset.pull();
        }
        return Err(Unanswered);
    }
    let scripted = match script {
        Some(Scripted::Raw(raw)) => return Ok(Reply::raw(raw).into_response(&fault, reset)),
        Some(Scripted::Text(text)) => Some(text),
        None => header_text(&parts.headers, ANSWER_HEADER),
    };
    let mut reply = Incoming {
        shared,
        region,
        method: &parts.method,
        path,
        query: parts.uri.query(),
        headers: &parts.headers,
        body: &body,
        fault: &fault,
        scripted: scripted.as_deref(),
    }
    .reply();
    headers::ids(&mut reply.headers, &shared.request_id(), &parts.headers);
    for (name, value) in &region.headers {
        reply.headers.insert(name, value.clone());
    }
    Ok(reply.into_response(&fault, reset))
}

/// The region's fault with this request's own wishes on top.
fn own_fault(mut fault: Fault, headers: &HeaderMap) -> Result<Fault, String> {
    for value in headers.get_all(FAULT_HEADER) {
        fault.apply(&String::from_utf8_lossy(value.as_bytes()))?;
    }
    Ok(fault)
}

fn header_text(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn recorded(region: &RegionState, parts: &Parts, body: &Bytes) -> Recorded {
    let mut headers = parts.headers.clone();
    if let Some(authority) = parts.uri.authority()
        && !headers.contains_key(HOST)
        && let Ok(host) = authority.as_str().parse()
    {
        headers.insert(HOST, host);
    }
    Recorded {
        region: region.name.clone(),
        method: parts.method.clone(),
        target: parts
            .uri
            .path_and_query()
            .map_or_else(String::new, ToString::to_string),
        version: parts.version,
        headers,
        body: body.clone(),
        received: Instant::now(),
    }
}
