//! Every Envoy configuration is loaded by a real Envoy in some test.

use std::collections::BTreeSet;

use super::Source;

/// Adds every folder of `envoy/` that no test under `host-tests/` names.
pub fn check(files: &[Source], breaches: &mut Vec<String>) {
    let folders: BTreeSet<&str> = files
        .iter()
        .filter_map(|file| file.path.strip_prefix("envoy/")?.split_once('/'))
        .map(|(folder, _)| folder)
        .collect();
    for folder in folders {
        let claim = format!("envoy/{folder}/");
        let claimed = files.iter().any(|file| {
            file.path.starts_with("host-tests/") && file.is_rust() && file.text.contains(&claim)
        });
        if !claimed {
            breaches.push(format!("{claim}: no test under host-tests/ loads it"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_a_test_is_a_breach() {
        let file = |path: &str, text: &str| Source {
            path: path.into(),
            text: text.into(),
        };
        let config = file("envoy/token-estimator/envoy.yaml", "");
        let readme = file("envoy/README.md", "");
        let claim = file(
            "host-tests/tests/tests/a.rs",
            r#"Stack::new("envoy/token-estimator/envoy.yaml")"#,
        );
        let prose = file("host-tests/README.md", "envoy/token-estimator/");

        let mut found = Vec::new();
        check(&[config, readme, claim], &mut found);
        assert!(found.is_empty(), "{found:?}");

        let config = file("envoy/token-estimator/envoy.yaml", "");
        check(&[config, prose], &mut found);
        assert_eq!(
            found,
            ["envoy/token-estimator/: no test under host-tests/ loads it"]
        );
    }
}
