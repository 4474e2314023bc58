//! What is done about what is found, and the words Azure has for it.

/// What is done, from the least on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Nothing: it is not looked for.
    Off,
    /// It is counted and logged.
    Report,
    /// A placeholder is put in its place.
    Mask,
    /// The request is refused.
    Block,
}

impl Action {
    /// Its name in logs and configuration.
    pub fn name(self) -> &'static str {
        match self {
            Action::Off => "off",
            Action::Report => "report",
            Action::Mask => "mask",
            Action::Block => "block",
        }
    }
}

/// What something found is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// Hate and fairness.
    Hate,
    /// Sexual content.
    Sexual,
    /// Violence.
    Violence,
    /// Self-harm.
    SelfHarm,
    /// Profanity.
    Profanity,
    /// What an operator does not want.
    CustomBlocklist,
    /// An attack by the user.
    Jailbreak,
    /// An attack by a text that the user or a tool brings along.
    IndirectAttack,
    /// Text that nobody sees.
    InvisibleText,
    /// Keys and tokens.
    Secret,
    /// Personal data.
    PersonalData,
}

impl Category {
    /// Every category.
    pub const ALL: [Category; 11] = [
        Category::Hate,
        Category::Sexual,
        Category::Violence,
        Category::SelfHarm,
        Category::Profanity,
        Category::CustomBlocklist,
        Category::Jailbreak,
        Category::IndirectAttack,
        Category::InvisibleText,
        Category::Secret,
        Category::PersonalData,
    ];

    /// Its name, a label of metrics.
    pub fn name(self) -> &'static str {
        match self {
            Category::Hate => "hate",
            Category::Sexual => "sexual",
            Category::Violence => "violence",
            Category::SelfHarm => "self_harm",
            Category::Profanity => "profanity",
            Category::CustomBlocklist => "custom_blocklist",
            Category::Jailbreak => "jailbreak",
            Category::IndirectAttack => "indirect_attack",
            Category::InvisibleText => "invisible_text",
            Category::Secret => "secret",
            Category::PersonalData => "personal_data",
        }
    }
}

/// How bad it is. <https://learn.microsoft.com/azure/ai-services/openai/concepts/content-filter>
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// `low`
    Low,
    /// `medium`
    Medium,
    /// `high`
    High,
}

impl Severity {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
        }
    }
}
