//! Installs packages into a folder, without installing them on the machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{Manager, Package};

/// The folder that holds the unpacked `package`, fetched unless it is there.
pub fn fetch(package: &Package, root: &Path) -> Result<PathBuf> {
    let folder = root.join("packages").join(package.name.replace('/', "-"));
    let done = folder.join(".complete");
    if done.exists() {
        return Ok(folder);
    }
    let _ = fs::remove_dir_all(&folder);
    let download = root.join("download").join(package.name.replace('/', "-"));
    let _ = fs::remove_dir_all(&download);
    fs::create_dir_all(&folder)?;
    fs::create_dir_all(&download)?;
    let spec = |join: &str| format!("{}{join}{}", package.name, package.version);
    let version = match package.manager {
        Manager::Apt => {
            run(Command::new("apt-get")
                .args(["download", package.name])
                .current_dir(&download))?;
            let archive = only_file(&download)?;
            run(Command::new("dpkg-deb").arg("-x").args([&archive, &folder]))?;
            let name = archive
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            name.split('_')
                .nth(1)
                .unwrap_or_default()
                .replace("%3a", ":")
        }
        Manager::Pip => {
            run(Command::new("pip")
                .args(["download", "--quiet", "--no-deps", "--dest"])
                .arg(&download)
                .arg(spec("==")))?;
            let archive = only_file(&download)?;
            // A wheel is a zip file; Python is there, where pip is.
            run(Command::new("python3")
                .args(["-m", "zipfile", "-e"])
                .args([&archive, &folder]))?;
            package.version.to_owned()
        }
        Manager::Npm => {
            run(Command::new("npm")
                .args(["pack", "--silent", &spec("@")])
                .current_dir(&download))?;
            let archive = only_file(&download)?;
            run(Command::new("tar")
                .arg("xzf")
                .arg(&archive)
                .arg("-C")
                .arg(&folder))?;
            package.version.to_owned()
        }
    };
    let _ = fs::remove_dir_all(&download);
    fs::write(done, version)?;
    Ok(folder)
}

/// The version of a fetched package.
pub fn version(folder: &Path) -> String {
    fs::read_to_string(folder.join(".complete")).unwrap_or_default()
}

/// All files under `folder`, in a fixed order.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in
            fs::read_dir(&folder).with_context(|| format!("listing {}", folder.display()))?
        {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

fn only_file(folder: &Path) -> Result<PathBuf> {
    let mut found = files(folder)?;
    match (found.pop(), found.is_empty()) {
        (Some(file), true) => Ok(file),
        _ => bail!("{} should hold one downloaded file", folder.display()),
    }
}

fn run(command: &mut Command) -> Result<()> {
    let shown = format!("{command:?}");
    let output = command
        .output()
        .with_context(|| format!("cannot start {shown}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "{shown} failed: {}",
            said.trim().lines().last().unwrap_or("it said nothing")
        );
    }
    Ok(())
}
