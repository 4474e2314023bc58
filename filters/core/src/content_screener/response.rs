//! What is done with the answer to a request: looked through, and unmasked.

use core::cell::RefCell;
use core::fmt;
use std::rc::Rc;

use super::action::{Action, Category};
use super::answer;
use super::finding::Finding;
use super::fold::fold;
use super::masks::Masks;
use super::pattern::{AFTER, BEFORE};
use super::screen::{Found, Room, Screen, Spending, What, action_of};
use super::term::Term;
use crate::config::{ContentScreenerConfig, Detector, KindsDetector, Mode};
use crate::endpoint::Dialect;
use crate::request::texts::{Speaker, Speakers};
use crate::rewrite::{Blocked, Detect, Originals, Rewriter, TextEdits};

/// Bytes of the longest of a kind that is found in one piece, with what has to stand near it.
/// Phrases have up to twenty words.
const PHRASE: usize = 192;
/// A key with its name; the longest private key is known by its first lines.
const SECRET: usize = 512;
/// An address of mail, RFC 5321, 4.5.3.1, and a little around it.
const PERSONAL_DATA: usize = 384;
/// Characters that nobody sees, in a row.
const INVISIBLE: usize = 64;

/// Bytes of the longest text that is found in an answer.
fn longest(config: &ContentScreenerConfig) -> usize {
    let looks = |detector: &Detector| action_of(detector, Speaker::Response) != Action::Off;
    let looks_for_kinds =
        |kinds: &KindsDetector| kinds.is_any() && kinds.detector.roles.has(Speaker::Response);
    let of = |is_wanted: bool, longest: usize| if is_wanted { longest } else { 0 };
    let terms = config.terms.iter().filter(|list| looks(&list.detector));
    let terms = terms.flat_map(|list| list.terms.iter().map(Term::longest));
    let patterns = config.patterns.iter().any(|rule| looks(&rule.detector));
    let formats = [
        of(looks(&config.injection), PHRASE),
        of(looks(&config.invisible_text), INVISIBLE),
        of(looks_for_kinds(&config.secrets), SECRET),
        of(looks_for_kinds(&config.personal_data), PERSONAL_DATA),
        of(patterns, BEFORE.saturating_add(AFTER)),
    ];
    terms.chain(formats).max().unwrap_or(0)
}

/// What was found in one answer.
#[derive(Debug, Default)]
pub struct Answer {
    /// Everything found, each once.
    found: Vec<(What, Category)>,
    /// What it was stopped for.
    blocked: Option<Category>,
    is_over: bool,
}

impl Answer {
    /// What was found and only reported.
    pub(super) fn reported(&self) -> impl Iterator<Item = Category> {
        self.found.iter().map(|(_, category)| *category)
    }

    /// What it was stopped for.
    pub(super) fn blocked(&self) -> Option<Category> {
        self.blocked
    }

    /// Whether something was not looked at.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }
}

/// What rewrites the answer to a request with these masks, and what it will have found; `None`
/// where nothing is to be done.
pub(super) fn rewriter(
    screen: &Rc<Screen>,
    masks: &Masks,
    dialect: Dialect,
) -> Option<(Rewriter, Rc<RefCell<Answer>>)> {
    let config = screen.config();
    let answer = Rc::new(RefCell::new(Answer::default()));
    let mut originals = Originals::default();
    if config.responses.unmask {
        for (placeholder, original) in masks.iter() {
            originals.add(placeholder, &String::from_utf8_lossy(original));
        }
    }
    // Embeddings are numbers.
    let is_screened =
        dialect != Dialect::Embeddings && config.looks_at(Speakers::of(&[Speaker::Response]));
    let detect = is_screened.then(|| -> Box<dyn Detect> {
        Box::new(Watch {
            screen: Rc::clone(screen),
            answer: Rc::clone(&answer),
            longest: longest(config),
            view: Vec::new(),
            found: Vec::new(),
            room: Room::default(),
        })
    });
    let edits = TextEdits {
        detect,
        max_document: config.responses.max_bytes as usize,
        originals,
    };
    (!edits.is_empty()).then(|| (Rewriter::new(edits), answer))
}

/// The detectors of a rule over the texts of one answer.
struct Watch {
    screen: Rc<Screen>,
    answer: Rc<RefCell<Answer>>,
    longest: usize,
    view: Vec<u8>,
    found: Vec<Found>,
    room: Room,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

impl Detect for Watch {
    fn longest(&self) -> usize {
        self.longest
    }

    fn find(&mut self, text: &str) -> Option<Blocked> {
        self.view.clear();
        self.found.clear();
        let screen = &self.screen;
        let unseen = fold(text.as_bytes(), false, &mut self.view);
        // A bound is of one look: what it bounds is the time of a callback.
        let mut spending = Spending::default();
        let speaker = Speaker::Response;
        screen.find(
            &self.view,
            speaker,
            &mut spending,
            &mut self.room,
            &mut self.found,
        );
        let invisible = &screen.config().invisible_text;
        if unseen.count > 0 && invisible.roles.has(speaker) && invisible.action != Action::Off {
            self.found.push(Found {
                what: What::Invisible,
                action: invisible.action,
                range: 0..0,
            });
        }
        let mut answer = self.answer.try_borrow_mut().ok()?;
        answer.is_over |= spending.is_over;
        let enforces = screen.config().mode == Mode::Enforce;
        let mut findings: Vec<Finding> = Vec::new();
        for one in self.found.drain(..) {
            let (category, severity) = screen.about(one.what, speaker);
            let action = if enforces { one.action } else { Action::Report };
            if action == Action::Block {
                answer.blocked = Some(category);
            } else if !answer.found.contains(&(one.what, category)) {
                answer.found.push((one.what, category));
            }
            findings.push(Finding {
                what: one.what,
                action,
                category,
                severity,
                at: 0,
                places: Vec::new(),
            });
        }
        answer.blocked.map(|_| Blocked {
            results: answer::result(&findings, |finding| screen.name(finding.what)).to_string(),
        })
    }
}
