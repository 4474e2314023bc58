//! Which LLM call a request line names, if any.
//!
//! Upstreams are more forgiving than we are: Azure matches paths without regard to case,
//! decodes percent escapes and folds slashes. A spelling we would read differently from
//! the upstream is a way around every stage, so odd spellings are named, never guessed.

/// The request shapes Tollgate reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `chat/completions`: a list of messages.
    Chat,
    /// Legacy `completions`: a prompt.
    Completions,
    /// `embeddings`: texts to be turned into vectors.
    Embeddings,
    /// The Responses API: items, and state kept by the provider.
    Responses,
}

/// What a request's method and path say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint<'a> {
    /// A call whose body Tollgate reads.
    Llm {
        /// The body's shape.
        dialect: Dialect,
        /// The deployment named by the path (`/openai/deployments/NAME/…`). When there is
        /// one it decides the model; the body's `model` never does, as on Azure.
        deployment: Option<&'a str>,
    },
    /// Any other call: files, batches, audio, model lists, reads.
    Other,
    /// A spelling that proxies and servers disagree about; never let through on a route
    /// that Tollgate guards, not even by a pass-through rule.
    Ambiguous,
}

impl<'a> Endpoint<'a> {
    /// Reads the `:method` and `:path` of a request. The query is not looked at.
    ///
    /// Paths: Azure's data plane (`/openai/deployments/…`, `/openai/responses`,
    /// `/openai/v1/…`), OpenAI's `/v1/…`, Azure AI Inference's `/models/…`, and Foundry's
    /// `/api/projects/PROJECT/openai/v1/…`.
    pub fn read(method: &[u8], path: &'a [u8]) -> Endpoint<'a> {
        let path = path.split(|&byte| byte == b'?').next().unwrap_or_default();
        if is_ambiguous(path) {
            return Endpoint::Ambiguous;
        }
        let Ok(path) = core::str::from_utf8(path) else {
            return Endpoint::Ambiguous;
        };
        if method != b"POST" {
            return Endpoint::Other;
        }
        let Some(path) = path.strip_prefix('/') else {
            return Endpoint::Other;
        };
        // Some servers ignore a slash at the end.
        let (path, has_slash) = match path.strip_suffix('/') {
            Some(path) => (path, true),
            None => (path, false),
        };
        let (deployment, call) = match path.strip_prefix("openai/") {
            Some(azure) => match azure.strip_prefix("deployments/") {
                Some(named) => match named.split_once('/') {
                    Some((name, call)) if !name.is_empty() => (Some(name), call),
                    _ => return Endpoint::Other,
                },
                // Dated API versions have Responses, and only Responses, without a deployment.
                None if azure == "responses" => (None, azure),
                None => match azure.strip_prefix("v1/") {
                    Some(call) => (None, call),
                    None => return Endpoint::Other,
                },
            },
            None => match path
                .strip_prefix("v1/")
                .or_else(|| path.strip_prefix("models/"))
            {
                Some(call) => (None, call),
                None => match foundry_project(path) {
                    Some(call) => (None, call),
                    None => return Endpoint::Other,
                },
            },
        };
        let dialect = match call {
            "chat/completions" => Dialect::Chat,
            "completions" => Dialect::Completions,
            "embeddings" => Dialect::Embeddings,
            "responses" => Dialect::Responses,
            _ => return Endpoint::Other,
        };
        if has_slash {
            return Endpoint::Ambiguous;
        }
        Endpoint::Llm {
            dialect,
            deployment,
        }
    }
}

/// The call in `api/projects/PROJECT/openai/v1/CALL`.
fn foundry_project(path: &str) -> Option<&str> {
    let (_project, rest) = path.strip_prefix("api/projects/")?.split_once('/')?;
    rest.strip_prefix("openai/v1/")
}

/// Empty and dot segments, backslashes, path parameters, percent escapes (no path of these
/// APIs needs one, and what they spell is decoded before or after routing, as servers
/// please), bytes that may not stand in a path, and known words in another case.
fn is_ambiguous(path: &[u8]) -> bool {
    let odd_byte =
        |byte: u8| byte <= b' ' || byte >= 0x7f || matches!(byte, b'%' | b'\\' | b';' | b'#');
    path.iter().copied().any(odd_byte)
        || path.windows(2).any(|pair| pair == b"//")
        || path
            .split(|&byte| byte == b'/')
            .any(|segment| segment == b"." || segment == b"..")
        || has_known_word_in_another_case(path)
}

/// Azure ignores case in all of these, and so would take `/OpenAI/…` for the call itself.
/// The segment after `deployments` is a name its owner chose.
fn has_known_word_in_another_case(path: &[u8]) -> bool {
    const WORDS: [&str; 15] = [
        "api",
        "audio",
        "batches",
        "chat",
        "completions",
        "deployments",
        "embeddings",
        "files",
        "images",
        "models",
        "openai",
        "projects",
        "realtime",
        "responses",
        "v1",
    ];
    let is_word = |segment: &[u8]| {
        let differs = |word: &str| segment != word.as_bytes();
        WORDS
            .into_iter()
            .any(|word| segment.eq_ignore_ascii_case(word.as_bytes()) && differs(word))
    };
    let mut is_name = false;
    path.split(|&byte| byte == b'/').any(|segment| {
        let was_name = core::mem::take(&mut is_name);
        is_name = !was_name && segment == b"deployments";
        !was_name && is_word(segment)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn llm(dialect: Dialect, deployment: Option<&str>) -> Endpoint<'_> {
        Endpoint::Llm {
            dialect,
            deployment,
        }
    }

    #[test]
    fn paths_name_their_calls() {
        use Dialect::*;
        let rows = [
            (
                "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
                llm(Chat, Some("gpt-4o")),
            ),
            (
                "/openai/deployments/a.b_c/completions",
                llm(Completions, Some("a.b_c")),
            ),
            (
                "/openai/deployments/Chat/chat/completions",
                llm(Chat, Some("Chat")),
            ),
            (
                "/openai/deployments/emb/embeddings",
                llm(Embeddings, Some("emb")),
            ),
            (
                "/openai/responses?api-version=2025-04-01-preview",
                llm(Responses, None),
            ),
            ("/openai/v1/chat/completions", llm(Chat, None)),
            ("/openai/v1/responses", llm(Responses, None)),
            ("/v1/chat/completions", llm(Chat, None)),
            ("/v1/embeddings?x=//", llm(Embeddings, None)),
            (
                "/models/chat/completions?api-version=2024-05-01-preview",
                llm(Chat, None),
            ),
            ("/api/projects/p1/openai/v1/responses", llm(Responses, None)),
            ("/openai/v1/files", Endpoint::Other),
            ("/openai/deployments//chat/completions", Endpoint::Ambiguous),
            ("/openai/deployments/gpt-4o/audio/speech", Endpoint::Other),
            ("/openai/deployments/gpt-4o", Endpoint::Other),
            ("/openai/chat/completions", Endpoint::Other),
            ("/openai/v1/chat/completions/", Endpoint::Ambiguous),
            ("/openai/v1/files/", Endpoint::Other),
            (
                "/openai/deployments/deployments/chat/completions",
                llm(Chat, Some("deployments")),
            ),
            ("/api/projects/p1/openai/chat/completions", Endpoint::Other),
            ("/", Endpoint::Other),
            ("", Endpoint::Other),
            ("*", Endpoint::Other),
        ];
        for (path, expected) in rows {
            assert_eq!(Endpoint::read(b"POST", path.as_bytes()), expected, "{path}");
        }
    }

    #[test]
    fn other_spellings_of_a_call_are_ambiguous_whatever_the_method() {
        let rows = [
            "//openai/v1/chat/completions",
            "/openai//v1/chat/completions",
            "/openai%2fv1/chat/completions",
            "/openai%2Fv1/chat/completions",
            "/openai/v1/chat%5ccompletions",
            "/openai/v1/%63hat/completions",
            "/openai/v1/chat/%2e%2e/completions",
            "/openai/v1/files/../chat/completions",
            "/openai/v1/./chat/completions",
            "/OpenAI/v1/chat/completions",
            "/API/projects/p/openai/v1/chat/completions",
            "/openai/deployments/deployments/Chat/completions",
            "/openai/Deployments/x/chat/completions",
            "/V1/chat/completions",
            "/v1/chat/Completions",
            "/v1/chat;x=1/completions",
            "/v1\\chat\\completions",
            "/v1/chat/completions#a",
            "/v1/chat/completions%",
            "/v1/chat/completions%0",
            "/v1/chat/completions%00",
            "/v1/chat/complet\u{131}ons",
            "/v1/%2563hat/completions",
        ];
        for path in rows {
            for method in ["POST", "GET"] {
                assert_eq!(
                    Endpoint::read(method.as_bytes(), path.as_bytes()),
                    Endpoint::Ambiguous,
                    "{method} {path}"
                );
            }
        }
        assert_eq!(Endpoint::read(b"POST", b"/v1/\xff"), Endpoint::Ambiguous);
    }

    #[test]
    fn only_a_post_is_a_call() {
        for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "post", ""] {
            assert_eq!(
                Endpoint::read(method.as_bytes(), b"/v1/chat/completions"),
                Endpoint::Other,
                "{method}"
            );
        }
    }
}
