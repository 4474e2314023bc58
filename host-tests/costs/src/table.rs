//! The table of costs as a file: by compiler, module and request, one request a line.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use toml::Value;

use crate::measure::Measured;
use crate::requests::REQUESTS;

const HEAD: &str = "\
# What requests cost in our modules, by the compiler that built them: rustup's std and
# Debian's differ. `cargo xtask costs` measures and compares, `cargo xtask costs --bless`
# writes this file; host-tests/host/README.md says what each number means.
";

/// Costs of one request by name.
pub type Row = BTreeMap<String, u64>;

/// Rows by request, by module.
pub type Modules = BTreeMap<String, BTreeMap<String, Row>>;

/// Everything written down, by compiler.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Keys as [`crate::compiler`] gives them.
    pub compilers: BTreeMap<String, Modules>,
}

impl Table {
    /// Reads the file; empty where there is none.
    ///
    /// # Errors
    /// When it is not such a table.
    pub fn load(path: &Path) -> Result<Self> {
        let text = match std::fs::read_to_string(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            text => text.with_context(|| format!("cannot read {}", path.display()))?,
        };
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    /// Reads the table's text.
    ///
    /// # Errors
    /// When it is not such a table.
    pub fn parse(text: &str) -> Result<Self> {
        let number = |value: &Value| {
            let number = value
                .as_integer()
                .and_then(|number| u64::try_from(number).ok());
            number.context("a cost is not a whole number")
        };
        let compilers = each(&Value::Table(text.parse()?), |modules| {
            each(modules, |requests| {
                each(requests, |costs| each(costs, number))
            })
        });
        Ok(Self {
            compilers: compilers?,
        })
    }

    /// Writes down what was measured in place of what this compiler had.
    pub fn bless(&mut self, measured: &Measured) {
        let modules = measured.modules.iter().map(|module| {
            let requests = module.requests.iter().map(|(request, costs)| {
                let costs = costs.named().into_iter();
                let row = costs.filter_map(|(cost, value)| Some((cost.to_owned(), value?)));
                // To free more is no loss, to free less no gain.
                let row = row.filter(|(cost, _)| cost != "frees");
                ((*request).to_owned(), row.collect())
            });
            (module.name.clone(), requests.collect())
        });
        self.compilers
            .insert(measured.compiler.clone(), modules.collect());
    }

    /// The file's text: columns aligned, requests and costs in the order they are measured.
    pub fn render(&self) -> String {
        let mut text = HEAD.to_owned();
        for (compiler, modules) in &self.compilers {
            for (module, requests) in modules {
                let _ = writeln!(text, "\n[{compiler:?}.{module}]");
                text.push_str(&aligned(requests));
            }
        }
        text
    }
}

fn each<T>(value: &Value, read: impl Fn(&Value) -> Result<T>) -> Result<BTreeMap<String, T>> {
    let table = value.as_table().context("a table is expected")?;
    let entries = table.iter().map(|(name, value)| {
        let value = read(value).with_context(|| name.clone())?;
        Ok((name.clone(), value))
    });
    entries.collect()
}

fn aligned(requests: &BTreeMap<String, Row>) -> String {
    let order = |name: &str| REQUESTS.iter().position(|request| request.name == name);
    let mut rows: Vec<_> = requests.iter().collect();
    rows.sort_by_key(|(name, _)| order(name).unwrap_or(usize::MAX));
    let costs = tollgate_host::Costs::UNLIMITED
        .named()
        .map(|(cost, _)| cost);
    let width = |cost: &str| {
        let values = requests.values().filter_map(|row| row.get(cost));
        values
            .map(|value| value.to_string().len())
            .max()
            .unwrap_or(0)
    };
    let names = requests.keys().map(String::len).max().unwrap_or(0);
    let mut text = String::new();
    for (name, row) in rows {
        let cells = costs.iter().filter_map(|cost| {
            let value = row.get(*cost)?;
            Some(format!("{cost} = {value:>width$}", width = width(cost)))
        });
        let cells: Vec<_> = cells.collect();
        let _ = writeln!(text, "{name:<names$} = {{ {} }}", cells.join(", "));
    }
    text
}
