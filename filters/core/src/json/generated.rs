//! Strings for tests that make up JSON texts.

use proptest::prelude::*;

/// The content of a string as upstreams write it: plain, with escapes, with every kind of
/// character.
pub(crate) fn content() -> impl Strategy<Value = String> + Clone {
    const ESCAPES: &[&str] = &[
        r"\n",
        r#"\""#,
        r"\\",
        r"\u00e9",
        r"\u4F60",
        r"\ud83d\ude00",
        r"\/",
    ];
    let part = prop_oneof![
        8 => "[a-zA-Z ,.]{0,12}",
        2 => "[0-9{}:\\[\\] ]{1,8}",
        1 => "[éß你好привет😀 ]{1,6}",
        2 => prop::sample::select(ESCAPES).prop_map(str::to_owned),
    ];
    prop::collection::vec(part, 0..4).prop_map(|parts| parts.concat())
}
