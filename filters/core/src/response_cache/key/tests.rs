//! Keys beside their oracle: rows, spellings, cuts and mutations.

mod prefixes;
mod spelling;

use proptest::prelude::*;

use super::oracle;
use super::{RequestKey, Scope};
use crate::config::Limits;
use crate::endpoint::Dialect;
use crate::models::Models;
use crate::request::{Keying, RequestReader, Unread, Wanted};
use crate::response_cache::keyer::{Digest, KeyHash, Keyer};

fn keyer() -> Keyer {
    Keyer::new(KeyHash::Sip, b"secret")
}

fn reader(dialect: Dialect, keyer: Keyer) -> RequestReader {
    let wanted = Wanted {
        tokens: false,
        texts: false,
        key: Some(Keying::by(keyer)),
    };
    RequestReader::new(dialect, wanted, &Limits::default())
}

fn try_read(dialect: Dialect, keyer: Keyer, body: &[u8]) -> Result<RequestKey, Unread> {
    let request = reader(dialect, keyer).finish(body, None, &Models::default())?;
    Ok(request.key.unwrap())
}

fn read(dialect: Dialect, body: &str) -> RequestKey {
    let key = try_read(dialect, keyer(), body.as_bytes());
    key.unwrap_or_else(|refusal| panic!("{refusal:?} of {body}"))
}

/// Read in pieces that end at these offsets.
fn read_cut(dialect: Dialect, body: &str, cuts: &[usize]) -> RequestKey {
    let mut reader = reader(dialect, keyer());
    for cut in cuts {
        reader.push(&body.as_bytes()[..*cut]).unwrap();
    }
    let request = reader.finish(body.as_bytes(), None, &Models::default());
    request.map(|request| request.key.unwrap()).unwrap()
}

fn key(dialect: Dialect, body: &str) -> Digest {
    read(dialect, body).key(&Scope::default())
}

fn assert_is_as_the_oracle_says(dialect: Dialect, body: &str) {
    let read = read(dialect, body);
    let expected = oracle::digests(keyer(), dialect, body);
    assert_eq!((read.body, read.context), expected, "{body}");
}

/// Bodies with everything a body may have.
const BODIES: &[(Dialect, &str)] = &[
    (
        Dialect::Chat,
        r#" {"model":"gpt-4o", "messages" : [
            {"role":"system","content":"Be \u0062rief.\/\n"} ,
            {"role":"user","content":[{"type":"text","text":"\ud83d\ude00 \u00e9 é \\u0041 \u001F"},
                {"type":"image_url","image_url":{"url":"data:image\/png;base64,AA=="}}]},
            {"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function",
                "function":{"name":"f","arguments":"{\"a\":\"\\u0041\"}"}}]},{"role":"tool","content":""}],
            "temperature":0.70, "seed":-0, "n" : 1, "logit_bias":{"50256":-1e2,"1":1.5E+1},
            "stop":["\u000A",""],"tools":[ ],"x_new": {"a" : 1.0, "b":"\u0041"},"stream":true,
            "top_p":1e-400,"user":"u","response_format":{} , "y":12345678901234567890123456789e3 } "#,
    ),
    (
        Dialect::Responses,
        r#"{"model":"o3","instructions":"a\u0062c","input":[{"role":"user","content":"x"},
            {"type":"function_call_output","call_id":"c","output":"{\"a\": 1}"}],"text":{"verbosity": "low"},
            "metadata":{"a":"b"},"store":false,"reasoning":null,"max_output_tokens":100}"#,
    ),
    (
        Dialect::Responses,
        r#"{"input":"one \u0022text\u0022","model":"o3"}"#,
    ),
    (
        Dialect::Completions,
        r#"{"prompt":[[1, 2,3],[40 ,50]],"suffix":"","echo":false,"best_of":2}"#,
    ),
    (
        Dialect::Embeddings,
        r#"{"input":["a","\u0062"],"dimensions":256,"": 1,"\u0041":2}"#,
    ),
];

