//! The tour: real requests through a real Envoy, and what the filters did with each.

use std::process::ExitCode;

use anyhow::ensure;
use clap::Parser;
use tollgate_tests::table::{Align, Table, Tone};
use tollgate_tests::tour::cached::Asked;
use tollgate_tests::tour::{self, Visit, burst, cached, fleet, masked, minimized};
use tollgate_tests::{Client, Response, Stack};

/// Sends a tour of requests through Envoy and shows what the filters did with each, then what
/// a masked question is on its way, what is sent of an agent's conversation, who answers what is
/// asked again, and a burst that a tenant's limit refuses in part.
#[derive(Parser)]
#[command(bin_name = "cargo xtask demo --")]
struct Args {
    /// Envoy's worker threads.
    #[arg(long, default_value_t = 2)]
    concurrency: usize,
}

/// An estimate this near is as good as promised for short prompts, in percent.
const NEAR: f64 = 6.0;

fn main() -> ExitCode {
    tollgate_tests::exit_code(demo(&Args::parse()))
}

fn demo(args: &Args) -> anyhow::Result<()> {
    let stack = tour::stack().concurrency(args.concurrency).start()?;
    let regions: Vec<String> = stack
        .mock
        .regions()
        .map(|region| region.name().to_owned())
        .collect();
    println!(
        "client → Envoy on {} with {} → mock Azure OpenAI in {}\n",
        stack.gateway(),
        tour::CONFIGURATION,
        regions.join(", ")
    );

    let mut table = Table::new(&[
        ("request", Align::Left),
        ("status", Align::Right),
        ("screen", Align::Left),
        ("estimate", Align::Right),
        ("real count", Align::Right),
        ("error", Align::Right),
        ("", Align::Left),
    ]);
    for stop in tour::stops() {
        let visit = tour::visit(stack.client(), &stop)?;
        table.row(row(&visit));
    }
    table.print();

    println!(
        "\nscreen: x-tollgate-screen, what was found and what was done about it\n\
         estimate: x-tollgate-prompt-tokens, counted before the request was sent on\n\
         real count: prompt tokens in the answer's usage, from a real tokenizer\n"
    );
    show_masked(&stack)?;
    show_minimized(&stack)?;
    show_cached(&stack)?;
    show_burst(stack.client())?;
    stack
        .envoy
        .wait_until("the access log", |envoy| envoy.access_log().contains('\n'))?;
    println!("the access log of the first request:");
    println!(
        "  {}\n",
        stack.envoy.access_log().lines().next().unwrap_or_default()
    );
    println!(
        "the filters' metrics, as on /stats (requests and exchanges once for each of the five):"
    );
    for (name, value) in stack
        .envoy
        .stats("tollgate")?
        .into_iter()
        .filter(|(_, value)| *value > 0)
    {
        println!("  {name} {value}");
    }
    println!("\nThe same stack, left running for your own requests: cargo xtask up");
    Ok(())
}

fn show_masked(stack: &Stack) -> anyhow::Result<()> {
    let masked = masked::masked(stack)?;
    println!("a question that is masked on its way:\n");
    let mut table = Table::new(&[("where", Align::Left), ("what is said", Align::Left)]);
    for (place, text, tone) in [
        ("the client says", masked.sent, Tone::Plain),
        ("the upstream gets", masked.received, Tone::Good),
        ("the model answers", masked.answered, Tone::Plain),
        ("the client gets", masked.returned, Tone::Good),
    ] {
        table.row([(place.to_owned(), Tone::Faint), (text, tone)]);
    }
    table.print();
    println!();
    Ok(())
}

fn show_minimized(stack: &Stack) -> anyhow::Result<()> {
    let turns = minimized::conversation(stack)?;
    let [first, second] = &turns;
    let kept = minimized::kept(&first.received, &second.received)?.len();
    println!("an agent's conversation, whose tool gives back pretty-printed JSON:\n");
    let mut table = Table::new(&[
        ("", Align::Left),
        ("client sends", Align::Right),
        ("real count", Align::Right),
        ("upstream gets", Align::Right),
        ("real count", Align::Right),
        ("tokens saved", Align::Right),
    ]);
    for (name, turn) in ["first turn", "second turn"].into_iter().zip(&turns) {
        let percent = turn.saved * 100 / turn.sent_tokens;
        table.row([
            (name.to_owned(), Tone::Plain),
            (format!("{} bytes", turn.sent.len()), Tone::Plain),
            (turn.sent_tokens.to_string(), Tone::Plain),
            (format!("{} bytes", turn.received.len()), Tone::Good),
            (turn.received_tokens.to_string(), Tone::Good),
            (format!("{}, {percent} %", turn.saved), Tone::Good),
        ]);
    }
    table.print();
    println!("\ntokens saved: x-tollgate-tokens-saved, estimated before the request was sent on");
    println!("what the tool gave back begins so:");
    println!(
        "  client sends   {}",
        minimized::tool_result(&first.sent, 68)?
    );
    println!(
        "  upstream gets  {}",
        minimized::tool_result(&first.received, 68)?
    );
    println!(
        "all {kept} bytes of the first turn's messages begin the second turn's: \
         the provider's prompt cache has them\n"
    );
    Ok(())
}

