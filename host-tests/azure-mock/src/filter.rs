//! What Azure's content filter says about harmless text, in each place it says it.

use std::sync::LazyLock;

use serde_json::value::RawValue;

/// The first event of a chat stream on Azure: about the prompt, with every other field
/// empty.
pub(crate) const PROMPT_EVENT: &str = r#"{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"},"jailbreak":{"detected":false,"filtered":false},"self_harm":{"filtered":false,"severity":"safe"},"sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":false,"severity":"safe"}}}]}"#;

fn parsed(json: &'static str) -> &'static RawValue {
    serde_json::from_str(json).unwrap_or(RawValue::NULL)
}

/// `prompt_filter_results` of a whole answer.
pub(crate) fn prompt() -> &'static RawValue {
    static RESULTS: LazyLock<&RawValue> = LazyLock::new(|| {
        parsed(
            r#"[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"},"jailbreak":{"detected":false,"filtered":false},"self_harm":{"filtered":false,"severity":"safe"},"sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":false,"severity":"safe"}}}]"#,
        )
    });
    *RESULTS
}

/// `content_filter_results` of a choice of a whole answer.
pub(crate) fn completion() -> &'static RawValue {
    static RESULTS: LazyLock<&RawValue> = LazyLock::new(|| {
        parsed(
            r#"{"hate":{"filtered":false,"severity":"safe"},"protected_material_text":{"detected":false,"filtered":false},"self_harm":{"filtered":false,"severity":"safe"},"sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":false,"severity":"safe"}}"#,
        )
    });
    *RESULTS
}

/// `content_filter_results` of an event with content.
pub(crate) fn delta() -> &'static RawValue {
    static RESULTS: LazyLock<&RawValue> = LazyLock::new(|| {
        parsed(r#"{"protected_material_text":{"detected":false,"filtered":false}}"#)
    });
    *RESULTS
}

/// `content_filter_results` of an event without content.
pub(crate) fn nothing() -> &'static RawValue {
    static RESULTS: LazyLock<&RawValue> = LazyLock::new(|| parsed("{}"));
    *RESULTS
}

#[cfg(test)]
mod tests {
    #[test]
    fn constants_are_json() {
        for raw in [
            super::prompt(),
            super::completion(),
            super::delta(),
            super::nothing(),
        ] {
            assert_ne!(raw.get(), "null");
        }
        let event: serde_json::Value = serde_json::from_str(super::PROMPT_EVENT).unwrap();
        let whole: serde_json::Value = serde_json::from_str(super::prompt().get()).unwrap();
        assert_eq!(event["prompt_filter_results"], whole);
    }
}
