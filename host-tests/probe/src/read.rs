//! Reads a script; what is wrong in it is said with its line.

use crate::callbacks::CALLBACKS;
use crate::commands;
use crate::script::{Block, Command, Comparison, Condition, Script};
use crate::value::{self, Value};
use crate::words;

/// Reads a whole script.
///
/// # Errors
/// A sentence with the line at fault.
pub fn script(text: &str) -> Result<Script, String> {
    let mut blocks: Vec<Block> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |problem: String| format!("script line {number}: {problem}");
        if line.starts_with("on ") {
            blocks.push(block(line).map_err(wrong)?);
        } else {
            let command = command(line).map_err(wrong)?;
            let block = blocks.last_mut();
            let block = block.ok_or_else(|| wrong("before the first `on CALLBACK:`".into()))?;
            block.commands.push(command);
        }
    }
    words_are_known(&blocks)?;
    Ok(Script { blocks })
}

/// Every word is one of the ABI's, an argument of its callback, or named by `as`; a condition is
/// about one of the latter two.
fn words_are_known(blocks: &[Block]) -> Result<(), String> {
    let commands = || blocks.iter().flat_map(|block| &block.commands);
    let named: Vec<&str> = commands().filter_map(|c| c.named.as_deref()).collect();
    for block in blocks {
        let callback = CALLBACKS.iter().find(|(name, _)| *name == block.callback);
        let arguments = callback.map_or(&[][..], |(_, arguments)| arguments);
        for condition in &block.conditions {
            let name = condition.argument.as_str();
            if name != "nth" && !arguments.contains(&name) && !named.contains(&name) {
                let (callback, has) = (&block.callback, arguments.join(", "));
                return Err(format!(
                    "script: {callback} has no `{name}`: it has {has} and nth, and no `as` gives \
                     this name"
                ));
            }
        }
        for command in &block.commands {
            for argument in &command.arguments {
                if let Value::Word(word) = argument
                    && !named.contains(&word.as_str())
                    && !arguments.contains(&word.as_str())
                    && words::number(word).is_none()
                {
                    return Err(format!("script: `{}`: `{word}` is unknown", command.text));
                }
            }
        }
    }
    Ok(())
}

/// `on CALLBACK when CONDITION and CONDITION:`
fn block(line: &str) -> Result<Block, String> {
    let line = line.strip_suffix(':').ok_or("it ends without `:`")?;
    let mut words = line.split_ascii_whitespace().skip(1);
    let callback = words.next().unwrap_or_default();
    let known = CALLBACKS.iter().find(|(name, _)| *name == callback);
    known.ok_or_else(|| format!("no callback is called `{callback}`"))?;
    let mut conditions = Vec::new();
    match words.next() {
        None => {}
        Some("when") => {
            let words: Vec<&str> = words.collect();
            for words in words.split(|word| *word == "and") {
                conditions.push(condition(words)?);
            }
        }
        Some(other) => return Err(format!("`{other}` where only `when` can be")),
    }
    Ok(Block {
        callback: callback.to_owned(),
        conditions,
        commands: Vec::new(),
    })
}

fn condition(words: &[&str]) -> Result<Condition, String> {
    let (negated, words) = match words {
        ["not", rest @ ..] => (true, rest),
        words => (false, words),
    };
    let (argument, comparison) = match words {
        [argument] => (argument, None),
        [argument, comparison, number] => {
            let comparison = match *comparison {
                "==" => Comparison::Equal,
                ">=" => Comparison::AtLeast,
                "<" => Comparison::Less,
                other => return Err(format!("`{other}` is none of ==, >= and <")),
            };
            let number = number.parse();
            let number = number.map_err(|_| "a comparison is with a whole number")?;
            (argument, Some((comparison, number)))
        }
        _ => return Err("a condition is `NAME`, `not NAME` or `NAME == 1`".into()),
    };
    Ok(Condition {
        negated,
        argument: (*argument).to_owned(),
        comparison,
    })
}

/// `NAME ARGUMENTS [as NAME] [hide]`
fn command(line: &str) -> Result<Command, String> {
    let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
    let mut arguments = Vec::new();
    let (mut named, mut hide) = (None, false);
    let mut reader = Reader { rest };
    while !reader.at_end() {
        let value = reader.value()?;
        match value {
            Value::Word(word) if word == "hide" => hide = true,
            Value::Word(word) if word == "as" => match reader.word() {
                "" => return Err("`as` without the name it gives".into()),
                name => named = Some(name.to_owned()),
            },
            value => arguments.push(value),
        }
    }
    commands::check(name, &arguments)?;
    Ok(Command {
        text: line.to_owned(),
        name: name.to_owned(),
        arguments,
        named,
        hide,
    })
}

