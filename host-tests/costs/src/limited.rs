//! What the rate-limiter may find when a request comes: it decides how much shared data is
//! read, searched and written.

use tollgate_host::Host;

use crate::requests::TENANT;

/// What it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limited {
    /// No page where the tenant's record would be.
    Cold,
    /// The tenant's record, alone on its page.
    Warm,
    /// The tenant's record, the last of a page that has no more room.
    FullPage,
    /// A lease, from so many requests at once.
    Leased,
    /// A tenant with nothing left.
    Refused,
}

/// Records of a page, each of [`RECORD`] bytes behind a stamp of [`STAMP`].
const RECORDS: u64 = 324;
const RECORD: usize = 24;
const STAMP: usize = 8;
const PAGES: &[u8] = b"tollgate/1/limits/";

/// Requests at once after which there is a lease.
const HOT: usize = 8;

impl Limited {
    /// What the module is configured with.
    pub fn configuration(self) -> &'static str {
        match self {
            Self::Refused => {
                r#"{"hold_headers": true, "rate_limiter": {"requests_per_minute": 1}}"#
            }
            _ => {
                r#"{
                    "hold_headers": true,
                    "rate_limiter": {"requests_per_minute": 600000, "tokens_per_minute": 600000000}
                }"#
            }
        }
    }

    /// Brings it about; `play` plays the request for a tenant.
    pub fn prepare(self, host: &Host, play: impl Fn(&str)) {
        match self {
            Self::Cold => play("another tenant"),
            Self::Warm | Self::Refused => play(TENANT),
            Self::Leased => (0..HOT).for_each(|_| play(TENANT)),
            Self::FullPage => {
                play(TENANT);
                fill_pages(host);
            }
        }
    }
}

/// Puts as many records of other tenants as there is room for before those that are there.
fn fill_pages(host: &Host) {
    let entries = host.shared_data("").into_iter();
    for (name, page) in entries.filter(|(name, _)| name.starts_with(PAGES)) {
        let (stamp, records) = page.split_at(STAMP);
        let (key, values) = records[..RECORD].split_at(8);
        let key = u64::from_le_bytes(key.try_into().unwrap_or_default());
        let mut full = stamp.to_vec();
        for other in 1..RECORDS {
            full.extend(key.wrapping_add(other).to_le_bytes());
            full.extend(values);
        }
        full.extend(&records[..RECORD]);
        host.set_shared_data("", &name, &full);
    }
}
