//! The key-value store that all VMs with one `vm_id` share.
//!
//! Rules of `proxy-wasm-cpp-host` `shared_data.cc`: one compare-and-swap counter for
//! everything; a compare value of 0 always writes; a missing key ignores it.

use std::collections::BTreeMap;

use crate::status::Status;

/// Shared data of every `vm_id`.
#[derive(Debug, Default)]
pub(crate) struct SharedData {
    entries: BTreeMap<(String, Vec<u8>), (Vec<u8>, u32)>,
    last_cas: u32,
}

/// How much the shared data of a `vm_id` is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SharedDataSize {
    /// Keys that have a value; none ever goes.
    pub keys: usize,
    /// Bytes of all keys.
    pub key_bytes: usize,
    /// Bytes of all values.
    pub value_bytes: usize,
}

impl SharedDataSize {
    /// Of each number the greater one.
    #[must_use]
    pub fn or_more(self, other: Self) -> Self {
        Self {
            keys: self.keys.max(other.keys),
            key_bytes: self.key_bytes.max(other.key_bytes),
            value_bytes: self.value_bytes.max(other.value_bytes),
        }
    }
}

impl SharedData {
    pub fn get(&self, vm_id: &str, key: &[u8]) -> Option<(Vec<u8>, u32)> {
        self.entries
            .get(&(vm_id.to_owned(), key.to_owned()))
            .cloned()
    }

    pub fn set(&mut self, vm_id: &str, key: &[u8], value: &[u8], cas: u32) -> Result<(), Status> {
        let entry = (vm_id.to_owned(), key.to_owned());
        if let Some((_, current)) = self.entries.get(&entry)
            && cas != 0
            && cas != *current
        {
            return Err(Status::CasMismatch);
        }
        self.last_cas = self.last_cas.checked_add(1).unwrap_or(1);
        self.entries
            .insert(entry, (value.to_owned(), self.last_cas));
        Ok(())
    }

    /// How much there is of one `vm_id`.
    pub fn size(&self, vm_id: &str) -> SharedDataSize {
        let entries = self.entries.iter().filter(|((id, _), _)| id == vm_id);
        entries.fold(SharedDataSize::default(), |size, ((_, key), (value, _))| {
            SharedDataSize {
                keys: size.keys + 1,
                key_bytes: size.key_bytes + key.len(),
                value_bytes: size.value_bytes + value.len(),
            }
        })
    }

    /// Every entry of one `vm_id`, by key.
    pub fn entries(&self, vm_id: &str) -> BTreeMap<Vec<u8>, Vec<u8>> {
        self.entries
            .iter()
            .filter(|((id, _), _)| id == vm_id)
            .map(|((_, key), (value, _))| (key.clone(), value.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compare_and_swap() {
        // (key, compare value, what comes back), against a growing store
        let rows = [
            ("new", 77, Ok(())),
            ("new", 0, Ok(())),
            ("new", 77, Err(Status::CasMismatch)),
            ("new", 2, Ok(())),
            ("new", u32::MAX, Err(Status::CasMismatch)),
            ("other", u32::MAX, Ok(())),
            ("other", 4, Ok(())),
        ];
        let mut data = SharedData::default();
        for (row, (key, cas, expected)) in rows.into_iter().enumerate() {
            assert_eq!(
                data.set("vm", key.as_bytes(), b"v", cas),
                expected,
                "row {row}"
            );
        }
        assert_eq!(data.get("vm", b"new"), Some((b"v".to_vec(), 3)));
        assert_eq!(data.get("another vm", b"new"), None);
        let size = SharedDataSize {
            keys: 2,
            key_bytes: 8,
            value_bytes: 2,
        };
        assert_eq!(data.size("vm"), size);
        assert_eq!(data.size("another vm"), SharedDataSize::default());
    }

    #[test]
    fn the_counter_skips_zero() {
        let mut data = SharedData {
            last_cas: u32::MAX,
            ..SharedData::default()
        };
        data.set("", b"k", b"", 0).unwrap();
        assert_eq!(data.get("", b"k"), Some((vec![], 1)));
    }
}
