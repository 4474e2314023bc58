//! The prompt-minimizer stage: takes out of a request what the model does not need, and leaves
//! every other byte as it came.
//!
//! A transform looks at one text, as the model reads it, and says what of it goes. It may look
//! at earlier texts of the same request, never at later ones, so that what has been sent of a
//! conversation is the beginning of what is sent of its next turn, and the provider's prompt
//! cache keeps hitting.

pub mod base64;
pub mod canonical;
pub mod cap;
pub mod conversation;
mod gap;
mod glance;
pub mod html;
mod keys;
mod lines;
pub mod logs;
pub mod protected;
pub mod records;
pub mod repeats;
#[cfg(test)]
mod samples;
mod saving;
pub mod source;
pub mod splice;
pub mod structure;
pub mod transport;
pub mod window;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod window_tests;

use core::cell::LazyCell;
use core::ops::Range;
use std::borrow::Cow;

use crate::Span;
use crate::config::{Mode, PromptMinimizerConfig, TooLong, Window};
use crate::edit::Edits;
use crate::effect::{Effect, Metric};
use crate::endpoint::Dialect;
use crate::exchange::Exchange;
use crate::host::Host;
use crate::reply::{Refused, Reply};
use crate::request::Request;
use crate::request::texts::{RequestText, Speaker};
use crate::scan::TextKind;
use crate::stage::{Stage, Verdict};
use crate::tokens::{Encoding, Meter};
use conversation::Fitted;
use glance::Glance;
use repeats::Repeats;
use source::Source;
use splice::Splice;

/// The version of the transforms: with another one the same request may be sent as other bytes,
/// and prompt caches begin anew.
pub const VERSION: u32 = 1;

/// Splices of one text; what would take more is left alone. Pretty-printed JSON of some megabytes
/// has as many, and they take ten.
const MAX_SPLICES: usize = 1 << 18;

/// A transform of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transform {
    /// Tags, scripts and styles of texts that are HTML.
    Html,
    /// Names in lists of like JSON objects.
    Records,
    /// White space in texts that are JSON or XML.
    Structure,
    /// Later copies of what the conversation has already.
    Repeats,
    /// Data in base64.
    Base64,
    /// Ends of lines, blanks ahead of them, characters without width.
    Canonical,
    /// Lines that repeat.
    Logs,
    /// The middle of texts that are too long.
    Cap,
}

impl Transform {
    /// Every transform, in the order they run. Copies are looked for in what is sent of texts:
    /// a reference among JSON would make it none, and one to what is left out would lead nowhere.
    pub const ALL: [Transform; 8] = [
        Transform::Html,
        Transform::Records,
        Transform::Structure,
        Transform::Base64,
        Transform::Canonical,
        Transform::Logs,
        Transform::Cap,
        Transform::Repeats,
    ];

    /// Whether it may look at texts of this kind. The model reads instructions first, wherever
    /// they stand; what a call was made with stays the JSON it is; a prompt or a text to embed is
    /// read alone, and each of its characters counts; what a model thought is the provider's.
    fn is_for(self, kind: Option<TextKind>) -> bool {
        match kind {
            Some(TextKind::Content | TextKind::Refusal | TextKind::ToolOutput) => true,
            Some(TextKind::Instructions) => self != Transform::Repeats,
            Some(TextKind::ToolArguments) => self == Transform::Structure,
            _ => false,
        }
    }

    /// Its key in the configuration, also a label of metrics.
    pub fn name(self) -> &'static str {
        match self {
            Transform::Repeats => "repeats",
            Transform::Html => "html",
            Transform::Records => "records",
            Transform::Structure => "structure",
            Transform::Base64 => "base64",
            Transform::Canonical => "canonical",
            Transform::Logs => "logs",
            Transform::Cap => "cap",
        }
    }
}

/// What the stage made of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Minimized {
    /// Tokens that are not sent, estimated, by transform.
    saved: Vec<(&'static str, u64)>,
    /// Bytes that are not sent.
    bytes: u64,
    /// Where no cut brings the conversation within its window: the tokens it needs at least.
    too_long: Option<u64>,
    /// It was only looked at.
    is_report: bool,
}

impl Minimized {
    /// Estimated tokens that are not sent.
    pub fn tokens(&self) -> u64 {
        let tokens = self.saved.iter().map(|(_, tokens)| *tokens);
        tokens.fold(0, u64::saturating_add)
    }

    fn add(&mut self, transform: &'static str, tokens: u64) {
        match self.saved.iter_mut().find(|(known, _)| *known == transform) {
            Some((_, sum)) => *sum = sum.saturating_add(tokens),
            None => self.saved.push((transform, tokens)),
        }
    }

