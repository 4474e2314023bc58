//! Lists of numbers, names and codes, made here: what logs and tables are full of, and what says
//! nothing whatever buckets it falls into.

use crate::texts::Document;

/// Texts of each kind, and entries of each.
const TEXTS: usize = 60;
const ENTRIES: usize = 300;

/// Lists of every kind, always the same.
pub fn all() -> Vec<Document> {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random >> 16
    };
    let mut documents = Vec::new();
    for number in 0..TEXTS {
        for kind in 0..6 {
            let text: String = (0..ENTRIES)
                .map(|at| {
                    let n = next();
                    match kind {
                        0 => format!("user{}@example.org, ", at + number * ENTRIES),
                        1 => format!("B{:06}\n", n % 1_000_000),
                        2 => format!("{:08x} ", n as u32),
                        3 => format!("{:04x}-{:08x}\n", n & 0xffff, n as u32),
                        4 => format!("DSC_{}.jpg\n", n % 100_000),
                        _ => letters(n) + " ",
                    }
                })
                .collect();
            documents.push(Document {
                origin: format!("lists/{number}"),
                text,
            });
        }
    }
    documents
}

fn letters(mut n: u64) -> String {
    (0..7)
        .map(|_| {
            let letter = char::from(b'a' + (n % 26) as u8);
            n /= 26;
            letter
        })
        .collect()
}
