//! The head of a request that tests make up.

use super::RequestHead;

/// A request to `LLM.example:10000` by the route `chat`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    /// What the property `jwt.sub` is.
    pub(crate) subject: Option<Vec<u8>>,
}

impl Head {
    /// A POST.
    pub(crate) fn to<V: AsRef<[u8]>>(path: &str, headers: &[(&str, V)]) -> Head {
        let header = |(name, value): &(&str, V)| ((*name).to_owned(), value.as_ref().to_vec());
        Head {
            method: "POST".to_owned(),
            path: path.to_owned(),
            headers: headers.iter().map(header).collect(),
            subject: None,
        }
    }
}

impl RequestHead for Head {
    fn method(&self) -> &[u8] {
        self.method.as_bytes()
    }
    fn path(&self) -> &[u8] {
        self.path.as_bytes()
    }
    fn host(&self) -> &[u8] {
        b"LLM.example:10000"
    }
    fn route_name(&self) -> &[u8] {
        b"chat"
    }
    fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let named = self.headers.iter().filter(move |(known, _)| known == name);
        named.map(|(_, value)| value.as_slice())
    }
    fn property(&self, path: &str) -> Option<Vec<u8>> {
        self.subject.clone().filter(|_| path == "jwt\0sub")
    }
}
