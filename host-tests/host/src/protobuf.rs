//! As much of the Protocol Buffers wire format as foreign functions and gRPC services need.

/// A field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    /// Fixed-width, or a group: nothing here has such fields.
    Skipped,
}

/// The fields of a message as (number, value). A malformed message ends with `None`.
pub(crate) fn fields(mut bytes: &[u8]) -> impl Iterator<Item = Option<(u64, Value<'_>)>> {
    let mut broken = false;
    std::iter::from_fn(move || {
        if bytes.is_empty() || broken {
            return None;
        }
        let field = take_field(&mut bytes);
        broken = field.is_none();
        Some(field)
    })
}

const MAX_FIELD_NUMBER: u64 = (1 << 29) - 1;
const END_GROUP: u64 = 4;
/// Deeper groups are an error, as in protobuf's own parsers.
const MAX_DEPTH: u32 = 100;

fn take_field<'a>(bytes: &mut &'a [u8]) -> Option<(u64, Value<'a>)> {
    let tag = take_varint(bytes)?;
    take_value(bytes, tag, MAX_DEPTH)
}

fn take_value<'a>(bytes: &mut &'a [u8], tag: u64, depth: u32) -> Option<(u64, Value<'a>)> {
    let number = tag >> 3;
    if number == 0 || number > MAX_FIELD_NUMBER {
        return None;
    }
    let value = match tag & 7 {
        0 => Value::Varint(take_varint(bytes)?),
        1 => take(bytes, 8).map(|_| Value::Skipped)?,
        2 => {
            let len = usize::try_from(take_varint(bytes)?).ok()?;
            Value::Bytes(take(bytes, len)?)
        }
        3 => skip_group(bytes, number, depth.checked_sub(1)?).map(|()| Value::Skipped)?,
        5 => take(bytes, 4).map(|_| Value::Skipped)?,
        _ => return None,
    };
    Some((number, value))
}

/// A group ends with a tag of its own number; parsers pass over the fields before it.
fn skip_group(bytes: &mut &[u8], number: u64, depth: u32) -> Option<()> {
    loop {
        let tag = take_varint(bytes)?;
        if tag & 7 == END_GROUP {
            return (tag >> 3 == number).then_some(());
        }
        take_value(bytes, tag, depth)?;
    }
}

fn take<'a>(bytes: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (head, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(head)
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_every_kind() {
        let message = b"\x0a\x02ab\x12\x00\x18\x96\x01\x25....\x29........";
        let read: Vec<_> = fields(message).collect();
        assert_eq!(
            read,
            [
                Some((1, Value::Bytes(b"ab"))),
                Some((2, Value::Bytes(b""))),
                Some((3, Value::Varint(150))),
                Some((4, Value::Skipped)),
                Some((5, Value::Skipped)),
            ]
        );
    }

    #[test]
    fn a_cut_message_is_noticed() {
        let whole = b"\x0a\x02ab\x18\x96\x01";
        let ends = [0, 4, 7];
        for cut in 0..=whole.len() {
            let broken = fields(&whole[..cut]).any(|field| field.is_none());
            assert_eq!(broken, !ends.contains(&cut), "cut at {cut}");
        }
        assert!(fields(&[0xff; 11]).any(|field| field.is_none()));
    }

    #[test]
    fn texts_that_happen_to_be_messages() {
        // (text, whether protobuf parses it): names of clusters, some of them unlucky.
        let rows = [
            ("", true),
            ("xy", true),
            ("st", true),
            ("{|", true),
            ("{st|", true),
            ("{st", false),
            ("su", false),
            ("grpc", false),
            ("store", false),
            ("a", false),
            ("\0\0", false),
        ];
        for (text, parses) in rows {
            let parsed = fields(text.as_bytes()).all(|field| field.is_some());
            assert_eq!(parsed, parses, "{text:?}");
        }
    }
}
