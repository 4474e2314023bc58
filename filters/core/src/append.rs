//! Short runs of bytes, appended without a call: engines of Wasm copy memory by one.

/// What is this short is copied as this many bytes.
const SHORT: usize = 16;

/// Appends the first `len` bytes of `from`, or all.
#[inline(always)]
pub(crate) fn append(to: &mut Vec<u8>, from: &[u8], len: usize) {
    let has_room = to.capacity().saturating_sub(to.len()) >= SHORT;
    match from.first_chunk::<SHORT>() {
        Some(short) if len <= SHORT && has_room => {
            let end = to.len().saturating_add(len);
            to.extend_from_slice(short);
            to.truncate(end);
        }
        _ => to.extend_from_slice(from.get(..len).unwrap_or(from)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_any_length_are_appended() {
        let source: Vec<u8> = (0..40).collect();
        for room in [0, 15, 16, 100] {
            for start in 0..=source.len() {
                for len in 0..=source.len() + 1 {
                    let mut to = Vec::with_capacity(room);
                    to.push(255);
                    append(&mut to, &source[start..], len);
                    let end = (start + len).min(source.len());
                    assert_eq!(to[1..], source[start..end]);
                }
            }
        }
    }
}
