//! Builds the Wasm modules into `target/filters`, and checks that an Envoy can load them.
//!
//! Beside them: `names/NAME.wasm`, the same code with the names of its functions, for tests
//! that count allocations; and `compiler.txt`, which says what compiled them.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use wasmparser::{Parser, Payload, TypeRef};

use crate::paths;
use crate::tidy::workspace::Workspace;
use crate::wasm_toolchain::WasmToolchain;

/// The profile in Cargo.toml for what Envoy loads.
const PROFILE: &str = "wasm";

/// What a module must stay under, in bytes: both carry two vocabularies' tables and are
/// still to be pulled by every proxy of a mesh. A stage of the gateway's has 0.1 to 0.4 MB. The guests of benches and tests are pulled
/// by none.
const SIZE_LIMITS: [(&str, u64); 2] = [("token-estimator", 2_200_000), ("gateway", 3_300_000)];

/// What Envoy offers in `env` besides, for modules of other compilers than ours.
const OF_OTHER_COMPILERS: [&str; 2] = ["emscripten_notify_memory_growth", "pthread_equal"];
/// What Envoy adds to Proxy-Wasm's functions.
const OF_ENVOY: &str = "envoy_resolve_dns";

/// Builds every module, copies it to its final name and checks it.
pub fn filters(toolchain: &WasmToolchain) -> Result<()> {
    let workspace = Workspace::load()?;
    let packages: Vec<&str> = workspace.modules().collect();
    let mut cargo = toolchain
        .cargo_build()
        .args(["--quiet", "--profile", PROFILE]);
    for package in &packages {
        cargo = cargo.args(["--package", package]);
    }
    cargo.run()?;

    fs::create_dir_all(paths::named_filters())?;
    for package in packages {
        let built = toolchain
            .output(PROFILE)
            .join(format!("{}.wasm", package.replace('-', "_")));
        let bytes = fs::read(&built).with_context(|| format!("cannot read {}", built.display()))?;
        let name = module_name(package);
        install(&bytes, &paths::named_filters().join(format!("{name}.wasm")))?;
        let stripped = stripped(&bytes).with_context(|| built.display().to_string())?;
        install(&stripped, &paths::filters().join(format!("{name}.wasm")))?;
        check(name, &stripped).with_context(|| format!("target/filters/{name}.wasm"))?;
    }
    install(
        format!("{}\n", toolchain.compiler()?).as_bytes(),
        &paths::filters().join("compiler.txt"),
    )
}

/// The module without custom sections, as `strip = true` leaves it: names alone are 50 KB.
fn stripped(module: &[u8]) -> Result<Vec<u8>> {
    let mut stripped = Vec::with_capacity(module.len());
    // Sections follow each other without gaps; each has a header before its range.
    let mut end = 0;
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        let range = match &payload {
            Payload::Version { range, .. } => range.clone(),
            _ => match payload.as_section() {
                Some((_, range)) => range,
                None => continue,
            },
        };
        if !matches!(payload, Payload::CustomSection(_)) {
            stripped.extend_from_slice(&module[end..range.end]);
        }
        end = range.end;
    }
    Ok(stripped)
}

/// What the module of a package is called: `token-estimator` of `tollgate-token-estimator`.
fn module_name(package: &str) -> &str {
    match package {
        // For benches and tests: its full name keeps anyone from loading it as a filter.
        "tollgate-bench-guest" | "tollgate-probe" => package,
        _ => package.strip_prefix("tollgate-").unwrap_or(package),
    }
}

/// Writes only what changed, and by rename: an Envoy of a running test may be reading it.
fn install(bytes: &[u8], file: &Path) -> Result<()> {
    if fs::read(file).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let fresh = file.with_extension(format!("fresh.{}", std::process::id()));
    fs::write(&fresh, bytes).with_context(|| format!("cannot write {}", fresh.display()))?;
    fs::rename(&fresh, file).with_context(|| format!("cannot write {}", file.display()))
}

