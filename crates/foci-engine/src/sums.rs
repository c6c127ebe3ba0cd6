//! Sums of many numbers in an order that never changes.
//!
//! Term `i` goes to partial sum `i mod 16`; the partial sums are added pairwise. The order depends on the number of
//! terms alone, so the same numbers give the same bits, and the compiler can still keep the 16 sums in vectors.

const LANES: usize = 16;

/// Sum of `term(i)` for `i` in `0..count`.
pub(crate) fn sum(count: usize, term: impl Fn(usize) -> f64) -> f64 {
    let mut lanes = [0.0_f64; LANES];
    let whole = count - count % LANES;
    for start in (0..whole).step_by(LANES) {
        for (lane, sum) in lanes.iter_mut().enumerate() {
            *sum += term(start + lane);
        }
    }
    for (lane, index) in (whole..count).enumerate() {
        lanes[lane] += term(index);
    }
    pairwise(lanes)
}

/// Sum of `term(a, b)` over all pairs of two lists of one length, to the same bits as [`sum`] over them; without a look at the
/// lengths for each pair, so that the sums stay in vectors.
pub(crate) fn sum_of_pairs(a: &[f32], b: &[f32], term: impl Fn(f64, f64) -> f64) -> f64 {
    let term = |a: f32, b: f32| term(f64::from(a), f64::from(b));
    let mut lanes = [0.0_f64; LANES];
    let (some_a, rest_a) = a.as_chunks::<LANES>();
    let (some_b, rest_b) = b.as_chunks::<LANES>();
    for (a, b) in some_a.iter().zip(some_b) {
        for lane in 0..LANES {
            lanes[lane] += term(a[lane], b[lane]);
        }
    }
    for (lane, (a, b)) in lanes.iter_mut().zip(rest_a.iter().zip(rest_b)) {
        *lane += term(*a, *b);
    }
    pairwise(lanes)
}

/// Sum of `term(image, pixel)` over all pixels of all images, to the same bits as [`sum`] over them one after the other, but
/// without a division for each.
pub(crate) fn sum_of_images(images: usize, pixels: usize, term: impl Fn(usize, usize) -> f64) -> f64 {
    if !pixels.is_multiple_of(LANES) {
        return sum(images * pixels, |i| term(i / pixels, i % pixels));
    }
    let mut lanes = [0.0_f64; LANES];
    for image in 0..images {
        for start in (0..pixels).step_by(LANES) {
            for (lane, sum) in lanes.iter_mut().enumerate() {
                *sum += term(image, start + lane);
            }
        }
    }
    pairwise(lanes)
}

fn pairwise(mut lanes: [f64; LANES]) -> f64 {
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
        width /= 2;
    }
    lanes[0]
}

/// Euclidean norm of `values`, in f64.
pub(crate) fn norm(values: &[f32]) -> f64 {
    sum(values.len(), |i| f64::from(values[i]) * f64::from(values[i])).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_every_term_once() {
        for count in [0_usize, 1, 15, 16, 17, 100] {
            let expected = (count * count.saturating_sub(1) / 2) as f64;
            assert_eq!(sum(count, |i| i as f64), expected, "{count} terms");
        }
    }

    #[test]
    fn images_are_summed_as_if_they_were_one() {
        for (images, pixels) in [(3, 32), (2, 7), (1, 16), (4, 33), (0, 16), (2, 0)] {
            let value = |i: usize| 1.0 / (i as f64 + 0.3);
            let by_image = sum_of_images(images, pixels, |image, pixel| value(image * pixels + pixel));
            assert_eq!(by_image.to_bits(), sum(images * pixels, value).to_bits(), "{images} x {pixels}");
        }
    }

    #[test]
    fn pairs_are_summed_as_by_number() {
        for count in [0, 5, 16, 33, 100] {
            let list =
                |factor: f32| -> Vec<f32> { (0..count).map(|i| 1.0 / (i as f32 * factor + 0.3)).collect() };
            let (a, b) = (list(1.0), list(0.7));
            let by_pairs = sum_of_pairs(&a, &b, |a, b| a - 3.0 * b);
            let by_number = sum(count, |i| f64::from(a[i]) - 3.0 * f64::from(b[i]));
            assert_eq!(by_pairs.to_bits(), by_number.to_bits(), "{count} pairs");
        }
    }

    #[test]
    fn norm_of_three_and_four_is_five() {
        assert_eq!(norm(&[3.0, -4.0]), 5.0);
        assert!(norm(&[1.0, f32::NAN]).is_nan());
    }
}
