//! Makes a configuration of this repository testable without changing what it says.
//!
//! The files under `envoy/` work as they are (`envoy -c envoy/NAME/envoy.yaml` from the
//! repository's root), with fixed ports and a relative path. A test needs free ports and
//! an absolute path, and replaces exactly those in the text; a file in which one of them
//! does not occur would not be tested as it is, so that is an error.

use std::path::Path;

use anyhow::{Result, bail, ensure};

/// Where clients connect.
pub const GATEWAY_PORT: u16 = 10000;
/// Envoy's admin interface.
pub const ADMIN_PORT: u16 = 9901;
/// Mock regions listen on this port and the following ones.
pub const FIRST_REGION_PORT: u16 = 8101;
/// More than any configuration names.
const MOST_REGIONS: u16 = 20;
/// What listeners of their own file are called.
pub const LISTENERS_FILE: &str = "listeners.yaml";
/// Where configurations look for modules.
const FILTERS: &str = "filename: target/filters/";

/// The mock regions' ports that a configuration names, in ascending order.
pub fn region_ports(text: &str) -> Vec<u16> {
    (FIRST_REGION_PORT..FIRST_REGION_PORT + MOST_REGIONS)
        .filter(|port| replace_port(text, *port, *port).1 > 0)
        .collect()
}

/// The text with other ports, and with modules from `filters`.
///
/// # Errors
/// When the text lacks one of `ports`' first halves or a module's path, or when a module
/// does not exist.
pub fn adapt(text: &str, ports: &[(u16, u16)], filters: &Path) -> Result<String> {
    let mut adapted = text.to_owned();
    for (from, to) in ports {
        let (replaced, count) = replace_port(&adapted, *from, *to);
        ensure!(
            count > 0,
            "it has no `port_value: {from}` to be replaced by a test's port"
        );
        adapted = replaced;
    }
    let mut modules = adapted.split(FILTERS);
    let mut whole = modules.next().unwrap_or_default().to_owned();
    let mut count = 0;
    for rest in modules {
        let name = rest
            .split(|c: char| c.is_whitespace() || c == '"')
            .next()
            .unwrap_or_default();
        let path = filters.join(name);
        if !path.is_file() {
            bail!("{} was not built: run `cargo xtask build`", path.display());
        }
        whole.push_str("filename: ");
        whole.push_str(&format!("{}/", filters.display()));
        whole.push_str(rest);
        count += 1;
    }
    ensure!(
        count > 0,
        "it has no `{FILTERS}NAME.wasm`, so no filter would be tested"
    );
    Ok(whole)
}

/// Takes the listeners out, so that they can be replaced while Envoy runs: the configuration
/// that looks for them in `folder`, and what [`LISTENERS_FILE`] there is to say.
///
/// # Errors
/// When the text has no list of listeners before its clusters.
pub fn with_listeners_in(folder: &Path, text: &str) -> Result<(String, String)> {
    let parts = text.split_once("\n  listeners:\n");
    let parts = parts.and_then(|(head, rest)| Some((head, rest.split_once("\n  clusters:\n")?)));
    let Some((head, (listeners, clusters))) = parts else {
        bail!("it has no `listeners` followed by `clusters` in `static_resources`");
    };
    let listeners: String = format!("\n{listeners}").replace(
        "\n    - name: ",
        "\n    - \"@type\": type.googleapis.com/envoy.config.listener.v3.Listener\n      name: ",
    );
    let folder = folder.display();
    let bootstrap = format!(
        "node: {{ id: test, cluster: test }}\n\
         dynamic_resources:\n  lds_config:\n    path_config_source:\n      \
         path: {folder}/{LISTENERS_FILE}\n      watched_directory: {{ path: {folder} }}\n\
         {head}\n  clusters:\n{clusters}"
    );
    Ok((bootstrap, format!("resources:{listeners}\n")))
}

/// Replaces `port_value: FROM` wherever it is the whole number; how often it occurred.
fn replace_port(text: &str, from: u16, to: u16) -> (String, usize) {
    let wanted = format!("port_value: {from}");
    let mut replaced = String::with_capacity(text.len());
    let mut count = 0;
    let mut rest = text;
    while let Some(at) = rest.find(&wanted) {
        let (before, found) = rest.split_at(at);
        let after = &found[wanted.len()..];
        replaced.push_str(before);
        if after.starts_with(|c: char| c.is_ascii_digit()) {
            replaced.push_str(&wanted);
        } else {
            replaced.push_str(&format!("port_value: {to}"));
            count += 1;
        }
        rest = after;
    }
    replaced.push_str(rest);
    (replaced, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a: { port_value: 10000 }\nb: { port_value: 100001 }\nc:\n  port_value: 8101\n\
                        d: { port_value: 8103 }\ncode: { local: { filename: target/filters/a.wasm } }\n";

    #[test]
    fn only_whole_ports_and_module_paths_change() {
        let filters = tempfile::tempdir().unwrap();
        std::fs::write(filters.path().join("a.wasm"), "").unwrap();
        let adapted = adapt(TEXT, &[(10000, 1), (8101, 2)], filters.path()).unwrap();
        let expected = format!(
            "a: {{ port_value: 1 }}\nb: {{ port_value: 100001 }}\nc:\n  port_value: 2\n\
             d: {{ port_value: 8103 }}\ncode: {{ local: {{ filename: {}/a.wasm }} }}\n",
            filters.path().display()
        );
        assert_eq!(adapted, expected);
        assert_eq!(region_ports(TEXT), [8101, 8103]);
    }

    #[test]
    fn listeners_move_to_a_file_of_their_own() {
        let text = "admin: a\nstatic_resources:\n  listeners:\n    - name: llm\n      b:\n        - name: c\n\n  clusters:\n    - d\n";
        let (bootstrap, listeners) = with_listeners_in(Path::new("/f"), text).unwrap();
        assert!(bootstrap.ends_with("admin: a\nstatic_resources:\n  clusters:\n    - d\n"));
        assert!(bootstrap.contains("path: /f/listeners.yaml"), "{bootstrap}");
        assert_eq!(
            listeners,
            "resources:\n    - \"@type\": type.googleapis.com/envoy.config.listener.v3.Listener\n      \
             name: llm\n      b:\n        - name: c\n\n"
        );
        with_listeners_in(Path::new("/f"), "static_resources:\n  clusters:\n").unwrap_err();
    }

    #[test]
    fn what_is_missing_is_named() {
        let filters = tempfile::tempdir().unwrap();
        let rows = [
            (TEXT, 9901, "port_value: 9901"),
            (TEXT, 10000, "a.wasm was not built"),
            ("port_value: 10000", 10000, "no filter would be tested"),
        ];
        for (text, port, named) in rows {
            let error = adapt(text, &[(port, 1)], filters.path())
                .unwrap_err()
                .to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
