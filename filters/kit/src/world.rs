//! The world around the stages, as the host shows it.

use tollgate_core::host::{Host, Shared, Stored, Unavailable, Version};

use crate::abi::{self, HostError};

/// Asks the host.
pub(crate) struct World;

/// No value has this number in practice: Envoy counts them from one. A comparison with it
/// creates a key that is missing and leaves one alone that is there, so that of two workers
/// only one creates it.
const NEVER: u32 = u32::MAX;

/// What is written with this number is written whatever is there.
const ALWAYS: u32 = 0;

impl Host for World {
    fn now(&self) -> Option<u64> {
        abi::time().ok()
    }

    fn shared(&self, key: &str) -> Result<Option<Shared>, Unavailable> {
        match abi::shared_data(key) {
            Ok((value, version)) => Ok(Some(Shared {
                value,
                version: Version::At(version),
            })),
            Err(HostError::NOT_FOUND) => Ok(None),
            Err(_) => Err(Unavailable),
        }
    }

    fn share(&self, key: &str, value: &[u8], seen: Version) -> Result<Stored, Unavailable> {
        let version = match seen {
            Version::Absent => NEVER,
            Version::At(version) => version,
            Version::Any => ALWAYS,
        };
        match abi::set_shared_data(key, value, version) {
            Ok(()) => Ok(Stored::Yes),
            Err(HostError::CAS_MISMATCH) => Ok(Stored::Conflict),
            Err(_) => Err(Unavailable),
        }
    }

    fn property(&self, path: &str) -> Option<Vec<u8>> {
        abi::property(path).ok()
    }
}
