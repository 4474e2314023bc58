//! What a whole request costs: its texts, and what the provider puts around them.
//!
//! Sources: OpenAI's cookbook "How to count tokens with tiktoken" (messages, names, the
//! reply's start) and LiteLLM's `token_counter.py` (tools). OpenAI calls the former "an
//! estimate, not a timeless guarantee".

use super::raw_json::{Content, Raw};
use super::tools::{self, Piece};
use super::{Detail, Images, Meter, Model, UNKNOWN_SIZE, data_url_size};
use crate::Span;

/// Around each message: its start, the end of its header, its end.
const MESSAGE: u32 = 3;

/// Every role is one token.
const ROLE: u32 = 1;

/// Extra for a message's `name`, whose text is counted too.
const NAME: u32 = 1;

/// The start of the reply, which every chat's prompt ends with.
pub const REPLY: u32 = 3;

/// Extra for tool definitions, whose rendering is counted too.
const TOOLS: u32 = 9;

/// A system message that is there anyway spares the one that tools would need.
const TOOLS_WITH_SYSTEM: u32 = 4;

/// Extra for `tool_choice: "none"`.
const NO_TOOL: u32 = 1;

/// Extra for a `tool_choice` that names a function, whose name is counted too.
const NAMED_TOOL: u32 = 7;

/// Tools, tool choices and response formats larger than this are measured as the JSON they
/// are, which is a little too much, instead of rendered, which walks them several times.
pub const MAX_RENDERED_BYTES: usize = 64 * 1024;

/// Adds up a request as its parts are found.
#[derive(Clone, Copy, Default)]
pub struct Prompt {
    meter: Meter,
    /// Tokens that no text stands for.
    framing: u32,
    images: Images,
    chat: bool,
    system: bool,
    tools: bool,
}

impl Prompt {
    /// A prompt of nothing.
    pub fn new() -> Prompt {
        Prompt::default()
    }

    /// The next piece of a string's content, still escaped, which lies at offset `at` of the
    /// body: message contents, names, tool arguments, prompts, inputs.
    pub fn text(&mut self, piece: &[u8], at: usize) {
        self.meter.text(piece, at);
    }

    /// Ends a string's content.
    pub fn end_text(&mut self) {
        self.meter.end_text();
    }

    /// A message, from the system or developer or not; its texts are measured by
    /// [`Prompt::text`].
    pub fn message(&mut self, is_system: bool) {
        self.chat = true;
        self.system |= is_system;
        self.add(MESSAGE.wrapping_add(ROLE));
    }

    /// A message has a `name`; its text is measured by [`Prompt::text`].
    pub fn name(&mut self) {
        self.add(NAME);
    }

    /// `tools` or `functions`: an array at `span` of the body.
    pub fn tools(&mut self, body: &[u8], span: Span) {
        let Some(tools) = Raw::at(body, span.start as usize) else {
            return;
        };
        if tools.items().next().is_none() {
            return;
        }
        self.tools = true;
        self.add(TOOLS);
        if self.is_oversized(body, span) {
            return;
        }
        let before = self.meter;
        let mut rendered = 0_usize;
        tools::render(tools, &mut |piece| {
            rendered = rendered.saturating_add(piece.len());
            self.meter.piece(piece);
        });
        // Tools of other kinds and much of JSON Schema have no rendering, but are read too.
        if rendered < tools.string_bytes().wrapping_div(2) {
            self.meter = before;
            self.meter.literal(span.of(body));
        }
        self.meter.end_text();
    }

    /// Measures the value at `span` as it is, if it is too large to be rendered.
    fn is_oversized(&mut self, body: &[u8], span: Span) -> bool {
        let oversized = span.len() > MAX_RENDERED_BYTES;
        if oversized {
            self.meter.literal(span.of(body));
            self.meter.end_text();
        }
        oversized
    }

    /// `tool_choice` or `function_call`: a value at `span` of the body.
    pub fn tool_choice(&mut self, body: &[u8], span: Span) {
        if self.is_oversized(body, span) {
            return;
        }
        let Some(choice) = Raw::at(body, span.start as usize) else {
            return;
        };
        if choice.is_word(b"none") {
            self.add(NO_TOOL);
        }
        let function = choice.member(b"function").unwrap_or(choice);
        if let Some(name) = function.member(b"name").and_then(Raw::string) {
            self.add(NAMED_TOOL);
            self.content(name);
        }
    }

