//! Items one after the other, so that where each ends can be told.

/// Gives `write` an item with its length before it.
pub(super) fn frame(item: &[u8], mut write: impl FnMut(&[u8])) {
    write(&(item.len() as u64).to_le_bytes());
    write(item);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_items_end_can_be_told() {
        let framed = |items: [&[u8]; 2]| {
            let mut framed = Vec::new();
            for item in items {
                frame(item, |part| framed.extend_from_slice(part));
            }
            framed
        };
        assert_ne!(framed([b"ab", b"c"]), framed([b"a", b"bc"]));
        let expected = b"\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0a";
        assert_eq!(framed([b"", b"a"]), expected);
    }
}
