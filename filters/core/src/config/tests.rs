//! The configuration, right and wrong, as rows.

use super::head::Head;
use super::*;

fn read(text: &str) -> Result<Config, ConfigError> {
    Config::read(text.as_bytes(), &[StageKind::TokenEstimator])
}

#[test]
fn nothing_is_a_configuration_of_defaults() {
    for text in ["", " \n", "{}"] {
        let config = read(text).unwrap();
        assert_eq!(config.stages, [StageKind::TokenEstimator]);
        assert_eq!(config.limits, Limits::default());
        assert!(!config.hold_headers && !config.debug_headers && config.identity_responses);
        assert!(config.rules.is_empty());
    }
}

#[test]
fn what_is_wrong_is_named_with_its_path() {
    let rows = [
        ("{", "", "not JSON"),
        ("[]", "", "expected an object, found a list"),
        (
            r#"{"debug_headers": true, "debug_headers": false}"#,
            "",
            "`debug_headers` is given twice at line 1",
        ),
        (
            r#"{"rules": [{"name": "a", "match": {"paths": []}}]}"#,
            "rules[0].match.paths",
            "matches nothing",
        ),
        (
            r#"{"debug_header": true}"#,
            "debug_header",
            "unknown key; known here: stages",
        ),
        (
            r#"{"debug_headers": "yes"}"#,
            "debug_headers",
            "expected true or false, found a string",
        ),
        (r#"{"fleet_store": {}}"#, "fleet_store.cluster", "missing"),
        (
            r#"{"fleet_store": {"cluster": "webdis", "timeout_milliseconds": 0}}"#,
            "fleet_store.timeout_milliseconds",
            "from 1 to 10000",
        ),
        (
            r#"{"response_cache": {"flight_wait_milliseconds": 60001}}"#,
            "response_cache.flight_wait_milliseconds",
            "from 0 to 60000",
        ),
        (
            r#"{"limits": {"max_depth": 4}}"#,
            "limits.max_depth",
            "from 8 to 128, found 4",
        ),
        (
            r#"{"limits": {"max_depth": 64.5}}"#,
            "limits.max_depth",
            "from 8 to 128, found 64.5",
        ),
        (
            r#"{"limits": {"max_depth": "64"}}"#,
            "limits.max_depth",
            "expected a whole number, found a string",
        ),
        (
            r#"{"limits": {"max_body_bytes": 1e99}}"#,
            "limits.max_body_bytes",
            "from 1 to 67108864",
        ),
        (
            r#"{"limits": {"max_held_bytes": 4096}}"#,
            "limits",
            "is less than max_body_bytes",
        ),
        (
            r#"{"rules": {}}"#,
            "rules",
            "expected a list, found an object",
        ),
        (r#"{"rules": [{"match": {}}]}"#, "rules[0].name", "missing"),
        (r#"{"rules": [{"name": "a"}]}"#, "rules[0].match", "missing"),
        (
            r#"{"rules": [{"name": "", "match": {}}]}"#,
            "rules[0].name",
            "not empty",
        ),
        (
            r#"{"rules": [{"name": "a", "match": {}}, {"name": "b", "match": {"methods": ["get"]}}]}"#,
            "rules[1].match.methods[0]",
            "capital letters",
        ),
        (
            r#"{"rules": [{"name": "a", "match": {"methods": []}}]}"#,
            "rules[0].match.methods",
            "matches nothing",
        ),
        (
            r#"{"rules": [{"name": "a", "match": {"paths": ["/v1", "v1"]}}]}"#,
            "rules[0].match.paths[1]",
            "begins with /",
        ),
        (
            r#"{"rules": [{"name": "a", "match": {"header": {}}}]}"#,
            "rules[0].match.header.name",
            "missing",
        ),
        (
            r#"{"rules": [{"name": "a", "match": {}, "pass_through": true, "invalid_body": "pass"}]}"#,
            "rules[0].invalid_body",
            "no effect beside pass_through",
        ),
        (
            r#"{"invalid_body": "ignore"}"#,
            "invalid_body",
            "expected one of refuse, pass, found \"ignore\"",
        ),
        (
            r#"{"prompt_minimizer": {"structure": {"roles": []}}}"#,
            "prompt_minimizer.structure.roles",
            "say \"enabled\": false instead",
        ),
        (
            r#"{"prompt_minimizer": {"records": {"roles": ["response"]}}}"#,
            "prompt_minimizer.records.roles[0]",
            "expected one of system, developer, user, assistant, tool, found \"response\"",
        ),
        (
            r#"{"prompt_minimizer": {"repeats": {"min_bytes": 10}}}"#,
            "prompt_minimizer.repeats.min_bytes",
            "256",
        ),
        (
            r#"{"prompt_minimizer": {"cap": {"max_bytes": 1000}}}"#,
            "prompt_minimizer.cap",
            "head_bytes (12288) and tail_bytes (3072) leave no room under max_bytes (1000)",
        ),
        (
            r#"{"prompt_minimizer": {"window": {"max_tokens": 1000, "step_tokens": 1000}}}"#,
            "prompt_minimizer.window",
            "a step of 1000 tokens (step_tokens) leaves nothing of a window of 1000 (max_tokens)",
        ),
        (
            r#"{"prompt_minimizer": {"window": {"too_long": "shorten"}}}"#,
            "prompt_minimizer.window.too_long",
            "refuse",
        ),
        (
            r#"{"response_cache": {"purge": "all"}}"#,
            "response_cache.purge",
            "only a rule can say which requests purge",
        ),
        (
            r#"{"response_cache": {"ttl_seconds": 0}}"#,
            "response_cache.ttl_seconds",
            "from 1 to 31536000",
        ),
        (
            r#"{"token_estimator": {"accuracy": "exact"}}"#,
            "token_estimator.accuracy",
            "one of fast, sampled",
        ),
        (
            r#"{"stages": ["rate-limit"]}"#,
            "stages[0]",
            "expected one of content-screener, prompt-minimizer, response-cache, token-estimator",
        ),
        (
            r#"{"stages": ["token-estimator", "token-estimator"]}"#,
            "stages[1]",
            "named twice",
        ),
        (r#"{"stages": []}"#, "stages", "nothing to do"),
        (
            r#"{"tenant": [{"header": "a", "property": ["b"]}]}"#,
            "tenant[0]",
            "either a header or a property",
        ),
        (
            r#"{"tenant": [{"property": ["a"], "trusted": true}]}"#,
            "tenant[0]",
            "`trusted` is about a header",
        ),
        (
            r#"{"tenant": [{"header": "a"}, {"property": []}]}"#,
            "tenant[1].property",
            "segments",
        ),
        (
            r#"{"rate_limiter": {"burst_seconds": 0}}"#,
            "rate_limiter.burst_seconds",
            "from 1 to 60, found 0",
        ),
        (
            r#"{"rate_limiter": {"tokens_per_minute": -1}}"#,
            "rate_limiter.tokens_per_minute",
            "found -1",
        ),
        (
            r#"{"rate_limiter": {"quotas": [{"period": "week", "tokens": 1}]}}"#,
            "rate_limiter.quotas[0].period",
            "one of hour, day, month",
        ),
        (
            r#"{"rate_limiter": {"quotas": [{"period": "day"}]}}"#,
            "rate_limiter.quotas[0]",
            "tokens, requests, or both",
        ),
        (
            r#"{"rate_limiter": {"quotas": [{"period": "day", "tokens": 1, "status": 503}]}}"#,
            "rate_limiter.quotas[0].status",
            "403 or 429",
        ),
        (
            r#"{"rate_limiter": {"quotas": [{"period": "day", "tokens": 1}, {"period": "day", "tokens": 2}]}}"#,
            "rate_limiter.quotas[1].tokens",
            "a quota of that kind already",
        ),
        (
            r#"{"rules": [
                {"name": "a", "match": {}, "rate_limiter": {"counter": "c", "tokens_per_minute": 1}},
                {"name": "b", "match": {}, "rate_limiter": {"counter": "c", "tokens_per_minute": 2}}]}"#,
            "rules[1].rate_limiter",
            "counts under \"c\" with other limits than rule \"a\" does",
        ),
        (
            r#"{"rate_limiter": {"requests_per_minute": 1},
                "rules": [{"name": "default", "match": {}, "rate_limiter": {"burst_seconds": 10}}]}"#,
            "rules[0].rate_limiter",
            "counts under \"default\"",
        ),
        (r#"{"api_key": "k"}"#, "api_key", "host_env_keys"),
        (
            r#"{"token_estimator": {"Client-Secret": "k"}}"#,
            "token_estimator.Client-Secret",
            "host_env_keys",
        ),
    ];
    for (text, path, problem) in rows {
        let error = read(text).unwrap_err();
        assert_eq!(error.path, path, "{text}");
        assert!(error.problem.contains(problem), "{text}: {}", error.problem);
    }
}

#[test]
fn a_stage_the_module_does_not_hold_is_refused() {
    let error = Config::read(br#"{"stages": ["token-estimator"]}"#, &[]).unwrap_err();
    assert_eq!(error.path, "stages[0]");
    assert!(error.problem.contains("does not hold"));
}

#[test]
fn every_condition_given_must_hold() {
    let headers = [("x-team", "red"), ("x-team", "blue")];
    let head = Head::to("/openai/v1/files?x", &headers);
    let rows = [
        (r#"{}"#, true),
        (r#"{"methods": ["GET", "POST"]}"#, true),
        (r#"{"methods": ["GET"]}"#, false),
        (r#"{"host": "llm.EXAMPLE:10000"}"#, true),
        (r#"{"host": "llm.example"}"#, true),
        (r#"{"host": "llm.example:443"}"#, false),
        (r#"{"host": "example:10000"}"#, false),
        (r#"{"paths": ["/OpenAI/v1/"]}"#, true),
        (r#"{"paths": ["/other", "/openai/*/files"]}"#, true),
        (r#"{"paths": ["/openai/*/*/*"]}"#, false),
        (r#"{"paths": ["/"]}"#, true),
        (r#"{"paths": ["/openai/v1/files"]}"#, true),
        (r#"{"paths": ["/openai/v1/file"]}"#, false),
        (r#"{"route_name": "chat"}"#, true),
        (r#"{"route_name": "cha"}"#, false),
        (r#"{"header": {"name": "X-Team"}}"#, true),
        (r#"{"header": {"name": "x-team", "value": "blue"}}"#, true),
        (r#"{"header": {"name": "x-team", "value": "green"}}"#, false),
        (r#"{"header": {"name": "x-other"}}"#, false),
        (r#"{"methods": ["POST"], "route_name": "other"}"#, false),
    ];
    for (conditions, expected) in rows {
        let config = read(&format!(
            r#"{{"rules": [{{"name": "r", "match": {conditions}}}]}}"#
        ))
        .unwrap();
        assert_eq!(config.rule_for(&head).name == "r", expected, "{conditions}");
    }
}

#[test]
fn the_first_rule_that_matches_counts_and_inherits_what_it_leaves_out() {
    let config = read(
        r#"{
            "invalid_body": "pass",
            "token_estimator": {"default_output_tokens": 7.0, "accuracy": "fast"},
            "rules": [
                {"name": "a", "match": {"paths": ["/a"]}, "token_estimator": {"hits_addend": "off"}},
                {"name": "b", "match": {"paths": ["/"]}, "invalid_body": "refuse"}
            ]
        }"#,
    )
    .unwrap();
    let a = config.rule_for(&Head::to::<&str>("/a/b", &[]));
    assert_eq!((a.name.as_str(), a.invalid_body), ("a", InvalidBody::Pass));
    assert_eq!(a.token_estimator.default_output_tokens, 7);
    assert_eq!(a.token_estimator.accuracy, Accuracy::Fast);
    assert_eq!(a.token_estimator.hits_addend, HitsAddend::Off);
    let b = config.rule_for(&Head::to::<&str>("/b", &[]));
    assert_eq!(
        (b.name.as_str(), b.invalid_body),
        ("b", InvalidBody::Refuse)
    );
    assert_eq!(b.token_estimator.hits_addend, HitsAddend::Total);
    assert_eq!(config.defaults.invalid_body, InvalidBody::Pass);
}

#[test]
fn limits_are_counted_under_the_rule_that_gives_them() {
    let config = read(
        r#"{
            "rate_limiter": {"tokens_per_minute": 18446744073709551615, "quotas": [
                {"period": "hour", "tokens": 1, "requests": 2}, {"period": "month", "tokens": 3}]},
            "rules": [
                {"name": "inherits", "match": {}, "rate_limiter": {"mode": "shadow"}},
                {"name": "gives", "match": {}, "rate_limiter": {"tokens_per_minute": null, "quotas": []}},
                {"name": "own", "match": {}, "rate_limiter": {"tokens_per_minute": 5}},
                {"name": "names", "match": {}, "rate_limiter": {"counter": "other", "requests_per_minute": 0}},
                {"name": "again", "match": {}, "rate_limiter": {"counter": "other", "requests_per_minute": 0}}
            ]
        }"#,
    )
    .unwrap();
    let counters = config.rules.iter().map(|rule| {
        let config = &rule.rate_limiter;
        (config.counter.as_str(), config.quota_counter.as_str())
    });
    // Quotas of the top level are counted there, beside limits that a rule has of its own.
    let expected = [
        ("default", "default"),
        ("gives", "gives"),
        ("own", "default"),
        ("other", "other"),
        ("other", "other"),
    ];
    assert_eq!(counters.collect::<Vec<_>>(), expected);
    let limits = &config.defaults.rate_limiter.limits;
    assert_eq!(
        limits.tokens.map(|bucket| bucket.per_minute),
        Some(u64::MAX)
    );
    // Of several that are used up the longest refuses.
    let quotas = limits.quotas.iter().map(|quota| quota.limit);
    assert_eq!(quotas.collect::<Vec<_>>(), [3, 1, 2]);
    assert!(config.defaults.rate_limiter.is_active());
    assert!(!config.rules[1].rate_limiter.is_active());
}

/// The keys that an object at this place knows, as the refusal of an unknown one lists them.
fn known_keys(place: &str) -> Vec<String> {
    let mut text = r#"{"?": 1}"#.to_owned();
    for key in place.split_terminator('.').rev() {
        text = match key.strip_suffix("[]") {
            Some(list) => format!(r#"{{"{list}": [{text}]}}"#),
            // A rule's name is asked for first.
            None if key == "match" => format!(r#"{{"name": "a", "match": {text}}}"#),
            None => format!(r#"{{"{key}": {text}}}"#),
        };
    }
    let text = text.replace("TRANSFORM", "structure");
    let problem = read(&text).unwrap_err().problem;
    let (_, keys) = problem
        .split_once("known here: ")
        .expect("the unknown key is refused");
    keys.split(", ").map(str::to_owned).collect()
}

#[test]
fn the_page_documents_every_key_and_no_other_and_its_examples_load() {
    let page = include_str!("../../../../envoy/CONFIGURATION.md");
    let places = [
        "",
        "limits.",
        "token_estimator.",
        "content_screener.",
        "content_screener.injection.",
        "content_screener.invisible_text.",
        "content_screener.secrets.",
        "content_screener.personal_data.",
        "content_screener.terms[].",
        "content_screener.patterns[].",
        "content_screener.evasion.",
        "content_screener.responses.",
        "tenant[].",
        "prompt_minimizer.",
        "prompt_minimizer.TRANSFORM.",
        "prompt_minimizer.repeats.",
        "prompt_minimizer.cap.",
        "prompt_minimizer.window.",
        "response_cache.",
        "fleet_store.",
        "rate_limiter.",
        "rate_limiter.quotas[].",
        "rules[].",
        "rules[].match.",
        "rules[].match.header.",
    ];
    let mut known: Vec<String> = places
        .iter()
        .flat_map(|place| {
            let keys = known_keys(place).into_iter();
            keys.map(move |key| format!("{place}{key}"))
        })
        .collect();
    let rows = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let mut documented: Vec<String> = rows
        .map(|(key, _)| key.to_owned())
        .filter(|key| *key != "TOLLGATE_SECRET")
        .collect();
    known.sort();
    documented.sort();
    assert_eq!(documented, known);

    let examples: Vec<&str> = page
        .split("```json\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert_eq!(examples.len(), 12);
    for example in examples {
        read(example).unwrap_or_else(|error| panic!("{error}\n{example}"));
    }
}
