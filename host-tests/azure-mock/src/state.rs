//! What changes while the mock runs.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use hyper::HeaderMap;

use crate::config::{Config, Deployment, Region};
use crate::fault::Standing;
use crate::headers;
use crate::prompt::Counted;
use crate::quota::{Consumption, Quota, Refused, Remaining};
use crate::recorded::Recorded;
use crate::script::Script;
use crate::text::Numbers;
use crate::usage::{Memo, PrefixMemory};

/// How many responses a region keeps for `GET /responses/{id}`; when full, all are
/// forgotten at once.
const MOST_STORED: usize = 4096;

/// What all regions have in common.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) regions: Vec<Arc<RegionState>>,
    pub(crate) counts: Memo,
    requests: AtomicU64,
}

impl Shared {
    pub(crate) fn new(config: Config, regions: Vec<Arc<RegionState>>) -> Self {
        Self {
            config,
            regions,
            counts: Memo::default(),
            requests: AtomicU64::new(0),
        }
    }

    /// An id no other request of this process has, shaped like a GUID.
    pub(crate) fn request_id(&self) -> String {
        let mut numbers = Numbers::new(self.requests.fetch_add(1, Ordering::Relaxed));
        let (high, low) = (numbers.next(), numbers.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            low >> 52,
            low & 0xffff_ffff_ffff
        )
    }
}

/// One region.
pub(crate) struct RegionState {
    pub(crate) name: String,
    pub(crate) display: String,
    pub(crate) address: SocketAddr,
    pub(crate) deployments: Vec<Deployment>,
    /// The headers every answer has.
    pub(crate) headers: HeaderMap,
    live: Mutex<Live>,
}

/// What requests and tests change.
#[derive(Default)]
pub(crate) struct Live {
    pub(crate) standing: Standing,
    pub(crate) quota: Quota,
    pub(crate) scripts: VecDeque<Script>,
    pub(crate) requests: VecDeque<Recorded>,
    pub(crate) responses: HashMap<String, Bytes>,
    consumption: HashMap<String, Consumption>,
    prefixes: PrefixMemory,
}

impl RegionState {
    pub(crate) fn new(region: &Region, deployments: &[Deployment], address: SocketAddr) -> Self {
        Self {
            name: region.name.clone(),
            display: region.display().to_owned(),
            address,
            deployments: region
                .deployments
                .clone()
                .unwrap_or_else(|| deployments.to_vec()),
            headers: headers::of_region(region.display()),
            live: Mutex::new(Live {
                standing: Standing::new(region.fault.clone()),
                quota: region.quota(),
                ..Live::default()
            }),
        }
    }

    /// The changing part; never held across an await or a count.
    pub(crate) fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The deployment of this name.
    pub(crate) fn deployment(&self, name: &str) -> Option<&Deployment> {
        self.deployments
            .iter()
            .find(|deployment| deployment.name == name)
    }
}

impl Live {
    /// Remembers a request, and forgets the oldest above `limit`.
    pub(crate) fn record(&mut self, request: Recorded, limit: usize) {
        self.requests.push_back(request);
        while self.requests.len() > limit {
            self.requests.pop_front();
        }
    }

    /// Charges a request to its deployment's quota.
    pub(crate) fn admit(&mut self, deployment: &str, tokens: u64) -> Result<Remaining, Refused> {
        let consumption = self.consumption.entry(deployment.to_owned()).or_default();
        consumption.admit(self.quota, tokens, Instant::now())
    }

    /// How much of a prompt was seen here before.
    pub(crate) fn cached(&mut self, counted: &Counted) -> u64 {
        self.prefixes.cached(counted)
    }

    /// Keeps a response for later.
    pub(crate) fn store(&mut self, id: String, body: Bytes) {
        if self.responses.len() >= MOST_STORED {
            self.responses.clear();
        }
        self.responses.insert(id, body);
    }

    /// Sets a new quota and forgets what was used of the old one.
    pub(crate) fn set_quota(&mut self, quota: Quota) {
        self.quota = quota;
        self.consumption.clear();
    }

    /// Forgets everything: faults, scripts, requests, responses, prefixes, consumption.
    /// The quota stays.
    pub(crate) fn reset(&mut self) {
        *self = Self {
            quota: self.quota,
            ..Self::default()
        };
    }
}
