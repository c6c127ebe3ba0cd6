//! Images in tiles: the answer is that of the whole image, bit for bit.

// A test may stop at anything unexpected.
#![allow(clippy::unwrap_used)]

mod common;

use common::{image, model, plan};
use foci_image::Plane;
use foci_kernels::{Compute, Simd};
use foci_net::{Architecture, solve};
use foci_train::{LossKind, Predictor, Task, TrainError, TrainingPlan};

#[test]
fn tiles_give_the_bits_of_the_whole() {
    let compute = Compute::new(2, Simd::detect().unwrap()).unwrap();
    for (name, weights) in [
        ("fcn", 6_000),
        ("unet", 6_000),
        // Enough for dilated layers to go by Winograd's tiles.
        ("atrous", 20_000),
        ("atrous-unet", 20_000),
        ("fcn-blur", 6_000),
        ("fcn-transposed", 6_000),
        ("msd", 6_000),
        ("unet-deep", 20_000),
    ] {
        let net = solve::for_weights(&Architecture::shipped(name).unwrap(), weights, 1, 1).unwrap();
        let model = model(net);
        let tiled =
            |side: usize, image: &Plane| Predictor::new(&model, &compute).with_tiles(side).predict(image);
        // The smallest tiles there are, and larger ones.
        let Err(TrainError::Tile { least, .. }) = tiled(1, &image(2, 2)) else {
            panic!("{name}: tiles of one pixel")
        };
        let image = image(least + 75, least - 45);
        let whole = Predictor::new(&model, &compute).predict(&image).unwrap();
        assert!(whole.data.iter().any(|value| *value != whole.data[0]), "{name} gives something");
        for side in [least, least + 70] {
            let tiled = tiled(side, &image).unwrap();
            let differing = (0..whole.data.len()).find(|&at| tiled.data[at] != whole.data[at]);
            assert_eq!(differing, None, "{name} in tiles of {side}");
        }
    }
}

#[test]
fn a_net_that_normalises_is_not_cut() {
    let compute = Compute::new(1, Simd::detect().unwrap()).unwrap();
    let architecture =
        Architecture::shipped("unet").unwrap().with(None, Some(foci_net::Normalisation::Group));
    let model = model(solve::for_weights(&architecture, 6_000, 1, 1).unwrap());
    let error = Predictor::new(&model, &compute).with_tiles(64).predict(&image(100, 40)).unwrap_err();
    assert!(matches!(error, TrainError::Normalised { .. }), "{error}");
    // Small enough images need no cut.
    Predictor::new(&model, &compute).with_tiles(64).predict(&image(60, 40)).unwrap();
}

#[test]
fn binned_pixels_in_tiles_give_the_bits_of_the_whole() {
    let compute = Compute::new(2, Simd::detect().unwrap()).unwrap();
    let net = solve::for_weights(&Architecture::shipped("unet").unwrap(), 6_000, 1, 2).unwrap();
    let mut model = model(net);
    model.recipe.task = Task::Semantic;
    model.recipe.training.plan = TrainingPlan {
        task: Task::Semantic,
        loss: LossKind::Classes,
        classes: 2,
        binning: 3,
        ..plan(1, 1, 8)
    };
    let tiled = |side: usize, image: &Plane| Predictor::new(&model, &compute).with_tiles(side).maps(image);
    let Err(TrainError::Tile { least, .. }) = tiled(1, &image(9, 9)) else { panic!("tiles of one pixel") };
    // Of no whole number of blocks.
    let image = image(3 * least + 101, 3 * least - 41);
    let whole = Predictor::new(&model, &compute).maps(&image).unwrap();
    assert_eq!(whole.len(), 2 * image.data.len());
    assert!(tiled(least, &image).unwrap() == whole);
}
