//! One port for gRPC and for `GET /totals`, served on a thread of its own.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use anyhow::{Context, Result};
use axum::Json;
use axum::extract::State;
use axum::routing::get;
use envoy_types::pb::envoy::service::ratelimit::v3::rate_limit_service_server::RateLimitServiceServer;
use serde::Serialize;
use tokio::sync::oneshot;
use tonic::service::Routes;

use crate::config::Config;
use crate::ledger::{CounterState, Ledger, Total};
use crate::service::{Decisions, locked};

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
        let ledger = Ledger::new(config.most_counters, config.limits.names());
        let ledger = Arc::new(Mutex::new(ledger));
        let decisions = Decisions::new(config.limits, Arc::clone(&ledger), log);
        let totals = axum::Router::new()
            .route("/totals", get(answer_totals))
            .with_state(Arc::clone(&ledger));
        let routes = Routes::new(RateLimitServiceServer::new(decisions))
            .into_axum_router()
            .merge(totals);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("rate-limit-service".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
                        return;
                    };
                    let serve = std::future::IntoFuture::into_future(axum::serve(listener, routes));
                    tokio::select! {
                        _ = serve => {}
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

async fn answer_totals(State(ledger): State<Arc<Mutex<Ledger>>>) -> Json<Totals> {
    Json(totals(&ledger))
}

fn totals(ledger: &Mutex<Ledger>) -> Totals {
    let ledger = locked(ledger);
    Totals {
        limits: ledger.totals(),
        counters: ledger.counters(Instant::now()),
        evicted: ledger.evicted(),
    }
}
