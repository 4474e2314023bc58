//! Runs every request on every module and takes down what it cost.

use std::path::Path;

use anyhow::{Context, Result, bail};
use tollgate_host::{Costs, Host, Plugin, StreamEnd};
use tollgate_tests::places;

use crate::requests::{REQUESTS, Request};

/// What every request cost on every module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// What compiled the modules.
    pub compiler: String,
    /// By name.
    pub modules: Vec<Module>,
}

/// What every request cost on one module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// As `token-estimator`.
    pub name: String,
    /// In the order of [`REQUESTS`].
    pub requests: Vec<(&'static str, Costs)>,
}

/// Measures the modules that `cargo xtask build` built.
///
/// # Errors
/// When they were not built, do not start, or do not treat a request as it is meant.
pub fn measure() -> Result<Measured> {
    let modules = filters()?.into_iter().map(measure_module);
    Ok(Measured {
        compiler: crate::compiler()?,
        modules: modules.collect::<Result<_>>()?,
    })
}

fn measure_module(name: String) -> Result<Module> {
    let file = places::filters().join("names").join(format!("{name}.wasm"));
    let module = tollgate_host::Module::load_counting_allocations(&file)
        .with_context(|| format!("{}: `cargo xtask build` makes it", file.display()))?;
    let requests = REQUESTS.iter().filter(|request| request.is_for(&name));
    let requests = requests.map(|request| {
        let costs = measure_request(&module, request);
        let costs = costs.with_context(|| format!("{name}, {}", request.name))?;
        Ok((request.name, costs))
    });
    let requests = requests.collect::<Result<_>>()?;
    Ok(Module { name, requests })
}

/// What the request costs on a worker that has seen one like it: the first also pays for
/// what is set up once.
fn measure_request(module: &tollgate_host::Module, request: &Request) -> Result<Costs> {
    let plugin = Plugin {
        configuration: request.configuration().into(),
        allow_on_headers_stop_iteration: true,
        buffer_limit: 16 << 20,
        ..Plugin::default()
    };
    let host = Host::new();
    let worker = host.worker(module, plugin)?;
    request.prepare(&host, &worker);
    let stream = request.play(&worker);
    if let Some(death) = worker.death() {
        bail!("{death}");
    }
    let (end, replied) = (stream.end(), stream.local_reply().is_some());
    let meant = match request.is_refused() {
        true => replied,
        false => !replied && matches!(end, Some(StreamEnd::Complete | StreamEnd::ClientReset)),
    };
    if !meant {
        bail!("it ended with {end:?} and {:?}", stream.details());
    }
    Ok(stream.costs())
}

/// Names of our modules: the folders under `filters/` that become one.
fn filters() -> Result<Vec<String>> {
    let folder = places::root().join("filters");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if is_module(&path)
            && let Some(name) = path.file_name()
        {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn is_module(folder: &Path) -> bool {
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml"));
    manifest.is_ok_and(|manifest| manifest.contains("cdylib"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is measured is what Envoy loads: neither the names nor the counting change it.
    #[test]
    fn counting_changes_nothing_else() {
        for name in filters().unwrap() {
            let shipped = tollgate_host::Module::load(places::filter(&name).unwrap()).unwrap();
            let requests = REQUESTS.iter().filter(|request| request.is_for(&name));
            let counted = measure_module(name.clone()).unwrap();
            for (request, (_, costs)) in requests.zip(counted.requests) {
                let allocations = costs.allocations.unwrap();
                assert!(allocations.calls > 0, "{}", request.name);
                let without = Costs {
                    allocations: None,
                    ..costs
                };
                assert_eq!(measure_request(&shipped, request).unwrap(), without);
            }
        }
    }
}
