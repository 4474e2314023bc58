//! Source code, in files that change a little from one reading to the next.

use crate::Random;
use crate::words::NOUNS;

/// A file of Python or Rust, function by function.
pub(super) struct File {
    pub(super) path: String,
    head: String,
    functions: Vec<String>,
    language: Language,
}

#[derive(Clone, Copy)]
enum Language {
    Python,
    Rust,
}

impl File {
    pub(super) fn new(random: &mut Random) -> File {
        let language = random.one(&[Language::Python, Language::Rust]);
        let (name, doc) = (random.one(NOUNS), random.paragraph(2));
        let (path, head) = match language {
            Language::Python => (
                format!("app/{name}.py"),
                format!(
                    "\"\"\"{doc}\"\"\"\n\nimport logging\nfrom dataclasses import dataclass\n\nlog = logging.getLogger(__name__)\n\n\n"
                ),
            ),
            Language::Rust => (
                format!("src/{name}.rs"),
                format!("//! {doc}\n\nuse std::collections::HashMap;\n\n"),
            ),
        };
        let functions = (0..random.between(5, 16))
            .map(|_| language.function(random))
            .collect();
        File {
            path,
            head,
            functions,
            language,
        }
    }

    /// One of its functions becomes another.
    pub(super) fn change(&mut self, random: &mut Random) {
        let at = random.below(self.functions.len());
        self.functions[at] = self.language.function(random);
    }

    pub(super) fn text(&self) -> String {
        format!("{}{}", self.head, self.functions.concat())
    }
}

/// A block of source code between fences.
pub(super) fn fenced(random: &mut Random) -> String {
    let (tag, language) = random.one(&[("python", Language::Python), ("rust", Language::Rust)]);
    let functions: Vec<String> = (0..random.between(1, 3))
        .map(|_| language.function(random))
        .collect();
    format!("```{tag}\n{}\n```", functions.concat().trim_end())
}

impl Language {
    fn function(self, random: &mut Random) -> String {
        let (name, a, b) = (random.function(), random.one(NOUNS), random.one(NOUNS));
        let (other, doc, limit) = (random.function(), random.sentence(), random.between(2, 500));
        match self {
            Language::Python => format!(
                "def {name}({a}, {b}s, limit={limit}):\n    \"\"\"{doc}\"\"\"\n    found = {{}}\n    for {b} in {b}s:\n        if not {b}.is_valid():\n            log.warning(\"{other}: %s\", {b}.id)\n            continue\n        if len(found) >= limit:\n            break\n        found[{b}.id] = {other}({a}, {b})\n    return found\n\n\n"
            ),
            Language::Rust => format!(
                "/// {doc}\npub fn {name}({a}: &str, {b}s: &[{b}::Row]) -> Result<u64, Error> {{\n    let mut total = 0;\n    for {b} in {b}s {{\n        if {b}.is_empty() {{\n            continue;\n        }}\n        let value = {other}({a}, {b})?;\n        if value > {limit} {{\n            return Err(Error::TooLarge {{ value, limit: {limit} }});\n        }}\n        total += value;\n    }}\n    Ok(total)\n}}\n\n"
            ),
        }
    }
}
