//! A JSON object as its fields in order, each value left as raw text: a request is read
//! field by field, and a 100 KB prompt nobody asks about costs one skip over it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The fields of one JSON object, in document order.
///
/// A key written twice is kept twice and [`get`](Fields::get) gives the last, as most
/// servers read it.
#[derive(Debug, Default)]
pub struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// Reads one JSON object.
    ///
    /// # Errors
    /// When `json` is not one JSON object.
    pub fn parse(json: &'a [u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(json)
    }

    /// The raw value of `key`; `null` counts as absent.
    pub fn get(&self, key: &str) -> Option<&'a RawValue> {
        let (_, value) = self.0.iter().rev().find(|(name, _)| name == key)?;
        (value.get() != "null").then_some(*value)
    }

    /// The value of `key` as a `T`; `None` when absent or `null`.
    ///
    /// # Errors
    /// When the value is there and not a `T`; the message names the key.
    pub fn read<T: Deserialize<'a>>(&self, key: &str) -> Result<Option<T>, String> {
        self.get(key)
            .map(|value| serde_json::from_str(value.get()))
            .transpose()
            .map_err(|error| format!("Invalid value for '{key}': {error}."))
    }

    /// Every field in document order, repeated keys included.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), *value))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object<'a>(std::marker::PhantomData<&'a ()>);

        impl<'de: 'a, 'a> Visitor<'de> for Object<'a> {
            type Value = Fields<'a>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut fields = Vec::with_capacity(8);
                while let Some(Key(key)) = map.next_key()? {
                    fields.push((key, map.next_value()?));
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(Object(std::marker::PhantomData))
    }
}

/// A key borrowed when it has no escapes (`Cow` alone always copies).
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_fields() {
        let json = br#"{"a":1,"b":null,"mo\u0064el":"x","a":[2, 3]}"#;
        let fields = Fields::parse(json).unwrap();
        assert_eq!(fields.get("a").unwrap().get(), "[2, 3]");
        assert!(fields.get("b").is_none());
        assert_eq!(fields.read::<String>("model").unwrap().unwrap(), "x");
        assert_eq!(fields.read::<u64>("absent"), Ok(None));
        assert!(fields.read::<u64>("model").unwrap_err().contains("'model'"));
        assert_eq!(fields.iter().count(), 4);
        for bad in ["", "[]", "1", "{\"a\":}", "{\"a\":1} x", "{1:2}"] {
            assert!(Fields::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
