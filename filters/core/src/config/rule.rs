//! Which requests a rule is about, and what it says of them.

use super::content_screener::{ContentScreenerConfig, TermPacks};
use super::node::{ConfigError, Node};
use super::prompt_minimizer::PromptMinimizerConfig;
use super::rate_limiter::RateLimiterConfig;
use super::response_cache::ResponseCacheConfig;
use super::tenant::TenantSource;
use super::token_estimator::TokenEstimatorConfig;

/// What the head of a request says, as rules see it. Header names are lower case.
pub trait RequestHead {
    /// `:method`.
    fn method(&self) -> &[u8];
    /// `:path` with its query.
    fn path(&self) -> &[u8];
    /// `:authority`.
    fn host(&self) -> &[u8];
    /// Name of the Envoy route chosen for the request; empty where it has none.
    fn route_name(&self) -> &[u8];
    /// Every value of a header, in order.
    fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]>;
    /// A property of the stream; segments of `path` are separated by NUL.
    fn property(&self, path: &str) -> Option<Vec<u8>>;
}

/// Conditions, all of which must hold; a condition that is not given always holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    /// `:method` is one of these.
    pub methods: Vec<String>,
    /// `:authority` is this, without regard to case; its port counts where one is given here.
    pub host: Option<String>,
    /// `:path` begins with the segments of one of these, without regard to case (Azure has
    /// none); `*` stands for any one segment.
    pub paths: Vec<String>,
    /// Envoy's name of the route is this.
    pub route_name: Option<String>,
    /// A header, lower case, is there, and where a value is given has exactly this value.
    pub header: Option<(String, Option<String>)>,
}

impl Match {
    fn read(node: &Node) -> Result<Match, ConfigError> {
        let object = node.object(&["methods", "host", "paths", "route_name", "header"])?;
        let text = |key| {
            object.read_or(key, None, |node| {
                node.string().map(|text| Some(text.to_owned()))
            })
        };
        Ok(Match {
            methods: object.read_or("methods", Vec::new(), read_methods)?,
            host: text("host")?,
            paths: object.read_or("paths", Vec::new(), read_paths)?,
            route_name: text("route_name")?,
            header: object.read_or("header", None, |node| {
                let header = node.object(&["name", "value"])?;
                let name = header.require("name")?.string()?.to_ascii_lowercase();
                let value = header.read_or("value", None, |node| node.string().map(Some))?;
                Ok(Some((name, value.map(str::to_owned))))
            })?,
        })
    }

    fn holds(&self, head: &impl RequestHead) -> bool {
        let method = || {
            self.methods
                .iter()
                .any(|method| method.as_bytes() == head.method())
        };
        let path = || {
            self.paths
                .iter()
                .any(|prefix| begins_with(head.path(), prefix))
        };
        let header = |(name, value): &(String, Option<String>)| match value {
            None => head.header(name).next().is_some(),
            Some(value) => head.header(name).any(|found| found == value.as_bytes()),
        };
        (self.methods.is_empty() || method())
            && self
                .host
                .as_ref()
                .is_none_or(|host| is_host(head.host(), host))
            && (self.paths.is_empty() || path())
            && self
                .route_name
                .as_ref()
                .is_none_or(|name| head.route_name() == name.as_bytes())
            && self.header.as_ref().is_none_or(header)
    }
}

/// Whether `authority` names `host`, where only a port that `host` gives counts.
fn is_host(authority: &[u8], host: &str) -> bool {
    let without_port = |name: &'_ [u8]| -> usize {
        let digits = name
            .iter()
            .rev()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let port = name.len().saturating_sub(digits);
        match port.checked_sub(1) {
            Some(colon) if name.get(colon) == Some(&b':') => colon,
            _ => name.len(),
        }
    };
    let has_port = without_port(host.as_bytes()) < host.len();
    let end = if has_port {
        authority.len()
    } else {
        without_port(authority)
    };
    let name = authority.get(..end).unwrap_or_default();
    name.strip_suffix(b".")
        .unwrap_or(name)
        .eq_ignore_ascii_case(host.as_bytes())
}

/// Whether the segments of `prefix` are the first ones of `path`, its query left out.
fn begins_with(path: &[u8], prefix: &str) -> bool {
    let path = path.split(|&byte| byte == b'?').next().unwrap_or_default();
    let mut segments = path.split(|&byte| byte == b'/');
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    prefix.split('/').all(|wanted| {
        let segment = segments.next();
        segment.is_some_and(|found| wanted == "*" || found.eq_ignore_ascii_case(wanted.as_bytes()))
    })
}

fn read_paths(node: &Node) -> Result<Vec<String>, ConfigError> {
    let paths = node.list()?;
    if paths.is_empty() {
        return Err(
            node.wrong("an empty list matches nothing; leave the key out to match every path")
        );
    }
    let path = |node: Node| match node.string()? {
        path if path.starts_with('/') => Ok(path.to_owned()),
        _ => Err(node.wrong("expected a path that begins with /")),
    };
    paths.into_iter().map(path).collect()
}

fn read_methods(node: &Node) -> Result<Vec<String>, ConfigError> {
    let methods = node.list()?;
    if methods.is_empty() {
        return Err(
            node.wrong("an empty list matches nothing; leave the key out to match every method")
        );
    }
    let upper = |node: Node| match node.string()? {
        method if method.bytes().all(|byte| byte.is_ascii_uppercase()) => Ok(method.to_owned()),
        _ => Err(node.wrong("expected a method in capital letters, such as GET")),
    };
    methods.into_iter().map(upper).collect()
}

