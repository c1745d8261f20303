//! Floating-point functions with the same bits on every machine, for the scores of the `offline` model.
//!
//! `f64::exp` and `f64::ln` come from the platform's C library and differ in the last bits between systems. These use
//! only `+ - * /` and bit moves, which IEEE 754 fixes exactly.

use std::f64::consts::{LN_2, LOG2_E, SQRT_2};

/// e to the power of `x`; `x` is clamped to ±700. Range reduction and a Taylor series (relative error < 1e-14).
pub(crate) fn exp(x: f64) -> f64 {
    let x = if x.is_nan() {
        0.0
    } else {
        x.clamp(-700.0, 700.0)
    };
    let k = (x * LOG2_E).round();
    let r = x - k * LN_2;
    let mut sum = 1.0;
    for n in (1..=14).rev() {
        sum = 1.0 + sum * r / f64::from(n);
    }
    // |k| <= 1010, so the biased exponent stays in 13..=2033: a normal number.
    sum * f64::from_bits(((k as i64 + 1023) as u64) << 52)
}

/// Natural logarithm of a positive, normal `x`; anything else gives 0. Uses ln(m) = 2 atanh((m-1)/(m+1)).
pub(crate) fn ln(x: f64) -> f64 {
    if !x.is_normal() || x < 0.0 {
        return 0.0;
    }
    let bits = x.to_bits();
    let mut exponent = ((bits >> 52) & 0x7ff) as i64 - 1023;
    let mut mantissa = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | (1023 << 52));
    if mantissa > SQRT_2 {
        mantissa /= 2.0;
        exponent += 1;
    }
    let t = (mantissa - 1.0) / (mantissa + 1.0);
    let square = t * t;
    let mut sum = 0.0;
    for n in (0..12).rev() {
        sum = sum * square + 1.0 / f64::from(2 * n + 1);
    }
    2.0 * t * sum + exponent as f64 * LN_2
}

/// Turns scores into probabilities that add up to 1: `exp(score / temperature)`, normalised.
pub(crate) fn softmax(scores: &[f64], temperature: f64) -> Vec<f64> {
    let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let raised: Vec<f64> = scores
        .iter()
        .map(|score| exp((score - top) / temperature))
        .collect();
    let total: f64 = raised.iter().sum();
    raised.iter().map(|value| value / total).collect()
}

/// Rounds to four decimals: what is shown is a confidence, not a measurement.
pub(crate) fn round4(x: f64) -> f64 {
    (x * 10_000.0).round() / 10_000.0
}

/// The index of the greatest score; the first of equal ones, so that ties are settled by the author's order.
pub(crate) fn argmax(scores: &[f64]) -> usize {
    let mut best = 0;
    for (index, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = index;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_platform() {
        for step in -300..300 {
            let x = f64::from(step) / 7.0;
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-13, "exp({x})");
            let y = x.abs() + 0.001;
            assert!((ln(y) - y.ln()).abs() < 1e-13, "ln({y})");
        }
        assert_eq!(ln(0.0), 0.0);
        assert_eq!(exp(f64::NAN), 1.0);
    }

    #[test]
    fn probabilities_add_up_and_ties_go_to_the_first() {
        let p = softmax(&[0.2, 0.9, 0.9], 0.1);
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert_eq!(argmax(&p), 1);
    }
}
