//! E-mail addresses as people write them: RFC 5321's dot-string of the common characters, at a
//! domain whose last label can be a top-level domain. Quoted local parts and addresses of
//! internationalized mail are not known.

use core::ops::Range;

use crate::content_screener::bytes::Bytes;

/// RFC 5321, 4.5.3.1: octets of a local part, of a label and of a domain.
const LOCAL: usize = 64;
const LABEL: usize = 63;
const DOMAIN: usize = 255;

/// Country-code top-level domains, those of two letters; IANA's root zone.
const COUNTRIES: &str = "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh \
    bi bj bm bn bo br bs bt bv bw by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz \
    de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr ga gb gd ge gf gg gh gi gl gm gn gp \
    gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki \
    km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq \
    mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn \
    pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sj sk sl sm sn so sr ss st su sv sx \
    sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu \
    wf ws ye yt za zm zw";

/// What ends names of files and of code, and is no top-level domain or hardly one in mail.
const NOT_DOMAINS: &[&str] = &[
    "png",
    "jpg",
    "jpeg",
    "gif",
    "svg",
    "webp",
    "ico",
    "css",
    "scss",
    "html",
    "htm",
    "xml",
    "json",
    "yaml",
    "yml",
    "toml",
    "txt",
    "log",
    "csv",
    "pdf",
    "js",
    "mjs",
    "cjs",
    "ts",
    "tsx",
    "jsx",
    "wasm",
    "exe",
    "dll",
    "tar",
    "tgz",
    "gz",
    "bz",
    "xz",
    "whl",
    "jar",
    "deb",
    "rpm",
    "iso",
    "bin",
    "service",
    "socket",
    "timer",
    "target",
    "mount",
    "conf",
    "cfg",
    "ini",
    "lock",
    "tmp",
    "bak",
    "class",
    "java",
    "cpp",
    "hpp",
    "swift",
    "self",
    "length",
    "size",
    "value",
    "type",
    "prototype",
];

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'.' | b'_' | b'-' | b'+' | b'%' | b'\'' | b'&' | b'~')
}

fn is_domain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

/// The address whose `@` stands at `at`. Reads at most 66 bytes before it and 320 behind, and
/// none twice in two calls but for those of labels without an end.
pub(super) fn find(text: Bytes<'_>, at: usize) -> Option<Range<usize>> {
    let start = local(text, at)?;
    let end = domain(text, at.wrapping_add(1))?;
    // `git@host:path` is where a repository is; `user@host.fn(` is code.
    let after = text.at(end);
    let git = text.has(start, b"git@") && after == b':';
    (!git && after != b'(' && after != b'@').then_some(start..end)
}

/// The address that has what ends at `end` in its local part.
pub(super) fn around(text: Bytes<'_>, end: usize) -> Option<Range<usize>> {
    let at = text.run(end, LOCAL, is_local);
    (text.at(at) == b'@').then(|| find(text, at)).flatten()
}

fn local(text: Bytes<'_>, at: usize) -> Option<usize> {
    let mut start = text.run_back(at, LOCAL.wrapping_add(1), is_local);
    if at.wrapping_sub(start) > LOCAL {
        return None;
    }
    let before = text.before(start, 1);
    // A handle (`@user@host`), or the user of an URL.
    if before == b'@' || before == b'/' && text.before(start, 2) == b'/' {
        return None;
    }
    // The password of an URL: `https://user:password@host`.
    if before == b':' {
        let user = text.run_back(start.saturating_sub(1), LOCAL, is_local);
        if text.slice_before(user, 2) == b"//" {
            return None;
        }
    }
    // Quotes and dashes before an address are not part of it.
    while start < at && !(text.at(start).is_ascii_alphanumeric() || text.at(start) == b'_') {
        start = start.wrapping_add(1);
    }
    let name = text.slice(start..at);
    let dotted = name.last() == Some(&b'.') || name.windows(2).any(|pair| pair == b"..");
    (!name.is_empty() && !dotted).then_some(start)
}

/// Where the domain that begins at `start` ends.
fn domain(text: Bytes<'_>, start: usize) -> Option<usize> {
    let mut label = start;
    loop {
        let end = text.run(label, LABEL.wrapping_add(1), is_domain);
        // A dash behind a domain is the sentence's.
        let end = text.run_back(end, end.wrapping_sub(label), |b| b == b'-');
        let bytes = text.slice(label..end);
        let well_formed =
            bytes.len() <= LABEL && bytes.first().is_some_and(u8::is_ascii_alphanumeric);
        if !well_formed || end.saturating_sub(start) > DOMAIN {
            return None;
        }
        if text.at(end) != b'.' || !text.at(end.wrapping_add(1)).is_ascii_alphanumeric() {
            return (label > start && is_top_level(bytes)).then_some(end);
        }
        label = end.wrapping_add(1);
    }
}

fn is_top_level(label: &[u8]) -> bool {
    let letters = label.iter().all(u8::is_ascii_alphabetic);
    match label.len() {
        2 => COUNTRIES
            .as_bytes()
            .split(|&b| b == b' ')
            .any(|code| code.eq_ignore_ascii_case(label)),
        // The longest in the root zone has 24, encoded ones included.
        3..=24 => {
            (letters
                || label
                    .get(..4)
                    .is_some_and(|x| x.eq_ignore_ascii_case(b"xn--")))
                && !NOT_DOMAINS
                    .iter()
                    .any(|not| not.as_bytes().eq_ignore_ascii_case(label))
        }
        _ => false,
    }
}
