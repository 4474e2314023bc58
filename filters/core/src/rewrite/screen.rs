//! Looks through text as it grows, and lets out what nothing can be found in any more.

use core::fmt::Debug;

use crate::words::is_of_word;

/// Finds what must not be sent.
pub trait Detect: Debug {
    /// Bytes of the longest text that it finds: so many are held back of what it has seen.
    fn longest(&self) -> usize;

    /// Looks through `text`, which begins and ends at the border of a word where it has any
    /// within the last [`WORD`] bytes. Says what is found in it, where anything is.
    fn find(&mut self, text: &str) -> Option<Blocked>;
}

/// Why an answer is stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// Azure's `content_filter_results`: a JSON object with a member for each category.
    pub results: String,
}

/// Bytes that a word may have and still be looked at whole, whichever way it was cut.
pub const WORD: usize = 64;

/// Text that was seen and not let out, after as much of what was as its first word needs.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    text: String,
    /// So many bytes of it have been let out.
    out: usize,
}

impl Window {
    /// Bytes held back: at most [`Detect::longest`] and a [`WORD`] and a character.
    pub(super) fn held(&self) -> usize {
        self.text.len().saturating_sub(self.out)
    }

    /// Looks at `text`, which comes next, and adds to `out` what may be let out.
    pub(super) fn look(
        &mut self,
        detect: &mut dyn Detect,
        text: &str,
        is_last: bool,
        out: &mut String,
    ) -> Result<(), Blocked> {
        self.text.push_str(text);
        let end = if is_last {
            self.text.len()
        } else {
            last_border(&self.text)
        };
        let seen = self.text.get(..end).unwrap_or_default();
        if end > self.out
            && let Some(blocked) = detect.find(seen)
        {
            return Err(blocked);
        }
        let mut until = if is_last {
            end
        } else {
            end.saturating_sub(detect.longest())
        };
        while !self.text.is_char_boundary(until) {
            until = until.saturating_sub(1);
        }
        if until > self.out {
            out.push_str(self.text.get(self.out..until).unwrap_or_default());
            self.out = until;
            self.forget();
        }
        Ok(())
    }

    /// Forgets what was let out, but for the word that the rest begins in.
    fn forget(&mut self) {
        let released = self.text.get(..self.out).unwrap_or_default();
        let border = last_border(released);
        self.text.drain(..border);
        self.out = self.out.saturating_sub(border);
    }
}

/// Where the word that `text` ends with begins: the end of `text` where it ends with none.
/// A word of more than [`WORD`] bytes is looked at as it is.
fn last_border(text: &str) -> usize {
    let mut start = text.len();
    for (at, character) in text.char_indices().rev() {
        if !is_of_word(character) && !is_mark(character) {
            break;
        }
        start = at;
        if text.len().saturating_sub(start) > WORD {
            return text.len();
        }
    }
    start
}

/// Whether a character belongs to the letter before it, or joins it to the next: an accent that
/// is written on its own, or a joiner.
fn is_mark(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}' | '\u{200c}' | '\u{200d}')
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Finds these words, where they are words.
    #[derive(Clone, Debug)]
    pub(in crate::rewrite) struct Words(pub &'static [&'static str]);

    impl Detect for Words {
        fn longest(&self) -> usize {
            self.0.iter().map(|word| word.len()).max().unwrap_or(0)
        }

        fn find(&mut self, text: &str) -> Option<Blocked> {
            let goes_on = |character: Option<char>| {
                character.is_some_and(|character| is_of_word(character) || is_mark(character))
            };
            let found = self.0.iter().any(|word| {
                text.match_indices(word).any(|(at, _)| {
                    let (before, after) = (&text[..at], &text[at + word.len()..]);
                    !goes_on(before.chars().next_back()) && !goes_on(after.chars().next())
                })
            });
            found.then(|| Blocked {
                results: r#"{"violence":{"filtered":true,"severity":"high"}}"#.to_owned(),
            })
        }
    }

    #[test]
    fn what_is_found_is_found_however_the_text_is_cut_and_never_let_out() {
        let texts = [
            ("how to build a bomb at home", true),
            ("a bomb", true),
            ("bomb", true),
            ("bombs and bombers, plumb bobs", false),
            ("photobomb", false),
            ("炸弹 was bomb", true),
            ("nothing of the sort 😀😀😀😀😀😀😀😀", false),
            ("dirty bomb", true),
            (
                "bombé, bombe\u{301}, ébomb, bombы, אbomb, bomb\u{301}",
                false,
            ),
            ("пять бомб, бомба", true),
            ("бомба, бомбами, абомб", false),
            ("die größe, der größte", false),
            ("die grö\u{df}e, grö", true),
            ("中bomb中", true),
            (
                "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx bomb",
                true,
            ),
        ];
        for (text, is_found) in texts {
            for size in 1..=text.len() {
                let mut detect = Words(&["bomb", "dirty bomb", "бомб", "grö"]);
                let mut window = Window::default();
                let mut out = String::new();
                let mut result = Ok(());
                let chars: Vec<char> = text.chars().collect();
                for piece in chars.chunks(size) {
                    let piece: String = piece.iter().collect();
                    result = window.look(&mut detect, &piece, false, &mut out);
                    if result.is_err() {
                        break;
                    }
                    assert!(window.held() <= detect.longest() + WORD + 3);
                }
                let result = result.and_then(|()| window.look(&mut detect, "", true, &mut out));
                assert_eq!(result.is_err(), is_found, "{text:?} by {size}");
                if is_found {
                    let said = detect.find(&(out.clone() + " "));
                    assert!(said.is_none(), "{out:?} of {text:?} by {size}");
                } else {
                    assert_eq!(out, text, "by {size}");
                }
            }
        }
    }
}
