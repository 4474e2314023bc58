//! The floor: a filter that does nothing but what every filter must that answers by the body.

use anyhow::{Result, ensure};

/// Bytes between the answer's place in the floor's memory and that of what it is asked.
const ROOM: usize = 131_072 - 4096;

/// The module, which answers every request with `answer`.
///
/// # Errors
/// Where `answer` has no room in it.
pub fn module(answer: &[u8]) -> Result<Vec<u8>> {
    ensure!(answer.len() <= ROOM, "the floor has room for {ROOM} bytes");
    let headers = pairs(&[("content-type", "application/json")]);
    let text = include_str!("floor.wat")
        .replace("HEADERS_LENGTH", &headers.len().to_string())
        .replace("ANSWER_LENGTH", &answer.len().to_string())
        .replace("\"HEADERS\"", &format!("\"{}\"", escaped(&headers)))
        .replace("\"ANSWER\"", &format!("\"{}\"", escaped(answer)));
    Ok(wat::parse_str(text)?)
}

/// Headers as the ABI wants them: their number, the lengths of all, then names and values, each
/// with a zero behind it.
fn pairs(headers: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = (headers.len() as u32).to_le_bytes().to_vec();
    for text in headers.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend((text.len() as u32).to_le_bytes());
    }
    for text in headers.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend(text.as_bytes());
        bytes.push(0);
    }
    bytes
}

/// As a string in a module's text.
fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
}
