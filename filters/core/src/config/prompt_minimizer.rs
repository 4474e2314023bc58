//! Settings of the prompt-minimizer stage.

use super::mode::Mode;
use super::node::{ConfigError, Node};
use super::read_roles;
use crate::prompt_minimizer::{Transform, cap};
use crate::request::texts::{Speaker, Speakers};

/// Whether a transform of texts is on, and whose texts it looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Texts {
    /// Off: it looks at nothing.
    pub enabled: bool,
    /// Whose texts it looks at.
    pub roles: Speakers,
}

impl Texts {
    /// Those whose messages have texts to minimize.
    const ROLES: [(&'static str, Speaker); 5] = [
        ("system", Speaker::System),
        ("developer", Speaker::Developer),
        ("user", Speaker::User),
        ("assistant", Speaker::Assistant),
        ("tool", Speaker::Tool),
    ];

    const fn off(roles: Speakers) -> Texts {
        Texts {
            enabled: false,
            roles,
        }
    }

    /// Whether it looks at texts of `speaker`.
    pub fn looks_at(&self, speaker: Speaker) -> bool {
        self.enabled && self.roles.has(speaker)
    }

    fn overridden_by(&self, node: &Node) -> Result<Texts, ConfigError> {
        let object = node.object(&["enabled", "roles"])?;
        self.with(&object)
    }

    /// The two keys that every transform has, from an object that may have more.
    fn with(&self, object: &super::node::Object) -> Result<Texts, ConfigError> {
        Ok(Texts {
            enabled: object.read_or("enabled", self.enabled, Node::boolean)?,
            roles: object.read_or("roles", self.roles, |node| {
                read_roles(node, &Texts::ROLES, "\"enabled\": false")
            })?,
        })
    }
}

/// Later copies of what a conversation has already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeats {
    /// Whose copies.
    pub texts: Texts,
    /// Bytes a copy has at least.
    pub min_bytes: u32,
}

/// Texts that are longer than they may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cap {
    /// Whose texts.
    pub texts: Texts,
    /// Bytes a text may have.
    pub max_bytes: u32,
    /// Bytes of its beginning that stay of a longer one.
    pub head_bytes: u32,
    /// Bytes of its end that stay.
    pub tail_bytes: u32,
}

/// What becomes of a conversation that no cut brings within its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooLong {
    /// It is answered with 400 and `context_length_exceeded`.
    Refuse,
    /// It is sent as it is.
    Pass,
}

/// How much of a conversation is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Off: all of it.
    pub enabled: bool,
    /// Tokens of the prompt, estimated as it came.
    pub max_tokens: u32,
    /// Tokens by which its beginning moves at least.
    step_tokens: Option<u32>,
    /// What becomes of one that cannot be cut to that.
    pub too_long: TooLong,
}

/// Settings of the prompt-minimizer stage, for one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PromptMinimizerConfig {
    /// Off: the stage does not see the rule's requests.
    pub enabled: bool,
    /// Whether what could be saved is.
    pub mode: Mode,
    /// Whether white space outside strings goes, and escapes become the characters they are.
    pub transport: bool,
    /// White space in texts that are JSON or XML.
    pub structure: Texts,
    /// Ends of lines, blanks ahead of them, characters without width.
    pub canonical: Texts,
    /// Data in base64.
    pub base64: Texts,
    /// Later copies of what a conversation has already.
    pub repeats: Repeats,
    /// Lists of like JSON objects.
    pub records: Texts,
    /// Texts that are HTML.
    pub html: Texts,
    /// Lines that repeat.
    pub logs: Texts,
    /// Texts that are longer than they may be.
    pub cap: Cap,
    /// Conversations that are longer than they may be.
    pub window: Window,
}

const TOOL: Speakers = Speakers::of(&[Speaker::Tool]);
const ALL: Speakers = Speakers::of(&[
    Speaker::System,
    Speaker::Developer,
    Speaker::User,
    Speaker::Assistant,
    Speaker::Tool,
]);

impl Default for PromptMinimizerConfig {
    fn default() -> Self {
        PromptMinimizerConfig {
            enabled: true,
            mode: Mode::Enforce,
            transport: true,
            structure: Texts {
                enabled: true,
                roles: TOOL,
            },
            canonical: Texts::off(ALL),
            base64: Texts::off(TOOL),
            repeats: Repeats {
                texts: Texts::off(TOOL),
                min_bytes: 512,
            },
            records: Texts::off(TOOL),
            html: Texts::off(TOOL),
            logs: Texts::off(TOOL),
            cap: Cap {
                texts: Texts::off(TOOL),
                // About four thousand tokens of English, most of them at its beginning.
                max_bytes: 16 << 10,
                head_bytes: 12 << 10,
                tail_bytes: 3 << 10,
            },
            window: Window {
                enabled: false,
                // What models of a window of 128,000 leave beside an answer.
                max_tokens: 96_000,
                step_tokens: None,
                too_long: TooLong::Refuse,
            },
        }
    }
}

impl Repeats {
    /// A reference has about a hundred bytes.
    const MIN_BYTES: (u32, u32) = (256, 1 << 20);

