//! One port for gRPC and for `GET /totals`, served on a thread of its own.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_service_server::RateLimitServiceServer;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde::Serialize;
use tokio::sync::oneshot;
use tonic::body::Body;
use tonic::codegen::Service as _;

use crate::config::Config;
use crate::ledger::{CounterState, Ledger, Total};
use crate::service::{Decisions, locked};

/// Answers gRPC.
type Grpc = RateLimitServiceServer<Decisions>;

/// A running service. Dropping it closes its port and connections.
pub struct Service {
    address: SocketAddr,
    ledger: Arc<Mutex<Ledger>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What `GET /totals` answers.
#[derive(Clone, Debug, Serialize)]
pub struct Totals {
    /// By the names of the limits, since the service started.
    pub limits: BTreeMap<String, Total>,
    /// Counters whose windows are not over.
    pub counters: Vec<CounterState>,
    /// Live counters that were forgotten because there were too many.
    pub evicted: u64,
}

impl Service {
    /// Listens on `address`, where port 0 takes a free one, and serves until dropped. `log`
    /// prints a line for each descriptor to stdout.
    ///
    /// # Errors
    /// When the port cannot be opened.
    pub fn start(config: Config, address: SocketAddr, log: bool) -> Result<Self> {
        let listener = TcpListener::bind(address)
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .with_context(|| format!("cannot listen on {address}"))?;
        let address = listener.local_addr()?;
        let ledger = Ledger::new(config.limits.clone(), config.most_counters);
        let ledger = Arc::new(Mutex::new(ledger));
        let decisions = Decisions::new(config.limits, Arc::clone(&ledger), log);
        let grpc = RateLimitServiceServer::new(decisions);
        let serving = Arc::clone(&ledger);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("rate-limit-service".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = accept(listener, &grpc, &serving) => {}
                        // Envoy keeps its connections: nothing to wait for.
                        _ = stopped => {}
                    }
                });
            })?;
        Ok(Self {
            address,
            ledger,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was counted so far.
    pub fn totals(&self) -> Totals {
        totals(&self.ledger)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It ends by itself; a panic in it was printed where it happened.
            let _ = thread.join();
        }
    }
}

async fn accept(listener: TcpListener, grpc: &Grpc, ledger: &Arc<Mutex<Ledger>>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely; they come back.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (grpc, ledger) = (grpc.clone(), Arc::clone(ledger));
        tokio::spawn(async move {
            let answer = service_fn(|request| answer(request, grpc.clone(), Arc::clone(&ledger)));
            let http = auto::Builder::new(TokioExecutor::new());
            // Clients go away, which is no news.
            let _ = http.serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

/// Everything but `GET /totals` is gRPC, which says of what it does not know that it is
/// not implemented.
async fn answer(
    request: Request<Incoming>,
    mut grpc: Grpc,
    ledger: Arc<Mutex<Ledger>>,
) -> Result<Response<Body>, Infallible> {
    if request.method() != Method::GET || request.uri().path() != "/totals" {
        return grpc.call(request).await;
    }
    // Maps have keys of text only, so there is nothing that could not be written.
    let text = serde_json::to_vec(&totals(&ledger)).unwrap_or_default();
    let mut response = Response::new(Body::new(Full::new(Bytes::from(text))));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    Ok(response)
}

fn totals(ledger: &Mutex<Ledger>) -> Totals {
    let ledger = locked(ledger);
    Totals {
        limits: ledger.totals(),
        counters: ledger.counters(Instant::now()),
        evicted: ledger.evicted(),
    }
}
