//! Passwords in the addresses of databases and queues: `postgres://user:password@host/name`.

use core::ops::Range;

use crate::content_screener::bytes::Bytes;

/// What examples have in the password's place.
const FILLERS: &[&str] = &[
    "password",
    "passwd",
    "pass",
    "pwd",
    "pw",
    "secret",
    "user",
    "username",
    "guest",
    "root",
    "postgres",
    "admin",
    "example",
    "changeme",
    "mypassword",
    "yourpassword",
    "your_password",
    "your-password",
    "db_password",
    "dbpassword",
    "xxx",
    "xxxx",
    "test",
    "token",
];
const LONGEST: usize = 128;

/// The password of the address that begins at `start`. Reads 300 bytes at most.
pub(super) fn password(text: Bytes<'_>, start: usize) -> Option<Range<usize>> {
    let scheme_end = text.run(start, 16, |b| b != b':');
    let user = scheme_end.saturating_add(b"://".len());
    let colon = text.run(user, LONGEST, |b| is_plain(b) && b != b':');
    let from = colon.saturating_add(1);
    let end = text.run(from, LONGEST, is_plain);
    let value = text.slice(from..end);
    let filler = FILLERS
        .iter()
        .any(|f| f.as_bytes().eq_ignore_ascii_case(value))
        || value
            .first()
            .is_none_or(|b| matches!(b, b'$' | b'{' | b'[' | b'*' | b'%' | b'.'));
    let host = text.at(end.saturating_add(1));
    (text.at(colon) == b':'
        && text.at(end) == b'@'
        && (host.is_ascii_alphanumeric() || host == b'[')
        && value.len() >= 3
        && !filler)
        .then_some(from..end)
}

/// What may stand in a user's name or a password; others have to be percent-encoded.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(
            byte,
            b'@' | b'/' | b'"' | b'\'' | b'<' | b'>' | b'`' | b'\\'
        )
}
