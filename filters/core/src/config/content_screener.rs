//! Settings of the content-screener stage.

use std::rc::Rc;

use super::mode::Mode;
use super::node::{ConfigError, Node};
use super::read_roles;
use crate::content_screener::action::{Action, Category, Severity};
use crate::content_screener::personal_data;
use crate::content_screener::secrets;
use crate::content_screener::term::{Term, TermError};
use crate::request::texts::{Speaker, Speakers};

/// What is done about what a detector finds, and in whose texts it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detector {
    /// What is done.
    pub action: Action,
    /// Whose texts are looked at.
    pub roles: Speakers,
}

/// A detector that knows several kinds, each of which may have an action of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindsDetector {
    /// What holds for kinds that nothing else is said of.
    pub detector: Detector,
    /// Kinds, by their position in the list of all, with actions of their own.
    pub kinds: Vec<(usize, Action)>,
}

impl KindsDetector {
    /// Whether anything is done about any kind.
    pub fn is_any(&self) -> bool {
        let own = |(_, action): &(usize, Action)| *action != Action::Off;
        self.detector.action != Action::Off || self.kinds.iter().any(own)
    }

    /// What is done about the kind at this position.
    pub fn action(&self, kind: usize) -> Action {
        let own = self.kinds.iter().find(|(at, _)| *at == kind);
        own.map_or(self.detector.action, |(_, action)| *action)
    }
}

/// A list of an operator's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TermList {
    /// Its name in logs and placeholders.
    pub name: String,
    /// What is done, and in whose texts.
    pub detector: Detector,
    /// What the terms are about.
    pub category: Category,
    /// How bad they are.
    pub severity: Severity,
    /// The terms.
    pub terms: Rc<[Term]>,
}

/// A regular expression of an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternRule {
    /// What is done, and in whose texts.
    pub detector: Detector,
    /// What it is about.
    pub category: Category,
    /// How bad that is.
    pub severity: Severity,
    /// Its name in logs and placeholders.
    pub name: String,
    /// The expression, as it was given: the stage compiles it.
    pub regex: String,
    /// What all its matches have.
    pub anchor: String,
    /// Where it stands in the configuration.
    pub(crate) path: String,
}

/// How far the stage goes against disguises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evasion {
    /// Whether words with digits and signs for letters, and letters that stand alone, are read
    /// as what they mean.
    pub disguises: bool,
    /// How often base64 within base64 is decoded; 0 not at all.
    pub base64_depth: u8,
    /// Bytes of base64 that are decoded of one request.
    pub base64_bytes: u32,
}

/// What is done with responses. Whether they are screened is up to the detectors' roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScreenedResponses {
    /// Whether what was masked in the request is put back where the answer repeats its
    /// placeholder.
    pub unmask: bool,
    /// Bytes of a JSON answer that are held back to be screened; longer ones pass unscreened.
    pub max_bytes: u32,
}

/// Settings of the content-screener stage, for one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentScreenerConfig {
    /// Off: the stage does not see the rule's requests.
    pub enabled: bool,
    /// Whether what is found has consequences.
    pub mode: Mode,
    /// Prompt injection: phrases and model.
    pub injection: Detector,
    /// Whether the model looks for injection too, beside the phrases.
    pub injection_model: bool,
    /// Text that nobody sees.
    pub invisible_text: Detector,
    /// Keys and tokens.
    pub secrets: KindsDetector,
    /// Personal data.
    pub personal_data: KindsDetector,
    /// Lists of terms.
    pub terms: Vec<TermList>,
    /// Regular expressions.
    pub patterns: Vec<PatternRule>,
    /// How far the stage goes against disguises.
    pub evasion: Evasion,
    /// What is done with responses.
    pub responses: ScreenedResponses,
}

/// Whose texts may be written by somebody with other interests than the operator's.
const FOREIGN: Speakers = Speakers::of(&[Speaker::User, Speaker::Tool]);

impl Default for ContentScreenerConfig {
    fn default() -> Self {
        let report = |roles| Detector {
            action: Action::Report,
            roles,
        };
        let kinds = KindsDetector {
            detector: report(Speakers::REQUEST),
            kinds: Vec::new(),
        };
        ContentScreenerConfig {
            enabled: true,
            mode: Mode::Enforce,
            injection: Detector {
                action: Action::Block,
                roles: FOREIGN,
            },
            injection_model: true,
            invisible_text: report(FOREIGN),
            secrets: kinds.clone(),
            personal_data: kinds,
            terms: Vec::new(),
            patterns: Vec::new(),
            evasion: Evasion {
                disguises: true,
                base64_depth: 2,
                base64_bytes: 16 << 10,
            },
            responses: ScreenedResponses {
                unmask: true,
                max_bytes: 1 << 20,
            },
        }
    }
}

