//! JSON as a person reads it.

/// Valid JSON with a line for each member, everything but the white space as it was: keys
/// in their order, numbers with their digits.
pub fn indented(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    let (mut in_string, mut escaped) = (false, false);
    let mut opened = false;
    for c in json.chars() {
        if in_string {
            out.push(c);
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        if c.is_whitespace() {
            continue;
        }
        let closes = matches!(c, '}' | ']');
        if closes {
            depth = depth.saturating_sub(1);
        }
        // An empty object or array stays on its line.
        if closes != opened {
            line(&mut out, depth);
        }
        opened = matches!(c, '{' | '[');
        depth += usize::from(opened);
        out.push(c);
        match c {
            '"' => in_string = true,
            ',' => line(&mut out, depth),
            ':' => out.push(' '),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_indented_and_nothing_else() {
        let text = r#"{"b":1.00,"a":[],"c":[ {"d":"\\\"{,"},{} ]}"#;
        let expected = concat!(
            "{\n  \"b\": 1.00,\n  \"a\": [],\n  \"c\": [\n    {\n",
            "      \"d\": \"\\\\\\\"{,\"\n    },\n    {}\n  ]\n}"
        );
        assert_eq!(indented(text), expected);
        assert_eq!(indented("[]"), "[]");
    }
}