/// What happens to a body that cannot be read as the upstream will read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidBody {
    /// Refused with a 400 that says what is wrong and where.
    Refuse,
    /// Sent on as it came, unseen by every stage, and counted.
    Pass,
}

/// Settings for the requests a rule matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its position in the list of rules; the defaults stand behind the last.
    pub index: usize,
    /// Name in logs and documentation.
    pub name: String,
    /// Which requests it is about.
    pub matches: Match,
    /// Sent on unread: no stage sees these requests.
    pub pass_through: bool,
    /// What happens to a body that cannot be read.
    pub invalid_body: InvalidBody,
    /// What names the tenant, the first that is there.
    pub tenant: Vec<TenantSource>,
    /// Settings of the content-screener stage.
    pub content_screener: ContentScreenerConfig,
    /// Settings of the prompt-minimizer stage.
    pub prompt_minimizer: PromptMinimizerConfig,
    /// Settings of the response-cache stage.
    pub response_cache: ResponseCacheConfig,
    /// Settings of the token-estimator stage.
    pub token_estimator: TokenEstimatorConfig,
    /// Settings of the rate-limiter stage.
    pub rate_limiter: RateLimiterConfig,
}

impl Rule {
    /// The keys of a rule that the top level has too, as defaults for every rule.
    pub(super) const SHARED_KEYS: [&'static str; 7] = [
        "invalid_body",
        "tenant",
        "content_screener",
        "prompt_minimizer",
        "response_cache",
        "token_estimator",
        "rate_limiter",
    ];

    /// The rule that matches what no other does: the defaults of the top level.
    pub(super) fn read_defaults(
        top: &super::node::Object,
        packs: &TermPacks,
    ) -> Result<Rule, ConfigError> {
        let rule = Rule {
            index: 0,
            name: "default".to_owned(),
            matches: Match::default(),
            pass_through: false,
            invalid_body: InvalidBody::Refuse,
            tenant: TenantSource::defaults(),
            content_screener: ContentScreenerConfig::default(),
            prompt_minimizer: PromptMinimizerConfig::default(),
            response_cache: ResponseCacheConfig::default(),
            token_estimator: TokenEstimatorConfig::default(),
            rate_limiter: RateLimiterConfig::default(),
        };
        rule.overridden_by(top, packs)
    }

    /// A rule of the list; what it leaves out it has from `defaults`.
    pub(super) fn read(
        node: &Node,
        defaults: &Rule,
        packs: &TermPacks,
    ) -> Result<Rule, ConfigError> {
        let [
            invalid_body,
            tenant,
            content_screener,
            prompt_minimizer,
            response_cache,
            token_estimator,
            rate_limiter,
        ] = Rule::SHARED_KEYS;
        let object = node.object(&[
            "name",
            "match",
            "pass_through",
            invalid_body,
            tenant,
            content_screener,
            prompt_minimizer,
            response_cache,
            token_estimator,
            rate_limiter,
        ])?;
        let rule = Rule {
            name: object.require("name")?.string()?.to_owned(),
            matches: Match::read(&object.require("match")?)?,
            pass_through: object.read_or("pass_through", false, Node::boolean)?,
            ..defaults.clone()
        };
        if rule.pass_through {
            let unused = Rule::SHARED_KEYS
                .into_iter()
                .find_map(|key| object.get(key));
            if let Some(unused) = unused {
                return Err(unused.wrong(
                    "has no effect beside pass_through: true, which no stage sees; remove one",
                ));
            }
        }
        rule.overridden_by(&object, packs)
    }

    fn overridden_by(
        self,
        object: &super::node::Object,
        packs: &TermPacks,
    ) -> Result<Rule, ConfigError> {
        const POLICIES: [(&str, InvalidBody); 2] =
            [("refuse", InvalidBody::Refuse), ("pass", InvalidBody::Pass)];
        Ok(Rule {
            invalid_body: object.read_or("invalid_body", self.invalid_body, |node| {
                node.one_of(&POLICIES)
            })?,
            content_screener: object.read_or(
                "content_screener",
                self.content_screener.clone(),
                |node| self.content_screener.overridden_by(node, packs),
            )?,
            prompt_minimizer: object.read_or(
                "prompt_minimizer",
                self.prompt_minimizer,
                |node| self.prompt_minimizer.overridden_by(node),
            )?,
            response_cache: object.read_or(
                "response_cache",
                self.response_cache.clone(),
                |node| self.response_cache.overridden_by(node),
            )?,
            token_estimator: object.read_or("token_estimator", self.token_estimator, |node| {
                self.token_estimator.overridden_by(node)
            })?,
            tenant: object.read_or("tenant", self.tenant, TenantSource::read_list)?,
            rate_limiter: object.read_or("rate_limiter", self.rate_limiter.clone(), |node| {
                self.rate_limiter.overridden_by(node, &self.name)
            })?,
            ..self
        })
    }

    /// Whether this rule is about the request with this head.
    pub fn matches(&self, head: &impl RequestHead) -> bool {
        self.matches.holds(head)
    }
}
