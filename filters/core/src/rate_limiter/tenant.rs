//! Who a request is counted for.
//!
//! A tenant's name, which may be its API key, is hashed under the deployment's secret before
//! it is kept anywhere; shared data, logs and metrics only ever see the hash.

use core::fmt;
use core::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher13};

use crate::config::{RequestHead, TenantSource};
use crate::fingerprint::keyed_hasher;

/// A tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tenant {
    /// By the keyed hash of its name.
    Named(u64),
    /// The one of all requests that name nobody.
    Default,
}

impl Tenant {
    /// Whether anything named it.
    pub fn is_named(self) -> bool {
        self != Tenant::Default
    }

    /// The tenant that is written like this.
    pub(crate) fn read(text: &str) -> Option<Tenant> {
        match text {
            "default" => Some(Tenant::Default),
            hash if hash.len() == 16 => u64::from_str_radix(hash, 16).ok().map(Tenant::Named),
            _ => None,
        }
    }

    /// What it is told apart by.
    pub(crate) fn bytes(self) -> [u8; 9] {
        let (kind, hash) = match self {
            Tenant::Named(hash) => (1, hash),
            Tenant::Default => (0, 0),
        };
        let mut bytes = [kind; 9];
        for (byte, of_hash) in bytes.iter_mut().skip(1).zip(hash.to_le_bytes()) {
            *byte = of_hash;
        }
        bytes
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tenant::Named(hash) => write!(f, "{hash:016x}"),
            Tenant::Default => f.write_str("default"),
        }
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
        Tenants {
            hasher: keyed_hasher(b"tollgate tenant 1\0", secret),
        }
    }

    /// The tenant of the request with this head.
    ///
    /// What Envoy knows decides: the first property, or header that the proxy sets, that has a
    /// value. Other headers are what the client says: where they name exactly one, that is it.
    /// Else it is the tenant that all others share: which of several names the upstream would
    /// believe is not known, and a second one must not make a client somebody else.
    pub fn of(&self, head: &impl RequestHead, sources: &[TenantSource]) -> Tenant {
        let known = sources.iter().find_map(|source| match source {
            TenantSource::Property(path) => {
                let value = head.property(path).filter(|value| !value.is_empty())?;
                // What one source says is not what another says.
                Some(self.hash("property", &[path.as_bytes(), &value]))
            }
            TenantSource::TrustedHeader(name) => {
                let mut values = head.header(name).map(|value| name_in(name, value));
                let value = values.find(|value| !value.is_empty())?;
                Some(self.hash("trusted header", &[name.as_bytes(), value]))
            }
            TenantSource::Header(_) => None,
        });
        let named = known.or_else(|| {
            let names = sources.iter().filter_map(|source| match source {
                TenantSource::Header(name) => Some(name),
                TenantSource::Property(_) | TenantSource::TrustedHeader(_) => None,
            });
            let values = names.flat_map(|name| {
                let values = head.header(name);
                values.map(move |value| name_in(name, value))
            });
            let mut values = values.filter(|value| !value.is_empty());
            let first = values.next()?;
            values
                .all(|value| value == first)
                .then(|| self.hash("header", &[first]))
        });
        named.map_or(Tenant::Default, Tenant::Named)
    }

    /// The key of what is counted for `tenant` under this counter's name.
    pub fn counter_key(&self, tenant: Tenant, counter: &str) -> u64 {
        self.hash("counter", &[&tenant.bytes(), counter.as_bytes()])
    }

    /// The key of what answers of `model` to `tenant` are expected to be.
    pub fn model_key(&self, tenant: Tenant, model: &str) -> u64 {
        // Azure has no case in names of deployments.
        let model = model.to_ascii_lowercase();
        self.hash("model", &[&tenant.bytes(), model.as_bytes()])
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

/// What the value of a header names.
///
/// Of `authorization` the token counts, not how its scheme is spelled, which servers read
/// without regard to case (RFC 9110, 11.1).
fn name_in<'a>(header: &str, value: &'a [u8]) -> &'a [u8] {
    let value = value.trim_ascii();
    match value.split_at_checked(BEARER.len()) {
        Some((scheme, token))
            if header == "authorization" && scheme.eq_ignore_ascii_case(BEARER) =>
        {
            token.trim_ascii()
        }
        _ => value,
    }
}

