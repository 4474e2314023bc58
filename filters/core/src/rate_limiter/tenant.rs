//! Who a request is counted for.
//!
//! A tenant's name, which may be its API key, is hashed under the deployment's secret before
//! it is kept anywhere; shared data, logs and metrics only ever see the hash.

use core::fmt;
use core::hash::Hasher;

use sha2::{Digest, Sha256};
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::config::{RequestHead, TenantSource};

/// A tenant, by the keyed hash of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tenant(u64);

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Names tenants, and what is counted for them.
#[derive(Clone, Debug)]
pub struct Tenants {
    hasher: SipHasher13,
}

impl Tenants {
    /// Hashes under `secret`; all modules that count together need the same one. Under an
    /// empty one tenants are told apart, but whoever sees a hash can try names.
    pub fn new(secret: &[u8]) -> Tenants {
        let digest = Sha256::new()
            .chain_update(b"tollgate tenant 1\0")
            .chain_update(secret)
            .finalize();
        let mut key = [0; 16];
        key.iter_mut()
            .zip(digest)
            .for_each(|(byte, from)| *byte = from);
        Tenants {
            hasher: SipHasher13::new_with_key(&key),
        }
    }

    /// The tenant of the request with this head: named by the first source that names one,
    /// else the one that all such requests share.
    pub fn of(&self, head: &impl RequestHead, sources: &[TenantSource]) -> Tenant {
        let named = sources.iter().find_map(|source| match source {
            TenantSource::Header(name) => {
                let value = only_value(head, name)?;
                (!value.is_empty()).then(|| self.hash("tenant", &[value]))
            }
            TenantSource::Property(path) => {
                let value = head.property(path)?;
                (!value.is_empty()).then(|| self.hash("tenant", &[&value]))
            }
        });
        Tenant(named.unwrap_or_else(|| self.hash("default tenant", &[])))
    }

    /// The key of what is counted for `tenant` under this counter's name.
    pub fn counter_key(&self, tenant: Tenant, counter: &str) -> u64 {
        self.hash("counter", &[&tenant.0.to_le_bytes(), counter.as_bytes()])
    }

    /// The key of what answers of `model` to `tenant` are expected to be.
    pub fn model_key(&self, tenant: Tenant, model: &[u8]) -> u64 {
        self.hash("model", &[&tenant.0.to_le_bytes(), model])
    }

    /// Every part with its length before it, so that no two lists of parts are the same bytes.
    fn hash(&self, what: &str, parts: &[&[u8]]) -> u64 {
        let mut hasher = self.hasher;
        for part in core::iter::once(&what.as_bytes()).chain(parts) {
            hasher.write(&(part.len() as u64).to_le_bytes());
            hasher.write(part);
        }
        hasher.finish128().h1
    }
}

/// The value of a header that is there once: which of several the upstream would believe is
/// not known, and a second one must not make a client another tenant.
///
/// Of `authorization` the token counts, not how its scheme is spelled, which servers read
/// without regard to case (RFC 9110, 11.1).
fn only_value<'a>(head: &'a impl RequestHead, name: &'a str) -> Option<&'a [u8]> {
    let mut values = head.header(name);
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let value = value.trim_ascii();
    if name != "authorization" {
        return Some(value);
    }
    match value.split_at_checked(BEARER.len()) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(BEARER) => Some(token.trim_ascii()),
        _ => Some(value),
    }
}

const BEARER: &[u8] = b"bearer ";

#[cfg(test)]
mod tests {
    use super::*;

    struct Head {
        headers: &'static [(&'static str, &'static [u8])],
        property: Option<&'static [u8]>,
    }

    impl RequestHead for Head {
        fn method(&self) -> &[u8] {
            b"POST"
        }
        fn path(&self) -> &[u8] {
            b"/"
        }
        fn host(&self) -> &[u8] {
            b"h"
        }
        fn route_name(&self) -> &[u8] {
            b""
        }
        fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
            let named = move |(known, _): &&(&str, &[u8])| *known == name;
            self.headers.iter().filter(named).map(|(_, value)| *value)
        }
        fn property(&self, path: &str) -> Option<Vec<u8>> {
            assert_eq!(path, "jwt\0sub");
            self.property.map(<[u8]>::to_vec)
        }
    }

    #[test]
    fn the_first_source_with_one_value_names_the_tenant() {
        let tenants = Tenants::new(b"secret");
        let sources = [
            TenantSource::Property("jwt\0sub".to_owned()),
            TenantSource::Header("api-key".to_owned()),
            TenantSource::Header("authorization".to_owned()),
        ];
        let of = |headers, property| tenants.of(&Head { headers, property }, &sources);
        let (a, default) = (of(&[("api-key", b"a")], None), of(&[], None));
        assert_ne!(a, default);
        const LONG: &[u8] = &[b'x'; 10_240];
        type Headers = &'static [(&'static str, &'static [u8])];
        let rows: [(Headers, Option<&[u8]>, bool); 9] = [
            (&[("api-key", b" a ")], None, true),
            (&[("authorization", b"Bearer a")], None, true),
            (&[("authorization", b"bEARER   a ")], None, true),
            (&[("api-key", b""), ("authorization", b"a")], None, true),
            (&[("api-key", b""), ("x", b"a")], Some(b"a"), true),
            (&[("api-key", b"a")], Some(b"b"), false),
            (&[("api-key", b"a")], Some(b""), true),
            (&[("api-key", b"\xff\xfe")], None, false),
            (&[("api-key", LONG)], None, false),
        ];
        for (headers, property, is_a) in rows {
            assert_eq!(of(headers, property) == a, is_a, "{headers:?} {property:?}");
            assert_ne!(of(headers, property), default, "{headers:?}");
        }
        let twice: &[(&str, &[u8])] = &[("api-key", b"a"), ("api-key", b"b")];
        assert_eq!(of(twice, None), default);
        assert_ne!(
            a,
            Tenants::new(b"").of(
                &Head {
                    headers: &[("api-key", b"a")],
                    property: None
                },
                &sources
            )
        );
    }

    #[test]
    fn what_is_counted_apart_has_keys_of_its_own() {
        let tenants = Tenants::new(b"");
        let (one, two) = (Tenant(1), Tenant(2));
        let keys = [
            tenants.counter_key(one, "a"),
            tenants.counter_key(one, "b"),
            tenants.counter_key(two, "a"),
            tenants.model_key(one, b"a"),
        ];
        for (at, key) in keys.iter().enumerate() {
            assert!(keys.iter().skip(at + 1).all(|other| other != key));
        }
        assert_eq!(
            tenants.counter_key(one, "a"),
            Tenants::new(b"").counter_key(one, "a")
        );
        assert_eq!(one.to_string(), "0000000000000001");
    }
}
