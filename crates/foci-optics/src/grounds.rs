//! The grounds that probes are put on: images of one's own, or a synthetic specimen that looks like real ones.

use crate::OpticsError;
use foci_image::synth::{SpecimenOptions, generate};
use foci_image::{Normalisation, Plane};
use foci_measure::optics::{Brightness, Site, sites};
use foci_measure::{ImageView, MeasureError};

/// Side of the synthetic field.
const FIELD: usize = 448;
/// Seed of the synthetic field: every net that is tested without images of one's own is tested on the same one.
const SEED: u64 = 20_260;

/// Normalised images, each the ground of some probes.
#[derive(Debug, Clone, PartialEq)]
pub struct Grounds {
    /// Normalised planes.
    pub planes: Vec<Plane>,
    /// What they are, in words.
    pub origin: String,
}

impl Grounds {
    /// A field of synthetic nuclei of both kinds, with noise, haze and foci.
    ///
    /// # Errors
    /// None that an unchanged program meets; those of the specimen otherwise.
    pub fn synthetic() -> Result<Grounds, OpticsError> {
        let options =
            SpecimenOptions { width: FIELD, height: FIELD, seed: SEED, ..SpecimenOptions::default() };
        let specimen = generate(&options)?;
        let mut plane = specimen.image;
        Normalisation::of(&plane.data).apply_all(&mut plane.data);
        Ok(Grounds { planes: vec![plane], origin: format!("a synthetic field of {FIELD} x {FIELD} pixels") })
    }

    /// `count` sites of each brightness, taken from the images in turn.
    pub(crate) fn sites(&self, side: usize, count: usize) -> Result<Vec<Site>, OpticsError> {
        let mut all = Vec::new();
        for brightness in Brightness::ALL {
            let mut lists = Vec::new();
            for plane in self.large_enough(side) {
                lists.push(sites(view(plane)?, brightness, side, count)?.into_iter());
            }
            let mut found = Vec::new();
            while found.len() < count {
                let before = found.len();
                found.extend(lists.iter_mut().filter_map(Iterator::next));
                if found.len() == before {
                    break;
                }
            }
            found.truncate(count);
            all.extend(found);
        }
        if all.is_empty() {
            return Err(OpticsError::NoRoom { images: self.planes.len(), side });
        }
        Ok(all)
    }

    /// Windows of `side` x `side` pixels from the middles of up to `count` images.
    pub(crate) fn windows(&self, side: usize, count: usize) -> Result<Vec<Plane>, OpticsError> {
        let middle =
            |plane: &Plane| plane.rectangle((plane.width - side) / 2, (plane.height - side) / 2, side, side);
        let windows: Vec<Plane> = self.large_enough(side).filter_map(middle).take(count).collect();
        if windows.is_empty() {
            return Err(OpticsError::NoRoom { images: self.planes.len(), side });
        }
        Ok(windows)
    }

    fn large_enough(&self, side: usize) -> impl Iterator<Item = &Plane> {
        self.planes.iter().filter(move |plane| plane.width >= side && plane.height >= side)
    }
}

/// A plane as the measures see it.
pub(crate) fn view(plane: &Plane) -> Result<ImageView<'_>, MeasureError> {
    ImageView::new(plane.width, plane.height, &plane.data)
}
