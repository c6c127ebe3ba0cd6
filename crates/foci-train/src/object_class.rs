//! Of which class an object is, and how sure that is.
//!
//! A net that has learnt classes of objects gives a logit for each class at each pixel. The probability of a class of an object is
//! the mean over the object's pixels of the softmax of those; its class is the likeliest, of equals the first.

use foci_engine::softmax;
use foci_image::LabelImage;
use std::collections::BTreeMap;

/// The objects of an image, with their classes if the model knows any.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The objects.
    pub labels: LabelImage,
    /// The class of each, in the order of their labels; empty if the model knows none.
    pub classes: Vec<ObjectClass>,
}

/// The class of one object.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectClass {
    /// The object.
    pub label: u32,
    /// Its class, as a number of those of the recipe.
    pub class: usize,
    /// How likely each class is; they sum to 1.
    pub probabilities: Vec<f64>,
}

impl ObjectClass {
    /// How likely its class is.
    pub fn probability(&self) -> f64 {
        self.probabilities.get(self.class).copied().unwrap_or(0.0)
    }
}

/// The classes of the objects in `labels`, in the order of their labels, from logits [K, H, W] or logarithms of probabilities; none without
/// classes.
pub fn classify(logits: &[f32], labels: &LabelImage) -> Vec<ObjectClass> {
    let pixels = labels.data.len();
    let count = logits.len().checked_div(pixels).unwrap_or(0);
    if count == 0 {
        return Vec::new();
    }
    let (mut own, mut probabilities) = (vec![0.0; count], vec![0.0; count]);
    let mut objects: BTreeMap<u32, (usize, Vec<f64>)> = BTreeMap::new();
    for (at, &label) in labels.data.iter().enumerate().filter(|(_, label)| **label != 0) {
        own.iter_mut().zip(logits[at..].iter().step_by(pixels)).for_each(|(own, logit)| *own = *logit);
        softmax(&own, &mut probabilities, 1);
        let (area, sums) = objects.entry(label).or_insert_with(|| (0, vec![0.0; count]));
        *area += 1;
        sums.iter_mut().zip(&probabilities).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    let object = |(label, (area, sums)): (u32, (usize, Vec<f64>))| {
        let probabilities: Vec<f64> = sums.into_iter().map(|sum| sum / area as f64).collect();
        let mut class = 0;
        for (other, &probability) in probabilities.iter().enumerate() {
            if probability > probabilities[class] {
                class = other;
            }
        }
        ObjectClass { label, class, probabilities }
    };
    objects.into_iter().map(object).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probability_of_an_object_is_the_mean_over_its_pixels() {
        let labels = LabelImage { width: 4, height: 1, data: vec![3, 3, 0, 9] };
        // Odds of 3 to 1 and 1 to 1 for the second class in object 3; 1 to 4 in object 9.
        let logits = [0.0, 0.0, 5.0, 4f32.ln(), 3f32.ln(), 0.0, -5.0, 0.0];
        let found = classify(&logits, &labels);
        assert_eq!(
            found.iter().map(|object| (object.label, object.class)).collect::<Vec<_>>(),
            [(3, 1), (9, 0)]
        );
        assert!((found[0].probability() - 0.625).abs() < 1e-6);
        assert!((found[1].probability() - 0.8).abs() < 1e-6);
        assert!(found.iter().all(|object| (object.probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-6));
        assert!(classify(&[], &labels).is_empty());
    }
}
