//! Blocks that come again, row by row, and the laws over made-up conversations.

use proptest::prelude::*;

use super::super::splice::apply;
use super::*;
use crate::tokens::{Encoding, exact};

/// The texts, each a message, after the references have taken the blocks' places.
fn refer(texts: &[impl AsRef<str>], min_bytes: usize) -> Vec<String> {
    let mut repeats = Repeats::new(min_bytes);
    (1..)
        .zip(texts)
        .map(|(message, text)| apply(text.as_ref(), &repeats.look(text.as_ref(), message)))
        .collect()
}

fn prose(name: &str, lines: std::ops::Range<usize>) -> String {
    lines
        .map(|line| {
            format!(
                "In line {line} of {name} stands that {} is {}.\n",
                line * 31 % 17,
                line * line
            )
        })
        .collect()
}

#[test]
fn later_copies_become_references() {
    let a = prose("a", 0..40);
    let (one, b) = (a.replace('\n', " "), prose("b", 0..30));
    let ref_a = r#"[Repeated text omitted: 40 lines identical to those in the previous message, from "In line 0 of a stands that 0 is 0." to "e 39 of a stands that 2 is 1521."]"#;
    for (what, texts, expected) in [
        ("the same text", vec![a.clone(), a.clone()], format!("{ref_a}\n")),
        ("inside of another", vec![a.clone(), format!("Look:\n{a}Do you see?")], format!("Look:\n{ref_a}\nDo you see?")),
        ("a line's end is none of the block", vec![a.clone(), format!("Look:\n{}", a.trim_end())], format!("Look:\n{ref_a}")),
        ("in a fence", vec![a.clone(), format!("```txt\n{a}```\n")], format!("```txt\n{ref_a}\n```\n")),
        (
            "a part",
            vec![a.clone(), prose("a", 7..31)],
            "[Repeated text omitted: 24 lines identical to those in the previous message, from \"In line 7 of a stands that 13 is 49.\" to \"e 30 of a stands that 12 is 900.\"]\n".to_owned(),
        ),
        (
            "one long line",
            vec![one.clone(), "Well.".to_owned(), one.clone()],
            "[Repeated text omitted: 1 line identical to those 2 messages earlier, from \"In line 0 of a stands that 0 is 0. In line 1 of\" to \"e 39 of a stands that 2 is 1521.\"]".to_owned(),
        ),
        (
            "in the same text",
            vec![format!("{b}{a}{b}")],
            format!("{b}{a}[Repeated text omitted: 30 lines identical to those earlier in this message, from \"In line 0 of b stands that 0 is 0.\" to \"e 29 of b stands that 15 is 841.\"]") + "\n",
        ),
        (
            "between others",
            vec![a.clone(), format!("{}changed\n{}", prose("a", 0..20), prose("a", 21..40))],
            "[Repeated text omitted: 20 lines identical to those in the previous message, from \"In line 0 of a stands that 0 is 0.\" to \"e 19 of a stands that 11 is 361.\"]\nchanged\n[Repeated text omitted: 19 lines identical to those in the previous message, from \"In line 21 of a stands that 5 is 441.\" to \"e 39 of a stands that 2 is 1521.\"]\n".to_owned(),
        ),
    ] {
        assert_eq!(refer(&texts, MIN_BYTES).last().unwrap(), &expected, "{what}");
    }
}

#[test]
fn what_is_left_alone() {
    let a = prose("a", 0..40);
    for (what, texts) in [
        ("short copies", vec![a.clone(), prose("a", 0..9)]),
        (
            "a line that is nearly the same",
            vec![a.replace('\n', ""), a.replace('\n', "") + "!"],
        ),
        ("other line ends", vec![a.clone(), a.replace('\n', "\r\n")]),
        ("fences, so many of them", vec!["```\n".repeat(400); 2]),
        ("blanks, which take few tokens", vec![" ".repeat(2000); 2]),
        ("lines of blanks", vec!["        \n".repeat(90); 2]),
        (
            "more lines than are looked through",
            vec!["line\n".repeat(lines::MAX_LINES + 1); 2],
        ),
        (
            "references",
            vec![
                "[Repeated text omitted: 12 lines identical to those in the previous message]\n"
                    .repeat(20);
                2
            ],
        ),
    ] {
        assert_eq!(refer(&texts, MIN_BYTES), texts, "{what}");
    }
}

