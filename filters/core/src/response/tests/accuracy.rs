//! How near the counted output is to what the tokenizers count.

use tiktoken_rs::CoreBPE;

use super::{JSON, SSE, read};
use crate::tokens::samples::SAMPLES;

/// What a provider streams for `text`: deltas of as many tokens, or of a few more where the
/// last one ends inside a character.
fn deltas(tokenizer: &CoreBPE, text: &str, tokens: usize) -> Vec<String> {
    let mut deltas = Vec::new();
    let (mut delta, mut held) = (Vec::new(), 0);
    for token in tokenizer.encode_ordinary(text) {
        delta.extend(tokenizer.decode_bytes(&[token]).unwrap());
        held += 1;
        if held >= tokens && std::str::from_utf8(&delta).is_ok() {
            deltas.push(String::from_utf8(std::mem::take(&mut delta)).unwrap());
            held = 0;
        }
    }
    deltas.push(String::from_utf8(delta).unwrap());
    deltas
}

fn chat(model: &str, deltas: &[String]) -> u64 {
    let event = |delta: &String| {
        let event = serde_json::json!({"model": model, "choices": [{"delta": {"content": delta}}]});
        format!("data: {event}\n\n")
    };
    let stream: String = deltas.iter().map(event).collect();
    read(SSE, [stream.as_bytes()]).output_tokens
}

fn document(model: &str, text: &str) -> u64 {
    let answer = serde_json::json!({"model": model, "choices": [{"message": {"content": text}}]});
    read(JSON, [answer.to_string().as_bytes()]).output_tokens
}

/// Error in per cent of each kind of text: mean of its size, and the largest.
fn errors(counted: impl Iterator<Item = (u64, u32)>) -> (f64, f64) {
    let errors: Vec<f64> = counted
        .map(|(counted, exact)| (counted as f64 / f64::from(exact) - 1.0).abs() * 100.0)
        .collect();
    let mean = errors.iter().sum::<f64>() / errors.len() as f64;
    (mean, errors.into_iter().fold(0.0, f64::max))
}

/// Shown by `cargo test -p tollgate-core --lib response::tests::accuracy -- --nocapture`.
#[test]
fn output_is_counted_as_closely_as_the_documentation_says() {
    for (which, model, tokenizer, one, more) in [
        (
            0,
            "gpt-4o",
            tiktoken_rs::o200k_base_singleton(),
            (0.2, 2.0),
            (7.0, 27.0),
        ),
        (
            1,
            "gpt-4",
            tiktoken_rs::cl100k_base_singleton(),
            (3.0, 20.0),
            (4.0, 12.0),
        ),
    ] {
        let check = |name: &str, (mean, worst): (f64, f64), (most_mean, most): (f64, f64)| {
            println!("{model:6} {name:20} mean {mean:4.1} %, worst {worst:4.1} %");
            assert!(
                mean <= most_mean && worst <= most,
                "{model}, {name}: {mean}, {worst}"
            );
        };
        for (tokens, allowed) in [(1, one), (2, more), (5, more), (20, more)] {
            let streams = SAMPLES.iter().map(|(_, text, exact)| {
                (chat(model, &deltas(tokenizer, text, tokens)), exact[which])
            });
            check(
                &format!("{tokens} tokens a delta"),
                errors(streams),
                allowed,
            );
        }
        let documents = SAMPLES
            .iter()
            .map(|(_, text, exact)| (document(model, text), exact[which]));
        check("documents", errors(documents), more);
    }
}
