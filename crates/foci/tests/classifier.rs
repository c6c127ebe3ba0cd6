//! The pixel classifier on the command line: trained and used where a net would be.

// A test may stop at anything unexpected.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Workplace, foci, json};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Bright discs on a dark ground, each of 40 pixels, some in contact; `value` is what the mask has of disc `number`. Of 12 fields the first of every three are striped.
fn write_discs(folder: &Path, value: impl Fn(u16) -> u16) {
    fs::create_dir_all(folder.join("images")).unwrap();
    fs::create_dir_all(folder.join("masks")).unwrap();
    for field in 0..12u32 {
        let disc = |x: u32, y: u32| {
            let is_in = |(cx, cy): (u32, u32)| {
                (f64::from(x) - f64::from(cx)).hypot(f64::from(y) - f64::from(cy)) < 8.5
            };
            let middles = [(14 + field, 16), (31 + field, 16), (70, 60 + field), (20, 70)];
            (1..).zip(middles).find(|(_, middle)| is_in(*middle)).map_or(0, |(number, _)| number)
        };
        let grey = |x: u32, y: u32| {
            let noise = ((x * 37 + y * 101 + field * 7) % 13) as u8;
            let stripe = if field % 3 == 0 && x % 4 < 2 { 60 } else { 0 };
            if disc(x, y) > 0 { 150 + noise - stripe } else { 20 + noise }
        };
        let name = format!("field-{field:02}.png");
        let image = image::ImageBuffer::from_fn(96, 96, |x, y| image::Luma([grey(x, y)]));
        image.save(folder.join("images").join(&name)).unwrap();
        let mask = image::ImageBuffer::from_fn(96, 96, |x, y| image::Luma([value(disc(x, y))]));
        mask.save(folder.join("masks").join(&name)).unwrap();
    }
}

fn evaluated(place: &Workplace, found: &str) -> Value {
    let run = foci(&["evaluate", "--json", "--truth", &place.text("data"), "--pred", &place.text(found)]);
    run.succeeds();
    json(&run.stdout)
}

#[test]
fn a_pixel_classifier_outlines_objects_and_its_folder_is_used_as_a_nets_is() {
    let place = Workplace::new();
    write_discs(&place.path("data"), |number| number);
    let (data, model, found) = (place.text("data"), place.text("model"), place.text("found"));
    let images = place.text("data/images");
    let train = ["train", "--task", "instances", "--method", "pixel-classifier", "--data", &data, "--out"];
    let run = foci(&[&train[..], &[&model, "--json"]].concat());
    run.succeeds();
    let told = json(&run.stdout);
    assert_eq!((&told["method"], &told["model"]), (&"pixel-classifier".into(), &model.clone().into()));
    foci(&[&train[..], &[&model]].concat()).fails_with(2, &["not empty", "--out"]);

    foci(&["predict", &model, &images, "--out", &found]).succeeds();
    assert!(fs::read_to_string(place.path("found/index.html")).unwrap().contains("48 objects in 12 images"));
    assert!(evaluated(&place, "found")["mean"]["ap_70"].as_f64().unwrap() > 0.95);
    // Threads change no bit, in training and in prediction.
    foci(&[&train[..], &[&place.text("again"), "--threads", "1"]].concat()).succeeds();
    foci(&["predict", &place.text("again"), &images, "--threads", "1", "--out", &place.text("found-again")])
        .succeeds();
    for name in
        ["model/recipe.json", "model/pixels.safetensors", "found/field-03.tif", "found/objects/field-03.csv"]
    {
        let again = name.replace("model/", "again/").replace("found/", "found-again/");
        assert_eq!(fs::read(place.path(name)).unwrap(), fs::read(place.path(&again)).unwrap(), "{name}");
    }
    // Fewer pixels make another classifier; a net learns from none by themselves.
    foci(&[&train[..], &[&place.text("few"), "--pixels", "500"]].concat()).succeeds();
    assert_ne!(
        fs::read(place.path("model/pixels.safetensors")).unwrap(),
        fs::read(place.path("few/pixels.safetensors")).unwrap()
    );
    let net =
        ["train", "--task", "instances", "--net", "unet", "--data", &data, "--out", &place.text("never")];
    foci(&[&net[..], &["--pixels", "500"]].concat()).fails_with(2, &["--pixels", "--net"]);
    foci(&[&train[..], &[&place.text("never"), "--pixels", "0"]].concat()).fails_with(2, &["pixels"]);
    // What only nets know is refused, not passed over.
    for flag in [&["--flips"][..], &["--tile", "64"], &["--scales", "0.5"], &["--exact"]] {
        let predict = ["predict", &model, &images, "--out", &place.text("never")];
        foci(&[&predict[..], flag].concat()).fails_with(2, &[flag[0], "is for nets", "leave it out"]);
    }
    for flag in [&["--net", "unet"][..], &["--steps", "5"], &["--binning", "2"], &["--resume"], &["--exact"]]
    {
        foci(&[&train[..], &[&place.text("never")], flag].concat()).fails_with(2, &["--method", flag[0]]);
    }
    let images_back =
        ["train", "--method", "pixel-classifier", "--data", &data, "--out", &place.text("never")];
    foci(&images_back).fails_with(2, &["gives no images back", "--task instances"]);
    assert!(!place.path("never").exists());
    let with_it = ["train", "--pretrained", &model, "--data", &data, "--out", &place.text("never")];
    foci(&with_it).fails_with(2, &["holds a pixel classifier", "done with a net"]);
    let run = foci(&["predict", &model, &images, "--smallest", "2500", "--out", &place.text("none")]);
    run.succeeds();
    assert!(fs::read_to_string(place.path("none/index.html")).unwrap().contains("0 objects in 12 images"));
    // Objects of another size than those learnt from are told, without advice that only a net could follow.
    fs::create_dir(place.path("large")).unwrap();
    let small = image::open(place.path("data/images/field-01.png")).unwrap();
    let large = image::imageops::resize(&small, 288, 288, image::imageops::FilterType::Triangle);
    large.save(place.path("large/field.png")).unwrap();
    let run = foci(&["predict", &model, &place.text("large"), "--out", &place.text("found-large")]);
    run.succeeds();
    assert!(run.stderr.contains("larger than those") && !run.stderr.contains("--scales"), "{}", run.stderr);
    foci(&["inspect", &model]).fails_with(2, &["holds a pixel classifier"]);
    // An altered file, and one that is missing.
    let file = place.path("model/pixels.safetensors");
    let whole = fs::read(&file).unwrap();
    let mut altered = whole.clone();
    *altered.last_mut().unwrap() ^= 1;
    let predict = ["predict", &model, &images, "--out", &place.text("never")];
    fs::write(&file, altered).unwrap();
    foci(&predict).fails_with(2, &["pixels.safetensors", "another SHA-256"]);
    fs::remove_file(&file).unwrap();
    foci(&predict).fails_with(2, &["holds no model", "pixels.safetensors is missing"]);
    fs::write(&file, whole).unwrap();
    fs::remove_file(place.path("model/recipe.json")).unwrap();
    foci(&predict).fails_with(2, &["holds no model", "recipe.json is missing"]);
}

