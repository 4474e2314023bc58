//! Control over HTTP, for tests in any language. The same paths answer on every region's
//! port and reach every region.

use bytes::Bytes;
use hyper::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::body::Steps;
use crate::fault::{Fault, Standing};
use crate::quota::Quota;
use crate::script::Script;
use crate::state::{RegionState, Shared};

/// What every admin path starts with.
pub(crate) const PREFIX: &str = "/_mock/";

const HELP: &str = "known: GET /_mock/regions, POST /_mock/reset, and under /_mock/regions/NAME: \
     PUT or DELETE fault, PUT quota, POST or DELETE scripts, GET or DELETE requests";

/// Answers an admin request.
pub(crate) fn answer(
    shared: &Shared,
    method: &Method,
    path: &str,
    body: &Bytes,
) -> Response<Steps> {
    let (status, value) = match act(shared, method, path, body) {
        Ok(value) => (StatusCode::OK, value),
        Err((status, message)) => (status, json!({"error": message})),
    };
    let mut response = Response::new(Steps::from(Bytes::from(format!("{value}\n"))));
    *response.status_mut() = status;
    let json = hyper::header::HeaderValue::from_static("application/json");
    response
        .headers_mut()
        .insert(hyper::header::CONTENT_TYPE, json);
    response
}

type Outcome = Result<Value, (StatusCode, String)>;

fn act(shared: &Shared, method: &Method, path: &str, body: &Bytes) -> Outcome {
    let path = path.strip_prefix(PREFIX).unwrap_or(path);
    match (method.as_str(), path) {
        ("GET", "regions") => Ok(shared
            .regions
            .iter()
            .map(|region| describe(region))
            .collect()),
        ("POST", "reset") => {
            shared
                .regions
                .iter()
                .for_each(|region| region.live().reset());
            Ok(json!({"reset": shared.regions.len()}))
        }
        _ => {
            let unknown = || {
                (
                    StatusCode::NOT_FOUND,
                    format!("no {method} {PREFIX}{path}; {HELP}"),
                )
            };
            let (name, what) = path
                .strip_prefix("regions/")
                .and_then(|rest| rest.split_once('/'))
                .ok_or_else(unknown)?;
            let region = shared
                .regions
                .iter()
                .find(|region| region.name == name)
                .ok_or_else(|| {
                    let names: Vec<&str> = shared
                        .regions
                        .iter()
                        .map(|region| region.name.as_str())
                        .collect();
                    (
                        StatusCode::NOT_FOUND,
                        format!("no region `{name}`; there are {}", names.join(", ")),
                    )
                })?;
            act_on(region, method, what, body).unwrap_or_else(|| Err(unknown()))
        }
    }
}

/// `None` for a path that is unknown.
fn act_on(region: &RegionState, method: &Method, what: &str, body: &Bytes) -> Option<Outcome> {
    let bad = |message: String| (StatusCode::BAD_REQUEST, message);
    let mut live = region.live();
    let done = match (method.as_str(), what) {
        ("PUT", "fault") => String::from_utf8_lossy(body)
            .parse::<Fault>()
            .map(|fault| live.standing = Standing::new(fault))
            .map_err(bad),
        ("DELETE", "fault") => {
            live.standing = Standing::default();
            Ok(())
        }
        ("PUT", "quota") => serde_json::from_slice::<Quota>(body)
            .map(|quota| live.set_quota(quota))
            .map_err(|error| bad(error.to_string())),
        ("POST", "scripts") => Script::from_json(body)
            .map(|script| live.scripts.push_back(script))
            .map_err(bad),
        ("DELETE", "scripts") => {
            live.scripts.clear();
            Ok(())
        }
        ("GET", "requests") => return Some(Ok(json!(live.requests))),
        ("DELETE", "requests") => {
            live.requests.clear();
            Ok(())
        }
        _ => return None,
    };
    drop(live);
    Some(done.map(|()| describe(region)))
}

fn describe(region: &RegionState) -> Value {
    let live = region.live();
    json!({
        "name": region.name,
        "display": region.display,
        "url": format!("http://{}", region.address),
        "deployments": region.deployments,
        "fault": live.standing.fault(),
        "quota": live.quota,
        "scripts": live.scripts.len(),
        "requests": live.requests.len(),
    })
}
