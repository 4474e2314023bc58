//! The probe of one VM: its scripts, and what it remembers between callbacks.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::commands::{self, Done};
use crate::env;
use crate::read;
use crate::script::{Block, Command, Script};
use crate::value::Names;

/// Levels of the log.
const INFO: u32 = 2;
const ERROR: u32 = 4;

/// Buffers with scripts.
const VM_CONFIGURATION: u32 = 6;
const PLUGIN_CONFIGURATION: u32 = 7;

thread_local! {
    static PROBE: RefCell<Probe> = RefCell::default();
}

#[derive(Default)]
struct Probe {
    script: Script,
    /// Named by `as`.
    names: Names,
    /// How often each callback has come.
    counts: BTreeMap<&'static str, u64>,
    /// What was logged before the configuration was accepted.
    early: Vec<String>,
    configured: bool,
}

/// Runs the script for a callback; what it says to return, if it says so.
pub fn call(callback: &'static str, arguments: &[(&'static str, u32)]) -> Option<u32> {
    let read = match (callback, arguments) {
        ("context_create", [_, ("parent", 0)]) => extend_script(VM_CONFIGURATION),
        ("configure", _) => extend_script(PLUGIN_CONFIGURATION),
        _ => Ok(()),
    };
    if let Err(problem) = read {
        env::log(ERROR, &problem);
        return Some(0);
    }
    let returned = run(callback, arguments);
    if callback == "configure" {
        PROBE.with_borrow_mut(|probe| probe.configured = true);
    }
    returned
}

/// A configuration is a script; both together are the probe's.
fn extend_script(configuration: u32) -> Result<(), String> {
    let text = env::buffer(configuration);
    let script = read::script(&String::from_utf8_lossy(&text))?;
    PROBE.with_borrow_mut(|probe| probe.script.blocks.extend(script.blocks));
    Ok(())
}

fn run(callback: &'static str, arguments: &[(&'static str, u32)]) -> Option<u32> {
    let mut names: Names = arguments
        .iter()
        .map(|(name, value)| ((*name).to_owned(), u64::from(*value)))
        .collect();
    // Taken out of the cell: the host may call the allocator while a command runs.
    let blocks: Vec<Block> = PROBE.with_borrow_mut(|probe| {
        let count = probe.counts.entry(callback).or_default();
        *count += 1;
        names.insert("nth".to_owned(), *count);
        let named = probe.names.iter();
        names.extend(named.map(|(name, value)| (name.clone(), *value)));
        let blocks = probe.script.blocks.iter();
        blocks
            .filter(|block| block.callback == callback)
            .cloned()
            .collect()
    });
    if blocks.is_empty() {
        return None;
    }
    observe(&described(callback, arguments));
    for block in &blocks {
        if !block.applies(&names) {
            continue;
        }
        for command in &block.commands {
            if let Some(returned) = perform(command, &mut names) {
                return Some(returned as u32);
            }
        }
    }
    None
}

/// Does what a line says; what the callback is to return, if that is it.
fn perform(command: &Command, names: &mut Names) -> Option<u64> {
    match commands::run(command, names) {
        Done::Return(value) => return Some(value),
        Done::Recall => {
            let early = PROBE.with_borrow(|probe| probe.early.clone());
            for line in early {
                env::log(INFO, &line);
            }
        }
        Done::Shown(result, number) => {
            if let Some(name) = &command.named {
                names.insert(name.clone(), number);
                PROBE.with_borrow_mut(|probe| probe.names.insert(name.clone(), number));
            }
            observe(&format!("{} = {result}", command.text));
        }
    }
    None
}

fn described(callback: &str, arguments: &[(&str, u32)]) -> String {
    let mut text = callback.to_owned();
    for (name, value) in arguments {
        let value = match *name {
            "end" => (*value != 0).to_string(),
            _ => value.to_string(),
        };
        text.push_str(&format!(" {name}={value}"));
    }
    text
}

/// Logs what was seen.
fn observe(line: &str) {
    env::log(INFO, line);
    PROBE.with_borrow_mut(|probe| {
        if !probe.configured {
            probe.early.push(line.to_owned());
        }
    });
}
