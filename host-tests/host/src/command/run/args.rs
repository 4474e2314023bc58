//! The options of `tollgate-host run`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;

use super::cut::Cut;
use super::input::{self, Input, Message};
use crate::command::Stop;

/// Send a request through a filter, and show what becomes of it.
///
/// Shows when each callback ran and what it returned, what the upstream and the client
/// received compared with what was sent, and what the filter left behind: local replies,
/// metrics, logs, filter state, properties, costs. Everything is printed as it is,
/// credentials in headers and bodies included.
///
/// A message FILE is text: `POST /path` or a status such as `200`, a line for each header
/// (`content-length: auto` is the body's length), an empty line, and the body's bytes as
/// they are. `-` is standard input.
///
/// Exit code: 0 when the request went through, 1 when the filter does not start, traps or
/// holds a request for ever, 2 when a file or option cannot be used.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub struct RunArgs {
    /// The filter, a Proxy-Wasm module as Envoy loads it.
    #[arg(long, value_name = "FILE")]
    pub wasm: PathBuf,
    /// What the client sends.
    #[arg(long, value_name = "FILE")]
    pub request: PathBuf,
    /// What the upstream answers [default: 200 with an empty body].
    #[arg(long, value_name = "FILE")]
    pub upstream: Option<PathBuf>,
    /// Pieces the request's body arrives in: `whole`, `bytes` (one each), sizes such as
    /// `5,3,7` (the rest in one), or `random:SEED`.
    #[arg(long, value_name = "CUT", default_value = "whole")]
    pub chunks: Cut,
    /// Pieces the upstream's body arrives in, likewise.
    #[arg(long, value_name = "CUT", default_value = "whole")]
    pub upstream_chunks: Cut,
    /// Both connections speak HTTP/2: the last data end a message, where HTTP/1 ends it
    /// apart.
    #[arg(long)]
    pub http2: bool,
    /// Answer the filter's HTTP callouts to this cluster with the message in FILE;
    /// repeatable. Callouts to a cluster that no --callout names are BAD_ARGUMENT.
    #[arg(long, value_name = "CLUSTER=FILE", value_parser = pair)]
    pub callout: Vec<(String, String)>,
    /// Send the request N times.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub repeat: usize,
    /// Start N workers, each a VM of its own; repeated requests take turns.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub workers: usize,

    /// PluginConfig.configuration, a file whose text the filter gets as it is.
    #[arg(long, value_name = "FILE", help_heading = "As Envoy is configured")]
    pub config: Option<PathBuf>,
    /// VmConfig.configuration, likewise.
    #[arg(long, value_name = "FILE", help_heading = "As Envoy is configured")]
    pub vm_config: Option<PathBuf>,
    /// PluginConfig.name.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true,
        help_heading = "As Envoy is configured"
    )]
    pub name: String,
    /// PluginConfig.root_id.
    #[arg(
        long,
        value_name = "ID",
        default_value = "",
        hide_default_value = true,
        help_heading = "As Envoy is configured"
    )]
    pub root_id: String,
    /// VmConfig.vm_id.
    #[arg(
        long,
        value_name = "ID",
        default_value = "",
        hide_default_value = true,
        help_heading = "As Envoy is configured"
    )]
    pub vm_id: String,
    /// VmConfig.environment_variables; repeatable.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair, help_heading = "As Envoy is configured")]
    pub env: Vec<(String, String)>,
    /// PluginConfig.allow_on_headers_stop_iteration: a filter that pauses in a header
    /// callback still gets the body, and may edit the headers until it continues.
    #[arg(
        long,
        visible_alias = "hold-headers",
        help_heading = "As Envoy is configured"
    )]
    pub allow_on_headers_stop_iteration: bool,
    /// per_connection_buffer_limit_bytes: a held request above it is answered 413
    /// [default: 1048576].
    #[arg(
        long,
        visible_alias = "buffer-limit",
        value_name = "BYTES",
        help_heading = "As Envoy is configured"
    )]
    pub per_connection_buffer_limit_bytes: Option<usize>,
    /// A property that only Envoy would know, such as xds.route_name=chat; repeatable.
    #[arg(long, value_name = "PATH=TEXT", value_parser = pair, help_heading = "As Envoy is configured")]
    pub property: Vec<(String, String)>,
    /// Units of wasmtime fuel (about one an instruction) a callback may use before it is
    /// taken for an endless loop [default: 10000000000].
    #[arg(long, value_name = "UNITS", help_heading = "As Envoy is configured")]
    pub fuel: Option<u64>,

    /// Show every host call with its arguments and what it gave.
    #[arg(long, help_heading = "Output")]
    pub trace: bool,
    /// Print everything as JSON, host calls included.
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Write the run as a scenario file that expects what came out.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub save: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  What a filter does to a request, every host call shown:

    $ printf 'GET /hello\\nhost: example.com\\nuser-agent: curl/8\\n' > request.http
    $ tollgate-host run --wasm my_filter.wasm --request request.http --trace

  A body that arrives in three pieces, a filter that holds headers, an upstream's answer;
  the run becomes a scenario for `tollgate-host test`:

    $ tollgate-host run --wasm my_filter.wasm --config plugin.json --hold-headers \\
        --request chat.http --chunks 10,20 --upstream answer.http --save scenarios/chat.toml";

