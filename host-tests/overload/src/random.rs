//! Numbers drawn from distributions, the same for the same seed.

use std::f64::consts::TAU;

/// A sequence that its seed alone decides.
pub struct Random(u64);

impl Random {
    /// The sequence of `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        tollgate_host::random::next(&mut self.0)
    }

    /// Above 0 and at most 1, so that its logarithm is finite.
    fn unit(&mut self) -> f64 {
        // A double keeps 53 bits.
        ((self.bits() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// The wait for the next event of a Poisson process, in units of the mean wait.
    pub fn exponential(&mut self) -> f64 {
        -self.unit().ln()
    }

    /// Normal with mean 0 and deviation 1 (Box and Muller, 1958).
    pub fn normal(&mut self) -> f64 {
        (-2.0 * self.unit().ln()).sqrt() * (TAU * self.unit()).cos()
    }
}

/// Lengths whose logarithm is normal, as those of prompts and answers nearly are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogNormal {
    /// The mean of the lengths themselves.
    pub mean: f64,
    /// The deviation of their natural logarithm.
    pub sigma: f64,
}

impl LogNormal {
    /// One length.
    pub fn draw(&self, random: &mut Random) -> f64 {
        let location = self.mean.ln() - self.sigma * self.sigma / 2.0;
        (location + self.sigma * random.normal()).exp()
    }

    /// The same spread around another mean.
    pub fn times(self, factor: f64) -> Self {
        Self {
            mean: self.mean * factor,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: usize = 100_000;

    fn mean(draw: impl Fn(&mut Random) -> f64) -> f64 {
        let mut random = Random::new(1);
        let sum: f64 = (0..DRAWS).map(|_| draw(&mut random)).sum();
        sum / DRAWS as f64
    }

    #[test]
    fn distributions_have_their_means() {
        let lengths = LogNormal {
            mean: 281.0,
            sigma: 0.7,
        };
        // What is drawn, its mean, and five standard errors of it.
        type Row = (fn(&mut Random) -> f64, f64, f64);
        let rows: [Row; 3] = [
            (Random::exponential, 1.0, 0.016),
            (Random::normal, 0.0, 0.016),
            (|random| random.normal().powi(2), 1.0, 0.023),
        ];
        for (row, (draw, expected, error)) in rows.into_iter().enumerate() {
            let mean = mean(draw);
            assert!((mean - expected).abs() < error, "row {row}: {mean}");
        }
        let drawn = mean(|random| lengths.draw(random));
        assert!((drawn - 281.0).abs() < 4.0, "{drawn}");
    }
}
