//! The detectors of one rule, run over one folded text.

use core::ops::Range;
use std::rc::Rc;

use super::action::{Action, Category, Severity};
use super::disguise::{self, Copies};
use super::encoded::{self, Blob};
use super::injection::{Phrases, Score};
use super::kin::Kin;
use super::lexicon::{Anchor, Lexicon};
use super::pattern::{Pattern, PatternError, Spent};
use super::personal_data;
use super::secrets;
use super::term::Term;
use crate::config::{ConfigError, ContentScreenerConfig, Detector};
use crate::request::texts::Speaker;
use crate::words::{self, Disguise, Word};

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// A phrase of an injection.
    Phrase,
    /// Words as injections have them.
    Model,
    /// Text that nobody sees.
    Invisible,
    /// A key or token, by its kind's position.
    Secret(u16),
    /// Personal data, by its kind's position.
    PersonalData(u16),
    /// A term of the list at this position.
    Term(u16),
    /// A match of the expression at this position.
    Pattern(u16),
}

/// Something found in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub what: What,
    /// What is done about it, in whoever's text it is.
    pub action: Action,
    /// Where it stands in the folded text.
    pub range: Range<usize>,
}

impl Found {
    /// Findings in the order of their text.
    pub(super) fn order(&self) -> (usize, usize, What) {
        (self.range.start, self.range.end, self.what)
    }
}

/// What something that is looked for by its first word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Words(Wording),
    Secret,
    Pattern(u16),
}

/// What is made of words, and is one however its letters are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wording {
    /// Phrases with this anchor.
    Phrase(u16),
    /// Terms with this first word, by their positions in [`Kin`].
    Terms(u32, u32),
}

/// Most findings of one text, and of a request: of what is more, only what has graver
/// consequences counts, and what can not be masked any more blocks.
pub const MOST_FOUND: usize = 1 << 16;

/// So many candidates are put aside before they are looked at closer.
const BATCH: usize = 256;

/// The detectors of one rule.
pub struct Screen {
    lexicon: Lexicon<Target>,
    kin: Kin,
    phrases: Rc<Phrases>,
    patterns: Vec<Pattern>,
    /// The settings it was made of.
    config: ContentScreenerConfig,
}

/// What a request has spent of its bounds.
#[derive(Debug, Default)]
pub struct Spending {
    /// Of each expression's.
    patterns: Vec<Spent>,
    /// Bytes of base64 that were decoded.
    decoded: usize,
    /// A bound was reached: something was not looked at.
    pub is_over: bool,
}

/// Room that texts are looked through in, kept from one to the next.
#[derive(Debug, Default)]
pub struct Room {
    found: Vec<Found>,
    disguised: Vec<(usize, Disguise)>,
    blobs: Vec<usize>,
    hits: Vec<(usize, Target)>,
    copies: Copies,
    score: Score,
}

impl Screen {
    /// The detectors that `config` asks for.
    ///
    /// # Errors
    /// Where one of its expressions can not be looked for.
    pub fn new(
        config: &ContentScreenerConfig,
        phrases: &Rc<Phrases>,
    ) -> Result<Screen, ConfigError> {
        let narrow = |at: usize| u16::try_from(at).unwrap_or(u16::MAX);
        let mut anchors: Vec<(Anchor, Target)> = Vec::new();
        if config.injection.action != Action::Off {
            for (at, (word, goes_on)) in phrases.anchors().enumerate() {
                let word = word.as_bytes();
                let anchor = Anchor::of(word, goes_on).or_else(|| Anchor::of(word, false));
                anchors.extend(
                    anchor.map(|anchor| (anchor, Target::Words(Wording::Phrase(narrow(at))))),
                );
            }
        }
        if config.secrets.is_any() {
            for anchor in secrets::anchors() {
                let anchor = Anchor::of(anchor.word.as_bytes(), !anchor.is_whole);
                anchors.extend(anchor.map(|anchor| (anchor, Target::Secret)));
            }
        }
        let kin = Kin::new(&config.terms, |anchor, group| {
            let terms = Wording::Terms(group.start, group.end);
            anchors.push((anchor, Target::Words(terms)));
        });
        let mut patterns = Vec::new();
        for (at, rule) in config.patterns.iter().enumerate() {
            let compiled = Pattern::new(&rule.regex, &rule.anchor);
            let pattern = compiled.map_err(|error| {
                let (key, problem) = match error {
                    PatternError::Regex(problem) => ("regex", problem),
                    PatternError::Anchor(problem) => ("anchor", problem),
                };
                let path = format!("{}.{key}", rule.path);
                ConfigError { path, problem }
            })?;
            anchors.push((pattern.anchor(), Target::Pattern(narrow(at))));
            patterns.push(pattern);
        }
        Ok(Screen {
            patterns,
            lexicon: Lexicon::new(anchors.into_iter()),
            kin,
            phrases: Rc::clone(phrases),
            config: config.clone(),
        })
    }

