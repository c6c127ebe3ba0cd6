//! Objects from the probabilities of pixels: the same steps as from a net's maps ([`mod@foci_segment::objects`]), with a depth that
//! is measured instead of learnt.
//!
//! 1. Probabilities are smoothed with a Gaussian. A forest decides about each pixel for itself, so its probabilities are rough
//!    where a net's are not, and every speck would be a hole or a contact.
//! 2. A net says how deep inside its object a pixel lies; a pixel classifier sees too little for that. Where inside is likelier
//!    than contact and background less likely than one half, the depth is the distance from the nearest pixel where that is not so,
//!    divided by the greatest such distance in its connected piece; elsewhere it is 0. So a piece that narrows has a peak on both
//!    sides of its waist, and they stand out by half of what is lost in depth: the classical division of touching nuclei by
//!    their outline (Malpica et al., Cytometry 1997), helped by the contacts that the classifier has learnt.
//! 3. Peaks, flood and small objects are those of [`fn@foci_segment::objects`].

use crate::PixelError;
use foci_image::components::{Connectivity, connected_components};
use foci_image::{LabelImage, Plane};
use foci_measure::labels::distance::{NOWHERE, squared_distances};
use foci_segment::ObjectOptions;
use foci_segment::filter::gaussian;
use foci_segment::targets::{BACKGROUND, CHANNELS, CLASSES, CONTACT, INSIDE};

/// Probabilities below this count as this, so that their logarithm exists.
const LEAST: f32 = 1e-6;
/// Probability of background from which on a pixel is no object's.
const BACKGROUND_FROM: f32 = 0.5;

/// How objects are made of probabilities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PixelObjectOptions {
    /// Standard deviation of the smoothing, in pixels. Some tenths of the radius of the smallest objects; 0 for none.
    pub smoothing_px: f64,
    /// What separates objects.
    pub objects: ObjectOptions,
}

impl Default for PixelObjectOptions {
    fn default() -> Self {
        Self { smoothing_px: 2.0, objects: ObjectOptions::default() }
    }
}

/// The objects in the probabilities of background, inside and contact, [3, height, width], or of background and inside alone,
/// [2, height, width].
///
/// # Errors
/// Those of [`maps`].
pub fn objects(
    probabilities: &[f32],
    classes: usize,
    width: usize,
    height: usize,
    options: &PixelObjectOptions,
) -> Result<LabelImage, PixelError> {
    let maps = maps(probabilities, classes, width, height, options.smoothing_px)?;
    Ok(foci_segment::objects(&maps, width, height, &options.objects)?)
}

/// What a net would have said, [4, height, width], as [`fn@foci_segment::objects`] takes it: logarithms of the smoothed probabilities of background,
/// inside and contact, and depths. For whoever makes objects of the same maps in several ways; otherwise as [`objects`].
///
/// # Errors
/// [`PixelError::NoObjects`] for other than two or three classes; [`PixelError::Length`] if the probabilities are more or fewer;
/// [`PixelError::Segment`] for a smoothing that no Gaussian has.
pub fn maps(
    probabilities: &[f32],
    classes: usize,
    width: usize,
    height: usize,
    smoothing_px: f64,
) -> Result<Vec<f32>, PixelError> {
    let pixels = width * height;
    if !(2..=CLASSES).contains(&classes) {
        return Err(PixelError::NoObjects { classes });
    }
    if probabilities.len() != classes * pixels {
        let (expected, found) = (classes * pixels, probabilities.len());
        return Err(PixelError::Length { what: "the probabilities", expected, found });
    }
    // Without a class of contacts there are none.
    let mut smooth = [BACKGROUND, INSIDE, CONTACT].map(|_| Plane::zeros(width, height));
    for (class, smooth) in smooth.iter_mut().take(classes).enumerate() {
        let data = probabilities[class * pixels..(class + 1) * pixels].to_vec();
        *smooth = gaussian(&Plane { width, height, data }, smoothing_px)?;
    }
    let logits =
        smooth.iter().flat_map(|plane| plane.data.iter().map(|probability| probability.max(LEAST).ln()));
    let mut maps = Vec::with_capacity(CHANNELS * pixels);
    maps.extend(logits);
    let [background, inside, contact] = &smooth;
    let is_inside = |at: usize| background.data[at] < BACKGROUND_FROM && inside.data[at] > contact.data[at];
    let set: Vec<bool> = (0..pixels).map(is_inside).collect();
    maps.extend(depths(&set, width, height));
    Ok(maps)
}

