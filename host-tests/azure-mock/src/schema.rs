//! The part of JSON Schema that tools use: read once, then rendered for counting and
//! filled in for answering.

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

/// A schema; what is not listed here is ignored.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Schema {
    /// A string, or an array for a union.
    #[serde(rename = "type")]
    kind: Value,
    pub(crate) description: Option<String>,
    #[serde(rename = "enum")]
    one_of: Option<Vec<Value>>,
    properties: Option<IndexMap<String, Schema>>,
    required: Option<Vec<String>>,
    items: Option<Box<Schema>>,
}

impl Schema {
    /// The properties as the lines of a TypeScript object type, the way the models are
    /// shown their tools. Empty when there are none.
    pub(crate) fn typescript(&self) -> String {
        let mut lines = Vec::new();
        self.property_lines(0, &mut lines);
        lines.join("\n")
    }

    fn property_lines(&self, indent: usize, lines: &mut Vec<String>) {
        let pad = " ".repeat(indent);
        for (name, property) in self.properties.iter().flatten() {
            if let Some(text) = property
                .description
                .as_deref()
                .filter(|text| !text.is_empty())
            {
                lines.push(format!("{pad}// {text}"));
            }
            let required = self.required.iter().flatten().any(|key| key == name);
            let mark = if required { "" } else { "?" };
            lines.push(format!(
                "{pad}{name}{mark}: {},",
                property.type_name(indent)
            ));
        }
    }

    fn type_name(&self, indent: usize) -> String {
        match self.kind.as_str() {
            Some("string") => self.enumerated().unwrap_or_else(|| "string".to_owned()),
            Some("integer" | "number") => self.enumerated().unwrap_or_else(|| "number".to_owned()),
            Some("boolean") => "boolean".to_owned(),
            Some("null") => "null".to_owned(),
            Some("array") => {
                let item = self.items.as_ref();
                format!(
                    "{}[]",
                    item.map_or_else(|| "any".to_owned(), |item| item.type_name(indent))
                )
            }
            Some("object") => {
                let mut lines = Vec::new();
                self.property_lines(indent + 2, &mut lines);
                format!("{{\n{}\n}}", lines.join("\n"))
            }
            _ => "any".to_owned(),
        }
    }

    fn enumerated(&self) -> Option<String> {
        let quoted = self.one_of.as_ref()?.iter().map(|value| match value {
            Value::String(text) => format!("\"{text}\""),
            other => format!("\"{other}\""),
        });
        Some(quoted.collect::<Vec<_>>().join(" | "))
    }

    /// JSON text that fits the schema, every property filled in; the same for the same
    /// seed.
    pub(crate) fn example(&self, seed: u64) -> String {
        if let Some(values) = self.one_of.as_ref().filter(|values| !values.is_empty()) {
            return values[seed as usize % values.len()].to_string();
        }
        let kind = match &self.kind {
            Value::Array(kinds) => kinds.first().and_then(Value::as_str),
            kind => kind.as_str(),
        };
        match kind {
            Some("integer" | "number") => (seed % 100).to_string(),
            Some("boolean") => seed.is_multiple_of(2).to_string(),
            Some("null") => "null".to_owned(),
            Some("array") => {
                format!(
                    "[{}]",
                    self.items
                        .as_ref()
                        .map(|item| item.example(seed))
                        .unwrap_or_default()
                )
            }
            Some("string") => format!("\"{}\"", crate::text::word(seed)),
            _ => {
                let properties = self.properties.iter().flatten().enumerate();
                let filled: Vec<String> = properties
                    .map(|(i, (name, property))| {
                        let value = property.example(seed.wrapping_add(i as u64));
                        format!("{}:{value}", Value::from(name.as_str()))
                    })
                    .collect();
                format!("{{{}}}", filled.join(","))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NESTED: &str = r#"{"type":"object","required":["city","when"],"properties":{
        "city":{"type":"string","description":"The city"},
        "unit":{"type":"string","enum":["celsius","fahrenheit"]},
        "when":{"type":"object","properties":{
            "day":{"type":"integer","description":"Day of the month"},
            "zones":{"type":"array","items":{"type":"string"}}}},
        "level":{"type":"number","enum":[1,2]},
        "exact":{"type":"boolean"},"nothing":{"type":"null"},
        "any":{"type":["string","null"]},"list":{"type":"array"}}}"#;

    #[test]
    fn renders_as_typescript() {
        let schema: Schema = serde_json::from_str(NESTED).unwrap();
        assert_eq!(
            schema.typescript(),
            "// The city\n\
             city: string,\n\
             unit?: \"celsius\" | \"fahrenheit\",\n\
             when: {\n  \
             // Day of the month\n  \
             day?: number,\n  \
             zones?: string[],\n\
             },\n\
             level?: \"1\" | \"2\",\n\
             exact?: boolean,\n\
             nothing?: null,\n\
             any?: any,\n\
             list?: any[],"
        );
        assert_eq!(Schema::default().typescript(), "");
    }

    #[test]
    fn examples_fit_and_repeat() {
        let schema: Schema = serde_json::from_str(NESTED).unwrap();
        for seed in [0, 1, 77, u64::MAX] {
            let text = schema.example(seed);
            assert_eq!(text, schema.example(seed));
            let value: Value = serde_json::from_str(&text).unwrap();
            assert!(
                value["city"].is_string() && value["when"]["day"].is_u64(),
                "{text}"
            );
            assert!(["celsius", "fahrenheit"].contains(&value["unit"].as_str().unwrap()));
            assert!(value["when"]["zones"][0].is_string() && value["exact"].is_boolean());
        }
        assert_eq!(Schema::default().example(1), "{}");
    }
}
