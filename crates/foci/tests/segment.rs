//! Segmentation on the command line: label images by methods without a net, and their measures.

// A test may stop at anything unexpected.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Workplace, foci, images_in};
use foci_image::read_labels;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Writes a 16-bit grey PNG.
fn write_labels(path: &Path, width: u32, height: u32, label: impl Fn(u32, u32) -> u16) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    image::ImageBuffer::from_fn(width, height, |x, y| image::Luma([label(x, y)])).save(path).unwrap();
}

/// Objects 1 and 2 side by side, of 10 x 10 pixels each, in an image of 40 x 30.
fn two(x: u32, y: u32) -> u16 {
    match (x, y) {
        (5..15, 5..15) => 1,
        (15..25, 5..15) => 2,
        _ => 0,
    }
}

/// The label images in a folder, by name; pictures, tables and the contact sheet lie beside them.
fn label_images_in(folder: &Path) -> Vec<PathBuf> {
    let is_label_image = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "tif");
    images_in(folder).into_iter().filter(is_label_image).collect()
}

fn evaluated(arguments: &[&str]) -> (Value, String) {
    let run = foci(&[&["evaluate", "--json"], arguments].concat());
    run.succeeds();
    (serde_json::from_str(&run.stdout).unwrap(), run.stderr)
}

#[test]
fn a_method_segments_and_its_label_images_are_measured() {
    let place = Workplace::new();
    place.specimens("data", 3);
    let (data, labels) = (place.text("data"), place.text("labels"));
    let predict = ["predict", "otsu", &data, "--smallest", "60", "--out", &labels];
    foci(&predict).succeeds();
    let written = label_images_in(&place.path("labels"));
    assert_eq!(written.len(), 3);
    for folder in ["labels/outlines", "labels/objects"] {
        assert_eq!(images_in(&place.path(folder)).len(), 3);
    }
    assert!(fs::read_to_string(place.path("labels/index.html")).unwrap().contains("in 3 images"));
    let file = fs::File::open(&written[0]).unwrap();
    let mut decoder = tiff::decoder::Decoder::new(file).unwrap();
    assert_eq!(decoder.colortype().unwrap(), tiff::ColorType::Gray(32));
    assert!(matches!(decoder.read_image().unwrap(), tiff::decoder::DecodingResult::U32(_)));

    let (found, _) = evaluated(&["--truth", &data, "--pred", &labels]);
    assert_eq!(found["images"].as_array().unwrap().len(), 3);
    let dice = found["mean"]["dice"].as_f64().unwrap();
    assert!(dice > 0.7, "Otsu finds bright nuclei on a dark ground, but Dice is {dice}");

    let table = foci(&["evaluate", "--truth", &data, "--pred", &labels]);
    table.succeeds();
    for words in ["AP at IoU 0.50", "Hausdorff distance, pixels", "worst images", "true and"] {
        assert!(table.stdout.contains(words), "no '{words}' in {}", table.stdout);
    }
    // What is there is kept or refused, never replaced.
    foci(&predict).fails_with(2, &["is there already", "--resume"]);
    fs::remove_file(&written[1]).unwrap();
    foci(&[&predict[..], &["--resume"]].concat()).succeeds();
    assert!(written[1].is_file());
}

#[test]
fn more_objects_than_a_png_can_number_are_refused_and_another_format_does_not_replace_tables() {
    let place = Workplace::new();
    // 258 x 258 bright squares, 66,564; and an image with four.
    for (name, side, step) in [("a", 2580, 10), ("b", 60, 30)] {
        let light = |x: u32, y: u32| if x % step < 6 && y % step < 6 { 900 } else { 100 };
        write_labels(&place.path(&format!("images/{name}.png")), side, side, light);
    }
    let (images, out) = (place.text("images"), place.text("out"));
    let predict = |extra: &[&str]| {
        let base = ["predict", "otsu", &images, "--smallest", "1", "--out", &out];
        foci(&[&base[..], extra].concat())
    };
    predict(&["--png"]).fails_with(
        2,
        &["a.png would hold", "more than the 65535", "leave out --png", "1 of 2 images have no prediction"],
    );
    // Nothing of the one, all of the other.
    for file in ["NAME.png", "outlines/NAME.png", "objects/NAME.csv"] {
        let is_there = |name: &str| place.path("out").join(file.replace("NAME", name)).exists();
        assert!(!is_there("a") && is_there("b"), "{file}");
    }
    predict(&[]).fails_with(2, &["b.png is there already", "tables and pictures would be replaced"]);
    predict(&["--resume"]).fails_with(2, &["b.png is there already"]);
}

