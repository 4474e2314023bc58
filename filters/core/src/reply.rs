//! Answers Tollgate gives itself, in the error shape OpenAI's and Azure's clients parse.

use core::fmt;
use std::borrow::Cow;

/// `content-type` of what is said here.
pub const JSON: Cow<'static, str> = Cow::Borrowed("application/json");

/// A response made here instead of by the upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// `%RESPONSE_CODE_DETAILS%` of Envoy's access log: `tollgate_` and the error's code.
    pub details: &'static str,
    /// `content-type` of the body: JSON, but for what is given again.
    pub content_type: Cow<'static, str>,
    /// Its headers beside `content-type`: lower-case names and values.
    pub headers: Vec<(&'static str, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

/// Why Tollgate refused a request: the `code` of the error body and all that hangs on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The path is spelled in a way that servers read differently.
    AmbiguousPath,
    /// A path that no rule lists and Tollgate cannot read.
    UnknownPath,
    /// A `content-encoding` other than identity.
    ContentEncoding,
    /// A `content-type` other than JSON in UTF-8.
    ContentType,
    /// More bytes than `limits.max_body_bytes`.
    BodyTooLarge,
    /// No body where one is needed, or one that is not a request the upstream would read
    /// as Tollgate does.
    InvalidBody,
    /// What has to stay of a conversation is more than its rule's window.
    ContextLengthExceeded,
    /// The client wants an answer only if one is kept (`only-if-cached`), and none is.
    NotCached,
    /// What the request asks for is about a tenant, and it names none.
    NoTenant,
    /// A purge that was not noted by all who have to know.
    NotPurged,
    /// The worker holds `limits.max_held_bytes` already.
    Busy,
}

impl Refused {
    /// Every reason, for tables and tests.
    pub const ALL: [Refused; 11] = [
        Refused::AmbiguousPath,
        Refused::UnknownPath,
        Refused::ContentEncoding,
        Refused::ContentType,
        Refused::BodyTooLarge,
        Refused::InvalidBody,
        Refused::ContextLengthExceeded,
        Refused::NotCached,
        Refused::NoTenant,
        Refused::NotPurged,
        Refused::Busy,
    ];

    /// HTTP status of the answer.
    pub fn status(self) -> u16 {
        match self {
            Refused::AmbiguousPath
            | Refused::InvalidBody
            | Refused::ContextLengthExceeded
            | Refused::NoTenant => 400,
            Refused::UnknownPath => 404,
            Refused::BodyTooLarge => 413,
            Refused::ContentEncoding | Refused::ContentType => 415,
            Refused::Busy => 503,
            // RFC 9111, 5.2.1.7.
            Refused::NotCached => 504,
            Refused::NotPurged => 503,
        }
    }

    /// The error's `code`, also the `outcome` under which the `requests` metric counts it.
    pub fn code(self) -> &'static str {
        match self {
            Refused::AmbiguousPath => "ambiguous_path",
            Refused::UnknownPath => "unknown_path",
            Refused::ContentEncoding => "unsupported_content_encoding",
            Refused::ContentType => "unsupported_content_type",
            Refused::BodyTooLarge => "body_too_large",
            Refused::InvalidBody => "invalid_body",
            // OpenAI's word, which frameworks look for before they shorten and ask again.
            Refused::ContextLengthExceeded => "context_length_exceeded",
            Refused::NotCached => "not_cached",
            Refused::NoTenant => "no_tenant",
            Refused::NotPurged => "not_purged",
            Refused::Busy => "gateway_busy",
        }
    }

    fn details(self) -> &'static str {
        match self {
            Refused::AmbiguousPath => "tollgate_ambiguous_path",
            Refused::UnknownPath => "tollgate_unknown_path",
            Refused::ContentEncoding => "tollgate_unsupported_content_encoding",
            Refused::ContentType => "tollgate_unsupported_content_type",
            Refused::BodyTooLarge => "tollgate_body_too_large",
            Refused::InvalidBody => "tollgate_invalid_body",
            Refused::ContextLengthExceeded => "tollgate_context_length_exceeded",
            Refused::NotCached => "tollgate_not_cached",
            Refused::NoTenant => "tollgate_no_tenant",
            Refused::NotPurged => "tollgate_not_purged",
            Refused::Busy => "tollgate_gateway_busy",
        }
    }

    /// The answer, with `message` for the person who reads it and `param` naming the part
    /// of the request that is wrong, where there is one.
    pub fn reply(self, message: impl fmt::Display, param: Option<&str>) -> Reply {
        let kind = if self == Refused::Busy {
            "server_error"
        } else {
            "invalid_request_error"
        };
        let error = serde_json::json!({
            "error": {
                "message": message.to_string(),
                "type": kind,
                "param": param,
                "code": self.code(),
            }
        });
        // Held bytes are freed as fast as requests are answered: one second is long.
        let retry = match self {
            Refused::Busy | Refused::NotPurged => Some(("retry-after", "1".to_owned())),
            // OpenAI's clients would try a 504 again; it says so to them.
            Refused::NotCached => Some(("x-should-retry", "false".to_owned())),
            _ => None,
        };
        Reply {
            status: self.status(),
            details: self.details(),
            content_type: JSON,
            headers: retry.into_iter().collect(),
            body: error.to_string().into_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_is_a_client_error_in_openai_shape_with_matching_details() {
        for refused in Refused::ALL {
            let reply = refused.reply("say \"why\"\n", Some("messages[0].content"));
            let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
            assert_eq!(body["error"]["message"], "say \"why\"\n");
            assert_eq!(body["error"]["param"], "messages[0].content");
            assert_eq!(body["error"]["code"], refused.code());
            assert_eq!(reply.details, format!("tollgate_{}", refused.code()));
            assert!((400..=504).contains(&reply.status));
            assert_eq!(!reply.headers.is_empty(), reply.status >= 500);
        }
    }
}