const BEARER: &[u8] = b"bearer ";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::head::Head;

    #[test]
    fn a_property_decides_and_else_headers_that_agree() {
        const LONG: &[u8] = &[b'x'; 10_240];
        type Headers = &'static [(&'static str, &'static [u8])];
        let tenants = Tenants::new(b"secret");
        let sources = [
            TenantSource::Header("api-key".to_owned()),
            TenantSource::Property("jwt\0sub".to_owned()),
            TenantSource::Header("authorization".to_owned()),
        ];
        let head = |headers: Headers, subject: Option<&[u8]>| Head {
            subject: subject.map(<[u8]>::to_vec),
            ..Head::to("/", headers)
        };
        let of = |headers, subject| tenants.of(&head(headers, subject), &sources);
        let a = of(&[("api-key", b"a")], None);
        let default = of(&[], None);
        let claim = of(&[], Some(b"a"));
        let rows: [(Headers, Option<&[u8]>, Tenant); 14] = [
            (&[("api-key", b" a ")], None, a),
            (&[("authorization", b"Bearer a")], None, a),
            (&[("authorization", b"bEARER   a ")], None, a),
            (&[("authorization", b"a")], None, a),
            (&[("api-key", b""), ("authorization", b"a")], None, a),
            (
                &[("api-key", b"a"), ("authorization", b"Bearer a")],
                None,
                a,
            ),
            (&[("api-key", b"a"), ("api-key", b"a")], None, a),
            (&[("api-key", b"a"), ("api-key", b"b")], None, default),
            (
                &[("api-key", b"junk"), ("authorization", b"Bearer a")],
                None,
                default,
            ),
            (&[("x", b"a")], None, default),
            (&[("api-key", b"")], None, default),
            (&[("api-key", b"b")], Some(b"a"), claim),
            (&[("api-key", b"a"), ("api-key", b"b")], Some(b"a"), claim),
            (&[("api-key", b"a")], Some(b""), a),
        ];
        for (headers, property, tenant) in rows {
            assert_eq!(of(headers, property), tenant, "{headers:?} {property:?}");
        }
        let others: [Headers; 3] = [
            &[("api-key", b"\xff\xfe")],
            &[("api-key", LONG)],
            &[("api-key", b"Bearer a")],
        ];
        for headers in others {
            let tenant = of(headers, None);
            assert!(![a, default, claim].contains(&tenant), "{headers:?}");
        }
        assert!(a != default && a != claim && default == Tenant::Default);
        // A header that the proxy sets decides, whatever else the client sends.
        let sources = [
            TenantSource::TrustedHeader("x-team".to_owned()),
            TenantSource::Header("api-key".to_owned()),
        ];
        let of = |headers| tenants.of(&head(headers, None), &sources);
        let team = of(&[("x-team", b"a")]);
        assert_eq!(of(&[("api-key", b"b"), ("x-team", b"a")]), team);
        assert_eq!(of(&[("api-key", b"a")]), a);
        assert_ne!(team, a);
        let head = head(&[("api-key", b"a")], None);
        assert_ne!(a, Tenants::new(b"").of(&head, &sources));
    }

    #[test]
    fn what_is_counted_apart_has_keys_of_its_own() {
        let tenants = Tenants::new(b"");
        let (one, two) = (Tenant::Named(1), Tenant::Named(2));
        let keys = [
            tenants.counter_key(one, "a"),
            tenants.counter_key(one, "b"),
            tenants.counter_key(two, "a"),
            tenants.counter_key(Tenant::Default, "a"),
            tenants.counter_key(Tenant::Named(0), "a"),
            tenants.model_key(one, "a"),
        ];
        for (at, key) in keys.iter().enumerate() {
            assert!(keys.iter().skip(at + 1).all(|other| other != key));
        }
        assert_eq!(
            tenants.counter_key(one, "a"),
            Tenants::new(b"").counter_key(one, "a")
        );
        assert_eq!(one.to_string(), "0000000000000001");
        assert_eq!(Tenant::Default.to_string(), "default");
    }
}
