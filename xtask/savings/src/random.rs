//! The generators' randomness: the same seed gives the same text on every machine.

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
pub struct Random(u64);

impl Random {
    /// A sequence that `seed` alone decides.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.bits() % bound as u64) as usize
    }

    /// One of `items`, the early ones more often, as words are in a language.
    pub fn often_early<T: Copy>(&mut self, items: &[T]) -> T {
        let (a, b) = (self.below(items.len()), self.below(items.len()));
        items[a.min(b)]
    }

    /// One of `items`, each as often.
    pub fn one<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// A number from `low` up to `high`, both included.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high + 1 - low)
    }

    /// Whether one of so many chances came about.
    pub fn chance(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    /// So many digits in hexadecimal, at most 16.
    pub fn hex(&mut self, digits: usize) -> String {
        format!("{:016x}", self.bits())[..digits].to_owned()
    }
}
