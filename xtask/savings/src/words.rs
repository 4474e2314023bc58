//! English out of lists of words: sentences, names, identifiers.

use crate::Random;

pub(crate) const FIRST_NAMES: &[&str] = &[
    "Amina", "Bruno", "Carla", "Deniz", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Katya",
    "Liam", "Mei", "Noor", "Oskar", "Priya", "Quinn", "Rosa", "Samir", "Tove",
];

pub(crate) const LAST_NAMES: &[&str] = &[
    "Adeyemi",
    "Becker",
    "Castillo",
    "Dubois",
    "Eriksen",
    "Fontana",
    "Gupta",
    "Hansen",
    "Ito",
    "Jansen",
    "Kowalski",
    "Lindqvist",
    "Moreau",
    "Novak",
    "Okafor",
    "Petrov",
    "Rossi",
    "Schmidt",
    "Tanaka",
    "Weber",
];

pub(crate) const CITIES: &[&str] = &[
    "Lisbon", "Hamburg", "Nairobi", "Osaka", "Lyon", "Porto", "Tallinn", "Montreal", "Seville",
    "Utrecht", "Krakow", "Bergen",
];

/// What systems are made of: nouns that also make identifiers.
pub(crate) const NOUNS: &[&str] = &[
    "order", "customer", "invoice", "payment", "shipment", "session", "account", "report", "queue",
    "worker", "index", "cache", "request", "token", "region", "schedule", "message", "profile",
    "record", "table", "endpoint", "policy", "budget", "ticket", "service", "cluster", "release",
    "branch", "metric", "event",
];

pub(crate) const VERBS: &[&str] = &[
    "load", "store", "update", "merge", "send", "parse", "check", "count", "find", "remove",
    "retry", "validate", "schedule", "publish", "resolve",
];

const ADJECTIVES: &[&str] = &[
    "new", "old", "slow", "empty", "second", "whole", "missing", "current", "large", "internal",
    "stale", "regional", "monthly", "failed", "simple",
];

const SUBJECTS: &[&str] = &[
    "the team",
    "our client",
    "the nightly job",
    "the new version",
    "my colleague",
    "the gateway",
    "the second region",
    "the dashboard",
    "nobody",
    "the import",
    "this function",
    "the test",
    "the documentation",
    "everyone on call",
    "the migration",
];

const DOINGS: &[&str] = &[
    "needs",
    "rejects",
    "still uses",
    "has changed",
    "waits for",
    "cannot find",
    "depends on",
    "writes",
    "reads",
    "doubles",
    "ignores",
    "should keep",
    "was built around",
    "replaces",
    "never sends",
];

const REASONS: &[&str] = &[
    "because it was easier to maintain",
    "since the last release",
    "as far as I can tell",
    "although nobody asked for it",
    "when the load is high",
    "until the end of the month",
    "for reasons I do not understand yet",
    "which surprised me",
    "before anything else happens",
    "and that is fine for now",
    "so we should measure it first",
    "if I read the numbers right",
];

const ASKS: &[&str] = &[
    "Could you explain why",
    "I wonder whether",
    "Please check if",
    "Do you know when",
    "Tell me in two sentences why",
    "What happens if",
    "Is it true that",
    "Summarise why",
];

impl Random {
    /// A sentence of about fifteen words.
    pub fn sentence(&mut self) -> String {
        let subject = self.one(SUBJECTS);
        let doing = self.one(DOINGS);
        let thing = self.thing();
        let text = match self.below(5) {
            0 => format!("{subject} {doing} {thing}, {}.", self.one(REASONS)),
            1 => {
                let other = self.thing();
                format!("{subject} {doing} {thing} and {other}.")
            }
            2 => format!("{} {subject} {doing} {thing}?", self.one(ASKS)),
            3 => {
                let other = self.thing();
                let count = self.between(2, 90);
                format!(
                    "in {count} of the cases {subject} {doing} {thing} instead of {other}, {}.",
                    self.one(REASONS)
                )
            }
            _ => format!(
                "{subject} {doing} {thing}; {} {} that.",
                self.one(SUBJECTS),
                self.one(DOINGS)
            ),
        };
        capital(&text)
    }

    fn thing(&mut self) -> String {
        let article = self.one(&["the", "every", "one", "a"]);
        match self.below(3) {
            0 => format!("{article} {}", self.one(NOUNS)),
            1 => format!("the {} of the {}", self.one(NOUNS), self.one(NOUNS)),
            _ => format!("the {} {}", self.one(ADJECTIVES), self.one(NOUNS)),
        }
    }

    /// So many sentences in a row.
    pub fn paragraph(&mut self, sentences: usize) -> String {
        let sentences: Vec<String> = (0..sentences).map(|_| self.sentence()).collect();
        sentences.join(" ")
    }

    /// A title of a few words.
    pub(crate) fn title(&mut self) -> String {
        capital(&format!(
            "{} the {} {}",
            self.one(VERBS),
            self.one(ADJECTIVES),
            self.one(NOUNS)
        ))
    }

    /// `verb_noun`, as functions and tools are called.
    pub(crate) fn function(&mut self) -> String {
        format!("{}_{}", self.one(VERBS), self.one(NOUNS))
    }

    /// First and last name.
    pub(crate) fn name(&mut self) -> String {
        format!("{} {}", self.one(FIRST_NAMES), self.one(LAST_NAMES))
    }

    /// A time in one month, to the second.
    pub(crate) fn time(&mut self) -> String {
        let [day, hour, minute, second] = [28, 24, 60, 60].map(|bound| self.below(bound));
        format!("2026-03-{:02}T{hour:02}:{minute:02}:{second:02}Z", day + 1)
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}
