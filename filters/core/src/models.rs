//! Which model a request's name means: the operator's own names first, then the published ones.

use crate::config::ConfigError;
use crate::tokens::Model;

/// The models behind the names that requests use.
#[derive(Clone, Debug, Default)]
pub struct Models {
    aliases: Vec<(String, Model)>,
}

impl Models {
    /// The published names, and `aliases` for others.
    ///
    /// # Errors
    /// Where an alias stands for no published name: it would decide nothing.
    pub fn new(aliases: &[(String, String)]) -> Result<Models, ConfigError> {
        let alias = |(name, target): &(String, String)| match Model::named(target) {
            model if model.known => Ok((name.clone(), model)),
            _ => Err(ConfigError {
                path: format!("models.{name}"),
                problem: format!(
                    "\"{target}\" is not a model that is known; give the name of the model behind \
                     \"{name}\", such as gpt-4o"
                ),
            }),
        };
        Ok(Models {
            aliases: aliases.iter().map(alias).collect::<Result<_, _>>()?,
        })
    }

    /// The model that `name` means, a deployment's name or a model's; case does not count, as
    /// it does not on Azure.
    pub fn named(&self, name: &str) -> Model {
        let alias = self
            .aliases
            .iter()
            .find(|(alias, _)| alias.eq_ignore_ascii_case(name));
        alias.map_or_else(|| Model::named(name), |(_, model)| *model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_come_first_and_must_mean_something() {
        let alias = |name: &str, target: &str| [(name.to_owned(), target.to_owned())];
        let models = Models::new(&alias("prod", "gpt-4")).unwrap();
        assert_eq!(models.named("prod").family, "gpt-4");
        assert_eq!(models.named("PROD").family, "gpt-4");
        assert_eq!(models.named("gpt-4o").family, "gpt-4o");
        assert!(!models.named("dev").known);
        let error = Models::new(&alias("prod", "our-own")).unwrap_err();
        assert_eq!(error.path, "models.prod");
        assert!(
            error
                .problem
                .contains("\"our-own\" is not a model that is known")
        );
    }
}
