//! `tollgate-host run`: one request through a filter, and everything that came out.

mod args;
mod body;
mod cut;
mod diff;
mod indent;
mod input;
mod json;
mod perform;
mod save;
mod show;
mod timeline;

use std::process::ExitCode;

use tollgate_host::Module;

use super::page::Page;
use super::{FAILED, Stop, print};

pub use args::RunArgs;

pub fn run(args: &RunArgs) -> Result<ExitCode, Stop> {
    let input = args.read()?;
    let module = Module::load(&args.wasm).map_err(|error| match error {
        tollgate_host::Error::Read { .. } => Stop::unusable(error),
        error => Stop::failed(format!("{}: {error}", args.wasm.display())),
    })?;
    let run = perform::perform(&input, &module)
        .map_err(|problem| Stop::failed(format!("{}: {problem}", args.wasm.display())))?;
    if args.json {
        print(&format!("{:#}\n", json::of(&run)))?;
    } else {
        let mut page = Page::for_stdout();
        show::show(&mut page, &run, args.trace);
        print(page.text())?;
    }
    if let Some(file) = &args.save {
        save::save(file, &input, &run).map_err(Stop::unusable)?;
        let file = file.display();
        // Standard output is the run's.
        anstream::eprintln!("saved {file}; `tollgate-host test {file}` plays it again");
    }
    let held = run.streams.iter().any(|stream| stream.end.is_none());
    Ok(match run.deaths.is_empty() && !held {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(FAILED),
    })
}
