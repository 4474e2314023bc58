//! Starts the mock regions and Envoy, and leaves them running until ctrl-c or SIGTERM.

use std::process::ExitCode;

use clap::Parser;
use tollgate_tests::{Ports, Stack};

/// Mock Azure OpenAI regions and a real Envoy in front of them, on loopback.
#[derive(Parser)]
#[command(bin_name = "cargo xtask up --")]
struct Args {
    /// The Envoy configuration, relative to the repository.
    #[arg(long, default_value = "envoy/content-screener/envoy.yaml")]
    config: String,
    /// Where clients connect; 0 takes a free port.
    #[arg(long, default_value_t = Ports::CONFIGURED.gateway)]
    gateway_port: u16,
    /// Envoy's admin interface; 0 takes a free port.
    #[arg(long, default_value_t = Ports::CONFIGURED.admin)]
    admin_port: u16,
    /// The first mock region; the others follow it; 0 takes free ports.
    #[arg(long, default_value_t = Ports::CONFIGURED.first_region)]
    region_port: u16,
    /// Envoy's worker threads.
    #[arg(long, default_value_t = 2)]
    concurrency: usize,
}

fn main() -> ExitCode {
    tollgate_tests::exit_code(up(&Args::parse()))
}

fn up(args: &Args) -> anyhow::Result<()> {
    let mut stack = Stack::of(&args.config)
        .concurrency(args.concurrency)
        .ports(Ports {
            gateway: args.gateway_port,
            admin: args.admin_port,
            first_region: args.region_port,
        })
        .start()?;

    let gateway = stack.gateway();
    println!("gateway        http://{gateway}");
    println!("admin          http://{}", stack.envoy.admin());
    for region in stack.mock.regions() {
        println!("{:<14} http://{}", region.name(), region.address());
    }
    println!("access log     {}", stack.envoy.access_log_path().display());
    println!();
    println!(
        "curl -i 'http://{gateway}/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21' \\\n  \
           -H 'content-type: application/json' -H 'api-key: any' \\\n  \
           -d '{{\"messages\": [{{\"role\": \"user\", \"content\": \"How many tokens is this?\"}}]}}'"
    );
    println!();
    println!("ready");
    until_told(&mut stack)
}

/// Returns when the user asks for it, or when Envoy is gone.
fn until_told(stack: &mut Stack) -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut look = tokio::time::interval(std::time::Duration::from_millis(500));
        loop {
            tokio::select! {
                _ = terminate.recv() => return Ok(()),
                _ = interrupt.recv() => return Ok(()),
                _ = look.tick() => {
                    if !stack.envoy.is_running()? {
                        anyhow::bail!("Envoy ended by itself:\n{}", stack.envoy.log());
                    }
                }
            }
        }
    })
}
