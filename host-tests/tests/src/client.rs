//! A small HTTP client for tests: blocking, one connection pool, everything of the response.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::Value;
use tokio::runtime::Runtime;

/// A hang is a failure, told as such instead of stopping the whole run.
const LIMIT: Duration = Duration::from_secs(30);

/// Sends requests to one address.
pub struct Client {
    runtime: Runtime,
    pool: legacy::Client<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
}

/// A request being put together.
pub struct Request<'a> {
    client: &'a Client,
    builder: hyper::http::request::Builder,
    body: Bytes,
}

/// All of a response.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
    /// The trailers, if any came.
    pub trailers: Option<HeaderMap>,
}

impl Client {
    /// Speaks HTTP/1.1.
    pub fn new(address: SocketAddr) -> Self {
        Self::with(address, &mut legacy::Client::builder(TokioExecutor::new()))
    }

    /// Speaks HTTP/2 without TLS and without asking first.
    pub fn http2(address: SocketAddr) -> Self {
        Self::with(
            address,
            legacy::Client::builder(TokioExecutor::new()).http2_only(true),
        )
    }

    fn with(address: SocketAddr, builder: &mut legacy::Builder) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a thread and a socket poller can be had");
        let pool = builder.pool_timer(TokioTimer::new()).build_http();
        Self {
            runtime,
            pool,
            address,
        }
    }

    /// A GET.
    pub fn get(&self, path: &str) -> Request<'_> {
        self.request("GET", path)
    }

    /// A POST, of JSON unless its content type is set.
    pub fn post(&self, path: &str) -> Request<'_> {
        self.request("POST", path)
    }

    /// Any method.
    pub fn request(&self, method: &str, path: &str) -> Request<'_> {
        let uri = format!("http://{}{path}", self.address);
        let builder = hyper::Request::builder().method(method).uri(uri);
        Request {
            client: self,
            builder,
            body: Bytes::new(),
        }
    }
}

impl Request<'_> {
    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.builder = self.builder.header(name, value);
        self
    }

    /// Sets the body to these bytes, as they are.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets the body to JSON.
    pub fn json(self, body: &Value) -> Self {
        self.body(body.to_string())
    }

    /// Sends it and reads the whole response.
    ///
    /// # Errors
    /// When the connection fails, the response breaks off, or nothing comes for half a minute.
    pub fn send(self) -> Result<Response> {
        let mut request = self
            .builder
            .body(Full::new(self.body))
            .context("not a valid request")?;
        if request.method() == hyper::Method::POST && !request.headers().contains_key(CONTENT_TYPE)
        {
            request
                .headers_mut()
                .insert(CONTENT_TYPE, "application/json".parse()?);
        }
        let what = format!("{} {}", request.method(), request.uri());
        let exchange = async {
            let response = self.client.pool.request(request).await?;
            let (parts, body) = response.into_parts();
            let body = body.collect().await?;
            anyhow::Ok(Response {
                status: parts.status.as_u16(),
                headers: parts.headers,
                trailers: body.trailers().cloned(),
                body: body.to_bytes(),
            })
        };
        self.client
            .runtime
            .block_on(async { tokio::time::timeout(LIMIT, exchange).await })
            .with_context(|| format!("{what}: no complete response within {LIMIT:?}"))?
            .with_context(|| what)
    }
}

impl Response {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as text.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The `data:` of each server-sent event, `[DONE]` left out.
    pub fn events(&self) -> Vec<Value> {
        self.text()
            .lines()
            .filter_map(|line| serde_json::from_str(line.strip_prefix("data:")?).ok())
            .collect()
    }
}
