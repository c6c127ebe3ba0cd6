//! How sure a net is of an object, and the removal of those of which it is not.
//!
//! The certainty of an object is the mean, over its pixels, of how likely they are of an object at all (inside or contact, not
//! background). What a net outlines where it saw nothing like it before, debris or a nucleus out of focus, it mostly outlines hesitantly.

use foci_image::LabelImage;

/// The certainty of each object, 0 to 1, by its label; `maps` as [`crate::objects()`] takes them. Of labels that no pixel has, 0.
pub fn certainties(maps: &[f32], labels: &LabelImage) -> Vec<f64> {
    let pixels = labels.data.len();
    let mut sums = vec![(0.0, 0u32); labels.largest() as usize + 1];
    let [background, inside, contact] = [0, 1, 2].map(|class| maps.get(class * pixels..).unwrap_or(&[]));
    for (((&label, background), inside), contact) in
        labels.data.iter().zip(background).zip(inside).zip(contact)
    {
        if label > 0 {
            let others = (inside - background).exp() + (contact - background).exp();
            let (sum, area) = &mut sums[label as usize];
            // Where the sum is beyond all numbers, nothing is left for the background.
            *sum += 1.0 - f64::from(1.0 / (1.0 + others));
            *area += 1;
        }
    }
    sums.into_iter().map(|(sum, area)| sum / f64::from(area.max(1))).collect()
}

/// Removes objects whose certainty is below `least` and numbers the others 1, 2, .. in the order of their labels.
pub fn remove_uncertain_objects(labels: &mut LabelImage, maps: &[f32], least: f32) {
    let mut next = 0;
    let number = |certainty: f64| {
        let kept = certainty >= f64::from(least);
        next += u32::from(kept);
        if kept { next } else { 0 }
    };
    let of_objects: Vec<f64> = certainties(maps, labels).into_iter().skip(1).collect();
    let numbers: Vec<u32> = std::iter::once(0).chain(of_objects.into_iter().map(number)).collect();
    labels.data.iter_mut().for_each(|label| *label = numbers[*label as usize]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::CHANNELS;

    /// Two pixels of object 1, one of background, one of object 2.
    fn labels() -> LabelImage {
        LabelImage { width: 4, height: 1, data: vec![1, 1, 0, 2] }
    }

    /// Logits with which a pixel is of an object with these probabilities; half of it inside, half contact.
    fn maps(likely: [f32; 4]) -> Vec<f32> {
        let half = likely.map(|likely| (0.5 * likely / (1.0 - likely)).ln());
        [[0.0; 4], half, half, [0.0; 4]].concat()
    }

    #[test]
    fn certainty_is_the_mean_of_what_is_not_background() {
        let found = certainties(&maps([0.6, 0.9, 0.2, 0.7]), &labels());
        assert!(
            found.len() == 3 && (found[1] - 0.75).abs() < 1e-6 && (found[2] - 0.7).abs() < 1e-6,
            "{found:?}"
        );
        assert_eq!(found[0], 0.0);
    }

    #[test]
    fn what_is_uncertain_goes_and_the_rest_is_numbered_anew() {
        let maps = maps([0.6, 0.9, 0.2, 0.8]);
        let after = |least: f32| {
            let mut labels = labels();
            remove_uncertain_objects(&mut labels, &maps, least);
            labels.data
        };
        assert_eq!(after(0.7), [1, 1, 0, 2]);
        assert_eq!(after(0.78), [0, 0, 0, 1]);
        assert_eq!(after(0.9), [0; 4]);
    }

    #[test]
    fn logits_beyond_all_numbers_are_certain_and_no_numbers_are_not() {
        let sure = [[-500.0; 4], [500.0; 4], [0.0; 4], [0.0; 4]].concat();
        assert_eq!(certainties(&sure, &labels())[1..], [1.0, 1.0]);
        let mut nothing = labels();
        remove_uncertain_objects(&mut nothing, &[f32::NAN; 4 * CHANNELS], 0.5);
        assert_eq!(nothing.data, [0; 4]);
    }
}
