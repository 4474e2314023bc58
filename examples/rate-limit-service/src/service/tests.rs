//! Requests as Envoy sends them, and what it is answered.

use envoy_types::pb::envoy::extensions::common::ratelimit::v3::RateLimitDescriptor;
use envoy_types::pb::envoy::extensions::common::ratelimit::v3::rate_limit_descriptor::Entry;
use envoy_types::pb::google::protobuf::UInt64Value;

use std::time::Duration;

use super::*;
use crate::Config;

const LIMITS: &str = r#"
    [[limit]]
    name = "tokens"
    domain = "llm"
    descriptor = { tenant = "*" }
    hits = 100
    seconds = 60

    [[limit]]
    name = "short"
    domain = "llm"
    descriptor = { short = "*" }
    hits = 1
    seconds = 1
"#;

fn decisions() -> Decisions {
    let config = Config::from_toml(LIMITS, "limits").unwrap();
    let ledger = Ledger::new(config.limits.clone(), config.most_counters);
    Decisions::new(config.limits, Arc::new(Mutex::new(ledger)), false)
}

/// A descriptor with its own hits where there are some; negative ones are refunds.
fn descriptor(entries: &[(&str, &str)], hits: Option<i64>) -> RateLimitDescriptor {
    RateLimitDescriptor {
        entries: entries
            .iter()
            .map(|(key, value)| Entry {
                key: (*key).to_owned(),
                value: (*value).to_owned(),
            })
            .collect(),
        hits_addend: hits.map(|hits| UInt64Value {
            value: hits.unsigned_abs(),
        }),
        is_negative_hits: hits.is_some_and(i64::is_negative),
        ..RateLimitDescriptor::default()
    }
}

fn request(domain: &str, hits: u32, descriptors: Vec<RateLimitDescriptor>) -> RateLimitRequest {
    RateLimitRequest {
        domain: domain.to_owned(),
        descriptors,
        hits_addend: hits,
    }
}

#[test]
fn a_refusal_says_which_limit_and_when_to_come_back() {
    let decisions = decisions();
    let start = Instant::now();
    let a = || vec![descriptor(&[("tenant", "a")], None)];
    let answer = decisions.answer(&request("llm", 70, a()), start).unwrap();
    assert_eq!(answer.overall_code(), Code::Ok);
    assert_eq!(answer.response_headers_to_add, []);
    let time = decisions.clock.write(start);
    assert_eq!(answer.dynamic_metadata, Some(charged(time)));

    let later = start + Duration::from_millis(10_500);
    let answer = decisions.answer(&request("llm", 31, a()), later).unwrap();
    assert_eq!(answer.overall_code(), Code::OverLimit);
    assert_eq!(answer.dynamic_metadata, None, "nothing to settle");
    let [status] = &answer.statuses[..] else {
        panic!("{answer:?}")
    };
    assert_eq!(status.code(), Code::OverLimit);
    assert_eq!(status.limit_remaining, 30);
    assert_eq!(status.duration_until_reset.unwrap().seconds, 50);
    let limit = status.current_limit.as_ref().unwrap();
    assert_eq!(
        (limit.name.as_str(), limit.requests_per_unit),
        ("tokens", 100)
    );
    assert_eq!(limit.unit(), Unit::Minute);
    let headers = [("retry-after", "50"), ("retry-after-ms", "49500")];
    assert_eq!(told(&answer).0, headers.map(owned));
    let message = "Your requests have exceeded the rate limit for your current OpenAI S0 pricing \
                   tier. Please retry after 50 seconds. To increase your default rate limit, visit: \
                   https://aka.ms/oai/quotaincrease.";
    assert_eq!(told(&answer).1, owned(("RateLimitReached", message)));
}

fn owned((one, other): (&str, &str)) -> (String, String) {
    (one.to_owned(), other.to_owned())
}

/// An answer's headers, and of its body code and message.
fn told(answer: &RateLimitResponse) -> (Vec<(String, String)>, (String, String)) {
    let headers = answer.response_headers_to_add.iter();
    let headers = headers.map(|header| owned((&header.key, &header.value)));
    let body: serde_json::Value = serde_json::from_slice(&answer.raw_body).unwrap();
    let text = |key: &str| body["error"][key].as_str().unwrap().to_owned();
    (headers.collect(), (text("code"), text("message")))
}

