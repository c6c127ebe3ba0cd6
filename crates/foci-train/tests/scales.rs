//! Images shown at other sizes: objects of twice the size at half of it are what the net has learnt.

// A test may stop at anything unexpected.
#![allow(clippy::unwrap_used)]

mod common;

use common::{image, model};
use foci_image::{Plane, bilinear};
use foci_kernels::{Compute, Simd};
use foci_net::{Architecture, solve};
use foci_train::{Predictor, Scales};

const SIDES: [usize; 2] = [52, 44];

/// Maps of an image at some scales, two channels.
fn maps(image: &Plane, scales: &str) -> Vec<f32> {
    let compute = Compute::new(2, Simd::detect().unwrap()).unwrap();
    let net = solve::for_weights(&Architecture::shipped("unet").unwrap(), 6_000, 1, 2).unwrap();
    let model = model(net);
    let scales: Scales = scales.parse().unwrap();
    Predictor::new(&model, &compute).at_scales(&scales).maps(image).unwrap()
}

/// Every pixel as two by two.
fn doubled(image: &Plane) -> Plane {
    let (width, height) = (2 * image.width, 2 * image.height);
    let pixel = |at: usize| image.data[at / width / 2 * image.width + at % width / 2];
    Plane { width, height, data: (0..width * height).map(pixel).collect() }
}

fn farthest(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn an_image_twice_as_large_is_answered_at_half_its_size_as_the_image_is() {
    let [width, height] = SIDES;
    let own = maps(&image(width, height), "1");
    let enlarged = bilinear::enlarged(&own, width, height, 2, 2 * width, 2 * height);
    let double = doubled(&image(width, height));
    assert!(farthest(&maps(&double, "0.5"), &enlarged) < 1e-5);
    // Which is another answer than that to the image as it is.
    assert!(farthest(&maps(&double, "1"), &enlarged) > 1e-2);
}

#[test]
fn several_sizes_are_averaged_in_whatever_order_they_are_given() {
    let image = image(SIDES[0], SIDES[1]);
    let each: Vec<Vec<f32>> = ["0.7", "1", "1.4"].iter().map(|scale| maps(&image, scale)).collect();
    let mean: Vec<f32> =
        (0..each[0].len()).map(|at| each.iter().map(|maps| maps[at]).sum::<f32>() / 3.0).collect();
    assert!(farthest(&maps(&image, "0.7,1,1.4"), &mean) < 1e-5);
    assert_eq!(maps(&image, "1.4,0.7,1"), maps(&image, "0.7,1,1.4"));
}
