//! IP addresses. Four numbers with dots are as often a version or a section, so what stands
//! around them counts; of IPv6 only what is in use is taken, because `a::b` is also code.

use core::net::{Ipv4Addr, Ipv6Addr};
use core::ops::Range;

use super::Kind;
use super::number::{Gap, Number};
use crate::content_screener::bytes::Bytes;

/// Words directly before what is no address.
const NUMBERED: &[&str] = &[
    "v",
    "ver",
    "section",
    "sections",
    "sec",
    "chapter",
    "clause",
    "figure",
    "fig",
    "table",
    "appendix",
    "paragraph",
    "oid",
    "since",
];
/// Words near by that make versions of four numbers.
const VERSIONS: &[&str] = &[
    "version",
    "versions",
    "release",
    "releases",
    "build",
    "rev",
    "revision",
    "firmware",
    "driver",
    "upgrade",
    "changelog",
];
/// Words near by that make addresses of four small numbers.
const ADDRESSES: &[&str] = &[
    "ip",
    "ips",
    "ipv4",
    "address",
    "addresses",
    "addr",
    "host",
    "hostname",
    "hosts",
    "server",
    "client",
    "dns",
    "nameserver",
    "ping",
    "gateway",
    "proxy",
    "subnet",
    "ssh",
    "curl",
    "from",
    "peer",
    "remote",
    "ip地址",
    "地址",
];
/// How far before an address such words are looked for.
const NEAR: usize = 24;
/// Sections and most versions have no greater number; of addresses one in 27,000 has none.
const SMALL: u8 = 20;
/// The longest text of an IPv6 address, with an IPv4 tail.
const LONGEST_V6: usize = 45;

/// The IPv4 address that begins with the number.
pub(super) fn find_v4(number: &Number<'_>) -> Option<(Kind, Range<usize>)> {
    let text = number.text;
    let groups = number.first(4)?;
    let range = number.range(groups);
    let octets = groups.iter().all(|group| group.len() <= 3)
        && groups.iter().skip(1).all(|group| group.gap == Gap::Dot);
    if !octets || !number.begins() || !number.ends(range.end) {
        return None;
    }
    // The standard's parser refuses leading zeros and what is above 255.
    let address: Ipv4Addr = core::str::from_utf8(text.slice(range.clone()))
        .ok()?
        .parse()
        .ok()?;
    let kind = kind_of_v4(address)?;
    (!continues(text, &range) && !is_version(text, &range, address)).then_some((kind, range))
}

/// Whether the address is only a part of a name or a longer chain of numbers.
fn continues(text: Bytes<'_>, range: &Range<usize>) -> bool {
    let (first, second) = (text.before(range.start, 1), text.before(range.start, 2));
    let (next, after) = (text.at(range.end), text.at(range.end.wrapping_add(1)));
    let digit = |b: u8| b.is_ascii_digit();
    // `1.2.3.4-1` is a package; `10.0.0.1-10.0.0.9` is a range of addresses.
    let to = text.run(range.end.wrapping_add(1), 4, digit);
    let from = text.run_back(range.start.wrapping_sub(1), 4, digit);
    matches!(first, b'.' | b'_' | b'~') && second.is_ascii_alphanumeric()
        || first == b'^'
        || first == b'-' && second.is_ascii_alphanumeric() && text.before(from, 1) != b'.'
        || matches!(next, b'.' | b'_' | b'~' | b'+') && after.is_ascii_alphanumeric()
        || next == b'-' && after.is_ascii_alphanumeric() && text.at(to) != b'.'
        // `Chrome/120.0.0.0`, `foo==1.2.3.4`, `>=1.2.3.4`.
        || first == b'/' && second.is_ascii_alphabetic()
        || first == b'=' && matches!(second, b'=' | b'>' | b'<' | b'~' | b'!')
}

/// Whether it is a version, a section's number or a whole network.
fn is_version(text: Bytes<'_>, range: &Range<usize>, address: Ipv4Addr) -> bool {
    let near = range.start.saturating_sub(NEAR)..range.start;
    let behind = range.end..range.end.saturating_add(10);
    let word_end = text.run_back(range.start, 3, |b| !b.is_ascii_alphanumeric());
    let word_start = text.run_back(word_end, 12, |b| b.is_ascii_alphabetic());
    let word = text.slice(word_start..word_end);
    let numbered = NUMBERED
        .iter()
        .any(|no| no.as_bytes().eq_ignore_ascii_case(word));
    // U+00A7, the section sign.
    let section = text
        .slice_before(range.start, 3)
        .windows(2)
        .any(|b| b == "§".as_bytes());
    let network = address.octets().last() == Some(&0)
        && text.at(range.end) == b'/'
        && text.at(range.end.wrapping_add(1)).is_ascii_digit();
    let small = address.octets().iter().all(|&octet| octet < SMALL) && !address.is_private();
    // `1.1.1.1:53` and `//1.1.1.1` are addresses by what they stand in.
    let placed = text.before(range.start, 1) == b'/'
        || text.before(range.start, 1) == b'@'
        || text.at(range.end) == b':' && text.at(range.end.wrapping_add(1)).is_ascii_digit();
    numbered
        || section
        || network
        || small && !placed && !text.mentions(near.clone(), ADDRESSES)
        || text.mentions(near, VERSIONS)
        || text.mentions(behind, VERSIONS)
}

/// The IPv6 address whose second colon, at the latest, stands at `colon`.
pub(super) fn find_v6(text: Bytes<'_>, colon: usize) -> Option<(Kind, Range<usize>)> {
    let member = |b: u8| b.is_ascii_hexdigit() || b == b':';
    let start = text.run_back(colon, 12, member);
    if matches!(text.before(start, 1), b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b':' | b'.') {
        return None;
    }
    let most = LONGEST_V6.saturating_add(1);
    let mut end = text.run(start, most, |b| member(b) || b == b'.');
    // A sentence's end is not the address's.
    while matches!(text.before(end, 1), b'.' | b':') && text.before(end, 2) != b':' {
        end = end.wrapping_sub(1);
    }
    if end.saturating_sub(start) > LONGEST_V6 || text.at(end).is_ascii_alphanumeric() {
        return None;
    }
    let range = start..end;
    let address: Ipv6Addr = core::str::from_utf8(text.slice(range.clone()))
        .ok()?
        .parse()
        .ok()?;
    let kind = match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => {
            let [.., a, b, c, d] = address.octets();
            kind_of_v4(Ipv4Addr::new(a, b, c, d))?
        }
        // Documentation, RFC 3849.
        [0x2001, 0xdb8, ..] => return None,
        // What IANA has given to registries; `2024::5` is a slice in Python.
        [0x2001..=0x2003 | 0x2400..=0x2fff, ..] => Kind::Ip,
        // Unique local, link local.
        [0xfc00..=0xfdff | 0xfe80..=0xfebf, ..] => Kind::PrivateIp,
        _ => return None,
    };
    Some((kind, range))
}

/// What kind of address it is; `None` for those that name no machine: unspecified, loopback,
/// documentation, multicast, reserved and masks.
fn kind_of_v4(address: Ipv4Addr) -> Option<Kind> {
    if address.octets().first() == Some(&0)
        || address.is_loopback()
        || address.is_documentation()
        || address.octets().first() >= Some(&224)
    {
        return None;
    }
    // RFC 6598, shared by carriers' customers, is not private in `is_private`.
    let [a, b, ..] = address.octets();
    let shared = a == 100 && b & 0xc0 == 64;
    Some(
        if address.is_private() || address.is_link_local() || shared {
            Kind::PrivateIp
        } else {
            Kind::Ip
        },
    )
}
