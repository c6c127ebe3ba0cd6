//! Which channel and page is read: what is said is remembered by a model, what is guessed is told.

// A test may stop at anything unexpected.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Run, Workplace, foci, images_in, json};
use serde_json::Value;
use std::fs;
use std::path::Path;
use tiff::encoder::{TiffEncoder, colortype};

const SMALL: [&str; 8] = ["--net", "fcn", "--weights", "5000", "--steps", "2", "--crop", "64"];

fn recipe(model: &Path) -> Value {
    json(&fs::read_to_string(model.join("recipe.json")).unwrap())
}

/// How often standard error holds the words.
fn told(run: &Run, words: &str) -> usize {
    run.stderr.matches(words).count()
}

/// Specimens in colour: green is the specimen, red is its negative, blue something between them.
fn in_colour(place: &Workplace, name: &str, count: usize) {
    place.specimens(name, count);
    for path in images_in(&place.path(name).join("images")) {
        let grey = image::open(&path).unwrap().into_luma8();
        let colour = image::RgbImage::from_fn(grey.width(), grey.height(), |x, y| {
            let value = grey.get_pixel(x, y)[0];
            image::Rgb([255 - value, value, value / 2 + (x % 7) as u8])
        });
        colour.save(&path).unwrap();
    }
}

/// A TIFF with two pages of 128 x 128 pixels: a ramp to the right, and a ramp downwards.
fn two_pages(path: &Path) {
    let mut encoder = TiffEncoder::new(fs::File::create(path).unwrap()).unwrap();
    for ramp in [|at: u16| at % 128, |at: u16| at / 128] {
        let values: Vec<u16> = (0..128 * 128).map(ramp).collect();
        encoder.write_image::<colortype::Gray16>(128, 128, &values).unwrap();
    }
}

#[test]
fn a_model_reads_the_channel_that_it_was_trained_on() {
    let place = Workplace::new();
    in_colour(&place, "data", 5);
    let (data, images) = (place.text("data"), place.text("data/images"));
    let train = |model: &str, extra: &[&str]| {
        let out = place.text(model);
        foci(&[&["train"], &SMALL[..], &["--data", &data, "--out", &out], extra].concat()).succeeds();
    };
    train("green", &["--channel", "green"]);
    train("guess", &[]);
    assert_eq!(recipe(&place.path("green"))["reading"]["channel"], "green");
    assert_eq!(recipe(&place.path("guess"))["reading"]["channel"], "guess");

    let predict = |model: &str, out: &str, extra: &[&str]| {
        let run =
            foci(&[&["predict", &place.text(model), &images, "--out", &place.text(out)], extra].concat());
        run.succeeds();
        (fs::read(images_in(&place.path(out)).remove(0)).unwrap(), run)
    };
    let (remembered, run) = predict("green", "remembered", &[]);
    assert_eq!((told(&run, "green"), told(&run, "luminance")), (1, 0), "{}", run.stderr);
    assert!(remembered == predict("green", "said", &["--channel", "green"]).0);
    assert!(remembered != predict("green", "other", &["--channel", "luminance"]).0);
    // Five images are guessed alike: that is told once, and not among the results.
    let (_, run) = predict("guess", "guessed", &["--json"]);
    assert_eq!(told(&run, "luminance is used"), 1, "{}", run.stderr);
    assert_eq!(json(&run.stdout).as_array().unwrap().len(), 5);

    // Files of one channel are another matter.
    place.specimens("grey", 1);
    let grey = foci(&["predict", &place.text("guess"), &place.text("grey"), "--out", &place.text("of-grey")]);
    assert_eq!(
        told(&grey, "files of one channel, but the model has learnt from one of several"),
        1,
        "{}",
        grey.stderr
    );

    // A recipe from before there was anything to remember.
    let mut old = recipe(&place.path("green"));
    old.as_object_mut().unwrap().remove("reading");
    fs::write(place.path("green/recipe.json"), old.to_string()).unwrap();
    let (_, run) = predict("green", "old", &[]);
    assert_eq!(told(&run, "luminance is used"), 1, "{}", run.stderr);

    // Against the channel that was learned, predictions are nearer than against the guess.
    let evaluate = |extra: &[&str]| {
        let predicted = place.text("remembered");
        let run = foci(&[&["evaluate", "--truth", &images, "--pred", &predicted, "--json"], extra].concat());
        run.succeeds();
        (json(&run.stdout)["mean"]["psnr"].as_f64().unwrap(), run)
    };
    let (green, run) = evaluate(&["--channel", "green"]);
    assert_eq!(told(&run, "luminance"), 0, "{}", run.stderr);
    let (guess, run) = evaluate(&[]);
    assert_eq!(told(&run, "luminance is used"), 1, "{}", run.stderr);
    assert!(green != guess, "{green} dB whatever the channel");
}