fn show_cached(stack: &Stack) -> anyhow::Result<()> {
    let all = cached::asked_again(stack)?;
    println!(
        "a question that is asked again, with temperature 0, of a model that takes its time:\n"
    );
    let shared = fleet::asked_of_two();
    let rows = all.iter().chain(shared.iter().flatten());
    print_asked(rows);
    let [first, again, stream, _] = &all;
    ensure!(again.answer.body == first.answer.body && stream.text() == first.text());
    println!(
        "\ncache: x-tollgate-cache; time: from the first byte sent to the last one received\n\
         the second answer is the first one byte for byte, the stream says the same in {} events",
        stream.answer.events().len()
    );
    match shared {
        Ok([one, other]) => {
            ensure!(other.answer.body == one.answer.body);
            println!("the last two are Envoys of their own that share a Redis, through Webdis\n");
        }
        Err(error) => println!("two Envoys that share a Redis are left out: {error:#}\n"),
    }
    Ok(())
}

fn print_asked<'a>(rows: impl Iterator<Item = &'a Asked>) {
    let mut table = Table::new(&[
        ("request", Align::Left),
        ("cache", Align::Left),
        ("answered by", Align::Left),
        ("as", Align::Left),
        ("tokens charged", Align::Right),
        ("saved", Align::Right),
        ("time", Align::Right),
    ]);
    for asked in rows {
        let (by, charged, saved, tone) = match asked.is_sent {
            true => ("a region", asked.tokens, 0, Tone::Plain),
            false => ("Envoy", 0, asked.tokens, Tone::Good),
        };
        let form = if asked.is_stream { "SSE" } else { "JSON" };
        table.row([
            (asked.name.to_owned(), Tone::Plain),
            (asked.cache.clone(), tone),
            (by.to_owned(), tone),
            (form.to_owned(), Tone::Plain),
            (charged.to_string(), Tone::Plain),
            (saved.to_string(), tone),
            (format!("{:.1} ms", asked.time.as_secs_f64() * 1e3), tone),
        ]);
    }
    table.print();
}

fn show_burst(client: &Client) -> anyhow::Result<()> {
    println!(
        "a burst of tenant A at {}, whose limit for each tenant is {}:\n",
        burst::HOST,
        burst::LIMIT
    );
    let mut table = Table::new(&[
        ("requests", Align::Left),
        ("admitted", Align::Right),
        ("refused", Align::Right),
        ("retry after", Align::Right),
    ]);
    let mut show = |what: &str, tenant, requests| {
        let burst = burst::burst(client, tenant, requests)?;
        let wait = burst.retry_after();
        let wait = wait.map_or("–".to_owned(), |wait| format!("{} ms", wait.as_millis()));
        let good = |number: usize| if number > 0 { Tone::Good } else { Tone::Faint };
        let refused = burst.refused.len();
        let warning = if refused > 0 {
            Tone::Warning
        } else {
            Tone::Faint
        };
        table.row([
            (what.to_owned(), Tone::Plain),
            (burst.admitted.to_string(), good(burst.admitted)),
            (refused.to_string(), warning),
            (wait, Tone::Plain),
        ]);
        anyhow::Ok(burst)
    };
    let first = show(
        &format!("{} at once by tenant A", burst::REQUESTS),
        "demo-tenant-a",
        burst::REQUESTS,
    )?;
    show("1 by tenant B in the same moment", "demo-tenant-b", 1)?;
    first.wait();
    show("1 by tenant A after waiting as told", "demo-tenant-a", 1)?;
    table.print();
    if let Some(refused) = first.refused.first() {
        println!("\na refusal, as Azure's own, so that clients retry by themselves:");
        println!("{}", answer(refused));
    }
    Ok(())
}

/// Status, the headers about limits, and the body.
fn answer(response: &Response) -> String {
    let mut lines = vec![format!("  HTTP {}", response.status)];
    let about_limits =
        |name: &str| name.starts_with("retry-after") || name.starts_with("x-ratelimit");
    for (name, value) in &response.headers {
        if about_limits(name.as_str()) {
            lines.push(format!(
                "  {name}: {}",
                String::from_utf8_lossy(value.as_bytes())
            ));
        }
    }
    lines.push(format!("  {}\n", response.text()));
    lines.join("\n")
}

fn row(visit: &Visit) -> [(String, Tone); 7] {
    let number = |count: Option<u64>| count.map_or("–".to_owned(), |count| count.to_string());
    let (error, tone) = match visit.error() {
        Some(error) if error.abs() <= NEAR => (format!("{error:+.1} %"), Tone::Good),
        Some(error) => (format!("{error:+.1} %"), Tone::Warning),
        None => ("–".to_owned(), Tone::Faint),
    };
    [
        (visit.name.to_owned(), Tone::Plain),
        (
            visit.status.to_string(),
            if visit.status == 200 {
                Tone::Good
            } else {
                Tone::Warning
            },
        ),
        screen(visit.screen.as_deref()),
        (number(visit.estimate), Tone::Plain),
        (number(visit.real), Tone::Plain),
        (error, tone),
        (first_sentence(visit).to_owned(), Tone::Faint),
    ]
}

fn screen(screen: Option<&str>) -> (String, Tone) {
    let tone = match screen {
        None | Some("pass") => Tone::Faint,
        Some(found) if found.starts_with("block") => Tone::Warning,
        Some(_) => Tone::Good,
    };
    (screen.unwrap_or("–").to_owned(), tone)
}

/// Azure's message goes on with where to read more.
fn first_sentence(visit: &Visit) -> &str {
    let refusal = visit.refusal.as_deref().unwrap_or_default();
    refusal.split_once(". ").map_or(refusal, |(first, _)| first)
}
