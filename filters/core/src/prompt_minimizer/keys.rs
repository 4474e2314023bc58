//! Whether the members of an object have different names.

use crate::json::{Error, Unescaped, unescape};

/// A text is not what a transform can read, and stays as it is.
pub struct LeftAlone;

impl From<Error> for LeftAlone {
    fn from(_: Error) -> LeftAlone {
        LeftAlone
    }
}

/// Names remembered at once, of all open objects: half a megabyte.
const MOST_NAMES: usize = 65_536;

/// The names of the open objects' members.
///
/// Hashes stand for them: two names of one hash are taken for one, and the text is left alone,
/// so whoever finds such names gains nothing. They are sorted when their object ends, not put
/// into a table that chosen names would make slow.
#[derive(Default)]
pub struct Keys {
    /// Those of the outermost object first.
    hashes: Vec<u64>,
    /// Where the names of each open object begin.
    objects: Vec<usize>,
}

impl Keys {
    /// An object opens inside the last one.
    pub fn open(&mut self) {
        self.objects.push(self.hashes.len());
    }

    /// The innermost object has a member of this name, as it stands between its quotes.
    ///
    /// # Errors
    /// When there are too many to remember.
    pub fn add(&mut self, name: &[u8], escaped: bool) -> Result<(), LeftAlone> {
        if self.hashes.len() >= MOST_NAMES {
            return Err(LeftAlone);
        }
        self.hashes.try_reserve(1).map_err(|_| LeftAlone)?;
        self.hashes.push(match escaped {
            false => hash(START, name),
            true => hash_unescaped(name),
        });
        Ok(())
    }

    /// The innermost object ends.
    ///
    /// # Errors
    /// When two of its names are one.
    pub fn close(&mut self) -> Result<(), LeftAlone> {
        let start = self.objects.pop().unwrap_or_default();
        let names = self.hashes.get_mut(start..).unwrap_or_default();
        names.sort_unstable();
        let are_distinct = names.windows(2).all(|pair| pair.first() != pair.last());
        self.hashes.truncate(start);
        are_distinct.then_some(()).ok_or(LeftAlone)
    }
}

/// FNV-1a of 64 bits: short names are its strength, and it takes them in any pieces.
const START: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

fn hash(before: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(before, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(PRIME)
    })
}

fn hash_unescaped(name: &[u8]) -> u64 {
    unescape(name).fold(START, |before, run| match run {
        Unescaped::Bytes(bytes) => hash(before, bytes),
        Unescaped::Char(character) => hash(before, character.encode_utf8(&mut [0; 4]).as_bytes()),
    })
}
