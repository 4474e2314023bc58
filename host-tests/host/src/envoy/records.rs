//! What Envoy's access log tells of streams: every few milliseconds as long as they go on.

use std::collections::BTreeMap;

use serde_json::Value;

use super::configuration::{DETAILS, PORT, STATE};

/// Envoy's name for filter state that `proxy_set_property` made.
pub const PROPERTY_PREFIX: &str = "wasm.";

/// The latest record of a stream.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Response code details.
    pub details: Option<String>,
    /// Filter state by key.
    pub filter_state: BTreeMap<String, Vec<u8>>,
    /// Properties by path.
    pub properties: BTreeMap<String, Vec<u8>>,
}

/// Records by the client's port.
pub fn latest(access_log: &str) -> BTreeMap<u16, Record> {
    // The last line may be half written.
    let lines = access_log.lines();
    let records = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    records
        .filter_map(|line| {
            let port = line[PORT].as_u64()?;
            Some((u16::try_from(port).ok()?, record(&line)))
        })
        .collect()
}

fn record(line: &Value) -> Record {
    let mut record = Record {
        details: line[DETAILS].as_str().map(str::to_owned),
        ..Record::default()
    };
    for (key, value) in line.as_object().into_iter().flatten() {
        if let (Some(key), Some(value)) = (key.strip_prefix(STATE), value.as_str()) {
            let value = value.as_bytes().to_vec();
            match key.strip_prefix(PROPERTY_PREFIX) {
                Some(path) => record.properties.insert(path.replace('\0', "."), value),
                None => record.filter_state.insert(key.to_owned(), value),
            };
        }
    }
    record
}
