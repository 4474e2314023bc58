//! Requests that purge what the response-cache keeps.

use super::Pipeline;
use crate::callout::Callout;
use crate::config::{Purge, RequestHead, Rule};
use crate::host::Host;
use crate::reply::{JSON, Refused, Reply};
use crate::response_cache::fleet;
use crate::response_cache::purges::Purges;

impl Pipeline {
    /// Has done with what was kept before now, as `rule` says of the request with this head. Where
    /// a fleet has to be told, that is done by the call, and the answer is right once
    /// [`fleet::Purge::is_noted`] says so.
    ///
    /// # Errors
    /// Why it was not done, and the answer that says so.
    pub fn purge(
        &self,
        rule: &Rule,
        purge: Purge,
        head: &impl RequestHead,
        host: &dyn Host,
    ) -> Result<(Reply, Option<Callout>), (Refused, Reply)> {
        let (name, tenant) = match purge {
            Purge::All => ("all", None),
            Purge::Tenant => ("tenant", Some(self.tenants.of(head, &rule.tenant))),
        };
        if tenant.is_some_and(|tenant| !tenant.is_named() && !rule.tenant.is_empty()) {
            let refused = Refused::NoTenant;
            let reply = refused.reply(
                "The request does not say whose answers are to be purged.",
                None,
            );
            return Err((refused, reply));
        }
        let now = host.now();
        let noted = now.filter(|now| Purges::default().purge(host, tenant, *now, *now));
        let Some(at) = noted else {
            return Err(not_purged());
        };
        let reply = Reply {
            status: 200,
            details: "tollgate_purged",
            content_type: JSON,
            headers: Vec::new(),
            body: format!(r#"{{"purged":"{name}"}}"#).into_bytes(),
        };
        let fleet = self.config.fleet_store.as_ref();
        let call = fleet.map(|store| fleet::Purge { tenant, at }.call(store, &self.seal));
        Ok((reply, call))
    }
}

/// What says that a purge was not noted by all who have to know.
pub fn not_purged() -> (Refused, Reply) {
    let refused = Refused::NotPurged;
    let message = "The purge was not noted by all: send it again. Where a fleet shares a store, it holds for this \
                   Envoy already, and the store did not take it.";
    (refused, refused.reply(message, None))
}
