//! gRPC in scenarios: a step about a call or stream as events, and what the filter sent beside
//! what was expected.

use std::time::Duration;

use crate::grpc_calls::{GrpcCall, GrpcEvent, GrpcKind};
use crate::headers::Headers;

use super::compare::{Difference, Found};
use super::event::Action;
use super::file::{ExpectGrpc, Grpc};
use super::head;
use super::shown;

/// Which call or stream: the oldest open one that this fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrpcCallee {
    /// The cluster.
    pub cluster: String,
    /// `package.Service/Method`; any if `None`.
    pub method: Option<String>,
}

/// What a filter sent to a gRPC service so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrpcSent {
    /// `package.Service/Method`.
    pub method: String,
    /// Without what gRPC itself and Envoy add.
    pub initial_metadata: Headers,
    /// Without framing.
    pub messages: Vec<Vec<u8>>,
    /// The last message was sent.
    pub end: bool,
    /// When the filter gives up; 0 for a call that never does, `None` for a stream.
    pub timeout: Option<Duration>,
}

impl GrpcCallee {
    /// Whether a call to `cluster` of `method` is meant.
    pub fn fits(&self, cluster: &str, method: &str) -> bool {
        let wanted = self.method.as_deref();
        self.cluster == cluster && wanted.is_none_or(|wanted| wanted == method)
    }

    /// That the filter has made no such call, as an error says it.
    pub fn missing(&self) -> String {
        let cluster = &self.cluster;
        match &self.method {
            Some(method) => {
                format!("the filter has no open gRPC call or stream of `{method}` to `{cluster}`")
            }
            None => format!("the filter has no open gRPC call or stream to `{cluster}`"),
        }
    }
}

impl From<&GrpcCall> for GrpcSent {
    fn from(call: &GrpcCall) -> Self {
        Self {
            method: method(call),
            initial_metadata: call.initial_metadata.clone(),
            messages: call.messages.clone(),
            end: call.half_closed,
            // Envoy tells the service of a call's timeout, and of none as a timeout of 0.
            timeout: match call.kind {
                GrpcKind::Call => Some(call.timeout.unwrap_or_default()),
                GrpcKind::Stream => None,
            },
        }
    }
}

/// What a call calls, as scenarios write it.
pub fn method(call: &GrpcCall) -> String {
    format!("{}/{}", call.service_name, call.method_name)
}

type Wrong = (&'static str, String);

/// A step's `grpc` as events, the first of which compares what was sent.
pub(super) fn events(step: Grpc, clusters: &[String]) -> Result<Vec<Action>, Wrong> {
    if !clusters.contains(&step.cluster) {
        let problem = format!("`grpc_clusters` does not name `{}`", step.cluster);
        return Err(("cluster", problem));
    }
    let callee = GrpcCallee {
        cluster: step.cluster,
        method: step.method,
    };
    if let Some(method) = callee.method.as_deref().filter(|text| is_no_method(text)) {
        return Err(("method", no_method(method)));
    }
    if let Some(sent) = &step.sent {
        check(sent)?;
    }
    if step.end.is_some() && step.reset {
        let problem = "a service ends its response or breaks it off, not both".to_owned();
        return Err(("reset", problem));
    }
    let mut events = Vec::new();
    if let Some(metadata) = &step.initial_metadata {
        let metadata = fields(metadata).map_err(|problem| ("initial_metadata", problem))?;
        events.push(GrpcEvent::InitialMetadata(metadata));
    }
    let messages = step.messages.into_iter();
    events.extend(messages.map(|message| GrpcEvent::Message(message.0)));
    if let Some(end) = step.end {
        let trailing_metadata =
            fields(&end.trailing_metadata).map_err(|problem| ("end.trailing_metadata", problem))?;
        events.push(GrpcEvent::End {
            status: end.status,
            message: end.message,
            trailing_metadata,
        });
    }
    if step.reset {
        events.push(GrpcEvent::Reset);
    }
    let mut sent = step.sent.map(Box::new);
    if events.is_empty() {
        let event = None;
        return Ok(vec![Action::Grpc {
            callee,
            sent,
            event,
        }]);
    }
    let actions = events.into_iter().map(|event| Action::Grpc {
        callee: callee.clone(),
        sent: sent.take(),
        event: Some(event),
    });
    Ok(actions.collect())
}

fn check(sent: &ExpectGrpc) -> Result<(), Wrong> {
    if let Some(method) = sent.method.as_deref().filter(|text| is_no_method(text)) {
        return Err(("sent.method", no_method(method)));
    }
    let metadata = fields(&sent.initial_metadata);
    metadata.map_err(|problem| ("sent.initial_metadata", problem))?;
    Ok(())
}

/// That an entry of `expect.grpc` names one of the clusters and a method.
pub(super) fn check_open(text: &str, clusters: &[String]) -> Result<(), String> {
    match text.split_once(' ') {
        Some((cluster, method)) if !is_no_method(method) => {
            match clusters.iter().any(|name| name == cluster) {
                true => Ok(()),
                false => Err(format!("`grpc_clusters` does not name `{cluster}`")),
            }
        }
        _ => Err(format!(
            "`{text}` is no open call: write `cluster package.Service/Method`"
        )),
    }
}

fn is_no_method(text: &str) -> bool {
    !text.split_once('/').is_some_and(|(service, method)| {
        !service.is_empty() && !method.is_empty() && !method.contains('/')
    })
}

fn no_method(text: &str) -> String {
    format!("`{text}` is no method: write `package.Service/Method`")
}

fn fields(lines: &[String]) -> Result<Headers, String> {
    head::fields(lines.iter().map(String::as_str))
}

/// What of `expected` is not so in what was sent.
pub fn differences(expected: &ExpectGrpc, actual: &GrpcSent) -> Vec<Difference> {
    let mut found = Found::of(SENT);
    if let Some(method) = &expected.method {
        found.texts("method", method, &actual.method);
    }
    // Checked when the file was read.
    let wanted = fields(&expected.initial_metadata).unwrap_or_default();
    found.named("initial_metadata", &wanted, &actual.initial_metadata);
    if let Some(messages) = &expected.messages {
        let wanted: Vec<_> = messages.iter().map(|message| message.0.clone()).collect();
        messages_differ(&mut found, &wanted, &actual.messages);
    }
    if let Some(end) = expected.end {
        found.texts("end", &end.to_string(), &actual.end.to_string());
    }
    if let Some(timeout) = expected.timeout {
        found.texts("timeout", &span(Some(timeout.0)), &span(actual.timeout));
    }
    found.differences
}

/// Everything in which what two filters sent differs.
pub fn between(expected: &GrpcSent, actual: &GrpcSent) -> Vec<Difference> {
    let mut found = Found::of(SENT);
    found.texts("method", &expected.method, &actual.method);
    let (wanted, came) = (&expected.initial_metadata, &actual.initial_metadata);
    found.fields("initial_metadata", wanted, came);
    messages_differ(&mut found, &expected.messages, &actual.messages);
    found.texts("end", &expected.end.to_string(), &actual.end.to_string());
    found.texts("timeout", &span(expected.timeout), &span(actual.timeout));
    found.differences
}

/// What the keys of its differences begin with.
const SENT: &str = "grpc.sent";

fn messages_differ(found: &mut Found, expected: &[Vec<u8>], actual: &[Vec<u8>]) {
    if expected != actual {
        let shown = shown::grpc_messages;
        found.add("messages", shown(expected), shown(actual));
    }
}

fn span(timeout: Option<Duration>) -> String {
    timeout.map_or("never".to_owned(), |timeout| {
        format!("{}ms", timeout.as_millis())
    })
}
