//! Whether every context of a stream or connection began and ended as the ABI says: created
//! once, told of its end once by each of `proxy_on_log`, `proxy_on_done` and `proxy_on_delete`,
//! in Envoy's order, and left alone afterwards.

use std::collections::{BTreeMap, BTreeSet};

use crate::module::Module;
use crate::transcript::{CallDirection, Crossing};
use crate::vm::ROOT;

/// The callbacks at a stream's end, in Envoy's order.
const ENDINGS: [&str; 3] = ["proxy_on_log", "proxy_on_done", "proxy_on_delete"];

/// Those at a TCP connection's end.
const CONNECTION_ENDINGS: [&str; 3] = ["proxy_on_done", "proxy_on_log", "proxy_on_delete"];

/// The upstream's end is told even to a connection's context that is gone.
const LATE: &str = "proxy_on_upstream_connection_close";

/// The contexts of TCP connections, and those of them that are still open.
#[derive(Debug, Default)]
pub struct Connections {
    /// All.
    pub all: BTreeSet<u64>,
    /// Nobody can end these any more: the filter holds what would.
    pub open: BTreeSet<u64>,
}

/// What is out of order in the transcript of a worker whose streams have all ended; a
/// sentence each.
pub fn disorder(
    module: &Module,
    transcript: &[Crossing],
    connections: &Connections,
) -> Vec<String> {
    let mut contexts: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for crossing in transcript {
        let context = crossing.arguments.first();
        if let (CallDirection::Callback, Some(id)) = (crossing.direction, context)
            && *id > u64::from(ROOT)
        {
            contexts.entry(*id).or_default().push(crossing.function);
        }
    }
    let exported = |endings: [&'static str; 3]| -> Vec<&str> {
        let endings = endings.into_iter();
        let exported = endings.filter(|name| module.compiled().get_export(name).is_some());
        exported.collect()
    };
    let (of_streams, of_connections) = (exported(ENDINGS), exported(CONNECTION_ENDINGS));
    let mut wrong = Vec::new();
    for (id, callbacks) in contexts {
        if connections.open.contains(&id) {
            continue;
        }
        let endings = match connections.all.contains(&id) {
            true => &of_connections,
            false => &of_streams,
        };
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
            .filter(|name| *name != LATE)
            .collect();
        if last != *endings {
            wrong.push(format!(
                "context {id} ended with {} instead of {}",
                listed(&last),
                listed(endings)
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