    /// The settings it was made of.
    pub fn config(&self) -> &ContentScreenerConfig {
        &self.config
    }

    /// Bytes of its tables and terms.
    pub fn bytes(&self) -> usize {
        let terms = self.config.terms.iter().flat_map(|list| list.terms.iter());
        let terms = terms.fold(0usize, |sum, term| {
            sum.saturating_add(size_of::<Term>())
                .saturating_add(term.bytes())
        });
        self.lexicon
            .bytes()
            .saturating_add(self.kin.bytes())
            .saturating_add(terms)
    }

    /// Finds what is to be found in the folded `text` of `speaker`, and appends it to `found`.
    pub fn find(
        &self,
        text: &[u8],
        speaker: Speaker,
        spending: &mut Spending,
        room: &mut Room,
        found: &mut Vec<Found>,
    ) {
        self.find_within(text, speaker, 0, spending, room);
        spending.is_over |= room.found.len() >= MOST_FOUND;
        found.append(&mut room.found);
    }

    fn find_within(
        &self,
        text: &[u8],
        speaker: Speaker,
        depth: u8,
        spending: &mut Spending,
        room: &mut Room,
    ) {
        let config = &self.config;
        room.hits.clear();
        room.disguised.clear();
        room.blobs.clear();
        let injection = action_of(&config.injection, speaker);
        let is_modelled = injection != Action::Off && config.injection_model;
        let is_decoded = depth < config.evasion.base64_depth;
        let shortest_run = if is_decoded {
            encoded::SHORTEST_RUN
        } else {
            u32::MAX
        };
        for spent in &mut spending.patterns {
            spent.until = 0;
        }
        let Room {
            hits,
            disguised,
            blobs,
            found,
            score,
            ..
        } = &mut *room;
        score.clear();
        let mut look = |word: Word, hits: &mut Vec<(usize, Target)>| {
            if hits.len() >= BATCH {
                self.check_all(text, hits, speaker, spending, found);
            }
            if word.len >= shortest_run {
                blobs.push(word.at);
            }
        };
        let disguise = config
            .evasion
            .disguises
            .then_some(|at, disguise| disguised.push((at, disguise)));
        // The one closure takes every word, the other few: what both do is not worth a call in
        // the first.
        if is_modelled {
            let take = |word: Word| {
                self.note(word, hits);
                score.word(word);
                if hits.len() >= BATCH || word.len >= shortest_run {
                    look(word, hits);
                }
            };
            words::each_wanted(text, &words::All, take, disguise);
        } else {
            let take = |word: Word| {
                self.note(word, hits);
                look(word, hits);
            };
            self.lexicon.each_word(text, shortest_run, take, disguise);
        }
        self.check_all(text, hits, speaker, spending, found);
        if let Some(verdict) = score.finish() {
            add(found, What::Model, injection, verdict.range);
        }
        self.find_personal_data(text, speaker, &mut room.found);
        if config.secrets.is_any() && config.secrets.detector.roles.has(speaker) {
            secrets::scan_unmarked(text, &mut |secret| self.add_secret(secret, &mut room.found));
        }
        if !room.disguised.is_empty() {
            self.find_disguised(text, speaker, room);
        }
        if !room.blobs.is_empty() {
            self.find_encoded(text, speaker, depth, spending, room);
        }
    }

    /// Puts aside what may begin with `word`.
    #[inline(always)]
    fn note(&self, word: Word, hits: &mut Vec<(usize, Target)>) {
        self.lexicon
            .look(word, |target| hits.push((word.at, target)));
    }

    /// Looks closer at what may begin where the `hits` are, and forgets them.
    #[inline(never)]
    fn check_all(
        &self,
        text: &[u8],
        hits: &mut Vec<(usize, Target)>,
        speaker: Speaker,
        spending: &mut Spending,
        found: &mut Vec<Found>,
    ) {
        for (at, target) in hits.drain(..) {
            self.check(text, at, target, speaker, spending, found);
        }
    }

