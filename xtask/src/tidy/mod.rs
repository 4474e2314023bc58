//! Rules of this repository that no compiler checks: what ARCHITECTURE.md calls invariants.

mod arrows;
mod calls;
mod configurations;
mod metrics;
mod sources;
pub mod workspace;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::paths;
use workspace::Workspace;

/// Every breach of every rule, as `file:line: what to do`.
pub fn breaches() -> Result<Vec<String>> {
    let files = files(paths::root())?;
    let workspace = Workspace::load()?;
    let mut breaches = Vec::new();
    for file in &files {
        sources::check(file, &mut breaches);
        calls::check(file, &mut breaches);
    }
    arrows::check(&workspace, &mut breaches);
    configurations::check(&files, &mut breaches);
    metrics::check(&files, &mut breaches);
    Ok(breaches)
}

/// A text file of the repository.
struct Source {
    /// Relative to the repository, with `/`.
    path: String,
    text: String,
}

impl Source {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Its lines with their numbers, without those that are only a comment.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..)
            .zip(self.text.lines())
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

/// All text files, without what is generated and what belongs to git.
fn files(root: &Path) -> Result<Vec<Source>> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries =
            fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let path = entry.path();
            let name = entry.file_name();
            if entry.file_type()?.is_dir() {
                let generated = ["target", ".git", "node_modules", "__pycache__"];
                if !generated.iter().any(|skip| name == *skip) {
                    folders.push(path);
                }
                continue;
            }
            // Not text: an image, a compressed corpus. No rule here is about those.
            let Ok(text) = fs::read_to_string(&path) else {
                continue;
            };
            let path = path.strip_prefix(root).unwrap_or(&path);
            let path = path.to_string_lossy().replace('\\', "/");
            found.push(Source { path, text });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}
