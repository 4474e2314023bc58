//! A test's hold on one running region.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::fault::{Fault, Standing};
use crate::quota::Quota;
use crate::recorded::Recorded;
use crate::script::Script;
use crate::state::RegionState;

/// One running region: where it is, what it got, what it does next.
#[derive(Clone)]
pub struct Handle(pub(crate) Arc<RegionState>);

impl Handle {
    /// The short name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The value of `x-ms-region`.
    pub fn display(&self) -> &str {
        &self.0.display
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.0.address)
    }

    /// Every request from now on suffers this; its `every` and `times` count from here.
    pub fn set_fault(&self, fault: Fault) {
        self.0.live().standing = Standing::new(fault);
    }

    /// The limits of every deployment from now on, with nothing used up.
    pub fn set_quota(&self, quota: Quota) {
        self.0.live().set_quota(quota);
    }

    /// Adds a dictated answer behind those there are.
    pub fn script(&self, script: Script) {
        self.0.live().scripts.push_back(script);
    }

    /// The requests received so far, the oldest first.
    pub fn requests(&self) -> Vec<Recorded> {
        self.0.live().requests.iter().cloned().collect()
    }

    /// Takes the requests received so far out of the log.
    pub fn take_requests(&self) -> Vec<Recorded> {
        self.0.live().requests.drain(..).collect()
    }

    /// Forgets faults, scripts, requests, responses, prompt prefixes and used-up quota.
    pub fn reset(&self) {
        self.0.live().reset();
    }
}
