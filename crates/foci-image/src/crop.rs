//! Random crops for training, repeatable from their seed.
//!
//! A crop is drawn first (place and orientation) and then taken from as many images as belong together:
//! the image, its labels, a noisy copy. Each training step draws from a stream of its own, so what step
//! 1000 sees does not depend on steps 1 to 999 having been computed in this process: a resumed run goes
//! on to the same crops.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::{ImageError, LabelImage, Plane};

/// Which orientations are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Orientations {
    /// As the image lies.
    AsIs,
    /// The eight of a square: quarter turns and mirror images, for images in which no direction is
    /// special. Quarter turns of an oblong crop are drawn only where the turned crop fits too.
    All,
}

/// A rectangle of an image, taken turned or mirrored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crop {
    /// Column of the left edge in the image.
    pub x: usize,
    /// Row of the top edge in the image.
    pub y: usize,
    /// Width of the result in pixels.
    pub width: usize,
    /// Height of the result in pixels.
    pub height: usize,
    /// Quarter turns of the result, clockwise, 0 to 3.
    pub turns: u8,
    /// Whether left and right are swapped before turning.
    pub mirrored: bool,
}

/// The random numbers of step `stream` of the run with `seed`.
pub fn generator(seed: u64, stream: u64) -> ChaCha8Rng {
    // The key is spelled out, because the ways from a number to a key differ between library versions.
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let mut generator = ChaCha8Rng::from_seed(key);
    generator.set_stream(stream);
    generator
}

/// A whole number from 0 to `count - 1`, each as likely as any other; 0 for a count of 0.
pub fn below(random: &mut impl Rng, count: usize) -> usize {
    let count = count.max(1) as u64;
    // Numbers of the last, incomplete run of `count` are drawn again, so that none is favoured.
    let limit = u64::MAX - u64::MAX % count;
    loop {
        let drawn = random.next_u64();
        if drawn < limit {
            return (drawn % count) as usize;
        }
    }
}

/// Draws a crop of `size` (width, height) from an image of `within` (width, height): orientation first,
/// then the place, each uniformly.
pub fn sample(
    random: &mut impl Rng,
    within: (usize, usize),
    size: (usize, usize),
    orientations: Orientations,
) -> Result<Crop, ImageError> {
    let fits = |(w, h): (usize, usize)| w <= within.0 && h <= within.1;
    let turned = (size.1, size.0);
    if size.0 == 0 || size.1 == 0 || !fits(size) {
        return Err(ImageError::CropTooLarge { width: size.0, height: size.1, within });
    }
    let (turns, mirrored) = match orientations {
        Orientations::AsIs => (0, false),
        Orientations::All if fits(turned) => (below(random, 4) as u8, below(random, 2) == 1),
        Orientations::All => (2 * below(random, 2) as u8, below(random, 2) == 1),
    };
    let taken = if turns % 2 == 1 { turned } else { size };
    let x = below(random, within.0 - taken.0 + 1);
    let y = below(random, within.1 - taken.1 + 1);
    Ok(Crop { x, y, width: size.0, height: size.1, turns, mirrored })
}

impl Crop {
    /// Copies the crop out of an image of `image_width` columns into `out`, row by row.
    ///
    /// # Panics
    /// If the crop reaches outside of the image or `out` is shorter than the crop; crops of [`sample`] lie
    /// inside the image they were drawn for.
    pub fn copy<T: Copy>(&self, image: &[T], image_width: usize, out: &mut [T]) {
        // Width and height of the rectangle in the image, before turning.
        let (w, h) = if self.turns % 2 == 1 { (self.height, self.width) } else { (self.width, self.height) };
        for y in 0..self.height {
            let row = &mut out[y * self.width..(y + 1) * self.width];
            for (x, value) in row.iter_mut().enumerate() {
                let (column, line) = match self.turns % 4 {
                    0 => (x, y),
                    1 => (y, h - 1 - x),
                    2 => (w - 1 - x, h - 1 - y),
                    _ => (w - 1 - y, x),
                };
                let column = if self.mirrored { w - 1 - column } else { column };
                *value = image[(self.y + line) * image_width + self.x + column];
            }
        }
    }

