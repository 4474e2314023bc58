//! Embeddings: a small unit vector made from each input.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::fields::Fields;
use crate::prompt::{Input, inputs};
use crate::text::Numbers;

/// Numbers in a vector whose request does not say how many.
const DIMENSIONS: u64 = 16;
/// The most `text-embedding-3-large` gives.
const MOST_DIMENSIONS: u64 = 3072;

/// The body for the request with these fields.
///
/// # Errors
/// When a field has the wrong type or value; the message names it.
pub(crate) fn json(fields: &Fields, model: &str, prompt_tokens: u64) -> Result<Vec<u8>, String> {
    #[derive(Serialize)]
    struct List<'a> {
        object: &'static str,
        data: Vec<Embedding>,
        model: &'a str,
        usage: Usage,
    }
    #[derive(Serialize)]
    struct Embedding {
        object: &'static str,
        index: usize,
        embedding: Vector,
    }
    #[derive(Serialize)]
    #[serde(untagged)]
    enum Vector {
        Floats(Vec<f32>),
        Base64(String),
    }
    #[derive(Serialize)]
    struct Usage {
        prompt_tokens: u64,
        total_tokens: u64,
    }

    let dimensions = fields.read("dimensions")?.unwrap_or(DIMENSIONS);
    if !(1..=MOST_DIMENSIONS).contains(&dimensions) {
        return Err(format!(
            "Invalid value for 'dimensions': {dimensions} is not between 1 and {MOST_DIMENSIONS}."
        ));
    }
    let base64 = match fields.read::<String>("encoding_format")?.as_deref() {
        None | Some("float") => false,
        Some("base64") => true,
        Some(other) => return Err(format!("Invalid value for 'encoding_format': '{other}'.")),
    };
    let data = inputs(fields, "input")?
        .iter()
        .enumerate()
        .map(|(index, input)| {
            let vector = vector(input, dimensions as usize);
            let embedding = if base64 {
                let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
                Vector::Base64(STANDARD.encode(bytes))
            } else {
                Vector::Floats(vector)
            };
            Embedding {
                object: "embedding",
                index,
                embedding,
            }
        })
        .collect();
    let list = List {
        object: "list",
        data,
        model,
        usage: Usage {
            prompt_tokens,
            total_tokens: prompt_tokens,
        },
    };
    Ok(serde_json::to_vec(&list).unwrap_or_default())
}

/// A vector of length 1, the same for the same input.
fn vector(input: &Input, dimensions: usize) -> Vec<f32> {
    let seed = match input {
        Input::Text(text) => xxh3_64(text.as_bytes()),
        Input::Tokens(tokens) => {
            let mut hash = Xxh3::new();
            tokens
                .iter()
                .for_each(|token| hash.update(&token.to_le_bytes()));
            hash.digest()
        }
    };
    let mut numbers = Numbers::new(seed);
    let raw: Vec<f64> = (0..dimensions)
        .map(|_| numbers.next() as f64 / u64::MAX as f64 - 0.5)
        .collect();
    let length = raw
        .iter()
        .map(|x| x * x)
        .sum::<f64>()
        .sqrt()
        .max(f64::MIN_POSITIVE);
    raw.iter().map(|x| (x / length) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn embed(body: &str) -> Result<Value, String> {
        let body = json(&Fields::parse(body.as_bytes()).unwrap(), "m", 3)?;
        Ok(serde_json::from_slice(&body).unwrap())
    }

    #[test]
    fn vectors() {
        let list = embed(r#"{"input":["a","b","a",""],"dimensions":8}"#).unwrap();
        let data = list["data"].as_array().unwrap();
        assert_eq!(data.len(), 4);
        assert_eq!(data[0]["embedding"], data[2]["embedding"]);
        assert_ne!(data[0]["embedding"], data[1]["embedding"]);
        for item in data {
            let vector: Vec<f64> = serde_json::from_value(item["embedding"].clone()).unwrap();
            let length: f64 = vector.iter().map(|x| x * x).sum();
            assert!(
                vector.len() == 8 && (length - 1.0).abs() < 1e-6,
                "{vector:?}"
            );
        }
        assert_eq!(list["usage"]["prompt_tokens"], 3);
    }

    #[test]
    fn base64_is_the_same_vector() {
        let floats = embed(r#"{"input":[1,2,3]}"#).unwrap();
        let encoded = embed(r#"{"input":[1,2,3],"encoding_format":"base64"}"#).unwrap();
        let bytes = STANDARD
            .decode(encoded["data"][0]["embedding"].as_str().unwrap())
            .unwrap();
        let decoded: Vec<f32> = bytes
            .chunks(4)
            .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
            .collect();
        let floats: Vec<f32> =
            serde_json::from_value(floats["data"][0]["embedding"].clone()).unwrap();
        assert_eq!(decoded, floats);
    }

    #[test]
    fn refusals() {
        for body in [
            "{}",
            r#"{"input":1}"#,
            r#"{"input":"a","dimensions":0}"#,
            r#"{"input":"a","dimensions":3073}"#,
            r#"{"input":"a","encoding_format":"hex"}"#,
        ] {
            assert!(embed(body).is_err(), "{body}");
        }
    }
}
