//! Which held-out tiles the report shows, and where it looks closely.
//!
//! The choice depends on the images alone, never on how well a net does on them: the tile with the most
//! foci, the one with the most touching nuclei, and the one in between.

use crate::StudyError;
use crate::data::TestTile;
use crate::execute::Executed;
use crate::measure::{Known, TestBench, noisy};
use crate::plan::Plan;
use crate::report::{PictureSet, Reconstruction, Region};
use crate::study::Observer;
use foci_kernels::Compute;
use foci_measure::meter::Reference;
use foci_measure::touching::{Bounds, TouchingPair};
use foci_train::Predictor;

/// Tiles that the report shows.
const TILES: usize = 3;
/// Distance from the border, in pixels, that magnified regions keep where they can.
const MARGIN: usize = 8;
/// Side of a magnified region in pixels of the tile.
const REGION: usize = 72;

/// Reconstructs the chosen tiles with the models of the first seed.
pub(crate) fn take(
    plan: &Plan,
    bench: &TestBench,
    executed: &Executed,
    compute: &Compute,
    observer: &mut dyn Observer,
) -> Result<Vec<PictureSet>, StudyError> {
    let tiles = images(bench);
    let mut sets: Vec<(usize, PictureSet)> = choose(&tiles)
        .into_iter()
        .map(|number| {
            let (tile, reference) = tiles[number];
            let set = PictureSet {
                tile: tile.name.clone(),
                original: tile.plane.clone(),
                reconstructions: Vec::new(),
                foci: foci_region(reference, tile.plane.width, tile.plane.height),
                boundary: boundary_region(reference, tile.plane.width, tile.plane.height),
            };
            (number, set)
        })
        .collect();
    // Variants differ too little to be told apart by eye, and are too many.
    let bases = || plan.arms.iter().filter(|planned| planned.arm.variant_of.is_none());
    let (what, all) = ("taking pictures", bases().count() * sets.len());
    let mut done = 0;
    for planned in bases() {
        let arm = &planned.arm;
        let model = executed.model(&arm.name, 0)?;
        let mut predictor = Predictor::new(&model, compute);
        for (number, set) in &mut sets {
            observer.phase(what, done, all)?;
            done += 1;
            let input = noisy(&set.original, arm.input_noise, *number);
            let plane = predictor
                .predict(&input)
                .map_err(|error| StudyError::Measure { tile: set.tile.clone(), reason: error.to_string() })?;
            let metrics = executed.tile_metrics(&arm.name, 0, &set.tile);
            set.reconstructions.push(Reconstruction { net: arm.name.clone(), plane, metrics });
        }
    }
    observer.phase(what, all, all)?;
    Ok(sets.into_iter().map(|(_, set)| set).collect())
}

/// The tiles that are to be given back, with what is known of them; none if the study is of another task.
fn images<'b>(bench: &'b TestBench) -> Vec<(&'b TestTile, &'b Reference<'b>)> {
    let of_image = |(tile, known): &'b (&'b TestTile, Known<'b>)| match known {
        Known::Image(reference) => Some((*tile, &**reference)),
        Known::Objects(_) | Known::Classes(_) => None,
    };
    bench.tiles().iter().filter_map(of_image).collect()
}

/// Numbers of the tiles to show.
fn choose(tiles: &[(&TestTile, &Reference)]) -> Vec<usize> {
    let foci = |number: &usize| tiles[*number].1.spots.len();
    let pairs = |number: &usize| tiles[*number].1.touching.as_ref().map_or(0, Vec::len);
    let mut left: Vec<usize> = (0..tiles.len()).collect();
    let mut chosen = Vec::new();
    for turn in 0..TILES.min(tiles.len()) {
        // `max_by_key` takes the last of equals; reversed, the first tile wins.
        let best = match turn {
            0 => left.iter().rev().max_by_key(|number| foci(number)),
            1 => left.iter().rev().max_by_key(|number| pairs(number)),
            _ => left.iter().rev().max_by_key(|number| foci(number).min(20 * pairs(number))),
        };
        if let Some(&best) = best {
            chosen.push(best);
            left.retain(|number| *number != best);
        }
    }
    chosen
}

/// The region with the most spots in it, away from the border where nets see padding.
fn foci_region(reference: &Reference, width: usize, height: usize) -> Option<Region> {
    let inside = |region: &Region| {
        let within = |value: f64, start: usize, length: usize| {
            (start as f64..(start + length) as f64).contains(&value)
        };
        reference
            .spots
            .iter()
            .filter(|spot| {
                within(spot.at.x, region.x, region.width) && within(spot.at.y, region.y, region.height)
            })
            .count()
    };
    let away = |region: &Region| {
        let clear =
            |start: usize, side: usize, length: usize| start >= MARGIN && start + side + MARGIN <= length;
        clear(region.x, region.width, width) && clear(region.y, region.height, height)
    };
    let regions = || reference.spots.iter().map(|spot| around(spot.at.x, spot.at.y, width, height));
    regions().filter(away).max_by_key(inside).or_else(|| regions().max_by_key(inside))
}

/// The region around the pair of touching nuclei with the longest seam.
fn boundary_region(reference: &Reference, width: usize, height: usize) -> Option<Region> {
    let pairs = reference.touching.as_ref()?;
    let length = |pair: &&TouchingPair| {
        let Bounds { left, top, right, bottom } = pair.bounds;
        let away = left >= MARGIN && top >= MARGIN && right + MARGIN <= width && bottom + MARGIN <= height;
        (away, right - left + bottom - top)
    };
    let longest = pairs.iter().max_by_key(length)?;
    Some(around(longest.centre.x, longest.centre.y, width, height))
}

/// A region around a place, moved to lie inside the tile.
fn around(x: f64, y: f64, width: usize, height: usize) -> Region {
    let fit = |centre: f64, length: usize| {
        let side = REGION.min(length);
        ((centre - side as f64 / 2.0).max(0.0) as usize).min(length - side)
    };
    Region { x: fit(x, width), y: fit(y, height), width: REGION.min(width), height: REGION.min(height) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_lies_inside_the_tile() {
        assert_eq!(around(5.0, 250.0, 300, 256), Region { x: 0, y: 184, width: 72, height: 72 });
        assert_eq!(around(10.0, 10.0, 40, 40), Region { x: 0, y: 0, width: 40, height: 40 });
    }
}