    /// Looks closer at what may begin at `at`.
    fn check(
        &self,
        text: &[u8],
        at: usize,
        target: Target,
        speaker: Speaker,
        spending: &mut Spending,
        found: &mut Vec<Found>,
    ) {
        let config = &self.config;
        match target {
            Target::Words(wording) => self.check_words(text, at, wording, speaker, found),
            Target::Secret => {
                if config.secrets.detector.roles.has(speaker)
                    && let Some(secret) = secrets::check(text, at)
                {
                    self.add_secret(secret, found);
                }
            }
            Target::Pattern(number) => {
                let Some(rule) = config.patterns.get(usize::from(number)) else {
                    return;
                };
                let action = action_of(&rule.detector, speaker);
                if action == Action::Off {
                    return;
                }
                spending
                    .patterns
                    .resize(config.patterns.len(), Spent::default());
                let Some(spent) = spending.patterns.get_mut(usize::from(number)) else {
                    return;
                };
                let what = What::Pattern(number);
                let Some(pattern) = self.patterns.get(usize::from(number)) else {
                    return;
                };
                let is_within = pattern.check(text, at, spent, &mut |range| {
                    add(found, what, action, range);
                });
                if !is_within {
                    // So full of what may begin a match that it can not all be looked at: where
                    // a match would be refused, so is this.
                    spending.is_over = true;
                    let action = if action == Action::Block {
                        action
                    } else {
                        Action::Report
                    };
                    add(found, what, action, at..at.saturating_add(1));
                }
            }
        }
    }

    /// Looks closer at what is made of words, in the text or in a copy of it.
    fn check_words(
        &self,
        text: &[u8],
        at: usize,
        wording: Wording,
        speaker: Speaker,
        found: &mut Vec<Found>,
    ) {
        let config = &self.config;
        match wording {
            Wording::Phrase(anchor) => {
                let action = action_of(&config.injection, speaker);
                if action != Action::Off
                    && let Some(range) = self.phrases.check(text, at, usize::from(anchor))
                {
                    add(found, What::Phrase, action, range);
                }
            }
            Wording::Terms(start, end) => {
                let group = start..end;
                self.kin
                    .check(&config.terms, &group, text, at, |place, range| {
                        let list = config.terms.get(usize::from(place.list));
                        let action = list.map(|list| action_of(&list.detector, speaker));
                        if let Some(action) = action.filter(|action| *action != Action::Off) {
                            add(found, What::Term(place.list), action, range);
                        }
                    });
            }
        }
    }

    fn add_secret(&self, secret: secrets::Found, found: &mut Vec<Found>) {
        let action = self.config.secrets.action(secret.kind as usize);
        if action != Action::Off {
            let what = What::Secret(secret.kind as u16);
            add(found, what, action, secret.start..secret.end);
        }
    }

    fn find_personal_data(&self, text: &[u8], speaker: Speaker, found: &mut Vec<Found>) {
        let config = &self.config.personal_data;
        if !config.detector.roles.has(speaker) {
            return;
        }
        let wanted = personal_data::Kind::ALL
            .into_iter()
            .filter(|kind| config.action(*kind as usize) != Action::Off);
        let wanted: personal_data::Kinds = wanted.collect();
        if wanted.is_empty() {
            return;
        }
        personal_data::scan(text, wanted, &mut |one: personal_data::Found| {
            let action = config.action(one.kind as usize);
            add(
                found,
                What::PersonalData(one.kind as u16),
                action,
                one.start..one.end,
            );
        });
    }

    /// Looks again at the stretches in which words may be written in another way.
    fn find_disguised(&self, text: &[u8], speaker: Speaker, room: &mut Room) {
        let Room {
            found,
            disguised,
            hits,
            copies,
            ..
        } = room;
        let mut here = Vec::new();
        disguise::each(text, disguised, copies, |copy| {
            let mut check_all = |hits: &mut Vec<(usize, Target)>| {
                for (at, target) in hits.drain(..) {
                    if let Target::Words(wording) = target {
                        self.check_words(copy.text(), at, wording, speaker, &mut here);
                    }
                }
                for one in here.drain(..) {
                    // What reads the same in the text has been found there.
                    if let Some(range) = copy.source(&one.range) {
                        add(found, one.what, one.action, range);
                    }
                }
            };
            let take = |word: Word| {
                self.note(word, hits);
                if hits.len() >= BATCH {
                    check_all(hits);
                }
            };
            self.lexicon
                .each_word(copy.text(), u32::MAX, take, words::NOT_WATCHED);
            check_all(hits);
        });
    }

