//! What the head of a request decides, before any byte of its body is read.

use std::rc::Rc;

use crate::config::{Config, Purge, RequestHead, Rule, StageKind};
use crate::endpoint::{Dialect, Endpoint};
use crate::reply::{Refused, Reply};

/// What becomes of a request.
#[derive(Debug)]
pub enum Admission {
    /// Sent on unread: a rule lists it as pass-through.
    PassThrough,
    /// Its body is read.
    Read {
        /// Shape of the body.
        dialect: Dialect,
        /// Deployment named by the path.
        deployment: Option<String>,
        /// The rule it falls under.
        rule: Rc<Rule>,
        /// `content-length`, where it is given; a promise of the client, not a fact.
        content_length: Option<u64>,
    },
    /// What was kept before is not given any more: a rule says so.
    Purge(Rc<Rule>, Purge),
    /// Answered at once.
    Refuse(Refused, Reply),
}

impl Admission {
    /// Decides for the request with this head; `is_whole` where it has no body.
    ///
    /// On a guarded route the default is closed: what cannot be read is refused unless a
    /// rule lists it, because whatever is let through unread is a way around every stage.
    pub fn decide(config: &Config, head: &impl RequestHead, is_whole: bool) -> Admission {
        let refuse = |refused: Refused, message: &str| {
            Admission::Refuse(refused, refused.reply(message, None))
        };
        let endpoint = Endpoint::read(head.method(), head.path());
        if endpoint == Endpoint::Ambiguous {
            return refuse(
                Refused::AmbiguousPath,
                "The request path is spelled in a way that servers read differently. Use the documented \
                 spelling: lower case, single slashes, no percent-encoding.",
            );
        }
        let rule = config.rule_for(head);
        if rule.pass_through {
            return Admission::PassThrough;
        }
        let caches = config.stages.contains(&StageKind::ResponseCache);
        let purge = rule.response_cache.purge;
        if let Some(purge) = purge.filter(|_| caches) {
            return Admission::Purge(Rc::clone(rule), purge);
        }
        let Endpoint::Llm {
            dialect,
            deployment,
        } = endpoint
        else {
            // The cache behind this filter answers it. On a path of models it is read first.
            if purge.is_some() {
                return Admission::PassThrough;
            }
            return refuse(
                Refused::UnknownPath,
                "This gateway does not serve this method and path.",
            );
        };
        if head
            .header("content-encoding")
            .any(|value| !value.trim_ascii().eq_ignore_ascii_case(b"identity"))
        {
            return refuse(
                Refused::ContentEncoding,
                "Request bodies must not be compressed: send them without content-encoding.",
            );
        }
        if !has_json_content_type(head) {
            return refuse(
                Refused::ContentType,
                "Request bodies must be JSON in UTF-8: send exactly one content-type: application/json.",
            );
        }
        if is_whole {
            return refuse(
                Refused::InvalidBody,
                "The request has no body; a JSON object is expected.",
            );
        }
        let content_length = head
            .header("content-length")
            .next()
            .and_then(|value| core::str::from_utf8(value).ok()?.trim().parse::<u64>().ok());
        if content_length.is_some_and(|length| length > u64::from(config.limits.max_body_bytes)) {
            let reply = body_too_large(config.limits.max_body_bytes);
            return Admission::Refuse(Refused::BodyTooLarge, reply);
        }
        Admission::Read {
            dialect,
            deployment: deployment.map(str::to_owned),
            rule: Rc::clone(rule),
            content_length,
        }
    }
}

/// The answer to a body of more than `most` bytes.
pub fn body_too_large(most: u32) -> Reply {
    Refused::BodyTooLarge.reply(
        format_args!("The request body is larger than {most} bytes."),
        None,
    )
}

/// The answer while the worker holds all the body bytes it may.
pub fn busy() -> Reply {
    Refused::Busy.reply(
        "The gateway holds as many request bytes as it may; try again shortly.",
        None,
    )
}

