//! The keys and values of a set, as the host shares them.

use super::super::directory::Directory;
use super::SETS;
use crate::host::{Host, Shared, Stored, Unavailable, Version};

/// Where a key's entry is.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) set: usize,
    pub(super) tag: u64,
}

/// A set's directory as it was read.
pub(super) struct Seen {
    set: usize,
    pub(super) directory: Directory,
    pub(super) version: Version,
    /// Whether there was something that is no directory.
    pub(super) is_foreign: bool,
}

impl Seen {
    pub(super) fn read(host: &dyn Host, set: usize) -> Result<Seen, Unavailable> {
        let (bytes, version) = read(host, &set_name(set))?;
        let directory = Directory::new(bytes);
        Ok(Seen {
            set,
            is_foreign: directory.is_none() && version != Version::Absent,
            directory: directory.unwrap_or_default(),
            version,
        })
    }

    /// Writes the directory as it has become, unless another worker was faster.
    pub(super) fn write(&self, host: &dyn Host) -> Result<Stored, Unavailable> {
        host.share(&set_name(self.set), self.directory.bytes(), self.version)
    }
}

impl Place {
    /// Keys are hashes: the first eight bytes choose the set, the next eight are the tag.
    pub(super) fn of(key: &[u8]) -> Place {
        let (words, _) = key.as_chunks::<8>();
        let mut words = words.iter().map(|word| u64::from_le_bytes(*word));
        let first = u128::from(words.next().unwrap_or(0));
        Place {
            set: (first.saturating_mul(SETS as u128) >> 64) as usize,
            tag: words.next().unwrap_or(0),
        }
    }
}

pub(super) fn set_name(set: usize) -> String {
    format!("tollgate/1/response-cache/{set}")
}

pub(super) fn way_name(set: usize, way: usize) -> String {
    format!("tollgate/1/response-cache/{set}/{way}")
}

pub(super) fn empty(host: &dyn Host, set: usize, way: usize) -> Result<(), Unavailable> {
    host.share(&way_name(set, way), b"", Version::Any)?;
    Ok(())
}

pub(super) fn read(host: &dyn Host, name: &str) -> Result<(Vec<u8>, Version), Unavailable> {
    Ok(match host.shared(name)? {
        Some(Shared { value, version }) => (value, version),
        None => (Vec::new(), Version::Absent),
    })
}
