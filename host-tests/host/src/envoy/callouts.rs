//! The clusters that filters call, and the calls they have made.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use crate::flow::Protocol;
use crate::message::{HttpAnswer, Received};
use crate::scenario::{CalloutOutcome, presented};

use super::connection::Connection;
use super::process::POLL;
use super::replay::LIMIT;
use super::upstream::Upstream;

/// A scripted server for each cluster.
pub struct Callouts {
    clusters: BTreeMap<String, Upstream>,
}

/// A call that nobody has answered yet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Open {
    began: Instant,
    /// Number of the connection at its server.
    connection: usize,
    /// Number of the exchange on it.
    at: usize,
}

impl Callouts {
    /// Listens for each of `names`.
    ///
    /// # Errors
    /// When the system gives no port.
    pub fn listen(names: &[String]) -> std::io::Result<Self> {
        let clusters = names.iter().map(|name| {
            let server = Upstream::listen(Protocol::Http1, false)?;
            Ok((name.clone(), server))
        });
        Ok(Self {
            clusters: clusters.collect::<std::io::Result<_>>()?,
        })
    }

    /// Names and addresses.
    pub fn addresses(&self) -> impl Iterator<Item = (&str, SocketAddr)> {
        let clusters = self.clusters.iter();
        clusters.map(|(name, server)| (name.as_str(), server.address()))
    }

    /// The clusters of the open calls, oldest first.
    pub fn open(&self) -> Vec<String> {
        let mut all: Vec<_> = self
            .clusters
            .iter()
            .flat_map(|(name, server)| open(server).into_iter().map(move |open| (open, name)))
            .collect();
        all.sort();
        all.into_iter().map(|(_, name)| name.clone()).collect()
    }

    /// What the oldest open call to `cluster` sent.
    pub fn sent(&self, cluster: &str) -> Option<Received> {
        self.oldest(cluster, |connection, at| {
            connection.seen().messages.get(at).cloned()
        })?
    }

    /// Lets the oldest open call to `cluster` have its outcome; `None` when there is none.
    pub fn settle(&self, cluster: &str, outcome: &CalloutOutcome) -> Option<Result<(), String>> {
        self.oldest(cluster, |connection, at| match outcome {
            CalloutOutcome::Open => Ok(()),
            CalloutOutcome::Answer(answer) => write(connection, at, answer, true),
            CalloutOutcome::Reset | CalloutOutcome::BrokenOff(_) => connection.reset(at),
        })
    }

    /// Begins the answer to the oldest open call to `cluster`, which stays open; `None` when
    /// there is none.
    pub fn begin(&self, cluster: &str, answer: &HttpAnswer) -> Option<Result<(), String>> {
        self.oldest(cluster, |connection, at| {
            write(connection, at, answer, false)
        })
    }

    /// Waits for a call.
    fn oldest<R>(
        &self,
        cluster: &str,
        mut look: impl FnMut(&mut Connection, usize) -> R,
    ) -> Option<R> {
        let server = self.clusters.get(cluster)?;
        let started = Instant::now();
        loop {
            if let Some(oldest) = open(server).into_iter().min() {
                return server.nth(oldest.connection, |connection| look(connection, oldest.at));
            }
            if started.elapsed() > LIMIT {
                return None;
            }
            std::thread::sleep(POLL);
        }
    }
}

fn open(server: &Upstream) -> Vec<Open> {
    let all = server.all(|connection| connection.unanswered());
    let calls = all.into_iter().enumerate();
    let calls = calls.flat_map(|(connection, calls)| {
        calls.into_iter().map(move |(at, began)| Open {
            began,
            connection,
            at,
        })
    });
    calls.collect()
}

fn write(
    connection: &mut Connection,
    at: usize,
    answer: &HttpAnswer,
    whole: bool,
) -> Result<(), String> {
    let (body, trailers) = (!answer.body.is_empty(), !answer.trailers.is_empty());
    let end = whole && !body && !trailers;
    let headers = presented::response(&answer.headers, Protocol::Http1, end, false);
    connection.head(at, &headers, end)?;
    if body {
        connection.body(at, &answer.body, whole && !trailers)?;
    }
    if trailers {
        connection.trailers(at, &answer.trailers)?;
    }
    Ok(())
}
