//! A place in the configuration: reads values and says where and why one is wrong.

use core::fmt;

use serde_json::{Map, Value};

/// What is wrong with a configuration, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Path of the key from the top, such as `rules[1].match.methods[0]`; empty for the whole.
    pub path: String,
    /// What is wrong and what would be right.
    pub problem: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            write!(f, "configuration refused: {}", self.problem)
        } else {
            write!(
                f,
                "configuration refused at `{}`: {}",
                self.path, self.problem
            )
        }
    }
}

/// A value and the path that leads to it.
pub(super) struct Node<'a> {
    value: &'a Value,
    path: String,
}

impl<'a> Node<'a> {
    pub(super) fn top(value: &'a Value) -> Node<'a> {
        Node {
            value,
            path: String::new(),
        }
    }

    /// The error that this value is wrong because of `problem`.
    pub(super) fn wrong(&self, problem: impl Into<String>) -> ConfigError {
        ConfigError {
            path: self.path.clone(),
            problem: problem.into(),
        }
    }

    fn expected(&self, what: &str) -> ConfigError {
        let found = match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        self.wrong(format!("expected {what}, found {found}"))
    }

    /// The object here, every key of which must be one of `keys`.
    pub(super) fn object(&self, keys: &[&str]) -> Result<Object<'a>, ConfigError> {
        let Value::Object(map) = self.value else {
            return Err(self.expected("an object"));
        };
        let object = Object {
            map,
            path: self.path.clone(),
        };
        match map.keys().find(|key| !keys.contains(&key.as_str())) {
            None => Ok(object),
            Some(key) => {
                // `secret` for `secrets` is a slip, not a secret.
                let is_slip = keys.iter().any(|known| known.contains(key.as_str()));
                let problem = if looks_like_a_secret(key) && !is_slip {
                    "secrets do not belong in the configuration, which Envoy shows in /config_dump; \
                     pass them as environment variables of the VM (vm_config.environment_variables.host_env_keys)"
                        .to_owned()
                } else {
                    format!("unknown key; known here: {}", keys.join(", "))
                };
                Err(ConfigError {
                    path: object.path_of(key),
                    problem,
                })
            }
        }
    }

    /// Where it stands.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn is_null(&self) -> bool {
        self.value.is_null()
    }

    pub(super) fn list(&self) -> Result<Vec<Node<'a>>, ConfigError> {
        let Value::Array(values) = self.value else {
            return Err(self.expected("a list"));
        };
        let node = |(at, value)| Node {
            value,
            path: format!("{}[{at}]", self.path),
        };
        Ok(values.iter().enumerate().map(node).collect())
    }

    /// The values of an object whose keys the operator chooses.
    pub(super) fn entries(&self) -> Result<Vec<(&'a str, Node<'a>)>, ConfigError> {
        let Value::Object(map) = self.value else {
            return Err(self.expected("an object"));
        };
        let object = Object {
            map,
            path: self.path.clone(),
        };
        let entry = |(key, value): (&'a String, &'a Value)| {
            (
                key.as_str(),
                Node {
                    value,
                    path: object.path_of(key),
                },
            )
        };
        Ok(map.iter().map(entry).collect())
    }

    pub(super) fn string(&self) -> Result<&'a str, ConfigError> {
        match self.value.as_str() {
            Some("") => Err(self.wrong("expected a string that is not empty")),
            Some(text) => Ok(text),
            None => Err(self.expected("a string")),
        }
    }

    pub(super) fn boolean(&self) -> Result<bool, ConfigError> {
        self.value
            .as_bool()
            .ok_or_else(|| self.expected("true or false"))
    }

    /// A whole number in `low..=high`. Envoy turns every number of a `Struct`
    /// configuration into a double, so `64.0` counts as 64.
    pub(super) fn integer<T>(&self, low: T, high: T) -> Result<T, ConfigError>
    where
        T: Into<u64> + TryFrom<u64>,
    {
        let (low, high) = (low.into(), high.into());
        let number = self.value.as_u64().or_else(|| whole(self.value.as_f64()?));
        let number = number.filter(|number| (low..=high).contains(number));
        match number.map(T::try_from) {
            Some(Ok(number)) => Ok(number),
            _ if self.value.is_number() => Err(self.wrong(format!(
                "expected a whole number from {low} to {high}, found {}",
                self.value
            ))),
            _ => Err(self.expected("a whole number")),
        }
    }

    /// The value that `names` gives to the string here.
    pub(super) fn one_of<T: Copy>(&self, names: &[(&str, T)]) -> Result<T, ConfigError> {
        let name = self.string()?;
        names
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| *value)
            .ok_or_else(|| {
                let known: Vec<&str> = names.iter().map(|(known, _)| *known).collect();
                self.wrong(format!(
                    "expected one of {}, found \"{name}\"",
                    known.join(", ")
                ))
            })
    }
}

/// `number` where it is whole and exactly representable.
fn whole(number: f64) -> Option<u64> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be whole and in range"
    )]
    (number.fract() == 0.0 && (0.0..=EXACT).contains(&number)).then_some(number as u64)
}

/// Words that name credentials wherever they stand in a key.
fn looks_like_a_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase().replace(['-', '.'], "_");
    [
        "secret",
        "password",
        "passwd",
        "api_key",
        "apikey",
        "private_key",
        "credential",
        "bearer",
        "access_token",
    ]
    .iter()
    .any(|word| key.contains(word))
}

/// An object of the configuration whose keys are all known.
pub(super) struct Object<'a> {
    map: &'a Map<String, Value>,
    path: String,
}

impl<'a> Object<'a> {
    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// The value of `key`, where it is given.
    pub(super) fn get(&self, key: &str) -> Option<Node<'a>> {
        self.map.get(key).map(|value| Node {
            value,
            path: self.path_of(key),
        })
    }

    /// The value of `key`, which must be there.
    pub(super) fn require(&self, key: &str) -> Result<Node<'a>, ConfigError> {
        self.get(key).ok_or_else(|| ConfigError {
            path: self.path_of(key),
            problem: "missing".to_owned(),
        })
    }

    /// What `read` makes of the value of `key`, or `default` where it is not given.
    pub(super) fn read_or<T>(
        &self,
        key: &str,
        default: T,
        read: impl FnOnce(&Node<'a>) -> Result<T, ConfigError>,
    ) -> Result<T, ConfigError> {
        self.get(key).map_or(Ok(default), |node| read(&node))
    }
}
