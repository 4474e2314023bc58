//! A plain HTTP client that shows everything of an answer: where its pieces were cut, its
//! trailers, and how it broke.

#![allow(dead_code, reason = "each test binary uses its own part")]

use azure_mock::{Bytes, Config, Handle, HeaderMap, Mock, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::net::TcpStream;

/// What came back.
#[derive(Debug)]
pub struct Got {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub frames: Vec<Bytes>,
    pub trailers: Option<HeaderMap>,
    /// The body ended in an error.
    pub broken: bool,
}

impl Got {
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub fn body(&self) -> Vec<u8> {
        self.frames.concat()
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body())
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The `data` of every event, `[DONE]` as a string.
    pub fn events(&self) -> Vec<Value> {
        let text = self.text();
        let data = text.split_terminator("\n\n").map(|event| {
            let (_, data) = event.split_once("data: ").unwrap();
            serde_json::from_str(data).unwrap_or_else(|_| data.into())
        });
        data.collect()
    }

    /// `error.code` of the body.
    pub fn code(&self) -> String {
        self.json()["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

/// HTTP/1.1 or HTTP/2 with prior knowledge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Http {
    One,
    Two,
}

/// Sends one request on its own connection. `None` when the connection or stream ended
/// without an answer.
pub fn send(
    http: Http,
    region: &Handle,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Option<Got> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let uri = match http {
        Http::One => path.to_owned(),
        Http::Two => format!("{}{path}", region.url()),
    };
    let mut request = Request::builder().method(method).uri(uri);
    if http == Http::One {
        request = request.header("host", region.address().to_string());
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request
        .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
        .unwrap();
    runtime.block_on(async {
        let io = TokioIo::new(TcpStream::connect(region.address()).await.unwrap());
        let response = match http {
            Http::One => {
                let (mut sender, connection) =
                    hyper::client::conn::http1::handshake(io).await.unwrap();
                tokio::spawn(connection);
                sender.send_request(request).await
            }
            Http::Two => {
                let (mut sender, connection) =
                    hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
                        .await
                        .unwrap();
                tokio::spawn(connection);
                sender.send_request(request).await
            }
        };
        let (parts, mut body) = response.ok()?.into_parts();
        let mut got = Got {
            status: parts.status,
            headers: parts.headers,
            frames: Vec::new(),
            trailers: None,
            broken: false,
        };
        while let Some(frame) = body.frame().await {
            match frame.map(hyper::body::Frame::into_data) {
                Ok(Ok(data)) => got.frames.push(data),
                Ok(Err(other)) => got.trailers = other.into_trailers().ok(),
                Err(_) => {
                    got.broken = true;
                    break;
                }
            }
        }
        Some(got)
    })
}

/// A POST over HTTP/1.1 with a key; it must be answered.
pub fn post(region: &Handle, path: &str, body: &str) -> Got {
    post_with(region, path, &[], body)
}

/// The same with more headers.
pub fn post_with(region: &Handle, path: &str, headers: &[(&str, &str)], body: &str) -> Got {
    let headers = [
        &[("api-key", "k"), ("content-type", "application/json")],
        headers,
    ]
    .concat();
    send(Http::One, region, "POST", path, &headers, body).expect("an answer")
}

/// One region with the defaults, changed by `change`.
pub fn one(change: impl FnOnce(&mut Config)) -> (Mock, Handle) {
    let mut config = Config::with_regions(["swedencentral"]);
    change(&mut config);
    let mock = Mock::start(config).unwrap();
    let region = mock.region("swedencentral");
    (mock, region)
}

/// The dated path of chat completions.
pub const CHAT: &str = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";

/// A small request for it.
pub const HELLO: &str = r#"{"messages":[{"role":"user","content":"hello"}]}"#;

/// The same, streamed, with usage.
pub const HELLO_STREAM: &str = r#"{"messages":[{"role":"user","content":"hello"}],"stream":true,"stream_options":{"include_usage":true}}"#;
