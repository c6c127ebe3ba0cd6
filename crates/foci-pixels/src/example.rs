//! What a classifier learns from: images whose every pixel has a class, and the pixels that are drawn from them.

use crate::PixelError;
use crate::random::{Draws, PIXELS};
use foci_image::{LabelImage, Plane};
use foci_segment::Targets;

/// An image and the class of each of its pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    plane: Plane,
    classes: Vec<u8>,
    /// What stands where the class is not known.
    unknown: Option<u8>,
}

impl Example {
    /// An image and its classes, row by row. Images should be normalised as those to be classified will be
    /// ([`foci_image::Normalisation`]): thresholds are learnt in their unit.
    ///
    /// # Errors
    /// [`PixelError::Size`] if there are more or fewer classes than pixels.
    pub fn new(plane: Plane, classes: Vec<u8>) -> Result<Self, PixelError> {
        if plane.data.len() != classes.len() {
            let image = (plane.width, plane.height);
            return Err(PixelError::Size { image, classes: (0, classes.len()) });
        }
        Ok(Self { plane, classes, unknown: None })
    }

    /// An image and its classes, row by row; of pixels that have `unknown` there nothing is learnt.
    ///
    /// # Errors
    /// As [`Example::new`].
    pub fn of_known(plane: Plane, classes: Vec<u8>, unknown: u8) -> Result<Self, PixelError> {
        Ok(Self { unknown: Some(unknown), ..Self::new(plane, classes)? })
    }

    /// An image and a mask whose values are classes, from 0 to 255.
    ///
    /// # Errors
    /// [`PixelError::Size`]; [`PixelError::Class`] for values above 255.
    pub fn of_classes(plane: Plane, mask: &LabelImage) -> Result<Self, PixelError> {
        same_size(&plane, mask)?;
        let class = |(at, &class): (usize, &u32)| {
            let (x, y) = (at % mask.width, at / mask.width);
            u8::try_from(class).map_err(|_| PixelError::Class { example: 0, x, y, class, classes: 256 })
        };
        let classes = mask.data.iter().enumerate().map(class).collect::<Result<_, _>>()?;
        Self::new(plane, classes)
    }

    /// An image and its objects: background, inside and contact, as nets that outline objects learn them
    /// ([`foci_segment::targets`]).
    ///
    /// # Errors
    /// [`PixelError::Size`].
    pub fn of_objects(plane: Plane, labels: &LabelImage) -> Result<Self, PixelError> {
        same_size(&plane, labels)?;
        Self::new(plane, Targets::of(labels).classes)
    }

    /// The image.
    pub fn plane(&self) -> &Plane {
        &self.plane
    }

    /// The class of each pixel, row by row.
    pub fn classes(&self) -> &[u8] {
        &self.classes
    }

    /// Places and classes of the pixels whose class is known.
    fn known(&self) -> impl Iterator<Item = (usize, u8)> {
        let classes = self.classes.iter().copied().enumerate();
        classes.filter(|(_, class)| self.unknown != Some(*class))
    }
}

fn same_size(plane: &Plane, labels: &LabelImage) -> Result<(), PixelError> {
    let (image, classes) = ((plane.width, plane.height), (labels.width, labels.height));
    if image == classes { Ok(()) } else { Err(PixelError::Size { image, classes }) }
}

/// Pixels drawn from examples.
#[derive(Debug, PartialEq)]
pub(crate) struct Drawn {
    /// For each example the pixels drawn, in ascending order.
    pub pixels: Vec<Vec<u32>>,
    /// For each class how many pixels there are for one that was drawn.
    pub weights: Vec<f64>,
}

