//! Values of a scenario file that TOML has no type for: bytes and spans of time.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

/// Bytes: a text, or a table `{ hex = "…" }`, `{ base64 = "…" }` or `{ text = "…", times = 3 }`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

/// A text written `times` times over may not be longer: a slip of a digit should not take
/// the machine's memory.
const MAX_BYTES: usize = 256 << 20;

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BytesVisitor)
    }
}

struct BytesVisitor;

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, { hex = \"…\" }, { base64 = \"…\" } or { text = \"…\", times = 3 }")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes, E> {
        Ok(Bytes(text.as_bytes().to_vec()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Bytes, A::Error> {
        const KEYS: &[&str] = &["text", "times", "hex", "base64"];
        let (mut bytes, mut times) = (None, 1_usize);
        while let Some(key) = map.next_key::<String>()? {
            let decoded = match key.as_str() {
                "times" => {
                    times = map.next_value()?;
                    continue;
                }
                "text" => map.next_value::<String>()?.into_bytes(),
                "hex" => from_hex(&map.next_value::<String>()?).map_err(de::Error::custom)?,
                "base64" => STANDARD
                    .decode(map.next_value::<String>()?)
                    .map_err(|error| de::Error::custom(format!("not base64: {error}")))?,
                other => return Err(de::Error::unknown_field(other, KEYS)),
            };
            if bytes.replace(decoded).is_some() {
                return Err(de::Error::custom("only one of text, hex and base64"));
            }
        }
        let bytes = bytes.ok_or_else(|| de::Error::missing_field("text"))?;
        if bytes.len().saturating_mul(times) > MAX_BYTES {
            return Err(de::Error::custom("more than 256 MiB"));
        }
        Ok(Bytes(bytes.repeat(times)))
    }
}

fn from_hex(text: &str) -> Result<Vec<u8>, &'static str> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| Some(c.to_digit(16)? as u8))
        .collect();
    let digits = digits.ok_or("not hexadecimal digits")?;
    if digits.len() % 2 == 1 {
        return Err("an odd number of hexadecimal digits");
    }
    Ok(digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect())
}

/// A span of time: a whole number with `ms`, `s`, `m`, `h` or `d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duration(pub std::time::Duration);

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_duration(&text).map(Self).ok_or_else(|| {
            de::Error::custom(format!(
                "`{text}` is no time span: write a whole number and ms, s, m, h or d, as in \"1500ms\""
            ))
        })
    }
}

fn parse_duration(text: &str) -> Option<std::time::Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let milliseconds = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    Some(std::time::Duration::from_millis(
        number.checked_mul(milliseconds)?,
    ))
}

/// Values of metrics by name.
pub fn counts<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, u64>, D::Error> {
    let counts = BTreeMap::<String, Count>::deserialize(deserializer)?;
    let counts = counts.into_iter().map(|(name, count)| (name, count.0));
    Ok(counts.collect())
}

/// A metric's value: a whole number, one below zero as Envoy shows it, wrapped; or a text for
/// one that is above those of TOML.
struct Count(u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CountVisitor)
    }
}

struct CountVisitor;

impl Visitor<'_> for CountVisitor {
    type Value = Count;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number, or one as a text")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Count, E> {
        Ok(Count(number.cast_unsigned()))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Count, E> {
        Ok(Count(number))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Count, E> {
        let number = text.parse().map(Count);
        number.map_err(|_| E::custom(format!("`{text}` is no whole number up to 2^64 - 1")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_numbers_of_64_bits() {
        #[derive(serde::Deserialize)]
        struct Metrics {
            #[serde(deserialize_with = "counts")]
            value: BTreeMap<String, u64>,
        }
        // (what is written, the number or a part of the problem)
        let rows = [
            ("3", Ok(3)),
            ("-1", Ok(u64::MAX)),
            ("\"18446744073709551615\"", Ok(u64::MAX)),
            ("\"many\"", Err("`many` is no whole number")),
            ("1.5", Err("a whole number, or one as a text")),
        ];
        for (written, expected) in rows {
            let read = toml::from_str::<Metrics>(&format!("value.m = {written}"));
            match (read, expected) {
                (Ok(metrics), Ok(number)) => assert_eq!(metrics.value["m"], number, "{written}"),
                (Err(error), Err(part)) => {
                    assert!(error.message().contains(part), "{written}: {error}")
                }
                (read, _) => panic!("{written}: {:?}", read.map(|metrics| metrics.value)),
            }
        }
    }

    #[derive(serde::Deserialize)]
    struct Row {
        value: Bytes,
    }

    #[test]
    fn bytes_are_texts_or_tables() {
        let rows = [
            (r#"value = "a\n""#, Ok("a\n")),
            (r#"value = { hex = "61 0A" }"#, Ok("a\n")),
            (r#"value = { base64 = "YQo=" }"#, Ok("a\n")),
            (r#"value = { text = "ab", times = 2 }"#, Ok("abab")),
            (r#"value = { times = 2 }"#, Err("missing field `text`")),
            (r#"value = { hex = "6" }"#, Err("an odd number")),
            (r#"value = { hex = "xx" }"#, Err("not hexadecimal")),
            (r#"value = { base64 = "?" }"#, Err("not base64")),
            (r#"value = { file = "x" }"#, Err("unknown field `file`")),
            (
                r#"value = { text = "x", times = 300000000 }"#,
                Err("256 MiB"),
            ),
            (r#"value = { text = "x", hex = "00" }"#, Err("only one of")),
            ("value = 3", Err("a text")),
        ];
        for (text, expected) in rows {
            match (toml::from_str::<Row>(text), expected) {
                (Ok(row), Ok(bytes)) => assert_eq!(row.value.0, bytes.as_bytes(), "{text}"),
                (Err(error), Err(part)) => {
                    assert!(error.message().contains(part), "{text}: {error}")
                }
                (result, _) => panic!("{text}: {:?}", result.map(|row| row.value)),
            }
        }
    }

    #[test]
    fn time_spans_have_a_unit() {
        let rows = [
            ("1500ms", Some(1500)),
            ("2 s", Some(2000)),
            ("1d", Some(86_400_000)),
            ("5", None),
            ("s", None),
            ("-1s", None),
            ("1.5s", None),
            ("99999999999999999999s", None),
        ];
        for (text, expected) in rows {
            let milliseconds = parse_duration(text).map(|span| span.as_millis());
            assert_eq!(milliseconds, expected, "{text}");
        }
    }
}
