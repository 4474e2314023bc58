//! The ABI's numbers by name.

/// Names of buffers, maps, streams, metrics, log levels, actions and flags; no two differ in
/// meaning, so one table serves every argument.
const WORDS: &[(&str, u64)] = &[
    ("false", 0),
    ("true", 1),
    ("continue", 0),
    ("pause", 1),
    // Buffers.
    ("request_body", 0),
    ("response_body", 1),
    ("downstream_data", 2),
    ("upstream_data", 3),
    ("http_call_body", 4),
    ("grpc_message", 5),
    ("vm_configuration", 6),
    ("plugin_configuration", 7),
    ("foreign_arguments", 8),
    // Maps.
    ("request_headers", 0),
    ("request_trailers", 1),
    ("response_headers", 2),
    ("response_trailers", 3),
    ("grpc_initial_metadata", 4),
    ("grpc_trailing_metadata", 5),
    ("http_call_headers", 6),
    ("http_call_trailers", 7),
    // Streams.
    ("request", 0),
    ("response", 1),
    ("downstream", 2),
    ("upstream", 3),
    // Metrics.
    ("counter", 0),
    ("gauge", 1),
    ("histogram", 2),
    // Log levels.
    ("trace", 0),
    ("debug", 1),
    ("info", 2),
    ("warn", 3),
    ("error", 4),
    ("critical", 5),
];

const STATUSES: &[(u32, &str)] = &[
    (0, "OK"),
    (1, "NOT_FOUND"),
    (2, "BAD_ARGUMENT"),
    (3, "SERIALIZATION_FAILURE"),
    (4, "PARSE_FAILURE"),
    (6, "INVALID_MEMORY_ACCESS"),
    (7, "EMPTY"),
    (8, "CAS_MISMATCH"),
    (10, "INTERNAL_FAILURE"),
    (11, "BROKEN_CONNECTION"),
    (12, "UNIMPLEMENTED"),
];

/// WASI's codes that Envoy gives.
const WASI_CODES: &[(u32, &str)] = &[
    (0, "SUCCESS"),
    (8, "BADF"),
    (21, "FAULT"),
    (28, "INVAL"),
    (44, "NOENT"),
    (52, "NOSYS"),
    (58, "NOTSUP"),
    (76, "NOTCAPABLE"),
];

/// What a word stands for.
pub fn number(word: &str) -> Option<u64> {
    let found = WORDS.iter().find(|(name, _)| *name == word);
    found.map(|(_, number)| *number)
}

/// The name of a status of Proxy-Wasm.
pub fn status(code: u32) -> String {
    named(STATUSES, code)
}

/// The name of a code of WASI.
pub fn wasi_code(code: u32) -> String {
    named(WASI_CODES, code)
}

fn named(names: &[(u32, &str)], code: u32) -> String {
    let found = names.iter().find(|(number, _)| *number == code);
    found.map_or_else(|| code.to_string(), |(_, name)| (*name).to_owned())
}