    /// What is published of it: the version, and what each transform saved.
    fn outcome(&self) -> String {
        let mut outcome = format!("v{VERSION}");
        for (transform, tokens) in &self.saved {
            outcome.push_str(&format!(" {transform}:{tokens}"));
        }
        if self.too_long.is_some() {
            outcome.push_str(" too_long");
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

/// Whether one of `places`, which are in order, and `range` have anything in common.
fn meets(places: &[Range<usize>], range: &Range<usize>) -> bool {
    let at = places.partition_point(|place| place.end <= range.start);
    places.get(at).is_some_and(|place| place.start < range.end)
}

/// The edits that `config` asks for, and what they save.
pub fn minimize(request: &Request<'_>, config: &PromptMinimizerConfig) -> (Edits, Minimized) {
    let repeats = &config.repeats;
    let fitted = match config.window.enabled {
        true => Fitted::of(request, &config.window),
        false => Fitted::default(),
    };
    let mut run = Run {
        request,
        config,
        repeats: repeats
            .texts
            .enabled
            .then(|| Repeats::new(repeats.min_bytes as usize)),
        edits: Edits::default(),
        minimized: Minimized {
            too_long: fitted.too_long,
            ..Minimized::default()
        },
    };
    for text in &request.texts {
        let Some(gone) = fitted.gone_before(text.content.span.start) else {
            continue;
        };
        let content = text.content;
        let glance = LazyCell::new(|| Glance::at(content.span.of(request.body), content.escaped));
        let is_looked_at = |transform: Transform| {
            transform.is_for(text.kind)
                && config.texts(transform).looks_at(text.speaker)
                && glance.may_want(transform, config)
        };
        // What is not looked at may be what is repeated.
        let is_learnt = run.repeats.is_some() && Transform::Repeats.is_for(text.kind);
        if is_learnt || Transform::ALL.into_iter().any(is_looked_at) {
            let group = text.group.saturating_sub(gone);
            run.text(&RequestText { group, ..*text });
        }
    }
    let Run {
        mut edits,
        mut minimized,
        ..
    } = run;
    if !fitted.gaps.is_empty() {
        let mut cut = Edits::default();
        for gap in &fitted.gaps {
            cut.replace(*gap, b"");
        }
        edits = cut.over(&edits);
        minimized.add("window", fitted.tokens);
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

/// The transforms on their way over the texts of a request.
struct Run<'a> {
    request: &'a Request<'a>,
    config: &'a PromptMinimizerConfig,
    /// What the texts so far said.
    repeats: Option<Repeats>,
    edits: Edits,
    minimized: Minimized,
}

impl Run<'_> {
    /// Lets the transforms look at the next text, one after the other.
    fn text(&mut self, text: &RequestText) {
        let content = text.content;
        let body = self.request.body;
        let Some(source) = Source::read(content.span.of(body), content.escaped) else {
            return;
        };
        let mut splices: Vec<Splice> = Vec::new();
        let mut current = Cow::Borrowed(source.text());
        let mut estimate = None;
        for transform in Transform::ALL {
            if !transform.is_for(text.kind) {
                continue;
            }
            let is_wanted = self.config.texts(transform).looks_at(text.speaker);
            let more = match (transform, &mut self.repeats) {
                // Others' texts may be what is repeated.
                (Transform::Repeats, Some(repeats)) => {
                    let mut copies = repeats.look(&current, text.group);
                    // A tool gives files again; what others put between fences is theirs.
                    if text.speaker != Speaker::Tool && !copies.is_empty() {
                        let literal = protected::literal(&current);
                        copies.retain(|copy| !meets(&literal, &copy.range));
                    }
                    copies
                }
                _ if !is_wanted => continue,
                (Transform::Repeats, None) => continue,
                (Transform::Structure, _) => {
                    structure::minify(&current, text.speaker == Speaker::Tool)
                }
                (Transform::Html, _) => html::to_text(&current),
                (Transform::Records, _) => records::table(&current),
                (Transform::Base64, _) => base64::elide(&current),
                (Transform::Canonical, _) => canonical::tidy(&current),
                (Transform::Logs, _) => logs::fold(&current),
                (Transform::Cap, _) => {
                    let [max, head, tail] = self.config.cap.bytes();
                    cap::cap(&current, max, head, tail)
                }
            };
            if more.is_empty() || more.len() > MAX_SPLICES || !is_wanted {
                continue;
            }
            let left = splice::apply(&current, &more);
            let encoding = self.request.model.encoding;
            let before = estimate.unwrap_or_else(|| tokens(&current, encoding));
            let after = tokens(&left, encoding);
            estimate = Some(after);
            self.minimized
                .add(transform.name(), before.saturating_sub(after));
            splices = splice::compose(splices, &more);
            current = Cow::Owned(left);
        }
        let base = content.span.start as usize;
        let mut way = source.way();
        for Splice { range, text } in &splices {
            let place = |way: &mut source::Way, at| base.saturating_add(way.to(at));
            let start = place(&mut way, range.start);
            let span = Span::new(start, place(&mut way, range.end));
            self.edits.replace(span, source::escape(text).as_bytes());
        }
    }
}

fn refusal(request: &Request<'_>, window: &Window, needed: u64) -> Reply {
    let param = match request.dialect {
        Dialect::Responses => "input",
        _ => "messages",
    };
    let message = format!(
        "This conversation needs about {needed} tokens for its instructions, tools and last turn alone, and \
         {} are allowed here. Shorten them.",
        window.max_tokens
    );
    Refused::ContextLengthExceeded.reply(message, Some(param))
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
        minimized.is_report = config.mode == Mode::Report;
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
        let too_long = minimized.too_long;
        let is_refused = config.window.too_long == TooLong::Refuse && !minimized.is_report;
        let refused = too_long.filter(|_| is_refused);
        let outcome = match edits.is_empty() {
            _ if refused.is_some() => "refused",
            true => "unchanged",
            false => "minimized",
        };
        let requests = Metric::counter("tollgate.prompt_minimizer.requests");
        effects.push(measure(requests.with("outcome", outcome), 1));
        let counter = Metric::counter("tollgate.prompt_minimizer.too_long");
        effects.push(measure(counter, too_long.is_some().into()));
        effects.push(Effect::Publish {
            key: "tollgate.minimized",
            value: minimized.outcome(),
        });
        if let Some(needed) = refused {
            return Verdict::Reply(refusal(request, &config.window, needed));
        }
        effects.push(measure(bytes, minimized.bytes));
        for (transform, saved) in &minimized.saved {
            effects.push(measure(tokens.with("transform", transform), *saved));
        }
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
}