    /// `response_format` (or `text.format` of the Responses API): a value at `span`.
    ///
    /// A JSON schema goes into the prompt as OpenAI's harmony guide shows for gpt-oss
    /// (`# Response Formats`, the name, the schema as compact JSON); the other formats add
    /// nothing.
    pub fn response_format(&mut self, body: &[u8], span: Span) {
        if self.is_oversized(body, span) {
            return;
        }
        let Some(format) = Raw::at(body, span.start as usize) else {
            return;
        };
        let inner = format.member(b"json_schema").unwrap_or(format);
        let Some(schema) = inner.member(b"schema") else {
            return;
        };
        self.meter.literal(b"# Response Formats\n\n## ");
        if let Some(name) = inner.member(b"name").and_then(Raw::string) {
            self.meter.piece(Piece::Escaped(name));
        }
        self.meter.literal(b"\n\n");
        if let Some(description) = inner.member(b"description").and_then(Raw::string) {
            self.meter.literal(b"// ");
            self.meter.piece(Piece::Escaped(description));
            self.meter.literal(b"\n");
        }
        compact(schema.bytes(), &mut |bytes| self.meter.literal(bytes));
        self.meter.end_text();
    }

    /// An image part: the content of its `url`, still escaped, and its `detail`. Remote
    /// images and formats that cannot be read count as [`UNKNOWN_SIZE`].
    pub fn image(&mut self, url: &[u8], detail: Detail) {
        self.images
            .add(data_url_size(url).unwrap_or(UNKNOWN_SIZE), detail);
    }

    /// The request's prompt tokens by the fast tier.
    pub fn estimate(&self, model: &Model) -> u32 {
        self.meter
            .estimate(model.encoding)
            .saturating_add(self.around(model))
    }

    /// The request's prompt tokens by the sampled tier; by the fast one for short requests.
    pub fn sampled(&self, model: &Model, body: &[u8]) -> u32 {
        self.meter
            .sampled(model.encoding, body)
            .saturating_add(self.around(model))
    }

    /// Tokens that the texts do not account for.
    fn around(&self, model: &Model) -> u32 {
        let reply = if self.chat { REPLY } else { 0 };
        let spared = if self.tools && self.system {
            TOOLS_WITH_SYSTEM
        } else {
            0
        };
        self.framing
            .saturating_add(reply)
            .saturating_sub(spared)
            .saturating_add(self.images.tokens(model.images))
    }

    fn add(&mut self, tokens: u32) {
        self.framing = self.framing.saturating_add(tokens);
    }

    fn content(&mut self, content: Content<'_>) {
        self.meter.text(content.bytes, content.at);
        self.meter.end_text();
    }
}

