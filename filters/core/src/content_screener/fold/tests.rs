//! Folding, as rows and against a twin that goes character by character.

use proptest::prelude::*;

use super::*;

fn folded(source: &str) -> (String, u32) {
    let mut text = Vec::new();
    let unseen = fold(source.as_bytes(), true, &mut text);
    (String::from_utf8(text).unwrap(), unseen.count)
}

#[test]
fn text_is_folded_to_what_a_reader_sees() {
    for (source, expected, unseen) in [
        ("plain Text", "plain Text", 0),
        (r#"a\nb\t\"c\"\\ \/"#, "a\nb\t\"c\"\\ /", 0),
        (r"\u0069gnore \u0069\u0067nore", "ignore ignore", 0),
        (
            r#"{\\\"a\\\":\\\"x\\nignore \\u0061ll\\\"}"#,
            r#"{\"a\":\"x
ignore all\"}"#,
            0,
        ),
        (
            r"[x\\\\nignore \\\\ C:\\dir",
            r"[x
ignore \\ C:\dir",
            0,
        ),
        (r"\\reactor C:\\new", r"\reactor C:\new", 0),
        ("🅓🅐🅡🅝 🅳🅰🆁🅽 ⒟⒜⒭⒩ ᴅᴀʀɴ", "darn darn darn darn", 0),
        ("×darn÷ نار، x", " darn  نار  x", 0),
        (r"da\u0000rn\b", "darn", 1),
        ("da\u{7f}rn d\u{2800}n", "darn dn", 2),
        ("\u{1f3f4}\u{e0068}\u{e0069}\u{e007f}", "\u{1f3f4}hi", 3),
        (
            "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "\u{1f3f4}",
            0,
        ),
        ("ｉｇｎｏｒｅ　ａｌｌ", "ignore all", 0),
        ("іgnоrе", "ignore", 0),
        ("𝐢𝗴𝒏𝓸𝔯𝕖 𝟒", "ignore 4", 0),
        ("Ignóré ÀÉÎ naïve Straße", "Ignore AEI naive Strasse", 0),
        ("cafe\u{301}", "cafe", 0),
        ("ig\u{200b}no\u{ad}re", "ignore", 2),
        (r"ig\u200bnore", "ignore", 1),
        ("a\u{202e}b", "ab", 1),
        ("你好，中文", "你好,中文", 0),
        ("日本語のテキスト", "日本語のテキスト", 0),
        ("ЖЁЛТЫЙ жёлтый", "жeлtый жeлtый", 0),
        ("٤١١١", "4111", 0),
        ("“x” – ’y’…", "\"x\" - 'y'…", 0),
        ("می\u{200c}خواهم", "می\u{200c}خواهم", 0),
        ("👨\u{200d}👩\u{200d}👧 ❤\u{fe0f}", "👨👩👧 ❤", 0),
        ("x\u{e0068}\u{e0069}", "xhi", 2),
        ("👍\u{e0158}\u{e0159}", "👍hi", 2),
        (r"\udb40\udc68\udb40\udc69", "hi", 2),
        ("\u{feff}text", "text", 0),
    ] {
        let expected = expected.replace('\u{200c}', "");
        assert_eq!(folded(source), (expected, unseen), "{source:?}");
        let places = unseen_places(source.as_bytes(), true);
        assert_eq!(places.len(), unseen as usize, "{source:?}: {places:?}");
    }
}

#[test]
fn what_hides_is_taken_out_and_what_belongs_stays() {
    for (source, expected) in [
        (
            "wo\u{200b}rd 👨\u{200d}👩\u{200d}👧 می\u{200c}خواهم",
            "word 👨\u{200d}👩\u{200d}👧 می\u{200c}خواهم",
        ),
        ("\u{feff}a\u{202e}b ❤\u{fe0f}", "\u{feff}ab ❤\u{fe0f}"),
        ("a\u{200d}\u{e0068}b\u{200b}\u{200b}\u{200b} c", "ab c"),
        ("x\u{fe0f}y 👍\u{e0158}\u{e0159}", "xy 👍"),
    ] {
        let mut left = source.to_owned();
        for place in unseen_places(source.as_bytes(), true).into_iter().rev() {
            left.replace_range(place, "");
        }
        assert_eq!(left, expected, "{source:?}");
    }
}

/// The same, a character at a time.
fn naive(source: &str) -> String {
    let mut text = String::new();
    for c in source.chars() {
        match table::kind(u32::from(c)) {
            Kind::Keep => text.push(c),
            Kind::Ascii(byte) => text.push(char::from(byte)),
            Kind::Lower => text.push(table::lower(u32::from(c)).map_or_else(|c| c, char::from)),
            Kind::Spelled(letters) => text.push_str(std::str::from_utf8(letters).unwrap()),
            _ => {}
        }
    }
    text
}

/// Takes what is simple piece by piece.
struct Copied(Vec<u8>);

impl Out for Copied {
    fn same(&mut self, bytes: &[u8], _at: usize) {
        self.0.extend_from_slice(bytes);
    }
    fn instead(&mut self, text: &[u8], _at: usize, _end: usize) {
        self.0.extend_from_slice(text);
    }
}

proptest! {
    #[test]
    fn runs_and_characters_agree(source in "([a-zA-Z .]|[a-z ]{50,80}|[À-ÿ]|[а-я]|[一-龥]|\u{300}|\u{200b}|ﬁ|😀){0,60}") {
        let mut text = Vec::new();
        fold(source.as_bytes(), false, &mut text);
        prop_assert_eq!(String::from_utf8(text).unwrap(), naive(&source));
    }

    #[test]
    fn signs_are_folded_wherever_blocks_end(source in r#"([a-zA-Z .]{1,20}|\\"|\\n|\\t|\\\\|中|é|[a-z]{60,70}){0,60}"#) {
        // A text that begins with a quote would be JSON itself.
        let source = format!("x{source}");
        let read: String = serde_json::from_str(&format!("\"{source}\"")).unwrap();
        prop_assert_eq!(folded(&source).0, naive(&read));
    }

    #[test]
    fn moved_and_copied_text_is_the_same(source in r#"[x{]([a-zA-Z .]{1,20}|\\"|\\n|\\\\|\\\\\\"|\\\\n|\\u0069|[一-龥]{1,30}|é|。|[a-z]{60,70}){0,60}"#) {
        let mut moved = Vec::new();
        fold(source.as_bytes(), true, &mut moved);
        let mut copied = Copied(Vec::new());
        run(source.as_bytes(), true, &mut copied, &mut Unseen::default());
        prop_assert_eq!(String::from_utf8(moved), String::from_utf8(copied.0));
    }

    #[test]
    fn escapes_change_nothing(source in "([a-z .]|é|中|\u{200b}|😀){0,30}", escape in any::<u64>()) {
        let escaped: String = source
            .chars()
            .enumerate()
            .flat_map(|(at, c)| {
                let is_escaped = escape >> (at % 64) & 1 != 0;
                let mut units = [0; 2];
                let units = c.encode_utf16(&mut units);
                if is_escaped {
                    units.iter().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>()
                } else {
                    vec![c.to_string()]
                }
            })
            .collect();
        prop_assert_eq!(folded(&escaped), folded(&source));
    }

    #[test]
    fn places_lead_back(before in "([a-z]|é|中|\\\\n|\\\\u0041|\u{200b}){0,40}", word in "[a-z]{3}|ｘｙ", behind in "([a-z]|é|\u{200b}){0,20}") {
        let source = format!("{before}{word}{behind}");
        let (start, end) = (folded(&before).0.len(), folded(&format!("{before}{word}")).0.len());
        let mut places = [
            Place { folded: start, is_start: true, source: 0 },
            Place { folded: end, is_start: false, source: 0 },
        ];
        locate(source.as_bytes(), true, &mut places);
        let found = &source[places[0].source..places[1].source];
        prop_assert_eq!(found, word);
    }

    #[test]
    fn nothing_is_too_strange(source in proptest::collection::vec(any::<u8>(), 0..200)) {
        for escaped in [false, true] {
            let mut text = Vec::new();
            fold(&source, escaped, &mut text);
            let mut places = [
                Place { folded: text.len() / 2, is_start: true, source: 0 },
                Place { folded: text.len(), is_start: false, source: 0 },
            ];
            locate(&source, escaped, &mut places);
            prop_assert!(places.iter().all(|place| place.source <= source.len()));
        }
    }
}

#[test]
fn what_is_passed_over_unlooked_at_is_kept() {
    for point in 0x4000..=0x9fff {
        assert_eq!(table::kind(point), Kind::Keep, "{point:x}");
    }
}

#[test]
fn characters_of_two_bytes_are_letters_once_they_are_folded() {
    for point in 0xc0..0x800 {
        let character = char::from_u32(point).unwrap();
        let text = naive(&character.to_string());
        let is_word = |c: char| c.is_alphanumeric();
        let is_sign = |c: char| c.is_ascii() && !c.is_alphanumeric();
        assert!(
            text.chars().all(|c| is_word(c) || is_sign(c)),
            "{point:x} {text:?}"
        );
    }
}
