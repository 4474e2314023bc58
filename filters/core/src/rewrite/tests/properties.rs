//! Streams of any texts in any pieces and chunks, against what clients make of them.

use proptest::prelude::*;

use super::oracle;
use super::*;

const ORIGINALS: [(&str, &str); 2] = [
    ("[EMAIL_1]", "ann@example.com"),
    ("[NAME_1]", "Ann \"A\" Ä"),
];

/// A piece of text: placeholders, halves of them, and everything else.
fn piece() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        3 => "[a-z ,.]{0,8}",
        3 => prop::sample::select(vec!["[EMAIL_1]", "[NAME_1]", "[EMA", "IL_1]", "[", "]", "[NAME_", "1]", "[[", "E"])
            .prop_map(str::to_owned),
        1 => "[\"\\\\\n你😀é\\[\\]]{1,4}",
        1 => prop::sample::select(vec!["bomb", "bo", "mb", " dirty ", "dirt"]).prop_map(str::to_owned),
    ];
    prop::collection::vec(part, 0..3).prop_map(|parts| parts.concat())
}

/// An event that brings a piece of a choice, of this kind of text, in one of the ways to write it.
fn event(choice: usize, kind: u8, piece: &str, is_escaped: bool) -> String {
    let mut text = serde_json::to_string(piece).unwrap();
    if is_escaped {
        text = text.replace('[', "\\u005b").replace('E', "\\u0045");
    }
    let data = match kind {
        0 => format!(r#""choices":[{{"delta":{{"content":{text}}},"index":{choice}}}]"#),
        1 => format!(r#""choices":[{{"index":{choice},"delta":{{"refusal":{text}}}}}]"#),
        2 => format!(
            r#""choices":[{{"delta":{{"tool_calls":[{{"function":{{"arguments":{text}}},"index":3}}]}},"index":{choice}}}]"#
        ),
        3 => format!(r#""choices":[{{"text":{text},"index":{choice}}}]"#),
        _ => {
            format!(r#""type":"response.output_text.delta","delta":{text},"output_index":{choice}"#)
        }
    };
    format!("data: {{\"id\":\"c1\",{data}}}\n\n")
}

/// A stream of up to three choices, each with one kind of text: where a choice begins another,
/// what was held back of the one before is sent, and a placeholder cut there stays.
fn stream() -> impl Strategy<Value = String> {
    let kinds = prop_oneof![
        3 => prop::collection::vec(0..3_u8, 3),
        1 => Just(vec![3; 3]),
        1 => Just(vec![4; 3]),
    ];
    let events = prop::collection::vec((0..3_usize, piece(), any::<bool>()), 0..12);
    (kinds, events, any::<bool>()).prop_map(|(kinds, events, is_done)| {
        let events = events
            .iter()
            .map(|(choice, piece, is_escaped)| event(*choice, kinds[*choice], piece, *is_escaped));
        let done = if is_done { "data: [DONE]\n\n" } else { "" };
        events.collect::<String>() + done
    })
}

/// Pushes the stream in chunks that end at these places, and checks after each what is held.
fn push(
    content_type: &[u8],
    stream: &str,
    edits: TextEdits,
    mut cuts: Vec<usize>,
) -> (String, Rewritten) {
    let per_text = edits.originals.longest()
        + edits
            .detect
            .as_ref()
            .map_or(0, |detect| detect.longest() + WORD + 3);
    cuts.iter_mut().for_each(|cut| *cut %= stream.len() + 1);
    cuts.sort_unstable();
    cuts.push(stream.len());
    let mut rewriter = rewriter(content_type, edits).unwrap();
    let (mut sent, mut from) = (Vec::new(), 0);
    for (at, cut) in cuts.iter().enumerate() {
        let chunk = &stream.as_bytes()[from..*cut];
        from = *cut;
        let edited = rewriter.push(chunk, at + 1 == cuts.len());
        sent.extend_from_slice(edited.as_deref().unwrap_or(chunk));
        let unfinished = match memchr::memmem::rfind(&stream.as_bytes()[..from], b"\n\n") {
            Some(end) => from - end - 2,
            None => from,
        };
        assert!(
            rewriter.held() <= unfinished + 3 * per_text,
            "{}",
            rewriter.held()
        );
    }
    (String::from_utf8(sent).unwrap(), rewriter.rewritten())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn clients_read_what_was_meant(stream in stream(), cuts in prop::collection::vec(0..4096_usize, 0..6)) {
        let (sent, rewritten) = push(SSE, &stream, unmask(), cuts);
        let meant = oracle::unmask(oracle::texts(&stream), &ORIGINALS);
        prop_assert_eq!(oracle::texts(&sent), meant);
        prop_assert_eq!(rewritten.passed, 0);
    }

    #[test]
    fn untouched_streams_stay_as_they_are(stream in stream(), cuts in prop::collection::vec(0..4096_usize, 0..6)) {
        // A bracket at the end of a piece is held back, whatever it becomes.
        let stream = stream.replace("[\"", "[.\"").replace("\\u005b\"", "\\u005b.\"");
        let mut edits = TextEdits::default();
        edits.originals.add("[Z]", "z");
        let (sent, _) = push(SSE, &stream, edits, cuts);
        prop_assert_eq!(sent, stream);
    }

    #[test]
    fn what_is_found_is_never_sent_and_what_is_sent_was_meant(
        stream in stream(),
        cuts in prop::collection::vec(0..4096_usize, 0..6),
    ) {
        let (sent, rewritten) = push(SSE, &stream, screen(), cuts.clone());
        let (read, came) = (oracle::texts(&sent), oracle::texts(&stream));
        let is_found = |text: &str| Words(&["bomb", "dirty bomb"]).find(text).is_some();
        for (name, text) in &read {
            prop_assert!(came[name].starts_with(text), "{}", text);
            // A word of which the end was not sent is judged as it was meant.
            let rest = &came[name][text.len()..];
            let is_cut = text.ends_with(char::is_alphanumeric);
            let word = rest.chars().take_while(|c| is_cut && c.is_alphanumeric());
            let sent: String = text.chars().chain(word).collect();
            prop_assert!(!is_found(&sent), "{}", sent);
        }
        prop_assert_eq!(rewritten.is_blocked, came.values().any(|text| is_found(text)));
        if !rewritten.is_blocked {
            prop_assert_eq!(&read, &came);
        }
        // However it is cut, the same is sent.
        prop_assert_eq!((sent, rewritten), push(SSE, &stream, screen(), vec![]));
    }

    #[test]
    fn documents_say_what_was_meant(
        pieces in prop::collection::vec((piece(), any::<bool>()), 0..4),
        in_json in any::<bool>(),
        cuts in prop::collection::vec(0..400_usize, 0..6),
    ) {
        let name = if in_json { "arguments" } else { "argument" };
        let values = pieces.iter().map(|(piece, is_escaped)| {
            let text = serde_json::to_string(piece).unwrap();
            let text = if *is_escaped { text.replace('[', "\\u005B").replace('M', "\\u004d") } else { text };
            format!(r#"{{"{name}": {text}}}"#)
        });
        let document = format!("[{}]", values.collect::<Vec<_>>().join(","));
        let read = |document: &str| -> oracle::Texts {
            let values: Vec<serde_json::Value> = serde_json::from_str(document).unwrap();
            let texts = values.iter().zip(0..);
            texts.map(|(value, at)| ((at, name.to_owned(), 0), value[name].as_str().unwrap().to_owned())).collect()
        };
        for edits in [unmask(), both()] {
            let (sent, _) = push(JSON, &document, edits, cuts.clone());
            prop_assert_eq!(read(&sent), oracle::unmask(read(&document), &ORIGINALS));
            if pieces.iter().all(|(piece, _)| ORIGINALS.iter().all(|(name, _)| !piece.contains(name))) {
                prop_assert_eq!(&sent, &document);
            }
        }
    }

    #[test]
    fn any_bytes_pass(bytes in prop::collection::vec(any::<u8>(), 0..200), size in 1..20_usize) {
        for content_type in [SSE, JSON] {
            let mut rewriter = rewriter(content_type, both()).unwrap();
            let mut sent = Vec::new();
            for chunk in bytes.chunks(size) {
                let edited = rewriter.push(chunk, false);
                sent.extend_from_slice(edited.as_deref().unwrap_or(chunk));
            }
            sent.extend(rewriter.push(b"", true).unwrap_or_default());
            prop_assert_eq!(&sent, &bytes);
        }
    }
}
