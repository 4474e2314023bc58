//! Which variations to play: one that showed a fault, to see it again.

use crate::scenario::event::Scenario;

use super::Variation;

/// Which variations to play.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// All of them.
    #[default]
    All,
    /// Bodies cut at random from this seed.
    Seed(u64),
    /// The one of this name; without such a one, those whose names contain it.
    Named(String),
}

impl Choice {
    /// The chosen variations of `scenario`. The first is the file as it is written: the
    /// others are compared with it.
    pub fn of(&self, scenario: &Scenario) -> Vec<Variation> {
        let all = Variation::all(scenario);
        let chosen = match self {
            Self::All => return all,
            Self::Seed(seed) => vec![Variation::random(scenario, *seed)],
            Self::Named(text) => {
                let named = |is: fn(&str, &str) -> bool| -> Vec<Variation> {
                    let all = all.iter();
                    let named = all.filter(|variation| is(&variation.to_string(), text));
                    named.cloned().collect()
                };
                let exactly = named(|name, text| name == text);
                match exactly.is_empty() {
                    true => named(|name, text| name.contains(text)),
                    false => exactly,
                }
            }
        };
        let others = chosen.into_iter().filter(|one| !one.changes_nothing());
        std::iter::once(Variation::AS_WRITTEN)
            .chain(others)
            .collect()
    }

    /// Whether `scenario` has a variation that is meant.
    pub fn is_in(&self, scenario: &Scenario) -> bool {
        match self {
            Self::All | Self::Seed(_) => true,
            Self::Named(text) => {
                let all = Variation::all(scenario);
                all.iter()
                    .any(|one| one.to_string().contains(text.as_str()))
            }
        }
    }
}
