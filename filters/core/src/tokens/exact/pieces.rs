//! Where the encodings cut text before they merge bytes: their patterns, without a regex.
//!
//! The patterns are those of OpenAI's tiktoken (`tiktoken_ext/openai_public.py`); each
//! function below gives what the pattern's first matching alternative matches.

use super::class::Class;

/// Bytes of the first piece of `text` under o200k_base; 0 only for an empty text.
///
/// With `U = [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]` and `L = [\p{Ll}\p{Lm}\p{Lo}\p{M}]` the
/// alternatives are `[^\r\n\p{L}\p{N}]?U*L+C?`, `[^\r\n\p{L}\p{N}]?U+L*C?` (where `C` is a
/// contraction), `\p{N}{1,3}`, ` ?[^\s\p{L}\p{N}]+[\r\n/]*`, `\s*[\r\n]+`, `\s+(?!\S)`, `\s+`.
pub(super) fn o200k(text: &str) -> usize {
    let Some(first) = text.chars().next() else {
        return 0;
    };
    let class = Class::of(first);
    let prefix = if class.is_prefix() {
        first.len_utf8()
    } else {
        0
    };
    let word = cased_word(after(text, prefix)).map(|len| len.wrapping_add(prefix));
    // A mark can be the prefix or, when no letter follows it, the word.
    let word = word.or_else(|| (class == Class::Mark).then(|| cased_word(text)).flatten());
    if let Some(end) = word {
        return end.wrapping_add(contraction(after(text, end)));
    }
    if class == Class::Number {
        return number(text);
    }
    signs(text, |c| matches!(c, '\r' | '\n' | '/')).unwrap_or_else(|| spaces(text))
}

/// Bytes of the first piece of `text` under cl100k_base; 0 only for an empty text.
///
/// The alternatives are a contraction, `[^\r\n\p{L}\p{N}]?+\p{L}++`, `\p{N}{1,3}+`,
/// ` ?[^\s\p{L}\p{N}]++[\r\n]*+`, `\s++$`, `\s*[\r\n]`, `\s+(?!\S)`, `\s`.
pub(super) fn cl100k(text: &str) -> usize {
    let Some(first) = text.chars().next() else {
        return 0;
    };
    let contraction = contraction(text);
    if contraction > 0 {
        return contraction;
    }
    let class = Class::of(first);
    let prefix = if class.is_prefix() {
        first.len_utf8()
    } else {
        0
    };
    let letters = run(after(text, prefix), Class::is_letter);
    if letters > 0 {
        return prefix.wrapping_add(letters);
    }
    if class == Class::Number {
        return number(text);
    }
    signs(text, |c| matches!(c, '\r' | '\n')).unwrap_or_else(|| spaces(text))
}

/// `U*L+`, else `U+L*`, at the start of `text`.
fn cased_word(text: &str) -> Option<usize> {
    // `U*` takes all it can, and gives back up to the last character that is also an `L`.
    let mut upper_end = 0;
    let mut last_uncased = None;
    for c in text.chars() {
        match Class::of(c) {
            Class::Upper => upper_end = c.len_utf8().wrapping_add(upper_end),
            Class::Uncased | Class::Mark => {
                upper_end = c.len_utf8().wrapping_add(upper_end);
                last_uncased = Some(upper_end);
            }
            Class::Lower => {
                let lower = |class| matches!(class, Class::Lower | Class::Uncased | Class::Mark);
                return Some(run(after(text, upper_end), lower).wrapping_add(upper_end));
            }
            _ => break,
        }
    }
    last_uncased.or((upper_end > 0).then_some(upper_end))
}

/// `(?i:'s|'t|'re|'ve|'m|'ll|'d)` at the start of `text`, or 0.
fn contraction(text: &str) -> usize {
    let Some(b'\'') = text.as_bytes().first() else {
        return 0;
    };
    let letter = |at: usize| text.as_bytes().get(at).map_or(0, u8::to_ascii_lowercase);
    match (letter(1), letter(2)) {
        (b's' | b't' | b'm' | b'd', _) => 2,
        (b'r' | b'v', b'e') | (b'l', b'l') => 3,
        // The long s, whose capital is S.
        (0xc5, 0xbf) => 3,
        _ => 0,
    }
}

/// `\p{N}{1,3}`.
fn number(text: &str) -> usize {
    text.chars()
        .take(3)
        .take_while(|&c| Class::of(c) == Class::Number)
        .map(char::len_utf8)
        .sum()
}

/// ` ?[^\s\p{L}\p{N}]+` and then all that `tail` accepts.
fn signs(text: &str, tail: fn(char) -> bool) -> Option<usize> {
    let space = usize::from(text.starts_with(' '));
    let signs = run(after(text, space), Class::is_sign);
    if signs == 0 {
        return None;
    }
    let end = signs.wrapping_add(space);
    let tail: usize = after(text, end)
        .chars()
        .take_while(|&c| tail(c))
        .map(char::len_utf8)
        .sum();
    Some(end.wrapping_add(tail))
}

/// `\s*[\r\n]+`, else `\s+(?!\S)`, else `\s+`.
fn spaces(text: &str) -> usize {
    let mut end = 0_usize;
    let mut line_end = 0;
    let mut last = 0;
    for c in text.chars() {
        let class = Class::of(c);
        if !class.is_space() {
            break;
        }
        last = c.len_utf8();
        end = end.wrapping_add(last);
        if class == Class::LineEnd {
            line_end = end;
        }
    }
    if line_end > 0 {
        line_end
    } else if end == text.len() || end == last {
        end
    } else {
        end.wrapping_sub(last)
    }
}

fn run(text: &str, belongs: impl Fn(Class) -> bool) -> usize {
    text.chars()
        .take_while(|&c| belongs(Class::of(c)))
        .map(char::len_utf8)
        .sum()
}

fn after(text: &str, at: usize) -> &str {
    text.get(at..).unwrap_or_default()
}
