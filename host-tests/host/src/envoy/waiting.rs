//! How long a client is told to wait, in the words of OpenAI's and Azure's rate limits, without
//! the fractions of a second that no two clocks have the same.

use crate::headers::Headers;
use crate::message::Received;

const MILLISECONDS: &str = "retry-after-ms";
const DURATIONS: [&str; 2] = ["x-ratelimit-reset-requests", "x-ratelimit-reset-tokens"];
/// In the message of OpenAI's error; a full stop follows the duration.
const WORDS: &str = "Please try again in ";

/// Rounds every such time up to whole seconds.
pub fn round_up(message: &mut Received) {
    if let Some(headers) = &mut message.headers {
        replace(headers, MILLISECONDS, |text| {
            Some(text.parse::<u64>().ok()?.div_ceil(1000))
        });
        for name in DURATIONS {
            replace(headers, name, seconds);
        }
    }
    let body = String::from_utf8_lossy(&message.body);
    let Some((before, rest)) = body.split_once(WORDS) else {
        return;
    };
    let end = rest.find(['"', ' ']).unwrap_or(rest.len());
    let duration = rest[..end].trim_end_matches('.');
    if let Some(seconds) = seconds(duration) {
        let rest = &rest[duration.len()..];
        let rounded = format!("{before}{WORDS}{seconds}s{rest}");
        if let Some(headers) = &mut message.headers
            && headers.value("content-length").is_some()
        {
            headers.set("content-length", rounded.len().to_string());
        }
        message.body = rounded.into_bytes();
    }
}

fn replace(headers: &mut Headers, name: &str, read: impl Fn(&str) -> Option<u64>) {
    let text = headers.value(name).map(String::from_utf8_lossy);
    if let Some(seconds) = text.and_then(|text| read(&text)) {
        headers.set(name, seconds.to_string());
    }
}

/// Whole seconds, rounded up, of a duration such as `120ms`, `1.271s` or `6m0s`.
fn seconds(duration: &str) -> Option<u64> {
    if let Some(milliseconds) = duration.strip_suffix("ms") {
        return Some(milliseconds.parse::<u64>().ok()?.div_ceil(1000));
    }
    let (minutes, rest) = duration.split_once('m').unwrap_or(("0", duration));
    let (whole, fraction) = {
        let seconds = rest.strip_suffix('s')?;
        seconds.split_once('.').unwrap_or((seconds, ""))
    };
    let up = u64::from(fraction.parse::<u64>().is_ok_and(|fraction| fraction > 0));
    Some(minutes.parse::<u64>().ok()? * 60 + whole.parse::<u64>().ok()? + up)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_rounded_up() {
        let rows = [
            ("0ms", Some(0)),
            ("120ms", Some(1)),
            ("1.271s", Some(2)),
            ("6s", Some(6)),
            ("6m0s", Some(360)),
            ("1m5.5s", Some(66)),
            ("6", None),
            ("", None),
            ("ms", None),
        ];
        for (duration, expected) in rows {
            assert_eq!(seconds(duration), expected, "{duration}");
        }
    }

    #[test]
    fn only_what_tells_to_wait_is_changed() {
        let mut message = Received {
            headers: Some(Headers::from([
                ("content-length", "43"),
                ("retry-after", "6"),
                ("retry-after-ms", "5997"),
                ("x-ratelimit-reset-requests", "5.9s"),
                ("x-ratelimit-reset-tokens", "7"),
            ])),
            body: b"... Limit 10. Please try again in 5.998s.\",".to_vec(),
            ..Received::default()
        };
        round_up(&mut message);
        let headers = message.headers.as_ref().unwrap();
        for (name, value) in [
            ("content-length", "39"),
            ("retry-after", "6"),
            ("retry-after-ms", "6"),
            ("x-ratelimit-reset-requests", "6"),
            ("x-ratelimit-reset-tokens", "7"),
        ] {
            assert_eq!(headers.value(name), Some(value.as_bytes()), "{name}");
        }
        assert_eq!(message.body, b"... Limit 10. Please try again in 6s.\",");
    }
}
