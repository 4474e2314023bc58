//! What a scenario says may come out otherwise, and why: each excuse covers some variations, or
//! some of what they show, and nothing else.

use crate::scenario::event::Scenario;

use super::Variation;
use super::twist::Twist;

/// A key of a scenario's file with which it excuses a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Excuse {
    /// Another cut, protocol, trailers or a reset give something else.
    CutsMatter,
    /// It is told otherwise in the logs, and nowhere else.
    LogsDependOnCuts,
    /// A second stream of the same kind beside it is treated otherwise.
    SecondStreamMatters,
}

impl Excuse {
    /// All of them.
    pub const ALL: [Self; 3] = [
        Self::CutsMatter,
        Self::LogsDependOnCuts,
        Self::SecondStreamMatters,
    ];

    /// Its key in a file.
    pub fn key(self) -> &'static str {
        match self {
            Self::CutsMatter => "cuts_matter",
            Self::LogsDependOnCuts => "logs_depend_on_cuts",
            Self::SecondStreamMatters => "second_stream_matters",
        }
    }

    /// Whether the file has it.
    pub fn is_in(self, scenario: &Scenario) -> bool {
        let reason = match self {
            Self::CutsMatter => &scenario.cuts_matter,
            Self::LogsDependOnCuts => &scenario.logs_depend_on_cuts,
            Self::SecondStreamMatters => &scenario.second_stream_matters,
        };
        reason.is_some()
    }

    /// That of the file which leaves a variation nothing to do but no harm.
    pub fn of(scenario: &Scenario, variation: &Variation) -> Option<Self> {
        let excuse = match variation.twist {
            Some(Twist::TwoAtOnce) => Self::SecondStreamMatters,
            // Trailers take the end from a body's last piece; a body that breaks off is cut too.
            _ => Self::CutsMatter,
        };
        excuse.is_in(scenario).then_some(excuse)
    }
}