impl ContentScreenerConfig {
    /// These settings with what `node` gives instead; `packs` are the top level's lists of
    /// terms.
    pub(super) fn overridden_by(
        &self,
        node: &Node,
        packs: &TermPacks,
    ) -> Result<ContentScreenerConfig, ConfigError> {
        let object = node.object(&[
            "enabled",
            "mode",
            "injection",
            "invisible_text",
            "secrets",
            "personal_data",
            "terms",
            "patterns",
            "evasion",
            "responses",
        ])?;
        let mut injection_model = self.injection_model;
        let injection = object.read_or("injection", self.injection, |node| {
            let object = node.object(&["action", "roles", "model"])?;
            injection_model = object.read_or("model", injection_model, Node::boolean)?;
            self.injection.overridden_by(node, &object)
        })?;
        let config = ContentScreenerConfig {
            enabled: object.read_or("enabled", self.enabled, Node::boolean)?,
            mode: object.read_or("mode", self.mode, Mode::read)?,
            injection,
            injection_model,
            invisible_text: object.read_or("invisible_text", self.invisible_text, |node| {
                let object = node.object(&["action", "roles"])?;
                self.invisible_text.overridden_by(node, &object)
            })?,
            secrets: object.read_or("secrets", self.secrets.clone(), |node| {
                let names = secrets::Kind::ALL.iter().map(|kind| kind.name());
                self.secrets.overridden_by(node, names)
            })?,
            personal_data: object.read_or("personal_data", self.personal_data.clone(), |node| {
                let names = personal_data::Kind::ALL.iter().map(|kind| kind.name());
                self.personal_data.overridden_by(node, names)
            })?,
            terms: object.read_or("terms", self.terms.clone(), |node| {
                let lists = node.list()?;
                lists
                    .iter()
                    .map(|node| TermList::read(node, packs))
                    .collect()
            })?,
            patterns: object.read_or("patterns", self.patterns.clone(), |node| {
                node.list()?.iter().map(PatternRule::read).collect()
            })?,
            evasion: object.read_or("evasion", self.evasion, |node| {
                self.evasion.overridden_by(node)
            })?,
            responses: object.read_or("responses", self.responses, |node| {
                self.responses.overridden_by(node)
            })?,
        };
        config.named_apart(node)?;
        Ok(config)
    }

    /// What is shown under one name in logs and placeholders is one thing.
    fn named_apart(&self, node: &Node) -> Result<(), ConfigError> {
        const OURS: [&str; 8] = [
            "pass",
            "over_budget",
            "token_ids",
            "injection_phrase",
            "injection_model",
            "injection",
            "invisible_text",
            "secret",
        ];
        let kinds = personal_data::Kind::ALL.iter().map(|kind| kind.name());
        let taken = OURS.into_iter().chain(kinds);
        let mut taken: Vec<&str> = taken
            .chain(secrets::Kind::ALL.iter().map(|kind| kind.name()))
            .collect();
        let lists = self.terms.iter().enumerate();
        let lists = lists.map(|(at, list)| ("terms", at, list.name.as_str()));
        let rules = self.patterns.iter().enumerate();
        let rules = rules.map(|(at, rule)| ("patterns", at, rule.name.as_str()));
        for (key, at, name) in lists.chain(rules) {
            if taken.contains(&name) {
                return Err(ConfigError {
                    path: format!("{}.{key}[{at}].name", node.path()),
                    problem: format!(
                        "another list or expression, or a kind, is called \"{name}\"; choose another name"
                    ),
                });
            }
            taken.push(name);
        }
        Ok(())
    }

    /// Whether it may take anything out of a request.
    pub fn may_mask(&self) -> bool {
        self.mode == Mode::Enforce && self.any(|action, _| action == Action::Mask)
    }

    /// Whether it has anything to look for in texts of these speakers.
    pub fn looks_at(&self, speakers: Speakers) -> bool {
        self.any(|action, roles| action != Action::Off && roles.meet(speakers))
    }