    fn overridden_by(&self, node: &Node) -> Result<Repeats, ConfigError> {
        let object = node.object(&["enabled", "roles", "min_bytes"])?;
        let (low, high) = Repeats::MIN_BYTES;
        Ok(Repeats {
            texts: self.texts.with(&object)?,
            min_bytes: object
                .read_or("min_bytes", self.min_bytes, |node| node.integer(low, high))?,
        })
    }
}

impl Cap {
    const MAX_BYTES: (u32, u32) = (256, 16 << 20);

    /// The most bytes of a text, of its head and of its tail.
    pub fn bytes(&self) -> [usize; 3] {
        [self.max_bytes, self.head_bytes, self.tail_bytes].map(|bytes| bytes as usize)
    }

    fn overridden_by(&self, node: &Node) -> Result<Cap, ConfigError> {
        let object = node.object(&["enabled", "roles", "max_bytes", "head_bytes", "tail_bytes"])?;
        let (low, high) = Cap::MAX_BYTES;
        let read = |key, own, low| object.read_or(key, own, |node| node.integer(low, high));
        let cap = Cap {
            texts: self.texts.with(&object)?,
            max_bytes: read("max_bytes", self.max_bytes, low)?,
            head_bytes: read("head_bytes", self.head_bytes, 0)?,
            tail_bytes: read("tail_bytes", self.tail_bytes, 0)?,
        };
        let [max, head, tail] = cap.bytes();
        if !cap::fits(max, head, tail) {
            return Err(node.wrong(format!(
                "head_bytes ({head}) and tail_bytes ({tail}) leave no room under max_bytes ({max}) for a note of what is left out"
            )));
        }
        Ok(cap)
    }
}

impl Window {
    const MAX_TOKENS: (u32, u32) = (256, 1 << 24);

    /// Tokens by which its beginning moves at least: a quarter of it, where nothing else is said.
    pub fn step(&self) -> u32 {
        self.step_tokens.unwrap_or(self.max_tokens >> 2)
    }

    fn overridden_by(&self, node: &Node) -> Result<Window, ConfigError> {
        const TOO_LONG: [(&str, TooLong); 2] =
            [("refuse", TooLong::Refuse), ("pass", TooLong::Pass)];
        let object = node.object(&["enabled", "max_tokens", "step_tokens", "too_long"])?;
        let (low, high) = Window::MAX_TOKENS;
        let window = Window {
            enabled: object.read_or("enabled", self.enabled, Node::boolean)?,
            max_tokens: object.read_or("max_tokens", self.max_tokens, |node| {
                node.integer(low, high)
            })?,
            step_tokens: object.read_or("step_tokens", self.step_tokens, |node| {
                node.integer(1, high).map(Some)
            })?,
            too_long: object.read_or("too_long", self.too_long, |node| node.one_of(&TOO_LONG))?,
        };
        let (step, max) = (window.step(), window.max_tokens);
        if step >= max {
            return Err(node.wrong(format!(
                "a step of {step} tokens (step_tokens) leaves nothing of a window of {max} (max_tokens)"
            )));
        }
        Ok(window)
    }
}

impl PromptMinimizerConfig {
    /// These settings with what `node` gives instead.
    pub(super) fn overridden_by(&self, node: &Node) -> Result<PromptMinimizerConfig, ConfigError> {
        let object = node.object(&[
            "enabled",
            "mode",
            "transport",
            "structure",
            "canonical",
            "base64",
            "repeats",
            "records",
            "html",
            "logs",
            "cap",
            "window",
        ])?;
        let texts = |key, own: &Texts| object.read_or(key, *own, |node| own.overridden_by(node));
        Ok(PromptMinimizerConfig {
            enabled: object.read_or("enabled", self.enabled, Node::boolean)?,
            mode: object.read_or("mode", self.mode, Mode::read)?,
            transport: object.read_or("transport", self.transport, Node::boolean)?,
            structure: texts("structure", &self.structure)?,
            canonical: texts("canonical", &self.canonical)?,
            base64: texts("base64", &self.base64)?,
            repeats: object.read_or("repeats", self.repeats, |node| {
                self.repeats.overridden_by(node)
            })?,
            records: texts("records", &self.records)?,
            html: texts("html", &self.html)?,
            logs: texts("logs", &self.logs)?,
            cap: object.read_or("cap", self.cap, |node| self.cap.overridden_by(node))?,
            window: object.read_or("window", self.window, |node| {
                self.window.overridden_by(node)
            })?,
        })
    }

    /// Whose texts `transform` looks at.
    pub fn texts(&self, transform: Transform) -> &Texts {
        match transform {
            Transform::Repeats => &self.repeats.texts,
            Transform::Html => &self.html,
            Transform::Records => &self.records,
            Transform::Structure => &self.structure,
            Transform::Base64 => &self.base64,
            Transform::Canonical => &self.canonical,
            Transform::Logs => &self.logs,
            Transform::Cap => &self.cap.texts,
        }
    }

    /// Whether any transform looks at texts.
    pub fn reads_texts(&self) -> bool {
        let is_on = |transform| self.texts(transform).enabled;
        self.enabled && Transform::ALL.into_iter().any(is_on)
    }

    /// Whether it may change a request.
    pub fn may_edit(&self) -> bool {
        let is_any = self.transport || self.window.enabled || self.reads_texts();
        self.enabled && self.mode == Mode::Enforce && is_any
    }
}
