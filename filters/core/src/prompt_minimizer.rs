//! The prompt-minimizer stage: takes out of a request what the model does not need, and leaves
//! every other byte as it came.
//!
//! A transform looks at one text, as the model reads it, and says what of it goes. It may look
//! at earlier texts of the same request, never at later ones, so that what has been sent of a
//! conversation is the beginning of what is sent of its next turn, and the provider's prompt
//! cache keeps hitting.

pub mod canonical;
mod lines;
pub mod protected;
pub mod repeats;
#[cfg(test)]
mod samples;
pub mod source;
pub mod splice;
pub mod structure;
pub mod transport;
pub mod window;

use std::borrow::Cow;

use crate::Span;
use crate::config::{MinimizerMode, PromptMinimizerConfig};
use crate::edit::Edits;
use crate::effect::{Effect, Metric};
use crate::exchange::{Ending, Exchange};
use crate::host::Host;
use crate::request::Request;
use crate::request::texts::{RequestText, Speaker};
use crate::stage::{Stage, Verdict};
use crate::tokens::{Encoding, Meter};
use source::Source;
use splice::Splice;

/// The version of the transforms: with another one the same request may be sent as other bytes,
/// and prompt caches begin anew.
pub const VERSION: u32 = 1;

/// A transform of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transform {
    /// White space in texts that are JSON or XML.
    Structure,
}

impl Transform {
    /// Every transform, in the order they run.
    pub const ALL: [Transform; 1] = [Transform::Structure];

    /// Its key in the configuration, also a label of metrics.
    pub fn name(self) -> &'static str {
        match self {
            Transform::Structure => "structure",
        }
    }

    fn looks_at(self, config: &PromptMinimizerConfig, speaker: Speaker) -> bool {
        match self {
            Transform::Structure => config.structure.looks_at(speaker),
        }
    }

    /// What of a text goes.
    fn run(self, text: &str, speaker: Speaker) -> Vec<Splice> {
        match self {
            Transform::Structure => structure::minify(text, speaker == Speaker::Tool),
        }
    }
}

/// What the stage made of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Minimized {
    /// Tokens that are not sent, estimated, by transform.
    saved: Vec<(Transform, u64)>,
    /// Bytes that are not sent.
    bytes: u64,
    /// It was only looked at.
    is_report: bool,
}

impl Minimized {
    /// Estimated tokens that are not sent.
    pub fn tokens(&self) -> u64 {
        let tokens = self.saved.iter().map(|(_, tokens)| *tokens);
        tokens.fold(0, u64::saturating_add)
    }

    fn add(&mut self, transform: Transform, tokens: u64) {
        match self.saved.iter_mut().find(|(known, _)| *known == transform) {
            Some((_, sum)) => *sum = sum.saturating_add(tokens),
            None => self.saved.push((transform, tokens)),
        }
    }

    /// What is published of it: the version, and what each transform saved.
    fn outcome(&self) -> String {
        let mut outcome = format!("v{VERSION}");
        for (transform, tokens) in &self.saved {
            outcome.push_str(&format!(" {}:{tokens}", transform.name()));
        }
        if self.is_report {
            outcome.push_str(" report");
        }
        outcome
    }
}

/// See the [module](self).
pub struct PromptMinimizer {
    debug_headers: bool,
}

impl PromptMinimizer {
    /// The stage.
    pub fn new(debug_headers: bool) -> PromptMinimizer {
        PromptMinimizer { debug_headers }
    }
}

/// Estimated tokens of a text.
fn tokens(text: &str, encoding: Encoding) -> u64 {
    let mut meter = Meter::new();
    meter.literal(text.as_bytes());
    meter.end_text();
    u64::from(meter.estimate(encoding))
}

/// The edits that `config` asks for, and what they save.
pub fn minimize(request: &Request<'_>, config: &PromptMinimizerConfig) -> (Edits, Minimized) {
    let mut minimized = Minimized::default();
    let mut edits = Edits::default();
    for text in &request.texts {
        let is_looked_at = |transform: &Transform| transform.looks_at(config, text.speaker);
        if text.is_content && Transform::ALL.iter().any(is_looked_at) {
            transform(request, config, text, &mut edits, &mut minimized);
        }
    }
    if config.transport {
        let mut unseen = Edits::default();
        transport::tidy(request.body, &mut unseen);
        edits = match edits.is_empty() {
            true => unseen,
            false => edits.over(&unseen),
        };
    }
    minimized.bytes = edits.saved();
    (edits, minimized)
}

