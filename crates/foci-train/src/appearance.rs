//! How the same object could have been taken otherwise: brighter, with another contrast, out of focus, with more noise.
//!
//! A net that has seen each object under one light only has learnt that light: what is dim beside bright neighbours becomes background. Crops
//! of a training are therefore changed at random, each in its own way, targets not at all. Values are in units of the normalised range,
//! 0 at the 1st and 1 at the 99.8th percentile of the field. In this order, `s` being the plan's strength:
//!
//! - blur: Gaussian of up to `1.5 s` pixels, on one crop in four;
//! - gamma: positive values to a power between `4^-s` and `4^(s/2)`, on one crop in two: lifts what is dim more often than it sinks it;
//! - gain between `2^-s` and `2^(s/2)`, and an offset of up to `0.1 s` to both sides, on one crop in two;
//! - noise: Gaussian of a standard deviation of up to `0.08 s`, on one crop in two.
//!
//! The kinds are those that nnU-Net (Isensee et al. 2021, supplementary note 4) draws; the ranges are our own.

use crate::batch::{add_noise, unit};
use foci_image::Plane;
use foci_image::gaussian::smooth;
use rand_chacha::ChaCha8Rng;

/// Widest blur in pixels, at strength 1.
const BLUR_PX: f64 = 1.5;
/// Base of the powers of gamma, at strength 1.
const GAMMA: f64 = 4.0;
/// Base of the gain, at strength 1.
const GAIN: f64 = 2.0;
/// Largest offset, at strength 1.
const OFFSET: f64 = 0.1;
/// Largest standard deviation of the noise, at strength 1.
const NOISE: f64 = 0.08;

/// Changes the appearance of a square crop; nothing is drawn and nothing changes at a strength of 0.
pub(crate) fn vary(crop: &mut [f32], side: usize, strength: f64, random: &mut ChaCha8Rng) {
    if strength == 0.0 {
        return;
    }
    // Everything is drawn in any case, so that what one crop gets does not move what the next one gets.
    let [blur, blur_px, gamma, power, light, gain, offset, noise, sigma] =
        std::array::from_fn(|_| unit(random));
    if blur < 0.25 {
        let plane = Plane { width: side, height: side, data: crop.to_vec() };
        crop.copy_from_slice(&smooth(&plane, BLUR_PX * strength * blur_px).data);
    }
    if gamma < 0.5 {
        let power = between(GAMMA, strength, power);
        crop.iter_mut().filter(|value| **value > 0.0).for_each(|value| *value = value.powf(power));
    }
    if light < 0.5 {
        let (gain, offset) =
            (between(GAIN, strength, gain), (OFFSET * strength * (2.0 * offset - 1.0)) as f32);
        crop.iter_mut().for_each(|value| *value = gain * *value + offset);
    }
    if noise < 0.5 {
        add_noise(crop, NOISE * strength * sigma, random);
    }
}

/// A factor between `base^-strength` and `base^(strength / 2)`, its logarithm uniform; `at` is from 0 to 1.
fn between(base: f64, strength: f64, at: f64) -> f32 {
    base.powf(strength * (1.5 * at - 1.0)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use foci_image::crop::generator;

    const SIDE: usize = 32;

    /// A square on a ground, dim or bright.
    fn crop(height: f32) -> Vec<f32> {
        let is_in = |at: usize| (8..24).contains(&(at % SIDE)) && (8..24).contains(&(at / SIDE));
        (0..SIDE * SIDE).map(|at| if is_in(at) { height } else { 0.0 }).collect()
    }

    fn varied(strength: f64, stream: u64) -> Vec<f32> {
        let mut values = crop(0.4);
        vary(&mut values, SIDE, strength, &mut generator(5, stream));
        values
    }

    #[test]
    fn nothing_changes_without_strength_and_nothing_is_drawn() {
        let (mut random, mut untouched) = (generator(5, 1), generator(5, 1));
        let mut values = crop(0.4);
        vary(&mut values, SIDE, 0.0, &mut random);
        assert_eq!(values, crop(0.4));
        assert_eq!(unit(&mut random), unit(&mut untouched));
    }

    #[test]
    fn crops_differ_and_stay_numbers_with_the_object_in_its_place() {
        let (mut brighter, mut dimmer, mut as_is) = (0, 0, 0);
        for stream in 0..400 {
            let values = varied(1.0, stream);
            assert!(values.iter().all(|value| value.is_finite()));
            let mean = |from: usize, to: usize| {
                let part = (from..to).flat_map(|y| values[y * SIDE + from..y * SIDE + to].iter());
                part.sum::<f32>() / (to - from).pow(2) as f32
            };
            let (inside, corner) = (mean(13, 19), mean(0, 4));
            assert!(inside > corner, "{stream}: {inside} and {corner}");
            let contrast = inside - corner;
            brighter += usize::from(contrast > 0.45);
            dimmer += usize::from(contrast < 0.35);
            as_is += usize::from(values == crop(0.4));
        }
        // Three quarters to half of each kind leave it out: 0.75 x 0.5 x 0.5 x 0.5 of all crops are as they were, give or take.
        assert!((20..=55).contains(&as_is), "{as_is}");
        assert!(brighter > 60 && dimmer > 60, "{brighter} brighter, {dimmer} dimmer");
        assert_eq!(varied(1.0, 7), varied(1.0, 7));
    }

    #[test]
    fn factors_lie_between_the_powers_that_are_said() {
        assert_eq!((between(4.0, 1.0, 0.0), between(4.0, 1.0, 1.0)), (0.25, 2.0));
        assert_eq!(between(2.0, 0.0, 0.3), 1.0);
    }
}
