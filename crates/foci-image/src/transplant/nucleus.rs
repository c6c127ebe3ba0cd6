//! One object taken out of its field: its light above the background around it, and how it is laid into another field.

use crate::{LabelImage, Plane};

/// Beyond an object so many pixels are taken along, fading, so that no edge is cut. No more: farther out lies haze, which differs
/// from field to field.
pub(super) const FADE: usize = 2;
/// The background is looked for within so many pixels around an object.
const AROUND: usize = 12;

/// An object with what is around it.
#[derive(Debug, Clone)]
pub(super) struct Nucleus {
    pub width: usize,
    pub height: usize,
    /// Row by row whether a pixel is of the object.
    pub inside: Vec<bool>,
    /// How much of a pixel is laid over another field: 1 in the object, falling to 0 around it.
    weights: Vec<f32>,
    /// Light above the background.
    light: Vec<f32>,
    /// Mean light of the object's pixels.
    pub brightness: f64,
    /// Pixels of the object.
    pub area: usize,
}

/// A rectangle of an image.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub x: usize,
    pub y: usize,
}

impl Nucleus {
    /// Takes the object `label`, none of whose pixels may reach `saturated`, and which lies in the rectangle from (`left`, `top`) to (`right`, `bottom`), both inside; `None` if it is too near to the edge or to another
    /// object, or no brighter than its background.
    pub fn cut(
        image: &Plane,
        labels: &LabelImage,
        label: u32,
        saturated: f32,
        [left, top, right, bottom]: [usize; 4],
    ) -> Option<Nucleus> {
        let (x, y) = (left.checked_sub(AROUND)?, top.checked_sub(AROUND)?);
        let (width, height) = (right + AROUND + 1 - x, bottom + AROUND + 1 - y);
        if x + width > image.width || y + height > image.height {
            return None;
        }
        let place = |at: usize| (y + at / width) * image.width + x + at % width;
        let inside: Vec<bool> = (0..width * height).map(|at| labels.data[place(at)] == label).collect();
        let weights = weights(&inside, width, height);
        let is_other = |at: usize| labels.data[place(at)] != 0 && !inside[at];
        if (0..inside.len()).any(|at| weights[at] > 0.0 && is_other(at)) {
            return None;
        }
        let ground = (0..inside.len()).filter(|&at| weights[at] == 0.0 && !is_other(at));
        let ground = median(ground.map(|at| image.data[place(at)]).collect())?;
        let light: Vec<f32> = (0..inside.len()).map(|at| image.data[place(at)] - ground).collect();
        let own: Vec<usize> = (0..inside.len()).filter(|&at| inside[at]).collect();
        if own.iter().any(|&at| image.data[place(at)] >= saturated) {
            return None;
        }
        let area = own.len();
        let brightness = own.iter().map(|&at| f64::from(light[at])).sum::<f64>() / area.max(1) as f64;
        (brightness > 0.0).then_some(Nucleus { width, height, inside, weights, light, brightness, area })
    }

    /// The same without detail: every pixel of it has the mean light.
    pub fn flat(mut self) -> Nucleus {
        for (light, inside) in self.light.iter_mut().zip(&self.inside) {
            if *inside {
                *light = self.brightness as f32;
            }
        }
        self
    }

    /// Whether it may lie at a place, where `taken` says which pixels are too near to other objects.
    pub fn fits(&self, taken: &[bool], width: usize, at: Place) -> bool {
        self.own_pixels(width, at).all(|pixel| !taken[pixel])
    }

    /// Pixels of a field of `width` columns that the object has at a place.
    pub fn own_pixels(&self, width: usize, at: Place) -> impl Iterator<Item = usize> + '_ {
        let own = move |pixel: usize| (at.y + pixel / self.width) * width + at.x + pixel % self.width;
        (0..self.inside.len()).filter(|&pixel| self.inside[pixel]).map(own)
    }

    /// Lays it into a field, its light times `gain` on the background that is there.
    pub fn lay(&self, image: &mut Plane, labels: &mut LabelImage, at: Place, gain: f64, label: u32) {
        let width = image.width;
        let place = |pixel: usize| (at.y + pixel / self.width) * width + at.x + pixel % self.width;
        let free = (0..self.inside.len()).filter(|&pixel| labels.data[place(pixel)] == 0);
        // Something is free, since it fits.
        let ground = median(free.map(|pixel| image.data[place(pixel)]).collect()).unwrap_or(0.0);
        for pixel in 0..self.inside.len() {
            let at = place(pixel);
            let own = ground + gain as f32 * self.light[pixel];
            image.data[at] += self.weights[pixel] * (own - image.data[at]);
            if self.inside[pixel] {
                labels.data[at] = label;
            }
        }
    }
}

