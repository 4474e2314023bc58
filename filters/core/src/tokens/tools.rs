//! Tool definitions as the model reads them: rendered as a TypeScript namespace.
//!
//! White space and JSON Schema's own words cost bytes, not tokens. OpenAI does not publish
//! the form; this follows `_format_function_definitions` of LiteLLM 1.109's
//! `token_counter.py`, which says it is what OpenAI "appears to use". Differences: unions
//! (`anyOf`, `oneOf`, lists of types) and enums of any type are rendered where it says
//! `any`, optional properties have no `?`, and nesting is bounded.

use super::raw_json::{Content, Raw};

/// Part of a rendering.
#[derive(Clone, Copy)]
pub(super) enum Piece<'b> {
    /// As it is.
    Literal(&'b [u8]),
    /// The content of a JSON string, still escaped.
    Escaped(Content<'b>),
}

impl Piece<'_> {
    /// Bytes of it as it stands.
    pub(super) fn len(&self) -> usize {
        match self {
            Piece::Literal(bytes) => bytes.len(),
            Piece::Escaped(content) => content.bytes.len(),
        }
    }
}

/// Where a rendering goes, piece by piece.
type Sink<'s, 'b> = &'s mut dyn FnMut(Piece<'b>);

/// Schemas nested deeper than this render as `any`: every level is walked twice more.
const MAX_DEPTH: u8 = 6;

/// The members of a tool or a schema that show in the rendering, found in one walk.
#[derive(Clone, Copy, Default)]
struct Fields<'b> {
    function: Option<Raw<'b>>,
    name: Option<Content<'b>>,
    description: Option<Content<'b>>,
    parameters: Option<Raw<'b>>,
    kind: Option<Raw<'b>>,
    values: Option<Raw<'b>>,
    items: Option<Raw<'b>>,
    properties: Option<Raw<'b>>,
    alternatives: Option<Raw<'b>>,
}

impl<'b> Fields<'b> {
    fn of(object: Raw<'b>) -> Fields<'b> {
        let mut fields = Fields::default();
        for (key, value) in object.members() {
            let _ = key.word(|key| match key {
                b"function" => fields.function = Some(value),
                b"name" => fields.name = value.string(),
                b"description" => {
                    fields.description = value.string().filter(|d| !d.bytes.is_empty())
                }
                b"parameters" => fields.parameters = Some(value),
                b"type" => fields.kind = Some(value),
                b"enum" => fields.values = Some(value),
                b"items" => fields.items = Some(value),
                b"properties" => fields.properties = Some(value),
                b"anyOf" | b"oneOf" => fields.alternatives = Some(value),
                _ => {}
            });
        }
        fields
    }

    fn describe(self, out: Sink<'_, 'b>) {
        if let Some(description) = self.description {
            literal(out, "// ");
            out(Piece::Escaped(description));
            literal(out, "\n");
        }
    }
}

/// Renders the array at `tools` (or `functions`, whose items are not wrapped).
pub(super) fn render<'b>(tools: Raw<'b>, out: Sink<'_, 'b>) {
    literal(out, "namespace functions {\n\n");
    for tool in tools.items() {
        let outer = Fields::of(tool);
        // Chat completions wrap the function, the Responses API and `functions` do not.
        let function = outer.function.map_or(outer, Fields::of);
        let Some(name) = function.name else { continue };
        function.describe(out);
        literal(out, "type ");
        out(Piece::Escaped(name));
        let all = function
            .parameters
            .map(Fields::of)
            .and_then(|schema| schema.properties);
        match all.filter(|all| all.members().next().is_some()) {
            Some(all) => {
                literal(out, " = (_: {\n");
                properties(all, 0, out);
                literal(out, "}) => any;\n\n");
            }
            None => literal(out, " = () => any;\n\n"),
        }
    }
    literal(out, "} // namespace functions");
}

fn literal<'b>(out: Sink<'_, 'b>, text: &'static str) {
    out(Piece::Literal(text.as_bytes()));
}

/// Optional properties would have a `?` before the colon: `?:` and `:` are one token each,
/// so that looking every name up in `required` would change nothing.
fn properties<'b>(properties: Raw<'b>, depth: u8, out: Sink<'_, 'b>) {
    for (name, property) in properties.members() {
        let schema = Fields::of(property);
        schema.describe(out);
        out(Piece::Escaped(name));
        literal(out, ": ");
        type_of(schema, depth, out);
        literal(out, ",\n");
    }
}

fn type_of<'b>(schema: Fields<'b>, depth: u8, out: Sink<'_, 'b>) {
    let depth = depth.saturating_add(1);
    if depth > MAX_DEPTH {
        return literal(out, "any");
    }
    if let Some(values) = schema.values {
        // Every value is in quotes.
        literal(out, "\"");
        union(
            values,
            "\" | \"",
            out,
            &mut |value, out| match value.string() {
                Some(text) => out(Piece::Escaped(text)),
                None => out(Piece::Literal(value.bytes())),
            },
        );
        return literal(out, "\"");
    }
    match (schema.kind, schema.alternatives) {
        (Some(kind), _) if kind.is_word(b"array") => {
            match schema.items {
                Some(items) => type_of(Fields::of(items), depth, out),
                None => literal(out, "any"),
            }
            literal(out, "[]");
        }
        (Some(kind), _) if kind.is_word(b"object") => {
            literal(out, "{\n");
            if let Some(inner) = schema.properties {
                properties(inner, depth, out);
            }
            literal(out, "}");
        }
        (None, Some(all)) => union(all, " | ", out, &mut |one, out| {
            type_of(Fields::of(one), depth, out)
        }),
        // A list of types.
        (Some(names), _) if names.is_array() => union(names, " | ", out, &mut simple),
        (Some(name), _) => simple(name, out),
        (None, None) => literal(out, "any"),
    }
}

