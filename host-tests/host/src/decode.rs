//! A call across the ABI in words: names for numbers, texts for pointers.

use crate::headers::Headers;
use crate::status::Status;
use crate::transcript::{CallDirection, Crossing, Passed};

/// A [`Crossing`] as a person reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// What went in, by name, in order; an argument without a name has an empty one.
    pub arguments: Vec<(&'static str, Value)>,
    /// What the guest was given, by the name of the argument that says where.
    pub answers: Vec<(&'static str, Value)>,
    /// Action, truth, status or error number; `None` for a function without a result, and
    /// `TRAPPED` for one that ended the guest.
    pub result: Option<String>,
}

/// A value that crossed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number.
    Number(i128),
    /// One of the ABI's named numbers, such as `HTTP_REQUEST_HEADERS`.
    Name(String),
    /// Bytes and their length when only the first are kept.
    Bytes(Vec<u8>, usize),
    /// Header or trailer fields.
    Fields(Headers),
}

const BUFFERS: &[&str] = &[
    "HTTP_REQUEST_BODY",
    "HTTP_RESPONSE_BODY",
    "DOWNSTREAM_DATA",
    "UPSTREAM_DATA",
    "HTTP_CALL_RESPONSE_BODY",
    "GRPC_CALL_MESSAGE",
    "VM_CONFIGURATION",
    "PLUGIN_CONFIGURATION",
    "FOREIGN_FUNCTION_ARGUMENTS",
];
const MAPS: &[&str] = &[
    "HTTP_REQUEST_HEADERS",
    "HTTP_REQUEST_TRAILERS",
    "HTTP_RESPONSE_HEADERS",
    "HTTP_RESPONSE_TRAILERS",
    "GRPC_CALL_INITIAL_METADATA",
    "GRPC_CALL_TRAILING_METADATA",
    "HTTP_CALL_RESPONSE_HEADERS",
    "HTTP_CALL_RESPONSE_TRAILERS",
];
const STREAMS: &[&str] = &["HTTP_REQUEST", "HTTP_RESPONSE", "DOWNSTREAM", "UPSTREAM"];
const METRICS: &[&str] = &["COUNTER", "GAUGE", "HISTOGRAM"];
const LEVELS: &[&str] = &["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "CRITICAL"];
/// `StopAllIterationAndBuffer` and on have no name in the specification, but Envoy honours
/// their numbers.
const ACTIONS: &[&str] = &["CONTINUE", "PAUSE"];
const PEERS: &[&str] = &["UNKNOWN", "LOCAL", "REMOTE"];

impl Crossing {
    /// The call in words.
    pub fn decoded(&self) -> Decoded {
        match self.direction {
            CallDirection::Callback => self.callback(),
            CallDirection::HostCall => self.host_call(),
        }
    }

    fn callback(&self) -> Decoded {
        let names = callback_arguments(self.function);
        let arguments = self.arguments.iter().enumerate().map(|(at, argument)| {
            let name = names.get(at).copied().unwrap_or_default();
            let value = match name {
                "end_of_stream" if *argument < 2 => Value::Name((*argument == 1).to_string()),
                "peer_type" => Value::Name(self::name(PEERS, *argument as u32)),
                _ => Value::Number(i128::from(*argument)),
            };
            (name, value)
        });
        Decoded {
            arguments: arguments.collect(),
            answers: Vec::new(),
            result: self.result_by(|code| match self.function {
                "proxy_on_vm_start" | "proxy_on_configure" | "proxy_on_done" => {
                    (code != 0).to_string()
                }
                function if function.starts_with("proxy_on_") => name(ACTIONS, code),
                _ => code.to_string(),
            }),
        }
    }

    fn host_call(&self) -> Decoded {
        let mut decoded = Decoded {
            arguments: Vec::new(),
            answers: Vec::new(),
            result: self.result_by(|code| match (self.module, self.function) {
                // No status, but the answer.
                ("env", "pthread_equal") => code.to_string(),
                ("env", _) => Status::name(code).map_or_else(|| code.to_string(), str::to_owned),
                // WASI: error numbers.
                _ if code == 0 => "0".to_owned(),
                _ => format!("errno {code}"),
            }),
        };
        if self.function == "fd_write" {
            self.fd_write(&mut decoded);
            return decoded;
        }
        let mut arguments = self.names.iter().zip(&self.arguments).peekable();
        while let Some((argument, value)) = arguments.next() {
            let length = arguments
                .peek()
                .filter(|(next, _)| is_length(next, argument));
            let length = length.map(|(_, length)| **length);
            if length.is_some() {
                arguments.next();
            }
            match (*argument, length) {
                ("ptr", Some(_)) => {
                    if let Some(given) = self.answer(*value) {
                        decoded.answers.push(("value", self.bytes("ptr", given)));
                    }
                }
                ("out" | "cas" | "len" | "flags" | "code" | "count" | "size", None)
                    if self.is_answer(argument) =>
                {
                    if let Some(given) = self.answer(*value) {
                        decoded.answers.push((argument, number(&given.bytes)));
                    }
                }
                (name, Some(length)) => {
                    decoded
                        .arguments
                        .push((name, self.read(name, *value, length)));
                }
                (name, None) => decoded
                    .arguments
                    .push((name, self.named_number(name, *value))),
            }
        }
        decoded
    }

    /// Vectors of (pointer, length) and the bytes of each in turn.
    fn fd_write(&self, decoded: &mut Decoded) {
        let texts = self.passed.iter().filter(|passed| !passed.to_guest);
        let texts: Vec<u8> = texts
            .skip(1)
            .step_by(2)
            .flat_map(|passed| passed.bytes.iter().copied())
            .collect();
        let fd = i128::from(self.arguments.first().copied().unwrap_or_default());
        let length = texts.len();
        decoded.arguments = vec![
            ("fd", Value::Number(fd)),
            ("text", Value::Bytes(texts, length)),
        ];
    }

    fn named_number(&self, argument: &str, value: u64) -> Value {
        let code = value as u32;
        match argument {
            "buffer" => Value::Name(name(BUFFERS, code)),
            "map" => Value::Name(name(MAPS, code)),
            "stream_type" => Value::Name(name(STREAMS, code)),
            "kind" => Value::Name(name(METRICS, code)),
            "level" => Value::Name(name(LEVELS, code)),
            // Signed on the ABI; -1 is no gRPC status.
            "delta" | "offset" => Value::Number(i128::from(value as i64)),
            "grpc_status" => Value::Number(i128::from(code as i32)),
            "max" | "size" if code == u32::MAX => Value::Name("ALL".to_owned()),
            _ => Value::Number(i128::from(value)),
        }
    }

    /// The bytes at a pointer that the host read; the pointer when it did not.
    fn read(&self, argument: &'static str, at: u64, length: u64) -> Value {
        let mut reads = self.passed.iter().filter(|passed| !passed.to_guest);
        let read = reads.find(|passed| u64::from(passed.at) == at && passed.len as u64 == length);
        match read {
            Some(passed) => self.bytes(argument, passed),
            None => Value::Name(format!("({length} bytes at {at})")),
        }
    }

    fn bytes(&self, argument: &str, passed: &Passed) -> Value {
        let whole = passed.len == passed.bytes.len();
        let is_map = matches!(argument, "headers" | "trailers" | "metadata")
            || (matches!(argument, "data" | "ptr") && self.function.ends_with("_map_pairs"));
        if is_map && whole {
            return Value::Fields(Headers::decode(&passed.bytes));
        }
        let mut bytes = passed.bytes.clone();
        if argument == "path" {
            // Segments end with NUL.
            let end = bytes
                .iter()
                .rposition(|byte| *byte != 0)
                .map_or(0, |at| at + 1);
            bytes.truncate(end);
            bytes
                .iter_mut()
                .filter(|byte| **byte == 0)
                .for_each(|byte| *byte = b'.');
            let length = bytes.len().max(if whole { 0 } else { passed.len });
            return Value::Bytes(bytes, length);
        }
        Value::Bytes(bytes, passed.len)
    }

    fn answer(&self, at: u64) -> Option<&Passed> {
        let mut written = self.passed.iter().rev().filter(|passed| passed.to_guest);
        written.find(|passed| u64::from(passed.at) == at)
    }

    /// True for a pointer to a number that the host writes. `cas` and `code` are arguments
    /// of other functions too.
    fn is_answer(&self, argument: &str) -> bool {
        match argument {
            "cas" => self.function == "proxy_get_shared_data",
            "count" | "size" => self.function.ends_with("_sizes_get"),
            _ => true,
        }
    }

    fn result_by(&self, named: impl FnOnce(u32) -> String) -> Option<String> {
        match (self.returned, self.result) {
            (false, _) => Some("TRAPPED".to_owned()),
            (true, result) => result.map(named),
        }
    }
}

/// True when `next` is the length that goes with the pointer `argument`. Where a function
/// has one text only, its length is called `len`.
fn is_length(next: &str, argument: &str) -> bool {
    if matches!(
        argument,
        "out" | "cas" | "id" | "buffer" | "map" | "code" | "kind" | "level"
    ) {
        return false;
    }
    next == "len" || next.strip_suffix("_len") == Some(argument)
}

fn name(names: &[&str], code: u32) -> String {
    let found = names.get(code as usize);
    found.map_or_else(|| code.to_string(), |name| (*name).to_owned())
}

/// A little-endian number of the ABI: 4 or 8 bytes.
fn number(bytes: &[u8]) -> Value {
    let wide: Vec<u8> = bytes.iter().copied().chain([0; 8]).take(8).collect();
    let value = wide.try_into().map_or(0, u64::from_le_bytes);
    Value::Number(i128::from(value))
}

/// What the arguments of a callback are called; none for one this host never makes.
fn callback_arguments(function: &str) -> &'static [&'static str] {
    match function {
        "proxy_on_context_create" => &["context_id", "parent_context_id"],
        "proxy_on_vm_start" => &["context_id", "vm_configuration_size"],
        "proxy_on_configure" => &["context_id", "plugin_configuration_size"],
        "proxy_on_tick" | "proxy_on_done" | "proxy_on_log" | "proxy_on_delete" => &["context_id"],
        "proxy_on_request_headers" | "proxy_on_response_headers" => {
            &["context_id", "num_headers", "end_of_stream"]
        }
        "proxy_on_request_body" | "proxy_on_response_body" => {
            &["context_id", "body_size", "end_of_stream"]
        }
        "proxy_on_request_trailers" | "proxy_on_response_trailers" => {
            &["context_id", "num_trailers"]
        }
        "proxy_on_request_metadata" | "proxy_on_response_metadata" => {
            &["context_id", "num_elements"]
        }
        "proxy_on_http_call_response" => &[
            "context_id",
            "call_id",
            "num_headers",
            "body_size",
            "num_trailers",
        ],
        "proxy_on_grpc_receive" => &["context_id", "call_id", "message_size"],
        "proxy_on_grpc_receive_initial_metadata" | "proxy_on_grpc_receive_trailing_metadata" => {
            &["context_id", "call_id", "num_elements"]
        }
        "proxy_on_grpc_close" => &["context_id", "call_id", "status_code"],
        "proxy_on_queue_ready" => &["context_id", "queue_id"],
        "envoy_on_resolve_dns" => &["context_id", "lookup_id", "results_size"],
        "proxy_on_foreign_function" => &["context_id", "function_id", "arguments_size"],
        "proxy_on_new_connection" => &["context_id"],
        "proxy_on_downstream_data" | "proxy_on_upstream_data" => {
            &["context_id", "data_size", "end_of_stream"]
        }
        "proxy_on_downstream_connection_close" | "proxy_on_upstream_connection_close" => {
            &["context_id", "peer_type"]
        }
        _ => &[],
    }
}