/// 1 in the object, and by the distance from it falling to 0 at [`FADE`] pixels.
fn weights(inside: &[bool], width: usize, height: usize) -> Vec<f32> {
    let reach = FADE as isize;
    let weight = |at: usize| {
        if inside[at] {
            return 1.0;
        }
        let (x, y) = ((at % width) as isize, (at / width) as isize);
        let mut nearest = (reach * reach) as f32;
        for dy in -reach..=reach {
            for dx in -reach..=reach {
                let (nx, ny) = (x + dx, y + dy);
                let is_in = (0..width as isize).contains(&nx) && (0..height as isize).contains(&ny);
                if is_in && inside[ny as usize * width + nx as usize] {
                    nearest = nearest.min((dx * dx + dy * dy) as f32);
                }
            }
        }
        1.0 - nearest.sqrt() / FADE as f32
    };
    (0..inside.len()).map(weight).collect()
}

/// The value in the middle; `None` of nothing.
pub(super) fn median(mut values: Vec<f32>) -> Option<f32> {
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field of background 10 with a square of 8 x 8 pixels, 60 bright, in its middle.
    fn field() -> (Plane, LabelImage) {
        let (mut image, mut labels) = (Plane::zeros(40, 40), LabelImage::zeros(40, 40));
        image.data.fill(10.0);
        for at in 0..1600 {
            if (16..24).contains(&(at % 40)) && (16..24).contains(&(at / 40)) {
                (image.data[at], labels.data[at]) = (70.0, 3);
            }
        }
        (image, labels)
    }

    #[test]
    fn light_is_what_lies_above_the_background_and_is_laid_as_bright_as_asked() {
        let (image, labels) = field();
        let nucleus = Nucleus::cut(&image, &labels, 3, 255.0, [16, 16, 23, 23]).unwrap();
        assert_eq!((nucleus.width, nucleus.height, nucleus.brightness, nucleus.area), (32, 32, 60.0, 64));
        let (mut other, mut found) = (Plane::zeros(50, 45), LabelImage::zeros(50, 45));
        other.data.fill(5.0);
        nucleus.lay(&mut other, &mut found, Place { x: 10, y: 8 }, 0.5, 7);
        // The square begins 12 pixels inside of what was cut.
        assert_eq!((other.data[20 * 50 + 22], found.data[20 * 50 + 22]), (35.0, 7));
        assert_eq!(
            (other.data[20 * 50 + 21], found.data[20 * 50 + 21]),
            (5.0, 0),
            "its background is that of the field"
        );
        assert_eq!(found.data.iter().filter(|label| **label == 7).count(), 64);
        // Flat, an object of two levels has their mean.
        let (mut uneven, labels) = field();
        uneven
            .data
            .iter_mut()
            .zip(&labels.data)
            .step_by(2)
            .for_each(|(value, label)| *value += 20.0 * *label as f32 / 3.0);
        let nucleus = Nucleus::cut(&uneven, &labels, 3, 255.0, [16, 16, 23, 23]).unwrap();
        assert_eq!(nucleus.brightness, 70.0);
        let mut other = Plane::zeros(40, 40);
        nucleus.flat().lay(&mut other, &mut LabelImage::zeros(40, 40), Place { x: 4, y: 4 }, 1.0, 1);
        assert!(
            (16..24).all(|x| other.data[16 * 40 + x] == 70.0),
            "{:?}",
            &other.data[16 * 40 + 16..16 * 40 + 24]
        );
    }

    #[test]
    fn what_is_near_to_the_edge_or_to_another_is_not_taken() {
        let (image, mut labels) = field();
        labels.data[20 * 40 + 24] = 9;
        assert!(
            Nucleus::cut(&image, &labels, 3, 255.0, [16, 16, 23, 23]).is_none(),
            "one pixel beside another"
        );
        labels.data[20 * 40 + 24] = 0;
        assert!(Nucleus::cut(&image, &labels, 3, 70.0, [16, 16, 23, 23]).is_none(), "saturated");
        assert!(Nucleus::cut(&image, &labels, 3, 255.0, [16, 16, 30, 23]).is_none(), "the edge");
        let dark = Plane { data: image.data.iter().map(|value| 80.0 - value).collect(), ..image };
        assert!(
            Nucleus::cut(&dark, &labels, 3, 255.0, [16, 16, 23, 23]).is_none(),
            "darker than what is around"
        );
    }

    #[test]
    fn it_fits_where_nothing_is_taken() {
        let (image, labels) = field();
        let nucleus = Nucleus::cut(&image, &labels, 3, 255.0, [16, 16, 23, 23]).unwrap();
        let mut taken = vec![false; 1600];
        assert!(nucleus.fits(&taken, 40, Place { x: 2, y: 3 }));
        // Beside the square, but within what was cut.
        taken[3 * 40 + 3] = true;
        assert!(nucleus.fits(&taken, 40, Place { x: 2, y: 3 }));
        taken[(3 + 12) * 40 + 2 + 12] = true;
        assert!(!nucleus.fits(&taken, 40, Place { x: 2, y: 3 }));
        assert_eq!(nucleus.own_pixels(40, Place { x: 2, y: 3 }).next(), Some((3 + 12) * 40 + 2 + 12));
    }
}
