//! The tools of a request: how they are counted, and which one an answer calls.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::fields::Fields;
use crate::schema::Schema;

/// A function the model may call.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Function {
    pub(crate) name: String,
    description: Option<String>,
    parameters: Option<Schema>,
}

impl Function {
    /// Arguments that fit the function's parameters, as JSON text.
    pub(crate) fn example(&self, seed: u64) -> String {
        self.parameters
            .as_ref()
            .map_or_else(|| "{}".to_owned(), |schema| schema.example(seed))
    }
}

/// The functions of `tools` (nested in `function` as in chat completions, or flat as in
/// the Responses API) and of the older `functions`. Tools of other types are left out:
/// how they are counted is not published.
///
/// # Errors
/// When either is there and is not a list of such objects.
pub(crate) fn functions(fields: &Fields) -> Result<Vec<Function>, String> {
    #[derive(Deserialize)]
    struct Tool {
        #[serde(rename = "type")]
        kind: Option<String>,
        function: Option<Function>,
        #[serde(flatten)]
        flat: Function,
    }
    let tools: Vec<Tool> = fields.read("tools")?.unwrap_or_default();
    let functions: Vec<Function> = fields.read("functions")?.unwrap_or_default();
    Ok(tools
        .into_iter()
        .filter(|tool| tool.kind.as_deref().is_none_or(|kind| kind == "function"))
        .map(|tool| tool.function.unwrap_or(tool.flat))
        .chain(functions)
        .collect())
}

/// The functions as the model is shown them: a TypeScript namespace.
///
/// Source: the format OpenAI engineers gave on the community forum, as LiteLLM's
/// `token_counter.py` renders it.
pub(crate) fn typescript(functions: &[Function]) -> String {
    let mut lines = vec!["namespace functions {".to_owned(), String::new()];
    for function in functions {
        if let Some(text) = function
            .description
            .as_deref()
            .filter(|text| !text.is_empty())
        {
            lines.push(format!("// {text}"));
        }
        let parameters = function.parameters.as_ref().map(Schema::typescript);
        match parameters.filter(|text| !text.is_empty()) {
            Some(parameters) => {
                lines.push(format!("type {} = (_: {{", function.name));
                lines.push(parameters);
                lines.push("}) => any;".to_owned());
            }
            None => lines.push(format!("type {} = () => any;", function.name)),
        }
        lines.push(String::new());
    }
    lines.push("} // namespace functions".to_owned());
    lines.join("\n")
}

/// The request's wish about calling tools.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum ToolChoice<'a> {
    /// The model decides.
    #[default]
    Auto,
    /// No tool.
    None,
    /// Some tool.
    Required,
    /// This tool.
    Named(Cow<'a, str>),
}

impl<'a> ToolChoice<'a> {
    /// Reads a `tool_choice`: a word, `{"function":{"name":…}}` or `{"name":…}`.
    pub(crate) fn read(raw: Option<&'a RawValue>) -> Self {
        #[derive(Deserialize)]
        struct Name<'a> {
            #[serde(borrow)]
            name: Cow<'a, str>,
        }
        let Some(raw) = raw else { return Self::Auto };
        match raw.get() {
            "\"none\"" => Self::None,
            "\"required\"" => Self::Required,
            object => {
                let Ok(fields) = serde_json::from_str::<Fields>(object) else {
                    return Self::Auto;
                };
                let inner = fields.get("function").map_or(object, RawValue::get);
                serde_json::from_str(inner).map_or(Self::Auto, |Name { name }| Self::Named(name))
            }
        }
    }
}

/// The tool an answer calls. By its own decision the mock calls the first tool of whose
/// name a word of four or more letters occurs in the user's `question` (`get_weather` for
/// "What's the weather in Oslo?").
pub(crate) fn called<'f>(
    functions: &'f [Function],
    choice: &ToolChoice,
    question: Option<&str>,
) -> Option<&'f Function> {
    match choice {
        ToolChoice::None => None,
        ToolChoice::Named(name) => functions.iter().find(|function| function.name == *name),
        ToolChoice::Required => asked(functions, question).or(functions.first()),
        ToolChoice::Auto => asked(functions, question),
    }
}

fn asked<'f>(functions: &'f [Function], question: Option<&str>) -> Option<&'f Function> {
    let question = question?.to_lowercase();
    functions.iter().find(|function| {
        let name = function.name.to_lowercase();
        let mut words = name.split(['_', '-', '.']).filter(|word| word.len() >= 4);
        words.any(|word| question.contains(word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOOLS: &str = r#"{"tools":[
        {"type":"function","function":{"name":"get_weather","description":"Get the weather",
         "parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}},
        {"type":"web_search"},
        {"type":"function","name":"stop_now"}],
        "functions":[{"name":"old","parameters":{"type":"object","properties":{}}}]}"#;

    fn read(json: &str) -> Vec<Function> {
        functions(&Fields::parse(json.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn renders_every_form() {
        assert_eq!(
            typescript(&read(TOOLS)),
            "namespace functions {\n\n\
             // Get the weather\n\
             type get_weather = (_: {\ncity: string,\n}) => any;\n\n\
             type stop_now = () => any;\n\n\
             type old = () => any;\n\n\
             } // namespace functions"
        );
    }

    #[test]
    fn chooses_the_tool() {
        let functions = read(TOOLS);
        let rows = [
            (None, Some("How is the WEATHER?"), Some("get_weather")),
            (None, Some("get it"), None),
            (None, None, None),
            (Some("\"auto\""), Some("weather"), Some("get_weather")),
            (Some("\"none\""), Some("weather"), None),
            (Some("\"required\""), Some("please stop"), Some("stop_now")),
            (Some("\"required\""), None, Some("get_weather")),
            (
                Some(r#"{"type":"function","function":{"name":"old"}}"#),
                None,
                Some("old"),
            ),
            (
                Some(r#"{"type":"function","name":"stop_now"}"#),
                None,
                Some("stop_now"),
            ),
            (
                Some(r#"{"type":"function","name":"absent"}"#),
                Some("weather"),
                None,
            ),
            (Some("7"), None, None),
        ];
        for (choice, question, expected) in rows {
            let raw = choice.map(|json| serde_json::from_str::<&RawValue>(json).unwrap());
            let tool = called(&functions, &ToolChoice::read(raw), question);
            assert_eq!(
                tool.map(|f| f.name.as_str()),
                expected,
                "{choice:?} {question:?}"
            );
        }
    }

    #[test]
    fn refuses_what_is_no_list() {
        for json in [
            r#"{"tools":{}}"#,
            r#"{"tools":[1]}"#,
            r#"{"functions":"x"}"#,
        ] {
            assert!(
                functions(&Fields::parse(json.as_bytes()).unwrap()).is_err(),
                "{json}"
            );
        }
    }
}