#[test]
fn what_is_more_than_the_limit_has_no_time_to_come_back() {
    // What is used, and what each descriptor wants; the headers, how the message begins.
    let later = [("retry-after", "60"), ("retry-after-ms", "60000")];
    let second = [("retry-after", "1"), ("retry-after-ms", "1000")];
    let never = [("x-should-retry", "false")];
    type Row<'a> = (&'a [(&'a str, i64)], &'a [(&'a str, &'a str)], &'a str);
    let rows: [Row; 5] = [
        (&[("a", 100)], &later, "Your requests have exceeded"),
        (
            &[("a", 101)],
            &never,
            "Request too large: it is charged 101, and the limit tokens is 100 in 60 seconds.",
        ),
        // Two that fit alone, but in no window together.
        (
            &[("a", 60), ("a", 41)],
            &never,
            "Request too large: it is charged 101,",
        ),
        (
            &[("a", 50), ("b", 101)],
            &never,
            "Request too large: it is charged 101,",
        ),
        (&[("short", 1)], &second, "Your requests have exceeded"),
    ];
    for (wanted, headers, message) in rows {
        let decisions = decisions();
        let now = Instant::now();
        let tenant = |tenant: &str, hits| {
            let key = if tenant == "short" { "short" } else { "tenant" };
            descriptor(&[(key, tenant)], Some(hits))
        };
        let used = vec![tenant("a", 1), tenant("short", 1)];
        decisions.answer(&request("llm", 1, used), now).unwrap();
        let wanted = wanted.iter().map(|(name, hits)| tenant(name, *hits));
        let answer = decisions.answer(&request("llm", 1, wanted.collect()), now);
        let answer = answer.unwrap();
        assert_eq!(answer.overall_code(), Code::OverLimit);
        let headers: Vec<_> = headers.iter().copied().map(owned).collect();
        let (seen, (code, text)) = told(&answer);
        assert_eq!((seen, code.as_str()), (headers, "RateLimitReached"));
        assert!(text.starts_with(message), "{text}");
    }
}

#[test]
fn a_settlement_finds_the_counter_of_its_charge() {
    let decisions = decisions();
    let now = Instant::now();
    // Each descriptor's entries and hits, and what remains of tenant a's 100.
    type Entries<'a> = &'a [(&'a str, &'a str)];
    let rows: [(Entries, i64, u32, Code); 5] = [
        (&[("tenant", "a")], 90, 10, Code::Ok),
        (&[("tenant", "a")], 20, 10, Code::OverLimit),
        (&[("tenant", "a"), (SETTLE, "charge")], 20, 0, Code::Ok),
        (&[("tenant", "a"), (SETTLE, "refund")], -30, 20, Code::Ok),
        (&[("tenant", "a")], -5, 25, Code::Ok),
    ];
    for (entries, hits, remaining, code) in rows {
        let asked = request("llm", 7, vec![descriptor(entries, Some(hits))]);
        let answer = decisions.answer(&asked, now).unwrap();
        let seen = (answer.statuses[0].limit_remaining, answer.overall_code());
        assert_eq!(seen, (remaining, code), "{entries:?} {hits}");
    }
}

/// What the service told Envoy of a charge comes back with its settlement.
#[test]
fn a_refund_says_when_it_was_charged() {
    let decisions = decisions();
    let start = Instant::now();
    let remaining = |entries: &[(&str, &str)], hits, seconds| {
        let asked = request("llm", 1, vec![descriptor(entries, Some(hits))]);
        let answer = decisions.answer(&asked, start + Duration::from_secs(seconds));
        let answer = answer.unwrap();
        let charged = answer.dynamic_metadata.unwrap().fields[CHARGED].clone();
        let Some(Kind::StringValue(charged)) = charged.kind else {
            panic!("{charged:?}")
        };
        (answer.statuses[0].limit_remaining, charged)
    };
    let (_, first) = remaining(&[("tenant", "a")], 30, 0);
    let (left, second) = remaining(&[("tenant", "a")], 40, 60);
    assert_eq!(left, 60);
    let rows = [
        (first.as_str(), 60),
        ("1", 60), // of an earlier run of the service
        (second.as_str(), 70),
        ("true", 80), // of who does not say when
    ];
    for (settle, left) in rows {
        let entries = [("tenant", "a"), (SETTLE, settle)];
        assert_eq!(remaining(&entries, -10, 70).0, left, "{settle}");
    }
}

#[test]
fn what_no_limit_knows_is_admitted() {
    let decisions = decisions();
    let rows = [
        request("unknown", 7, vec![descriptor(&[("tenant", "a")], None)]),
        request("llm", u32::MAX, vec![descriptor(&[("other", "a")], None)]),
        request("llm", 7, vec![descriptor(&[], Some(i64::MAX))]),
        request("llm", 7, vec![descriptor(&[], Some(i64::MIN))]),
    ];
    for asked in rows {
        let answer = decisions.answer(&asked, Instant::now()).unwrap();
        assert_eq!(answer.overall_code(), Code::Ok, "{asked:?}");
        assert_eq!(answer.dynamic_metadata, None, "nothing was charged");
        let codes: Vec<Code> = answer.statuses.iter().map(|status| status.code()).collect();
        assert_eq!(codes, [Code::Ok], "one status for each descriptor");
    }
}

#[test]
fn a_request_that_cannot_be_decided_is_an_error() {
    let a = || descriptor(&[("tenant", "a")], None);
    let rows = [
        (request("", 1, vec![a()]), "the domain is empty"),
        (request("llm", 1, vec![]), "there is no descriptor"),
        (
            request("llm", 1, vec![descriptor(&[("k", "a"), ("k", "a")], None)]),
            "a descriptor has the key `k` twice",
        ),
    ];
    for (asked, expected) in rows {
        let error = decisions().answer(&asked, Instant::now()).unwrap_err();
        assert_eq!(error.code(), tonic::Code::InvalidArgument);
        assert!(error.message().starts_with(expected), "{error}");
    }
}