    /// Whether any detector has such an action in texts of such speakers.
    fn any(&self, is_it: impl Fn(Action, Speakers) -> bool) -> bool {
        let lists = self.terms.iter().map(|list| &list.detector);
        let rules = self.patterns.iter().map(|rule| &rule.detector);
        let kinds = [&self.secrets, &self.personal_data];
        let mut detectors = [&self.injection, &self.invisible_text]
            .into_iter()
            .chain(lists)
            .chain(rules)
            .chain(kinds.map(|kinds| &kinds.detector));
        let mut own = kinds.into_iter().flat_map(|kinds| {
            let roles = kinds.detector.roles;
            kinds.kinds.iter().map(move |(_, action)| (*action, roles))
        });
        self.enabled
            && (detectors.any(|one| is_it(one.action, one.roles))
                || own.any(|(action, roles)| is_it(action, roles)))
    }
}

const ACTIONS: [(&str, Action); 4] = [
    ("off", Action::Off),
    ("report", Action::Report),
    ("mask", Action::Mask),
    ("block", Action::Block),
];

impl Detector {
    /// This detector with what `object` gives instead, which stands at `node`.
    fn overridden_by(
        &self,
        node: &Node,
        object: &super::node::Object,
    ) -> Result<Detector, ConfigError> {
        let detector = Detector {
            action: object.read_or("action", self.action, |node| node.one_of(&ACTIONS))?,
            roles: object.read_or("roles", self.roles, |node| {
                read_roles(node, &Speaker::ALL, "\"action\": \"off\"")
            })?,
        };
        unmasked_in_answers(node, detector.roles, detector.action == Action::Mask)?;
        Ok(detector)
    }
}

/// What is sent to the client is not masked: the client has no way to put it back.
fn unmasked_in_answers(node: &Node, roles: Speakers, masks: bool) -> Result<(), ConfigError> {
    if masks && roles.has(Speaker::Response) {
        return Err(node.wrong(
            "what the model answers can be reported or blocked, not masked: leave `response` out of the roles of \
             what is masked",
        ));
    }
    Ok(())
}

impl KindsDetector {
    /// An action is for every kind; `kinds` given with it, or in a rule below it, differ.
    fn overridden_by(
        &self,
        node: &Node,
        names: impl Iterator<Item = &'static str>,
    ) -> Result<KindsDetector, ConfigError> {
        let object = node.object(&["action", "roles", "kinds"])?;
        let detector = self.detector.overridden_by(node, &object)?;
        let names: Vec<(&str, usize)> = names.enumerate().map(|(at, name)| (name, at)).collect();
        let mut kinds = match object.get("action") {
            Some(_) => Vec::new(),
            None => self.kinds.clone(),
        };
        let given = object.get("kinds").map(|node| node.entries()).transpose()?;
        for (name, node) in given.unwrap_or_default() {
            let known = names.iter().find(|(known, _)| *known == name);
            let (_, kind) = known.ok_or_else(|| {
                let all: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
                node.wrong(format!("unknown kind; known here: {}", all.join(", ")))
            })?;
            kinds.retain(|(at, _)| at != kind);
            kinds.push((*kind, node.one_of(&ACTIONS)?));
        }
        let masks = kinds.iter().any(|(_, action)| *action == Action::Mask);
        unmasked_in_answers(node, detector.roles, masks)?;
        Ok(KindsDetector { detector, kinds })
    }
}

impl Evasion {
    /// Deeper nesting of base64 is nobody's mistake, and nobody's habit.
    const MAX_DEPTH: u8 = 4;
    const MAX_BYTES: u32 = 1 << 20;

    fn overridden_by(&self, node: &Node) -> Result<Evasion, ConfigError> {
        let object = node.object(&["disguises", "base64_depth", "base64_bytes"])?;
        Ok(Evasion {
            disguises: object.read_or("disguises", self.disguises, Node::boolean)?,
            base64_depth: object.read_or("base64_depth", self.base64_depth, |node| {
                node.integer(0, Evasion::MAX_DEPTH)
            })?,
            base64_bytes: object.read_or("base64_bytes", self.base64_bytes, |node| {
                node.integer(0, Evasion::MAX_BYTES)
            })?,
        })
    }
}

impl ScreenedResponses {
    const MAX_BYTES: (u32, u32) = (1 << 10, 16 << 20);