/// Pieces of a body: more than anybody reads.
const MOST_PIECES: usize = 10_000;
/// Workers, and requests: each VM reserves gigabytes of addresses, each request is shown.
const MOST_REPEATED: usize = 1000;

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl RunArgs {
    /// Reads every file named.
    pub fn read(&self) -> Result<Input, Stop> {
        for (option, count) in [("--workers", self.workers), ("--repeat", self.repeat)] {
            if !(1..=MOST_REPEATED).contains(&count) {
                let problem = format!("{option} is a number from 1 to {MOST_REPEATED}");
                return Err(Stop::unusable(problem));
            }
        }
        let stdin = self.files().filter(|file| *file == Path::new("-")).count();
        if stdin > 1 {
            return Err(Stop::unusable("only one file can be `-`, standard input"));
        }
        let text = |file: &Option<PathBuf>| match file {
            None => Ok(String::new()),
            Some(file) => input::text(file),
        };
        let callouts = self.callout.iter().map(|(cluster, file)| {
            let answer = Message::response(Path::new(file))?;
            Ok((cluster.clone(), answer))
        });
        let cut = |option: &str, cut: &Cut, body: &[u8]| match cut.cut(body) {
            pieces if pieces.len() > MOST_PIECES => Err(Stop::unusable(format!(
                "{option} cuts a body of {} bytes into {} pieces, and a timeline shows up to \
                 {MOST_PIECES}: choose sizes, as in `{option} 1000,1,1000`",
                body.len(),
                pieces.len()
            ))),
            pieces => Ok(pieces),
        };
        let request = Message::request(&self.request)?;
        let response = match &self.upstream {
            Some(file) => Message::response(file)?,
            None => Message::empty_200(),
        };
        Ok(Input {
            wasm: self.wasm.clone(),
            chunks: cut("--chunks", &self.chunks, &request.body)?,
            response_chunks: cut("--upstream-chunks", &self.upstream_chunks, &response.body)?,
            request,
            response,
            callouts: callouts.collect::<Result<BTreeMap<_, _>, Stop>>()?,
            configuration: text(&self.config)?,
            vm_configuration: text(&self.vm_config)?,
            name: self.name.clone(),
            root_id: self.root_id.clone(),
            vm_id: self.vm_id.clone(),
            environment: self.env.iter().cloned().collect(),
            allow_on_headers_stop_iteration: self.allow_on_headers_stop_iteration,
            buffer_limit: self.per_connection_buffer_limit_bytes,
            properties: self.property.iter().cloned().collect(),
            fuel: self.fuel,
            http2: self.http2,
            workers: self.workers,
            repeat: self.repeat,
        })
    }

    fn files(&self) -> impl Iterator<Item = &Path> {
        let options = [&self.config, &self.vm_config, &self.upstream];
        let named = options.into_iter().flatten().map(PathBuf::as_path);
        let callouts = self
            .callout
            .iter()
            .map(|(_, file)| Path::new(file.as_str()));
        named.chain([self.request.as_path()]).chain(callouts)
    }
}
