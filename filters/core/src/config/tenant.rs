//! What names the tenant of a request.

use super::node::{ConfigError, Node};

/// One place to look for a tenant's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenantSource {
    /// A request header, lower case: what the client says.
    Header(String),
    /// A request header, lower case, that the proxy sets: what it knows.
    TrustedHeader(String),
    /// A property of the stream, its segments separated by NUL: something that Envoy knows,
    /// such as a claim of a JWT that its `jwt_authn` filter has verified.
    Property(String),
}

impl TenantSource {
    /// Where the clients of Azure OpenAI and OpenAI carry their keys.
    pub(super) fn defaults() -> Vec<TenantSource> {
        ["api-key", "authorization"]
            .map(|name| TenantSource::Header(name.to_owned()))
            .to_vec()
    }

    /// An empty list makes everybody the default tenant.
    pub(super) fn read_list(node: &Node) -> Result<Vec<TenantSource>, ConfigError> {
        node.list()?.iter().map(TenantSource::read).collect()
    }

    fn read(node: &Node) -> Result<TenantSource, ConfigError> {
        let object = node.object(&["header", "trusted", "property"])?;
        let is_trusted = object.read_or("trusted", false, Node::boolean)?;
        match (object.get("header"), object.get("property")) {
            (Some(header), None) => {
                let name = header.string()?.to_ascii_lowercase();
                Ok(if is_trusted {
                    TenantSource::TrustedHeader(name)
                } else {
                    TenantSource::Header(name)
                })
            }
            (None, Some(_)) if is_trusted => {
                Err(node.wrong("`trusted` is about a header; a property is trusted as it is"))
            }
            (None, Some(property)) => {
                let segments = property.list()?;
                if segments.is_empty() {
                    return Err(property.wrong("expected the segments of a property's path"));
                }
                let segments = segments
                    .iter()
                    .map(Node::string)
                    .collect::<Result<Vec<_>, _>>()?;
                Ok(TenantSource::Property(segments.join("\0")))
            }
            _ => Err(node.wrong("expected either a header or a property")),
        }
    }
}