    /// The crop of a plane.
    pub fn plane(&self, image: &Plane) -> Plane {
        let mut out = Plane::zeros(self.width, self.height);
        self.copy(&image.data, image.width, &mut out.data);
        out
    }

    /// The crop of a label image; labels stay as they are.
    pub fn labels(&self, image: &LabelImage) -> LabelImage {
        let mut out = LabelImage::zeros(self.width, self.height);
        self.copy(&image.data, image.width, &mut out.data);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn taken(turns: u8, mirrored: bool) -> Vec<f32> {
        // 1 2 3
        // 4 5 6
        let image = Plane { width: 3, height: 2, data: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0] };
        let (width, height) = if turns % 2 == 1 { (2, 3) } else { (3, 2) };
        Crop { x: 0, y: 0, width, height, turns, mirrored }.plane(&image).data
    }

    #[test]
    fn the_eight_orientations() {
        assert_eq!(taken(0, false), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(taken(1, false), [4.0, 1.0, 5.0, 2.0, 6.0, 3.0]);
        assert_eq!(taken(2, false), [6.0, 5.0, 4.0, 3.0, 2.0, 1.0]);
        assert_eq!(taken(3, false), [3.0, 6.0, 2.0, 5.0, 1.0, 4.0]);
        assert_eq!(taken(0, true), [3.0, 2.0, 1.0, 6.0, 5.0, 4.0]);
        assert_eq!(taken(1, true), [6.0, 3.0, 5.0, 2.0, 4.0, 1.0]);
        assert_eq!(taken(2, true), [4.0, 5.0, 6.0, 1.0, 2.0, 3.0]);
        assert_eq!(taken(3, true), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    }

    #[test]
    fn a_step_draws_the_same_whatever_came_before() {
        let draw =
            |seed, step| sample(&mut generator(seed, step), (999, 777), (64, 32), Orientations::All).unwrap();
        assert_eq!(draw(1, 10), draw(1, 10));
        assert_ne!(draw(1, 10), draw(1, 11));
        assert_ne!(draw(1, 10), draw(2, 10));
    }

    #[test]
    fn the_generator_is_chacha8_with_the_seed_as_key() {
        // Key 0, stream 0, block 0 of ChaCha8: draft-strombergson-chacha-test-vectors, TC1, 256-bit key.
        let mut random = generator(0, 0);
        assert_eq!(random.next_u32().to_le_bytes(), [0x3e, 0x00, 0xef, 0x2f]);
    }

    #[test]
    fn a_crop_that_does_not_fit_is_an_error() {
        let mut random = generator(0, 0);
        assert!(sample(&mut random, (10, 10), (11, 1), Orientations::All).is_err());
        assert!(sample(&mut random, (10, 10), (0, 1), Orientations::AsIs).is_err());
    }

    #[test]
    fn every_orientation_and_place_is_drawn() {
        let mut seen = std::collections::BTreeSet::new();
        let mut random = generator(3, 0);
        for _ in 0..2000 {
            let crop = sample(&mut random, (5, 4), (3, 3), Orientations::All).unwrap();
            seen.insert((crop.x, crop.y, crop.turns, crop.mirrored));
        }
        assert_eq!(seen.len(), 3 * 2 * 8);
    }

    proptest! {
        #[test]
        fn crops_lie_inside(seed: u64, w in 1usize..60, h in 1usize..60, cw in 1usize..60, ch in 1usize..60) {
            let image = LabelImage { width: w, height: h, data: (0..(w * h) as u32).collect() };
            let drawn = sample(&mut generator(seed, 0), (w, h), (cw, ch), Orientations::All);
            prop_assert_eq!(drawn.is_ok(), cw <= w && ch <= h);
            if let Ok(crop) = drawn {
                // Every pixel of the crop comes from a place of its own.
                prop_assert_eq!(crop.labels(&image).objects() + usize::from(crop.labels(&image).data.contains(&0)), cw * ch);
            }
        }
    }
}