#[test]
fn label_images_do_not_depend_on_threads() {
    let place = Workplace::new();
    place.specimens("data", 3);
    let data = place.text("data");
    for (threads, out) in [("1", "one"), ("3", "three")] {
        let out = place.text(out);
        foci(&["predict", "watershed", &data, "--sigma", "4", "--out", &out, "--threads", threads])
            .succeeds();
    }
    let files = |out: &str| {
        let beside = ["outlines", "objects"].map(|folder| images_in(&place.path(out).join(folder)));
        [label_images_in(&place.path(out)), beside.concat()].concat()
    };
    assert_eq!(files("one").len(), 9);
    for (one, three) in files("one").iter().zip(files("three")) {
        assert_eq!(fs::read(one).unwrap(), fs::read(three).unwrap());
    }
}

#[test]
fn a_perfect_prediction_and_one_with_every_error() {
    let place = Workplace::new();
    write_labels(&place.path("truth/a.png"), 40, 30, two);
    write_labels(&place.path("truth/b.png"), 40, 30, two);
    write_labels(&place.path("pred/a.png"), 40, 30, |x, y| 9 * two(x, y));
    // Both as one, and one where there is none.
    write_labels(&place.path("pred/b.png"), 40, 30, |x, y| match (two(x, y), x, y) {
        (0, 30..35, 20..25) => 7,
        (label, ..) => label.min(1),
    });
    let (truth, pred) = (place.text("truth"), place.text("pred"));
    let (found, notes) = evaluated(&["--truth", &truth, "--pred", &pred, "--as", "labels"]);
    assert_eq!(notes, "");
    let metric = |image: usize, key: &str| found["images"][image]["metrics"][key].as_f64().unwrap();
    for (key, value) in
        [("ap_95", 1.0), ("rand", 1.0), ("hausdorff", 0.0), ("split", 0.0), ("boundary_f", 1.0)]
    {
        assert_eq!(metric(0, key), value, "{key}");
    }
    // The joined object covers each true one by half: one match at exactly 0.5, one missed, one invented.
    for (key, value) in
        [("ap_50", 1.0 / 3.0), ("merged", 1.0), ("spurious", 1.0), ("missing", 0.0), ("split", 0.0)]
    {
        assert_eq!(metric(1, key), value, "{key}");
    }
    assert_eq!(found["mean"]["spurious"], 0.5);
}

#[test]
fn what_cannot_be_told_or_measured_is_said() {
    let place = Workplace::new();
    write_labels(&place.path("truth/a.png"), 40, 30, two);
    write_labels(&place.path("pred/a.png"), 40, 30, two);
    let (truth, pred) = (place.text("truth"), place.text("pred"));
    let evaluate = ["evaluate", "--truth", &truth, "--pred", &pred];
    let labels = ["--as", "labels"];
    // 16-bit numbers might be counts.
    foci(&evaluate).fails_with(2, &["a.png", "--as images", "--as labels"]);
    // Another size, no partner, colours.
    write_labels(&place.path("pred/a.png"), 41, 30, two);
    foci(&[&evaluate[..], &labels].concat()).fails_with(2, &["a.png", "41x30", "40x30", "same field"]);
    write_labels(&place.path("truth/b.png"), 40, 30, two);
    foci(&[&evaluate[..], &labels].concat()).fails_with(2, &["no prediction", "b"]);
    fs::remove_file(place.path("truth/b.png")).unwrap();
    image::RgbImage::from_fn(40, 30, |x, _| image::Rgb([x as u8, 0, 0]))
        .save(place.path("pred/a.png"))
        .unwrap();
    foci(&[&evaluate[..], &labels].concat()).fails_with(2, &["a.png", "in colour", "0 for background"]);
}

