//! The content-screener as it ships: requests are judged by core's pipeline.

use std::collections::BTreeSet;
use std::rc::Rc;

use anyhow::{Context, Result, anyhow};
use tollgate_core::config::{Config, StageKind};
use tollgate_core::content_screener::ContentScreener;
use tollgate_core::content_screener::fold::fold;
use tollgate_core::content_screener::screen::{Room, Screen, Spending};
use tollgate_core::endpoint::Dialect;
use tollgate_core::host::Nowhere;
use tollgate_core::pipeline::{Judged, Pipeline, StageMaker};
use tollgate_core::request::texts::Speaker;

/// A stage with one configuration.
pub struct Stage {
    pipeline: Pipeline,
    screen: Rc<Screen>,
}

/// What became of a text.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The request with it was refused.
    pub is_blocked: bool,
    /// What was found in it, by the detectors' names.
    pub found: BTreeSet<String>,
}

impl Stage {
    /// The stage with `settings` as its object of the configuration: `{}` is the default.
    pub fn new(settings: &str) -> Result<Self> {
        let config = format!(r#"{{"content_screener":{settings}}}"#);
        let read = || {
            Config::read(config.as_bytes(), &[StageKind::ContentScreener])
                .map_err(|error| anyhow!("{error:?}"))
        };
        let stage = ContentScreener::new(&read()?).map_err(|error| anyhow!("{error:?}"))?;
        let pipeline =
            Pipeline::new(read()?, b"", StageMaker::ALL).map_err(|error| anyhow!("{error:?}"))?;
        let rule = pipeline.config().rule_for(&Nowhere).index;
        let screen = stage.screen(rule).context("a rule without detectors")?;
        Ok(Self {
            screen: Rc::clone(screen),
            pipeline,
        })
    }

    /// What becomes of a chat request whose only message is `text`, of the user or, where
    /// `is_of_tool`, of a tool.
    pub fn judge(&self, text: &str, is_of_tool: bool) -> Result<Outcome> {
        let message = if is_of_tool {
            serde_json::json!({"role": "tool", "tool_call_id": "call_1", "content": text})
        } else {
            serde_json::json!({"role": "user", "content": text})
        };
        let body = serde_json::json!({"model": "gpt-4o", "messages": [message]}).to_string();
        let speaker = match is_of_tool {
            true => Speaker::Tool,
            false => Speaker::User,
        };
        Ok(Outcome {
            is_blocked: self.is_blocked(body.as_bytes())?,
            found: self.found(text, speaker),
        })
    }

    fn is_blocked(&self, body: &[u8]) -> Result<bool> {
        let rule = Rc::clone(self.pipeline.config().rule_for(&Nowhere));
        let incoming = self.pipeline.begin(Dialect::Chat, None, rule, &Nowhere);
        let mut effects = Vec::new();
        match self.pipeline.judge(incoming, body, &Nowhere, &mut effects) {
            Judged::Send(..) => Ok(false),
            Judged::Reply(_) => Ok(true),
            other => Err(anyhow!("a request that cannot be read: {other:?}")),
        }
    }

    fn found(&self, text: &str, speaker: Speaker) -> BTreeSet<String> {
        let mut view = Vec::new();
        let unseen = fold(text.as_bytes(), false, &mut view);
        let (mut spending, mut room) = (Spending::default(), Room::default());
        let mut found = Vec::new();
        self.screen
            .find(&view, speaker, &mut spending, &mut room, &mut found);
        let names = found.iter().map(|f| self.screen.name(f.what).to_owned());
        let hidden = (unseen.count > 0).then(|| "invisible_text".to_owned());
        names.chain(hidden).collect()
    }
}
