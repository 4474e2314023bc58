//! Whether every stream's context began and ended as the ABI says: created once, told of its
//! end once by each of `proxy_on_log`, `proxy_on_done` and `proxy_on_delete`, in Envoy's order,
//! and left alone afterwards.

use std::collections::BTreeMap;

use crate::module::Module;
use crate::transcript::{CallDirection, Crossing};
use crate::vm::ROOT;

/// The callbacks at a stream's end, in Envoy's order.
const ENDINGS: [&str; 3] = ["proxy_on_log", "proxy_on_done", "proxy_on_delete"];

/// What is out of order in the transcript of a worker whose streams have all ended; a
/// sentence each.
pub fn disorder(module: &Module, transcript: &[Crossing]) -> Vec<String> {
    let mut contexts: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for crossing in transcript {
        let context = crossing.arguments.first();
        if let (CallDirection::Callback, Some(id)) = (crossing.direction, context)
            && *id > u64::from(ROOT)
        {
            contexts.entry(*id).or_default().push(crossing.function);
        }
    }
    let endings: Vec<&str> = ENDINGS
        .into_iter()
        .filter(|name| module.compiled().get_export(name).is_some())
        .collect();
    let mut wrong = Vec::new();
    for (id, callbacks) in contexts {
        let created = callbacks
            .iter()
            .filter(|name| **name == "proxy_on_context_create");
        if created.count() > 1 {
            wrong.push(format!("context {id} was created twice"));
        }
        let last: Vec<&str> = callbacks
            .iter()
            .copied()
            .skip_while(|name| !ENDINGS.contains(name))
            .collect();
        if last != endings {
            wrong.push(format!(
                "context {id} ended with {} instead of {}",
                listed(&last),
                listed(&endings)
            ));
        }
    }
    wrong
}

fn listed(callbacks: &[&str]) -> String {
    match callbacks.is_empty() {
        true => "no callback".to_owned(),
        false => callbacks.join(", "),
    }
}
