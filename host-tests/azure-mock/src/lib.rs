//! Several Azure OpenAI regions in one process on loopback, with quotas and faults on
//! demand: an upstream for testing what stands in front of Azure OpenAI.
//!
//! Answers have Azure's shapes as captured from it, are a function of the request, and
//! carry a `usage` counted by a real tokenizer. The README has the paths, faults and
//! limits; the command `azure-mock` runs the same thing by itself.
//!
//! ```
//! use azure_mock::{Config, Mock, Script};
//!
//! let mock = Mock::start(Config::with_regions(["swedencentral", "eastus2"]))?;
//! let sweden = mock.region("swedencentral");
//! sweden.set_fault("status=429;retry-after-ms=1500;times=1".parse()?);
//! sweden.script(Script::text("Hello."));
//! // … send requests to sweden.url() …
//! assert!(sweden.requests().is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod admin;
mod answer;
mod api_version;
mod body;
mod call;
mod chat;
mod completions;
mod config;
mod connection;
mod dispatch;
mod embeddings;
mod error;
mod fault;
mod fields;
mod filter;
mod handle;
mod headers;
mod identity;
mod images;
mod prompt;
mod quota;
mod recorded;
mod refusal;
mod reply;
mod responses;
mod route;
mod schema;
mod script;
mod server;
mod service;
mod sse;
mod state;
mod text;
mod tokenizer;
mod tools;
mod usage;

pub use bytes::Bytes;
pub use config::{Config, Deployment, QuotaError, Region};
pub use fault::{FAULT_HEADER, Fault, Reset};
pub use handle::Handle;
pub use hyper::{HeaderMap, Method, StatusCode, Version};
pub use quota::Quota;
pub use recorded::Recorded;
pub use script::{ANSWER_HEADER, RawAnswer, Script, Scripted};
pub use server::Mock;
pub use usage::FIXED_PROMPT_TOKENS;