#[test]
fn the_models_of_a_study_remember_their_channel() {
    let place = Workplace::new();
    in_colour(&place, "data", 5);
    let spec = concat!(env!("CARGO_MANIFEST_DIR"), "/../../studies/quick.toml");
    let (data, out) = (place.text("data"), place.text("out"));
    let flags = ["--nets", "fcn", "--seeds", "1", "--steps", "2", "--weights", "5000", "--channel", "green"];
    foci(&[&["study", spec, "--data", &data, "--out", &out], &flags[..]].concat()).succeeds();
    assert_eq!(recipe(&place.path("out/runs/fcn-seed0"))["reading"]["channel"], "green");
}

#[test]
fn pages_are_remembered_and_told_as_channels_are() {
    let place = Workplace::new();
    let (data, tiles) = (place.text("data"), place.text("tiles"));
    fs::create_dir(&data).unwrap();
    ["a.tif", "b.tif", "c.tif"].iter().for_each(|name| two_pages(&place.path("data").join(name)));
    let model = place.text("model");
    foci(&[&["train"], &SMALL[..], &["--data", &data, "--out", &model, "--page", "1"]].concat()).succeeds();
    assert_eq!(recipe(&place.path("model"))["reading"]["page"], 1);
    let predict = |out: &str, extra: &[&str]| {
        let run = foci(&[&["predict", &model, &data, "--out", &place.text(out)], extra].concat());
        run.succeeds();
        (fs::read(images_in(&place.path(out)).remove(0)).unwrap(), run)
    };
    let (remembered, run) = predict("remembered", &[]);
    assert_eq!((told(&run, "page 1"), told(&run, "2 pages")), (1, 0), "{}", run.stderr);
    assert!(remembered == predict("said", &["--page", "1"]).0);
    assert!(remembered != predict("other", &["--page", "0"]).0);
    let run = foci(&["evaluate", "--truth", &data, "--pred", &data]);
    run.succeeds();
    assert_eq!(told(&run, "has 2 pages"), 1, "{}", run.stderr);
    let run = foci(&["evaluate", "--truth", &data, "--pred", &place.text("remembered"), "--page", "1"]);
    run.succeeds();
    assert_eq!(run.stderr, "");
    foci(&["data", "tile", &data, "--tile", "64x64", "--out", &tiles, "--page", "1"]).succeeds();
    let first = image::open(images_in(&place.path("tiles/images")).remove(0)).unwrap().into_luma16();
    // The second page is a ramp downwards.
    assert_eq!([first.get_pixel(5, 0)[0], first.get_pixel(0, 5)[0]], [0, 5]);
}

#[test]
fn what_is_guessed_while_tiles_are_cut_is_told() {
    let place = Workplace::new();
    in_colour(&place, "data", 4);
    let (data, tiles) = (place.text("data"), place.text("tiles"));
    let run = foci(&["data", "tile", &data, "--tile", "64x64", "--out", &tiles, "--json"]);
    run.succeeds();
    assert_eq!(told(&run, "all 4 fields: is in colour: luminance is used"), 1, "{}", run.stderr);
    let notes = &json(&run.stdout)["notes"];
    assert!(notes.to_string().contains("luminance"), "{notes}");
}
