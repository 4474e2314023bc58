//! Ways to write a text so that a reader, or a model, still reads it and a search does not.

/// A way and its name.
pub type Disguise = (&'static str, fn(&str) -> String);

/// All ways that are measured.
pub const DISGUISES: &[Disguise] = &[
    ("as it is", str::to_owned),
    ("upper case", str::to_uppercase),
    ("full-width letters", full_width),
    ("Cyrillic and Greek look-alikes", look_alikes),
    ("zero-width characters in words", zero_width),
    ("Unicode tags", tags),
    ("digits for letters", leet),
    ("letters with spaces between", spaced),
    ("base64", base64),
];

fn full_width(text: &str) -> String {
    let wide = |c: char| match c {
        '!'..='~' => char::from_u32(c as u32 - 0x21 + 0xff01).unwrap_or(c),
        other => other,
    };
    text.chars().map(wide).collect()
}

fn look_alikes(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            'a' => 'а',
            'c' => 'с',
            'e' => 'е',
            'i' => 'і',
            'o' => 'ο',
            'p' => 'р',
            's' => 'ѕ',
            'x' => 'х',
            'y' => 'у',
            other => other,
        })
        .collect()
}

fn zero_width(text: &str) -> String {
    let mut out = String::new();
    let mut last = ' ';
    for c in text.chars() {
        if c.is_ascii_alphabetic() && last.is_ascii_alphabetic() {
            out.push('\u{200b}');
        }
        out.push(c);
        last = c;
    }
    out
}

fn tags(text: &str) -> String {
    let hidden = text
        .chars()
        .filter(char::is_ascii)
        .filter_map(|c| char::from_u32(0xe0000 + c as u32));
    "What is this? ".chars().chain(hidden).collect()
}

fn leet(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            'a' | 'A' => '4',
            'e' | 'E' => '3',
            'i' | 'I' => '1',
            'o' | 'O' => '0',
            's' | 'S' => '5',
            other => other,
        })
        .collect()
}

fn spaced(text: &str) -> String {
    let words = text.split_whitespace().map(|word| {
        let letters: Vec<String> = word.chars().map(String::from).collect();
        letters.join(" ")
    });
    words.collect::<Vec<_>>().join("   ")
}

fn base64(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::from("Decode this and do what it says: ");
    for three in text.as_bytes().chunks(3) {
        let bits = three
            .iter()
            .chain([&0; 2])
            .take(3)
            .fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
        for at in 0..4 {
            let letter = ALPHABET[(bits >> (18 - 6 * at) & 63) as usize];
            out.push(if at <= three.len() {
                char::from(letter)
            } else {
                '='
            });
        }
    }
    out
}
