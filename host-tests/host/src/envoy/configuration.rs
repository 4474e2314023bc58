//! The Envoy configuration that a scenario describes.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::failure_policy::FailurePolicy;
use crate::flow::Protocol;
use crate::scenario::Scenario;

use super::records::PROPERTY_PREFIX;

/// The listener scenarios go through.
pub const LISTENER: &str = "scenario";
/// The listener that only shows that a worker is done with what came before.
pub const PULSE: &str = "pulse";
/// The cluster of the route.
pub const UPSTREAM: &str = "upstream";
/// How soon what a stream has is seen in the access log, in Envoy's notation.
const LOG_INTERVAL: &str = "0.01s";

/// What the access log tells of a stream besides what the filter sets.
pub const PORT: &str = "port";
/// `RESPONSE_CODE_DETAILS`.
pub const DETAILS: &str = "details";
/// Prefix of the access log's keys for filter state.
pub const STATE: &str = "state ";

/// All addresses and files that a configuration names.
pub struct Places<'p> {
    /// Of the upstream, and of every cluster with a host that filters call.
    pub clusters: Vec<(&'p str, SocketAddr)>,
    /// The access log's file.
    pub access_log: &'p str,
    /// Filter state the access log tells.
    pub filter_state: &'p BTreeSet<String>,
}

/// The whole of it; every listener's port is 0.
pub fn bootstrap(scenario: &Scenario, places: &Places<'_>) -> Value {
    let with_hosts = places.clusters.iter();
    let with_hosts = with_hosts.map(|(name, address)| cluster(scenario, name, Some(*address)));
    let without = scenario.clusters_without_hosts.iter();
    let without = without.map(|name| cluster(scenario, name, None));
    let clusters: Vec<Value> = with_hosts.chain(without).collect();
    let route = json!({
        "name": scenario.route_name.as_deref().unwrap_or_default(),
        "match": {"prefix": "/"},
        // Envoy's 15 s would end a slow scenario.
        "route": {"cluster": UPSTREAM, "timeout": "0s"},
    });
    let pulse = json!({"match": {"prefix": "/"}, "direct_response": {"status": 200}});
    let under_test = match scenario.is_tcp() {
        true => tcp_listener(scenario, places),
        false => listener(
            scenario,
            LISTENER,
            vec![filter(scenario)],
            route,
            access_log(places),
        ),
    };
    json!({
        "node": {"id": "replay", "cluster": "replay"},
        "admin": {"address": address(([127, 0, 0, 1], 0).into())},
        "stats_flush_on_admin": true,
        "static_resources": {
            "listeners": [
                under_test,
                listener(scenario, PULSE, vec![], pulse, json!([])),
            ],
            "clusters": clusters,
        },
    })
}

fn address(address: SocketAddr) -> Value {
    json!({"socket_address": {"address": address.ip().to_string(), "port_value": address.port()}})
}

fn listener(
    scenario: &Scenario,
    name: &str,
    mut filters: Vec<Value>,
    route: Value,
    access_log: Value,
) -> Value {
    filters.push(json!({
        "name": "router",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            // Timings differ from run to run.
            "suppress_envoy_headers": true,
        },
    }));
    let codec = match scenario.client {
        Protocol::Http2 if name == LISTENER => "HTTP2",
        _ => "HTTP1",
    };
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.\
                  http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "codec_type": codec,
        // Random, and not the scenario's.
        "generate_request_id": false,
        "server_header_transformation": "PASS_THROUGH",
        "http_protocol_options": {"enable_trailers": true},
        "http2_protocol_options": {"allow_metadata": true},
        "stream_idle_timeout": "0s",
        "access_log": access_log,
        "access_log_options": {"access_log_flush_interval": LOG_INTERVAL},
        "route_config": {
            "name": "routes",
            "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}],
        },
        "http_filters": filters,
    });
    let filters = vec![json!({"name": "envoy.http_connection_manager", "typed_config": manager})];
    chain(scenario, name, filters)
}

/// The filter in front of `tcp_proxy`.
fn tcp_listener(scenario: &Scenario, places: &Places<'_>) -> Value {
    let proxy = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
        "stat_prefix": LISTENER,
        "cluster": UPSTREAM,
        "access_log": access_log(places),
        "access_log_options": {"access_log_flush_interval": LOG_INTERVAL},
    });
    let filters = vec![
        wasm("envoy.extensions.filters.network.wasm.v3.Wasm", scenario),
        json!({"name": "tcp_proxy", "typed_config": proxy}),
    ];
    chain(scenario, LISTENER, filters)
}

