//! What is known of one request and its response, from the end of the request's body on.

use std::rc::Rc;

use crate::config::Rule;
use crate::content_screener::Screened;
use crate::endpoint::Dialect;
use crate::prompt_minimizer::Minimized;
use crate::rate_limiter::Reservation;
use crate::rate_limiter::tenant::Tenant;
use crate::reply::Reply;
use crate::response::{ResponseReader, ResponseSummary};
use crate::response_cache::{Cached, Caller, Conversation};
use crate::rewrite::{Rewrite, Rewritten};
use crate::token_estimator::Estimate;

/// The ways a stream ends. Every exchange ends in exactly one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// The response's last bytes came with the end of the stream.
    Data,
    /// The response has a head and nothing else.
    HeadersOnly,
    /// The response ended with trailers; no body callback said so.
    Trailers,
    /// Client or upstream went away before the response was whole.
    Reset,
    /// A later stage answered the request: it was never sent.
    Answered,
}

impl StreamEnd {
    /// Name, as the label of the `exchanges` metric.
    pub fn name(self) -> &'static str {
        match self {
            StreamEnd::Data => "data",
            StreamEnd::HeadersOnly => "headers_only",
            StreamEnd::Trailers => "trailers",
            StreamEnd::Reset => "reset",
            StreamEnd::Answered => "answered",
        }
    }
}

/// The head of a response, as far as it matters.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead<'a> {
    /// HTTP status; 0 where it is not a number.
    pub status: u16,
    /// `content-type`; empty where there is none.
    pub content_type: &'a [u8],
    /// `content-encoding`; empty where there is none.
    pub content_encoding: &'a [u8],
    /// `x-tollgate-cache`, by which a response-cache nearer to the upstream says what it did;
    /// empty where there is none.
    pub cache: &'a [u8],
}

impl ResponseHead<'_> {
    /// Whether the body is not compressed.
    pub fn is_plain(&self) -> bool {
        self.content_encoding.is_empty() || self.content_encoding.eq_ignore_ascii_case(b"identity")
    }
}

/// How an exchange ended and what its response said.
#[derive(Clone, Debug)]
pub struct Ending {
    /// The way it ended.
    pub end: StreamEnd,
    /// HTTP status; 0 where no response began.
    pub status: u16,
    /// Whether a cache answered instead of the upstream.
    pub is_cache_hit: bool,
    /// What the response's body said, where it could be read.
    pub response: Option<ResponseSummary>,
}

/// What the head of a request that is read says of it.
#[derive(Debug)]
pub struct Call {
    /// Shape of the request.
    pub dialect: Dialect,
    /// The deployment that its path names.
    pub deployment: Option<String>,
    /// Azure's `api-version`, where its path has one.
    pub api_version: Option<String>,
    /// Who it is counted for, where anything is.
    pub tenant: Option<Tenant>,
    /// What counts beside its body for an answer that may be kept, where any may.
    pub caller: Option<Caller>,
    /// The rule it falls under.
    pub rule: Rc<Rule>,
}

/// One request on its way: what the stages learned of it, and the response as it passes.
#[derive(Debug)]
pub struct Exchange {
    /// Shape of the request, and so of the response.
    pub dialect: Dialect,
    /// The rule the request falls under.
    pub rule: Rc<Rule>,
    /// The deployment that its path names.
    pub deployment: Option<String>,
    /// Azure's `api-version`, where its path has one.
    pub api_version: Option<String>,
    /// Who it is counted for, where anything is.
    pub tenant: Option<Tenant>,
    /// What the content-screener stage made of it.
    pub screened: Option<Screened>,
    /// What the prompt-minimizer stage made of it.
    pub minimized: Option<Minimized>,
    /// What the token-estimator stage made of it.
    pub estimate: Option<Estimate>,
    /// What the rate-limiter stage reserved for it.
    pub reservation: Option<Reservation>,
    /// What counts beside its body for an answer that may be kept, where any may.
    pub caller: Option<Caller>,
    /// What the response-cache stage makes of it.
    pub cached: Option<Cached>,
    /// The conversation it goes on with, where the response-cache stage knows one.
    pub conversation: Option<Conversation>,
    /// What makes something else of the response, where a stage wants that.
    pub rewriter: Option<Box<dyn Rewrite>>,
    status: u16,
    is_cache_hit: bool,
    reader: Option<ResponseReader>,
    is_rewritten: bool,
}