/// Whether there is one `content-type`, and it says JSON and, if it says a charset, UTF-8.
fn has_json_content_type(head: &impl RequestHead) -> bool {
    let mut values = head.header("content-type");
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let mut parts = value.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
    let is_json = parts
        .next()
        .is_some_and(|media| media.eq_ignore_ascii_case(b"application/json"));
    let is_other_charset = |parameter: &[u8]| {
        let mut sides = parameter
            .splitn(2, |&byte| byte == b'=')
            .map(<[u8]>::trim_ascii);
        let is_charset = sides
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case(b"charset"));
        let charset = sides.next().unwrap_or_default();
        is_charset
            && ![&b"utf-8"[..], b"\"utf-8\"", b"utf8"]
                .iter()
                .any(|utf8| charset.eq_ignore_ascii_case(utf8))
    };
    is_json && !parts.any(is_other_charset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::StageKind;
    use crate::config::head::Head;

    const JSON: (&str, &str) = ("content-type", "application/json");
    const CHAT: &str = "/openai/deployments/d/chat/completions?api-version=2024-10-21";

    /// `read`, `pass`, `purge`, or the code of the refusal.
    fn outcome(method: &str, path: &str, headers: &[(&str, &str)], is_whole: bool) -> String {
        outcome_with(StageKind::ResponseCache, method, path, headers, is_whole)
    }

    fn outcome_with(
        stage: StageKind,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        is_whole: bool,
    ) -> String {
        let rules = br#"{"limits": {"max_body_bytes": 1000}, "rules": [
            {"name": "reads", "match": {"methods": ["GET"]}, "pass_through": true},
            {"name": "files", "match": {"paths": ["/openai/v1/files"]}, "pass_through": true},
            {"name": "purges", "match": {"paths": ["/purge", "/openai/deployments/purged"]}, "response_cache": {"purge": "all"}}
        ]}"#;
        let config = Config::read(rules, &[stage]).unwrap();
        let head = Head {
            method: method.to_owned(),
            ..Head::to(path, headers)
        };
        match Admission::decide(&config, &head, is_whole) {
            Admission::PassThrough => "pass".to_owned(),
            Admission::Purge(_, Purge::All) => "purge".to_owned(),
            Admission::Purge(..) => panic!("another purge"),
            Admission::Read { .. } => "read".to_owned(),
            Admission::Refuse(refused, reply) => {
                assert_eq!(refused.status(), reply.status);
                refused.code().to_owned()
            }
        }
    }

    /// Method, path, headers, and what becomes of it.
    type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str);

    /// It reaches the cache behind a filter that has none; a way around that filter it is not.
    #[test]
    fn a_purge_passes_filters_without_a_cache() {
        const LLM: &str = "/openai/deployments/purged/chat/completions?api-version=2024-10-21";
        for (stage, path, headers, expected) in [
            (StageKind::ResponseCache, "/purge", &[][..], "purge"),
            (StageKind::ResponseCache, LLM, &[JSON], "purge"),
            (StageKind::ContentScreener, "/purge", &[], "pass"),
            (StageKind::ContentScreener, "/other", &[], "unknown_path"),
            (StageKind::ContentScreener, LLM, &[JSON], "read"),
            (
                StageKind::ContentScreener,
                LLM,
                &[],
                "unsupported_content_type",
            ),
        ] {
            let outcome = outcome_with(stage, "POST", path, headers, false);
            assert_eq!(outcome, expected, "{stage:?} {path}");
        }
    }

    #[test]
    fn the_default_is_closed() {
        let rows: &[Row] = &[
            ("POST", CHAT, &[JSON], "read"),
            ("DELETE", "/purge", &[], "purge"),
            ("POST", "/purge%2f", &[], "ambiguous_path"),
            (
                "POST",
                CHAT,
                &[JSON, ("content-encoding", "identity")],
                "read",
            ),
            (
                "POST",
                CHAT,
                &[("content-type", "Application/JSON; charset=UTF-8")],
                "read",
            ),
            (
                "POST",
                CHAT,
                &[("content-type", "application/json;charset=\"utf-8\"; x=y")],
                "read",
            ),
            ("POST", CHAT, &[JSON, ("content-length", "1000")], "read"),
            (
                "POST",
                CHAT,
                &[JSON, ("content-length", "1001")],
                "body_too_large",
            ),
            (
                "POST",
                CHAT,
                &[JSON, ("content-length", "99999999999999999999")],
                "read",
            ),
            (
                "POST",
                CHAT,
                &[JSON, ("content-encoding", "gzip")],
                "unsupported_content_encoding",
            ),
            (
                "POST",
                CHAT,
                &[
                    JSON,
                    ("content-encoding", "identity"),
                    ("content-encoding", "br"),
                ],
                "unsupported_content_encoding",
            ),
            (
                "POST",
                CHAT,
                &[JSON, ("content-encoding", "identity, gzip")],
                "unsupported_content_encoding",
            ),
            ("POST", CHAT, &[], "unsupported_content_type"),
            ("POST", CHAT, &[JSON, JSON], "unsupported_content_type"),
            (
                "POST",
                CHAT,
                &[("content-type", "text/plain")],
                "unsupported_content_type",
            ),
            (
                "POST",
                CHAT,
                &[("content-type", "application/jsonp")],
                "unsupported_content_type",
            ),
            (
                "POST",
                CHAT,
                &[("content-type", "application/json; charset=utf-16")],
                "unsupported_content_type",
            ),
            ("POST", "/openai/v1/files", &[], "pass"),
            ("POST", "/openai/v1/files/1/content?x", &[], "pass"),
            ("POST", "/openai/v1/filesystem", &[], "unknown_path"),
            (
                "POST",
                "/openai/v1/files/..%2fchat/completions",
                &[],
                "ambiguous_path",
            ),
            (
                "POST",
                "/openai/v1/files//../chat/completions",
                &[],
                "ambiguous_path",
            ),
            ("GET", "/openai/v1/models", &[], "pass"),
            ("GET", "/OpenAI/v1/models", &[], "ambiguous_path"),
            ("POST", "/openai/v1/unheard-of", &[JSON], "unknown_path"),
            ("DELETE", "/openai/v1/responses/resp_1", &[], "unknown_path"),
            ("PATCH", CHAT, &[JSON], "unknown_path"),
        ];
        for (method, path, headers, expected) in rows {
            assert_eq!(
                outcome(method, path, headers, false),
                *expected,
                "{method} {path} {headers:?}"
            );
        }
        assert_eq!(outcome("POST", CHAT, &[JSON], true), "invalid_body");
        assert_eq!(outcome("GET", "/openai/v1/models", &[], true), "pass");
    }
}
