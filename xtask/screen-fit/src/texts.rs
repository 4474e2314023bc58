//! Gets texts out of packages, and keeps them for the other commands.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tollgate_corpora::extract::{self, Format};

use crate::sources::{Pick, Reading, SOURCES, Set};
use crate::split;
use crate::{lists, personas};

/// A longer text is cut, as a client would send a document in parts.
const LONGEST: usize = 16 * 1024;

/// A shorter string of a program describes a function rather than a task.
const LONG_DOCSTRING: usize = 300;

/// A shorter text says nothing.
const SHORTEST: usize = 16;

/// What stands in a template where the attacker's question goes, and around what is no
/// template: neither may tell an attack.
const SLOTS: &[&str] = &["{{ prompt }}", "{{prompt}}", "{% raw %}", "{% endraw %}"];

/// A text and where it is from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Document {
    /// Package and file.
    pub origin: String,
    /// The text.
    pub text: String,
}

/// Texts by what they are for.
pub type Texts = BTreeMap<Set, Vec<Document>>;

/// Fetches every package and writes its texts under `root`. What cannot be fetched is listed,
/// and left out.
pub fn collect(root: &Path) -> Result<()> {
    let mut all = Texts::new();
    let mut seen: HashSet<u64> = HashSet::new();
    let mut missing = Vec::new();
    println!(
        "{:<30} {:<12} {:<14} {:>7} {:>10}",
        "package", "version", "licence", "texts", "bytes"
    );
    for source in SOURCES {
        let package = source.package;
        let folder = match tollgate_corpora::fetch(&package, root) {
            Ok(folder) => folder,
            Err(error) => {
                missing.push(format!("{}: {error:#}", package.name));
                continue;
            }
        };
        let files = tollgate_corpora::files(&folder)?;
        let (mut count, mut bytes) = (0, 0);
        for pick in source.picks {
            let mut shares: HashMap<String, usize> = HashMap::new();
            for file in &files {
                let inside = file.strip_prefix(&folder).unwrap_or(file);
                let path = format!("/{}", inside.to_string_lossy());
                if !path.contains(pick.path)
                    || !path.ends_with(pick.ending)
                    || path.contains(".dist-info/")
                    || source.without.iter().any(|w| path.contains(w))
                {
                    continue;
                }
                let parent = inside.parent().map(|p| p.to_string_lossy().into_owned());
                let share = shares.entry(parent.unwrap_or_default()).or_default();
                for text in texts(file, pick).with_context(|| path.clone())? {
                    if *share >= pick.folder_share {
                        break;
                    }
                    if text.len() < SHORTEST || !seen.insert(split::hash(text.trim())) {
                        continue;
                    }
                    *share += 1;
                    count += 1;
                    bytes += text.len();
                    all.entry(pick.set).or_default().push(Document {
                        origin: format!("{}{path}", package.name),
                        text,
                    });
                }
            }
        }
        println!(
            "{:<30} {:<12} {:<14} {count:>7} {bytes:>10}",
            format!("{} {}", package.manager.name(), package.name),
            package.version,
            package.licence
        );
    }
    for (name, made) in [("personas", personas::all()), ("lists", lists::all())] {
        println!("{:<58} {:>7}", format!("{name}, made here"), made.len());
        all.entry(Set::Benign).or_default().extend(made);
    }
    let folder = root.join("screen");
    fs::create_dir_all(&folder)?;
    for (set, documents) in &all {
        let mut file = BufWriter::new(fs::File::create(folder.join(format!("{set:?}.jsonl")))?);
        for document in documents {
            writeln!(file, "{}", serde_json::to_string(document)?)?;
        }
        file.flush()?;
        println!("{set:?}: {} texts", documents.len());
    }
    for line in &missing {
        eprintln!("not fetched: {line}");
    }
    Ok(())
}

/// The texts that `collect` wrote.
pub fn load(root: &Path) -> Result<Texts> {
    let mut all = Texts::new();
    for set in [Set::Attack, Set::ShortAttack, Set::Benign, Set::Chat] {
        let path = root.join("screen").join(format!("{set:?}.jsonl"));
        let Ok(file) = fs::File::open(&path) else {
            continue;
        };
        for line in BufReader::new(file).lines() {
            let document = serde_json::from_str(&line?)
                .with_context(|| format!("a line of {}", path.display()))?;
            all.entry(set).or_default().push(document);
        }
    }
    ensure!(
        all.contains_key(&Set::Attack) && all.contains_key(&Set::Benign),
        "no texts under {}: run the command `corpora` first",
        root.display()
    );
    Ok(all)
}