/// Draws up to `most` pixels of each class, each as likely as any other of its class (selection sampling: Knuth, The Art of
/// Computer Programming 2, algorithm 3.4.2 S).
///
/// # Errors
/// [`PixelError::Class`] for a class that is not below `classes`, [`PixelError::NoPixels`] for one that is nowhere.
pub(crate) fn draw(
    examples: &[Example],
    classes: usize,
    most: usize,
    seed: u64,
) -> Result<Drawn, PixelError> {
    let mut left = vec![0_u64; classes];
    for (number, example) in examples.iter().enumerate() {
        for (at, class) in example.known() {
            let Some(left) = left.get_mut(usize::from(class)) else {
                let (x, y) = (at % example.plane.width, at / example.plane.width);
                let class = u32::from(class);
                return Err(PixelError::Class { example: number, x, y, class, classes });
            };
            *left += 1;
        }
    }
    if let Some(class) = left.iter().position(|&count| count == 0) {
        return Err(PixelError::NoPixels { class, examples: examples.len() });
    }
    let mut wanted: Vec<u64> = left.iter().map(|&count| count.min(most as u64)).collect();
    let weights = left.iter().zip(&wanted).map(|(&all, &drawn)| all as f64 / drawn as f64).collect();
    let mut draws = Draws::new(seed, PIXELS);
    let mut is_drawn = |class: u8| {
        let (left, wanted) = (&mut left[usize::from(class)], &mut wanted[usize::from(class)]);
        let drawn = draws.index(*left) < *wanted;
        *left -= 1;
        *wanted -= u64::from(drawn);
        drawn
    };
    let of = |example: &Example| {
        let pixels = example.known().filter(|(_, class)| is_drawn(*class));
        pixels.map(|(pixel, _)| pixel as u32).collect()
    };
    let pixels = examples.iter().map(of).collect();
    Ok(Drawn { pixels, weights })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(classes: &[u8]) -> Example {
        Example::new(Plane::zeros(classes.len(), 1), classes.to_vec()).unwrap()
    }

    #[test]
    fn as_many_as_asked_for_of_each_class_and_all_of_what_is_rare() {
        let many: Vec<u8> = (0..1000).map(|at| u8::from(at % 2 == 1)).collect();
        let examples = [example(&many), example(&[2, 0, 2]), example(&many)];
        let drawn = draw(&examples, 3, 100, 4).unwrap();
        assert_eq!(drawn.weights, [10.01, 10.0, 1.0]);
        let mut counts = [0; 3];
        for (example, pixels) in examples.iter().zip(&drawn.pixels) {
            assert!(pixels.is_sorted());
            pixels.iter().for_each(|&pixel| counts[usize::from(example.classes[pixel as usize])] += 1);
        }
        assert_eq!(counts, [100, 100, 2]);
        // Half from each of two like images: 100, with a standard deviation of 7.
        assert!(drawn.pixels[0].len().abs_diff(100) < 30, "{}", drawn.pixels[0].len());
        assert_eq!(draw(&examples, 3, 100, 4).unwrap(), drawn);
        assert_ne!(draw(&examples, 3, 100, 5).unwrap(), drawn);
    }

    #[test]
    fn classes_that_are_missing_or_too_many_are_refused() {
        let examples = [example(&[0, 2]), example(&[0, 2, 3])];
        assert!(matches!(draw(&examples, 4, 9, 0), Err(PixelError::NoPixels { class: 1, examples: 2 })));
        let error = draw(&examples, 3, 9, 0).unwrap_err();
        assert!(
            matches!(error, PixelError::Class { example: 1, x: 2, y: 0, class: 3, classes: 3 }),
            "{error}"
        );
        assert!(matches!(draw(&[], 2, 9, 0), Err(PixelError::NoPixels { class: 0, examples: 0 })));
    }

    #[test]
    fn of_pixels_whose_class_is_unknown_nothing_is_learnt() {
        let unknown = Example::of_known(Plane::zeros(6, 1), vec![1, 9, 0, 9, 1, 0], 9).unwrap();
        let drawn = draw(&[unknown], 2, 100, 4).unwrap();
        assert_eq!((&drawn.pixels, &drawn.weights), (&vec![vec![0, 2, 4, 5]], &vec![1.0, 1.0]));
        assert!(Example::of_known(Plane::zeros(2, 1), vec![0], 9).is_err());
    }

    #[test]
    fn masks_must_fit() {
        let plane = || Plane::zeros(2, 2);
        let mask = |data: &[u32]| LabelImage { width: 2, height: data.len() / 2, data: data.to_vec() };
        assert_eq!(Example::of_classes(plane(), &mask(&[0, 1, 255, 3])).unwrap().classes, [0, 1, 255, 3]);
        let error = Example::of_classes(plane(), &mask(&[0, 1, 2, 256])).unwrap_err();
        assert!(matches!(error, PixelError::Class { x: 1, y: 1, class: 256, .. }));
        assert!(matches!(Example::of_classes(plane(), &mask(&[0, 1])), Err(PixelError::Size { .. })));
        assert!(matches!(Example::of_objects(plane(), &mask(&[0, 1])), Err(PixelError::Size { .. })));
        assert!(matches!(Example::new(plane(), vec![0; 5]), Err(PixelError::Size { classes: (0, 5), .. })));
        // Two objects side by side are in contact.
        assert_eq!(Example::of_objects(plane(), &mask(&[7, 9, 7, 9])).unwrap().classes, [2; 4]);
    }
}
