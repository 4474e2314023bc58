//! Installs packages of the system's package manager, where that is Debian's apt.

use std::sync::Once;

use anyhow::{Context, Result, bail};

use crate::exec::{Tool, on_path};

/// Installs Debian packages, as root or through `sudo -n`.
///
/// `packages` are names or apt's own patterns. An error says which of the three is
/// missing: apt itself, the right to install, or the packages.
pub fn apt_install(packages: &[&str]) -> Result<()> {
    if !on_path("apt-get") {
        bail!("this system has no apt-get");
    }
    let user = Tool::new("id").arg("-u").read().unwrap_or_default();
    let root = user.trim() == "0";
    if !root && Tool::new("sudo").args(["-n", "true"]).try_read().is_none() {
        bail!("installing packages needs root, and sudo asks for a password");
    }
    let apt = || {
        let tool = match root {
            true => Tool::new("apt-get"),
            false => Tool::new("sudo").args(["-n", "DEBIAN_FRONTEND=noninteractive", "apt-get"]),
        };
        tool.env("DEBIAN_FRONTEND", "noninteractive").arg("--quiet")
    };
    static LISTS: Once = Once::new();
    LISTS.call_once(|| {
        // Stale lists are no reason to stop: the install itself says if they matter.
        let _ = apt().arg("update").finish();
    });
    apt()
        .args(["install", "--yes", "--no-install-recommends"])
        .args(packages)
        .read()
        .with_context(|| format!("apt-get could not install {}", packages.join(" ")))?;
    Ok(())
}

/// The newest `PREFIX-NUMBER` package apt knows, such as `lld-19` for `lld`.
pub fn newest_versioned(prefix: &str) -> Option<String> {
    let names = Tool::new("apt-cache")
        .args(["pkgnames", prefix])
        .try_read()?;
    names
        .lines()
        .filter_map(|name| {
            let number = name.strip_prefix(prefix)?.strip_prefix('-')?;
            Some((number.parse::<u32>().ok()?, name))
        })
        .max()
        .map(|(_, name)| name.to_owned())
}