#[test]
fn a_body_cut_anywhere_has_the_key_the_oracle_says() {
    for (dialect, body) in BODIES {
        assert_is_as_the_oracle_says(*dialect, body);
        let whole = read(*dialect, body);
        let same = |cuts: &[usize]| {
            let read = read_cut(*dialect, body, cuts);
            assert_eq!(read.body, whole.body, "cut at {cuts:?}");
            assert_eq!(read.context, whole.context, "cut at {cuts:?}");
            assert_eq!(read.marks, whole.marks, "cut at {cuts:?}");
        };
        for cut in 0..body.len() {
            same(&[cut]);
            same(&[cut, (cut + 3).min(body.len())]);
        }
        same(&(0..body.len()).collect::<Vec<_>>());
    }
}

#[test]
fn what_says_the_same_has_the_same_key() {
    for (dialect, all) in [
        (
            Dialect::Chat,
            &[
                r#"{"messages":[{"role":"user","content":"A/\n"}],"temperature":1,"top_p":0.5}"#,
                r#"{"top_p":0.5,"temperature":1,"messages":[{"role":"user","content":"A/\n"}]}"#,
                r#"{"messages":[{"role":"user","content":"\u0041\/\u000a"}],"temperature":1,"top_p":0.5}"#,
                "{ \"messages\" :\n[\r{\t\"role\":\"user\" , \"content\":\"A/\\n\"}\t]\n,\"temperature\":\n1 ,\"top_p\":0.5 }\n",
                r#"{"messages":[{"role":"user","content":"A/\n"}],"temperature":1.0,"top_p":5e-1}"#,
                r#"{"messages":[{"role":"user","content":"A/\n"}],"temperature":10e-1,"top_p":0.50}"#,
                r#"{"messages":[{"role":"user","content":"A/\n"}],"temperature":1,"top_p":0.5,"seed":null,"tools":null}"#,
                r#"{"messages":[{"role":"user","content":"A/\n"}],"temperature":1,"top_p":0.5,
                    "stream":true,"stream_options":{"include_usage":true},"user":"u","metadata":{"a":"b"},
                    "safety_identifier":"s","prompt_cache_key":"k","store":true}"#,
            ][..],
        ),
        (
            Dialect::Chat,
            &[
                r#"{"messages":[],"seed":123456789012345678901234567890,"stop":[-5]}"#,
                r#"{"messages":[],"seed":123456789012345678901234567890.0,"stop":[-0.5e1]}"#,
                r#"{"messages":[],"seed":12345678901234567890123456789e1,"stop":[-50E-1]}"#,
            ][..],
        ),
    ] {
        for body in all {
            assert_eq!(key(dialect, body), key(dialect, all[0]), "{body}");
            assert_is_as_the_oracle_says(dialect, body);
        }
    }
}

