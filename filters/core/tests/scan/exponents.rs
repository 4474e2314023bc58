//! Numbers as the oracle can read them: serde_json evaluates them and refuses what f64 cannot
//! hold, which RFC 8259 lets stand.

/// `body` with every exponent's digits become zeros: as long as it was, its syntax as right or
/// wrong, and no value too large.
pub fn zeroed(body: &str) -> String {
    let mut in_string = false;
    let mut is_escaped = false;
    let mut before = ['\0'; 2];
    let mut in_exponent = false;
    let zeroed = body.chars().map(|c| {
        in_string ^= c == '"' && !is_escaped;
        is_escaped = in_string && c == '\\' && !is_escaped;
        in_exponent = !in_string
            && c.is_ascii_digit()
            && (in_exponent
                || matches!(before, [mantissa, 'e' | 'E'] if mantissa.is_ascii_digit())
                || matches!(before, ['e' | 'E', '+' | '-']));
        before = [before[1], c];
        if in_exponent { '0' } else { c }
    });
    zeroed.collect()
}

#[test]
fn exponents_become_zeros_and_nothing_else_changes() {
    for (body, expected) in [
        (r#"[1e400,-2.5E+309 ,3e-7]"#, r#"[1e000,-2.5E+000 ,3e-0]"#),
        (
            r#"{"1e9":"\"2e9\\","e1":18e9}"#,
            r#"{"1e9":"\"2e9\\","e1":18e0}"#,
        ),
        (
            r#"[184467440737095516,1e+,1e9.5]"#,
            r#"[184467440737095516,1e+,1e0.5]"#,
        ),
    ] {
        assert_eq!(zeroed(body), expected);
    }
}
