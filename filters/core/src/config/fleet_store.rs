//! Where the Envoys of a fleet share what they keep.

use super::node::{ConfigError, Node};

/// Redis behind Webdis, its face over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetStore {
    /// Envoy's cluster of Webdis.
    pub cluster: String,
    /// Longer than so many milliseconds no request waits for it.
    pub timeout_milliseconds: u32,
}

impl FleetStore {
    const TIMEOUT: (u32, u32) = (1, 10_000);

    pub(super) fn read(node: &Node) -> Result<FleetStore, ConfigError> {
        let object = node.object(&["cluster", "timeout_milliseconds"])?;
        let (low, high) = FleetStore::TIMEOUT;
        Ok(FleetStore {
            cluster: object.require("cluster")?.string()?.to_owned(),
            timeout_milliseconds: object
                .read_or("timeout_milliseconds", 50, |node| node.integer(low, high))?,
        })
    }
}