/// Lets the transforms look at a text, one after the other.
fn transform(
    request: &Request<'_>,
    config: &PromptMinimizerConfig,
    text: &RequestText,
    edits: &mut Edits,
    minimized: &mut Minimized,
) {
    let content = text.content;
    let Some(source) = Source::read(content.span.of(request.body), content.escaped) else {
        return;
    };
    let mut splices: Vec<Splice> = Vec::new();
    let mut current = Cow::Borrowed(source.text());
    for transform in Transform::ALL {
        if !transform.looks_at(config, text.speaker) {
            continue;
        }
        let more = transform.run(&current, text.speaker);
        if more.is_empty() {
            continue;
        }
        let left = splice::apply(&current, &more);
        let encoding = request.model.encoding;
        let saved = tokens(&current, encoding).saturating_sub(tokens(&left, encoding));
        minimized.add(transform, saved);
        splices = splice::compose(splices, &more);
        current = Cow::Owned(left);
    }
    let base = content.span.start as usize;
    for Splice { range, text } in &splices {
        let place = source.place(range);
        let span = Span::new(
            base.saturating_add(place.start),
            base.saturating_add(place.end),
        );
        edits.replace(span, source::escape(text).as_bytes());
    }
}

impl Stage for PromptMinimizer {
    fn on_request(
        &self,
        request: &Request<'_>,
        exchange: &mut Exchange,
        _host: &dyn Host,
        effects: &mut Vec<Effect>,
    ) -> Verdict {
        let config = exchange.rule.prompt_minimizer;
        if !config.enabled {
            return Verdict::Continue;
        }
        let (edits, mut minimized) = minimize(request, &config);
        minimized.is_report = config.mode == MinimizerMode::Report;
        let names = match minimized.is_report {
            true => [
                "tollgate.prompt_minimizer.reported_tokens",
                "tollgate.prompt_minimizer.reported_bytes",
            ],
            false => [
                "tollgate.prompt_minimizer.saved_tokens",
                "tollgate.prompt_minimizer.saved_bytes",
            ],
        };
        let [tokens, bytes] = names.map(Metric::counter);
        let measure = |metric, value| Effect::Measure { metric, value };
        let outcome = if edits.is_empty() {
            "unchanged"
        } else {
            "minimized"
        };
        let requests = Metric::counter("tollgate.prompt_minimizer.requests");
        effects.push(measure(requests.with("outcome", outcome), 1));
        effects.push(measure(bytes, minimized.bytes));
        for (transform, saved) in &minimized.saved {
            effects.push(measure(tokens.with("transform", transform.name()), *saved));
        }
        effects.push(Effect::Publish {
            key: "tollgate.minimized",
            value: minimized.outcome(),
        });
        if !minimized.is_report {
            effects.push(Effect::Publish {
                key: "tollgate.tokens_saved",
                value: minimized.tokens().to_string(),
            });
        }
        let is_sent_as_it_came = minimized.is_report || edits.is_empty();
        exchange.minimized = Some(minimized);
        match is_sent_as_it_came {
            true => Verdict::Continue,
            false => Verdict::Edit(edits),
        }
    }

    fn on_response_head(&self, exchange: &Exchange, _host: &dyn Host, effects: &mut Vec<Effect>) {
        let minimized = exchange.minimized.as_ref().filter(|_| self.debug_headers);
        let Some(minimized) = minimized.filter(|minimized| !minimized.is_report) else {
            return;
        };
        effects.push(Effect::ResponseHeader {
            name: "x-tollgate-tokens-saved",
            value: minimized.tokens().to_string(),
        });
    }

    fn on_end(
        &self,
        _exchange: &mut Exchange,
        _ending: &Ending,
        _host: &dyn Host,
        _effects: &mut Vec<Effect>,
    ) {
    }
}
>>>>>>> main
