//! The model's answer, looked through by the detectors of its request's rule.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use super::action::Action;
use super::answer;
use super::finding::Finding;
use super::fold;
use super::pattern;
use super::screen::{Found, Room, Screen, Spending, What, action_of};
use super::term::Term;
use crate::config::{Detector, KindsDetector, ScreenMode};
use crate::request::texts::{Speaker, Speakers};
use crate::rewrite::{Blocked, Detect};

/// What was found in an answer: each detector once, however often it finds something.
pub type Findings = Rc<RefCell<Vec<Finding>>>;

/// Bytes of the longest of a kind that is found in one piece, with what has to stand near it.
/// Phrases have up to twenty words.
const PHRASE: usize = 192;
/// A key with its name, and an address of mail of RFC 5321; the longest private key is known by
/// its first line.
const SECRET: usize = 512;
const PERSONAL_DATA: usize = 384;
/// Characters that nobody sees, in a row.
const INVISIBLE: usize = 64;

/// Looks through one answer.
pub(super) struct ResponseScreen {
    screen: Rc<Screen>,
    longest: usize,
    folded: Vec<u8>,
    room: Room,
    found: Vec<Found>,
    findings: Findings,
}

impl fmt::Debug for ResponseScreen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseScreen").finish_non_exhaustive()
    }
}

impl ResponseScreen {
    /// Looks for what `screen` wants found in answers; `None` where that is nothing.
    pub(super) fn new(screen: &Rc<Screen>, findings: &Findings) -> Option<ResponseScreen> {
        let wanted = Speakers::of(&[Speaker::Response]);
        let is_wanted = screen.config().looks_at(wanted);
        is_wanted.then(|| ResponseScreen {
            longest: longest(screen),
            screen: Rc::clone(screen),
            folded: Vec::new(),
            room: Room::default(),
            found: Vec::new(),
            findings: Rc::clone(findings),
        })
    }

    /// Takes note of something found. Tells whether it stops the answer.
    fn note(&mut self, what: What, action: Action) -> bool {
        // There is no placeholder in an answer that anybody could make something of.
        let action = match action {
            Action::Block if self.screen.config().mode == ScreenMode::Enforce => Action::Block,
            _ => Action::Report,
        };
        let (category, severity) = self.screen.about(what, Speaker::Response);
        if let Ok(mut findings) = self.findings.try_borrow_mut()
            && !findings.iter().any(|finding| finding.what == what)
        {
            findings.push(Finding {
                what,
                action,
                category,
                severity,
                at: 0,
                places: Vec::new(),
            });
        }
        action == Action::Block
    }
}

impl Detect for ResponseScreen {
    fn longest(&self) -> usize {
        self.longest
    }

    fn find(&mut self, text: &str) -> Option<Blocked> {
        self.folded.clear();
        self.found.clear();
        let unseen = fold::fold(text.as_bytes(), false, &mut self.folded);
        // What is held back is looked through again with what comes, so that what one look
        // spends says nothing of the answer.
        let mut spending = Spending::default();
        self.screen.find(
            &self.folded,
            Speaker::Response,
            &mut spending,
            &mut self.room,
            &mut self.found,
        );
        let mut is_blocked = false;
        let invisible = action_of(&self.screen.config().invisible_text, Speaker::Response);
        if unseen.count > 0 && invisible != Action::Off {
            is_blocked |= self.note(What::Invisible, invisible);
        }
        let found = core::mem::take(&mut self.found);
        for one in &found {
            is_blocked |= self.note(one.what, one.action);
        }
        self.found = found;
        if !is_blocked {
            return None;
        }
        let findings = self.findings.try_borrow().ok()?;
        let result = answer::result(&findings, |finding| self.screen.name(finding.what));
        Some(Blocked {
            results: result.to_string(),
        })
    }
}

/// Bytes of the longest text that `screen` finds in an answer.
fn longest(screen: &Screen) -> usize {
    let config = screen.config();
    let looks = |detector: &Detector| action_of(detector, Speaker::Response) != Action::Off;
    let looks_for_kinds = |kinds: &KindsDetector| {
        let own = kinds.kinds.iter().any(|(_, action)| *action != Action::Off);
        kinds.detector.roles.has(Speaker::Response) && (own || kinds.detector.action != Action::Off)
    };
    let terms = config.terms.iter().filter(|list| looks(&list.detector));
    let terms = terms.flat_map(|list| list.terms.iter().map(Term::longest));
    let of = |is_wanted: bool, longest: usize| if is_wanted { longest } else { 0 };
    let patterns = config.patterns.iter().any(|rule| looks(&rule.detector));
    [
        terms.max().unwrap_or(0),
        of(looks(&config.injection), PHRASE),
        of(looks(&config.invisible_text), INVISIBLE),
        of(looks_for_kinds(&config.secrets), SECRET),
        of(looks_for_kinds(&config.personal_data), PERSONAL_DATA),
        of(patterns, pattern::BEFORE.saturating_add(pattern::AFTER)),
    ]
    .into_iter()
    .fold(0, usize::max)
}
