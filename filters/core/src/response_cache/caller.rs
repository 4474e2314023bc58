//! What counts beside its body for whether two requests are the same.

use super::directives::Directives;
use super::frame::frame;
use crate::config::{RequestHead, Rule};

/// Headers that change what the provider answers, or for whom.
const VARY: [&str; 3] = ["openai-organization", "openai-project", "openai-beta"];

/// Who asks where, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// What the client wants of a cache.
    pub directives: Directives,
    /// Host, path with its query, Envoy's route, the rule's name and the headers that matter, each
    /// with its length before it.
    pub place: Vec<u8>,
}

impl Caller {
    /// What `head` says, under `rule`.
    pub fn of(head: &impl RequestHead, rule: &Rule) -> Caller {
        let mut place = Vec::new();
        let host = head.host().to_ascii_lowercase();
        let route = match head.route_name() {
            // It costs a call where no rule wanted it before.
            [] => head.property("xds\0route_name").unwrap_or_default(),
            name => name.to_vec(),
        };
        for item in [&host, head.path(), &route, rule.name.as_bytes()] {
            frame(item, |part| place.extend_from_slice(part));
        }
        for name in VARY {
            let values: Vec<&[u8]> = head.header(name).collect();
            frame(&values.join(&b","[..]), |part| {
                place.extend_from_slice(part)
            });
        }
        Caller {
            directives: Directives::read(head.header("cache-control")),
            place,
        }
    }
}
