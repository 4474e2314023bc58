//! A question that one Envoy of a fleet was asked, and another is asked again.

use anyhow::Result;

use super::cached::{self, Asked};
use crate::redis::Redis;
use crate::stack::Stack;

/// The configuration of each Envoy.
const CONFIGURATION: &str = "envoy/response-cache/fleet.yaml";
/// What the first Envoy has written.
const WRITTEN: &str = "wasmcustom.tollgate.response_cache.fleet_writes.outcome.stored";

/// Starts two Envoys that share a Redis, and asks the one and then the other.
///
/// # Errors
/// When Redis, Webdis or an Envoy does not start, or an answer does not come.
pub fn asked_of_two() -> Result<[Asked; 2]> {
    let redis = Redis::start()?;
    let port = format!("port_value: {}", redis.address().port());
    let envoy = || {
        Stack::of(CONFIGURATION)
            .replace("port_value: 7379", &port)
            .start()
    };
    let [one, other] = [envoy()?, envoy()?];
    let question = cached::question();
    let first = cached::ask(&one, "asked of one Envoy", "demo-tenant-a", &question)?;
    one.envoy.wait_until("the answer in Redis", |envoy| {
        envoy.stat(WRITTEN).is_ok_and(|written| written == 1)
    })?;
    let second = cached::ask(&other, "asked of another", "demo-tenant-a", &question)?;
    Ok([first, second])
}
