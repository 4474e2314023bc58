//! What the transforms must save on small corpora. Times are not looked at.

use tollgate_savings::corpora::Corpus;
use tollgate_savings::measure::{Outcome, measure, percent, size};
use tollgate_savings::settings::{self, Setting};

const REQUESTS: usize = 4;

fn outcome(corpus: Corpus, setting: &Setting, seed: u64) -> Outcome {
    let bodies = corpus.bodies(seed, REQUESTS);
    let before = size(&bodies).unwrap();
    measure(&bodies, before, &setting.config().unwrap(), 1).unwrap()
}

#[test]
fn each_transform_saves_where_its_kind_of_text_is() {
    // Corpus, row, the least tokens saved in per cent. `structure` on what tools print for people
    // is what the stage promises; the others are kept from getting lost.
    for (corpus, row, least) in [
        ("agent-json", "structure", 25.0),
        ("agent-json", "defaults", 25.0),
        ("agent-json", "everything", 25.0),
        ("xml", "structure", 5.0),
        ("html", "html", 30.0),
        ("agent-code", "repeats", 10.0),
        ("agent-screens", "base64", 50.0),
        ("logs", "logs", 5.0),
        ("agent-compact", "records", 1.0),
        ("pasted", "canonical", 0.1),
    ] {
        let corpus = Corpus::named(corpus).unwrap();
        let setting = Setting::named(row).unwrap();
        for seed in [1, 2] {
            let outcome = outcome(corpus, &setting, seed);
            let saved = percent(outcome.tokens_saved(), outcome.before.tokens);
            assert!(
                saved >= least,
                "{} of {}, seed {seed}: {saved:.2} %",
                setting.name,
                corpus.name
            );
        }
    }
}

#[test]
fn no_setting_costs_tokens_and_together_they_save_no_less_than_alone() {
    for corpus in Corpus::ALL {
        let saved: Vec<(String, i64)> = settings::all()
            .into_iter()
            .map(|setting| {
                let outcome = outcome(corpus, &setting, 3);
                assert!(outcome.bytes_saved() >= 0, "{}: {outcome:?}", setting.name);
                (setting.name, outcome.tokens_saved())
            })
            .collect();
        let of = |name: &str| saved.iter().find(|(row, _)| row == name).unwrap().1;
        for (row, tokens) in &saved {
            let is_lossy = ["logs", "cap", "everything"].contains(&row.as_str());
            let together = of("but logs, cap");
            assert!(
                *tokens >= 0 && (is_lossy || *tokens <= together),
                "{row} of {}: {tokens}, together {together}",
                corpus.name
            );
        }
    }
}

#[test]
fn by_default_nothing_changes_where_tools_do_not_print_for_people() {
    for corpus in [
        "agent-compact",
        "tables",
        "chat",
        "code-help",
        "languages",
        "pasted",
    ] {
        let corpus = Corpus::named(corpus).unwrap();
        let outcome = outcome(corpus, &Setting::named("defaults").unwrap(), 1);
        assert_eq!(
            outcome.before.tokens, outcome.after.tokens,
            "{}",
            corpus.name
        );
    }
}
