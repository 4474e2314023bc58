//! What a request's `Cache-Control` says of answers that are kept (RFC 9111, 5.2.1).

/// What the client wants of a cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Directives {
    /// `no-store`: nothing of this exchange is kept, and nothing that is kept is given.
    pub no_store: bool,
    /// `no-cache`: nothing that is kept is given; the new answer may be.
    pub no_cache: bool,
    /// `only-if-cached`: the upstream is not asked.
    pub only_if_cached: bool,
    /// `max-age`: seconds that an answer may be old.
    pub max_age: Option<u64>,
}

impl Directives {
    /// Reads the values of the request's `cache-control` headers. What is not known is left
    /// out, as RFC 9111 asks; of a `max-age` that is no number of seconds the strictest sense
    /// is made.
    pub fn read<'a>(values: impl Iterator<Item = &'a [u8]>) -> Directives {
        let mut directives = Directives::default();
        for value in values {
            for directive in value.split(|&byte| byte == b',') {
                let mut parts = directive.splitn(2, |&byte| byte == b'=');
                let name = parts.next().unwrap_or_default().trim_ascii();
                let argument = parts.next().map(<[u8]>::trim_ascii);
                let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
                directives.no_store |= is("no-store");
                directives.no_cache |= is("no-cache");
                directives.only_if_cached |= is("only-if-cached");
                if is("max-age") {
                    let age = seconds(argument.unwrap_or_default());
                    let least = directives.max_age.unwrap_or(u64::MAX).min(age);
                    directives.max_age = Some(least);
                }
            }
        }
        directives
    }
}

/// A number of seconds, which some write in quotes; 0 for what is none.
fn seconds(argument: &[u8]) -> u64 {
    let unquoted = argument
        .strip_prefix(b"\"")
        .and_then(|text| text.strip_suffix(b"\""));
    let digits = unquoted.unwrap_or(argument);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return 0;
    }
    let digits = core::str::from_utf8(digits).unwrap_or_default();
    // Only a number too large for 64 bits is left.
    digits.parse().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_counts() {
        let none = Directives::default();
        let max_age = |age| Directives {
            max_age: Some(age),
            ..none
        };
        for (values, expected) in [
            (&[][..], none),
            (&[""], none),
            (&["max-stale=10, no-transform", "private"], none),
            (
                &["no-cache"],
                Directives {
                    no_cache: true,
                    ..none
                },
            ),
            (
                &["No-Store"],
                Directives {
                    no_store: true,
                    ..none
                },
            ),
            (
                &["only-if-cached"],
                Directives {
                    only_if_cached: true,
                    ..none
                },
            ),
            (
                &["no-cache, no-store", "only-if-cached"],
                Directives {
                    no_cache: true,
                    no_store: true,
                    only_if_cached: true,
                    max_age: None,
                },
            ),
            (&["max-age=60"], max_age(60)),
            (&["max-age = \"60\" ,"], max_age(60)),
            (&["max-age=60", "max-age=5"], max_age(5)),
            (&["max-age"], max_age(0)),
            (&["max-age=-1"], max_age(0)),
            (&["max-age=1.5"], max_age(0)),
            (&["max-age=99999999999999999999"], max_age(u64::MAX)),
            (&["xno-cache, no-cached"], none),
        ] {
            let read = Directives::read(values.iter().map(|value| value.as_bytes()));
            assert_eq!(read, expected, "{values:?}");
        }
    }
}
