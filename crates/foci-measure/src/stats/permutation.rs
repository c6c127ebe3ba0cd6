//! Sign flips over fields: could *these trained nets* differ by chance of the fields alone?
//!
//! If two nets are equally good, each field's difference could as well have had the other sign. The p-value is the share of all
//! sign patterns whose mean is at least as far from zero as the observed one (Fisher 1935, The Design of Experiments,
//! section 21). It is exact up to [`EXACT_FIELDS`] fields, by drawing beyond. With n fields it cannot fall
//! below `2^(1-n)`: five fields never reach 5 %.
//!
//! It says nothing about other seeds: two runs of the same architecture may well differ significantly as trained
//! nets. The question about architectures is answered by [`crate::stats::compare()`].

use crate::stats::random::Draws;

/// Up to this many fields all sign patterns are tried.
pub const EXACT_FIELDS: usize = 16;

/// Two-sided p-value of the mean of paired differences by sign flips; 1 for an empty list. `draws` patterns are drawn where there
/// are too many to try; the observed one counts among them, so that p is never 0.
pub fn sign_flip(differences: &[f64], draws: usize, seed: u64) -> f64 {
    let fields = differences.len();
    let observed = differences.iter().sum::<f64>().abs();
    // Equal sums may differ by rounding.
    let limit = observed - 1e-12 * differences.iter().map(|value| value.abs()).sum::<f64>();
    let extreme = |sum: f64| sum.abs() >= limit;
    if fields <= EXACT_FIELDS {
        let flipped = |pattern: u32| {
            let signed = |(i, &value): (usize, &f64)| if pattern >> i & 1 == 1 { -value } else { value };
            differences.iter().enumerate().map(signed).sum::<f64>()
        };
        let count = (0..1u32 << fields).filter(|&pattern| extreme(flipped(pattern))).count();
        return count as f64 / f64::from(1u32 << fields);
    }
    let mut source = Draws::new(seed);
    let mut draw = || {
        let signed = |block: &[f64], bits: u64| -> f64 {
            let sign = |(i, &value): (usize, &f64)| if bits >> i & 1 == 1 { -value } else { value };
            block.iter().enumerate().map(sign).sum()
        };
        differences.chunks(64).map(|block| signed(block, source.bits())).sum::<f64>()
    };
    let count = (0..draws).filter(|_| extreme(draw())).count();
    (count + 1) as f64 / (draws + 1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hand_counted_patterns() {
        // 1, 2, 3, all positive: only +++ and --- reach 6: 2 of 8.
        assert_eq!(sign_flip(&[1.0, 2.0, 3.0], 0, 0), 0.25);
        // -1, 2, 3 has sum 4; patterns with |sum| >= 4: +++, -++ and their mirrors: 4 of 8.
        assert_eq!(sign_flip(&[-1.0, 2.0, 3.0], 0, 0), 0.5);
        assert_eq!(sign_flip(&[0.0; 5], 0, 0), 1.0);
        assert_eq!(sign_flip(&[], 10, 0), 1.0);
    }

    #[test]
    fn drawing_agrees_with_trying_all() {
        let few: Vec<f64> = (0..16).map(|i| f64::from(i % 5) - 1.2).collect();
        let exact = sign_flip(&few, 0, 0);
        // A field without difference changes nothing but forces drawing.
        let more: Vec<f64> = few.iter().copied().chain([0.0]).collect();
        let drawn = sign_flip(&more, 20_000, 3);
        assert!(
            (exact - drawn).abs() < 4.0 * (exact * (1.0 - exact) / 20_000.0).sqrt() + 1e-4,
            "{exact} {drawn}"
        );
    }
}
