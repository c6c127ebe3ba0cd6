//! Thresholds: one grey value that parts an image into background and objects, from the image's histogram.
//!
//! A pixel is foreground where its value is *greater* than the threshold. In an image of one value nothing is.

use crate::Levels;
use foci_image::Plane;

/// Otsu's threshold (IEEE Trans. SMC 1979): the level that makes the variance between the two classes largest, n0 n1 (m1 - m0)^2 with
/// the numbers of pixels and means of both; of several, the lowest. In grey values.
pub fn otsu(levels: &Levels) -> f64 {
    let counts = levels.histogram();
    let (all, sum) = totals(&counts);
    let (mut below, mut sum_below) = (0.0, 0.0);
    let (mut best, mut threshold) = (0.0, (counts.len() - 1) as f64);
    for (level, &count) in counts.iter().enumerate() {
        below += count as f64;
        sum_below += count as f64 * level as f64;
        let above = all - below;
        if below == 0.0 || above == 0.0 {
            continue;
        }
        let difference = (sum - sum_below) / above - sum_below / below;
        let between = below * above * difference * difference;
        if between > best {
            (best, threshold) = (between, level as f64);
        }
    }
    levels.value(threshold)
}

/// The threshold of Ridler and Calvard (IEEE Trans. SMC 1978), also known as isodata: the middle between the means of the two classes
/// that it makes. There may be several; this is the one that repeating "take the middle between the means" comes to
/// from the mean of the image. In grey values.
pub fn ridler_calvard(levels: &Levels) -> f64 {
    let counts = levels.histogram();
    let (all, sum) = totals(&counts);
    let running = |of: fn(u64, usize) -> f64| {
        let mut total = 0.0;
        let add = |(level, &count): (usize, &u64)| {
            total += of(count, level);
            total
        };
        counts.iter().enumerate().map(add).collect::<Vec<f64>>()
    };
    let below = running(|count, _| count as f64);
    let sum_below = running(|count, level| count as f64 * level as f64);
    let mut threshold = sum / all.max(1.0);
    // The threshold moves in one direction only, and what it parts changes at whole levels: no more steps than levels.
    for _ in 0..counts.len() {
        let level = threshold as usize;
        let above = all - below[level];
        if above == 0.0 || below[level] == 0.0 {
            break;
        }
        let next = (sum_below[level] / below[level] + (sum - sum_below[level]) / above) / 2.0;
        if next == threshold {
            break;
        }
        threshold = next;
    }
    levels.value(threshold)
}

/// The mean of all values, in grey values; 0 for an image without pixels.
pub fn mean(plane: &Plane) -> f64 {
    plane.data.iter().map(|&value| f64::from(value)).sum::<f64>() / plane.data.len().max(1) as f64
}

/// Number of pixels and sum of their levels.
fn totals(counts: &[u64]) -> (f64, f64) {
    let sum = counts.iter().enumerate().map(|(level, &count)| count as f64 * level as f64).sum();
    (counts.iter().sum::<u64>() as f64, sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(data: &[f32]) -> Levels {
        Levels::of(&Plane { width: data.len(), height: 1, data: data.to_vec() })
    }

    #[test]
    fn thresholds_by_hand() {
        // Otsu, n0 n1 (m1 - m0)^2: after 10: 1 * 3 * (13 - 10)^2 = 27, after 11: 2 * 2 * (14 - 10.5)^2 = 49, after 13: 3 * 1 * (15 - 34 / 3)^2 = 40.
        let few = levels(&[10.0, 11.0, 13.0, 15.0]);
        assert_eq!(otsu(&few), 11.0);
        // Ridler and Calvard: from the mean, 12.25, which parts 10 and 11 from 13 and 15: (10.5 + 14) / 2 = 12.25.
        assert_eq!(ridler_calvard(&few), 12.25);
        // From the mean, 3: (0 + 10) / 2 = 5, which parts the same. From below, 0 would part 0 from all others: (0 + 10) / 2 as well.
        assert_eq!(ridler_calvard(&levels(&[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 10.0, 10.0, 10.0])), 5.0);
        // Two thresholds are their own middle: 1.5 (0 and 1 from 2 and 3 would need means 0 and 3). From the mean, 5.5, of 0 0 1 9 11 12:
        // (1 / 3 + 32 / 3) / 2 = 5.5.
        assert_eq!(ridler_calvard(&levels(&[0.0, 0.0, 1.0, 9.0, 11.0, 12.0])), 5.5);
        assert_eq!(mean(&Plane { width: 4, height: 1, data: vec![1.0, 2.0, 3.0, 6.0] }), 3.0);
    }

    #[test]
    fn one_value_has_nothing_above_its_threshold() {
        for data in [&[7.0_f32; 5][..], &[7.0], &[]] {
            let value = data.first().copied().map_or(0.0, f64::from);
            assert_eq!((otsu(&levels(data)), ridler_calvard(&levels(data))), (value, value));
        }
    }
}