/// What is left of a line.
struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    fn at_end(&mut self) -> bool {
        self.rest = self.rest.trim_start();
        self.rest.is_empty()
    }

    /// Up to a space, a comma or a closing brace.
    fn word(&mut self) -> &'t str {
        let rest = self.rest.trim_start();
        let end = rest.find([' ', ',', '}']).unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        self.rest = rest;
        word
    }

    fn take(&mut self, start: &str) -> bool {
        let rest = self.rest.trim_start();
        let found = rest.strip_prefix(start);
        self.rest = found.unwrap_or(rest);
        found.is_some()
    }

    fn value(&mut self) -> Result<Value, String> {
        if self.take("\"") {
            let bytes = self.text()?;
            let times = match self.rest.strip_prefix('*') {
                None => 1,
                Some(rest) => {
                    self.rest = rest;
                    let word = self.word();
                    let times = word.parse();
                    times.map_err(|_| format!("`*{word}`: write how often, as in \"x\"*100"))?
                }
            };
            Ok(Value::Bytes(bytes.repeat(times)))
        } else if self.take("proto{") {
            self.proto().map(Value::Bytes)
        } else if self.take("{") {
            self.pairs().map(Value::Bytes)
        } else {
            let word = self.word();
            Ok(match number(word) {
                Some(number) => Value::Number(number),
                // Else a `,` or `}` would be read for ever.
                None if word.is_empty() => return Err(format!("`{}` is no value", self.rest)),
                // A property's path: its parts are separated by NUL.
                None if word.contains('.') => Value::Bytes(word.replace('.', "\0").into_bytes()),
                None => Value::Word(word.to_owned()),
            })
        }
    }

    /// The inside of a text, whose opening quote is taken already.
    fn text(&mut self) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        let mut chars = self.rest.char_indices();
        while let Some((at, c)) = chars.next() {
            let escape = match c {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(bytes);
                }
                '\\' => chars.next().map(|(_, c)| c),
                plain => {
                    bytes.extend(plain.encode_utf8(&mut [0; 4]).bytes());
                    continue;
                }
            };
            bytes.push(match escape {
                Some('0') => 0,
                Some('n') => b'\n',
                Some('r') => b'\r',
                Some('"') => b'"',
                Some('\\') => b'\\',
                Some('x') => {
                    let digits: String = chars.by_ref().take(2).map(|(_, c)| c).collect();
                    u8::from_str_radix(&digits, 16)
                        .map_err(|_| format!("`\\x{digits}` is no byte"))?
                }
                _ => return Err("escapes are \\0 \\n \\r \\\" \\\\ and \\xNN".into()),
            });
        }
        Err("a text without its closing quote".into())
    }

    /// `name: value, name: value}`; a value goes on to the next comma or brace.
    fn pairs(&mut self) -> Result<Vec<u8>, String> {
        let inside = self.rest.split_once('}');
        let (inside, rest) = inside.ok_or("pairs without their closing brace")?;
        self.rest = rest;
        let entries = inside.split(',').filter(|entry| !entry.trim().is_empty());
        let entries: Result<Vec<_>, String> = entries.map(pair).collect();
        Ok(value::pairs(&entries?))
    }

    /// `1: VALUE, 2: VALUE}`
    fn proto(&mut self) -> Result<Vec<u8>, String> {
        let mut message = Vec::new();
        while !self.take("}") {
            if self.rest.is_empty() {
                return Err("proto{…} without its closing brace".into());
            }
            let field = self.word();
            let number = field.strip_suffix(':').and_then(number);
            let number =
                number.ok_or_else(|| format!("`{field}` is no field, as in `1: \"x\"`"))?;
            let content = value::proto_field(number, &self.value()?);
            message.extend(content.ok_or("a field holds a number, a text or proto{…}")?);
            self.take(",");
        }
        Ok(message)
    }
}

fn pair(entry: &str) -> Result<(Vec<u8>, Vec<u8>), String> {
    let entry = entry.trim();
    // A pseudo-header's own colon comes first.
    let colon = entry.char_indices().skip(1).find(|(_, c)| *c == ':');
    let (at, _) = colon.ok_or_else(|| format!("`{entry}` is no `name: value`"))?;
    let (name, value) = (&entry[..at], entry[at + 1..].trim());
    Ok((name.as_bytes().to_vec(), value.as_bytes().to_vec()))
}

/// `7`, `-1` or `0xff`.
fn number(word: &str) -> Option<u64> {
    match word.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => word.parse::<i64>().ok().map(|number| number as u64),
    }
}
