//! Rows of lines that are protected and of lines that are not.

use proptest::prelude::*;

use super::*;
use crate::prompt_minimizer::samples;

/// Lines of the text that are protected begin with `#` here, the others with `.`.
#[test]
fn lines_are_protected() {
    for marked in [
        ".prose\n.more prose\n.\n.end",
        // Fences.
        ".a\n#```rust\n#let x;  \n#\n#```\n.b",
        "#~~~\n#```\n#a\n#~~~~\n.b",
        "#````\n#```\n#````\n.b",
        "#   ```\n#a\n#  ``` \n.b",
        "#```\n#a\n#unclosed\n#",
        ".``` some words ` b\n.b",
        ".``\n.b",
        "#```\n#a\n#``` not the end\n#b",
        ".a\n#> ```\n#> b\n#> ```\n.c",
        "#- ```\n#  a\n#  ```\n#may be fenced",
        "#1. ~~~sh\n#   a\n#   ~~~\n#may be fenced",
        ".a\n.\n#\t```\n#b\n#\t```\n.c",
        // A fence that only one reading sees ends does not unprotect the other's.
        "#    ```\n#```\n#code  \n#```\n#after",
        // Indentation.
        ".a\n.\n#    code\n#\n#    code\n.\n.b",
        "#def f():\n#    return 1\n.\n.value = f()",
        "#a:\n#  - b\n#  - c: |\n#      d\n.e: f",
        "#all: x\n#\tcc x.c\n.\n.b",
        ". one space is no indentation\n.b",
        // Diffs.
        "#diff --git a/x b/x\n#index 1..2 100644\n#--- a/x\n#+++ b/x\n#@@ -1,3 +1,3 @@ fn\n# a\n#-b\n#+c\n#\n.end",
        ".see:\n#--- a\n#+++ b\n#@@ -1 +1 @@\n#-b  \n#+c\n#\\ No newline at end of file\n.end",
        ".see:\n#@@ -1,4 +1,4 @@\n#\n# b\n#\n#+c\n#-d\n.\n.end",
        ".--- name\n.b\n.+++ name",
        "#diff --git a/x b/x\n#GIT binary patch\n#literal 5\n#McmZQzWMT#Y01f~L\n#\n#literal 0\n#HcmV?d00001",
        // Tables.
        ".a\n#| x | y |\n#|---|---|\n#| 1 | 2 |\n.b",
        "#x | y\n#--- | :-:\n#1 | 2\n.b\n.c | d",
        "# id | name \n#----+------\n#  1 | a\n.(1 row)",
        ".a | b\n.c | d",
        // Drawings.
        ".a\n#+-----+\n#| box |\n#+-----+\n.b",
        "#┌───┐\n#│ x │\n#└───┘\n.b",
        "#  /\\_/\\\n# ( o.o )\n#  > ^ <",
        "#=====\n#Title of it\n#=====\n.b\n.c\n#=====",
        ".a (b) c\n.https://example.com/a?b=c",
    ] {
        let mut text = String::new();
        let mut expected = vec![];
        for line in marked.split_inclusive('\n') {
            let start = text.len();
            text.push_str(&line[1..]);
            // An empty last line is none.
            expected.extend((start < text.len() && line.starts_with('#')).then_some(start));
        }
        for text in [text.clone(), text.replace('\n', "\r")] {
            let places = protected(&text);
            let found: Vec<_> = lines(&text)
                .filter(|line| places.iter().any(|place| place.contains(&line.start)))
                .map(|line| line.start)
                .collect();
            assert_eq!(found, expected, "{marked}\n{places:?}");
        }
    }
}

#[test]
fn limits_of_a_drawing() {
    for (line, is_drawing) in [
        ("=".repeat(WIDEST_DRAWING), true),
        ("=".repeat(WIDEST_DRAWING + 1), false),
        ("=".repeat(FEWEST_SIGNS), true),
        ("=".repeat(FEWEST_SIGNS - 1), false),
    ] {
        let places = protected(&format!("a\n{line}\nb"));
        assert_eq!(places.len(), usize::from(is_drawing), "{line}");
    }
}

#[test]
fn bad_input_is_read_in_time() {
    for (text, expected) in [
        ("a".repeat(1 << 20), 0),
        ("|".repeat(1 << 20), 1),
        ("\n".repeat(1 << 20), 0),
        ("    a\nb\nc\n".repeat(1 << 16), 1 << 16),
        ("```\n".repeat((1 << 18) + 1), 1),
        ("> ".repeat(1 << 19), 0),
        ("--- name\n".repeat(1 << 17), 0),
        ("=====\na\n".repeat(1 << 16), 1),
        (
            format!("@@ -1,{0} +1,{0} @@\n{1}", u64::MAX, "\n".repeat(99)),
            1,
        ),
    ] {
        let places = protected(&text);
        assert_eq!(places.len(), expected, "{:?}", text.get(..20));
    }
}

proptest! {
    #[test]
    fn places_are_whole_lines_in_order(text in samples::texts()) {
        for places in [protected(&text), literal(&text)] {
            prop_assert!(places.windows(2).all(|pair| pair[0].end < pair[1].start), "{places:?}");
            for place in &places {
                prop_assert!(place.start < place.end && text.get(place.clone()).is_some());
                let is_start = |at: usize| at == text.len() || lines(&text).any(|line| line.start == at);
                prop_assert!(is_start(place.start) && is_start(place.end));
            }
        }
        let all = protected(&text);
        for place in literal(&text) {
            prop_assert!(all.iter().any(|one| one.start <= place.start && place.end <= one.end));
        }
    }

    /// What is fenced by the letter of CommonMark is protected, whatever stands around it.
    #[test]
    fn what_a_fence_holds_is_protected(before in "[a-z \n]{0,40}", inner in samples::texts(), after in samples::texts()) {
        // Longer than any in the text.
        let text = format!("{before}\n~~~~~~~~~\n{inner}\n~~~~~~~~~\n{after}");
        let fenced = before.len() + 1..before.len() + 22 + inner.len();
        prop_assert!(protected(&text).iter().any(|place| place.start <= fenced.start && fenced.end <= place.end));
    }
}
