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
            // A newcomer's filter: it shows the SDK as its authors mean it.
            && name != "hello-filter"
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// What cargo would say of these packages: name, folder, and its dependencies, those
    /// for tests only with a `?` before their name. Members are the ones with a folder.
    fn workspace(packages: &[(&str, &str, &[&str])]) -> Workspace {
        let manifest = |folder: &str| paths::root().join(folder).join("Cargo.toml");
        let is_module = |name: &str| name == "tollgate-gateway";
        let described: Vec<Value> = packages
            .iter()
            .map(|(name, folder, _)| {
                let kind = if is_module(name) { "cdylib" } else { "lib" };
                json!({"id": name, "name": name, "manifest_path": manifest(folder),
                       "targets": [{"kind": [kind]}]})
            })
            .collect();
        let resolved: Vec<Value> = packages
            .iter()
            .map(|(name, _, dependencies)| {
                let deps: Vec<Value> = dependencies
                    .iter()
                    .map(|dependency| match dependency.strip_prefix('?') {
                        Some(name) => json!({"pkg": name, "dep_kinds": [{"kind": "dev"}]}),
                        None => json!({"pkg": dependency, "dep_kinds": [{"kind": null}]}),
                    })
                    .collect();
                json!({"id": name, "deps": deps})
            })
            .collect();
        let members: Vec<&str> = packages
            .iter()
            .filter(|(_, folder, _)| !folder.is_empty())
            .map(|(name, ..)| *name)
            .collect();
        let metadata = json!({"workspace_members": members, "packages": described,
                              "resolve": {"nodes": resolved}});
        Workspace::read(&metadata).expect("the form that cargo prints")
    }

    #[test]
    fn arrows_that_point_the_wrong_way_are_named() {
        const CORE: (&str, &str) = ("tollgate-core", "filters/core");
        const KIT: (&str, &str) = ("tollgate-kit", "filters/kit");
        const GATEWAY: (&str, &str) = ("tollgate-gateway", "filters/gateway");
        const HOST: (&str, &str) = ("tollgate-host", "host-tests/host");
        type Names = &'static [&'static str];
        // What core, kit, gateway and the harness depend on; the arrow to be found.
        let rows: [([Names; 4], Option<&str>); 8] = [
            (
                [
                    &["?tokio"],
                    &["tollgate-core", "proxy-wasm"],
                    &["tollgate-kit", "proxy-wasm"],
                    &["wasmtime"],
                ],
                None,
            ),
            ([&["middle"], &[], &[], &[]], Some("tollgate-core → log")),
            (
                [&["proxy-wasm"], &[], &[], &[]],
                Some("tollgate-core → proxy-wasm"),
            ),
            (
                [&["tollgate-kit"], &[], &[], &[]],
                Some("tollgate-core → tollgate-kit"),
            ),
            ([&[], &["tokio"], &[], &[]], Some("tollgate-kit → tokio")),
            (
                [&[], &[], &["tollgate-core"], &[]],
                Some("tollgate-gateway → tollgate-core"),
            ),
            (
                [&[], &[], &[], &["?tollgate-kit"]],
                Some("tollgate-host → tollgate-kit"),
            ),
            (
                [&[], &[], &[], &["proxy-wasm"]],
                Some("tollgate-host → proxy-wasm"),
            ),
        ];
        for ([core, kit, gateway, host], expected) in rows {
            let workspace = workspace(&[
                (CORE.0, CORE.1, core),
                (KIT.0, KIT.1, kit),
                (GATEWAY.0, GATEWAY.1, gateway),
                (HOST.0, HOST.1, host),
                ("middle", "", &["log"]),
                ("log", "", &[]),
                ("tokio", "", &[]),
                ("proxy-wasm", "", &[]),
                ("wasmtime", "", &["log"]),
            ]);
            let mut found = Vec::new();
            check(&workspace, &mut found);
            match expected {
                Some(arrow) => assert!(
                    found.iter().any(|breach| breach.contains(arrow)),
                    "{arrow}: {found:?}"
                ),
                None => assert!(found.is_empty(), "{found:?}"),
            }
        }
    }
}
