//! Where probes are put: windows of a real or realistic image, dim or bright, in quiet places.
//!
//! A probe is drawn into the middle of a window. The brightness of a place is the mean of the 9 x 9 pixels around it, its
//! unrest their standard deviation. Of the places whose window lies inside the image, *dim* ones are the fifth with the
//! least brightness, *bright* ones the fifth with the most; from either, the quietest are taken, no two closer than half a window.
//! Quiet places, because a probe is told from its surroundings by a difference, and a net that is not linear
//! answers less cleanly where much else is going on. Same image, same sites.

use crate::optics::Scene;
use crate::{ImageView, MeasureError};
use serde::{Deserialize, Serialize};

/// Half the side of the square whose pixels tell how bright and how quiet a place is.
const REACH: usize = 4;
/// Places are looked at this many pixels apart.
const STRIDE: usize = 4;

/// Where a site lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Brightness {
    /// Among the darkest fifth of an image: between the cells.
    Dim,
    /// Among the brightest fifth: inside a nucleus.
    Bright,
}

impl Brightness {
    /// Both, dim first.
    pub const ALL: [Brightness; 2] = [Brightness::Dim, Brightness::Bright];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Brightness::Dim => "dim",
            Brightness::Bright => "bright",
        }
    }
}

/// A square window with a place for a probe in its middle, at column and row `side / 2`.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// The window.
    pub scene: Scene,
    /// Dim or bright.
    pub brightness: Brightness,
    /// Mean intensity around the middle.
    pub level: f64,
}

/// Up to `count` sites of `side` x `side` pixels; fewer where an image has no more of them.
///
/// # Errors
/// [`MeasureError::TooSmall`] if no window fits.
pub fn sites(
    image: ImageView<'_>,
    brightness: Brightness,
    side: usize,
    count: usize,
) -> Result<Vec<Site>, MeasureError> {
    let (width, height) = (image.width(), image.height());
    let least = side.max(2 * REACH + 1);
    if width < least || height < least {
        return Err(MeasureError::TooSmall { measure: "the optical bench", least, width, height });
    }
    let middle = side / 2;
    let mut places = Vec::new();
    for y in (middle.max(REACH)..height - (side - middle).max(REACH + 1) + 1).step_by(STRIDE) {
        for x in (middle.max(REACH)..width - (side - middle).max(REACH + 1) + 1).step_by(STRIDE) {
            places.push(Place::at(image, x, y));
        }
    }
    places.sort_by(|a, b| a.level.total_cmp(&b.level));
    let fifth = places.len().div_ceil(5);
    let chosen = match brightness {
        Brightness::Dim => &mut places[..fifth],
        Brightness::Bright => {
            let from = places.len() - fifth;
            &mut places[from..]
        }
    };
    chosen.sort_by(|a, b| a.unrest.total_cmp(&b.unrest));
    let mut taken: Vec<Place> = Vec::new();
    for place in chosen.iter() {
        let apart = |other: &Place| place.x.abs_diff(other.x).max(place.y.abs_diff(other.y)) >= side / 2;
        if taken.len() < count && taken.iter().all(apart) {
            taken.push(*place);
        }
    }
    taken
        .into_iter()
        .map(|place| {
            let window = image.window(place.x - middle, place.y - middle, side);
            let scene = Scene::of(ImageView::new(side, side, &window)?);
            Ok(Site { scene, brightness, level: place.level })
        })
        .collect()
}

#[derive(Clone, Copy)]
struct Place {
    x: usize,
    y: usize,
    level: f64,
    unrest: f64,
}

impl Place {
    fn at(image: ImageView<'_>, x: usize, y: usize) -> Place {
        let around = |y: usize| image.row(y)[x - REACH..=x + REACH].iter().map(|&value| f64::from(value));
        let values = || (y - REACH..=y + REACH).flat_map(around);
        let count = ((2 * REACH + 1) * (2 * REACH + 1)) as f64;
        let level = values().sum::<f64>() / count;
        let variance = values().map(|value| (value - level) * (value - level)).sum::<f64>() / count;
        Place { x, y, level, unrest: variance.sqrt() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Left half dim, right half bright, each with one noisy quarter.
    fn halves() -> Vec<f32> {
        let noise = |x: usize, y: usize| ((x * 7919 + y * 104_729) % 17) as f32 / 100.0 - 0.08;
        let value = |x: usize, y: usize| {
            let level = if x < 60 { 0.1 } else { 0.8 };
            if y < 30 { level + noise(x, y) } else { level }
        };
        (0..60 * 120).map(|i| value(i % 120, i / 120)).collect()
    }

    #[test]
    fn dim_and_bright_places_are_found_in_quiet_parts_and_apart() {
        let pixels = halves();
        let image = ImageView::new(120, 60, &pixels).unwrap();
        for (brightness, level) in [(Brightness::Dim, 0.1), (Brightness::Bright, 0.8)] {
            let found = sites(image, brightness, 24, 2).unwrap();
            assert_eq!(found.len(), 2);
            for site in &found {
                assert_eq!((site.scene.width(), site.scene.height()), (24, 24));
                // Quiet places have the plain level.
                assert!((site.level - level).abs() < 0.01, "{brightness:?} {}", site.level);
                assert_eq!(site.scene.view().unwrap().row(12)[12], level as f32);
            }
        }
        assert!(sites(image, Brightness::Dim, 24, 1000).unwrap().len() < 30);
    }

    #[test]
    fn an_image_without_room_is_refused_and_one_window_is_enough() {
        let pixels = vec![0.5; 24 * 24];
        let image = ImageView::new(24, 24, &pixels).unwrap();
        assert!(matches!(sites(image, Brightness::Dim, 25, 1), Err(MeasureError::TooSmall { .. })));
        assert_eq!(sites(image, Brightness::Bright, 24, 5).unwrap().len(), 1);
    }

    #[test]
    fn a_window_smaller_than_what_is_averaged_keeps_away_from_the_border() {
        for side in 1..=2 * REACH + 1 {
            for (width, height) in (9..18).flat_map(|width| (9..18).map(move |height| (width, height))) {
                let pixels = vec![0.5; width * height];
                let image = ImageView::new(width, height, &pixels).unwrap();
                assert!(!sites(image, Brightness::Dim, side, 3).unwrap().is_empty());
            }
        }
    }

    #[test]
    fn the_level_is_the_mean_around_the_middle() {
        // On a slope that is the value in the middle itself.
        let pixels: Vec<f32> = (0..80 * 70).map(|i| (i % 80) as f32 + 0.5 * (i / 80) as f32).collect();
        let image = ImageView::new(80, 70, &pixels).unwrap();
        for brightness in Brightness::ALL {
            for site in sites(image, brightness, 24, 3).unwrap() {
                let middle = f64::from(site.scene.view().unwrap().row(12)[12]);
                assert!((site.level - middle).abs() < 1e-9, "{} and {middle}", site.level);
            }
        }
    }
}
