//! The five classical methods that Coelho, Shariff and Murphy (ISBI 2009) compare, from image to label image.
//!
//! Thresholds: pixels above the threshold, of which the majority in a square of 5 x 5 pixels decides for its middle; objects are what is
//! connected by sides. Nuclei that touch stay one object.
//!
//! Watersheds: seeds are the regional maxima of the image smoothed with a Gaussian and rounded to the image's own grey levels, so
//! that a maximum is at least one level above its surroundings. Each floods the image upside down (*direct*) or
//! its morphological gradient (*gradient*); what is below the mean of the smoothed image, in the smoothed image, is background afterwards.
//!
//! Small objects are removed last. Sizes are those of the image: a Gaussian of 12 pixels and 2,500 square pixels suit nuclei some 60
//! to 100 pixels wide, as those of the paper are, and nothing else.

use crate::filter::{gaussian, majority, morphological_gradient};
use crate::maxima::regional_maxima;
use crate::watershed::watershed;
use crate::{Levels, SegmentError, threshold};
use foci_image::components::{Connectivity, connected_components, remove_small_objects};
use foci_image::{LabelImage, Plane};

/// Side of the square whose majority decides after a threshold, in pixels.
const MAJORITY_PX: usize = 5;

/// A classical method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Otsu's threshold.
    Otsu,
    /// The threshold of Ridler and Calvard.
    RidlerCalvard,
    /// The mean as threshold.
    MeanThreshold,
    /// Watershed of the image itself.
    Watershed,
    /// Watershed of its gradient.
    WatershedGradient,
}

/// What a method can be told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MethodOptions {
    /// Objects of fewer pixels are removed; 0 keeps all.
    pub smallest: usize,
    /// Standard deviation of the Gaussian before maxima are looked for, in pixels; for watersheds only.
    pub sigma_px: f64,
}

impl Default for MethodOptions {
    fn default() -> Self {
        Self { smallest: 0, sigma_px: 12.0 }
    }
}

impl Method {
    /// All methods.
    pub const ALL: [Method; 5] = [
        Method::Otsu,
        Method::RidlerCalvard,
        Method::MeanThreshold,
        Method::Watershed,
        Method::WatershedGradient,
    ];

    /// The name that a person types.
    pub fn name(self) -> &'static str {
        match self {
            Method::Otsu => "otsu",
            Method::RidlerCalvard => "ridler-calvard",
            Method::MeanThreshold => "mean-threshold",
            Method::Watershed => "watershed",
            Method::WatershedGradient => "watershed-gradient",
        }
    }

    /// The method of this name.
    pub fn from_name(name: &str) -> Option<Method> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }

    /// Whether seeds are looked for, so that the smoothing matters.
    pub fn is_watershed(self) -> bool {
        matches!(self, Method::Watershed | Method::WatershedGradient)
    }

    /// The objects of an image of raw counts, numbered 1, 2, ..
    ///
    /// # Errors
    /// [`SegmentError::BadSigma`].
    pub fn segment(self, image: &Plane, options: &MethodOptions) -> Result<LabelImage, SegmentError> {
        let mut labels = match self {
            Method::Otsu => above(image, threshold::otsu(&Levels::of(image))),
            Method::RidlerCalvard => above(image, threshold::ridler_calvard(&Levels::of(image))),
            Method::MeanThreshold => above(image, threshold::mean(image)),
            Method::Watershed => flooded(image, &Levels::of(image).inverted(), options.sigma_px)?,
            Method::WatershedGradient => {
                flooded(image, &Levels::of(&morphological_gradient(image)), options.sigma_px)?
            }
        };
        remove_small_objects(&mut labels, options.smallest);
        Ok(labels)
    }
}

/// What is brighter than a threshold, in connected pieces.
fn above(image: &Plane, threshold: f64) -> LabelImage {
    let data = image.data.iter().map(|&value| u32::from(f64::from(value) > threshold)).collect();
    let mask = LabelImage { width: image.width, height: image.height, data };
    connected_components(&majority(&mask, MAJORITY_PX), Connectivity::Four)
}

/// The basins of a relief around the maxima of the smoothed image, as far as that is bright.
fn flooded(image: &Plane, relief: &Levels, sigma_px: f64) -> Result<LabelImage, SegmentError> {
    let smooth = gaussian(image, sigma_px)?;
    let mut labels = watershed(relief, &regional_maxima(&Levels::of(image).round(&smooth)))?;
    let threshold = threshold::mean(&smooth);
    for (label, &value) in labels.data.iter_mut().zip(&smooth.data) {
        if f64::from(value) < threshold {
            *label = 0;
        }
    }
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two bright discs of radius 14, 24 pixels apart, so that they touch, on a dim ground, and a small one away from them.
    fn specimen() -> Plane {
        let mut image = Plane::zeros(120, 80);
        for (at, value) in image.data.iter_mut().enumerate() {
            let (x, y) = ((at % 120) as f32, (at / 120) as f32);
            let dome =
                |cx: f32, cy: f32, r: f32| (1.0 - ((x - cx).powi(2) + (y - cy).powi(2)) / (r * r)).max(0.0);
            *value = (10.0
                + 200.0 * (dome(40.0, 40.0, 14.0) + dome(64.0, 40.0, 14.0) + dome(100.0, 20.0, 4.0)))
            .round();
        }
        image
    }

    #[test]
    fn thresholds_join_what_touches_and_watersheds_part_it() {
        let image = specimen();
        let objects = |method: Method, smallest| {
            let options = MethodOptions { smallest, sigma_px: 2.0 };
            method.segment(&image, &options).unwrap().objects()
        };
        assert_eq!(objects(Method::MeanThreshold, 0), 2);
        assert_eq!(objects(Method::MeanThreshold, 100), 1);
        for method in [Method::Watershed, Method::WatershedGradient] {
            assert_eq!(objects(method, 100), 2, "{}", method.name());
        }
        for method in [Method::Otsu, Method::RidlerCalvard] {
            assert!(objects(method, 0) >= 2, "{}", method.name());
        }
    }

    #[test]
    fn an_image_of_one_value_has_no_object_above_a_threshold_and_is_one_basin() {
        let image = Plane { width: 20, height: 12, data: vec![7.0; 240] };
        for method in Method::ALL {
            let objects = method.segment(&image, &MethodOptions::default()).unwrap().objects();
            assert_eq!(objects, usize::from(method.is_watershed()), "{}", method.name());
            assert_eq!(Method::from_name(method.name()), Some(method));
        }
        assert_eq!(Method::from_name("unet"), None);
        let options = MethodOptions { smallest: 0, sigma_px: -1.0 };
        assert!(Method::Watershed.segment(&image, &options).is_err());
    }
}
