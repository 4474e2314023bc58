//! Who is counted as one.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use tollgate_tests::{Stack, exchange};

use crate::{CHAT, access_log, limited, question};

/// One request, and the next in a minute.
const ONE: &str = r#""requests_per_minute": 1"#;

/// Whose request it is shows by whether somebody has asked before.
#[test]
fn one_key_names_the_tenant_and_several_name_nobody() {
    let stack = limited(ONE).mock(|mock| mock.require_auth = false);
    let stack = stack.start().unwrap();
    let long = "k".repeat(10_240);
    let rows: [(&str, &[u8], u16); 13] = [
        ("nobody", b"", 200),
        ("nobody again", b"", 429),
        ("an empty key is nobody's", b"api-key: \r\n", 429),
        (
            "two keys are nobody's",
            b"api-key: a\r\napi-key: b\r\n",
            429,
        ),
        ("a key", b"api-key: a\r\n", 200),
        ("the same", b"api-key: a\r\n", 429),
        ("the same as a token", b"authorization: Bearer a\r\n", 429),
        (
            "as both, as azure-ai-inference sends it",
            b"api-key: a\r\nauthorization: Bearer a\r\n",
            429,
        ),
        (
            "a key and another token are nobody's",
            b"api-key: c\r\nauthorization: Bearer a\r\n",
            429,
        ),
        ("that key", b"authorization: bearer  c\r\n", 200),
        ("bytes that are no text", b"api-key: \xff\xfe\r\n", 200),
        ("other such bytes", b"api-key: \xff\xfd\r\n", 200),
        ("a long one", long.as_bytes(), 200),
    ];
    let body = question().to_string();
    for (who, header, status) in rows {
        let mut request = format!(
            "POST {CHAT} HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        )
        .into_bytes();
        match who {
            "a long one" => request.extend([b"api-key: ", header, b"\r\n"].concat()),
            _ => request.extend(header),
        }
        request.extend([b"\r\n", body.as_bytes()].concat());
        let answer = exchange(stack.gateway(), [&request[..]]).unwrap();
        assert_eq!(answer.status, status, "{who}: {}", answer.head);
    }
    let log = access_log(&stack, rows.len());
    for line in &log {
        let tenant = line["tenant"].as_str().unwrap();
        let is_hash = tenant.len() == 16 && tenant.bytes().all(|b| b.is_ascii_hexdigit());
        assert!(is_hash || tenant == "default", "{line}");
    }
    let tenants: Vec<&Value> = log.iter().map(|line| &line["tenant"]).collect();
    let [nobody, a] = [tenants[0], tenants[4]];
    assert!(nobody == "default" && a != "default");
    assert_eq!(tenants[1..4], [nobody; 3]);
    assert_eq!(tenants[5..9], [a, a, a, nobody]);
    assert!(
        tenants[9..]
            .iter()
            .all(|other| *other != nobody && *other != a)
    );
}

/// The configuration with what it says of tokens taken out of its comments.
#[test]
fn a_verified_claim_names_the_tenant_whatever_key_comes_along() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("jwks.json");
    let key = SigningKey::from_slice(&[7; 32]).unwrap();
    std::fs::write(&keys, jwks(&key).to_string()).unwrap();
    let stack = limited(ONE)
        .replace("#jwt ", "")
        .replace("/etc/envoy/jwks.json", keys.to_str().unwrap())
        .start()
        .unwrap();
    let stranger = SigningKey::from_slice(&[8; 32]).unwrap();
    let (alice, bob) = (token(&key, "alice@canary"), token(&key, "bob@canary"));
    let rows = [
        ("alice", Some(&alice), "a", 200),
        ("alice with another key", Some(&alice), "b", 429),
        ("bob with alice's key", Some(&bob), "a", 200),
        ("bob", Some(&bob), "b", 429),
        ("nobody", None, "c", 401),
        ("a stranger", Some(&token(&stranger, "carol")), "c", 401),
    ];
    for (who, token, api_key, status) in rows {
        let request = stack.client().post(CHAT).header("api-key", api_key);
        let request = match token {
            Some(token) => request.header("x-user-token", token),
            None => request,
        };
        let answer = request.json(&question()).send().unwrap();
        assert_eq!(answer.status, status, "{who}: {}", answer.text());
    }
    let log = access_log(&stack, rows.len());
    assert_eq!(log[0]["tenant"], log[1]["tenant"]);
    assert_eq!(log[2]["tenant"], log[3]["tenant"]);
    assert_ne!(log[0]["tenant"], log[2]["tenant"]);
    assert_eq!(log[4]["tenant"], Value::Null);
    // The token was for Envoy.
    let received = stack
        .mock
        .regions()
        .flat_map(|region| region.take_requests());
    for request in received {
        assert_eq!(request.header("x-user-token"), None);
    }
    for text in shown(&stack) {
        assert!(!text.contains("@canary"), "{text}");
    }
}

fn shown(stack: &Stack) -> [String; 4] {
    let admin = |path| stack.envoy.admin_get(path).unwrap();
    [
        stack.envoy.access_log(),
        stack.envoy.log(),
        admin("/config_dump"),
        admin("/stats"),
    ]
}

/// The public half of `key` as RFC 7517 writes it.
fn jwks(key: &SigningKey) -> Value {
    let point = key.verifying_key().to_sec1_point(false);
    let encode = |coordinate: Option<_>| URL_SAFE_NO_PAD.encode(coordinate.unwrap());
    json!({"keys": [{
        "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "test",
        "x": encode(point.x()), "y": encode(point.y()),
    }]})
}

/// A token of RFC 7519 for `subject`, signed with `key` (ES256).
fn token(key: &SigningKey, subject: &str) -> String {
    let encode = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let signed = format!(
        "{}.{}",
        encode(json!({"alg": "ES256", "typ": "JWT", "kid": "test"})),
        encode(json!({
            "iss": "https://login.example.com", "aud": "llm", "sub": subject,
            "exp": 4_102_444_800_u64, // 2100
        }))
    );
    let signature: Signature = key.sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}
