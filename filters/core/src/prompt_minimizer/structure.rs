//! Structure: what is wholly JSON or pretty-printed XML loses whitespace that means nothing,
//! and no other byte.
//!
//! Left alone, always: JSON inside prose and inside any fence but the only one of a tool's
//! result; several JSON values in one text, such as JSON Lines, whose lines say where each
//! ends; YAML, which indentation makes what it is; whatever a parser would refuse.

mod fence;
mod json;
#[cfg(test)]
mod tests;
mod xml;

use super::splice::Splice;

/// Takes out the insignificant whitespace of a text, where the whole of it is a JSON object or
/// array or an XML element, or, in a tool's result, where its only fenced block is JSON.
pub fn minify(text: &str, is_tool: bool) -> Vec<Splice> {
    json::whitespace(text)
        .or_else(|| xml::whitespace(text))
        .or_else(|| is_tool.then(|| fence::whitespace(text)).flatten())
        .unwrap_or_default()
}