#[test]
fn a_reference_leads_to_what_is_left_standing() {
    // The third text's block goes over a reference in the second: each part leads to the first
    // place where it stands.
    let (a, b) = (prose("a", 0..40), prose("b", 0..40));
    let texts = [a.clone(), format!("{a}{b}"), format!("{a}{b}")];
    let referred = refer(&texts, MIN_BYTES);
    assert!(referred[1].ends_with(&b), "{}", referred[1]);
    assert_eq!(referred[2].lines().count(), 2);
    assert!(
        referred[2]
            .starts_with("[Repeated text omitted: 40 lines identical to those 2 messages earlier")
    );
    assert!(
        referred[2].contains("identical to those in the previous message, from \"In line 0 of b")
    );
}

#[test]
fn texts_of_one_thing_over_and_over() {
    let referred = refer(&["all lines are the same\n".repeat(100_000)], MIN_BYTES);
    let (lines, rest) = referred[0].split_once('[').unwrap();
    assert_eq!(lines.lines().count(), 23);
    assert!(rest.starts_with("Repeated text omitted: 23 lines, 4346 times in a row, identical to those earlier in this message, from \"all"), "{rest}");
    assert!(referred[0].len() < 2000);
    let letters = "a".repeat(1 << 20);
    let referred = refer(&[&letters, &letters], MIN_BYTES);
    assert!(referred[0] == letters && referred[1].len() < 200);
}

/// So many lines of so many bytes, none like another of any `name`.
fn lines_of(name: u32, lines: usize, bytes: usize) -> String {
    let line = |line| {
        let words = format!("{line} {name} ").repeat(bytes);
        words[..bytes - 1].to_owned() + "\n"
    };
    (0..lines).map(line).collect()
}

#[test]
fn memory_is_bounded() {
    for (what, lines, bytes) in [("windows", 10_000, 60), ("bytes", 1_000, 1_000)] {
        let mut repeats = Repeats::default();
        for part in 0..16 {
            assert!(repeats.look(&lines_of(part, lines, bytes), part).is_empty());
            let stretches = repeats.stretches.iter().map(|stretch| stretch.text.len());
            assert!(stretches.sum::<usize>() <= MAX_KEPT);
            assert!(repeats.kept <= MAX_KEPT && repeats.windows.len() <= MAX_WINDOWS);
        }
        match what {
            "windows" => assert_eq!(repeats.windows.len(), MAX_WINDOWS),
            _ => assert!(repeats.kept + bytes > MAX_KEPT, "{}", repeats.kept),
        }
        // What was remembered is referred to, what came after it is not.
        let mut again = |part| repeats.look(&lines_of(part, lines, bytes), 99).len();
        assert_eq!((again(0), again(15)), (1, 0), "{what}");
    }
}

#[test]
fn a_text_of_as_many_lines_as_are_looked_through_is_referred_to() {
    let text = lines_of(1, lines::MAX_LINES, 16);
    let referred = refer(&[&text, &text], MIN_BYTES);
    assert!(referred[1].starts_with("[Repeated text omitted: 131072 lines identical"));
}

#[test]
fn a_block_has_some_length_whatever_is_asked_for() {
    let short = |lines: usize| -> String {
        (0..lines)
            .map(|line| format!("{:02x}\n", line * 37 % 256))
            .collect()
    };
    for (lines, is_referred) in [(43, true), (42, false)] {
        let text = short(lines);
        assert!(text.len().abs_diff(LEAST_MIN_BYTES) < 3);
        assert_eq!(
            refer(&[&text, &text], 0)[1] != text,
            is_referred,
            "{lines} lines"
        );
    }
}

#[test]
fn past_the_beginnings_that_are_told_apart_nothing_is_remembered() {
    // Between fences there is no block, and each line's beginning is noted.
    let apart = |name: u32, lines| lines_of(name, lines, 16).replace('\n', "\n```\n");
    let block = prose("a", 0..40);
    for (more, is_referred) in [(0, true), (60, false)] {
        let mut repeats = Repeats::default();
        let half = MAX_BEGINNINGS / 4 - 10;
        for part in 0..4 {
            repeats.look(&apart(part, half + more), 1);
        }
        repeats.look(&block, 1);
        assert_eq!(
            repeats.look(&block, 2).len(),
            usize::from(is_referred),
            "{more}"
        );
    }
}

