//! A host function as scripts call it: parameters as they are written, results as they are
//! shown.

use crate::show;

/// A function the host offers.
pub struct Function {
    /// As it is imported.
    pub name: &'static str,
    /// How many parameters it has, places for results included.
    pub parameters: usize,
    /// What it writes where its last parameters point.
    pub output: Output,
    /// Calls it; `None` when the number of parameters is another.
    pub call: fn(&[u64]) -> Option<u32>,
}

/// What a function writes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Nothing.
    Nothing,
    /// Where bytes are and how many.
    Bytes,
    /// Where pairs are and their size.
    Pairs,
    /// A number of 32 bits.
    Number,
    /// A number of 64 bits.
    Long,
    /// Two numbers of 32 bits.
    TwoNumbers,
    /// Bytes, then a number.
    BytesAndNumber,
    /// A number, then bytes.
    NumberAndBytes,
    /// WASI's list of texts: pointers in one place, the texts in another.
    Texts,
    /// WASI's `fdstat`, of which the rights are shown.
    FileStatus,
}

/// Room for one result; the largest is the environment.
const PLACE_BYTES: usize = 1024;
const MOST_PLACES: usize = 3;

/// Where functions write their results.
pub struct Places(Box<[[u8; PLACE_BYTES]; MOST_PLACES]>);

impl Output {
    /// How many parameters say where to write.
    pub fn places(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Number | Self::Long | Self::FileStatus => 1,
            Self::Bytes | Self::Pairs | Self::TwoNumbers | Self::Texts => 2,
            Self::BytesAndNumber | Self::NumberAndBytes => 3,
        }
    }
}

impl Places {
    /// Empty ones.
    pub fn new() -> Self {
        Self(Box::new([[0; PLACE_BYTES]; MOST_PLACES]))
    }

    /// Their addresses.
    pub fn addresses(&mut self) -> impl Iterator<Item = u64> + '_ {
        self.0.iter_mut().map(|place| place.as_mut_ptr() as u64)
    }

    /// The number in the first place.
    pub fn first_number(&self) -> u64 {
        self.long(0)
    }

    /// What was written, as a log line shows it.
    pub fn show(&self, output: Output) -> String {
        match output {
            Output::Nothing => String::new(),
            Output::Bytes => show::bytes(self.bytes(0)),
            Output::Pairs => show::pairs(self.bytes(0)),
            Output::Number | Output::Long => self.long(0).to_string(),
            Output::TwoNumbers => format!("{} {}", self.number(0), self.number(1)),
            Output::BytesAndNumber => format!("{} {}", show::bytes(self.bytes(0)), self.number(2)),
            Output::NumberAndBytes => format!("{} {}", self.number(0), show::bytes(self.bytes(1))),
            Output::Texts => {
                let end = self.0[1].iter().rposition(|byte| *byte != 0);
                show::bytes(&self.0[1][..end.map_or(0, |end| end + 1)])
            }
            // `fs_rights_base` is the second word of 8 bytes.
            Output::FileStatus => {
                let rights = self.0[0][8..16].try_into();
                format!("rights={}", u64::from_le_bytes(rights.unwrap_or_default()))
            }
        }
    }

    fn number(&self, place: usize) -> u32 {
        self.long(place) as u32
    }

    fn long(&self, place: usize) -> u64 {
        let bytes = self.0[place][..8].try_into();
        u64::from_le_bytes(bytes.unwrap_or_default())
    }

    /// The bytes that pointer and length in these two places are about.
    fn bytes(&self, place: usize) -> &[u8] {
        let (address, length) = (self.number(place), self.number(place + 1));
        if address == 0 {
            return &[];
        }
        let pointer = address as usize as *const u8;
        #[allow(unsafe_code, reason = "the host hands over addresses")]
        // SAFETY: the host allocated these bytes here and wrote them; nothing frees them.
        unsafe {
            std::slice::from_raw_parts(pointer, length as usize)
        }
    }
}

/// Declares functions of one import module and lists them.
macro_rules! functions {
    ($module:literal: $($name:ident($($parameter:ident: $kind:ty),*) gives $output:ident;)*) => {
        #[link(wasm_import_module = $module)]
        unsafe extern "C" {
            $(fn $name($($parameter: $kind),*) -> u32;)*
        }

        /// The functions of this module that give a status.
        pub const FUNCTIONS: &[$crate::function::Function] = &[$($crate::function::Function {
            name: stringify!($name),
            parameters: <[&str]>::len(&[$(stringify!($parameter)),*]),
            output: $crate::function::Output::$output,
            call: |given| {
                let [$($parameter),*] = *given else { return None };
                // SAFETY: the host checks every address it is given.
                Some(unsafe { $name($($parameter as $kind),*) })
            },
        }),*];
    };
}
pub(crate) use functions;
