//! Entries that come back as they were kept, and what is none.

use proptest::prelude::*;

use super::*;

const KEY: &[u8] = b"0123456789abcdef";

fn draft<'a>(headers: &'a [(&'a [u8], &'a [u8])], body: &'a [u8]) -> Draft<'a> {
    Draft {
        key: KEY,
        media: Media::Json,
        kind: Kind::Answer,
        status: 200,
        created: 1_000,
        expires: 2_000,
        usage: None,
        content_type: b"application/json",
        headers,
        body,
    }
}

fn seal() -> Seal {
    Seal::new(b"secret")
}

#[test]
fn the_form_is_what_is_documented() {
    let entry = Draft {
        media: Media::Events,
        kind: Kind::Refusal,
        status: 0x0190,
        created: 1,
        expires: 2,
        usage: Some(Usage {
            prompt: 3,
            completion: 4,
            cached: 5,
        }),
        content_type: b"T",
        ..draft(&[(b"n", b"v")], b"body")
    };
    let entry = entry.seal(&seal()).unwrap();
    let (sealed, end) = entry.bytes().split_last_chunk::<16>().unwrap();
    let mut expected = b"TGRC\x01\x01\x01\x10\x90\x01\x01\x80\x05\0\0\0".to_vec();
    for word in [1u64, 2, 3, 4] {
        expected.extend(word.to_le_bytes());
    }
    expected.extend(b"\x04\0\0\x000123456789abcdefT\x01\x01\0nvbody");
    assert_eq!(sealed, expected);
    // Pinned: what other builds and other Envoys have kept must open.
    assert_eq!(
        u128::from_le_bytes(*end),
        89_484_037_752_580_685_928_222_361_025_749_359_761
    );
}

#[test]
fn only_whole_entries_of_ones_own_open() {
    let entry = draft(&[(b"x-ms-region", b"West Europe")], b"{}");
    let entry = entry.seal(&seal()).unwrap();
    let whole = entry.bytes().to_vec();
    let open = |bytes: &[u8]| Entry::open(bytes.to_vec(), &seal(), KEY);
    assert_eq!(open(&whole), Some(entry));
    for length in 0..whole.len() {
        assert_eq!(open(&whole[..length]), None, "cut at {length}");
    }
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut other = whole.clone();
            other[at] ^= 1 << bit;
            assert_eq!(open(&other), None, "bit {bit} of byte {at}");
        }
    }
    assert_eq!(open(&[&whole[..], b"\0"].concat()), None);
    let other_secret = Seal::new(b"other");
    assert_eq!(Entry::open(whole.clone(), &other_secret, KEY), None);
    // Same beginning, same end: only the whole key counts.
    for key in [b"0123456-89abcdef".as_slice(), b"0123456789abcde", b""] {
        assert_eq!(Entry::open(whole.clone(), &seal(), key), None);
    }
}

/// Somebody with the secret may still have made nonsense: lengths that lead nowhere.
#[test]
fn a_seal_does_not_make_nonsense_an_entry() {
    let whole = draft(&[(b"name", b"value")], b"{}").seal(&seal()).unwrap();
    let whole = whole.bytes();
    let sealed = |at: usize, value: u8| {
        let mut bytes = whole.split_last_chunk::<16>().unwrap().0.to_vec();
        bytes[at] = value;
        let end = seal().of(&bytes);
        bytes.extend(end);
        Entry::open(bytes, &seal(), KEY)
    };
    let first_header = HEAD + KEY.len() + b"application/json".len();
    for (at, value) in [
        (0, b't'),
        (4, 2),
        (5, 2),
        (6, 2),
        (7, 15),
        (10, 200),
        (11, 1),
        (12, 11),
        (15, 1),
        (48, 3),
        (51, 255),
        (first_header, 3),
        (first_header, 255),
        (first_header + 2, 1),
    ] {
        assert_eq!(sealed(at, value), None, "{value} at {at}");
    }
    assert!(sealed(8, 201).is_some(), "any status goes");
}

#[test]
fn what_is_too_long_is_no_entry_and_headers_that_are_stay_behind() {
    let long = [b'a'; MAX_HEADERS];
    for (key, content_type, fits) in [
        (255, MAX_CONTENT_TYPE, true),
        (256, 1, false),
        (0, MAX_CONTENT_TYPE + 1, false),
    ] {
        let entry = Draft {
            key: &long[..key],
            content_type: &long[..content_type],
            ..draft(&[], b"")
        };
        assert_eq!(entry.seal(&seal()).is_some(), fits, "{key} {content_type}");
    }
    let headers: [(&[u8], &[u8]); 6] = [
        (&long[..256], b""),
        (b"a", &long[..2000]),
        (b"b", &long[..40]),
        (b"c", &long[..41]),
        (b"", b""),
        (b"d", b""),
    ];
    let entry = draft(&headers, b"").seal(&seal()).unwrap();
    let kept: Vec<_> = entry.headers().map(|(name, _)| name).collect();
    assert_eq!(kept, [b"a".as_slice(), b"b"]);
    let none = Entry::open(entry.bytes().to_vec(), &seal(), KEY).unwrap();
    assert_eq!(none, entry);
}

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..most)
}

proptest! {
    #[test]
    fn an_entry_comes_back_as_it_was(
        key in bytes(40),
        (is_json, is_answer) in any::<(bool, bool)>(),
        (status, created, expires) in any::<(u16, u64, u64)>(),
        usage in prop::option::of(any::<(u64, u64)>()),
        content_type in bytes(80),
        headers in prop::collection::vec((bytes(30), bytes(50)), 0..8),
        body in bytes(300),
    ) {
        let headers: Vec<_> = headers.iter().map(|(n, v)| (n.as_slice(), v.as_slice())).collect();
        let usage = usage.map(|(prompt, completion)| Usage { prompt, completion, cached: 0 });
        let media = if is_json { Media::Json } else { Media::Events };
        let kind = if is_answer { Kind::Answer } else { Kind::Refusal };
        let content_type = content_type.as_slice();
        let draft = Draft {
            key: &key, media, kind, status, created, expires, usage, content_type,
            headers: &headers, body: &body,
        };
        let made = draft.seal(&seal()).unwrap();
        let entry = Entry::open(made.bytes().to_vec(), &seal(), &key).unwrap();
        prop_assert_eq!(&entry, &made);
        prop_assert_eq!((entry.media(), entry.kind(), entry.status()), (media, kind, status));
        prop_assert_eq!((entry.created(), entry.expires()), (created, expires));
        prop_assert_eq!((entry.usage(), entry.content_type()), (usage, content_type));
        prop_assert_eq!(entry.headers().collect::<Vec<_>>(), headers);
        prop_assert_eq!((entry.key(), entry.body()), (key.as_slice(), body.as_slice()));
    }

    /// Whatever a shared store answers: no trap, and no entry.
    #[test]
    fn noise_is_no_entry(noise in bytes(200), keeps_head in any::<bool>()) {
        let mut bytes = if keeps_head { b"TGRC\x01\0\0\x10".to_vec() } else { Vec::new() };
        bytes.extend(noise);
        prop_assert_eq!(Entry::open(bytes, &seal(), KEY), None);
    }
}