    fn overridden_by(&self, node: &Node) -> Result<ScreenedResponses, ConfigError> {
        let object = node.object(&["unmask", "max_bytes"])?;
        let (low, high) = ScreenedResponses::MAX_BYTES;
        Ok(ScreenedResponses {
            unmask: object.read_or("unmask", self.unmask, Node::boolean)?,
            max_bytes: object
                .read_or("max_bytes", self.max_bytes, |node| node.integer(low, high))?,
        })
    }
}

/// The top level's `term_packs`: lists of terms that rules name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TermPacks(Vec<(String, Rc<[Term]>)>);

impl TermPacks {
    pub(super) fn read(node: &Node) -> Result<TermPacks, ConfigError> {
        let entries = node.entries()?.into_iter();
        let packs = entries.map(|(name, node)| Ok((name.to_owned(), read_terms(&node)?)));
        packs.collect::<Result<_, _>>().map(TermPacks)
    }

    fn named(&self, node: &Node) -> Result<Rc<[Term]>, ConfigError> {
        let name = node.string()?;
        let pack = self.0.iter().find(|(known, _)| known == name);
        pack.map(|(_, terms)| Rc::clone(terms)).ok_or_else(|| {
            let known: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
            node.wrong(format!(
                "no pack of this name in `term_packs`, which has {}",
                if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                }
            ))
        })
    }
}

fn read_terms(node: &Node) -> Result<Rc<[Term]>, ConfigError> {
    let nodes = node.list()?;
    if nodes.is_empty() {
        return Err(node.wrong("an empty list finds nothing; leave it out"));
    }
    if nodes.len() > Term::MOST {
        return Err(node.wrong(format!("more than {} terms", Term::MOST)));
    }
    let term = |node: &Node| {
        Term::new(node.string()?).map_err(|error: TermError| node.wrong(error.to_string()))
    };
    nodes.iter().map(term).collect()
}

const CATEGORIES: [(&str, Category); 6] = [
    ("hate", Category::Hate),
    ("sexual", Category::Sexual),
    ("violence", Category::Violence),
    ("self_harm", Category::SelfHarm),
    ("profanity", Category::Profanity),
    ("custom_blocklist", Category::CustomBlocklist),
];

const SEVERITIES: [(&str, Severity); 3] = [
    ("low", Severity::Low),
    ("medium", Severity::Medium),
    ("high", Severity::High),
];

/// What lists of terms and expressions have in common.
fn read_about(
    node: &Node,
    object: &super::node::Object,
) -> Result<(Detector, Category, Severity), ConfigError> {
    let default = Detector {
        action: Action::Report,
        roles: FOREIGN,
    };
    Ok((
        default.overridden_by(node, object)?,
        object.read_or("category", Category::CustomBlocklist, |node| {
            node.one_of(&CATEGORIES)
        })?,
        object.read_or("severity", Severity::Medium, |node| {
            node.one_of(&SEVERITIES)
        })?,
    ))
}

/// A name that fits into a placeholder and a log: small letters, digits and `_`.
fn read_name(object: &super::node::Object) -> Result<String, ConfigError> {
    let node = object.require("name")?;
    let name = node.string()?;
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.len() > 32 || !name.bytes().all(is_plain) {
        return Err(node.wrong(
            "expected at most 32 small letters, digits and _, as it is shown in logs and placeholders",
        ));
    }
    Ok(name.to_owned())
}

impl TermList {
    fn read(node: &Node, packs: &TermPacks) -> Result<TermList, ConfigError> {
        let object = node.object(&[
            "name", "action", "roles", "category", "severity", "terms", "pack",
        ])?;
        let (detector, category, severity) = read_about(node, &object)?;
        let terms = match (object.get("terms"), object.get("pack")) {
            (Some(terms), None) => read_terms(&terms)?,
            (None, Some(pack)) => packs.named(&pack)?,
            _ => return Err(node.wrong("expected either `terms` or the name of a `pack`")),
        };
        Ok(TermList {
            name: read_name(&object)?,
            detector,
            category,
            severity,
            terms,
        })
    }
}

impl PatternRule {
    fn read(node: &Node) -> Result<PatternRule, ConfigError> {
        let object = node.object(&[
            "name", "action", "roles", "category", "severity", "regex", "anchor",
        ])?;
        let (detector, category, severity) = read_about(node, &object)?;
        Ok(PatternRule {
            detector,
            category,
            severity,
            name: read_name(&object)?,
            regex: object.require("regex")?.string()?.to_owned(),
            anchor: object.require("anchor")?.string()?.to_owned(),
            path: node.path().to_owned(),
        })
    }
}
