//! The answer to a blocked request, in Azure's words.
//!
//! <https://learn.microsoft.com/azure/ai-services/openai/concepts/content-filter>

use serde_json::{Map, Value, json};

use super::action::{Action, Category, Severity};
use super::finding::Finding;
use crate::reply::{JSON, Reply};

const MESSAGE: &str = "The response was filtered due to the prompt triggering Azure OpenAI's content management \
                       policy. Please modify your prompt and retry. To learn more about our content filtering \
                       policies please read our documentation: https://go.microsoft.com/fwlink/?linkid=2198766";

/// The answer to a request with these findings, of which `lists` gives the names.
pub(super) fn blocked<'a>(findings: &[Finding], list: impl Fn(&Finding) -> &'a str) -> Reply {
    let error = json!({
        "error": {
            "message": MESSAGE,
            "type": null,
            "param": "prompt",
            "code": "content_filter",
            "status": 400,
            "innererror": {
                "code": "ResponsibleAIPolicyViolation",
                "content_filter_result": result(findings, list),
            }
        }
    });
    Reply {
        status: 400,
        details: "tollgate_content_filter",
        content_type: JSON,
        headers: Vec::new(),
        body: error.to_string().into_bytes(),
    }
}

/// Azure's `content_filter_result`: its four categories always, others where they were found.
pub fn result<'a>(findings: &[Finding], list: impl Fn(&Finding) -> &'a str) -> Value {
    let mut all = Map::new();
    for category in Category::ALL {
        let mut of_category = findings
            .iter()
            .filter(|finding| finding.category == category);
        let is_filtered = of_category
            .clone()
            .any(|finding| finding.action == Action::Block);
        let severity = of_category.clone().map(|finding| finding.severity).max();
        let is_detected = of_category.next().is_some();
        let (key, value) = match category {
            Category::Hate | Category::Sexual | Category::Violence | Category::SelfHarm => {
                let severity = severity.map_or("safe", Severity::name);
                let value = json!({"filtered": is_filtered, "severity": severity});
                (category.name(), value)
            }
            _ if !is_detected => continue,
            Category::CustomBlocklist => {
                let of_lists = findings
                    .iter()
                    .filter(|finding| finding.category == category);
                let mut details: Vec<Value> = Vec::new();
                for finding in of_lists {
                    let detail = json!({
                        "filtered": finding.action == Action::Block,
                        "id": list(finding),
                    });
                    if !details.contains(&detail) {
                        details.push(detail);
                    }
                }
                let value = json!({"filtered": is_filtered, "details": details});
                ("custom_blocklists", value)
            }
            _ => {
                let value = json!({"filtered": is_filtered, "detected": true});
                (azure_name(category), value)
            }
        };
        all.insert(key.to_owned(), value);
    }
    Value::Object(all)
}

/// Azure's name for a category, where it has one.
fn azure_name(category: Category) -> &'static str {
    match category {
        Category::PersonalData => "personally_identifiable_information",
        Category::Secret => "secrets",
        _ => category.name(),
    }
}
