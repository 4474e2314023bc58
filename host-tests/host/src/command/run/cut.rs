//! Into which pieces a body is cut.

use std::str::FromStr;

use tollgate_host::random;

/// A way to cut a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cut {
    /// In one piece.
    Whole,
    /// A piece for each byte.
    Bytes,
    /// Pieces of these sizes, and the rest.
    Sizes(Vec<usize>),
    /// Pieces of sizes that follow from this seed.
    Random(u64),
}

/// Random pieces are shorter than this; a small body is cut too, a large one does not
/// become a million pieces.
const MOST_PIECES: u64 = 8;

impl FromStr for Cut {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is none of whole, bytes, sizes such as 5,3,7, random:SEED");
        match text {
            "whole" => Ok(Self::Whole),
            "bytes" => Ok(Self::Bytes),
            _ => {
                if let Some(seed) = text.strip_prefix("random:") {
                    return seed.parse().map(Self::Random).map_err(|_| wrong());
                }
                let sizes: Result<Vec<usize>, _> =
                    text.split(',').map(|size| size.trim().parse()).collect();
                let sizes = sizes.map_err(|_| wrong())?;
                if sizes.contains(&0) {
                    return Err("a piece has at least one byte".to_owned());
                }
                Ok(Self::Sizes(sizes))
            }
        }
    }
}

impl Cut {
    /// The pieces, none of them empty.
    pub fn cut(&self, body: &[u8]) -> Vec<Vec<u8>> {
        let mut pieces = Vec::new();
        let mut rest = body;
        let mut state = if let Self::Random(seed) = self {
            *seed
        } else {
            0
        };
        let mut sizes = match self {
            Self::Sizes(sizes) => sizes.iter().copied(),
            _ => [].iter().copied(),
        };
        let most = (body.len() as u64 * 2 / MOST_PIECES).max(1);
        while !rest.is_empty() {
            let size = match self {
                Self::Whole => rest.len(),
                Self::Bytes => 1,
                Self::Sizes(_) => sizes.next().unwrap_or(rest.len()),
                Self::Random(_) => (random::next(&mut state) % most) as usize + 1,
            };
            let (piece, behind) = rest.split_at(size.min(rest.len()));
            pieces.push(piece.to_vec());
            rest = behind;
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cut_keeps_every_byte() {
        let rows = [
            ("whole", Some(vec![10])),
            ("bytes", Some(vec![1; 10])),
            ("5,3,7", Some(vec![5, 3, 2])),
            ("4", Some(vec![4, 6])),
            ("random:1", None),
            ("random:2", None),
        ];
        for (text, sizes) in rows {
            let cut: Cut = text.parse().unwrap();
            let pieces = cut.cut(b"0123456789");
            assert_eq!(pieces.concat(), b"0123456789", "{text}");
            assert!(pieces.iter().all(|piece| !piece.is_empty()), "{text}");
            assert_eq!(pieces, cut.cut(b"0123456789"), "{text}");
            if let Some(sizes) = sizes {
                let cut: Vec<_> = pieces.iter().map(Vec::len).collect();
                assert_eq!(cut, sizes, "{text}");
            }
            assert!(cut.cut(b"").is_empty());
        }
        for wrong in ["", "half", "5,", "0,1", "-1", "random:", "random:x"] {
            assert!(wrong.parse::<Cut>().is_err(), "{wrong}");
        }
    }
}
