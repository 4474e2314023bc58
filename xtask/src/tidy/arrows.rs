//! Who may depend on whom: core ◄ kit ◄ modules, and the harness on none of them.

use super::workspace::{Edges, Package, Workspace};
use crate::paths;

/// What core must not reach: it is pure, so that it runs anywhere and the same everywhere.
const IMPURE: [&str; 9] = [
    "proxy-wasm",
    "log",
    "tracing",
    "getrandom",
    "rand",
    "tokio",
    "anyhow",
    "tiktoken-rs",
    "regex",
];

/// What no module may carry: it is for the host, and it would weigh.
const HOST_ONLY: [&str; 6] = [
    "tokio",
    "clap",
    "anyhow",
    "wasmtime",
    "hyper",
    "tiktoken-rs",
];

/// Adds every arrow that points the wrong way.
pub fn check(workspace: &Workspace, breaches: &mut Vec<String>) {
    for package in workspace.packages() {
        let name = &package.name;
        let linked = workspace.reachable(package, Edges::Normal);
        let mut forbid = |others: &[&str], why: &str| {
            for other in others.iter().filter(|other| linked.contains(*other)) {
                breaches.push(format!(
                    "{}/Cargo.toml: {name} → {other}: {why}",
                    package.folder
                ));
            }
        };
        if name == "tollgate-core" {
            forbid(&IMPURE, "core is pure and knows no host");
            forbid(&["tollgate-kit"], "core stands below kit");
        }
        if is_filter(package) {
            forbid(&HOST_ONLY, "it does not belong into a Wasm module");
            let manifest = paths::root().join(&package.folder).join("Cargo.toml");
            let text = std::fs::read_to_string(manifest).unwrap_or_default();
            if !text.contains("[lints]\nworkspace = true") {
                breaches.push(format!(
                    "{}/Cargo.toml: `[lints] workspace = true` is missing: what can trap must \
                     not compile in what runs inside Envoy",
                    package.folder
                ));
            }
        }
        if is_filter(package) && package.is_module {
            for other in workspace.direct(package, Edges::Normal) {
                if !["tollgate-kit", "proxy-wasm"].contains(&other) {
                    breaches.push(format!(
                        "{}/Cargo.toml: {name} → {other}: a module reads its configuration \
                         and names its stages; the rest belongs into kit or core",
                        package.folder
                    ));
                }
            }
        } else if name != "tollgate-kit"
            && workspace
                .direct(package, Edges::All)
                .contains(&"proxy-wasm")
        {
            breaches.push(format!(
                "{}/Cargo.toml: {name} → proxy-wasm: only kit makes host calls",
                package.folder
            ));
        }
        if name == "tollgate-host" || name == "azure-mock" {
            let linked = workspace.reachable(package, Edges::All);
            for other in workspace.packages().filter(|other| is_filter(other)) {
                if linked.contains(other.name.as_str()) {
                    breaches.push(format!(
                        "{}/Cargo.toml: {name} → {}: it serves anyone's filters and links none",
                        package.folder, other.name
                    ));
                }
            }
        }
    }
}

fn is_filter(package: &Package) -> bool {
    package.folder.starts_with("filters/")
}