#[test]
fn empty_and_scattered_labels_are_measured_and_the_latter_told() {
    let place = Workplace::new();
    write_labels(&place.path("data/images/a.png"), 40, 30, |x, y| (x * y) as u16);
    write_labels(&place.path("data/images/b.png"), 40, 30, |x, y| (x + y) as u16);
    write_labels(&place.path("data/images/c.png"), 40, 30, |x, y| (x ^ y) as u16);
    write_labels(&place.path("data/masks/a.png"), 40, 30, |_, _| 0);
    // One label in two pieces.
    write_labels(&place.path("data/masks/b.png"), 40, 30, |x, y| u16::from(two(x, y) == 1 || x > 35));
    for name in ["a", "b", "c"] {
        write_labels(&place.path(&format!("pred/{name}.png")), 40, 30, |_, _| 0);
    }
    let (data, pred) = (place.text("data"), place.text("pred"));
    let (found, notes) = evaluated(&["--truth", &data, "--pred", &pred, "--as", "labels"]);
    for words in ["1 of 3 images have no mask", "1 true label image(s)", "several pieces", "label 1 of"] {
        assert!(notes.contains(words), "no '{words}' in {notes}");
    }
    // Nothing where there is nothing is right, nothing where there is something is wrong.
    assert_eq!(found["images"][0]["metrics"]["ap_50"], 1.0);
    assert!(found["images"][0]["metrics"].get("hausdorff").is_none());
    assert_eq!(found["images"][1]["metrics"]["ap_50"], 0.0);
    assert_eq!(found["images"][1]["metrics"]["hausdorff"], 128.0);
    assert_eq!(found["images"][1]["labels_in_pieces"][0][0], 1);
    foci(&["evaluate", "--truth", &data, "--pred", &pred, "--as", "labels"]).succeeds();
}

#[test]
fn flags_that_do_not_fit_are_refused() {
    let place = Workplace::new();
    place.specimens("data", 1);
    let (data, out) = (place.text("data"), place.text("out"));
    let predict =
        |method: &str, flags: &[&str]| foci(&[&["predict", method, &data, "--out", &out], flags].concat());
    predict("otsu", &["--sigma", "3"]).fails_with(2, &["--sigma", "watersheds"]);
    predict("otsu", &["--exact"]).fails_with(2, &["--exact", "is for nets"]);
    predict("otsu", &["--flips"]).fails_with(2, &["--flips", "is for nets"]);
    predict("otsu", &["--scales", "0.5"]).fails_with(2, &["--scales", "is for nets"]);
    predict("otsu", &["--scales", "0.5,0"]).fails_with(2, &["--scales", "'0' is no factor"]);
    predict("watershed", &["--sigma", "-1"]).fails_with(2, &["-1", "from 0 to 1000"]);
    predict("watershed", &["--sigma", "nan"]).fails_with(2, &["NaN"]);
    predict("otzu", &[]).fails_with(2, &["no model folder otzu", "ridler-calvard"]);
    fs::create_dir(place.path("model")).unwrap();
    predict(&place.text("model"), &["--sigma", "5"]).fails_with(2, &["model", "--sigma", "ridler-calvard"]);
    assert!(label_images_in(&place.path("out")).is_empty());
}

