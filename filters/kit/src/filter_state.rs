//! Values published for Envoy's own filters.

use crate::abi::{self, HostResult};

/// Stores `value` under a key that has a factory registered in Envoy, by the foreign
/// function `set_envoy_filter_state`.
pub(crate) fn publish(key: &str, value: &str) -> HostResult<()> {
    abi::call_foreign_function("set_envoy_filter_state", &arguments(key, value))
}

/// `envoy.source.extensions.common.wasm.SetEnvoyFilterStateArguments`: 1 is the path, 2 the
/// value; 3, the life span, keeps its default, the filter chain's.
fn arguments(key: &str, value: &str) -> Vec<u8> {
    let mut message = Vec::with_capacity(key.len().saturating_add(value.len()).saturating_add(12));
    for (field, text) in [(1u8, key), (2, value)] {
        const LENGTH_DELIMITED: u8 = 2;
        message.push(field << 3 | LENGTH_DELIMITED);
        varint(text.len(), &mut message);
        message.extend_from_slice(text.as_bytes());
    }
    message
}

/// Seven bits a byte, the lowest first, the top bit on all but the last.
fn varint(mut number: usize, message: &mut Vec<u8>) {
    while number > 0x7f {
        message.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    message.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_protobuf() {
        assert_eq!(arguments("ab", "42"), b"\x0a\x02ab\x12\x0242");
        let long = "x".repeat(300);
        assert!(arguments("k", &long).starts_with(b"\x0a\x01k\x12\xac\x02x"));
    }
}
