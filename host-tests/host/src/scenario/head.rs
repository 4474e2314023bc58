//! A message's head as scenarios and request files write it: a first line and a line for
//! each header.

use crate::headers::Headers;

/// Reads `POST /path` (a version may follow) and the headers after it.
///
/// `host` becomes `:authority`, as Envoy presents it; the scheme is http unless a line
/// `:scheme: https` says otherwise.
///
/// # Errors
/// A sentence about the line at fault.
pub fn request(text: &str) -> Result<Headers, String> {
    let (first, rest) = first_line(text)?;
    let mut words = first.split_ascii_whitespace();
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Err(format!(
            "`{first}` is no request line: write a method and a path, as in `POST /v1/chat`"
        ));
    };
    if let Some(version) = words.next()
        && !version.starts_with("HTTP/")
    {
        return Err(format!("`{version}` after the path is no HTTP version"));
    }
    let mut headers = Headers::new();
    headers.add(":method", method);
    headers.add(":path", path);
    for (name, value) in rest {
        let name = if name.eq_ignore_ascii_case("host") {
            ":authority"
        } else {
            name
        };
        headers.add(name, value);
    }
    if headers.value(":scheme").is_none() {
        headers.add(":scheme", "http");
    }
    Ok(headers)
}

/// Reads, as [`request`] does, a head that a client sends.
///
/// # Errors
/// Also when it names no host.
pub fn sent_request(text: &str) -> Result<Headers, String> {
    let headers = request(text)?;
    if headers.value(":authority").is_none() {
        return Err(
            "Envoy answers a request without a host 400 (missing_host_header) before any filter \
             sees it: add a line `host: example.com`"
                .to_owned(),
        );
    }
    Ok(headers)
}

/// Reads `200` or `HTTP/1.1 200 OK` and the headers after it.
///
/// # Errors
/// A sentence about the line at fault.
pub fn response(text: &str) -> Result<Headers, String> {
    let (first, rest) = first_line(text)?;
    let status = first
        .split_ascii_whitespace()
        .find(|word| !word.starts_with("HTTP/"));
    let status = status.filter(|word| word.len() == 3 && word.bytes().all(|b| b.is_ascii_digit()));
    let status = status.ok_or_else(|| {
        format!("`{first}` is no status line: write a status of three digits, as in `200`")
    })?;
    let mut headers = Headers::new();
    headers.add(":status", status);
    for (name, value) in rest {
        headers.add(name, value);
    }
    Ok(headers)
}

/// Writes a head as [`request`] or [`response`] reads it; `None` where there is neither.
pub fn text(headers: &Headers) -> Option<String> {
    let first = match (headers.get(":status"), headers.get(":method")) {
        (Some(status), _) => status.into_owned(),
        (None, Some(method)) => format!("{method} {}", headers.get(":path").unwrap_or_default()),
        (None, None) => return None,
    };
    let mut text = format!("{first}\n");
    for (name, value) in headers.iter() {
        let (name, value) = (
            String::from_utf8_lossy(name),
            String::from_utf8_lossy(value),
        );
        let name = match &*name {
            ":status" | ":method" | ":path" => continue,
            ":scheme" if value == "http" => continue,
            ":authority" => "host",
            other => other,
        };
        text.push_str(&format!("{name}: {value}\n"));
    }
    Some(text)
}

/// Reads header or trailer lines, each `name: value`.
///
/// # Errors
/// A sentence about the line at fault.
pub fn fields<'t>(lines: impl IntoIterator<Item = &'t str>) -> Result<Headers, String> {
    let mut headers = Headers::new();
    for line in lines {
        let (name, value) = field(line)?;
        headers.add(name, value);
    }
    Ok(headers)
}

type Field<'t> = (&'t str, &'t str);

fn first_line(text: &str) -> Result<(&str, Vec<Field<'_>>), String> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().ok_or("it is empty: write a first line")?;
    Ok((first, lines.map(field).collect::<Result<_, _>>()?))
}

fn field(line: &str) -> Result<Field<'_>, String> {
    // A pseudo-header's own colon comes first.
    let colon = line
        .char_indices()
        .skip(1)
        .find_map(|(at, c)| (c == ':').then_some(at));
    let (name, value) = colon
        .map(|at| (line[..at].trim(), line[at + 1..].trim()))
        .ok_or_else(|| format!("`{line}` is no header: write `name: value`"))?;
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_names_a_host() {
        // (head, whether it can be sent)
        let rows = [
            ("GET /\nhost: h", true),
            ("GET /\nHost:", true),
            ("GET /\n:authority: h", true),
            ("GET /\nx: y", false),
        ];
        for (text, can_be_sent) in rows {
            let read = sent_request(text);
            assert_eq!(read.is_ok(), can_be_sent, "{text}: {read:?}");
        }
    }

    #[test]
    fn heads_are_read_or_refused_by_line() {
        // (is a request, text, the headers or a part of the message)
        let rows = [
            (
                true,
                "POST /a?b HTTP/1.1\nhost: h\nX-A: 1: 2\n",
                Ok(":method POST|:path /a?b|:authority h|:scheme http|x-a 1: 2"),
            ),
            (
                true,
                "\n GET /\n  :scheme: https\n",
                Ok(":method GET|:path /|:scheme https"),
            ),
            (true, "GET", Err("no request line")),
            (true, "GET / x", Err("no HTTP version")),
            (true, " \n", Err("it is empty")),
            (true, "GET /\nnonsense", Err("`nonsense` is no header")),
            (false, "200", Ok(":status 200")),
            (false, "HTTP/1.1 404 Not Found\nx: ", Ok(":status 404|x ")),
            (false, "OK", Err("no status line")),
            (false, "20", Err("no status line")),
        ];
        for (is_request, text, expected) in rows {
            let read = if is_request {
                request(text)
            } else {
                response(text)
            };
            match (read, expected) {
                (Ok(headers), Ok(expected)) => {
                    let shown: Vec<_> = headers
                        .iter()
                        .map(|(name, value)| {
                            format!(
                                "{} {}",
                                String::from_utf8_lossy(name),
                                String::from_utf8_lossy(value)
                            )
                        })
                        .collect();
                    assert_eq!(shown.join("|"), expected, "{text}");
                }
                (Err(error), Err(part)) => assert!(error.contains(part), "{text}: {error}"),
                (read, _) => panic!("{text}: {read:?}"),
            }
        }
    }
}
