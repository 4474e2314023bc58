//! Beginnings of conversations.

use std::collections::HashSet;

use super::{keyer, read, read_cut};
use crate::endpoint::Dialect;
use crate::response_cache::key::{Prefix, RequestKey, Scope, oracle};

fn prefixes(request: &RequestKey) -> Vec<Prefix> {
    request.prefixes(&Scope::default()).collect()
}

fn chat(messages: &[&str]) -> String {
    format!(r#"{{"model":"m","messages":[{}]}}"#, messages.join(","))
}

fn message(content: &str) -> String {
    format!(r#"{{"role":"user","content":"{content}"}}"#)
}

#[test]
fn marks_are_where_the_oracle_has_them() {
    let (short, long) = (message("hello"), message(&"0123456789abcde\\n".repeat(400)));
    let spaced = long.replace(":", " : ").replace("\\n", "\\u000a");
    // Its canonical text, with the bracket, has as many bytes as a step.
    let step = message(&"x".repeat(1023 - message("").len()));
    let input = |value: &str| format!(r#"{{"input":{value},"model":"m"}}"#);
    for (dialect, field, body) in [
        (Dialect::Chat, "messages", chat(&[])),
        (Dialect::Chat, "messages", chat(&[&short])),
        (Dialect::Chat, "messages", chat(&[&short, &long, &short])),
        (Dialect::Chat, "messages", chat(&[&short, &spaced, &short])),
        (Dialect::Chat, "messages", chat(&[&step, &short])),
        (
            Dialect::Responses,
            "input",
            input(&format!("[{short},{long}]")),
        ),
        (
            Dialect::Responses,
            "input",
            input(&format!("\"{}\"", "é".repeat(3_000))),
        ),
        (Dialect::Responses, "input", input("\"\"")),
        (
            Dialect::Completions,
            "prompt",
            r#"{"prompt":["a","b"]}"#.to_owned(),
        ),
        (
            Dialect::Completions,
            "prompt",
            format!(r#"{{"prompt":["a","{}"]}}"#, "b".repeat(5_000)),
        ),
        (
            Dialect::Embeddings,
            "input",
            String::from(r#"{"input":"a"}"#),
        ),
    ] {
        let read = read(dialect, &body);
        let expected = match dialect {
            Dialect::Embeddings => Vec::new(),
            _ => oracle::marks(keyer(), field, &body),
        };
        let hashes: Vec<u128> = read
            .marks
            .iter()
            .map(|mark| u128::from_le_bytes(mark.hash))
            .collect();
        assert_eq!(hashes, expected, "{body}");
        assert!(
            read.marks.windows(2).all(|pair| pair[0].end < pair[1].end),
            "{:?}",
            read.marks
        );
        for cuts in [
            vec![body.len() / 3, body.len() / 2],
            (0..body.len()).step_by(7).collect(),
        ] {
            assert_eq!(read_cut(dialect, &body, &cuts).marks, read.marks, "{body}");
        }
    }
}

#[test]
fn landmarks_are_where_the_operators_messages_and_the_first_other_end() {
    let of = |role: &str, text: &str| format!(r#"{{"content":"{text}","role":"{role}"}}"#);
    let (system, developer) = (of("system", &"s".repeat(3_000)), of("developer", "d"));
    let (user, assistant) = (of("user", "u"), of("assistant", &"a".repeat(90_000)));
    let (nobody, spelled) = (
        of("", "n").replace(r#","role":"""#, ""),
        of("syst\\u0065m", "e"),
    );
    let other = of("auditor", "o");
    for (messages, head, root) in [
        (vec![], None, 0),
        (vec![&user], None, 1),
        (vec![&user, &system, &user], None, 1),
        (vec![&system, &user, &assistant, &user], Some(1), 2),
        (
            vec![&system, &developer, &spelled, &user, &user],
            Some(3),
            4,
        ),
        (vec![&system, &developer], Some(2), 2),
        (vec![&assistant, &assistant], None, 1),
        (vec![&system, &nobody, &user], Some(1), 2),
        (vec![&developer, &other, &user], Some(1), 2),
    ] {
        let parts: Vec<&str> = messages.iter().map(|message| message.as_str()).collect();
        let body = chat(&parts);
        let read = read(Dialect::Chat, &body);
        // Where so many messages end.
        let end = |count: usize| chat(&parts[..count]).len() - "]}".len();
        let ends: Vec<usize> = prefixes(&read)
            .iter()
            .map(|prefix| prefix.end as usize)
            .collect();
        let landmarks = read.landmarks();
        assert_eq!(
            landmarks.head.map(|head| ends[head]),
            head.map(end),
            "{body}"
        );
        let found = ends.get(landmarks.root).copied();
        assert_eq!(found, (root > 0).then(|| end(root)), "{body}");
        let cuts: Vec<usize> = (0..body.len()).step_by(13).collect();
        assert_eq!(read_cut(Dialect::Chat, &body, &cuts).landmarks(), landmarks);
    }
}

#[test]
fn a_prefix_ends_where_it_says() {
    let long = message(&"word ".repeat(1_000));
    let body = chat(&[&message("a"), &long, &message("b")]);
    let request = read(Dialect::Chat, &body);
    let ends: Vec<usize> = prefixes(&request)
        .iter()
        .map(|prefix| prefix.end as usize)
        .collect();
    let first = body.find("},{").unwrap() + 1;
    let second = body.rfind("},{").unwrap() + 1;
    let mut expected = vec![first];
    expected.extend((1..=(second - first) / 1024).map(|step| first + 1024 * step));
    expected.extend([second, body.len() - 2]);
    assert_eq!(ends, expected);
}

#[test]
fn what_goes_on_has_the_prefixes_of_what_was_before() {
    let messages: Vec<String> = (0..20)
        .map(|count| message(&format!("{count} {}", "x".repeat(count * 200))))
        .collect();
    let parts: Vec<&str> = messages.iter().map(String::as_str).collect();
    let all = prefixes(&read(Dialect::Chat, &chat(&parts)));
    for count in 1..parts.len() {
        let some = prefixes(&read(Dialect::Chat, &chat(&parts[..count])));
        assert_eq!(some[..], all[..some.len()]);
        // And what goes on otherwise has no more of them than is the same.
        let mut other = parts.clone();
        let changed = message("other");
        other[count] = &changed;
        let other = prefixes(&read(Dialect::Chat, &chat(&other)));
        let common = all
            .iter()
            .zip(&other)
            .take_while(|(one, other)| one == other)
            .count();
        assert_eq!(common, some.len());
        assert!(other[common..].iter().all(|prefix| !all.contains(prefix)));
    }
}

#[test]
fn what_comes_before_the_conversation_counts_and_what_comes_after_does_not() {
    let base = r#"{"messages":[{"content":"a"}],"model":"m","tools":[{"type":"function"}]}"#;
    let scope = Scope {
        tenant: b"t",
        deployment: Some("d"),
        ..Scope::default()
    };
    let of = |body: &str, scope: &Scope<'_>| {
        let request = read(Dialect::Chat, body);
        let hashes: Vec<u128> = request.prefixes(scope).map(|prefix| prefix.hash).collect();
        assert_eq!(hashes.len(), 1);
        hashes[0]
    };
    let expected = of(base, &scope);
    for (from, to) in [
        (r#""model":"m""#, r#""temperature":1,"model":"m""#),
        (r#""model":"m""#, r#""stream":true,"model":"\u006d""#),
        (r#""model":"m""#, r#""x":1,"model": "m","seed":7"#),
    ] {
        assert_eq!(of(&base.replace(from, to), &scope), expected, "{to}");
    }
    for same in [
        Scope {
            route: b"r",
            ..scope
        },
        Scope {
            version: "1",
            ..scope
        },
    ] {
        assert_eq!(of(base, &same), expected, "{same:?}");
    }
    let mut others = HashSet::from([expected]);
    for (from, to) in [
        (r#""model":"m""#, r#""model":"n""#),
        (r#""type":"function""#, ""),
        (r#""model":"m""#, r#""model":"m","functions":[]"#),
        (
            r#""model":"m""#,
            r#""model":"m","response_format":{"type":"json_object"}"#,
        ),
        (r#""content":"a""#, r#""content":"b""#),
    ] {
        assert!(others.insert(of(&base.replace(from, to), &scope)), "{to}");
    }
    for other in [
        Scope {
            tenant: b"u",
            ..scope
        },
        Scope {
            tenant: b"",
            ..scope
        },
        Scope {
            deployment: None,
            ..scope
        },
        Scope {
            deployment: Some("e"),
            ..scope
        },
        Scope {
            api_version: Some("2024-10-21"),
            ..scope
        },
    ] {
        assert!(others.insert(of(base, &other)), "{other:?}");
    }
}

#[test]
fn however_long_a_conversation_is_its_prefixes_are_few() {
    let short = message("x");
    let many = vec![short.as_str(); 20_000];
    let request = read(Dialect::Chat, &chat(&many));
    let prefixes = prefixes(&request);
    assert!((100..256).contains(&prefixes.len()), "{}", prefixes.len());
    // The system's and the newest messages are among them.
    let body = chat(&many);
    assert_eq!(prefixes[0].end as usize, body.find("},{").unwrap() + 1);
    assert_eq!(prefixes.last().unwrap().end as usize, body.len() - 2);
}
