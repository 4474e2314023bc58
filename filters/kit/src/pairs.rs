//! The ABI's serialised form of headers: `count`, then `count` pairs of lengths, then every
//! name and value followed by a NUL, all numbers 32 bits little-endian.

/// Headers as the host handed them over, read in place.
pub(crate) struct Pairs {
    bytes: Vec<u8>,
}

impl Pairs {
    /// The headers in `bytes`; what does not decode reads as the end of the list.
    pub(crate) fn new(bytes: Vec<u8>) -> Pairs {
        Pairs { bytes }
    }

    /// Names (lower case, as Envoy keeps them) and values in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let (lengths, mut texts) = self.parts().unwrap_or_default();
        let mut take = move |length: [u8; 4]| {
            let (text, rest) = texts.split_at_checked(u32::from_le_bytes(length) as usize)?;
            texts = rest.get(1..)?; // the NUL
            Some(text)
        };
        let (lengths, _) = lengths.as_chunks::<4>();
        let (pairs, _) = lengths.as_chunks::<2>();
        pairs
            .iter()
            .map_while(move |[name, value]| Some((take(*name)?, take(*value)?)))
    }

    /// The lengths, and the texts that have them.
    fn parts(&self) -> Option<(&[u8], &[u8])> {
        let (count, rest) = self.bytes.split_first_chunk()?;
        let count = u32::from_le_bytes(*count) as usize;
        rest.split_at_checked(count.checked_mul(8)?)
    }

    /// Every value of the header called `name` (lower case), in order.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.iter()
            .filter(move |(known, _)| *known == name.as_bytes())
            .map(|(_, value)| value)
    }

    /// The first value of the header called `name`; empty where there is none.
    pub(crate) fn first<'a>(&'a self, name: &'a str) -> &'a [u8] {
        self.values(name).next().unwrap_or_default()
    }
}

/// The serialised form of `headers`.
pub(crate) fn encode(headers: &[(&str, &str)]) -> Vec<u8> {
    let length = |text: &str| u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = Vec::new();
    bytes.extend(
        u32::try_from(headers.len())
            .unwrap_or(u32::MAX)
            .to_le_bytes(),
    );
    for (name, value) in headers {
        bytes.extend(length(name));
        bytes.extend(length(value));
    }
    for text in headers.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend(text.as_bytes());
        bytes.push(0);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_decodes_and_what_is_cut_ends_early() {
        let headers = [
            (":path", "/v1"),
            ("x-empty", ""),
            ("x-a", "1"),
            ("x-a", "2"),
        ];
        let bytes = encode(&headers);
        let pairs = Pairs::new(bytes.clone());
        let expected = headers.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        assert_eq!(pairs.iter().collect::<Vec<_>>(), expected);
        assert_eq!(pairs.values("x-a").collect::<Vec<_>>(), [b"1", b"2"]);
        assert_eq!(pairs.first("x-none"), b"");
        for cut in 0..bytes.len() {
            let pairs = Pairs::new(bytes[..cut].to_vec());
            let read: Vec<_> = pairs.iter().collect();
            assert_eq!(read, expected[..read.len()], "cut at {cut}");
        }
        let hostile = Pairs::new(vec![0xff; 64]);
        assert_eq!(hostile.iter().count(), 0);
    }
}
