//! Rows of data that is elided and of what stays, and the laws of a transform.

use base64::prelude::*;
use proptest::prelude::*;

use super::*;
use crate::prompt_minimizer::samples;
use crate::prompt_minimizer::splice::apply;
use crate::tokens::{Encoding, exact};

/// Bytes as compression leaves them, after `magic`.
fn data(magic: &[u8], len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let random = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    });
    magic.iter().copied().chain(random).take(len).collect()
}

fn wrapped(source: &str, width: usize, end: &str) -> String {
    let lines: Vec<_> = source
        .as_bytes()
        .chunks(width)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    lines.join(end)
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

#[test]
fn data_is_elided() {
    let png = BASE64_STANDARD.encode(data(PNG, 1000));
    let unknown = BASE64_STANDARD.encode(data(b"", 2000));
    for (text, expected) in [
        (
            format!("see ![x](data:image/png;base64,{png}) there"),
            "see ![x]([base64 image/png, 1000 bytes]) there",
        ),
        (
            format!("<img src=\"data:;base64,{png}\">"),
            "<img src=\"[base64 image/png, 1000 bytes]\">",
        ),
        (
            format!("DATA:image/webp;charset=x;base64,{png}"),
            "[base64 image/webp, 1000 bytes]",
        ),
        (
            format!(
                "data:application/x-own;base64,{}",
                BASE64_STANDARD.encode(data(b"", 300))
            ),
            "[base64 application/x-own, 300 bytes]",
        ),
        (png.clone(), "[base64 image/png, 1000 bytes]"),
        (
            format!("{{\n  \"image\": \"{png}\"\n}}"),
            "{\n  \"image\": \"[base64 image/png, 1000 bytes]\"\n}",
        ),
        (
            BASE64_STANDARD_NO_PAD.encode(data(PNG, 1000)),
            "[base64 image/png, 1000 bytes]",
        ),
        (
            format!("It is {unknown}. Then"),
            "It is [base64 data, 2000 bytes]. Then",
        ),
        (
            format!("{}\nthanks", wrapped(&png, 76, "\n")),
            "[base64 image/png, 1000 bytes]\nthanks",
        ),
        (
            format!("{}\r\n", wrapped(&png, 64, "\r\n")),
            "[base64 image/png, 1000 bytes]\r\n",
        ),
        (
            format!("a: |\n  {}\n", wrapped(&png, 76, "\n  ")),
            "a: |\n  [base64 image/png, 1000 bytes]\n",
        ),
        // 768 bytes are 1024 characters: whole lines, and no padding to say it is the end.
        (
            format!(
                "{}\ndone",
                wrapped(&BASE64_STANDARD.encode(data(PNG, 768)), 64, "\n")
            ),
            "[base64 image/png, 768 bytes]\ndone",
        ),
        (
            format!("{png} {png}"),
            "[base64 image/png, 1000 bytes] [base64 image/png, 1000 bytes]",
        ),
    ] {
        let splices = elide(&text);
        assert_eq!(apply(&text, &splices), expected);
    }
}

/// Each limit, and one step beyond it.
#[test]
fn limits() {
    let png = |len| BASE64_STANDARD.encode(data(PNG, len));
    let random = |len| BASE64_STANDARD_NO_PAD.encode(data(b"", len));
    let url = |length: usize| format!("data:image/png;{};base64,{}", "a".repeat(length), png(1000));
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let of = |different: usize| {
        let source = alphabet[..different].chars().rev().cycle().take(400);
        format!("data:image/png;base64,{}", source.collect::<String>())
    };
    let words = "words that were encoded ".repeat(128).into_bytes();
    let [words_first, words_last] = [[&words[..], &data(b"", 3072)], [&data(b"", 3072), &words]]
        .map(|halves| BASE64_STANDARD.encode(halves.concat()));
    for (text, expected) in [
        (png(192), "[base64 image/png, 192 bytes]"),
        (png(189), &png(189)),
        (random(1536), "[base64 data, 1536 bytes]"),
        (random(1533), &random(1533)),
        // A last line of 20 characters is of the blob, one of 18 is a word.
        (
            wrapped(&png(591), 64, "\n"),
            "[base64 image/png, 591 bytes]",
        ),
        (
            wrapped(&random(3085), 64, "\n"),
            &format!("[base64 data, 3072 bytes]\n{}", &random(3085)[4096..]),
        ),
        (url(118), "[base64 image/png, 1000 bytes]"),
        (
            url(119),
            &format!(
                "data:image/png;{};base64,[base64 image/png, 1000 bytes]",
                "a".repeat(119)
            ),
        ),
        (of(32), "[base64 image/png, 300 bytes]"),
        (of(31), &of(31)),
        // What it is, its first characters tell.
        (words_last, "[base64 data, 6144 bytes]"),
        (words_first.clone(), &words_first),
    ] {
        assert_eq!(apply(&text, &elide(&text)), expected);
    }
}

#[test]
fn all_else_stays() {
    let png = BASE64_STANDARD.encode(data(PNG, 1000));
    let hex: String = data(b"", 2000)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let signature = BASE64_URL_SAFE_NO_PAD.encode(data(b"", 512));
    let header = BASE64_URL_SAFE_NO_PAD.encode("{\"alg\":\"RS512\"}".repeat(20));
    let key = BASE64_STANDARD.encode(data(b"\x30\x82\x09\x29\x02\x01", 1000));
    for text in [
        "short: iVBORw0KGgo=".to_owned(),
        png[..252].to_owned(),
        hex.clone(),
        hex.to_uppercase(),
        format!("{header}.{header}.{signature}"),
        format!("eyJ.{png}"),
        format!("{png}.sig"),
        BASE64_STANDARD.encode("text that was encoded, ".repeat(200)),
        BASE64_STANDARD.encode("текст, закодированный ".repeat(99)),
        format!(
            "data:text/html;base64,{}",
            BASE64_STANDARD.encode("<p>text</p>".repeat(99))
        ),
        BASE64_STANDARD.encode(
            "text in UTF-16, "
                .repeat(200)
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect::<Vec<_>>(),
        ),
        // Secrets and signatures.
        BASE64_STANDARD.encode(data(b"", 512)),
        key.clone(),
        format!(
            "-----BEGIN X-----\n{}\n-----END X-----",
            wrapped(&BASE64_STANDARD.encode(data(b"", 3000)), 64, "\n")
        ),
        format!("-----BEGIN X-----\nA: b\n\n{}", wrapped(&png, 64, "\n")),
        format!("-----BEGIN X-----\\n{png}\\n-----END X-----\\n"),
        format!(
            "ssh-rsa {} me@host",
            BASE64_STANDARD.encode(data(b"\0\0\0\x07ssh-rsa\0\0\0\x03\x01\0\x01", 2000))
        ),
        // Not what it looks like.
        format!("{png}=="),
        format!("{png}data:;base64,{png}"),
        format!("{}data:;base64,{png}", &png[..1332]),
        format!("{png}{png}"),
        format!("{}A", &png[..1332]),
        "a".repeat(5000),
        "ACGT".repeat(1000),
        "data:image/png;base64,".to_owned() + &"A".repeat(4000),
        "/usr/share/LongDirectoryName1".repeat(100),
        // Protected.
        format!("```\n{png}\n```"),
        format!("@@ -1 +1 @@\n+{png}\n"),
        format!("| a | b |\n|---|---|\n| 1 | {png} |"),
    ] {
        assert_eq!(elide(&text), vec![], "{}", &text[..40.min(text.len())]);
    }
}

#[test]
fn bad_input_is_read_in_time() {
    for (text, expected) in [
        ("a".repeat(1 << 20), 0),
        ("=".repeat(1 << 20), 0),
        (("a".repeat(63) + " ").repeat(1 << 14), 0),
        (("a".repeat(64) + "\n").repeat(1 << 14), 0),
        (("a".repeat(63) + "-\n").repeat(1 << 14), 0),
        ("---BEGIN ".repeat(1 << 16) + &"a".repeat(99), 0),
        ("data:;base64,".repeat(1 << 16), 0),
        // What no line begins with, ahead of many lines.
        (
            "x".to_owned() + &" ".repeat(1 << 19) + &("a".repeat(64) + "\n").repeat(1 << 13),
            0,
        ),
        (BASE64_STANDARD.encode(data(PNG, 3 << 18)), 1),
        (
            (BASE64_STANDARD.encode(data(PNG, 192)) + "\n").repeat(1 << 12),
            1 << 12,
        ),
    ] {
        assert_eq!(elide(&text).len(), expected, "{}", &text[..40]);
    }
}

proptest! {
    #[test]
    fn laws_hold(
        around in proptest::collection::vec(samples::texts(), 4),
        blobs in proptest::collection::vec((0usize..2500, 0usize..6, any::<bool>()), 3),
    ) {
        let mut text = String::new();
        for (between, (len, shape, has_magic)) in around.iter().zip(blobs) {
            let source = BASE64_STANDARD.encode(data(if has_magic { PNG } else { b"" }, len));
            text.push_str(between);
            text.push_str(&match shape {
                0 => format!("data:image/png;base64,{source}"),
                1 => wrapped(&source, 64, "\n"),
                2 => wrapped(&source, 76, "\r\n"),
                3 => format!("\n{source}\n"),
                4 => format!("\n  {}", wrapped(&source, 64, "\n  ")),
                _ => source,
            });
        }
        text.push_str(&around[3]);
        let splices = elide(&text);
        let elided = apply(&text, &splices);
        prop_assert_eq!(elide(&elided), vec![], "{:?} {:?}", text, splices);
        for place in literal(&text) {
            prop_assert!(splices.iter().all(|splice| splice.range.end <= place.start || place.end <= splice.range.start));
        }
        prop_assert!(exact::count(Encoding::O200k, &elided) <= exact::count(Encoding::O200k, &text));
        // What says so says what it was.
        for splice in &splices {
            let mut source = text[splice.range.clone()].split(',').next_back().unwrap().to_owned();
            source.retain(|c| !c.is_ascii_whitespace() && c != '=');
            let bytes = BASE64_STANDARD_NO_PAD.decode(source).unwrap().len();
            prop_assert!(splice.text.ends_with(&format!(", {bytes} bytes]")), "{}", splice.text);
        }
    }
}