#[test]
fn a_pixel_classifier_tells_classes_of_pixels_and_its_table_says_how_sure_it_is() {
    let place = Workplace::new();
    write_discs(&place.path("data"), |number| u16::from(number > 0));
    let (model, found) = (place.text("model"), place.text("found"));
    let train = ["train", "--task", "semantic", "--method", "pixel-classifier", "--classes", "ground,disc"];
    foci(&[&train[..], &["--data", &place.text("data"), "--out", &model]].concat()).succeeds();
    foci(&["predict", &model, &place.text("data/images"), "--out", &found]).succeeds();
    assert!(evaluated(&place, "found")["classes"][1]["iou"].as_f64().unwrap() > 0.95);
    let table = fs::read_to_string(place.path("found/classes/field-01.csv")).unwrap();
    assert!(table.lines().nth(2).unwrap().starts_with("1,disc,"), "{table}");
    foci(&["predict", &model, &place.text("data/images"), "--foci", "--out", &place.text("never")])
        .fails_with(2, &["--foci", "outlines none"]);
}

#[test]
fn a_pixel_classifier_tells_striped_objects_from_plain_ones() {
    let place = Workplace::new();
    write_discs(&place.path("data"), |number| number);
    let kind = |field: usize| if field.is_multiple_of(3) { "striped" } else { "plain" };
    let rows: String = (0..12).map(|field| format!("field-{field:02},{}\n", kind(field))).collect();
    fs::write(place.path("data/images.csv"), format!("image,kind\n{rows}")).unwrap();
    let (data, model, found) = (place.text("data"), place.text("model"), place.text("found"));
    let train = ["train", "--task", "instances", "--method", "pixel-classifier", "--object-classes", "kind"];
    foci(&[&train[..], &["--data", &data, "--out", &model]].concat()).succeeds();
    assert!(place.path("model/objects.safetensors").is_file());
    foci(&["predict", &model, &place.text("data/images"), "--out", &found]).succeeds();
    let table = fs::read_to_string(place.path("found/objects/field-03.csv")).unwrap();
    assert!(table.lines().next().unwrap().contains("class,class_probability,probability_plain"), "{table}");
    assert!(table.lines().skip(1).all(|row| row.contains(",striped,")), "{table}");
    let run = foci(&["evaluate", "--truth", &data, "--pred", &found, "--object-classes", "kind"]);
    run.succeeds();
    assert!(run.stdout.contains("striped"), "{}", run.stdout);
}
