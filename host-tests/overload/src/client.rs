//! Many connections to one gateway, each with many requests at a time (HTTP/2).

use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::net::TcpStream;

use crate::conversation::PATH;

/// Longer than any answer takes; a hang is a failure.
const LIMIT: Duration = Duration::from_secs(120);

/// Open connections.
pub struct Connections {
    address: SocketAddr,
    senders: Vec<SendRequest<Full<Bytes>>>,
}

/// What a request got.
#[derive(Clone, Copy, Debug)]
pub enum Answered {
    /// A 429.
    Refused {
        /// From the request to its end.
        took: Duration,
    },
    /// A 200, with all of its stream.
    Whole {
        /// When the stream ended.
        ended: Instant,
        /// `usage.prompt_tokens`.
        prompt: u64,
        /// `usage.completion_tokens`.
        output: u64,
    },
}

impl Connections {
    /// Opens `count` connections.
    ///
    /// # Errors
    /// When one is refused.
    pub async fn open(address: SocketAddr, count: usize) -> Result<Self> {
        let mut senders = Vec::with_capacity(count);
        for _ in 0..count {
            let stream = TcpStream::connect(address).await?;
            // A request's body would wait for the acknowledgement of its headers.
            stream.set_nodelay(true)?;
            let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
            let (sender, connection) = handshake.await?;
            // It ends with its sender; requests tell of what goes wrong.
            tokio::spawn(connection);
            senders.push(sender);
        }
        Ok(Self { address, senders })
    }

    /// Sends a chat completion on the connection that `which` chooses.
    ///
    /// # Errors
    /// At once for what cannot be a request; later when the connection breaks, the answer is
    /// neither 200 nor 429, or a 200 does not tell its usage.
    pub fn post(
        &self,
        which: usize,
        headers: &[(&str, &str)],
        body: String,
    ) -> Result<impl Future<Output = Result<Answered>> + Send + 'static> {
        let mut request = hyper::Request::post(format!("http://{}{PATH}", self.address))
            .header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::from(body)))?;
        let mut sender = self.senders[which % self.senders.len()].clone();
        Ok(async move {
            let sent = Instant::now();
            let exchange = async {
                sender.ready().await?;
                let response = sender.send_request(request).await?;
                let status = response.status().as_u16();
                let body = response.into_body().collect().await?.to_bytes();
                anyhow::Ok((status, body))
            };
            let (status, body) = tokio::time::timeout(LIMIT, exchange)
                .await
                .with_context(|| format!("no whole answer within {LIMIT:?}"))??;
            if status == 429 {
                return Ok(Answered::Refused {
                    took: sent.elapsed(),
                });
            }
            let text = String::from_utf8_lossy(&body);
            ensure!(status == 200, "answered {status}: {text}");
            let usage = usage(&text).with_context(|| {
                let end: String = text.chars().rev().take(300).collect();
                format!(
                    "no usage in the answer that ends: {}",
                    end.chars().rev().collect::<String>()
                )
            })?;
            Ok(Answered::Whole {
                ended: Instant::now(),
                prompt: usage.0,
                output: usage.1,
            })
        })
    }
}

/// Prompt and completion tokens of the last event that tells them.
fn usage(events: &str) -> Option<(u64, u64)> {
    let event = events
        .lines()
        .rev()
        .find(|line| line.contains("\"completion_tokens\""))?;
    let event: Value = serde_json::from_str(event.strip_prefix("data: ")?).ok()?;
    let usage = &event["usage"];
    Some((
        usage["prompt_tokens"].as_u64()?,
        usage["completion_tokens"].as_u64()?,
    ))
}