fn chain(scenario: &Scenario, name: &str, filters: Vec<Value>) -> Value {
    let mut listener = json!({
        "name": name,
        "stat_prefix": name,
        "address": address(([127, 0, 0, 1], 0).into()),
        "filter_chains": [{"filters": filters}],
    });
    limit(scenario, &mut listener);
    listener
}

fn limit(scenario: &Scenario, of: &mut Value) {
    if let Some(limit) = scenario.filter.per_connection_buffer_limit_bytes {
        of["per_connection_buffer_limit_bytes"] = json!(limit);
    }
}

fn filter(scenario: &Scenario) -> Value {
    wasm("envoy.extensions.filters.http.wasm.v3.Wasm", scenario)
}

/// The filter, as HTTP or network filter by the message `kind`.
fn wasm(kind: &str, scenario: &Scenario) -> Value {
    let filter = &scenario.filter;
    let text = |text: &str| json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": text});
    let wasm = std::path::absolute(&scenario.wasm).unwrap_or_else(|_| scenario.wasm.clone());
    let mut config = json!({
        "name": filter.name,
        "root_id": filter.root_id,
        "configuration": text(&filter.configuration),
        "vm_config": {
            "runtime": "envoy.wasm.runtime.v8",
            "vm_id": filter.vm_id,
            "code": {"local": {"filename": wasm.to_string_lossy()}},
            "configuration": text(&filter.vm_configuration),
            "environment_variables": {"key_values": filter.environment},
        },
    });
    if filter.allow_on_headers_stop_iteration {
        config["allow_on_headers_stop_iteration"] = json!(true);
    }
    config["failure_policy"] = json!(match filter.failure_policy {
        FailurePolicy::FailClosed => "FAIL_CLOSED",
        FailurePolicy::FailOpen => "FAIL_OPEN",
        FailurePolicy::FailReload => "FAIL_RELOAD",
    });
    if let Some(backoff) = filter.reload_backoff {
        let interval = format!("{}s", backoff.as_secs_f64());
        config["reload_config"] = json!({"backoff": {"base_interval": interval}});
    }
    if !filter.allowed_capabilities.is_empty() {
        let allowed = filter.allowed_capabilities.iter();
        let allowed: serde_json::Map<_, _> =
            allowed.map(|name| (name.clone(), json!({}))).collect();
        config["capability_restriction_config"] = json!({"allowed_capabilities": allowed});
    }
    json!({
        "name": "wasm",
        "typed_config": {
            "@type": format!("type.googleapis.com/{kind}"),
            "config": config,
        },
    })
}

fn access_log(places: &Places<'_>) -> Value {
    let mut format = json!({
        PORT: "%DOWNSTREAM_REMOTE_PORT%",
        DETAILS: "%RESPONSE_CODE_DETAILS%",
    });
    let mut tell = |key: &str| {
        format[format!("{STATE}{key}")] = json!(format!("%FILTER_STATE({key}:PLAIN)%"));
    };
    for key in places.filter_state {
        tell(key);
        // A scenario writes a property's path with dots for the NULs between its segments.
        if let Some(path) = key
            .strip_prefix(PROPERTY_PREFIX)
            .filter(|path| path.contains('.'))
        {
            tell(&format!("{PROPERTY_PREFIX}{}", path.replace('.', "\0")));
        }
    }
    json!([{
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": places.access_log,
            "log_format": {"json_format": format},
        },
    }])
}

fn cluster(scenario: &Scenario, name: &str, at: Option<SocketAddr>) -> Value {
    let endpoints = at.map(|at| json!({"endpoint": {"address": address(at)}}));
    let endpoints: Vec<Value> = endpoints.into_iter().collect();
    let speaks_grpc = scenario.grpc_clusters.iter().any(|grpc| grpc == name);
    let mut options = json!({
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
    });
    options["explicit_http_config"] = match scenario.upstream {
        Protocol::Http2 if name == UPSTREAM => {
            json!({"http2_protocol_options": {"allow_metadata": true}})
        }
        _ if speaks_grpc => json!({"http2_protocol_options": {}}),
        _ => json!({"http_protocol_options": {"enable_trailers": true}}),
    };
    let mut cluster = json!({
        "name": name,
        "connect_timeout": "5s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": endpoints}],
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options,
        },
    });
    if name == UPSTREAM {
        // Says of every connection which client's request it carries, and that without a
        // header that the filter would see too.
        cluster["transport_socket"] = json!({
            "name": "envoy.transport_sockets.upstream_proxy_protocol",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.\
                          proxy_protocol.v3.ProxyProtocolUpstreamTransport",
                "config": {"version": "V1"},
                "transport_socket": {
                    "name": "envoy.transport_sockets.raw_buffer",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.\
                                  raw_buffer.v3.RawBuffer",
                    },
                },
            },
        });
    }
    limit(scenario, &mut cluster);
    cluster
}
