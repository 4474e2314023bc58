//! What each operation answers, on each surface.

mod common;

use azure_mock::{Deployment, Region};
use common::*;
use serde_json::{Value, json};

#[test]
fn chat_completion() {
    let (_mock, region) = one(|_| {});
    let got = post(&region, CHAT, HELLO);
    assert_eq!(got.status, 200);
    insta::assert_snapshot!(got.text());
}

#[test]
fn chat_stream() {
    let (_mock, region) = one(|_| {});
    let got = post(&region, CHAT, HELLO_STREAM);
    assert_eq!(
        got.header("content-type"),
        "text/event-stream; charset=utf-8"
    );
    insta::assert_snapshot!(got.text());
    // Without a wish for usage the field is nowhere, and neither is its event.
    let plain = post(
        &region,
        CHAT,
        r#"{"messages":[{"role":"user","content":"hello"}],"stream":true}"#,
    );
    assert_eq!(plain.events().len(), got.events().len() - 1);
    assert!(!plain.text().contains("usage"), "{}", plain.text());
}

#[test]
fn tool_calls() {
    let (_mock, region) = one(|_| {});
    let body = |more: &str| {
        format!(
            r#"{{"messages":[{{"role":"user","content":"What is the weather in Oslo?"}}],"tools":[{{"type":"function","function":{{"name":"get_weather","parameters":{{"type":"object","properties":{{"city":{{"type":"string"}},"unit":{{"enum":["celsius"]}}}}}}}}}}]{more}}}"#
        )
    };
    let whole = post(&region, CHAT, &body("")).json();
    let message = &whole["choices"][0]["message"];
    let call = &message["tool_calls"][0]["function"];
    assert_eq!(whole["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(
        (&message["content"], &call["name"]),
        (&Value::Null, &json!("get_weather"))
    );

    let events = post(&region, CHAT, &body(r#","stream":true"#)).events();
    let delta = |event: &Value| event["choices"][0]["delta"]["tool_calls"][0].clone();
    let calls: Vec<Value> = events
        .iter()
        .map(delta)
        .filter(|call| !call.is_null())
        .collect();
    assert_eq!(calls[0]["id"], message["tool_calls"][0]["id"]);
    assert_eq!(
        calls[0]["function"],
        json!({"name": "get_weather", "arguments": ""})
    );
    let arguments: String = calls
        .iter()
        .map(|call| call["function"]["arguments"].as_str().unwrap())
        .collect();
    assert_eq!(call["arguments"], arguments);
    let arguments: Value = serde_json::from_str(&arguments).unwrap();
    assert_eq!(arguments["unit"], "celsius");
}

#[test]
fn the_same_answer_streamed_or_not_and_on_every_surface() {
    let (_mock, region) = one(|_| {});
    let expected = post(&region, CHAT, HELLO).json();
    let text = expected["choices"][0]["message"]["content"]
        .as_str()
        .unwrap();
    let with_model = HELLO.replacen('{', r#"{"model":"gpt-4o","#, 1);
    for path in [
        "/openai/v1/chat/completions",
        "/openai/v1/chat/completions?api-version=preview",
        "/models/chat/completions?api-version=2024-05-01-preview",
        "/v1/chat/completions",
    ] {
        let whole = post(&region, path, &with_model).json();
        assert_eq!(whole["choices"][0]["message"]["content"], text, "{path}");
        assert_eq!(whole["usage"], expected["usage"], "{path}");
        // OpenAI itself has no content filter results.
        let azure = !path.starts_with("/v1/");
        assert_eq!(
            whole.get("prompt_filter_results").is_some(),
            azure,
            "{path}"
        );

        let streamed = with_model.replacen('{', r#"{"stream":true,"#, 1);
        let events = post(&region, path, &streamed).events();
        let deltas = events
            .iter()
            .filter_map(|event| event["choices"][0]["delta"]["content"].as_str());
        assert_eq!(deltas.collect::<String>(), text, "{path}");
        assert_eq!(events[0]["id"] == "", azure, "{path}");
        assert_eq!(events.last().unwrap(), "[DONE]", "{path}");
    }
}

#[test]
fn legacy_completions() {
    let (_mock, region) = one(|_| {});
    let path = "/openai/deployments/gpt-35-turbo-instruct/completions?api-version=2024-10-21";
    let whole = post(
        &region,
        path,
        r#"{"prompt":["a b","c"],"n":2,"max_tokens":5}"#,
    )
    .json();
    assert_eq!(whole["object"], "text_completion");
    assert_eq!(whole["choices"].as_array().unwrap().len(), 2);
    assert_eq!(whole["choices"][1]["finish_reason"], "length");
    assert_eq!(whole["usage"]["prompt_tokens"], 3);
    assert_eq!(whole["usage"]["completion_tokens"], 10);
    let body = r#"{"prompt":["a b","c"],"n":2,"max_tokens":5,"stream":true,"stream_options":{"include_usage":true}}"#;
    let events = post(&region, path, body).events();
    let text = |index: u64| {
        let choices = events.iter().map(|event| &event["choices"][0]);
        let of_index = choices.filter(|choice| choice["index"] == index);
        of_index
            .map(|choice| choice["text"].as_str().unwrap())
            .collect::<String>()
    };
    assert_eq!(whole["choices"][0]["text"], text(0));
    assert_eq!(whole["choices"][1]["text"], text(1));
    assert_eq!(events[events.len() - 2]["usage"]["total_tokens"], 13);
}

#[test]
fn embeddings() {
    let (_mock, region) = one(|_| {});
    let path = "/openai/deployments/text-embedding-3-small/embeddings?api-version=2024-10-21";
    let list = post(&region, path, r#"{"input":["hello world","x"]}"#).json();
    assert_eq!(list["data"].as_array().unwrap().len(), 2);
    assert_eq!(
        list["usage"],
        json!({"prompt_tokens": 3, "total_tokens": 3})
    );
    assert_eq!(list["model"], "text-embedding-3-small");
}

#[test]
fn responses() {
    let (_mock, region) = one(|_| {});
    let body =
        r#"{"model":"gpt-4o","input":"hello","instructions":"Be brief.","max_output_tokens":4}"#;
    let got = post(&region, "/openai/v1/responses", body);
    insta::assert_snapshot!("response", got.text());
    let whole = got.json();
    let streamed = body.replacen('{', r#"{"stream":true,"#, 1);
    let stream = post(
        &region,
        "/openai/responses?api-version=2025-04-01-preview",
        &streamed,
    );
    insta::assert_snapshot!("response_stream", stream.text());
    assert_eq!(stream.events().last().unwrap()["response"], whole);

    // It is kept by the region, until it is deleted.
    let at = format!("/openai/v1/responses/{}", whole["id"].as_str().unwrap());
    let key = [("authorization", "Bearer t")];
    let call = |method| send(Http::One, &region, method, &at, &key, "").unwrap();
    assert_eq!(call("GET").json(), whole);
    let next = format!(
        r#"{{"model":"gpt-4o","input":"more","previous_response_id":{}}}"#,
        whole["id"]
    );
    assert_eq!(post(&region, "/openai/v1/responses", &next).status, 200);
    assert_eq!(call("DELETE").json()["deleted"], true);
    assert_eq!(call("GET").status, 404);
    let got = post(&region, "/openai/v1/responses", &next);
    assert_eq!(
        (got.status.as_u16(), got.code().as_str()),
        (400, "previous_response_not_found")
    );

    let unkept = post(
        &region,
        "/openai/v1/responses",
        r#"{"model":"gpt-4o","input":"x","store":false}"#,
    )
    .json();
    let at = format!("/openai/v1/responses/{}", unkept["id"].as_str().unwrap());
    assert_eq!(
        send(Http::One, &region, "GET", &at, &key, "")
            .unwrap()
            .status,
        404
    );
}

#[test]
fn responses_call_tools() {
    let (_mock, region) = one(|_| {});
    let body = r#"{"model":"gpt-4o","stream":true,"input":[{"role":"user","content":"look it up"}],"tools":[{"type":"function","name":"look_up","parameters":{"type":"object","properties":{"q":{"type":"string"}}}}]}"#;
    let events = post(&region, "/v1/responses", body).events();
    let of = |kind: &str| {
        events
            .iter()
            .filter(|event| event["type"] == kind)
            .collect::<Vec<_>>()
    };
    let deltas = of("response.function_call_arguments.delta");
    let arguments: String = deltas
        .iter()
        .map(|event| event["delta"].as_str().unwrap())
        .collect();
    assert_eq!(
        of("response.function_call_arguments.done")[0]["arguments"],
        arguments
    );
    let item = &of("response.completed")[0]["response"]["output"][0];
    assert_eq!(
        (&item["type"], &item["name"]),
        (&json!("function_call"), &json!("look_up"))
    );
    for (i, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], i);
    }
}

#[test]
fn lists() {
    let (_mock, region) = one(|config| {
        config.regions[0].deployments = Some(vec![Deployment::new("chat", "gpt-4o")]);
    });
    for path in [
        "/openai/models?api-version=2024-10-21",
        "/openai/v1/models",
        "/v1/models",
    ] {
        let got = send(Http::One, &region, "GET", path, &[("api-key", "k")], "").unwrap();
        assert_eq!(got.json()["data"][0]["id"], "chat", "{path}");
        assert_eq!(got.json()["data"].as_array().unwrap().len(), 1);
    }
    let files = send(
        Http::One,
        &region,
        "GET",
        "/openai/v1/files",
        &[("api-key", "k")],
        "",
    )
    .unwrap();
    assert_eq!(files.json()["data"], json!([]));
}

#[test]
fn headers_of_success() {
    let (_mock, region) = one(|config| {
        config.regions[0] = Region {
            rpm: Some(120),
            tpm: Some(1000),
            ..Region::new("swedencentral")
        };
    });
    let got = post_with(&region, CHAT, &[("x-ms-client-request-id", "mine")], HELLO);
    for (name, value) in [
        ("content-type", "application/json"),
        ("x-ms-region", "Sweden Central"),
        ("x-ms-deployment-name", "gpt-4o"),
        ("x-ms-rai-invoked", "true"),
        ("x-ms-client-request-id", "mine"),
        ("x-ratelimit-limit-requests", "120"),
        ("x-ratelimit-remaining-requests", "19"),
        ("x-ratelimit-limit-tokens", "1000"),
        // 8 tokens of prompt and 16 for an answer without a limit.
        ("x-ratelimit-remaining-tokens", "976"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(got.header(name), value, "{name}");
    }
    let id = got.header("apim-request-id").to_owned();
    assert_eq!((id.len(), got.header("x-request-id")), (36, id.as_str()));
    let other = post(&region, CHAT, HELLO);
    assert_ne!(other.header("apim-request-id"), id);
    assert_eq!(other.header("x-ms-client-request-id"), "Not-Set");
    assert_eq!(other.header("x-ratelimit-remaining-requests"), "18");
}

#[test]
fn long_prompts_are_cached_by_prefix() {
    let (_mock, region) = one(|_| {});
    let ask = |region, words: usize, end: &str| {
        let content = format!("{}{end}", "word ".repeat(words));
        let body = json!({"messages": [{"role": "user", "content": content}]}).to_string();
        let usage = &post(region, CHAT, &body).json()["usage"];
        usage["prompt_tokens_details"]["cached_tokens"]
            .as_u64()
            .unwrap()
    };
    assert_eq!(ask(&region, 1300, "one"), 0);
    assert_eq!(ask(&region, 1300, "one"), 1280);
    assert_eq!(ask(&region, 1300, "two"), 1280);
    assert_eq!(ask(&region, 1100, "three"), 1024);
    assert_eq!(ask(&region, 900, ""), 0);
    region.reset();
    assert_eq!(ask(&region, 1300, "one"), 0);
}

#[test]
fn fixed_usage_counts_nothing() {
    let (_mock, region) = one(|config| config.fixed_usage = true);
    let usage = post(&region, CHAT, HELLO).json()["usage"].clone();
    assert_eq!(usage["prompt_tokens"], azure_mock::FIXED_PROMPT_TOKENS);
    let (_mock, counting) = one(|_| {});
    let counted = post(&counting, CHAT, HELLO).json()["usage"].clone();
    assert_eq!(usage["completion_tokens"], counted["completion_tokens"]);
}
