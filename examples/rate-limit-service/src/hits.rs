//! How many hits a descriptor asks for, and what is to be done with them.

use envoy_types::pb::envoy::extensions::common::ratelimit::v3::RateLimitDescriptor;

/// The key of the entry that says: these hits are spent already, book them whatever is left.
/// It is taken out before limits are looked for, so that a settlement finds the same counters
/// as the charge it corrects. Its value may say when that was, as the service told Envoy.
pub const SETTLE: &str = "settle";

/// What a descriptor wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hits {
    /// Admission: refused, and not charged, where there is less room. 0 only asks.
    Charge(u64),
    /// Settlement: charged even beyond the limit.
    Book(u64),
    /// Settlement: given back.
    Refund(u64),
}

impl Hits {
    /// Reads a descriptor; `of_request` is the request's own `hits_addend`, where 0 means that
    /// it was not set, which the protocol defines as 1.
    pub fn of(descriptor: &RateLimitDescriptor, of_request: u32) -> Self {
        let hits = match &descriptor.hits_addend {
            Some(hits) => hits.value,
            None => u64::from(of_request.max(1)),
        };
        let settles = descriptor.entries.iter().any(|entry| entry.key == SETTLE);
        match (descriptor.is_negative_hits, settles) {
            (true, _) => Self::Refund(hits),
            (false, true) => Self::Book(hits),
            (false, false) => Self::Charge(hits),
        }
    }
}

#[cfg(test)]
mod tests {
    use envoy_types::pb::envoy::extensions::common::ratelimit::v3::rate_limit_descriptor::Entry;
    use envoy_types::pb::google::protobuf::UInt64Value;

    use super::*;

    #[test]
    fn hits_are_the_descriptors_else_the_requests_else_one() {
        // The descriptor's hits, whether they are negative, whether it settles; the request's.
        let rows = [
            (None, false, false, 0, Hits::Charge(1)),
            (None, false, false, 7, Hits::Charge(7)),
            (Some(0), false, false, 7, Hits::Charge(0)),
            (Some(42), false, false, 7, Hits::Charge(42)),
            (Some(u64::MAX), false, false, 7, Hits::Charge(u64::MAX)),
            (Some(42), false, true, 7, Hits::Book(42)),
            (Some(42), true, true, 7, Hits::Refund(42)),
            (None, true, false, 0, Hits::Refund(1)),
        ];
        for (of_descriptor, is_negative_hits, settles, of_request, expected) in rows {
            let entry = |key: &str| Entry {
                key: key.to_owned(),
                value: "true".to_owned(),
            };
            let descriptor = RateLimitDescriptor {
                entries: match settles {
                    true => vec![entry("tenant"), entry(SETTLE)],
                    false => vec![entry("tenant")],
                },
                hits_addend: of_descriptor.map(|value| UInt64Value { value }),
                is_negative_hits,
                ..RateLimitDescriptor::default()
            };
            assert_eq!(Hits::of(&descriptor, of_request), expected);
        }
    }
}
