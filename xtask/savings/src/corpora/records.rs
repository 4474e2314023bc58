//! What the services behind an agent's tools answer.

use serde_json::{Value, json};

use crate::Random;
use crate::words::{CITIES, NOUNS};

/// An answer of one of the services: the tool's name, its arguments, the answer.
pub(super) fn answer(random: &mut Random) -> (&'static str, Value, Value) {
    match random.below(6) {
        0 => (
            "get_order",
            json!({"id": random.between(1, 90_000)}),
            order(random),
        ),
        1 => (
            "list_pods",
            json!({"namespace": random.one(NOUNS)}),
            pods(random),
        ),
        2 => ("list_issues", json!({"state": "open"}), issues(random)),
        3 => (
            "search_documents",
            json!({"query": random.title()}),
            hits(random),
        ),
        4 => (
            "query_database",
            json!({"table": random.one(NOUNS)}),
            rows(random),
        ),
        _ => (
            "read_metrics",
            json!({"series": random.one(NOUNS)}),
            metrics(random),
        ),
    }
}

/// The tools that give these.
pub(super) const TOOLS: [(&str, &str, &str); 6] = [
    (
        "get_order",
        "Get an order with its customer, items and totals.",
        "id",
    ),
    (
        "list_pods",
        "List the pods of a namespace and their state.",
        "namespace",
    ),
    (
        "list_issues",
        "List the issues of the team's tracker.",
        "state",
    ),
    (
        "search_documents",
        "Search the team's documents; gives the best matches.",
        "query",
    ),
    (
        "query_database",
        "Read the latest rows of a table.",
        "table",
    ),
    (
        "read_metrics",
        "Read a series of measurements of the last hour.",
        "series",
    ),
];

fn money(random: &mut Random) -> f64 {
    random.between(100, 90_000) as f64 / 100.0
}

fn order(random: &mut Random) -> Value {
    let items: Vec<Value> = (0..random.between(2, 9))
        .map(|line| {
            json!({"line": line + 1, "sku": format!("SKU-{}", random.hex(6)), "title": random.title(),
                "quantity": random.between(1, 12), "unit_price": money(random), "currency": "EUR",
                "discounts": [], "backordered": random.chance(9)})
        })
        .collect();
    let name = random.name();
    json!({"id": random.between(1, 90_000), "status": random.one(&["open", "paid", "shipped", "returned"]),
        "customer": {"id": random.between(1, 9_000), "email": format!("{}@example.com", name.replace(' ', ".").to_lowercase()),
            "name": name, "address": {"street": format!("{} Street {}", random.one(NOUNS), random.between(1, 200)),
            "city": random.one(CITIES), "postal_code": random.between(10_000, 99_999).to_string(), "country": "PT"},
            "phone": null},
        "items": items, "totals": {"net": money(random), "tax": money(random), "gross": money(random)},
        "created_at": random.time(), "updated_at": random.time(), "tags": [random.one(NOUNS), random.one(NOUNS)],
        "notes": random.paragraph(2)})
}

fn pods(random: &mut Random) -> Value {
    let namespace = random.one(NOUNS);
    let items: Vec<Value> = (0..random.between(2, 8))
        .map(|_| {
            let app = random.one(NOUNS);
            let condition = |random: &mut Random, kind: &str| {
                json!({"type": kind, "status": random.one(&["True", "True", "False"]), "lastTransitionTime": random.time(), "reason": null})
            };
            json!({"metadata": {"name": format!("{app}-{}-{}", random.hex(9), random.hex(5)), "namespace": namespace,
                    "labels": {"app": app, "tier": random.one(&["web", "jobs"]), "pod-template-hash": random.hex(9)},
                    "creationTimestamp": random.time(), "uid": format!("{}-{}", random.hex(8), random.hex(12))},
                "spec": {"containers": [{"name": app, "image": format!("registry.internal/{app}:{}", random.hex(7)),
                    "ports": [{"containerPort": 8080, "protocol": "TCP"}],
                    "resources": {"limits": {"cpu": "500m", "memory": "512Mi"}, "requests": {"cpu": "100m", "memory": "128Mi"}}}],
                    "nodeName": format!("node-{}", random.between(1, 40)), "restartPolicy": "Always"},
                "status": {"phase": random.one(&["Running", "Running", "Pending"]), "podIP": format!("10.4.{}.{}", random.below(256), random.below(256)),
                    "conditions": [condition(random, "Initialized"), condition(random, "Ready"), condition(random, "PodScheduled")]}})
        })
        .collect();
    json!({"apiVersion": "v1", "kind": "PodList", "metadata": {"resourceVersion": random.between(1, 9_000_000).to_string()}, "items": items})
}

fn issues(random: &mut Random) -> Value {
    (0..random.between(2, 9))
        .map(|_| {
            json!({"number": random.between(1, 9_000), "title": random.title(), "state": "open",
                "user": {"login": random.name().replace(' ', "").to_lowercase(), "id": random.between(1, 99_999), "site_admin": false},
                "labels": [{"name": random.one(NOUNS), "color": random.hex(6)}], "assignees": [], "milestone": null,
                "comments": random.below(30), "created_at": random.time(), "updated_at": random.time(),
                "body": random.paragraph(3)})
        })
        .collect()
}

fn hits(random: &mut Random) -> Value {
    let results: Vec<Value> = (0..random.between(3, 10))
        .map(|rank| {
            json!({"rank": rank + 1, "score": random.below(1_000) as f64 / 1_000.0, "id": format!("doc_{}", random.hex(12)),
                "title": random.title(), "url": format!("https://wiki.internal/{}/{}", random.one(NOUNS), random.function()),
                "updated_at": random.time(), "snippet": random.paragraph(3)})
        })
        .collect();
    json!({"total": random.between(10, 4_000), "took_ms": random.between(2, 300), "results": results})
}

fn rows(random: &mut Random) -> Value {
    (0..random.between(5, 30))
        .map(|_| {
            json!({"id": random.between(1, 900_000), "customer": random.name(), "city": random.one(CITIES),
                "amount": money(random), "status": random.one(&["open", "paid", "failed"]), "created_at": random.time(), "deleted": false})
        })
        .collect()
}

fn metrics(random: &mut Random) -> Value {
    let series: Vec<Value> = (0..random.between(1, 3))
        .map(|_| {
            let points: Vec<Value> = (0..random.between(6, 20))
                .map(|minute| json!({"minute": minute, "value": random.below(10_000) as f64 / 100.0}))
                .collect();
            json!({"name": random.function(), "unit": random.one(&["ms", "bytes", "1"]), "points": points})
        })
        .collect();
    json!({"from": random.time(), "to": random.time(), "series": series})
}
