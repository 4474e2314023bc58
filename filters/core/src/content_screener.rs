//! The content-screener stage: what should not be sent is stopped, masked or reported, before
//! anything is paid for it.
//!
//! The texts of each message are [folded](fold) into one, which the detectors of the request's
//! rule look through; what they find leads back to places in the body. What blocks is answered
//! here in Azure's words, what masks becomes edits of the body, and the rest is counted.

pub mod action;
mod answer;
mod bytes;
mod disguise;
mod encoded;
pub mod finding;
pub mod fold;
pub mod injection;
mod kin;
pub mod lexicon;
pub mod masks;
pub mod pattern;
pub mod personal_data;
mod response;
pub mod screen;
mod seams;
pub mod secrets;
pub mod term;
#[cfg(test)]
pub(crate) mod vectors;
mod view;

use std::cell::RefCell;
use std::rc::Rc;

use action::{Action, Category};
use finding::Finding;
use injection::Phrases;
use masks::Numbering;
use screen::{MOST_FOUND, Screen, Spending, What};
use view::Views;

use crate::Span;
use crate::config::{Config, ConfigError, Mode};
use crate::edit::Edits;
use crate::effect::{Effect, Metric};
use crate::exchange::{Ending, Exchange};
use crate::host::Host;
use crate::request::Request;
use crate::request::texts::{RequestText, Speaker, Speakers};
use crate::stage::{Stage, Verdict};

/// Findings whose places are published.
const PUBLISHED: usize = 16;

/// What the stage made of a request.
#[derive(Debug, Default)]
pub struct Screened {
    /// Its outcome, as it is published.
    pub outcome: String,
    /// What was masked.
    pub masks: masks::Masks,
    /// What is found in its answer.
    answer: Option<Rc<RefCell<response::Answer>>>,
}

/// See the [module](self).
pub struct ContentScreener {
    debug_headers: bool,
    /// The detectors of each rule by its index; rules with the same settings share them.
    screens: Vec<Rc<Screen>>,
    views: RefCell<Views>,
}

impl ContentScreener {
    /// The stage for the rules of `config`.
    ///
    /// # Errors
    /// Where an expression can not be looked for.
    pub fn new(config: &Config) -> Result<ContentScreener, ConfigError> {
        let phrases = Rc::new(Phrases::new());
        let mut screens: Vec<Rc<Screen>> = Vec::new();
        for rule in config.rules.iter().chain([&config.defaults]) {
            let settings = &rule.content_screener;
            let same = screens.iter().find(|screen| screen.config() == settings);
            let screen = match same {
                Some(screen) => Rc::clone(screen),
                None => Rc::new(Screen::new(settings, &phrases)?),
            };
            screens.push(screen);
        }
        Ok(ContentScreener {
            debug_headers: config.debug_headers,
            screens,
            views: RefCell::default(),
        })
    }

    /// The detectors of the rule with this index.
    pub fn screen(&self, rule: usize) -> Option<&Rc<Screen>> {
        self.screens.get(rule)
    }

    /// Everything found in the texts of a request, in the order of the body.
    fn find(
        &self,
        screen: &Screen,
        request: &Request<'_>,
        spending: &mut Spending,
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        let Ok(mut views) = self.views.try_borrow_mut() else {
            return findings;
        };
        // The newest first: what is bounded is not spent on what was said before.
        for group in request.texts.chunk_by(|a, b| a.group == b.group).rev() {
            // Nearly always all of them are one speaker's; calls among what is said are not.
            for (_, speaker) in Speaker::ALL {
                if !screen.config().looks_at(Speakers::of(&[speaker])) {
                    continue;
                }
                if group.iter().all(|text| text.speaker == speaker) {
                    views.find(screen, request.body, group, spending, &mut findings);
                    break;
                }
                let texts: Vec<RequestText> = group
                    .iter()
                    .filter(|text| text.speaker == speaker)
                    .copied()
                    .collect();
                views.find(screen, request.body, &texts, spending, &mut findings);
            }
        }
        views.shrink();
        if findings.len() > MOST_FOUND {
            spending.is_over = true;
            let more = findings.split_off(MOST_FOUND);
            let graver = more.into_iter().find(|one| one.action >= Action::Mask);
            if let Some((last, graver)) = findings.last_mut().zip(graver) {
                *last = graver;
                last.action = Action::Block;
            }
        }
        findings.sort_by_key(|finding| finding.at);
        findings
    }
}