#[test]
fn what_says_anything_else_has_another_key() {
    let bodies = [
        r#"{"messages":[]}"#,
        r#"{"messages":[{}]}"#,
        r#"{"messages":[{},{}]}"#,
        r#"{"messages":[{"role":"user"}]}"#,
        r#"{"messages":[{"role":"User"}]}"#,
        r#"{"messages":[{"content":"a"}]}"#,
        r#"{"messages":[{"content":"a "}]}"#,
        r#"{"messages":[{"content":[{"type":"text","text":"a"}]}]}"#,
        r#"{"messages":[{"content":null}]}"#,
        r#"{"messages":[{"content":"null"}]}"#,
        r#"{"messages":[{"content":"e\u0301"}]}"#,
        r#"{"messages":[{"content":"\u00e9"}]}"#,
        r#"{"messages":[{"content":"\\u00e9"}]}"#,
        r#"{"messages":[{"content":"\\\\u00e9"}]}"#,
        r#"{"messages":[{"content":"a","name":"b"}]}"#,
        r#"{"messages":[{"name":"b","content":"a"}]}"#,
        r#"{"messages":[{"content":"a\",\"name\":\"b"}]}"#,
        r#"{"messages":[],"temperature":0}"#,
        r#"{"messages":[],"temperature":1}"#,
        r#"{"messages":[],"temperature":-1}"#,
        r#"{"messages":[],"temperature":"1"}"#,
        r#"{"messages":[],"top_p":1}"#,
        r#"{"messages":[],"top_k":1}"#,
        // Not to be told apart as floating point.
        r#"{"messages":[],"seed":9007199254740992}"#,
        r#"{"messages":[],"seed":9007199254740993}"#,
        r#"{"messages":[],"seed":0.1}"#,
        r#"{"messages":[],"seed":0.1000000000000000055511151231257827}"#,
        r#"{"messages":[],"seed":1e400}"#,
        r#"{"messages":[],"seed":1e401}"#,
        r#"{"messages":[],"seed":1e99999999999999999999}"#,
        r#"{"messages":[],"seed":1e99999999999999999998}"#,
        r#"{"messages":[],"stop":["a","b"]}"#,
        r#"{"messages":[],"stop":["a,b"]}"#,
        r#"{"messages":[],"stop":["a\",\"b"]}"#,
        r#"{"messages":[],"stop":[["a"],"b"]}"#,
        r#"{"messages":[],"tools":[]}"#,
        r#"{"messages":[],"tools":{}}"#,
        r#"{"messages":[],"tools":[],"functions":[]}"#,
        r#"{"messages":[],"tools":[{"a":1,"b":2}]}"#,
        r#"{"messages":[],"tools":[{"b":2,"a":1}]}"#,
        r#"{"messages":[],"tools":[{"a":1,"a":2}]}"#,
        r#"{"messages":[],"tools":[{"a":2,"a":1}]}"#,
        // Nobody knows what these mean.
        r#"{"messages":[],"x":1}"#,
        r#"{"messages":[],"x":1.0}"#,
        r#"{"messages":[],"x": "a"}"#,
        r#"{"messages":[],"x":"\u0061"}"#,
        r#"{"messages":[],"\u0078":1}"#,
        r#"{"messages":[],"x":null}"#,
        r#"{"messages":[],"x":[1 ]}"#,
        r#"{"messages":[],"x":[1]}"#,
        r#"{"messages":[],"x":1,"y":2}"#,
        r#"{"messages":[],"y":2,"x":1}"#,
        r#"{"messages":[],"x":1,"x":2}"#,
        r#"{"messages":[],"x":2,"x":1}"#,
        r#"{"messages":[],"x":"1,\"y\":2"}"#,
        r#"{"messages":[],"parallel_tool_calls":true}"#,
        r#"{"messages":[],"parallel_tool_calls":false}"#,
        r#"{"messages":[],"service_tier":"flex"}"#,
        r#"{"messages":[],"model":"gpt-4o"}"#,
        r#"{"messages":[],"model":"gpt-4.1"}"#,
    ];
    let mut seen = std::collections::HashMap::new();
    for body in bodies {
        // The oracle reckons with exponents of any length.
        if !body.contains("e9999999999") {
            assert_is_as_the_oracle_says(Dialect::Chat, body);
        }
        if let Some(other) = seen.insert(key(Dialect::Chat, body), body) {
            panic!("{body} has the key of {other}");
        }
    }
}

