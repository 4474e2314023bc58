//! The chunks of a stream put together to the document that they are the parts of.
//!
//! What becomes of members of one name that come several times is a table, [`rule`]: text
//! continues text, what is said of the whole answer stays. Where the meaning is not clear
//! there is no document.

use std::borrow::Cow;

use super::raw::{Member, Object, Raw};
use super::write::Json;
use super::{ENVELOPE, Kind, TEXTS, usage};
use crate::response::Usage;

/// More choices, or calls of one message, than this are not put together: OpenAI allows as
/// many.
const MAX_ITEMS: usize = 128;

/// An object that comes in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Answer,
    Choice,
    Message,
    Call,
    /// What a call gives to a function or custom tool.
    Function,
    Logprobs,
    /// What a content filter says, by category.
    FilterResults,
}

/// What becomes of a member that comes more than once. `null` yields to anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// The first one stays.
    First,
    /// The last one stays.
    Last,
    /// It is the same each time, or empty.
    Same,
    /// It comes once. What is no string may come again as it was: it is not a piece.
    Once,
    /// Strings that continue each other.
    Text,
    /// Arrays that continue each other.
    List,
    /// The worse of two verdicts stays.
    Worst,
    /// The members follow rules of their own.
    Object(Node),
    /// Elements are told apart by their `index`.
    Items(Node),
    /// It means nothing in a document.
    Skip,
    /// A document says it in another way.
    Never,
}

fn rule(node: Node, name: &[u8]) -> Rule {
    match (node, name) {
        (Node::Answer, b"choices") => Rule::Items(Node::Choice),
        (Node::Answer, b"id" | b"created" | b"model") => Rule::First,
        // Padding against those who watch the lengths of events.
        (Node::Answer, b"obfuscation") => Rule::Skip,
        // Said anew with every event, as far as it is known: the usage, sources.
        (Node::Answer, _) => Rule::Last,
        (Node::Choice, b"delta") => Rule::Object(Node::Message),
        (Node::Choice, b"text") => Rule::Text,
        (Node::Choice, b"index") => Rule::First,
        (Node::Choice, b"finish_reason") => Rule::Last,
        (Node::Choice, b"logprobs") => Rule::Object(Node::Logprobs),
        (Node::Choice, b"content_filter_results") => Rule::Object(Node::FilterResults),
        // It would be said twice.
        (Node::Choice, b"message") => Rule::Never,
        // Which part of the text a verdict is about, where it comes after the text.
        (Node::Choice, b"content_filter_offsets") => Rule::Skip,
        (Node::Message, b"role") => Rule::Same,
        (Node::Message, b"tool_calls") => Rule::Items(Node::Call),
        (Node::Message, b"function_call") => Rule::Object(Node::Function),
        (Node::Message, b"annotations") => Rule::List,
        // A stream has parts of sound in one format, a document a file in another.
        (Node::Message, b"audio") => Rule::Never,
        (Node::Message, name) if TEXTS.iter().any(|text| text.as_bytes() == name) => Rule::Text,
        (Node::Call, b"index") => Rule::Skip,
        (Node::Call, b"id" | b"type") => Rule::Same,
        (Node::Call, b"function" | b"custom") => Rule::Object(Node::Function),
        (Node::Function, b"name") => Rule::Same,
        (Node::Function, b"arguments" | b"input") => Rule::Text,
        (Node::Logprobs, _) => Rule::List,
        (Node::FilterResults, _) => Rule::Worst,
        (Node::Choice | Node::Message | Node::Call | Node::Function, _) => Rule::Once,
    }
}