/// So many findings of a category, of which this became.
fn counted(action: Action, category: Category, findings: usize) -> Effect {
    let name = match action {
        Action::Block => "tollgate.content_screener.blocked",
        Action::Mask => "tollgate.content_screener.masked",
        Action::Off | Action::Report => "tollgate.content_screener.reported",
    };
    Effect::Measure {
        metric: Metric::counter(name).with("category", category.name()),
        value: u64::try_from(findings).unwrap_or(u64::MAX),
    }
}

fn count(name: &'static str) -> Effect {
    Effect::Measure {
        metric: Metric::counter(name),
        value: 1,
    }
}

/// The strongest action and what it was taken for, such as `mask:email,card`.
fn outcome<'a>(findings: &[Finding], name: impl Fn(What) -> &'a str) -> String {
    let strongest = findings.iter().map(|finding| finding.action).max();
    let Some(strongest) = strongest.filter(|action| *action != Action::Off) else {
        return "pass".to_owned();
    };
    let mut outcome = strongest.name().to_owned();
    let mut separator = ':';
    let mut named: Vec<What> = Vec::new();
    for finding in findings
        .iter()
        .filter(|finding| finding.action == strongest)
    {
        if !named.contains(&finding.what) {
            named.push(finding.what);
            outcome.push(separator);
            outcome.push_str(name(finding.what));
            separator = ',';
        }
    }
    outcome
}

/// The edits that mask what is to be masked, and what the placeholders stand for.
fn mask(body: &[u8], screen: &Screen, findings: &[Finding]) -> (Edits, masks::Masks) {
    let mut places: Vec<(Span, What, bool)> = Vec::new();
    for finding in findings
        .iter()
        .filter(|finding| finding.action == Action::Mask)
    {
        for (at, span) in finding.places.iter().enumerate() {
            places.push((*span, finding.what, at == 0));
        }
    }
    // Of what overlaps, what begins first and reaches farthest is masked with the rest.
    places.sort_by_key(|(span, ..)| (span.start, core::cmp::Reverse(span.end)));
    let mut merged: Vec<(Span, What, bool)> = Vec::new();
    for (span, what, is_first) in places {
        match merged.last_mut() {
            Some((last, last_what, last_is_first)) if span.start < last.end => {
                last.end = last.end.max(span.end);
                if *last_what == What::Invisible {
                    (*last_what, *last_is_first) = (what, is_first);
                }
            }
            _ => merged.push((span, what, is_first)),
        }
    }
    let mut numbering = Numbering::new(body);
    let mut edits = Edits::default();
    for (span, what, is_first) in merged {
        if is_first && what != What::Invisible {
            let placeholder = numbering.placeholder(&screen.label(what), span.of(body));
            edits.replace(span, placeholder.as_bytes());
        } else {
            edits.replace(span, b"");
        }
    }
    (edits, numbering.finish())
}

