//! The response-cache under load: wrk and, where they are asked for, the peers that it is shown
//! beside.

use anyhow::{Context, Result, bail};

use crate::exec::Tool;
use crate::setup::Tools;
use crate::{paths, python, setup};

const PACKAGE: &str = "tollgate-cache-load";

/// The peer: LiteLLM's proxy with what it needs.
const LITELLM: &str = "litellm[proxy]==1.99.4";

/// The bench with these arguments; installs what it needs.
///
/// # Errors
/// What is missing and cannot be installed.
pub fn bench(tools: &Tools, args: &[String]) -> Result<Tool> {
    let missing = tools
        .missing
        .iter()
        .find(|missing| missing.tests == setup::WRK);
    if let Some(missing) = missing {
        bail!("{}", missing.why);
    }
    let cargo = Tool::cargo(["run", "--quiet", "--package", PACKAGE, "--", "hits"]);
    let mut tool = tools.pass_to(cargo).args(args);
    if args.iter().any(|arg| arg == "--peers") {
        let venv = paths::peers();
        python::venv(&venv, &[LITELLM])
            .context("LiteLLM is installed from PyPI; without --peers it is not needed")?;
        tool = tool.env("TOLLGATE_LITELLM", venv.join("bin/litellm"));
    }
    Ok(tool)
}

/// A million different requests, with these arguments.
pub fn fill(args: &[String]) -> Tool {
    Tool::cargo(["run", "--quiet", "--package", PACKAGE, "--", "fill"])
        .args(args)
        .env("TOLLGATE_FILTERS", paths::filters())
}
