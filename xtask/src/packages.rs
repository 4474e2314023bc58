//! Installs packages of the system's package manager, where that is Debian's apt.

use anyhow::{Context, Result, bail};

use crate::exec::{Tool, on_path};

/// The right to install packages, with up-to-date lists of them.
pub struct Apt {
    root: bool,
}

impl Apt {
    /// Looks whether packages can be installed, as root or through `sudo -n`.
    ///
    /// # Errors
    /// Which of the two is missing: apt itself or the right to install.
    pub fn ready() -> Result<Self> {
        if !on_path("apt-get") {
            bail!("this system has no apt-get");
        }
        let user = Tool::new("id").arg("-u").try_read().unwrap_or_default();
        let apt = Self {
            root: user.trim() == "0",
        };
        if !apt.root && Tool::new("sudo").args(["-n", "true"]).try_read().is_none() {
            bail!("installing packages needs root, and sudo asks for a password");
        }
        // Stale lists are no reason to stop: the installation itself says if they matter.
        let _ = apt.get().arg("update").finish();
        Ok(apt)
    }

    /// Installs packages; an error with apt's own words.
    pub fn install(&self, packages: &[&str]) -> Result<()> {
        println!("  apt-get installs {}", packages.join(" "));
        self.get()
            .args(["install", "--yes", "--no-install-recommends"])
            .args(packages)
            .read()
            .with_context(|| format!("apt-get could not install {}", packages.join(" ")))?;
        Ok(())
    }

    /// The newest `PREFIX-NUMBER` package there is, such as `lld-22` for `lld`.
    pub fn newest_versioned(&self, prefix: &str) -> Option<String> {
        let names = Tool::new("apt-cache")
            .args(["pkgnames", prefix])
            .try_read()?;
        newest(prefix, names.lines())
    }

    fn get(&self) -> Tool {
        let assignment = "DEBIAN_FRONTEND=noninteractive";
        match self.root {
            true => Tool::new("env").args([assignment, "apt-get", "--quiet"]),
            false => Tool::new("sudo").args(["-n", assignment, "apt-get", "--quiet"]),
        }
    }
}

fn newest<'a>(prefix: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    names
        .filter_map(|name| {
            let number = name.strip_prefix(prefix)?.strip_prefix('-')?;
            Some((number.parse::<u32>().ok()?, name))
        })
        .max()
        .map(|(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers_not_text() {
        let names = ["lld-9", "lld-22", "lld", "lldb-30", "lld-22-tools"];
        assert_eq!(newest("lld", names.into_iter()).as_deref(), Some("lld-22"));
        assert_eq!(newest("clang", names.into_iter()), None);
    }
}