fn check(name: &str, module: &[u8]) -> Result<()> {
    let size = module.len() as u64;
    println!(
        "  target/filters/{name}.wasm {:>14}",
        format!("{:.1} KB", size as f64 / 1e3)
    );
    within_limit(name, size)?;
    let strangers = unknown_imports(module)?;
    if !strangers.is_empty() {
        bail!(
            "the module imports what no Envoy offers, so none could load it: {}",
            strangers.join(", ")
        );
    }
    Ok(())
}

fn within_limit(name: &str, size: u64) -> Result<()> {
    match SIZE_LIMITS.iter().find(|(limited, _)| *limited == name) {
        Some((_, limit)) if size >= *limit => {
            bail!("the module has {size} bytes; it must stay under {limit}")
        }
        _ => Ok(()),
    }
}

/// Imports that are neither Proxy-Wasm's functions nor WASI's.
fn unknown_imports(module: &[u8]) -> Result<Vec<String>> {
    let mut unknown = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        let Payload::ImportSection(imports) = payload? else {
            continue;
        };
        for import in imports.into_imports() {
            let import = import?;
            let known = matches!(import.ty, TypeRef::Func(_))
                && match import.module {
                    "env" => {
                        import.name.starts_with("proxy_")
                            || import.name == "envoy_resolve_dns"
                            || OF_OTHER_COMPILERS.contains(&import.name)
                            || import.name == OF_ENVOY
                    }
                    "wasi_snapshot_preview1" | "wasi_unstable" => true,
                    _ => false,
                };
            if !known {
                unknown.push(format!("{}.{}", import.module, import.name));
            }
        }
    }
    Ok(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module that imports one function of type `() -> ()`.
    fn importing(module: &str, name: &str) -> Vec<u8> {
        let mut import = vec![1];
        for text in [module, name] {
            import.push(text.len() as u8);
            import.extend(text.as_bytes());
        }
        import.extend([0, 0]);
        let mut wasm = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x02".to_vec();
        wasm.push(import.len() as u8);
        wasm.extend(import);
        wasm
    }

    #[test]
    fn only_what_envoy_offers_may_be_imported() {
        let rows = [
            ("env", "proxy_log", None),
            ("wasi_snapshot_preview1", "fd_write", None),
            ("wasi_unstable", "fd_write", None),
            ("env", "pthread_equal", None),
            ("env", "envoy_resolve_dns", None),
            ("env", "emscripten_memcpy", Some("env.emscripten_memcpy")),
            ("wbg", "proxy_log", Some("wbg.proxy_log")),
        ];
        for (module, name, expected) in rows {
            let unknown = unknown_imports(&importing(module, name)).unwrap();
            assert_eq!(unknown.first().map(String::as_str), expected);
        }
        assert!(unknown_imports(b"no module").is_err());
    }

    #[test]
    fn stripping_takes_out_custom_sections_alone() {
        let module = importing("env", "proxy_log");
        let custom = b"\0\x05\x04name";
        let (head, sections) = module.split_at(8);
        let with_names = [head, custom, sections, custom].concat();
        assert_eq!(stripped(&with_names).unwrap(), module);
        assert_eq!(stripped(&module).unwrap(), module);
        assert!(stripped(&module[..9]).is_err());
    }

    #[test]
    fn a_module_stays_under_its_limit() {
        let rows = [
            ("token-estimator", 2_199_999, true),
            ("token-estimator", 2_200_000, false),
            ("gateway", 3_299_999, true),
            ("gateway", 3_300_000, false),
            ("tollgate-bench-guest", 3_300_000, true),
        ];
        for (name, size, fits) in rows {
            assert_eq!(within_limit(name, size).is_ok(), fits, "{name} of {size}");
        }
    }

    #[test]
    fn a_module_is_named_after_its_package() {
        assert_eq!(module_name("tollgate-token-estimator"), "token-estimator");
        assert_eq!(module_name("tollgate-bench-guest"), "tollgate-bench-guest");
        assert_eq!(module_name("tollgate-probe"), "tollgate-probe");
    }
}
