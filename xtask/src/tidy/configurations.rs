//! Every Envoy configuration is loaded by a real Envoy in some test.

use super::Source;

/// Adds every `.yaml` under `envoy/` that no test under `host-tests/` names.
pub fn check(files: &[Source], breaches: &mut Vec<String>) {
    let configurations = files
        .iter()
        .map(|file| file.path.as_str())
        .filter(|path| path.starts_with("envoy/") && path.ends_with(".yaml"));
    for configuration in configurations {
        let claim = format!("\"{configuration}\"");
        let claimed = files
            .iter()
            .filter(|file| may_claim(file))
            .flat_map(Source::code)
            .any(|(_, line)| line.contains(&claim));
        if !claimed {
            breaches.push(format!(
                "{configuration}: no test under host-tests/ loads it"
            ));
        }
    }
}

/// Code of tests: a default of a binary is not yet a test.
fn may_claim(file: &Source) -> bool {
    file.is_rust() && file.path.starts_with("host-tests/") && !file.path.contains("/bin/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_without_a_test_is_a_breach() {
        const TEST: &str = "host-tests/tests/tests/a.rs";
        const CLAIM: &str = r#"    Stack::of("envoy/a/envoy.yaml")"#;
        // Where a claim stands, what it says, and the configurations nobody claims.
        let rows: [(&str, &str, &[&str]); 6] = [
            (TEST, CLAIM, &["envoy/a/other.yaml"]),
            (TEST, r#"["envoy/a/envoy.yaml", "envoy/a/other.yaml"]"#, &[]),
            (
                TEST,
                r#"// Stack::of("envoy/a/envoy.yaml")"#,
                &["envoy/a/envoy.yaml", "envoy/a/other.yaml"],
            ),
            (
                TEST,
                r#"Stack::of("envoy/a/")"#,
                &["envoy/a/envoy.yaml", "envoy/a/other.yaml"],
            ),
            (
                "host-tests/tests/src/bin/up.rs",
                CLAIM,
                &["envoy/a/envoy.yaml", "envoy/a/other.yaml"],
            ),
            (
                "host-tests/README.md",
                CLAIM,
                &["envoy/a/envoy.yaml", "envoy/a/other.yaml"],
            ),
        ];
        for (path, text, unclaimed) in rows {
            let file = |path: &str, text: &str| Source {
                path: path.into(),
                text: text.into(),
            };
            let mut found = Vec::new();
            check(
                &[
                    file("envoy/a/envoy.yaml", ""),
                    file("envoy/a/other.yaml", ""),
                    file("envoy/README.md", ""),
                    file(path, text),
                ],
                &mut found,
            );
            let expected: Vec<String> = unclaimed
                .iter()
                .map(|path| format!("{path}: no test under host-tests/ loads it"))
                .collect();
            assert_eq!(found, expected, "{path}: {text}");
        }
    }
}
