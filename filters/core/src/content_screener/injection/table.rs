//! The phrases, as people read them.
//!
//! A phrase is steps between spaces. A step is a word or several between bars, of which one
//! has to stand there; `*` ends a word that may go on; `?` ends a step that may be missing;
//! `.3` lets up to three words stand between. Words are those of the folded text: lower case
//! here, letters without marks, an apostrophe between `don` and `t`. Characters of Chinese and
//! Japanese are words by themselves. The words of the first step are looked for in every text:
//! they should be rare.
//!
//! A phrase belongs here if a person who means no harm hardly ever writes it: one that talks
//! to the model about its own instructions, limits or persona, not about a subject.

/// All phrases.
pub(super) const PHRASES: &[&str] = &[
    // Take back what was said before. What programs and people have too (rules, policies, orders,
    // restrictions) has to be said of the model, or be all of it.
    "ignore|disregard|neglect .3 previous|prior|preceding|earlier|foregoing|above .2 instruct*|directions|directives",
    "ignore|disregard|forget .1 all|any|every .2 previous|prior|preceding|earlier|above .2 prompts|rules|guidelines|constraints|programming|training",
    "forget .2 previous|prior|preceding|earlier|original .1 instruct*|prompts|directives|programming",
    "ignore|disregard|override|bypass|forget .2 your .2 system|safety|content|ethical|moral|internal|core|original|initial|previous|prior .1 instruct*|prompt|rules|guidelines|polic*|filters|directives|programming|protocols|restrictions|safeguards|training",
    "ignore|disregard|override|bypass|forget .1 your .1 instruct*|guidelines|directives|programming|safeguards|restrictions|training",
    "ignore|disregard .1 all|any|every .2 instruct*|directives",
    "ignore|disregard|forget .1 everything|anything|all|whatever .2 above|before|previously .3 instead|now|you|your|just|only|output|print|reply|respond|reveal",
    "ignore|disregard .3 instruct*|directions .3 above|before|previously|given|received|told",
    "forget .1 everything|anything|all .1 you .2 told|instructed|programmed|taught .3 before|previously|and|now|by",
    "disregard|ignore .2 summar*|translation|user|original .1 request|task|question .4 instead|output|reply|respond|print|and|send|say",
    // What comes now is said to outrank it.
    "supersede*|overrides|override .1 all|any .2 previous|prior|your .2 instruct*|prompts|programming",
    "supersede*|overrides|override .1 your .2 instruct*|prompts|programming",
    "admin|administrator|developer .1 override .2 enabled|activated|engaged|accepted|granted|authorized|code|mode|initiated",
    "override .1 content|safety|security .1 filter|filters|protocol|protocols .3 enabled|disabled|now|and|activated",
    // Read out what is hidden.
    "reveal|divulge|leak|disclose|expose|exfiltrate .1 your .2 system|initial|hidden|secret|internal|original .1 prompt|prompts|instruct*|message|directives",
    "reveal|divulge|leak|disclose|exfiltrate .1 the|this .1 system|initial|hidden .1 prompt|instructions .3 you|your|me|verbatim|above|now",
    "repeat|print|output|reproduce|recite|echo|display .2 your .1 system|initial|hidden|secret|original .1 prompt|instructions|directives",
    "repeat|recite|reproduce .2 everything|words|text|all .1 above|before|preceding .3 verbatim|starting|prompt|exactly|instructions",
    "verbatim .1 your .1 system|initial|hidden .1 prompt|instructions",
    // Be somebody without limits.
    "dan .2 do .1 anything .1 now",
    "anything now .4 dan|mode|ai|chatgpt|gpt|broken|freed",
    "jailbreak|jailbroken|jailbroke|jailbreaked .3 mode|enabled|activated|chatgpt|gpt|gpt4|prompt|response|persona|version",
    "chatgpt|gpt|gpt4 .3 developer .1 mode .2 enabled|output|activated|response|unlocked|engaged",
    "developer mode enabled .4 chatgpt|ai|you|can|will",
    "god|opposite|evil|unrestricted|unfiltered|uncensored|chaos|dan|stan|dude|sudo .1 mode .2 enabled|activated|active|engaged|unlocked",
    "enter|enable|activate|unlock|engage|switch .3 jailbreak|dan|unrestricted|unfiltered|uncensored|opposite|evil .1 mode",
    "unfiltered|uncensored|unrestricted|amoral|unethical .3 ai|chatbot|assistant|chatgpt|gpt|bot .1 model? .3 that|who|which|without|with|called|named|no",
    "pretend|imagine|behave|respond|answer .6 no|without|zero .2 restrictions|filters|censorship|safeguards .3 ai|openai|ethic*|moral*|guidelines|whatsoever|any",
    "confines of .1 ai",
    "bypass|circumvent|evade|defeat|disable|deactivate .3 your|openai|chatgpt|ai|its .1 content|safety|ethical|moral .2 filter|filters|polic*|restrictions|guidelines|safeguards|guardrails|censorship|limitations|protocols",
    "bypass|circumvent|disable|deactivate .1 openai|chatgpt .2 filter|filters|polic*|restrictions|guidelines|safeguards|guardrails|censorship|limitations|protocols",
    "openai|anthropic .1 s? .1 content|usage|use|safety|ethical .1 polic*|guidelines .5 ignore|bypass|disregard|bypassed|removed",
    "immoral|unethical|illegal|amoral .1 or|and .1 immoral|unethical|illegal|harmful|inappropriate|amoral .4 matter|regardless|never|refuse|refuses",
    "refuse .3 any|request|requests|answer|prompt|question|questions .4 immoral|unethical|illegal|unlawful|harmful|regardless|ethic*|moral*",
    // Speak as somebody else in a conversation.
    "im start .1 system",
    "header id .1 system .1 end header",
    "pwned|hacked .2 canary|instead",
    "attention|urgent|important .2 ai|llm .2 assistant|agent|agents|assistants|model|models|system|systems .4 must|ignore|disregard|immediately|follow",
    "inform|mention|reveal|alert|notify .4 user|human .4 instruct*|injection|hidden .2 message|prompt|text|instruct*",
    // German.
    "ignorier*|missacht*|vergiss|vergesse|vergessen .4 vorherig*|vorigen|vorangegangen*|bisherig*|fruheren|obigen|obenstehend*|alle|deine .2 anweisung*|instruktion*|vorgaben|regeln|befehle|anordnung*|richtlinien",
    "zeig*|verrat*|nenn*|gib|offenbar* .3 system|systemprompt|systemanweisung*|versteckten .1 prompt|anweisung*|aus|an|mir|vollstandig",
    // French.
    "ignor*|oubli* .4 instructions|consignes|regles|directives|ordres .2 precedent*|anterieur*|ci|initiales|systeme|securite|donnees",
    "ignor*|oubli* .3 precedent*|anterieur* .1 instructions|consignes|regles|directives",
    "revel*|affich*|montr*|divulgu*|donne .3 prompt|instructions|invite .2 systeme|initial*|cachees|secret*|secretes",
    // Spanish, Portuguese and Italian.
    "ignor*|olvid*|desobedec*|descart* .4 instrucciones|indicaciones|ordenes|reglas|directrices .1 anteriores|previas|iniciales|originales|sistema|dadas",
    "ignor*|olvid* .3 anteriores|previas .1 instrucciones|indicaciones|reglas",
    "revel*|muestra*|muestrame|dime .3 prompt|instrucciones|indicaciones .2 sistema|ocultas|secretas|iniciales",
    "ignor*|esquec*|desconsider*|descart* .4 instrucoes|ordens|regras|comandos|diretrizes .1 anteriores|previas|acima|iniciais|sistema|originais",
    "ignor*|dimentic*|trascur* .4 istruzioni|indicazioni|regole|direttive|comandi .1 precedenti|sopra|iniziali|originali|sistema",
    "ignor*|dimentic* .3 precedenti .1 istruzioni|indicazioni|regole|direttive",
    // Chinese and Japanese.
    "忽略|无视|忘记|忘掉|忽视 .3 之前|以上|上面|前面|先前|此前|所有|上述 .4 指令|指示|提示|规则|设定|规定|内容",
    "以前|これまで|上記|前|すべて|全て .6 指示|命令|ルール|プロンプト|設定 .1 を|は .3 無視|忘れ",
    "系统|系統 .1 提示词|提示|指令 .3 输出|显示|告诉|泄露|打印",
    "输出|显示|告诉|泄露|打印|透露 .4 系统 .1 提示词|提示|指令",
    "システム .1 プロンプト .3 表示|教え|出力|公開",
    // Russian.
    "игнорируй*|забудь*|проигнорируй*|отбрось* .3 предыдущ*|прежн*|прошл*|вышеуказанн*|все|всё .2 инструкц*|указани*|правил*|команд*|приказ*",
    "покажи*|раскрой*|выведи*|напиши* .2 сво*|тво* .2 системн*|скрыт*|секретн*|исходн* .1 промпт*|инструкц*|подсказк*|запрос*",
];
