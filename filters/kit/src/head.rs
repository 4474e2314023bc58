//! The head of a message.

use tollgate_core::config::RequestHead;

use crate::abi;
use crate::pairs::Pairs;

/// The head of a message, as the host handed it over.
pub(crate) struct Head {
    pub(crate) pairs: Pairs,
    route_name: Vec<u8>,
}

impl Head {
    pub(crate) fn of_request(with_route_name: bool) -> Head {
        let route_name = if with_route_name {
            abi::property("xds\0route_name").unwrap_or_default()
        } else {
            Vec::new()
        };
        Head {
            pairs: Head::pairs(abi::Headers::Request),
            route_name,
        }
    }

    pub(crate) fn of_response() -> Head {
        Head {
            pairs: Head::pairs(abi::Headers::Response),
            route_name: Vec::new(),
        }
    }

    /// No headers where the host gives none: nothing is admitted without its path.
    fn pairs(map: abi::Headers) -> Pairs {
        Pairs::new(abi::header_pairs(map).unwrap_or_default())
    }

    pub(crate) fn status(&self) -> u16 {
        let digits = core::str::from_utf8(self.pairs.first(":status")).unwrap_or_default();
        digits.parse().unwrap_or(0)
    }
}

impl RequestHead for Head {
    fn method(&self) -> &[u8] {
        self.pairs.first(":method")
    }
    fn path(&self) -> &[u8] {
        self.pairs.first(":path")
    }
    fn host(&self) -> &[u8] {
        self.pairs.first(":authority")
    }
    fn route_name(&self) -> &[u8] {
        &self.route_name
    }
    fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.pairs.values(name)
    }
    fn property(&self, path: &str) -> Option<Vec<u8>> {
        abi::property(path).ok()
    }
}
