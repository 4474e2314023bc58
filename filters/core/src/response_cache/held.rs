//! What goes into the store that an Envoy's workers share, and what the metrics say of it then.

use super::entry::Entry;
use super::store::{Outcome, Put};
use super::{ResponseCache, count};
use crate::config::ResponseCacheConfig;
use crate::effect::{Effect, Metric};
use crate::host::Host;

const EVICTED: Metric = Metric::counter("tollgate.response_cache.evicted");
const ENTRIES: Metric = Metric::gauge("tollgate.response_cache.entries");
const BYTES: Metric = Metric::gauge("tollgate.response_cache.bytes");

impl ResponseCache {
    /// Stores an entry, and measures what the store holds.
    pub(super) fn put(
        &self,
        entry: &Entry,
        config: &ResponseCacheConfig,
        host: &dyn Host,
        now: u64,
        effects: &mut Vec<Effect>,
    ) -> Put {
        let store = self.store(config);
        let put = store.put(host, entry, now);
        count(EVICTED, put.evicted as u64, effects);
        let is_stored = put.outcome == Outcome::Stored;
        if let Some(stock) = is_stored
            .then(|| store.take_stock(host, &put, now))
            .flatten()
        {
            count(ENTRIES, stock.entries as u64, effects);
            count(BYTES, stock.bytes as u64, effects);
        }
        put
    }
}
