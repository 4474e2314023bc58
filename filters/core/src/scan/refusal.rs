//! Why a body is refused, and where: a fixed-size value, put into words by its `Display`.

use core::fmt;

use super::schema::Object;
use crate::json::ErrorKind;

/// Why and where the scanner refuses a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong.
    pub kind: RefusalKind,
    /// The field that is wrong; for a syntax error the innermost known place around it.
    pub path: Path,
    /// Offset in the body.
    pub at: usize,
}

/// What is wrong with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// It is not JSON.
    Syntax(ErrorKind),
    /// It is JSON, but no object.
    NotAnObject,
    /// A field has a type it cannot have.
    WrongType {
        /// The types it can have.
        expected: Types,
        /// The one it has.
        found: Type,
    },
    /// A count is negative, or written with a fraction or an exponent.
    NotACount,
    /// One object has the same key twice: parsers differ on which one counts.
    DuplicateKey,
    /// A key is written with escapes, which not every reader undoes.
    EscapedKey,
    /// A key differs from one of the schema only in its case, which not every reader minds.
    MiscasedKey,
}

/// JSON's types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Type {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
    /// `"…"`
    String,
    /// Digits.
    Number,
    /// `true` or `false`
    Boolean,
    /// `null`
    Null,
}

impl Type {
    const ALL: [Type; 6] = [
        Type::String,
        Type::Number,
        Type::Boolean,
        Type::Array,
        Type::Object,
        Type::Null,
    ];

    fn words(self) -> &'static str {
        match self {
            Type::Object => "an object",
            Type::Array => "an array",
            Type::String => "a string",
            Type::Number => "a number",
            Type::Boolean => "a boolean",
            Type::Null => "null",
        }
    }
}

/// A set of types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Types(u8);

impl Types {
    /// No type.
    pub(super) const NONE: Types = Types(0);

    /// Every type.
    pub(super) const ALL: Types = Types(0b11_1111);

    /// This set and `one`.
    pub const fn with(self, one: Type) -> Types {
        Types(self.0 | 1 << one as u8)
    }

    /// Whether `one` is in the set.
    pub const fn contain(self, one: Type) -> bool {
        self.0 & 1 << one as u8 != 0
    }
}

/// How deep the schema reaches: `messages[3].content[0].image_url.url` has six steps.
pub(super) const SCHEMA_DEPTH: usize = 6;

/// A place in the request; its `Display` is such as `messages[3].content`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Path {
    steps: [Option<Step>; SCHEMA_DEPTH],
}

/// One step of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// To a member of an object, by the number that `Object::key` gives.
    Key(Object, u8),
    /// To an element of an array.
    Index(u32),
}

impl Path {
    /// The first `SCHEMA_DEPTH` of `steps`.
    pub(super) fn new(steps: impl Iterator<Item = Step>) -> Path {
        let mut path = Path::default();
        for (place, step) in path.steps.iter_mut().zip(steps) {
            *place = Some(step);
        }
        path
    }

    /// Whether it is the request as a whole.
    pub fn is_empty(&self) -> bool {
        *self == Path::default()
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for step in self.steps.iter().flatten() {
            match step {
                Step::Key(object, key) => write!(f, "{separator}{}", object.member(*key).0)?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
            separator = ".";
        }
        Ok(())
    }
}

impl Refusal {
    /// The path for the `param` of OpenAI's error object; `None` for the body as a whole,
    /// and for what is no JSON: no parameter has been read of it.
    pub fn param(&self) -> Option<String> {
        let names_one = !matches!(self.kind, RefusalKind::Syntax(_)) && !self.path.is_empty();
        names_one.then(|| self.path.to_string())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind, self.path.is_empty()) {
            (RefusalKind::Syntax(_), true) => f.write_str("The body is not valid JSON: ")?,
            (RefusalKind::Syntax(_), false) => {
                write!(f, "The body is not valid JSON, in `{}`: ", self.path)?;
            }
            (RefusalKind::NotAnObject, _) => {}
            (_, true) => f.write_str("The body: ")?,
            (_, false) => write!(f, "`{}`: ", self.path)?,
        }
        match self.kind {
            RefusalKind::Syntax(kind) => write!(f, "{kind}")?,
            RefusalKind::NotAnObject => f.write_str("The body must be a JSON object")?,
            RefusalKind::WrongType { expected, found } => {
                f.write_str("must be ")?;
                let mut separator = "";
                for one in Type::ALL.into_iter().filter(|one| expected.contain(*one)) {
                    write!(f, "{separator}{}", one.words())?;
                    separator = " or ";
                }
                write!(f, ", not {}", found.words())?;
            }
            RefusalKind::NotACount => f.write_str("must be a whole number, 0 or more")?,
            RefusalKind::DuplicateKey => f.write_str("is given twice")?,
            RefusalKind::EscapedKey => f.write_str("the key must be written without escapes")?,
            RefusalKind::MiscasedKey => f.write_str("the key must be written in lower case")?,
        }
        write!(f, " (byte {}).", self.at)
    }
}

impl core::error::Error for Refusal {}