    /// Decodes what may be base64 and looks through the text it says.
    fn find_encoded(
        &self,
        text: &[u8],
        speaker: Speaker,
        depth: u8,
        spending: &mut Spending,
        room: &mut Room,
    ) {
        let most = self.config.evasion.base64_bytes as usize;
        let blobs = core::mem::take(&mut room.blobs);
        let mut until = 0usize;
        for at in &blobs {
            if *at < until {
                continue;
            }
            let Some(Blob { range, source }) = encoded::blob(text, *at) else {
                continue;
            };
            until = range.end;
            if !encoded::may_be_text(&source) {
                continue;
            }
            if spending.decoded.saturating_add(range.len()) > most {
                spending.is_over = true;
                continue;
            }
            let Some(decoded) = encoded::decode(&source) else {
                continue;
            };
            spending.decoded = spending.decoded.saturating_add(range.len());
            let mut inner = Room::default();
            self.find_within(
                &decoded,
                speaker,
                depth.saturating_add(1),
                spending,
                &mut inner,
            );
            for one in inner.found {
                add(&mut room.found, one.what, one.action, range.clone());
            }
        }
        room.blobs = blobs;
    }

    /// What something found is called in logs.
    pub fn name(&self, what: What) -> &str {
        match what {
            What::Phrase => "injection_phrase",
            What::Model => "injection_model",
            What::Invisible => "invisible_text",
            What::Secret(kind) => named(secrets::Kind::ALL, kind, secrets::Kind::name),
            What::PersonalData(kind) => {
                named(&personal_data::Kind::ALL, kind, personal_data::Kind::name)
            }
            What::Term(list) => {
                let list = self.config.terms.get(usize::from(list));
                list.map_or("terms", |list| &list.name)
            }
            What::Pattern(rule) => {
                let rule = self.config.patterns.get(usize::from(rule));
                rule.map_or("pattern", |rule| &rule.name)
            }
        }
    }

    /// What its placeholder is called, such as `EMAIL` in `[EMAIL_1]`.
    pub fn label(&self, what: What) -> String {
        match what {
            What::Phrase | What::Model => "INJECTION".to_owned(),
            What::Secret(_) => "SECRET".to_owned(),
            What::PersonalData(kind) => {
                named(&personal_data::Kind::ALL, kind, personal_data::Kind::label).to_owned()
            }
            What::Invisible | What::Term(_) | What::Pattern(_) => {
                self.name(what).to_ascii_uppercase()
            }
        }
    }

    /// What it is about and how bad it is, in the text of `speaker`.
    pub fn about(&self, what: What, speaker: Speaker) -> (Category, Severity) {
        let config = &self.config;
        match what {
            // What an application or a tool brings along attacks its user; what the user says is
            // the user's own attack.
            What::Phrase | What::Model if speaker == Speaker::User => {
                (Category::Jailbreak, Severity::High)
            }
            What::Phrase | What::Model => (Category::IndirectAttack, Severity::High),
            What::Invisible => (Category::InvisibleText, Severity::Medium),
            What::Secret(_) => (Category::Secret, Severity::High),
            What::PersonalData(_) => (Category::PersonalData, Severity::Medium),
            What::Term(list) => config
                .terms
                .get(usize::from(list))
                .map_or((Category::CustomBlocklist, Severity::Medium), |list| {
                    (list.category, list.severity)
                }),
            What::Pattern(rule) => config
                .patterns
                .get(usize::from(rule))
                .map_or((Category::CustomBlocklist, Severity::Medium), |rule| {
                    (rule.category, rule.severity)
                }),
        }
    }
}

fn named<K: Copy>(all: &[K], at: u16, name: impl Fn(K) -> &'static str) -> &'static str {
    all.get(usize::from(at)).map_or("", |kind| name(*kind))
}

/// What a detector does about texts of `speaker`.
pub(super) fn action_of(detector: &Detector, speaker: Speaker) -> Action {
    match detector.roles.has(speaker) {
        true => detector.action,
        false => Action::Off,
    }
}

fn add(found: &mut Vec<Found>, what: What, action: Action, range: Range<usize>) {
    let one = Found {
        what,
        action,
        range,
    };
    if found.len() < MOST_FOUND {
        found.push(one);
    } else if let Some(last) = found.last_mut().filter(|_| action >= Action::Mask) {
        *last = Found {
            action: Action::Block,
            ..one
        };
    }
}
