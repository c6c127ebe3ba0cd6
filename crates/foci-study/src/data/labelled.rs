//! What an arm learns from: all tiles to train on, those of a few fields, or all of them without their masks.

use super::Data;
use foci_image::crop::{below, generator};
use foci_train::{Example, Tiles};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Stream of the drawing.
const DRAWN: u64 = 0x001a_be11_ed00;

impl Data {
    /// Fields that there are to train on, by their places in the dataset: those with a tile that a crop fits into.
    pub fn training_fields(&self, least_side: usize) -> Vec<usize> {
        let of_tiles = self.fields_of_training.iter().zip(&self.tiles.training);
        let fields: BTreeSet<usize> =
            of_tiles.filter(|(_, example)| example.holds(least_side)).map(|(field, _)| *field).collect();
        fields.into_iter().collect()
    }

    /// The tiles of `labelled` fields to train on, drawn by `seed`, or of all; those to validate on are the same for all. With the same
    /// seed more fields include those of fewer.
    pub fn tiles_of(&self, labelled: Option<usize>, seed: u64, least_side: usize) -> Cow<'_, Tiles> {
        let Some(count) = labelled else { return Cow::Borrowed(&self.tiles) };
        let drawn = draw(self.training_fields(least_side), count, seed);
        let of_tiles = self.fields_of_training.iter().zip(&self.tiles.training);
        let training =
            of_tiles.filter(|(field, _)| drawn.contains(field)).map(|(_, example)| example.clone()).collect();
        // A run that goes on must go on with the same fields.
        let fingerprint = format!("{} fields {drawn:?}", self.tiles.fingerprint);
        let Tiles { validation, classes, seen, reading, .. } = &self.tiles;
        let (validation, classes, seen) = (validation.clone(), classes.clone(), seen.clone());
        Cow::Owned(Tiles { training, validation, fingerprint, classes, seen, reading: *reading })
    }

    /// All images, without their masks.
    pub fn tiles_without_masks(&self) -> Tiles {
        let images = |examples: &[Example]| examples.iter().map(|example| example.image.clone()).collect();
        Tiles {
            fingerprint: self.tiles.fingerprint.clone(),
            seen: self.tiles.seen.clone(),
            reading: self.tiles.reading,
            ..Tiles::of_planes(images(&self.tiles.training), images(&self.tiles.validation))
        }
    }
}

/// The first so many fields of an order that the seed decides (Fisher and Yates).
fn draw(mut order: Vec<usize>, count: usize, seed: u64) -> BTreeSet<usize> {
    let mut random = generator(seed, DRAWN);
    for place in 0..count.min(order.len()) {
        let other = place + below(&mut random, order.len() - place);
        order.swap(place, other);
    }
    order.truncate(count);
    order.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_fields_include_those_of_fewer_and_seeds_draw_others() {
        let drawn = |count, seed| draw((0..40).collect(), count, seed);
        let few = drawn(5, 3);
        assert_eq!(few.len(), 5);
        assert!(few.is_subset(&drawn(10, 3)));
        assert_ne!(few, drawn(5, 4));
        assert_eq!(drawn(40, 3).len(), 40);
    }
}
