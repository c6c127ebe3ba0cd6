//! What an arm learns from: all tiles to train on, those of a few fields, or all of them without their masks.

use super::Data;
use foci_image::crop::{below, generator};
use foci_train::Tiles;
use std::borrow::Cow;
use std::collections::BTreeSet;

impl Data {
    /// Fields that there are to train on.
    pub fn training_field_count(&self) -> usize {
        self.training_fields.iter().collect::<BTreeSet<_>>().len()
    }

    /// The tiles of `labelled` fields to train on, drawn by `seed`, or of all; those to validate on are the same for all. With the same
    /// seed more fields include those of fewer.
    pub fn tiles_of(&self, labelled: Option<usize>, seed: u64) -> Cow<'_, Tiles> {
        let Some(count) = labelled.filter(|&count| count < self.training_field_count()) else {
            return Cow::Borrowed(&self.tiles);
        };
        let drawn = draw(&self.training_fields, count, seed);
        let of_drawn = self.training_fields.iter().zip(&self.tiles.training);
        let training =
            of_drawn.filter(|(field, _)| drawn.contains(field)).map(|(_, example)| example.clone()).collect();
        // A run that goes on must go on with the same fields.
        let fingerprint = format!("{} fields {drawn:?}", self.tiles.fingerprint);
        Cow::Owned(Tiles { training, fingerprint, ..self.tiles.clone() })
    }

    /// All tiles, as a net sees them that learns nothing of classes.
    pub fn tiles_without_masks(&self) -> Tiles {
        Tiles { classes: Vec::new(), ..self.tiles.clone() }
    }
}

/// The first so many fields of an order that the seed decides (Fisher and Yates).
fn draw(fields: &[usize], count: usize, seed: u64) -> BTreeSet<usize> {
    let mut order: Vec<usize> = fields.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let mut random = generator(seed, DRAWN);
    for place in 0..count.min(order.len()) {
        let other = place + below(&mut random, order.len() - place);
        order.swap(place, other);
    }
    order.truncate(count);
    order.into_iter().collect()
}

/// Stream of the drawing.
const DRAWN: u64 = 0x001a_be11_ed00;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_fields_include_those_of_fewer_and_seeds_draw_others() {
        let fields: Vec<usize> = (0..40).flat_map(|field| [field, field]).collect();
        let few = draw(&fields, 5, 3);
        assert_eq!(few.len(), 5);
        assert!(few.is_subset(&draw(&fields, 10, 3)));
        assert_ne!(few, draw(&fields, 5, 4));
        assert_eq!(draw(&fields, 40, 3).len(), 40);
    }
}
