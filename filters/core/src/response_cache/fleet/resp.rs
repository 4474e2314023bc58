//! Redis's own protocol, as far as replies to what is asked need it.
//!
//! What is read came over a network and may be cut off or something else; see
//! <https://redis.io/docs/latest/develop/reference/protocol-spec/>.

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply<'a> {
    /// `+OK`: done.
    Done,
    /// `-…`: an error.
    Failed,
    /// The values that are there, in the order they were asked for. Webdis 0.1.9 leaves out those
    /// that are not, where Redis says so, so that their places mean nothing.
    Values(Vec<&'a [u8]>),
}

/// The reply that `bytes` are; `None` where they are none, or more.
pub fn read(bytes: &[u8]) -> Option<Reply<'_>> {
    let (line, mut rest) = line(bytes)?;
    let (kind, number) = line.split_first()?;
    match kind {
        b'+' => rest.is_empty().then_some(Reply::Done),
        b'-' => Some(Reply::Failed),
        b'$' => {
            let value = bulk(number, &mut rest)?;
            rest.is_empty()
                .then_some(Reply::Values(value.into_iter().collect()))
        }
        b'*' => {
            let most = length(number)?;
            let mut values = Vec::new();
            for _ in 0..most {
                if rest.is_empty() {
                    break;
                }
                let (head, after) = self::line(rest)?;
                rest = after;
                values.extend(bulk(head.strip_prefix(b"$")?, &mut rest)?);
            }
            rest.is_empty().then_some(Reply::Values(values))
        }
        _ => None,
    }
}

/// The value whose length is `number`, which `rest` begins with; `Some(None)` where there is none.
fn bulk<'a>(number: &[u8], rest: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    if number == b"-1" {
        return Some(None);
    }
    let (value, after) = rest.split_at_checked(length(number)?)?;
    *rest = after.strip_prefix(b"\r\n")?;
    Some(Some(value))
}

fn length(digits: &[u8]) -> Option<usize> {
    core::str::from_utf8(digits).ok()?.parse().ok()
}

/// The first line, and what follows it.
fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.windows(2).position(|two| two == b"\r\n")?;
    let (line, rest) = bytes.split_at_checked(end)?;
    Some((line, rest.get(2..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read_whole_or_not_at_all() {
        let values = |values: &[&'static [u8]]| Some(Reply::Values(values.to_vec()));
        let rows: [(&[u8], Option<Reply>); 20] = [
            (b"+OK\r\n", Some(Reply::Done)),
            (b"-ERR no\r\n", Some(Reply::Failed)),
            (b"-OOM command not allowed\r\n", Some(Reply::Failed)),
            (b"$-1\r\n", values(&[])),
            (b"$3\r\na\r\n\r\n", values(&[b"a\r\n"])),
            (b"$0\r\n\r\n", values(&[b""])),
            (
                b"*3\r\n$1\r\na\r\n$-1\r\n$2\r\nbc\r\n",
                values(&[b"a", b"bc"]),
            ),
            // As Webdis writes what is not there.
            (b"*3\r\n$2\r\nbc\r\n", values(&[b"bc"])),
            (b"*2\r\n", values(&[])),
            (b"*0\r\n", values(&[])),
            (b"", None),
            (b"+OK", None),
            (b"$4\r\nabc\r\n", None),
            (b"$2\r\nabc\r\n", None),
            (b"$99999999999999999999\r\n", None),
            (b"*1\r\n$1\r\na\r\n$1\r\nb\r\n", None),
            (b"*1\r\n:1\r\n", None),
            (b"*99999999999999\r\n$1\r\na", None),
            (b"{\"MGET\":[null]}", None),
            (b"<html>\r\n", None),
        ];
        for (bytes, expected) in rows {
            assert_eq!(read(bytes), expected, "{:?}", core::str::from_utf8(bytes));
        }
    }

    #[test]
    fn what_is_cut_off_is_no_reply() {
        let whole = b"*2\r\n$3\r\nabc\r\n$2\r\nde\r\n";
        for end in 0..whole.len() {
            let read = read(&whole[..end]);
            // Where a value ends nobody can tell that another was to follow.
            let is_whole = matches!(&read, Some(Reply::Values(values)) if values.len() < 2);
            assert!(
                read.is_none() || is_whole && [4, 13].contains(&end),
                "{end}"
            );
        }
    }
}
