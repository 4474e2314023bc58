//! Listening, serving HTTP/1.1 and HTTP/2 on one port, and stopping.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, bail};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::sync::watch;

use crate::config::Config;
use crate::connection::{Connection, ResetSwitch};
use crate::handle::Handle;
use crate::service;
use crate::state::{RegionState, Shared};
use crate::tokenizer;

/// The running regions. Dropping it closes every port and connection.
pub struct Mock {
    shared: Arc<Shared>,
    stop: watch::Sender<Option<Duration>>,
    thread: Option<JoinHandle<()>>,
}

impl Mock {
    /// Opens the ports and serves them on threads of its own.
    ///
    /// # Errors
    /// When there is no region, two have one name, or a port cannot be opened.
    pub fn start(config: Config) -> anyhow::Result<Self> {
        let mut regions: Vec<Arc<RegionState>> = Vec::new();
        let mut listeners = Vec::new();
        for region in &config.regions {
            if regions.iter().any(|other| other.name == region.name) {
                bail!(
                    "two regions have the name `{}`; give each its own",
                    region.name
                );
            }
            let address = SocketAddr::new(config.host, region.port);
            let listener = TcpListener::bind(address)
                .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
                .with_context(|| format!("region `{}` cannot listen on {address}", region.name))?;
            let address = listener.local_addr()?;
            regions.push(Arc::new(RegionState::new(
                region,
                &config.deployments,
                address,
            )));
            listeners.push(listener);
        }
        if regions.is_empty() {
            bail!("no region to play: name at least one");
        }
        let runtime = match config.threads {
            0 | 1 => tokio::runtime::Builder::new_current_thread(),
            threads => {
                let mut builder = tokio::runtime::Builder::new_multi_thread();
                builder.worker_threads(threads);
                builder
            }
        }
        .enable_all()
        .build()?;
        let shared = Arc::new(Shared::new(config, regions));
        let (stop, stopped) = watch::channel(None);
        let serving = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("azure-mock".to_owned())
            .spawn(move || {
                runtime.block_on(serve(&serving, listeners, stopped));
            })?;
        Ok(Self {
            shared,
            stop,
            thread: Some(thread),
        })
    }

    /// The region of this name.
    ///
    /// # Panics
    /// When there is none: a test that asks for one is wrong.
    pub fn region(&self, name: &str) -> Handle {
        let found = self.regions().find(|region| region.name() == name);
        found.unwrap_or_else(|| panic!("no region `{name}` was started"))
    }

    /// All regions in the order of the configuration.
    pub fn regions(&self) -> impl Iterator<Item = Handle> {
        self.shared
            .regions
            .iter()
            .map(|region| Handle(Arc::clone(region)))
    }

    /// Loads the tokenizers of all deployed models now instead of with the first
    /// request; takes a few tenths of a second.
    pub fn load_tokenizers(&self) {
        for region in &self.shared.regions {
            for deployment in &region.deployments {
                tokenizer::of_model(&deployment.model);
            }
        }
    }

    /// Takes no more connections, lets running answers end for at most `grace`, and
    /// closes everything.
    pub fn stop(mut self, grace: Duration) {
        self.close(grace);
    }

    fn close(&mut self, grace: Duration) {
        let _ = self.stop.send(Some(grace));
        if let Some(thread) = self.thread.take() {
            // It ends by itself; a panic in it was printed where it happened.
            let _ = thread.join();
        }
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        self.close(Duration::ZERO);
    }
}

/// Serves all listeners until told to stop.
async fn serve(
    shared: &Arc<Shared>,
    listeners: Vec<TcpListener>,
    mut stopped: watch::Receiver<Option<Duration>>,
) {
    let graceful = Arc::new(GracefulShutdown::new());
    let mut accepting = Vec::new();
    for (region, listener) in shared.regions.iter().zip(listeners) {
        let accept = accept(
            Arc::clone(shared),
            Arc::clone(region),
            listener,
            Arc::clone(&graceful),
        );
        accepting.push(tokio::spawn(accept));
    }
    let grace = stopped
        .wait_for(Option::is_some)
        .await
        .map_or(None, |grace| *grace);
    for task in &accepting {
        task.abort();
    }
    for task in accepting {
        let _ = task.await;
    }
    if let Some(graceful) = Arc::into_inner(graceful) {
        let _ = tokio::time::timeout(grace.unwrap_or_default(), graceful.shutdown()).await;
    }
}

async fn accept(
    shared: Arc<Shared>,
    region: Arc<RegionState>,
    listener: TcpListener,
    graceful: Arc<GracefulShutdown>,
) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http2()
        // Room for a benchmark's streams, and for large prompts without waiting for
        // window updates.
        .max_concurrent_streams(10_000)
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(16 << 20);
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely; they come back.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let reset = ResetSwitch::default();
        let io = TokioIo::new(Connection::new(stream, reset.clone()));
        let (shared, region) = (Arc::clone(&shared), Arc::clone(&region));
        let service = service_fn(move |request| {
            let (shared, region, reset) = (Arc::clone(&shared), Arc::clone(&region), reset.clone());
            async move { service::answer(&shared, &region, &reset, request).await }
        });
        let connection = http.serve_connection(io, service).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // Clients go away and faults break connections; neither is news.
            let _ = connection.await;
        });
    }
}
