//! The test vectors of secrets and personal data (`filters/core/vectors`), through the stage.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};

use crate::stage::Stage;

/// What was found of a kind.
pub struct Row {
    /// The kind.
    pub kind: String,
    /// Texts that hold one.
    pub valid: usize,
    /// Those in which it was found.
    pub found: usize,
    /// Texts that hold something like one.
    pub invalid: usize,
    /// Those in which none was found.
    pub passed: usize,
}

/// A row for each kind.
pub fn rows(stage: &Stage) -> Result<Vec<Row>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../filters/core/vectors");
    let mut rows = Vec::new();
    for file in ["secrets.toml", "personal_data.toml"] {
        let path = folder.join(file);
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("reading {}", path.display()))?;
        let kinds: BTreeMap<String, BTreeMap<String, Vec<String>>> = toml::from_str(&text)?;
        for (kind, lists) in kinds {
            let count = |list: &str| -> Result<(usize, usize)> {
                let texts = lists.get(list).map_or(&[][..], Vec::as_slice);
                let mut found = 0;
                for text in texts {
                    // Marks of where it is, and of what keeps it from standing there whole.
                    let text = text.replace(['«', '»', '·'], "");
                    found += usize::from(stage.judge(&text, false)?.found.contains(&kind));
                }
                Ok((texts.len(), found))
            };
            let (valid, found) = count("found")?;
            let (invalid, wrongly) = count("passed")?;
            rows.push(Row {
                kind,
                valid,
                found,
                invalid,
                passed: invalid - wrongly,
            });
        }
    }
    Ok(rows)
}
