//! What cargo knows about the packages of the workspace and everything they depend on.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::exec::Tool;
use crate::paths;

/// Whether a dependency is linked into the package itself or only into its tests.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Edges {
    /// What a user of the package gets.
    Normal,
    /// Also dev- and build-dependencies of the package itself.
    All,
}

/// The resolved dependency graph.
pub struct Workspace {
    members: Vec<Package>,
    /// Package id to name and direct dependencies.
    nodes: BTreeMap<String, Node>,
}

/// A package of this repository.
pub struct Package {
    id: String,
    /// Its name in Cargo.toml.
    pub name: String,
    /// Its folder, relative to the repository.
    pub folder: String,
    /// Built as a Wasm module.
    pub is_module: bool,
}

struct Node {
    name: String,
    normal: Vec<String>,
    all: Vec<String>,
}

impl Workspace {
    /// Asks cargo.
    pub fn load() -> Result<Self> {
        let json = Tool::cargo(["metadata", "--format-version", "1"]).read()?;
        let metadata: Value = serde_json::from_str(&json).context("cargo metadata")?;
        Self::read(&metadata).context("cargo metadata has an unknown form")
    }

    /// Reads what `cargo metadata` printed; nothing when it has another form.
    pub fn read(metadata: &Value) -> Option<Self> {
        let member_ids: BTreeSet<&str> = strings(&metadata["workspace_members"]).collect();
        let mut names = BTreeMap::new();
        let mut members = Vec::new();
        for package in metadata["packages"].as_array()? {
            let id = package["id"].as_str()?;
            let name = package["name"].as_str()?.to_owned();
            if member_ids.contains(id) {
                let targets = package["targets"].as_array()?;
                let manifest = std::path::Path::new(package["manifest_path"].as_str()?);
                let folder = manifest.parent()?.strip_prefix(paths::root()).ok()?;
                members.push(Package {
                    id: id.to_owned(),
                    name: name.clone(),
                    folder: folder.to_string_lossy().replace('\\', "/"),
                    is_module: targets
                        .iter()
                        .any(|target| strings(&target["kind"]).any(|kind| kind == "cdylib")),
                });
            }
            names.insert(id.to_owned(), name);
        }
        let mut nodes = BTreeMap::new();
        for node in metadata["resolve"]["nodes"].as_array()? {
            let id = node["id"].as_str()?.to_owned();
            let deps = node["deps"].as_array()?;
            let is_normal = |dep: &&Value| {
                let kinds = dep["dep_kinds"].as_array();
                kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
            };
            let id_of = |dep: &Value| dep["pkg"].as_str().map(str::to_owned);
            nodes.insert(
                id.clone(),
                Node {
                    name: names.get(&id)?.clone(),
                    normal: deps.iter().filter(is_normal).filter_map(id_of).collect(),
                    all: deps.iter().filter_map(id_of).collect(),
                },
            );
        }
        members.sort_by(|a, b| a.folder.cmp(&b.folder));
        Some(Self { members, nodes })
    }

    /// The packages of this repository, by folder.
    pub fn packages(&self) -> impl Iterator<Item = &Package> {
        self.members.iter()
    }

    /// Names of the packages that become Wasm modules.
    pub fn modules(&self) -> impl Iterator<Item = &str> {
        self.members
            .iter()
            .filter(|package| package.is_module)
            .map(|package| package.name.as_str())
    }

    /// Names of the packages that `package` names in its manifest.
    pub fn direct(&self, package: &Package, edges: Edges) -> Vec<&str> {
        self.ids(&package.id, edges)
            .iter()
            .filter_map(|id| self.nodes.get(id))
            .map(|node| node.name.as_str())
            .collect()
    }

    /// Names of everything that comes along with `package`.
    pub fn reachable(&self, package: &Package, edges: Edges) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&String> = self.ids(&package.id, edges).iter().collect();
        while let Some(id) = open.pop() {
            if seen.insert(id) {
                // The tests of a dependency are not built: only its normal edges count.
                open.extend(self.ids(id, Edges::Normal));
            }
        }
        seen.into_iter()
            .filter_map(|id| self.nodes.get(id))
            .map(|node| node.name.as_str())
            .collect()
    }

    fn ids(&self, id: &str, edges: Edges) -> &[String] {
        match (self.nodes.get(id), edges) {
            (Some(node), Edges::Normal) => &node.normal,
            (Some(node), Edges::All) => &node.all,
            (None, _) => &[],
        }
    }
}

fn strings(value: &Value) -> impl Iterator<Item = &str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}