#[test]
fn foci_are_counted_in_objects_where_that_is_asked_for() {
    let place = Workplace::new();
    let (data, found, counted) = (place.text("data"), place.text("found"), place.text("counted"));
    foci(&["data", "synth", "--kind", "mixed", "--count", "8", "--size", "384x384", "--out", &data])
        .succeeds();
    let images = place.text("data/images");
    foci(&["predict", "otsu", &images, "--smallest", "100", "--out", &found]).succeeds();
    foci(&["predict", "otsu", &images, "--smallest", "100", "--foci", "--out", &counted]).succeeds();
    let mut counts = Vec::new();
    for file in images_in(&place.path("counted/objects")) {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let plain = fs::read_to_string(place.path("found/objects").join(format!("{name}.csv"))).unwrap();
        let table = fs::read_to_string(&file).unwrap();
        // The same table with one column more.
        let cut = |line: &str| line.rsplit_once(',').map(|(rest, _)| rest.to_owned());
        let without: Vec<String> = table.lines().filter_map(cut).collect();
        assert_eq!(without, plain.lines().collect::<Vec<_>>());
        let truth = read_labels(&place.path("data/masks").join(format!("{name}.png"))).unwrap();
        let cells = fs::read_to_string(place.path("data/cells").join(format!("{name}.csv"))).unwrap();
        for row in table.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>()) {
            let at = |column: usize| row[column].parse::<f64>().unwrap().round() as usize;
            let label = truth.at(at(2), at(3)).to_string();
            let cell =
                cells.lines().map(|line| line.split(',').collect::<Vec<_>>()).find(|cell| cell[0] == label);
            // Of nuclei in focus that were outlined by themselves: about their area, and true number of foci.
            let Some(cell) = cell.filter(|cell| cell[6] == "0") else { continue };
            let (area, foci): (f64, f64) = (cell[4].parse().unwrap(), cell[5].parse().unwrap());
            if (0.8..1.2).contains(&(at(1) as f64 / area)) {
                counts.push((foci, row.last().unwrap().parse::<f64>().unwrap()));
            }
        }
    }
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64| counts.iter().map(of).sum::<f64>() / counts.len() as f64;
    let (truly, found) = (mean(&|pair| pair.0), mean(&|pair| pair.1));
    let moment = |of: &dyn Fn(f64, f64) -> f64| mean(&|pair| of(pair.0 - truly, pair.1 - found));
    let correlation = moment(&|x, y| x * y) / (moment(&|x, _| x * x) * moment(&|_, y| y * y)).sqrt();
    assert!(counts.len() > 20 && correlation > 0.7, "{correlation} {counts:?}");
    let sheet = fs::read_to_string(place.path("counted/index.html")).unwrap();
    assert!(sheet.contains(" foci</span>"), "{sheet}");
    let model = place.text("model");
    foci(&[
        "train",
        "--net",
        "fcn",
        "--weights",
        "3000",
        "--steps",
        "2",
        "--crop",
        "48",
        "--data",
        &data,
        "--out",
        &model,
    ])
    .succeeds();
    foci(&["predict", &model, &images, "--foci", "--out", &place.text("none")])
        .fails_with(2, &["--foci counts foci in objects", "outlines none"]);
}

#[test]
fn a_true_image_without_a_mask_needs_no_prediction_where_labels_are_compared() {
    let place = Workplace::new();
    for name in ["a", "b", "c"] {
        write_labels(&place.path(&format!("data/images/{name}.png")), 40, 30, |x, y| 100 * two(x, y));
    }
    for name in ["a", "b"] {
        write_labels(&place.path(&format!("data/masks/{name}.png")), 40, 30, two);
        write_labels(&place.path(&format!("found/{name}.png")), 40, 30, two);
    }
    let (data, found) = (place.text("data"), place.text("found"));
    let (measured, told) = evaluated(&["--truth", &data, "--pred", &found, "--as", "labels"]);
    assert_eq!((measured["images"].as_array().unwrap().len(), &measured["mean"]["ap_50"]), (2, &1.0.into()));
    assert!(told.contains("1 of 3 images have no mask and are left out"), "{told}");
    // Where images are compared it is missing, and so is one with a mask.
    let evaluate = ["evaluate", "--truth", &data, "--pred", &found, "--as"];
    foci(&[&evaluate[..], &["images"]].concat()).fails_with(2, &["c.png has no prediction"]);
    fs::remove_file(place.path("found/b.png")).unwrap();
    foci(&[&evaluate[..], &["labels"]].concat()).fails_with(2, &["b.png has no prediction"]);
}
