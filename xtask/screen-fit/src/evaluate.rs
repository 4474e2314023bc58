//! What the detectors find in texts the fit never saw.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use anyhow::Result;
use tollgate_core::content_screener::fold::fold;
use tollgate_core::content_screener::injection::{Phrases, Score};
use tollgate_core::words;

use crate::fit::{learns_attack, learns_benign};
use crate::sources::Set;
use crate::split::{grams, overlap};
use crate::texts::{self, Document};

/// Prints the tables.
pub fn run(root: &Path) -> Result<()> {
    let all = texts::load(root)?;
    let phrases = Phrases::new();
    let learnt: HashSet<u64> = all[&Set::Attack]
        .iter()
        .filter(|d| learns_attack(d))
        .flat_map(|d| grams(&d.text))
        .collect();
    let mut sets: BTreeMap<&str, Vec<&Document>> = BTreeMap::new();
    for d in all[&Set::Attack].iter().filter(|d| !learns_attack(d)) {
        sets.entry("1 held-out").or_default().push(d);
        if overlap(&grams(&d.text), &learnt) <= 0.1 {
            sets.entry("2 de-duplicated").or_default().push(d);
        }
    }
    for (set, name) in [(Set::ShortAttack, "3 short"), (Set::Chat, "4 chat")] {
        sets.insert(name, all.get(&set).into_iter().flatten().collect());
    }
    sets.insert(
        "5 benign",
        all[&Set::Benign]
            .iter()
            .filter(|d| !learns_benign(d))
            .collect(),
    );
    let show = std::env::var("SHOW").unwrap_or_default();
    for (name, documents) in sets {
        let mut counts = [0; 3];
        for d in &documents {
            let mut view = Vec::new();
            fold(d.text.as_bytes(), false, &mut view);
            let mut score = Score::default();
            let mut phrase = None;
            let anchors: Vec<&str> = phrases.anchors().collect();
            words::each(
                &view,
                |word| {
                    if !word.is_single {
                        score.word(word.key, word.at);
                    }
                    if phrase.is_none() {
                        for (n, a) in anchors.iter().enumerate() {
                            let rest = &view[word.at..];
                            if rest.len() >= a.len()
                                && rest[..a.len()].eq_ignore_ascii_case(a.as_bytes())
                            {
                                phrase = phrase.clone().or(phrases.check(&view, word.at, n));
                            }
                        }
                    }
                },
                |_, _| (),
            );
            let verdict = score.finish();
            counts[0] += usize::from(phrase.is_some());
            counts[1] += usize::from(verdict.is_some());
            counts[2] += usize::from(verdict.is_some() || phrase.is_some());
            if name == show && (!name.starts_with("9")) {
                let tag = format!("{}{}", phrase.is_some() as u8, verdict.is_some() as u8);
                let span = phrase
                    .clone()
                    .or(verdict.clone().map(|v| v.range))
                    .unwrap_or(0..0);
                println!(
                    "{tag} {} {} {:?}",
                    score.best(),
                    &d.origin[..12.min(d.origin.len())],
                    String::from_utf8_lossy(&view[span])
                        .chars()
                        .take(200)
                        .collect::<String>()
                );
            }
        }
        let part = |n: usize| n as f64 * 100.0 / documents.len().max(1) as f64;
        println!(
            "{name} {}: phrases {:.3} model {:.3} either {:.3} ({})",
            documents.len(),
            part(counts[0]),
            part(counts[1]),
            part(counts[2]),
            counts[2]
        );
    }
    Ok(())
}
