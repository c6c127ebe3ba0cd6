//! Nuclei under a real microscope: Coelho et al. 2009, read from where they lie; skipped without them.
#![allow(clippy::unwrap_used)] // a failed step is a failed test, in helpers as in tests

use foci_image::{ChannelChoice, LabelImage, Normalisation, Plane, Workers, read_labels, read_plane};
use foci_measure::labels::LabelMeasures;
use foci_measure::{LabelView, measure_labels};
use foci_pixels::{
    Example, FeatureBank, ForestOptions, PixelClassifier, PixelObjectOptions, TrainingOptions, objects,
};
use foci_segment::{Method, MethodOptions};
use std::path::{Path, PathBuf};
use std::time::Instant;

fn folder() -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let found = std::env::var_os("FOCI_DATA").map_or_else(beside, PathBuf::from).join("coelho2009");
    if !found.join("masks").is_dir() {
        eprintln!("skipped: no hand-segmented fields in {}; set FOCI_DATA", found.display());
        return None;
    }
    Some(found)
}

/// A field of raw counts and its labels.
fn field(folder: &Path, name: &str) -> (Plane, LabelImage) {
    let file = |part: &str| folder.join(part).join(format!("{name}.png"));
    let (plane, _) = read_plane(&file("images"), ChannelChoice::Guess).unwrap();
    (plane, read_labels(&file("masks")).unwrap())
}

fn normalised(mut plane: Plane) -> Plane {
    Normalisation::of(&plane.data).apply_all(&mut plane.data);
    plane
}

fn view(labels: &LabelImage) -> LabelView<'_> {
    LabelView::new(labels.width, labels.height, &labels.data).unwrap()
}

fn measured(truth: &LabelImage, found: &LabelImage) -> LabelMeasures {
    measure_labels(view(truth), view(found)).unwrap()
}

#[test]
fn the_forest_finds_nuclei_better_than_otsu() {
    let Some(folder) = folder() else { return };
    // The upper left tile of each field.
    let tile = |name: &str| {
        let (plane, labels) = field(&folder, name);
        (normalised(plane).rectangle(2, 3, 672, 512).unwrap(), labels.rectangle(2, 3, 672, 512).unwrap())
    };
    let examples: Vec<Example> = ["gnf-00", "gnf-11", "gnf-22", "ic100-00", "ic100-11", "ic100-22"]
        .into_iter()
        .map(|name| {
            let (plane, labels) = tile(name);
            Example::of_objects(plane, &labels).unwrap()
        })
        .collect();
    let workers = &mut Workers::default();
    // A smaller forest than the usual one, for the sake of those who wait for the tests.
    let options = TrainingOptions {
        most_per_class: 5_000,
        forest: ForestOptions { trees: 30, ..ForestOptions::default() },
        ..TrainingOptions::new(3)
    };
    let classifier = PixelClassifier::train(&examples, &options, 1, workers).unwrap();
    let (mut forest_iou, mut otsu_iou) = (0.0, 0.0);
    let names = ["gnf-05", "gnf-17", "gnf-28", "ic100-05", "ic100-17", "ic100-28"];
    for name in names {
        let (plane, labels) = tile(name);
        let probabilities = classifier.predict(&plane, workers).unwrap();
        let options = PixelObjectOptions::default();
        let found = objects(&probabilities, 3, plane.width, plane.height, &options).unwrap();
        let otsu = Method::Otsu.segment(&plane, &MethodOptions::default()).unwrap();
        let (forest, otsu) = (measured(&labels, &found), measured(&labels, &otsu));
        println!(
            "{name}: IoU {:.3} (Otsu {:.3}), F1 {:.3} (Otsu {:.3})",
            forest.foreground.iou(),
            otsu.foreground.iou(),
            forest.matches[0].f1(),
            otsu.matches[0].f1()
        );
        forest_iou += forest.foreground.iou() / names.len() as f64;
        otsu_iou += otsu.foreground.iou() / names.len() as f64;
    }
    println!("IoU of the foreground: forest {forest_iou:.3}, Otsu {otsu_iou:.3}");
    assert!(forest_iou > otsu_iou);
}

/// Not a test: what training on 20 fields and prediction cost on two threads.
#[test]
#[ignore = "takes times; run by hand with --ignored --nocapture"]
fn seconds() {
    let Some(folder) = folder() else { return };
    let names = (0..10).flat_map(|number| [format!("gnf-{number:02}"), format!("ic100-{number:02}")]);
    let fields: Vec<(Plane, LabelImage)> = names.map(|name| field(&folder, &name)).collect();
    let examples: Vec<Example> = fields
        .into_iter()
        .map(|(plane, labels)| Example::of_objects(normalised(plane), &labels).unwrap())
        .collect();
    let workers = &mut Workers::new(2);
    let timed = |what: &str, work: &mut dyn FnMut()| {
        let start = Instant::now();
        work();
        println!("{what}: {:.2} s", start.elapsed().as_secs_f64());
    };
    let options = TrainingOptions::new(3);
    let mut classifier = None;
    timed("training on 20 fields, 2 threads", &mut || {
        classifier = Some(PixelClassifier::train(&examples, &options, 1, workers).unwrap());
    });
    let classifier = classifier.unwrap();
    let bank = FeatureBank::new(&options.scales_px).unwrap();
    timed("of that, features of all pixels, 1 thread", &mut || {
        for example in &examples {
            for start in (0..example.plane().height).step_by(64) {
                bank.of_rows(example.plane(), start..start + 64);
            }
        }
    });
    let image = examples[0].plane().rectangle(0, 0, 1024, 1024).unwrap();
    timed("a megapixel predicted, 2 threads", &mut || {
        classifier.predict(&image, workers).unwrap();
    });
    let bands: Vec<Vec<f32>> =
        (0..1024).step_by(64).map(|start| bank.of_rows(&image, start..start + 64)).collect();
    timed("a megapixel's features, 1 thread", &mut || {
        (0..1024).step_by(64).for_each(|start| drop(bank.of_rows(&image, start..start + 64)));
    });
    timed("a megapixel's trees, 1 thread", &mut || {
        bands.iter().for_each(|band| drop(classifier.forest().probabilities(band, 64 * 1024).unwrap()));
    });
}
