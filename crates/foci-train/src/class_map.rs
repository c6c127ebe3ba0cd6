//! What a model for classes says of an image: a class for each pixel, and how sure it is.

use foci_engine::softmax;
use foci_image::LabelImage;

/// The classes of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassMap {
    /// The likeliest class of each pixel, as the masks number them; of equals the first.
    pub classes: LabelImage,
    /// How likely each class is at each pixel, [K, H, W], the classes of a pixel summing to 1.
    pub probabilities: Vec<f32>,
}

impl ClassMap {
    /// From logits [K, H, W].
    pub fn of_logits(logits: &[f32], width: usize, height: usize) -> ClassMap {
        let mut probabilities = vec![0.0; logits.len()];
        softmax(logits, &mut probabilities, width * height);
        ClassMap { classes: likeliest(logits, width, height), probabilities }
    }

    /// How many classes there are; 0 for an image without pixels.
    pub fn count(&self) -> usize {
        self.probabilities.len().checked_div(self.classes.data.len()).unwrap_or(0)
    }

    /// Pixels of a class, and how likely it is where it is likeliest.
    pub fn of_class(&self, class: usize) -> (usize, f32) {
        let pixels = self.classes.data.len();
        let map = self.probabilities.get(class * pixels..(class + 1) * pixels).unwrap_or(&[]);
        let area = self.classes.data.iter().filter(|&&own| own as usize == class).count();
        (area, map.iter().copied().fold(0.0, f32::max))
    }
}

/// The class with the largest value at each pixel of `maps` [K, H, W], logits or probabilities; of equals the first.
pub fn likeliest(maps: &[f32], width: usize, height: usize) -> LabelImage {
    let pixels = width * height;
    let mut classes = LabelImage::zeros(width, height);
    for (at, class) in classes.data.iter_mut().enumerate() {
        let mut largest = f32::NEG_INFINITY;
        for (number, &value) in (0..).zip(maps[at..].iter().step_by(pixels)) {
            if value > largest {
                (largest, *class) = (value, number);
            }
        }
    }
    classes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_class_wins_and_probabilities_sum_to_one() {
        // Two pixels of three classes: logits 0, ln 3, 0 and 5, 5, -200.
        let map = ClassMap::of_logits(&[0.0, 5.0, 3f32.ln(), 5.0, 0.0, -200.0], 2, 1);
        assert_eq!(map.classes.data, [1, 0]);
        let expected = [0.2, 0.5, 0.6, 0.5, 0.2, 0.0];
        assert!(
            map.probabilities.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-6)
        );
        assert_eq!(map.count(), 3);
        let (area, likeliest) = map.of_class(1);
        assert!(area == 1 && (likeliest - 0.6).abs() < 1e-6);
        assert_eq!(map.of_class(7), (0, 0.0));
        assert_eq!(ClassMap::of_logits(&[], 0, 0).count(), 0);
    }
}