#[test]
fn equal_hashes_of_unequal_windows_are_no_copies() {
    let (a, b) = (prose("a", 0..40), prose("b", 0..40));
    let mut repeats = Repeats::default();
    repeats.look(&a, 1);
    let windows = lines::windows(&lines::read(&b).unwrap(), MIN_BYTES);
    for window in &windows {
        repeats
            .windows
            .insert(window.hash, Place { stretch: 0, at: 0 });
    }
    assert!(repeats.look(&b, 2).is_empty());
    assert!(repeats.wasted > 0);
    repeats.wasted = MAX_WASTED + 1;
    assert!(repeats.look(&a, 3).is_empty());
}

/// Texts that are put together of the same lines again and again.
fn conversation() -> impl Strategy<Value = Vec<String>> {
    let line = prop_oneof![
        4 => (0..12usize, 0..6usize).prop_map(|(name, from)| prose(["x", "file.rs", "é"][name % 3], from..from + name)),
        1 => Just("}\n".to_owned()),
        1 => Just("```\n".to_owned()),
        1 => Just(format!("{}\n", "-".repeat(300))),
        1 => "[a-z \u{e9}\r]{0,40}\n?",
    ];
    let text = proptest::collection::vec(line, 0..12).prop_map(|parts| parts.concat());
    proptest::collection::vec(text, 0..6)
}

/// The text that a reference stands for, looked for by its words as a reader would.
fn follow(reference: &str, message: usize, earlier: &[String], before: &str) -> Option<String> {
    let rest = reference
        .strip_prefix("[Repeated text omitted: ")?
        .strip_suffix("\"]")?;
    let (lines, rest) = rest.split_once(" line")?;
    let (head, rest) = rest.split_once(", from \"")?;
    let (first, last) = rest.split_once("\" to \"")?;
    let times = head.split_once("in a row").map_or(1, |(times, _)| {
        times.split(' ').nth(1).unwrap().parse().unwrap()
    });
    let back = match head.split_once("identical to those ")?.1 {
        "earlier in this message" => 0,
        "in the previous message" => 1,
        other => other.split_once(" messages earlier")?.0.parse().ok()?,
    };
    let source = if back == 0 {
        before
    } else {
        &earlier[message - back]
    };
    let block: Vec<&str> = source
        .split('\n')
        .skip_while(|line| reference::first_words(line) != first)
        .take(lines.parse().ok()?)
        .collect();
    let block = block.join("\n");
    block
        .trim()
        .ends_with(last)
        .then(|| vec![block; times].join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn laws(texts in conversation()) {
        let min_bytes = MIN_BYTES / 4;
        let referred = refer(&texts, min_bytes);
        prop_assert_eq!(&refer(&referred, min_bytes), &referred, "idempotent");
        for (text, after) in texts.iter().zip(&referred) {
            let count = |text: &str| exact::count(Encoding::O200k, text);
            prop_assert!(count(after) <= count(text), "{}", after);
            prop_assert!(text == after || after.len() < text.len());
        }
        for len in 0..texts.len() {
            prop_assert_eq!(&refer(&texts[..len], min_bytes), &referred[..len], "prefix");
        }
    }

    #[test]
    fn references_are_followed_back(texts in conversation()) {
        let mut repeats = Repeats::new(MIN_BYTES / 4);
        let mut referred: Vec<String> = Vec::new();
        for (message, text) in texts.iter().enumerate() {
            let splices = repeats.look(text, message as u32);
            for (i, splice) in splices.iter().enumerate() {
                let before = apply(&text[..splice.range.start], &splices[..i]);
                let found = follow(&splice.text, message, &referred, &before);
                prop_assert_eq!(found.as_deref(), Some(&text[splice.range.clone()]), "{}", splice.text);
            }
            referred.push(apply(text, &splices));
        }
    }

    #[test]
    fn a_text_that_stands_whole_in_an_earlier_one_is_found(
        texts in conversation(),
        parts in proptest::collection::vec((0..20usize, 1..6usize), 3..9),
        around in ("[a-z]{0,9}", "[a-z]{0,9}"),
    ) {
        let again: String = (0..).zip(&parts).map(|(i, (from, len))| prose(&format!("z{i}"), *from..from + len)).collect();
        let source = format!("{}\n{again}{}", around.0, around.1);
        let mut all = texts.clone();
        all.extend([source, again.clone()]);
        let referred = refer(&all, MIN_BYTES / 4);
        let left = referred.last().unwrap();
        let is_long = again.len() >= MIN_BYTES;
        prop_assert!(left.lines().count() == 1 || !is_long, "{}", left);
    }
}
