//! The counts of ASCII text by their definitions, one word at a time: the oracle of the
//! bit-parallel ones.

use super::features::Counts;

/// What `Features` should count in `text`, which is ASCII.
pub(super) fn counts(text: &[u8]) -> Counts {
    let mut counts = Counts::default();
    let at = |i: usize, back: usize| i.checked_sub(back).map_or(0, |i| text[i]);
    let blank = |b: u8| matches!(b, b' ' | b'\t' | b'\n'..=b'\r');
    let mark = |b: u8| b != 0 && !b.is_ascii_alphanumeric() && !blank(b);
    let runs = |belongs: &dyn Fn(u8) -> bool| {
        let mut found: Vec<(usize, usize)> = Vec::new();
        for (i, _) in text.iter().enumerate().filter(|&(_, &b)| belongs(b)) {
            match found.last_mut() {
                Some((start, len)) if *start + *len == i => *len += 1,
                _ => found.push((i, 1)),
            }
        }
        found
    };
    let longer = |counts: &mut [u32], len: usize| {
        for (k, count) in counts.iter_mut().enumerate() {
            *count += u32::from(len > k + 1);
        }
    };
    let count =
        |belongs: &dyn Fn(usize) -> bool| (0..text.len()).filter(|&i| belongs(i)).count() as u32;

    for (start, len) in runs(&|b| b.is_ascii_alphabetic()) {
        let mut first = true;
        let mut from = start;
        for i in start + 1..=start + len {
            let camel =
                i < start + len && text[i].is_ascii_uppercase() && text[i - 1].is_ascii_lowercase();
            if !camel && i < start + len {
                continue;
            }
            counts.words[0] += 1;
            longer(&mut counts.longer, i - from);
            counts.unbroken[0] += (i - from).saturating_sub(16) as u32;
            if first && at(start, 1) != b' ' {
                counts.glued[0] += 1;
                longer(&mut counts.glued[1..], i - from);
            }
            first = false;
            from = i;
        }
        let lone_mark = mark(at(start, 1)) && !mark(at(start, 2)) && at(start, 2) != b' ';
        counts.marked[0] += u32::from(lone_mark);
    }
    counts.capitals[0] = count(&|i| text[i].is_ascii_uppercase());
    counts.capitals[1] = count(&|i| text[i].is_ascii_uppercase() && at(i, 1).is_ascii_uppercase());
    for (start, len) in runs(&|b| b.is_ascii_digit()) {
        counts.digits[0] += len as u32;
        counts.numbers[0] += 1;
        counts.long_numbers[0] += u32::from(len > 3);
        counts.spaced_numbers[0] += u32::from(at(start, 1) == b' ');
    }
    for (_, len) in runs(&|b| b == b' ') {
        counts.indents[0] += u32::from(len > 1);
        counts.indents[1] += len as u32 - 1;
    }
    for (start, len) in runs(&|b| matches!(b, b'\n'..=b'\r')) {
        counts.newlines[0] += len as u32;
        counts.newlines[1] += 1;
        counts.newlines[2] += u32::from(mark(at(start, 1)));
    }
    for (_, len) in runs(&|b| b == b'\t') {
        counts.tabs[0] += len as u32;
        counts.tabs[1] += 1;
    }
    for (_, len) in runs(&mark) {
        counts.marks[0] += len as u32;
        counts.marks[1] += 1;
        longer(&mut counts.mark_longer, len);
    }
    for (start, len) in runs(&|b| b.is_ascii_alphanumeric() || matches!(b, b'+'..=b'/')) {
        for (i, &b) in text.iter().enumerate().take(start + len).skip(start + 15) {
            let class = |b: u8| {
                (
                    b.is_ascii_uppercase(),
                    b.is_ascii_lowercase(),
                    b.is_ascii_digit(),
                )
            };
            counts.runs[0] += 1;
            counts.runs[1] += u32::from(b.is_ascii_uppercase());
            counts.runs[2] += u32::from(b.is_ascii_digit());
            counts.runs[3] += u32::from(b.is_ascii_alphanumeric() && class(b) != class(at(i, 1)));
        }
    }
    counts
}