/// `json` without the white space between its tokens.
fn compact<'b>(json: &'b [u8], out: &mut dyn FnMut(&'b [u8])) {
    let mut rest = json;
    let mut in_string = false;
    let mut escaped = false;
    while !rest.is_empty() {
        let keep = rest.iter().position(|&byte| {
            if in_string {
                in_string = escaped || byte != b'"';
                escaped = !escaped && byte == b'\\';
                return false;
            }
            in_string = byte == b'"';
            matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
        });
        let (head, tail) = rest
            .split_at_checked(keep.unwrap_or(rest.len()))
            .unwrap_or((rest, &[]));
        out(head);
        rest = tail.trim_ascii_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gpt_4o() -> Model {
        Model::named("gpt-4o")
    }

    fn spanned(json: &str) -> (&[u8], Span) {
        (json.as_bytes(), Span::new(0, json.len()))
    }

    /// What the texts of a prompt cost, so that what is left is the framing.
    fn framing(prompt: &Prompt) -> u32 {
        prompt.estimate(&gpt_4o()) - prompt.meter.estimate(crate::tokens::Encoding::O200k)
    }

    #[test]
    fn messages_cost_what_the_cookbook_says() {
        let mut prompt = Prompt::new();
        assert_eq!(prompt.estimate(&gpt_4o()), 0);
        prompt.message(true);
        assert_eq!(framing(&prompt), 3 + 1 + 3);
        prompt.message(false);
        prompt.name();
        assert_eq!(framing(&prompt), 2 * (3 + 1) + 1 + 3);
    }

    #[test]
    fn text_outside_a_chat_has_no_framing() {
        let mut prompt = Prompt::new();
        prompt.text(b"embed me", 0);
        prompt.end_text();
        assert_eq!(framing(&prompt), 0);
        assert!((1..=3).contains(&prompt.estimate(&Model::named("gpt-4"))));
    }

    #[test]
    fn tools_cost_their_rendering_and_a_little_more() {
        let (body, span) = spanned(r#"[{"type":"function","function":{"name":"now"}}]"#);
        let mut prompt = Prompt::new();
        prompt.message(false);
        prompt.tools(body, span);
        assert_eq!(framing(&prompt), 4 + 3 + 9);
        prompt.message(true);
        assert_eq!(framing(&prompt), 8 + 3 + 9 - 4);
        let mut rendered = Meter::new();
        rendered
            .literal(b"namespace functions {\n\ntype now = () => any;\n\n} // namespace functions");
        rendered.end_text();
        assert_eq!(rendered.row(), prompt.meter.row());
    }

    #[test]
    fn no_tools_cost_nothing() {
        for json in ["[]", "null", "{}", ""] {
            let (body, span) = spanned(json);
            let mut prompt = Prompt::new();
            prompt.tools(body, span);
            assert_eq!(prompt.estimate(&gpt_4o()), 0, "{json}");
        }
    }

    fn raw(json: &str) -> [u32; crate::tokens::COUNT] {
        let mut raw = Meter::new();
        raw.literal(json.as_bytes());
        raw.end_text();
        raw.row()
    }

    #[test]
    fn what_is_oversized_is_measured_as_it_is() {
        type Take = fn(&mut Prompt, &[u8], Span);
        for (take, head, tail) in [
            (
                Prompt::tools as Take,
                r#"[{"name":"f","description":""#,
                r#""}]"#,
            ),
            (Prompt::tool_choice, r#"{"name":"f","other":""#, r#""}"#),
            (
                Prompt::response_format,
                r#"{"schema":{ "other" : ""#,
                r#""}}"#,
            ),
        ] {
            for (more, is_raw) in [(0, false), (1, true)] {
                let filling = MAX_RENDERED_BYTES - head.len() - tail.len() + more;
                let json = format!("{head}{}{tail}", "x".repeat(filling));
                let (body, span) = spanned(&json);
                let mut prompt = Prompt::new();
                take(&mut prompt, body, span);
                assert_eq!(
                    prompt.meter.row() == raw(&json),
                    is_raw,
                    "{head} and {more}"
                );
            }
        }
    }

    #[test]
    fn tools_that_no_rendering_shows_are_measured_as_they_are() {
        let words = "word ".repeat(1000);
        for json in [
            format!(r#"[{{"type":"custom","custom":{{"name":"c","description":"{words}"}}}}]"#),
            format!(
                r#"[{{"name":"f","parameters":{{"$ref":"a","$defs":{{"a":{{"description":"{words}"}}}}}}}}]"#
            ),
            format!(r#"[{{"name":"f","parameters":{{"allOf":[{{"description":"{words}"}}]}}}}]"#),
            format!(
                r#"[{{"name":"f","parameters":{{"anyOf":[{{"properties":{{"a":{{"description":"{words}"}}}}}}]}}}}]"#
            ),
            format!(
                r#"[{{"name":"f","parameters":{{"properties":{{"a":{{"type":"array","items":{{"description":"{words}"}}}}}}}}}}]"#
            ),
        ] {
            let (body, span) = spanned(&json);
            let mut prompt = Prompt::new();
            prompt.tools(body, span);
            assert_eq!(prompt.meter.row(), raw(&json), "{json}");
            assert!(prompt.estimate(&gpt_4o()) > 700, "{json}");
        }
    }

    #[test]
    fn keys_given_twice_or_escaped_hide_nothing() {
        let words = "word ".repeat(1000);
        let function = format!(r#"{{"name":"f","description":"{words}"}}"#);
        let hidden = format!(r#"{{"properties":{{"a":{{"description":"{words}"}}}}}}"#);
        for json in [
            format!(r#"[{{"\u0066unction":{function}}}]"#),
            format!(r#"[{{"function":{{"name":"f"}},"function":{function}}}]"#),
            format!(r#"[{{"name":"f","parameters":{hidden}}}]"#),
            format!(
                r#"[{{"name":"f","parameters":{{"properties":{{"o":{{"type":"\u006fbject","properties":{{"a":{{"description":"{words}"}}}}}}}}}}}}]"#
            ),
        ] {
            let (body, span) = spanned(&json);
            let mut prompt = Prompt::new();
            prompt.tools(body, span);
            assert!(prompt.estimate(&gpt_4o()) > 700, "{json}");
            assert_ne!(prompt.meter.row(), raw(&json), "it is rendered: {json}");
        }
        let schema = format!(r#"{{"description":"{words}"}}"#);
        for json in [
            format!(r#"{{"\u006ason_schema":{{"schema":{schema}}}}}"#),
            format!(r#"{{"schema":{{}},"\u0073chema":{schema}}}"#),
        ] {
            let (body, span) = spanned(&json);
            let mut prompt = Prompt::new();
            prompt.response_format(body, span);
            assert!(prompt.estimate(&gpt_4o()) > 700, "{json}");
        }
    }

    #[test]
    fn tool_choice_costs_by_kind() {
        for (json, extra) in [
            ("\"auto\"", 0),
            ("\"none\"", 1),
            (r#""n\u006fne""#, 1),
            ("\"required\"", 0),
            (r#"{"type":"function","function":{"name":"f"}}"#, 7),
            (r#"{"type":"function","name":"f"}"#, 7),
            (r#"{"name":"f"}"#, 7),
            (r#"{"name":null,"n\u0061me":"f"}"#, 7),
            ("null", 0),
        ] {
            let (body, span) = spanned(json);
            let mut prompt = Prompt::new();
            prompt.tool_choice(body, span);
            assert_eq!(framing(&prompt), extra, "{json}");
            assert_eq!(
                prompt.meter.row()[0],
                u32::from(extra == 7),
                "{json}: the name is measured"
            );
        }
    }

    #[test]
    fn a_schema_is_measured_compact_and_other_formats_not_at_all() {
        let compact = r#"{"type":"json_schema","json_schema":{"name":"n","schema":{"a":"x \" y","b":[1,2]}}}"#;
        let spaced = "{ \"type\" : \"json_schema\", \"json_schema\": {\"name\":\"n\", \"schema\": {\n \"a\": \"x \\\" y\",\t\"b\": [1, 2] }}}";
        let flat = r#"{"type":"json_schema","name":"n","schema":{"a":"x \" y","b":[1,2]}}"#;
        let rows = [compact, spaced, flat].map(|json| {
            let (body, span) = spanned(json);
            let mut prompt = Prompt::new();
            prompt.response_format(body, span);
            assert!(prompt.estimate(&gpt_4o()) > 10);
            prompt.meter.row()
        });
        assert_eq!(rows[0], rows[1]);
        assert_eq!(rows[0], rows[2]);
        for json in [
            r#"{"type":"json_object"}"#,
            r#"{"type":"text"}"#,
            "null",
            "7",
        ] {
            let (body, span) = spanned(json);
            let mut prompt = Prompt::new();
            prompt.response_format(body, span);
            assert_eq!(prompt.estimate(&gpt_4o()), 0, "{json}");
        }
    }

    #[test]
    fn images_add_to_the_prompt() {
        let mut prompt = Prompt::new();
        prompt.image(b"https://example.org/cat.png", Detail::High);
        assert_eq!(prompt.estimate(&gpt_4o()), 765);
        prompt.image(b"https://example.org/cat.png", Detail::Low);
        assert_eq!(prompt.estimate(&gpt_4o()), 765 + 85);
        assert_eq!(prompt.estimate(&Model::named("o1")), 75 + 4 * 150 + 75);
    }
}
