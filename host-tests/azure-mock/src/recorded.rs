//! A request as it arrived, for assertions.

use std::time::Instant;

use bytes::Bytes;
use hyper::{HeaderMap, Method, Version};
use serde::Serialize;

/// A request a region received, before anything was made of it.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The region that received it.
    pub region: String,
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// HTTP/1.1 or HTTP/2.
    pub version: Version,
    /// All headers, `:authority` as `host`.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// When the last of it was there.
    pub received: Instant,
}

impl Recorded {
    /// The value of a header that is there once and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON; `null` when it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// The form of the admin path. A body that is no text has its bad bytes replaced.
impl Serialize for Recorded {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Form<'a> {
            region: &'a str,
            method: &'a str,
            target: &'a str,
            version: String,
            headers: Vec<(&'a str, String)>,
            body: String,
        }
        Form {
            region: &self.region,
            method: self.method.as_str(),
            target: &self.target,
            version: format!("{:?}", self.version),
            headers: self
                .headers
                .iter()
                .map(|(name, value)| {
                    (
                        name.as_str(),
                        String::from_utf8_lossy(value.as_bytes()).into_owned(),
                    )
                })
                .collect(),
            body: String::from_utf8_lossy(&self.body).into_owned(),
        }
        .serialize(serializer)
    }
}
