//! What counts beside its body for whether two requests are the same.

use super::directives::Directives;
use crate::config::{RequestHead, Rule};

/// Headers that change what the provider answers, or for whom.
const VARY: [&str; 3] = ["openai-organization", "openai-project", "openai-beta"];

/// Who asks where, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// What the client wants of a cache.
    pub directives: Directives,
    /// Host, path with its query, Envoy's route and the headers that matter, each with its
    /// length before it.
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
            frame(&mut place, item);
        }
        for name in VARY {
            let values: Vec<&[u8]> = head.header(name).collect();
            frame(&mut place, &values.join(&b","[..]));
        }
        Caller {
            directives: Directives::read(head.header("cache-control")),
            place,
        }
    }
}

fn frame(framed: &mut Vec<u8>, item: &[u8]) {
    framed.extend_from_slice(&(item.len() as u64).to_le_bytes());
    framed.extend_from_slice(item);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_items_end_can_be_told() {
        let framed = |items: [&[u8]; 2]| {
            let mut framed = Vec::new();
            items.iter().for_each(|item| frame(&mut framed, item));
            framed
        };
        assert_ne!(framed([b"ab", b"c"]), framed([b"a", b"bc"]));
        assert_eq!(framed([b"", b"a"]), b"\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0a");
    }
}