fn texts(path: &Path, pick: &Pick) -> Result<Vec<String>> {
    Ok(match pick.reading {
        Reading::Prose(format) => extract::texts(path, format)?
            .iter()
            .flat_map(|text| parts(text))
            .collect(),
        Reading::Docstrings => {
            let file = fs::read_to_string(path)
                .unwrap_or_default()
                .replace("'''", "\"\"\"");
            file.split("\"\"\"")
                .skip(1)
                .step_by(2)
                .filter(|text| text.len() >= LONG_DOCSTRING)
                .flat_map(parts)
                .collect()
        }
        Reading::Strings => extract::texts(path, Format::JsonStrings)?
            .iter()
            .flat_map(|text| parts(text))
            .collect(),
        Reading::List => match serde_json::from_slice(&fs::read(path)?)? {
            Value::Array(all) => all
                .iter()
                .filter_map(Value::as_str)
                .map(without_slots)
                .collect(),
            _ => Vec::new(),
        },
        Reading::Template => template(&fs::read_to_string(path)?)
            .map(|text| without_slots(&text))
            .into_iter()
            .collect(),
        Reading::Labelled(label) => lines(path)?
            .iter()
            .filter(|value| value["label"] == label)
            .filter_map(|value| value["text"].as_str().map(str::to_owned))
            .collect(),
        Reading::Injected => lines(path)?
            .iter()
            .filter_map(|value| value["injected"].as_str().map(str::to_owned))
            .collect(),
        Reading::ShareGpt => conversations(path)?,
    })
}

/// `text`, cut at ends of lines so that no part is much longer than [`LONGEST`].
fn parts(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for line in text.split_inclusive('\n') {
        if parts.last().is_none_or(|p| p.len() + line.len() > LONGEST) {
            parts.push(String::new());
        }
        if let Some(part) = parts.last_mut() {
            part.push_str(line);
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

fn without_slots(text: &str) -> String {
    SLOTS
        .iter()
        .fold(text.to_owned(), |text, slot| text.replace(slot, ""))
}

fn lines(path: &Path) -> Result<Vec<Value>> {
    fs::read_to_string(path)?
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| Ok(serde_json::from_str(line)?))
        .collect()
}

/// The value of the last key, `value`, of a template: a block scalar, or quoted, or plain.
fn template(yaml: &str) -> Option<String> {
    let (_, value) = yaml.split_once("\nvalue:")?;
    let value = value.trim_start_matches(' ').trim_end();
    let (first, block) = value.split_once('\n').unwrap_or((value, ""));
    match first.chars().next() {
        None | Some('|' | '>') => Some(block.lines().map(str::trim).collect::<Vec<_>>().join("\n")),
        Some(quote @ ('\'' | '"')) => {
            let inside = value.strip_prefix(quote)?.strip_suffix(quote)?;
            // A line break inside quotes is a space, an empty line a line break.
            let mut text = String::new();
            for line in inside.lines() {
                let line = line.trim();
                if line.is_empty() {
                    text.push('\n');
                } else {
                    if !text.is_empty() && !text.ends_with('\n') {
                        text.push(' ');
                    }
                    // A backslash at the end joins lines.
                    text.push_str(line.strip_suffix('\\').unwrap_or(line));
                }
            }
            if quote == '\'' {
                return Some(text.replace("''", "'"));
            }
            // What a double-quoted scalar escapes is what JSON escapes, and a few more.
            let json = text
                .replace("\\ ", " ")
                .replace('\n', "\\n")
                .replace("\\U000", "\\u0");
            Some(serde_json::from_str(&format!("\"{json}\"")).unwrap_or(text))
        }
        Some(_) => Some(value.to_owned()),
    }
}

/// The file is cut off somewhere: what is whole is read.
fn conversations(path: &Path) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Turn {
        from: String,
        value: String,
    }
    #[derive(Deserialize)]
    struct Conversation {
        conversations: Vec<Turn>,
    }
    let bytes = fs::read(path)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut rest = text.trim_start().trim_start_matches('[');
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Conversation>();
        let Some(Ok(conversation)) = values.next() else {
            break;
        };
        rest = &rest[values.byte_offset()..];
        found.extend(
            conversation
                .conversations
                .into_iter()
                .filter(|turn| turn.from == "human")
                .map(|turn| turn.value),
        );
    }
    Ok(found)
}
