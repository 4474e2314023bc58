//! What Envoy's configuration says about a filter and its VM.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::failure_policy::FailurePolicy;

const ALWAYS_ALLOWED: [&str; 8] = [
    "_initialize",
    "_start",
    "main",
    "__main_void",
    "envoy_resolve_dns",
    "envoy_on_resolve_dns",
    "pthread_equal",
    "emscripten_notify_memory_growth",
];

/// One filter's configuration: Envoy's `PluginConfig` and `VmConfig`, and this host's limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plugin {
    /// `PluginConfig.name`, readable as property `plugin_name`.
    pub name: String,
    /// `PluginConfig.root_id`.
    pub root_id: String,
    /// `VmConfig.vm_id`: VMs with the same one share data and queues.
    pub vm_id: String,
    /// `PluginConfig.configuration` as the guest reads it.
    pub configuration: Vec<u8>,
    /// `VmConfig.configuration` as the guest reads it.
    pub vm_configuration: Vec<u8>,
    /// `VmConfig.environment_variables`.
    pub environment: BTreeMap<String, String>,
    /// `PluginConfig.allow_on_headers_stop_iteration`: with it, Pause in a header callback
    /// holds only the headers and body callbacks go on; without it nothing goes on.
    pub allow_on_headers_stop_iteration: bool,
    /// `PluginConfig.failure_policy`: what new streams get when the VM has trapped.
    pub failure_policy: FailurePolicy,
    /// `PluginConfig.reload_config.backoff.base_interval`: under
    /// [`FailurePolicy::FailReload`], the least time between two starts of the VM. Envoy waits
    /// up to half as long again, at random; this host does not.
    pub reload_backoff: Duration,
    /// `per_connection_buffer_limit_bytes`: a held request above it is answered 413, a held
    /// response 500 or a reset. Bytes.
    pub buffer_limit: usize,
    /// Clusters that `proxy_http_call`, `proxy_grpc_call` and `proxy_grpc_stream` may name.
    pub clusters: BTreeSet<String>,
    /// Further clusters, whose callouts fail at once because they have no healthy host.
    pub clusters_without_hosts: BTreeSet<String>,
    /// `capability_restriction_config`: the host functions a guest may call and the
    /// callbacks made to it; empty is no restriction. Another host function answers
    /// INTERNAL_FAILURE, one of WASI 76; another callback is not made.
    pub allowed_capabilities: BTreeSet<String>,
    /// What `proxy_get_log_level` gives: 0 trace to 5 critical.
    pub log_level: u32,
    /// wasmtime fuel for one callback; a guest that needs more is taken for an endless loop.
    pub fuel_per_callback: u64,
    /// What host functions may do for one callback: a unit for each byte they copy or make,
    /// and 256 for each call. A guest that needs more is taken for an endless loop. No part
    /// of [`Costs`](crate::Costs).
    pub host_work_per_callback: u64,
    /// Most bytes of the VM's linear memories together. `memory.grow` beyond it gives -1.
    pub memory_limit: usize,
    /// Most elements of the VM's tables together. `table.grow` beyond it gives -1.
    pub table_limit: usize,
    /// Host functions that give this status and do nothing else: no result is written
    /// either. Shows what a filter does about statuses that Envoy gives rarely.
    pub answers: BTreeMap<String, u32>,
}

impl Plugin {
    /// The same plugin with one more entry in [`Plugin::answers`]. A function that the host
    /// does not have is an error when the worker is started.
    pub fn answering(mut self, function: &str, status: impl Into<u32>) -> Self {
        self.answers.insert(function.to_owned(), status.into());
        self
    }

    /// Whether a function of the ABI may be called. Envoy restricts neither what starts a
    /// module nor its own two functions for DNS, nor those of compilers (seen on Envoy 1.40).
    pub(crate) fn allows(&self, function: &str) -> bool {
        self.allowed_capabilities.is_empty()
            || self.allowed_capabilities.contains(function)
            || ALWAYS_ALLOWED.contains(&function)
    }
}

impl Default for Plugin {
    /// Envoy's defaults: empty configuration, 1 s between starts, 1 MiB buffer limit, 1 GiB of
    /// memory, log level info; 10,000,000 elements of tables, which is V8's limit for each; 10¹⁰
    /// units of fuel, some seconds of work; 2²⁸ units of host work, a million calls or 256 MiB.
    fn default() -> Self {
        Self {
            name: String::new(),
            root_id: String::new(),
            vm_id: String::new(),
            configuration: Vec::new(),
            vm_configuration: Vec::new(),
            environment: BTreeMap::new(),
            allow_on_headers_stop_iteration: false,
            failure_policy: FailurePolicy::default(),
            reload_backoff: Duration::from_secs(1),
            buffer_limit: 1 << 20,
            clusters: BTreeSet::new(),
            clusters_without_hosts: BTreeSet::new(),
            allowed_capabilities: BTreeSet::new(),
            log_level: 2,
            fuel_per_callback: 10_000_000_000,
            host_work_per_callback: 1 << 28,
            memory_limit: 1 << 30,
            table_limit: 10_000_000,
            answers: BTreeMap::new(),
        }
    }
}