/// What has come of a member.
#[derive(Debug)]
enum Part<'a> {
    /// A value as it came.
    Whole(Raw<'a>),
    /// The content of a string, still escaped.
    Text(Vec<u8>),
    /// Elements, with commas between them.
    List(Vec<u8>),
    Object(Merged<'a>),
    /// By `index`.
    Items(Vec<(u64, Merged<'a>)>),
}

/// An object that is put together.
#[derive(Debug)]
struct Merged<'a> {
    node: Node,
    /// In the order in which they came first.
    members: Vec<(Cow<'a, [u8]>, Part<'a>)>,
}

impl<'a> Merged<'a> {
    fn new(node: Node) -> Merged<'a> {
        Merged {
            node,
            members: Vec::new(),
        }
    }

    fn add(&mut self, object: &Object<'a>) -> Option<()> {
        for member in &object.members {
            self.add_member(member)?;
        }
        Some(())
    }

    fn add_member(&mut self, member: &Member<'a>) -> Option<()> {
        let Member { name, value } = member;
        let rule = rule(self.node, name);
        if rule == Rule::Skip {
            return Some(());
        }
        let mut members = self.members.iter_mut();
        match members.find(|(known, _)| known == name) {
            Some((_, part)) => part.add(rule, *value),
            None => {
                let mut part = Part::Whole(Raw::NULL);
                part.add(rule, *value)?;
                self.members.push((name.clone(), part));
                Some(())
            }
        }
    }

    fn part(&self, name: &str) -> Option<&Part<'a>> {
        let mut members = self.members.iter();
        let (_, part) = members.find(|(known, _)| **known == *name.as_bytes())?;
        Some(part)
    }

    fn write(&self, json: &mut Json) {
        json.open(b'{');
        for (name, part) in &self.members {
            // The message of a document is the sum of the deltas.
            let is_delta = self.node == Node::Choice && **name == *b"delta";
            json.name(if is_delta { b"message" } else { name });
            part.write(json);
        }
        json.close(b'}');
    }
}

impl<'a> Part<'a> {
    /// Adds what came again, or first: then this is `null`.
    fn add(&mut self, rule: Rule, value: Raw<'a>) -> Option<()> {
        if value.is_null() {
            return Some(());
        }
        let so_far = match self {
            Part::Whole(so_far) => Some(*so_far).filter(|so_far| !so_far.is_null()),
            _ => None,
        };
        match (rule, so_far) {
            (Rule::Never, _) => return None,
            (Rule::Text, _) => self.text()?.extend_from_slice(value.string()?),
            (Rule::List, _) => {
                let more = value.inside()?;
                let list = self.list()?;
                if !list.is_empty() && !more.is_empty() {
                    list.push(b',');
                }
                list.extend_from_slice(more);
            }
            (Rule::Object(node), _) => self.object(node)?.add(&value.object()?)?,
            (Rule::Items(node), _) => {
                let items = self.items()?;
                for item in value.items()? {
                    add_item(items, node, &item.object()?)?;
                }
            }
            (Rule::Last | Rule::Skip, _) | (_, None) => *self = Part::Whole(value),
            (Rule::First, Some(_)) => {}
            (Rule::Same, Some(so_far)) if so_far.is_empty() => *self = Part::Whole(value),
            (Rule::Same, Some(so_far)) => {
                if so_far != value && !value.is_empty() {
                    return None;
                }
            }
            (Rule::Once, Some(so_far)) => {
                if so_far != value || value.string().is_some() {
                    return None;
                }
            }
            (Rule::Worst, Some(so_far)) => {
                if severity(value) >= severity(so_far) {
                    *self = Part::Whole(value);
                }
            }
        }
        Some(())
    }

    /// What this is where it is text, which `null` becomes; so with the others.
    fn text(&mut self) -> Option<&mut Vec<u8>> {
        if let Part::Whole(_) = self {
            *self = Part::Text(Vec::new());
        }
        match self {
            Part::Text(text) => Some(text),
            _ => None,
        }
    }

    fn list(&mut self) -> Option<&mut Vec<u8>> {
        if let Part::Whole(_) = self {
            *self = Part::List(Vec::new());
        }
        match self {
            Part::List(list) => Some(list),
            _ => None,
        }
    }

    fn object(&mut self, node: Node) -> Option<&mut Merged<'a>> {
        if let Part::Whole(_) = self {
            *self = Part::Object(Merged::new(node));
        }
        match self {
            Part::Object(object) => Some(object),
            _ => None,
        }
    }

    fn items(&mut self) -> Option<&mut Vec<(u64, Merged<'a>)>> {
        if let Part::Whole(_) = self {
            *self = Part::Items(Vec::new());
        }
        match self {
            Part::Items(items) => Some(items),
            _ => None,
        }
    }

    fn write(&self, json: &mut Json) {
        match self {
            Part::Whole(value) => json.value(value.bytes()),
            Part::Text(text) => json.string(text),
            Part::List(list) => {
                json.open(b'[');
                json.value(list);
                json.close(b']');
            }
            Part::Object(object) => object.write(json),
            Part::Items(items) => {
                let mut items: Vec<_> = items.iter().collect();
                items.sort_unstable_by_key(|(index, _)| *index);
                json.open(b'[');
                for (_, item) in items {
                    item.write(json);
                }
                json.close(b']');
            }
        }
    }
}

