//! Configurations that can not be, each refused with the path of what is wrong.

use crate::config::{Config, StageKind};
use crate::pipeline::{Pipeline, StageMaker};

/// The path and the problem of what is wrong with a whole configuration.
fn refused(configuration: &str) -> (String, String) {
    let stages = [StageKind::ContentScreener];
    let made = Config::read(configuration.as_bytes(), &stages)
        .and_then(|config| Pipeline::new(config, b"", StageMaker::ALL));
    match made {
        Ok(_) => panic!("taken: {configuration:.100}"),
        Err(error) => (error.path, error.problem),
    }
}

#[test]
fn what_is_wrong_is_named_with_its_path() {
    let long = format!(r#"[{:?}]"#, "x".repeat(257));
    let many = format!("[{}]", vec![r#""x""#; 20_001].join(","));
    let nested = format!("key{}{}", "(".repeat(200), ")".repeat(200));
    let terms = |terms: &str| format!(r#"[{{"name": "a", "terms": {terms}}}]"#);
    let pattern = |regex: &str, anchor: &str| {
        format!(r#"[{{"name": "a", "regex": {regex:?}, "anchor": {anchor:?}}}]"#)
    };
    let rows = [
        ("mode", r#""shadow""#.to_owned(), "mode", "enforce"),
        (
            "injection",
            r#"{"action": "warn"}"#.to_owned(),
            "injection.action",
            "block",
        ),
        (
            "injection",
            r#"{"roles": ["robot"]}"#.to_owned(),
            "injection.roles[0]",
            "developer",
        ),
        (
            "injection",
            r#"{"roles": []}"#.to_owned(),
            "injection.roles",
            "looks at nothing",
        ),
        (
            "secrets",
            r#"{"kinds": {"nuclear": "block"}}"#.to_owned(),
            "secrets.kinds.nuclear",
            "unknown kind; known here: ",
        ),
        (
            "personal_data",
            r#"{"kinds": {"email": "hide"}}"#.to_owned(),
            "personal_data.kinds.email",
            "mask",
        ),
        (
            "evasion",
            r#"{"base64_depth": 9}"#.to_owned(),
            "evasion.base64_depth",
            "from 0 to 4",
        ),
        (
            "responses",
            r#"{"max_bytes": 1}"#.to_owned(),
            "responses.max_bytes",
            "from 1024",
        ),
        (
            "terms",
            r#"[{"name": "a"}]"#.to_owned(),
            "terms[0]",
            "either `terms` or the name of a `pack`",
        ),
        (
            "terms",
            r#"[{"name": "a", "terms": ["x"], "pack": "p"}]"#.to_owned(),
            "terms[0]",
            "either `terms`",
        ),
        (
            "terms",
            r#"[{"name": "a", "pack": "p"}]"#.to_owned(),
            "terms[0].pack",
            "`term_packs`, which has none",
        ),
        (
            "terms",
            r#"[{"name": "A b", "terms": ["x"]}]"#.to_owned(),
            "terms[0].name",
            "small letters",
        ),
        (
            "terms",
            r#"[{"terms": ["x"]}]"#.to_owned(),
            "terms[0].name",
            "missing",
        ),
        ("terms", terms("[]"), "terms[0].terms", "finds nothing"),
        ("terms", terms(r#"["ok", ""]"#), "terms[0].terms[1]", ""),
        ("terms", terms(r#"["ok", "!?"]"#), "terms[0].terms[1]", ""),
        ("terms", terms(r#"["a*"]"#), "terms[0].terms[0]", ""),
        ("terms", terms(&long), "terms[0].terms[0]", ""),
        (
            "terms",
            terms(&many),
            "terms[0].terms",
            "more than 20000 terms",
        ),
        (
            "terms",
            r#"[{"name": "a", "terms": ["x"], "category": "jailbreak"}]"#.to_owned(),
            "terms[0].category",
            "custom_blocklist",
        ),
        (
            "terms",
            r#"[{"name": "a", "terms": ["x"], "severity": "safe"}]"#.to_owned(),
            "terms[0].severity",
            "medium",
        ),
        ("patterns", pattern("key(", "key"), "patterns[0].regex", ""),
        ("patterns", pattern(&nested, "key"), "patterns[0].regex", ""),
        (
            "patterns",
            pattern("key(x{900}){900}", "key"),
            "patterns[0].regex",
            "",
        ),
        (
            "patterns",
            pattern(&"key".repeat(342), "key"),
            "patterns[0].regex",
            "",
        ),
        ("patterns", pattern("key", ""), "patterns[0].anchor", ""),
        ("patterns", pattern("key", "k"), "patterns[0].anchor", ""),
        (
            "patterns",
            r#"[{"name": "a", "regex": "key"}]"#.to_owned(),
            "patterns[0].anchor",
            "missing",
        ),
    ];
    for (key, value, path, part) in rows {
        let settings = format!(r#"{{"content_screener": {{"{key}": {value}}}}}"#);
        let (found, problem) = refused(&settings);
        let shown: String = settings.chars().take(200).collect();
        assert_eq!(
            found,
            format!("content_screener.{path}"),
            "{shown}: {problem}"
        );
        assert!(
            problem.contains(part) && !problem.is_empty(),
            "{shown}: {problem}"
        );
        // In a rule the same is wrong in another place.
        let rule = format!(
            r#"{{"rules": [{{"name": "r", "match": {{}}, "content_screener": {{"{key}": {value}}}}}]}}"#
        );
        assert_eq!(
            refused(&rule).0,
            format!("rules[0].content_screener.{path}"),
            "{shown}"
        );
    }
    let packs = |packs: &str| refused(&format!(r#"{{"term_packs": {packs}}}"#)).0;
    assert_eq!(packs(r#"{"p": []}"#), "term_packs.p");
    assert_eq!(packs(r#"{"p": ["a", 7]}"#), "term_packs.p[1]");
    assert_eq!(packs("[]"), "term_packs");
}

/// What is odd and not wrong: terms twice, one within another, in other scripts; expressions that
/// backtracking engines never finish.
#[test]
fn what_is_only_odd_is_taken() {
    for settings in [
        r#"{"terms": [{"name": "a", "terms": ["x", "x", "X", "x y", "x y z", "糟糕", "قنبلة"]}]}"#,
        r#"{"terms": [{"name": "a", "terms": ["x"]}, {"name": "a", "terms": ["x"]}]}"#,
        r#"{"patterns": [{"name": "a", "regex": "key(a+)+(a|aa)*$", "anchor": "key"}]}"#,
    ] {
        let config = format!(r#"{{"content_screener": {settings}}}"#);
        let config = Config::read(config.as_bytes(), &[StageKind::ContentScreener]).unwrap();
        assert!(
            Pipeline::new(config, b"", StageMaker::ALL).is_ok(),
            "{settings}"
        );
    }
}