#[test]
fn the_same_body_is_another_request_of_another_dialect() {
    let dialects = [
        Dialect::Chat,
        Dialect::Completions,
        Dialect::Embeddings,
        Dialect::Responses,
    ];
    let keys: std::collections::HashSet<Digest> = dialects
        .map(|dialect| key(dialect, r#"{"model":"m"}"#))
        .into();
    assert_eq!(keys.len(), dialects.len());
}

#[test]
fn everything_in_a_scope_counts() {
    let request = read(Dialect::Chat, r#"{"messages":[{}]}"#);
    let scope = Scope::default();
    let scopes = [
        scope,
        Scope {
            tenant: b"a",
            ..scope
        },
        Scope {
            tenant: b"ab",
            ..scope
        },
        Scope {
            tenant: b"a",
            route: b"b",
            ..scope
        },
        Scope {
            route: b"a",
            ..scope
        },
        Scope {
            route: b"\0",
            ..scope
        },
        Scope {
            route: b"\xff",
            ..scope
        },
        Scope {
            deployment: Some(""),
            ..scope
        },
        Scope {
            deployment: Some("a"),
            ..scope
        },
        Scope {
            api_version: Some(""),
            ..scope
        },
        Scope {
            api_version: Some("a"),
            ..scope
        },
        Scope {
            deployment: Some("a"),
            api_version: Some("a"),
            ..scope
        },
        Scope {
            version: "0",
            ..scope
        },
        Scope {
            version: "1",
            ..scope
        },
        Scope {
            version: "00",
            ..scope
        },
        Scope {
            version: "01",
            ..scope
        },
        Scope {
            version: "10",
            ..scope
        },
    ];
    let keys: std::collections::HashSet<Digest> =
        scopes.iter().map(|scope| request.key(scope)).collect();
    assert_eq!(keys.len(), scopes.len());
}

#[test]
fn secrets_and_kinds_of_hash_make_other_keys_and_builds_do_not() {
    let body = BODIES[0].1.as_bytes();
    let scope = Scope {
        tenant: b"t",
        deployment: Some("gpt-4o"),
        version: "3",
        ..Scope::default()
    };
    let key = |hash, secret: &[u8]| {
        let request = try_read(Dialect::Chat, Keyer::new(hash, secret), body).unwrap();
        let conversation = request.conversation(&scope).unwrap();
        (
            request.key(&scope).to_string(),
            format!("{conversation:032x}"),
        )
    };
    // Pinned: builds that share entries must agree. Where these change, so must the version in
    // `keyer::PURPOSE`.
    let pinned = |key: &str, conversation: &str| (key.to_owned(), conversation.to_owned());
    assert_eq!(
        [KeyHash::Sip, KeyHash::Sha256].map(|hash| key(hash, b"a")),
        [
            pinned(
                "238276b0958f12e2a64b9445ac723620",
                "a1f084647b50008b1b3ec904caa3c08b"
            ),
            pinned(
                "d85769f47d1d44f88a8bb5945684eb48c695c4ffeabbcd9af1c26170176a92b2",
                "2700e2c814ea73856dd1e03678434c81"
            ),
        ]
    );
    assert_ne!(key(KeyHash::Sip, b""), key(KeyHash::Sip, b"a"));
    assert_ne!(key(KeyHash::Sha256, b""), key(KeyHash::Sha256, b"a"));
    assert!(!format!("{:?}", Keyer::new(KeyHash::Sip, b"a")).contains('['));
}

#[test]
fn no_byte_can_change_that_the_meaning_does_not() {
    for (dialect, body) in BODIES {
        let (meaning, key) = (oracle::meaning(body), key(*dialect, body));
        let (mut same, mut other) = (0, 0);
        for at in 0..body.len() {
            for byte in [
                b'0', b'1', b'e', b'A', b'a', b' ', b'"', b'\\', b'u', b'/', b'.', b',', b'-',
                b'{', b']',
            ] {
                let mut changed = body.as_bytes().to_vec();
                changed[at] = byte;
                let Ok(read) = try_read(*dialect, keyer(), &changed) else {
                    continue;
                };
                let text = std::str::from_utf8(&changed).unwrap();
                let is_same = oracle::meaning(text) == meaning;
                *(if is_same { &mut same } else { &mut other }) += 1;
                assert_eq!(read.key(&Scope::default()) == key, is_same, "{text}");
            }
        }
        assert!(
            same > body.len() / 10 && other > body.len() / 10,
            "{same} {other}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_request_spelled_in_any_way_has_one_key(
        request in spelling::request(),
        seeds in any::<[u64; 2]>(),
        cuts in proptest::collection::vec(0.0..1.0f64, 0..6),
    ) {
        let [one, other] = seeds.map(|seed| spelling::spell(&request, seed));
        assert_is_as_the_oracle_says(Dialect::Chat, &one);
        let read = read(Dialect::Chat, &one);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| (cut * other.len() as f64) as usize).collect();
        cuts.sort_unstable();
        let same = read_cut(Dialect::Chat, &other, &cuts);
        prop_assert_eq!((read.body, read.context), (same.body, same.context), "{} {}", one, other);
        let hashes = |read: &RequestKey| read.marks.iter().map(|mark| mark.hash).collect::<Vec<_>>();
        prop_assert_eq!(hashes(&read), hashes(&same));
    }

    #[test]
    fn two_requests_have_one_key_if_they_mean_the_same(
        one in spelling::request(),
        other in spelling::request(),
        at in any::<proptest::sample::Index>(),
        seeds in any::<[u64; 2]>(),
    ) {
        // The same but for one field, which may have the same value.
        let mut changed = one.clone();
        if !one.is_empty() {
            let place = at.get_mut(&mut changed);
            if let Some(field) = other.into_iter().find(|(key, _)| *key == place.0) {
                *place = field;
            }
        }
        let (one, other) = (spelling::spell(&one, seeds[0]), spelling::spell(&changed, seeds[1]));
        let is_same = oracle::meaning(&one) == oracle::meaning(&other);
        prop_assert_eq!(key(Dialect::Chat, &one) == key(Dialect::Chat, &other), is_same);
    }
}