fn add_item<'a>(items: &mut Vec<(u64, Merged<'a>)>, node: Node, item: &Object<'a>) -> Option<()> {
    let index = item.get("index")?.whole()?;
    let is_full = items.len() >= MAX_ITEMS;
    if let Some((_, merged)) = items.iter_mut().find(|(known, _)| *known == index) {
        return merged.add(item);
    }
    let mut merged = Merged::new(node);
    merged.add(item)?;
    items.push((index, merged));
    (!is_full).then_some(())
}

/// How bad a verdict of a content filter is. Azure's streams say one for each part of a text.
fn severity(verdict: Raw<'_>) -> u8 {
    let Some(verdict) = verdict.object() else {
        return 0;
    };
    let is = |name: &str| {
        verdict
            .get(name)
            .is_some_and(|value| value.bytes() == b"true")
    };
    let said = verdict.get("severity");
    let levels = ["safe", "low", "medium", "high"];
    let level = levels
        .iter()
        .position(|level| said.is_some_and(|said| said.is(level)));
    let level = level
        .and_then(|level| u8::try_from(level).ok())
        .unwrap_or_default();
    level
        .saturating_add(if is("detected") { 4 } else { 0 })
        .saturating_add(if is("filtered") { 8 } else { 0 })
}

/// The chunks that have come of an answer.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    kind: Option<Kind>,
    merged: Merged<'a>,
}

impl Default for Answer<'_> {
    fn default() -> Self {
        Answer {
            kind: None,
            merged: Merged::new(Node::Answer),
        }
    }
}

impl<'a> Answer<'a> {
    /// Adds a chunk; `None` where it is none, or says what has no place in a document.
    pub(super) fn add(&mut self, chunk: &Object<'a>) -> Option<()> {
        if chunk.given("error").is_some() {
            return None;
        }
        chunk.get("choices")?;
        let object = chunk.get("object");
        // Azure's events about the prompt, and about text that has passed, name no answer.
        let is_of_answer = object.is_some_and(|object| !object.is_empty());
        if let Some(object) = object.filter(|_| is_of_answer) {
            let kind = Kind::of_chunk(object);
            if kind.is_none() || self.kind.is_some_and(|known| Some(known) != kind) {
                return None;
            }
            self.kind = kind;
        }
        for member in &chunk.members {
            let is_envelope = ENVELOPE.iter().any(|name| *member.name == *name.as_bytes());
            let is_object = *member.name == *b"object";
            if !is_object && (is_of_answer || !is_envelope) {
                self.merged.add_member(member)?;
            }
        }
        Some(())
    }

    /// The document, now that all has come; `None` where a choice has not said why it ended.
    pub(super) fn finish(&self, usage: Option<Usage>) -> Option<Vec<u8>> {
        let kind = self.kind?;
        let Some(Part::Items(choices)) = self.merged.part("choices") else {
            return None;
        };
        let content = match kind {
            Kind::Chat => "delta",
            Kind::Completions => "text",
            Kind::Responses => return None,
        };
        let is_whole = |choice: &Merged<'_>| {
            let reason = choice.part("finish_reason");
            let is_finished = matches!(reason, Some(Part::Whole(reason)) if !reason.is_null());
            let content = choice.part(content);
            is_finished && matches!(content, Some(Part::Object(_) | Part::Text(_)))
        };
        if choices.is_empty() || !choices.iter().all(|(_, choice)| is_whole(choice)) {
            return None;
        }
        let mut json = Json::default();
        json.open(b'{');
        json.string_member("object", kind.object().as_bytes());
        let mut has_usage = false;
        for (name, part) in &self.merged.members {
            let is_usage = **name == *b"usage";
            // `null` is what chunks say of a usage that is yet to come.
            if is_usage && matches!(part, Part::Whole(value) if value.is_null()) {
                continue;
            }
            has_usage |= is_usage;
            json.name(name);
            part.write(&mut json);
        }
        if let Some(usage) = usage.filter(|_| !has_usage) {
            usage::write(usage, &mut json);
        }
        json.close(b'}');
        Some(json.into_bytes())
    }
}
