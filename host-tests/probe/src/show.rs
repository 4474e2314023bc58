//! Results as log lines show them.

/// More is shown by its beginning and its length.
const MOST_BYTES: usize = 200;
const BEGINNING: usize = 16;

/// Bytes in quotes, with escapes for what is not printable ASCII.
pub fn bytes(bytes: &[u8]) -> String {
    if bytes.len() > MOST_BYTES {
        let beginning = quoted(&bytes[..BEGINNING]);
        return format!("{beginning}... of {} bytes", bytes.len());
    }
    quoted(bytes)
}

fn quoted(bytes: &[u8]) -> String {
    let mut shown = String::from("\"");
    for byte in bytes {
        match byte {
            0 => shown.push_str("\\0"),
            b'\n' => shown.push_str("\\n"),
            b'\r' => shown.push_str("\\r"),
            b'"' => shown.push_str("\\\""),
            b'\\' => shown.push_str("\\\\"),
            b' '..=b'~' => shown.push(char::from(*byte)),
            other => shown.push_str(&format!("\\x{other:02x}")),
        }
    }
    shown.push('"');
    shown
}

/// Pairs as scripts write them; bytes that are none are shown as bytes.
pub fn pairs(encoded: &[u8]) -> String {
    if encoded.is_empty() {
        return "{}".to_owned();
    }
    let Some(entries) = decode(encoded) else {
        return bytes(encoded);
    };
    let entries: Vec<String> = entries
        .iter()
        .map(|(name, value)| {
            let text = |part: &[u8]| String::from_utf8_lossy(part).into_owned();
            format!("{}: {}", text(name), text(value))
        })
        .collect();
    format!("{{{}}}", entries.join(", "))
}

type Pair<'e> = (&'e [u8], &'e [u8]);

fn decode(encoded: &[u8]) -> Option<Vec<Pair<'_>>> {
    let number = |at: usize| {
        let bytes = encoded.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_le_bytes(bytes) as usize)
    };
    let count = number(0)?;
    let mut at = 4 + 8 * count;
    let mut entries = Vec::new();
    for index in 0..count {
        let (name_length, value_length) = (number(4 + 8 * index)?, number(8 + 8 * index)?);
        let name = encoded.get(at..at + name_length)?;
        at += name_length + 1;
        let value = encoded.get(at..at + value_length)?;
        at += value_length + 1;
        entries.push((name, value));
    }
    Some(entries)
}