fn simple<'b>(name: Raw<'b>, out: Sink<'_, 'b>) {
    let rendered = name.string().and_then(|name| {
        name.word(|name| match name {
            b"string" => "string",
            b"integer" | b"number" => "number",
            b"boolean" => "boolean",
            b"null" => "null",
            _ => "any",
        })
    });
    literal(out, rendered.unwrap_or("any"));
}

fn union<'b>(
    all: Raw<'b>,
    separator: &'static str,
    out: Sink<'_, 'b>,
    one: &mut dyn FnMut(Raw<'b>, Sink<'_, 'b>),
) {
    for (index, item) in all.items().enumerate() {
        if index > 0 {
            literal(out, separator);
        }
        one(item, out);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn rendered(tools: &str) -> String {
        let mut text = String::new();
        render(
            Raw::at(tools.as_bytes(), 0).unwrap(),
            &mut |piece| match piece {
                Piece::Literal(bytes) => text.push_str(std::str::from_utf8(bytes).unwrap()),
                Piece::Escaped(content) => {
                    let quoted = format!("\"{}\"", std::str::from_utf8(content.bytes).unwrap());
                    text.push_str(&serde_json::from_str::<String>(&quoted).unwrap());
                }
            },
        );
        text
    }

    /// The same from a DOM, after LiteLLM's `_format_function_definitions`, without its `?`.
    fn oracle(tools: &Value) -> String {
        let mut lines = vec!["namespace functions {".to_owned(), String::new()];
        for tool in tools.as_array().unwrap() {
            let function = tool.get("function").unwrap_or(tool);
            if let Some(text) = function["description"].as_str() {
                lines.push(format!("// {text}"));
            }
            let name = function["name"].as_str().unwrap();
            match oracle_properties(&function["parameters"]) {
                Some(inner) => {
                    lines.extend([format!("type {name} = (_: {{"), inner, "}) => any;".into()])
                }
                None => lines.push(format!("type {name} = () => any;")),
            }
            lines.push(String::new());
        }
        lines.push("} // namespace functions".into());
        lines.join("\n")
    }

    fn oracle_properties(schema: &Value) -> Option<String> {
        let mut lines = Vec::new();
        for (name, property) in schema["properties"].as_object().filter(|p| !p.is_empty())? {
            if let Some(text) = property["description"].as_str() {
                lines.push(format!("// {text}"));
            }
            lines.push(format!("{name}: {},", oracle_type(property)));
        }
        Some(lines.join("\n"))
    }

    fn oracle_type(schema: &Value) -> String {
        if let Some(values) = schema["enum"].as_array() {
            let quoted = |v: &Value| {
                v.as_str()
                    .map_or(format!("\"{v}\""), |s| format!("\"{s}\""))
            };
            return values.iter().map(quoted).collect::<Vec<_>>().join(" | ");
        }
        match schema["type"].as_str() {
            Some("array") => format!("{}[]", oracle_type(&schema["items"])),
            Some("object") => format!("{{\n{}\n}}", oracle_properties(schema).unwrap()),
            Some(name @ ("string" | "boolean" | "null")) => name.to_owned(),
            Some("integer" | "number") => "number".to_owned(),
            _ => match schema["anyOf"].as_array() {
                Some(all) => all.iter().map(oracle_type).collect::<Vec<_>>().join(" | "),
                None => "any".to_owned(),
            },
        }
    }

    #[test]
    fn tools_read_as_a_dom_would_render_them() {
        let weather = json!({"name": "get_weather", "description": "The weather, \"now\".\nIn °C.", "parameters": {
            "type": "object", "required": ["city"], "properties": {
                "city": {"type": "string", "description": "城市"},
                "unit": {"type": "string", "enum": ["c", "f"]},
                "days": {"type": "integer", "enum": [1, 2]},
                "where": {"type": "object", "properties": {"lat": {"type": "number"}, "tags": {"type": "array", "items": {"type": "string"}}}},
                "either": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                "free": {}, "yes": {"type": "boolean"}}}});
        for tools in [
            json!([]),
            json!([{"type": "function", "function": weather}]),
            json!([weather]),
            json!([{"type": "function", "function": {"name": "now"}}, {"type": "function", "function": weather}]),
            json!([{"name": "empty", "parameters": {"type": "object", "properties": {}}}]),
        ] {
            assert_eq!(rendered(&tools.to_string()), oracle(&tools));
            assert_eq!(
                rendered(&serde_json::to_string_pretty(&tools).unwrap()),
                oracle(&tools)
            );
        }
    }

    #[test]
    fn what_is_no_tool_is_left_out_and_depth_ends_as_any() {
        let nothing = "namespace functions {\n\n} // namespace functions";
        for tools in [
            "[]",
            "{}",
            "[1,null,\"x\",{\"type\":\"web_search\"}]",
            "\"tools\"",
            "[{\"name\":7}]",
        ] {
            assert_eq!(rendered(tools), nothing, "{tools}");
        }
        let deep = |n| "{\"type\":\"array\",\"items\":".repeat(n) + "{}" + &"}".repeat(n);
        let tool = |n| {
            format!(
                "[{{\"name\":\"f\",\"parameters\":{{\"properties\":{{\"p\":{}}}}}}}]",
                deep(n)
            )
        };
        let levels = usize::from(MAX_DEPTH);
        assert!(
            rendered(&tool(levels - 1)).contains(&format!("p: any{},", "[]".repeat(levels - 1)))
        );
        assert!(rendered(&tool(500)).contains(&format!("p: any{},", "[]".repeat(levels))));
    }
}
