//! How long each step of a segmentation takes on one thread: `cargo run --release -p foci-segment --example segment_speed -- FIELD`.

use foci_image::components::{Connectivity, connected_components};
use foci_image::{ChannelChoice, ImageError, read_plane};
use foci_segment::filter::{gaussian, majority, morphological_gradient};
use foci_segment::maxima::regional_maxima;
use foci_segment::watershed::watershed;
use foci_segment::{Levels, Method, MethodOptions, threshold};
use std::hint::black_box;
use std::time::Instant;

/// Times that each step is repeated; the fastest counts, since a machine only ever gets in the way.
const REPEATS: usize = 7;

fn main() -> Result<(), ImageError> {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("give an image");
        return Ok(());
    };
    let (plane, _) = read_plane(path.as_ref(), ChannelChoice::Guess)?;
    let megapixels = plane.data.len() as f64 / 1e6;
    let time = |what: &str, step: &dyn Fn()| {
        let seconds = |_| {
            let start = Instant::now();
            step();
            start.elapsed().as_secs_f64()
        };
        let best = (0..REPEATS).map(seconds).fold(f64::INFINITY, f64::min);
        eprintln!("{what:24}{:8.1} ms {:8.1} megapixels a second", 1e3 * best, megapixels / best);
    };
    let relief = Levels::of(&plane).inverted();
    let smooth = gaussian(&plane, 12.0).unwrap_or_else(|_| plane.clone());
    let seeds = regional_maxima(&smooth);
    let labels = Method::Otsu.segment(&plane, &MethodOptions::default()).unwrap_or_else(|_| seeds.clone());
    time("levels", &|| _ = black_box(Levels::of(&plane)));
    time("histogram and otsu", &|| _ = black_box(threshold::otsu(&relief)));
    time("gaussian, sigma 12", &|| _ = black_box(gaussian(&plane, 12.0)));
    time("gradient", &|| _ = black_box(morphological_gradient(&plane)));
    time("majority of 5 x 5", &|| _ = black_box(majority(&labels, 5)));
    time("regional maxima", &|| _ = black_box(regional_maxima(&smooth)));
    time("connected components", &|| _ = black_box(connected_components(&labels, Connectivity::Four)));
    time("flood", &|| _ = black_box(watershed(&relief, &seeds)));
    for method in Method::ALL {
        time(method.name(), &|| _ = black_box(method.segment(&plane, &MethodOptions::default())));
    }
    Ok(())
}
