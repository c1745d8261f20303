//! Multinomial logistic regression on hashed n-grams, trained while a graph runs; used by `classify` when there are
//! enough examples. Plain stochastic gradient descent with a fixed order: the same examples give the same weights.

use super::exact::softmax;
use super::ngrams::Vector;

/// Weights of one model at most (labels times table size): 8 MB.
const MAX_WEIGHTS: usize = 1 << 21;
/// Multiplications that training may cost, roughly; with many examples there are fewer epochs.
const MAX_WORK: usize = 400_000_000;
const MAX_EPOCHS: usize = 24;
const RATE: f32 = 6.0;
/// Share of a wrong label's probability that is wanted (label smoothing): keeps the confidence honest.
const SMOOTHING: f32 = 0.02;

/// Trained weights: one row of `labels` weights for each of `table` (a power of two) hash places.
#[derive(Debug)]
pub(crate) struct Logistic {
    labels: usize,
    table: usize,
    weights: Vec<f32>,
}

impl Logistic {
    /// Trains on vectors of length 1 with their label's index (each `< labels`, `labels >= 2`).
    pub(crate) fn train(examples: &[(&Vector, usize)], labels: usize) -> Self {
        let mut table = 1 << 16;
        while table * labels > MAX_WEIGHTS && table > 1 << 10 {
            table /= 2;
        }
        let mut model = Self {
            labels,
            table,
            weights: vec![0.0; table * labels],
        };
        let features: usize = examples.iter().map(|(vector, _)| vector.len()).sum();
        let epochs = (MAX_WORK / (2 * features * labels).max(1)).clamp(1, MAX_EPOCHS);
        let count = examples.len();
        // A step without a common factor with the count visits every example once, far from the one before.
        let step = (1..)
            .map(|n| count * 5 / 8 + n)
            .find(|step| gcd(*step, count) == 1)
            .unwrap_or(1);
        let balance = balance(examples, labels);
        let mut gradient = vec![0.0f32; labels];
        for epoch in 0..epochs {
            let rate = RATE / (1.0 + 4.0 * epoch as f32 / epochs as f32);
            for turn in 0..count {
                let (vector, label) = examples[(turn * step + epoch) % count];
                let probabilities = softmax(&model.logits(vector), 1.0);
                let rate = rate * balance[label];
                for (index, p) in probabilities.iter().enumerate() {
                    let wanted = if index == label {
                        1.0 - SMOOTHING
                    } else {
                        SMOOTHING / (labels - 1) as f32
                    };
                    gradient[index] = rate * (wanted - *p as f32);
                }
                for (feature, value) in vector {
                    let row = model.row(*feature);
                    for (weight, slope) in model.weights[row].iter_mut().zip(&gradient) {
                        *weight += slope * value;
                    }
                }
            }
        }
        model
    }

    fn row(&self, feature: u32) -> std::ops::Range<usize> {
        let start = (feature as usize & (self.table - 1)) * self.labels;
        start..start + self.labels
    }

    fn logits(&self, vector: &Vector) -> Vec<f64> {
        let mut sums = vec![0.0f32; self.labels];
        for (feature, value) in vector {
            for (sum, weight) in sums.iter_mut().zip(&self.weights[self.row(*feature)]) {
                *sum += weight * value;
            }
        }
        sums.into_iter().map(f64::from).collect()
    }

    /// The probability of each label.
    pub(crate) fn probabilities(&self, vector: &Vector, temperature: f64) -> Vec<f64> {
        softmax(&self.logits(vector), temperature)
    }
}

/// How much an example of each label counts. In-context examples are chosen by an author and say little about how
/// frequent a label is, so all labels together count alike, within bounds.
fn balance(examples: &[(&Vector, usize)], labels: usize) -> Vec<f32> {
    let mut counts = vec![0usize; labels];
    for (_, label) in examples {
        counts[*label] += 1;
    }
    let even = examples.len() as f32 / labels as f32;
    counts.iter().map(|count| (even / (*count).max(1) as f32).clamp(0.5, 2.0)).collect()
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::super::ngrams::vector;
    use super::*;

    #[test]
    fn learns_and_repeats_itself() {
        let texts = [
            "my card is lost",
            "I lost the card",
            "where is my parcel",
            "the parcel is late",
        ];
        let vectors: Vec<Vector> = texts.iter().map(|text| vector(text)).collect();
        let examples: Vec<(&Vector, usize)> = vectors.iter().zip([0, 0, 1, 1]).collect();
        let model = Logistic::train(&examples, 2);
        let p = model.probabilities(&vector("has the parcel been lost?"), 1.0);
        assert!(p[1] > p[0] && p[1] < 0.999, "{p:?}");
        assert_eq!(
            p,
            Logistic::train(&examples, 2).probabilities(&vector("has the parcel been lost?"), 1.0)
        );
    }

    #[test]
    fn no_examples_are_no_fault() {
        assert_eq!(
            Logistic::train(&[], 2).probabilities(&vector("x"), 1.0),
            [0.5, 0.5]
        );
    }
}