/// How deep each pixel lies in its connected piece of a set, 0 to 1.
fn depths(set: &[bool], width: usize, height: usize) -> Vec<f32> {
    let data = set.iter().map(|&is_in| u32::from(is_in)).collect();
    let pieces = connected_components(&LabelImage { width, height, data }, Connectivity::Four);
    let squared = squared_distances(width, height, |at| !set[at]);
    let mut deepest = vec![0; pieces.largest() as usize + 1];
    for (&piece, &squared) in pieces.data.iter().zip(&squared) {
        deepest[piece as usize] = squared.max(deepest[piece as usize]);
    }
    let depth = |(&piece, &squared): (&u32, &u64)| match (piece, deepest[piece as usize]) {
        (0, _) => 0.0,
        // A piece that fills the image has no outside, and no middle.
        (_, NOWHERE) => 1.0,
        (_, deepest) => (squared as f64 / deepest as f64).sqrt() as f32,
    };
    pieces.data.iter().zip(&squared).map(depth).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = 60;
    const AS_IT_IS: PixelObjectOptions = PixelObjectOptions {
        smoothing_px: 0.0,
        objects: ObjectOptions { prominence: 0.05, smallest: 10, fill_holes: false, certainty: 0.0 },
    };

    /// Probabilities that leave no doubt about the classes of pixels.
    fn certain(classes: &[u8], count: u8) -> Vec<f32> {
        (0..count)
            .flat_map(|class| classes.iter().map(move |&own| f32::from(u8::from(own == class))))
            .collect()
    }

    fn within(at: usize, x: f32, y: f32, radius: f32) -> bool {
        ((at % SIDE) as f32 - x).hypot((at / SIDE) as f32 - y) <= radius
    }

    #[test]
    fn discs_that_touch_are_parted_at_their_waist_without_any_contact() {
        // Radius 11, 18 apart: the waist is 2 sqrt(11^2 - 9^2) = 12.6 wide, the widest place 22. Depth falls from 1 to 0.57 there, and the
        // mean of it and of certainly inside to 0.79: two objects at a prominence of 0.1, one at 0.3.
        let of = |at| within(at, 20.0, 30.0, 11.0) || within(at, 38.0, 30.0, 11.0);
        let classes: Vec<u8> = (0..SIDE * SIDE).map(|at| u8::from(of(at))).collect();
        let count = |prominence| {
            let options = PixelObjectOptions {
                smoothing_px: 0.0,
                objects: ObjectOptions { prominence, ..ObjectOptions::default() },
            };
            let labels = objects(&certain(&classes, 2), 2, SIDE, SIDE, &options).unwrap();
            assert!(labels.data.iter().zip(&classes).all(|(&label, &class)| (label != 0) == (class != 0)));
            labels.objects()
        };
        assert_eq!((count(0.3), count(0.1)), (1, 2));
    }

    #[test]
    fn contacts_part_what_no_waist_does_and_small_objects_stay() {
        // A square of 40 x 20 with a line of contacts down its middle, and a speck of 12 pixels whose depth is its own.
        let class = |at: usize| match (at % SIDE, at / SIDE) {
            (24..=26, 10..=29) => CONTACT,
            (5..=45, 10..=29) | (50..=53, 50..=52) => INSIDE,
            _ => BACKGROUND,
        };
        let classes: Vec<u8> = (0..SIDE * SIDE).map(class).collect();
        let labels = objects(&certain(&classes, 3), 3, SIDE, SIDE, &AS_IT_IS).unwrap();
        assert_eq!(labels.objects(), 3);
        // Contacts are of objects too.
        assert!(
            labels.data.iter().zip(&classes).all(|(&label, &class)| (label != 0) == (class != BACKGROUND))
        );
        assert_ne!(labels.at(10, 20), labels.at(40, 20));
    }

    #[test]
    fn specks_are_smoothed_away() {
        // Every fourth column of a disc is taken for contacts.
        let class = |at: usize| match (within(at, 30.0, 30.0, 20.0), (at % SIDE).is_multiple_of(4)) {
            (false, _) => BACKGROUND,
            (true, false) => INSIDE,
            (true, true) => CONTACT,
        };
        let classes: Vec<u8> = (0..SIDE * SIDE).map(class).collect();
        let count = |options: &PixelObjectOptions| {
            objects(&certain(&classes, 3), 3, SIDE, SIDE, options).unwrap().objects()
        };
        assert_eq!(count(&PixelObjectOptions::default()), 1);
        assert!(count(&AS_IT_IS) > 1);
        let options = PixelObjectOptions { smoothing_px: f64::NAN, ..AS_IT_IS };
        assert!(matches!(
            objects(&certain(&classes, 3), 3, SIDE, SIDE, &options),
            Err(PixelError::Segment(_))
        ));
    }

    #[test]
    fn nothing_everything_and_what_does_not_fit() {
        let options = PixelObjectOptions::default();
        let of = |class: u8| objects(&certain(&[class; 16], 3), 3, 4, 4, &options).unwrap().data;
        assert_eq!((of(BACKGROUND), of(INSIDE)), (vec![0; 16], vec![1; 16]));
        assert!(matches!(objects(&[0.0; 64], 4, 4, 4, &options), Err(PixelError::NoObjects { classes: 4 })));
        assert!(matches!(
            objects(&[0.0; 47], 3, 4, 4, &options),
            Err(PixelError::Length { expected: 48, .. })
        ));
        assert_eq!(objects(&[f32::NAN; 48], 3, 4, 4, &options).unwrap().data.len(), 16);
        assert!(objects(&[], 3, 0, 0, &options).unwrap().data.is_empty());
    }
}
