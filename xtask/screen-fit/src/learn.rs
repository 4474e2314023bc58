//! Logistic regression on the worst window of each text.
//!
//! A text is scored by the window with the highest sum, so that is what is learnt from: of an
//! attack the part that shows best that it is one, of an ordinary text the part that looks most
//! like one. Which window that is changes with the weights; a few rounds settle it.

use tollgate_core::content_screener::injection::model::{BUCKETS, FEATURES, Features, WINDOW};

use crate::split;

/// How it is learnt. Chosen by `validate`.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Times every text is looked at.
    pub rounds: usize,
    /// Size of the first step of a weight.
    pub rate: f32,
    /// Pull of every weight towards zero.
    pub ridge: f32,
    /// How much more an attack counts than an ordinary text.
    pub attack_weight: f32,
    /// Of a thousand features of a text, how many are looked at in a round.
    pub kept_of_thousand: usize,
}

/// The plan that the shipped weights are fitted with.
pub const PLAN: Plan = Plan {
    rounds: 30,
    rate: 0.05,
    ridge: 1e-3,
    attack_weight: 1.0,
    kept_of_thousand: 500,
};

/// A text as the model sees it.
pub struct Sample {
    /// The buckets of each word.
    words: Vec<[Option<u16>; FEATURES]>,
    is_attack: bool,
}

impl Sample {
    /// The sample of `text`.
    pub fn new(text: &str, is_attack: bool) -> Self {
        let mut features = Features::default();
        let words = split::keys(text)
            .into_iter()
            .map(|key| features.next(key).map(|f| f.is_new.then_some(f.bucket)))
            .collect();
        Self { words, is_attack }
    }

    /// The window with the highest sum.
    fn worst(&self, weights: &[f32]) -> std::ops::Range<usize> {
        let add = |word: &[Option<u16>; FEATURES]| -> f32 {
            word.iter()
                .flatten()
                .map(|&bucket| weights[usize::from(bucket)])
                .sum()
        };
        let (mut sum, mut best, mut end) = (0.0, f32::NEG_INFINITY, 0);
        for (at, word) in self.words.iter().enumerate() {
            sum += add(word);
            if at >= WINDOW {
                sum -= add(&self.words[at - WINDOW]);
            }
            if sum > best {
                (best, end) = (sum, at + 1);
            }
        }
        end.saturating_sub(WINDOW)..end
    }
}

/// Weights, and what a sum of them is compared with.
pub struct Model {
    weights: Vec<f32>,
    bias: f32,
}

impl Model {
    /// Learns from `samples`: the same from the same.
    pub fn fit(samples: &[&Sample], plan: Plan) -> Self {
        let mut model = Self {
            weights: vec![0.0; BUCKETS],
            bias: -4.0,
        };
        // Sums of squared slopes: a weight that moves often moves less (AdaGrad).
        let mut moved = vec![1e-2f32; BUCKETS];
        let mut moved_bias = 1e-2f32;
        let mut order: Vec<usize> = (0..samples.len()).collect();
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = move |below: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random % below.max(1) as u64) as usize
        };
        for round in 0..plan.rounds {
            for i in (1..order.len()).rev() {
                order.swap(i, next(i + 1));
            }
            for &number in &order {
                let sample = samples[number];
                if sample.words.is_empty() {
                    continue;
                }
                let window = if round == 0 {
                    // Nothing is known yet: any window.
                    let start = next(sample.words.len().saturating_sub(WINDOW) + 1);
                    start..(start + WINDOW).min(sample.words.len())
                } else {
                    sample.worst(&model.weights)
                };
                // What is dropped has to be made up for by the rest, so that no single word is
                // relied on.
                let kept: Vec<usize> = sample.words[window]
                    .iter()
                    .flatten()
                    .flatten()
                    .filter(|_| next(1000) < plan.kept_of_thousand)
                    .map(|&bucket| usize::from(bucket))
                    .collect();
                let sum: f32 = kept.iter().map(|&bucket| model.weights[bucket]).sum();
                let sum = sum * 1000.0 / plan.kept_of_thousand as f32;
                let chance = 1.0 / (1.0 + (-(sum + model.bias)).exp());
                let slope = if sample.is_attack {
                    (chance - 1.0) * plan.attack_weight
                } else {
                    chance
                };
                if slope.abs() < 1e-4 {
                    continue;
                }
                for bucket in kept {
                    let slope = slope + plan.ridge * model.weights[bucket];
                    moved[bucket] += slope * slope;
                    model.weights[bucket] -= plan.rate * slope / moved[bucket].sqrt();
                }
                moved_bias += slope * slope;
                model.bias -= plan.rate * slope / moved_bias.sqrt();
            }
        }
        model
    }

    /// The weights as the module keeps them. The largest few are cut, so that the others have
    /// finer steps.
    pub fn quantized(&self) -> Quantized {
        let mut sizes: Vec<f32> = self.weights.iter().map(|w| w.abs()).collect();
        sizes.sort_by(f32::total_cmp);
        let largest = sizes[sizes.len() - sizes.len() / 1000 - 1].max(1e-6);
        let step = largest / 127.0;
        let round = |w: &f32| (w / step).round().clamp(-127.0, 127.0) as i8;
        Quantized {
            weights: self.weights.iter().map(round).collect(),
            step,
        }
    }
}

/// Weights in whole steps.
pub struct Quantized {
    /// One for each bucket.
    pub weights: Vec<i8>,
    /// What one step is worth.
    pub step: f32,
}

impl Quantized {
    /// The highest sum of a window of `sample`, as the module computes it.
    pub fn score(&self, sample: &Sample) -> i32 {
        let add = |word: &[Option<u16>; FEATURES]| -> i32 {
            word.iter()
                .flatten()
                .map(|&bucket| i32::from(self.weights[usize::from(bucket)]))
                .sum()
        };
        let (mut sum, mut best) = (0, 0);
        for (at, word) in sample.words.iter().enumerate() {
            sum += add(word);
            if at >= WINDOW {
                sum -= add(&sample.words[at - WINDOW]);
            }
            best = best.max(sum);
        }
        best
    }
}
