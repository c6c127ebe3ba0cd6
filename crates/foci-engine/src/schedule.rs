//! The learning rate over a run: a straight rise, then half a cosine down (Loshchilov, Hutter 2017, without restarts).

use std::f64::consts::PI;

/// Learning rate of step `step` (counted from 0) in a run of `steps` steps.
///
/// The first `warmup` steps rise in a line, `base * (step + 1) / warmup`, so that the first step already moves and the
/// last of them has the full `base`. The rest falls along half a cosine; the step after the last would have `floor`,
/// and so has every later one.
pub fn warmup_cosine(step: u64, steps: u64, warmup: u64, base: f64, floor: f64) -> f64 {
    if step < warmup {
        return base * (step + 1) as f64 / warmup as f64;
    }
    if step >= steps {
        return floor;
    }
    let progress = (step - warmup) as f64 / (steps - warmup) as f64;
    let height = 0.5 * (1.0 + (PI * progress).cos());
    floor + (base - floor) * height
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_in_a_line_and_falls_by_a_cosine() {
        let rate = |step| warmup_cosine(step, 12, 4, 0.8, 0.0);
        for (step, expected) in
            [(0, 0.2), (1, 0.4), (2, 0.6), (3, 0.8), (4, 0.8), (8, 0.4), (12, 0.0), (99, 0.0)]
        {
            assert!((rate(step) - expected).abs() < 1e-7, "step {step}: {} is not {expected}", rate(step));
        }
        // A quarter of the way down: 0.8 (1 + cos 45 degrees) / 2.
        assert!((rate(6) - 0.682_842_7).abs() < 1e-6);
    }

    #[test]
    fn odd_requests_stay_finite() {
        assert_eq!(warmup_cosine(0, 0, 0, 1.0, 0.1), 0.1);
        assert_eq!(warmup_cosine(0, 1, 0, 1.0, 0.1), 1.0);
        assert!((warmup_cosine(5, 5, 9, 0.9, 0.1) - 0.6).abs() < 1e-12);
        assert_eq!(warmup_cosine(5, 5, 5, 1.0, 0.1), 0.1);
    }
}
