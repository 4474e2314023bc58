//! The keys that a type reads, found by having it read from something that has all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess,
    Visitor,
};

/// What a type reads.
#[derive(Debug, Default)]
pub struct Keys {
    /// Keys by the path of their table; empty for the type itself.
    pub tables: BTreeMap<String, BTreeSet<String>>,
    /// The words a key's value is one of, by its path, where there are such.
    pub words: BTreeMap<String, &'static [&'static str]>,
}

/// Keys of `T`, of what it contains, and so on.
pub fn of<T: DeserializeOwned>() -> Keys {
    let mut keys = Keys::default();
    let source = Source {
        path: String::new(),
        keys: &mut keys,
    };
    if let Err(error) = T::deserialize(source) {
        panic!(
            "the keys of a scenario file cannot be listed, {error}: a type that reads a text of \
             its own kind needs a sample in TEXTS"
        );
    }
    keys
}

/// A path and a key behind it.
pub fn joined(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    }
}

/// What every text is, unless its key is here: a time, as other texts may be anything.
const TEXT: &str = "1s";
const TEXTS: [(&str, &str); 1] = [("steps.expect.metrics.NAME", "1")];

/// Has every key, and one entry in each list and table.
struct Source<'k> {
    path: String,
    keys: &'k mut Keys,
}

impl Source<'_> {
    fn text(&self) -> &'static str {
        let sample = TEXTS.iter().find(|(path, _)| *path == self.path);
        sample.map_or(TEXT, |(_, text)| text)
    }

    fn at(&mut self, key: &str) -> Source<'_> {
        // A name of toml's own, for where a value stands in the file.
        let inner = match key {
            key if key.starts_with("$__") => self.path.clone(),
            key => joined(&self.path, key),
        };
        Source {
            path: inner,
            keys: self.keys,
        }
    }
}

#[derive(Debug)]
struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

impl de::Error for Refused {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

impl<'de> Deserializer<'de> for Source<'_> {
    type Error = Refused;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_str(self.text())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_some(self)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_bool(true)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let named = fields.iter().filter(|field| !field.starts_with("$__"));
        let named: Vec<String> = named.map(|field| (*field).to_owned()).collect();
        if !named.is_empty() {
            let table = self.keys.tables.entry(self.path.clone());
            table.or_default().extend(named);
        }
        visitor.visit_map(Fields {
            source: self,
            left: fields.iter(),
            next: "",
        })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_map(Fields {
            source: self,
            left: ["NAME"].iter(),
            next: "",
        })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_seq(One(Some(self)))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.keys.words.insert(self.path, words);
        let first = words.first().copied().unwrap_or_default();
        visitor.visit_enum(Word(first))
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_u64(1)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_u64(1)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_u64(1)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_u64(1)
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_u64(1)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_u64(1)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_f64(1.0)
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i128 u128 f32 char str string bytes byte_buf unit unit_struct tuple tuple_struct
        identifier ignored_any
    }
}

struct Fields<'k> {
    source: Source<'k>,
    left: std::slice::Iter<'static, &'static str>,
    next: &'static str,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Refused;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Refused> {
        let Some(next) = self.left.next() else {
            return Ok(None);
        };
        self.next = next;
        let key = BorrowedStrDeserializer::<Refused>::new(next);
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refused> {
        let key = self.next;
        let value = seed.deserialize(self.source.at(key));
        value.map_err(|Refused(problem)| Refused(format!("{key}: {problem}")))
    }
}

struct One<'k>(Option<Source<'k>>);

impl<'de> SeqAccess<'de> for One<'_> {
    type Error = Refused;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Refused> {
        self.0
            .take()
            .map(|source| seed.deserialize(source))
            .transpose()
    }
}

struct Word(&'static str);

impl<'de> EnumAccess<'de> for Word {
    type Error = Refused;
    type Variant = Unit;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Unit), Refused> {
        let word = BorrowedStrDeserializer::<Refused>::new(self.0);
        Ok((seed.deserialize(word)?, Unit))
    }
}

/// A word without a value behind it.
struct Unit;

impl<'de> de::VariantAccess<'de> for Unit {
    type Error = Refused;

    fn unit_variant(self) -> Result<(), Refused> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, Refused> {
        Err(Refused("a word with a value behind it".to_owned()))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Refused> {
        Err(Refused("a word with values behind it".to_owned()))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Refused> {
        Err(Refused("a word with a table behind it".to_owned()))
    }
}