impl Exchange {
    pub(crate) fn new(call: Call) -> Exchange {
        let Call {
            dialect,
            deployment,
            api_version,
            tenant,
            caller,
            rule,
        } = call;
        Exchange {
            dialect,
            rule,
            deployment,
            api_version,
            tenant,
            screened: None,
            minimized: None,
            estimate: None,
            reservation: None,
            caller,
            cached: None,
            conversation: None,
            rewriter: None,
            status: 0,
            is_cache_hit: false,
            reader: None,
            is_rewritten: false,
        }
    }

    /// Takes note of the response's head. A body that is neither JSON nor server-sent
    /// events, or compressed, is passed on unread.
    pub fn on_response_head(&mut self, head: &ResponseHead<'_>) {
        self.status = head.status;
        let of_cache = |what: &[u8]| head.cache.starts_with(what);
        self.is_cache_hit = of_cache(b"hit") || of_cache(b"stale");
        self.reader = if head.is_plain() {
            ResponseReader::new(head.content_type)
        } else {
            None
        };
        if let Some(cached) = &mut self.cached {
            cached.on_response_head(head);
        }
        let rewriter = self.rewriter.as_mut();
        self.is_rewritten = rewriter.is_some_and(|rewriter| rewriter.begin(head));
    }

    /// HTTP status of the response; 0 before there is one.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether a cache answered instead of the upstream.
    pub fn is_cache_hit(&self) -> bool {
        self.is_cache_hit
    }

    /// Whether the chunks of the response are wanted.
    pub fn reads_response(&self) -> bool {
        self.reader.is_some() || self.keeps_response()
    }

    /// Whether the response is being kept.
    pub fn keeps_response(&self) -> bool {
        self.cached.as_ref().is_some_and(Cached::is_keeping)
    }

    /// Whether the response may be sent as something else than comes: its length is not known
    /// before its end, and that end is wanted too.
    pub fn rewrites_response(&self) -> bool {
        self.is_rewritten
    }

    /// Bytes of the response that are held: not sent yet, or kept.
    pub fn held_response(&self) -> usize {
        let rewriter = self.rewriter.as_ref();
        let kept = self.cached.as_ref().map_or(0, |cached| cached.kept());
        rewriter
            .map_or(0, |rewriter| rewriter.held())
            .saturating_add(kept)
    }

    /// There is no memory to hold more of the response: what would be held passes unseen.
    pub fn hold_no_more(&mut self) {
        if let Some(rewriter) = &mut self.rewriter {
            rewriter.hold_no_more();
        }
        if let Some(cached) = &mut self.cached {
            cached.keep_no_more();
        }
    }

    /// What has become of the response; nothing where no stage wanted anything.
    pub fn rewritten(&self) -> Rewritten {
        let rewriter = self.rewriter.as_ref();
        rewriter.map_or_else(Rewritten::default, |rewriter| rewriter.rewritten())
    }

    /// Reads the next chunk of the response, the last one where `is_end`. Gives what to send
    /// instead; `None` where that is the chunk. What is read is what the upstream sent.
    pub(crate) fn on_response_chunk(&mut self, chunk: &[u8], is_end: bool) -> Option<Vec<u8>> {
        if let Some(reader) = &mut self.reader {
            reader.push(chunk);
        }
        if let Some(cached) = &mut self.cached {
            cached.push(chunk);
        }
        let rewriter = self.rewriter.as_mut().filter(|_| self.is_rewritten)?;
        rewriter.push(chunk, is_end)
    }

    /// Estimated tokens of the output that the upstream has streamed; 0 where it is not to be
    /// read.
    pub(crate) fn output_so_far(&self) -> u64 {
        match &self.reader {
            Some(reader) if !self.is_cache_hit => reader.output_so_far(),
            _ => 0,
        }
    }

    /// Lets an answer that was kept go the way of the upstream's: what is made of answers is made
    /// of it, and where it `is_read`, what it says will be known at its end.
    pub(crate) fn replay(&mut self, reply: &mut Reply, is_read: bool) {
        self.on_response_head(&ResponseHead {
            status: reply.status,
            content_type: reply.content_type.as_bytes(),
            content_encoding: b"",
            cache: b"hit",
        });
        // Reading it takes longer than all else that a hit takes.
        self.reader.take_if(|_| !is_read);
        if let Some(instead) = self.on_response_chunk(&reply.body, true) {
            reply.body = instead;
        }
    }

    pub(crate) fn ending(&mut self, end: StreamEnd) -> Ending {
        Ending {
            end,
            status: self.status,
            is_cache_hit: self.is_cache_hit,
            response: self.reader.take().map(ResponseReader::finish),
        }
    }
}