impl Stage for ContentScreener {
    fn on_request(
        &self,
        request: &Request<'_>,
        exchange: &mut Exchange,
        _host: &dyn Host,
        effects: &mut Vec<Effect>,
    ) -> Verdict {
        let Some(screen) = self.screens.get(exchange.rule.index) else {
            return Verdict::Continue;
        };
        let config = screen.config();
        if !config.looks_at(Speakers::ALL) {
            return Verdict::Continue;
        }
        let mut spending = Spending::default();
        let mut findings = self.find(screen, request, &mut spending);
        if config.mode == Mode::Report {
            for finding in &mut findings {
                finding.action = Action::Report;
            }
        }
        let mut outcome = outcome(&findings, |what| screen.name(what));
        let has_ids = request.fields.token_ids > 0;
        if has_ids {
            effects.push(count("tollgate.content_screener.token_ids"));
        }
        // What was not all looked at has not passed.
        if findings.is_empty() && (spending.is_over || has_ids) {
            outcome = if has_ids { "token_ids" } else { "over_budget" }.to_owned();
        }
        effects.push(count("tollgate.content_screener.screened"));
        if spending.is_over {
            effects.push(count("tollgate.content_screener.over_budget"));
        }
        let blocks = findings
            .iter()
            .any(|finding| finding.action == Action::Block);
        // What would have been masked is only counted where nothing is sent.
        let taken = |finding: &Finding| match finding.action {
            Action::Mask if blocks => Action::Report,
            action => action,
        };
        let mut counts: Vec<(Action, Category, usize)> = Vec::new();
        for finding in &findings {
            let (action, category) = (taken(finding), finding.category);
            let known = counts
                .iter_mut()
                .find(|(a, c, _)| (*a, *c) == (action, category));
            match known {
                Some((.., count)) => *count = count.saturating_add(1),
                None => counts.push((action, category, 1)),
            }
        }
        let counted = |(action, category, count)| counted(action, category, count);
        effects.extend(counts.into_iter().map(counted));
        effects.push(Effect::Publish {
            key: "tollgate.screen",
            value: outcome.clone(),
        });
        if !findings.is_empty() {
            let places: Vec<String> = findings
                .iter()
                .take(PUBLISHED)
                .map(|finding| format!("{}@{}", screen.name(finding.what), finding.at))
                .collect();
            effects.push(Effect::Publish {
                key: "tollgate.screen_findings",
                value: places.join(","),
            });
        }
        if blocks {
            let mut reply = answer::blocked(&findings, |finding| screen.name(finding.what));
            if self.debug_headers {
                reply.headers.push(("x-tollgate-screen", outcome));
            }
            return Verdict::Reply(reply);
        }
        let (edits, masks) = mask(request.body, screen, &findings);
        let mut answer = None;
        if let Some((rewriter, found)) = response::rewriter(screen, &masks, exchange.dialect) {
            exchange.rewriter = Some(Box::new(rewriter));
            answer = Some(found);
        }
        exchange.screened = Some(Screened {
            outcome,
            masks,
            answer,
        });
        if edits.is_empty() {
            Verdict::Continue
        } else {
            Verdict::Edit(edits)
        }
    }

    fn on_response_head(&self, exchange: &Exchange, _host: &dyn Host, effects: &mut Vec<Effect>) {
        if let Some(screened) = exchange.screened.as_ref().filter(|_| self.debug_headers) {
            effects.push(Effect::ResponseHeader {
                name: "x-tollgate-screen",
                value: screened.outcome.clone(),
            });
        }
    }

    fn on_end(
        &self,
        exchange: &mut Exchange,
        ending: &Ending,
        _host: &dyn Host,
        effects: &mut Vec<Effect>,
    ) {
        // What was masked ends with its exchange.
        let Some(screened) = exchange.screened.take() else {
            return;
        };
        let rewritten = exchange.rewritten();
        exchange.rewriter = None;
        if ending.status == 0 {
            return;
        }
        if rewritten.unmasked > 0 {
            effects.push(Effect::Measure {
                metric: Metric::counter("tollgate.content_screener.unmasked"),
                value: u64::from(rewritten.unmasked),
            });
        }
        if rewritten.passed > 0 || rewritten.is_unreadable {
            effects.push(count("tollgate.content_screener.responses_unscreened"));
        }
        let Some(answer) = &screened.answer else {
            return;
        };
        let Ok(answer) = answer.try_borrow() else {
            return;
        };
        for category in answer.reported() {
            effects.push(counted(Action::Report, category, 1));
        }
        if answer.is_over() {
            effects.push(count("tollgate.content_screener.over_budget"));
        }
        if let Some(category) = answer.blocked() {
            effects.push(counted(Action::Block, category, 1));
            effects.push(count("tollgate.content_screener.responses_blocked"));
            effects.push(Effect::Publish {
                key: "tollgate.screen_response",
                value: format!("block:{}", category.name()),
            });
        }
    }
}

#[cfg(test)]
mod limit_tests;
#[cfg(test)]
mod oracle_tests;
#[cfg(test)]
mod refused_tests;
#[cfg(test)]
mod stage_tests;
