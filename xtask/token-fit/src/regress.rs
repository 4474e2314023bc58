//! Weighted least squares with a little ridge, repeated so that outliers count less.

/// One document: what was counted in it and how many tokens it has.
pub struct Row {
    /// The counts.
    pub counts: Vec<f64>,
    /// The exact number of tokens.
    pub tokens: f64,
    /// How much it matters.
    pub weight: f64,
}

/// Rounds of reweighting; the weights settle well before.
const ROUNDS: usize = 12;

/// Relative errors above this count by their size, not its square (Huber).
const HUBER: f64 = 0.03;

/// Weights whose dot product with the counts is close to the tokens, relative to the tokens.
pub fn fit(rows: &[Row], ridge: f64) -> Vec<f64> {
    let n = rows.first().map_or(0, |r| r.counts.len());
    let mut solution = vec![0.0; n];
    // Scales every count to the same size, so that the ridge treats them alike.
    let mut scale = vec![0.0; n];
    let mut total = 0.0;
    for row in rows {
        for (s, c) in scale.iter_mut().zip(&row.counts) {
            *s += row.weight * (c / row.tokens).powi(2);
        }
        total += row.weight;
    }
    for s in &mut scale {
        *s = if *s > 0.0 { (*s / total).sqrt() } else { 1.0 };
    }
    for round in 0..ROUNDS {
        let mut normal = vec![vec![0.0; n + 1]; n];
        for row in rows {
            let x: Vec<f64> = row
                .counts
                .iter()
                .zip(&scale)
                .map(|(c, s)| c / row.tokens / s)
                .collect();
            let guess: f64 = x.iter().zip(&solution).map(|(x, w)| x * w).sum();
            let error = (guess - 1.0).abs();
            let robust = if round == 0 || error < HUBER {
                1.0
            } else {
                HUBER / error
            };
            let w = row.weight * robust;
            for (i, line) in normal.iter_mut().enumerate() {
                if x[i] == 0.0 {
                    continue;
                }
                let wx = w * x[i];
                for (cell, xj) in line.iter_mut().zip(&x) {
                    *cell += wx * xj;
                }
                line[n] += wx;
            }
        }
        for (i, line) in normal.iter_mut().enumerate() {
            line[i] += ridge * total;
        }
        solution = solve(normal);
    }
    solution.iter().zip(&scale).map(|(w, s)| w / s).collect()
}

/// Gaussian elimination with pivoting on the augmented matrix.
fn solve(mut m: Vec<Vec<f64>>) -> Vec<f64> {
    let n = m.len();
    for i in 0..n {
        let pivot = (i..n)
            .max_by(|&a, &b| m[a][i].abs().total_cmp(&m[b][i].abs()))
            .unwrap_or(i);
        m.swap(i, pivot);
        let line = m[i].clone();
        if line[i].abs() < 1e-12 {
            continue;
        }
        for below in m.iter_mut().skip(i + 1) {
            let factor = below[i] / line[i];
            if factor != 0.0 {
                for (cell, l) in below.iter_mut().zip(&line).skip(i) {
                    *cell -= factor * l;
                }
            }
        }
    }
    let mut x = vec![0.0; n];
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|j| m[i][j] * x[j]).sum();
        x[i] = if m[i][i].abs() < 1e-12 {
            0.0
        } else {
            (m[i][n] - known) / m[i][i]
        };
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_weights_that_made_the_tokens_despite_outliers() {
        let rows: Vec<Row> = (1..200)
            .map(|i| {
                let counts = vec![f64::from(i), f64::from(i * i % 37), f64::from(i % 5)];
                let tokens = 2.0 * counts[0] + 0.5 * counts[1] + 3.0 * counts[2];
                let tokens = if i % 40 == 0 { tokens * 3.0 } else { tokens };
                Row {
                    counts,
                    tokens,
                    weight: 1.0,
                }
            })
            .collect();
        let weights = fit(&rows, 1e-9);
        for (found, made) in weights.iter().zip([2.0, 0.5, 3.0]) {
            assert!((found - made).abs() < 0.05, "{weights:?}");
        }
    }
}
