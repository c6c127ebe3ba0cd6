//! What is learnt from masks: objects and classes, trained, predicted and evaluated on the command line.

// A test may stop at anything unexpected.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Workplace, foci, images_in, json};
use foci_image::{LabelImage, Plane, write_labels, write_png_grey8};
use std::fs;
use std::path::Path;

#[test]
fn a_net_learns_objects_and_predicts_label_images() {
    let place = Workplace::new();
    place.specimens("data", 6);
    let (data, model, found) = (place.text("data"), place.text("model"), place.text("found"));
    let small =
        ["train", "--task", "instances", "--weights", "5000", "--steps", "3", "--crop", "48", "--batch", "2"];
    foci(&[&small[..], &["--net", "unet", "--data", &data, "--out", &model]].concat()).succeeds();
    let recipe = json(&fs::read_to_string(place.path("model/recipe.json")).unwrap());
    assert_eq!(
        (&recipe["task"], &recipe["training"]["plan"]["loss"]),
        (&"instances".into(), &"objects".into())
    );
    assert_eq!(recipe["training"]["plan"]["largest_scale"], 1.5);
    let twice = ["--binning", "2", "--net", "unet", "--data", &data];
    foci(&[&small[..], &twice, &["--out", &place.text("binned")]].concat()).succeeds();
    let binned = json(&fs::read_to_string(place.path("binned/recipe.json")).unwrap());
    assert_eq!(binned["training"]["plan"]["binning"], 2);
    foci(&["predict", &place.text("binned"), &data, "--out", &place.text("by-blocks")]).succeeds();
    let measured = foci(&["evaluate", "--truth", &data, "--pred", &place.text("by-blocks"), "--json"]);
    assert_eq!(json(&measured.stdout)["images"].as_array().unwrap().len(), 6);
    foci(&[&["train"], &twice[..], &["--out", &place.text("blurred")]].concat())
        .fails_with(2, &["not binned for a reconstruction"]);
    assert!(recipe["objects"]["prominence"].as_f64().unwrap() > 0.0);
    foci(&["predict", &model, &data, "--out", &found]).succeeds();
    // Of each image a label image, a picture and a table with a line for each object.
    let table = fs::read_to_string(images_in(&place.path("found/objects"))[0].clone()).unwrap();
    assert!(table.starts_with("label,area,centroid_x"), "{table}");
    assert_eq!(images_in(&place.path("found/outlines")).len(), 6);
    // Label images: what evaluate takes without being told.
    let measured = json(&foci(&["evaluate", "--truth", &data, "--pred", &found, "--json"]).stdout);
    assert_eq!(measured["images"].as_array().unwrap().len(), 6);
    // In tiles, and as PNG: the same objects.
    let png = place.text("png");
    foci(&["predict", &model, &data, "--out", &png, "--png", "--tile", "512"]).succeeds();
    let again =
        json(&foci(&["evaluate", "--truth", &data, "--pred", &png, "--as", "labels", "--json"]).stdout);
    assert_eq!(again["mean"], measured["mean"]);
    foci(&["predict", &model, &data, "--out", &place.text("tiny"), "--tile", "9"])
        .fails_with(2, &["mixed-", "tiles of 9 pixels", "at least"]);
    // Shown at another size, objects are found in the pixels of the image all the same.
    let half = place.text("half");
    foci(&["predict", &model, &data, "--out", &half, "--scales", "0.5,1"]).succeeds();
    let at_half = json(&foci(&["evaluate", "--truth", &data, "--pred", &half, "--json"]).stdout);
    assert_eq!(at_half["images"].as_array().unwrap().len(), 6);
    foci(&["optics", &model]).fails_with(2, &["gives 4"]);
    // A field without a mask is told and left out; a folder without any has nothing to learn from.
    fs::remove_file(fs::read_dir(place.path("data/masks")).unwrap().next().unwrap().unwrap().path()).unwrap();
    let told = foci(&[&small[..], &["--net", "fcn", "--data", &data, "--out", &place.text("five")]].concat());
    assert!(told.stderr.contains("no mask to learn from"), "{}", told.stderr);
    fs::remove_dir_all(place.path("data/masks")).unwrap();
    let none = place.text("none");
    foci(&[&small[..], &["--net", "fcn", "--data", &data, "--out", &none]].concat())
        .fails_with(2, &["no image in", "has a mask"]);
    let quick = concat!(env!("CARGO_MANIFEST_DIR"), "/../../studies/quick.toml");
    let study = fs::read_to_string(quick).unwrap().replace("\"reconstruct\"", "\"instances\"");
    fs::write(place.path("study.toml"), study).unwrap();
    foci(&["study", &place.text("study.toml"), "--data", &data, "--out", &place.text("study")])
        .fails_with(2, &["'foci_recall'", "no measure of the task 'instances'"]);
}

#[test]
fn masks_that_number_no_objects_are_told_apart_or_refused() {
    let place = Workplace::new();
    place.specimens("data", 6);
    // Three discs of a radius of 12 pixels in each mask.
    let with_masks = |name: &str, background: u32, number: u32| {
        let [images, masks] = ["images", "masks"].map(|part| place.path(name).join(part));
        fs::create_dir_all(&images).unwrap();
        fs::create_dir_all(&masks).unwrap();
        let discs: [(f64, f64); 3] = [(30.0, 30.0), (90.0, 40.0), (60.0, 95.0)];
        let inside = |at: usize| {
            let (x, y) = ((at % 128) as f64, (at / 128) as f64);
            discs.iter().any(|disc| (x - disc.0).hypot(y - disc.1) <= 12.0)
        };
        let data = (0..128 * 128).map(|at| if inside(at) { number } else { background }).collect();
        let labels = LabelImage { width: 128, height: 128, data };
        for image in images_in(&place.path("data/images")) {
            let file = image.file_name().unwrap();
            fs::copy(&image, images.join(file)).unwrap();
            write_labels(&masks.join(file).with_extension("png"), &labels).unwrap();
        }
    };
    let train = |name: &str| {
        let small = ["--weights", "5000", "--steps", "3", "--crop", "48", "--batch", "2", "--net", "unet"];
        let (data, out) = (place.text(name), place.text(&format!("{name}-model")));
        foci(&[&["train", "--task", "instances", "--data", &data, "--out", &out], &small[..]].concat())
    };
    with_masks("painted", 0, 255);
    let told = train("painted");
    assert!(told.stderr.contains("each connected piece is taken for an object"), "{}", told.stderr);
    // Were all three one object, it would be as wide as a disc of their area together: 42 pixels.
    let recipe = json(&fs::read_to_string(place.path("painted-model/recipe.json")).unwrap());
    for diameter in recipe["seen"]["diameters_px"].as_array().unwrap() {
        assert!((23.0..26.0).contains(&diameter.as_f64().unwrap()), "{}", recipe["seen"]);
    }
    with_masks("empty", 0, 0);
    train("empty").fails_with(2, &["have the value 0", "nothing to tell apart"]);
    with_masks("full", 1, 1);
    train("full").fails_with(2, &["have the value 1", "nothing to tell apart"]);
}

#[test]
fn a_net_begins_with_what_it_learnt_without_masks() {
    let place = Workplace::new();
    place.specimens("data", 6);
    let (data, first, second) = (place.text("data"), place.text("first"), place.text("second"));
    let short = ["train", "--steps", "3", "--crop", "48", "--batch", "2", "--data", &data];
    let without = ["--net", "unet", "--weights", "5000", "--input-noise", "0.1", "--out", &first];
    foci(&[&short[..], &without].concat()).succeeds();
    let with = ["--task", "instances", "--pretrained", &first, "--out"];
    foci(&[&short[..], &with, &[&second]].concat()).succeeds();
    let recipe = json(&fs::read_to_string(place.path("second/recipe.json")).unwrap());
    let sha256 = recipe["training"]["plan"]["pretrained"].as_str().unwrap();
    assert!(sha256.len() == 64, "{recipe}");
    let nets = ["first", "second"]
        .map(|model| json(&fs::read_to_string(place.path(model).join("net.json")).unwrap()));
    let nodes = nets.each_ref().map(|net| net["graph"].as_array().unwrap());
    assert_eq!(nodes[0][..nodes[0].len() - 2], nodes[1][..nodes[1].len() - 2]);
    foci(&["predict", &second, &data, "--out", &place.text("found")]).succeeds();
    // For classes of pixels, with heads, the steps timed beforehand.
    write_classes(&place.path("classes"));
    let of_classes = ["train", "--task", "semantic", "--crop", "48", "--batch", "2", "--minutes", "0.001"];
    let with_heads =
        ["--data", &place.text("classes"), "--pretrained", &first, "--deep-supervision", "--out"];
    foci(&[&of_classes[..], &with_heads, &[&place.text("classifier")]].concat()).succeeds();
    // Whoever goes on with other weights is told.
    let third = place.text("third");
    foci(&[&short[..], &without[..6], &["--seed", "1", "--out", &third]].concat()).succeeds();
    let other = ["--task", "instances", "--pretrained", &third, "--resume", "--out", &second];
    foci(&[&short[..], &other].concat()).fails_with(2, &["belongs to a run with another plan"]);
    foci(&[&short[..], &with, &[&place.text("x"), "--net", "unet"]].concat())
        .fails_with(2, &["--pretrained"]);
    foci(&[&short[..], &["--out", &place.text("x")]].concat()).fails_with(2, &["--net"]);
}

#[test]
fn objects_of_many_pixels_are_told_before_they_are_learnt_unbinned() {
    let place = Workplace::new();
    for part in ["images", "masks"] {
        fs::create_dir_all(place.path("discs").join(part)).unwrap();
    }
    for field in 0..6 {
        let is_disc =
            |at: usize| (at % 128).abs_diff(60 + field).pow(2) + (at / 128).abs_diff(64).pow(2) <= 1600;
        let write = |part: &str, inside: f32| {
            let value = |at: usize| if is_disc(at) { inside } else { 0.0 };
            let plane = Plane { width: 128, height: 128, data: (0..128 * 128).map(value).collect() };
            write_png_grey8(&place.path("discs").join(format!("{part}/f{field}.png")), &plane).unwrap();
        };
        write("images", 200.0);
        write("masks", 1.0);
    }
    let train = |out: &str, more: &[&str]| {
        let small = ["train", "--task", "instances", "--net", "unet", "--weights", "5000", "--steps", "1"];
        let of = ["--crop", "48", "--batch", "1", "--data", &place.text("discs"), "--out", &place.text(out)];
        let run = foci(&[&small[..], &of, more].concat());
        run.succeeds();
        run.stderr
    };
    let told = train("as-they-are", &[]);
    assert!(told.contains("objects are 80 pixels across (median); with --binning 2"), "{told}");
    assert!(!train("binned", &["--binning", "2"]).contains("pixels across"));
}

/// Fields of 64 x 64 pixels with bright stripes, class 1, and in every other one a dark square, class 2.
fn write_classes(folder: &Path) {
    for part in ["images", "masks"] {
        fs::create_dir_all(folder.join(part)).unwrap();
    }
    for field in 0..8 {
        let class = |at: usize| {
            let (x, y) = (at % 64, at / 64);
            match () {
                () if field % 2 == 0 && (30..36).contains(&x) && (20 + field..26 + field).contains(&y) => 2.0,
                () if y % 16 < 4 => 1.0,
                () => 0.0,
            }
        };
        let noise = |at: usize| ((at * 7919 + field * 31) % 11) as f32;
        let write = |part: &str, value: &dyn Fn(usize) -> f32| {
            let plane = Plane { width: 64, height: 64, data: (0..64 * 64).map(value).collect() };
            write_png_grey8(&folder.join(format!("{part}/f{field}.png")), &plane).unwrap();
        };
        write("masks", &class);
        write("images", &|at| [100.0, 170.0, 20.0][class(at) as usize] + noise(at));
    }
}

/// Fields of 96 x 96 pixels with four discs each, smooth ones and striped ones, in tables of cells that say which is which.
fn write_two_kinds(folder: &Path) {
    for part in ["images", "masks", "cells"] {
        fs::create_dir_all(folder.join(part)).unwrap();
    }
    for field in 0..8 {
        let disc = |at: usize| {
            let (x, y) = (at % 96, at / 96);
            (0..4).find(|disc| {
                (x.abs_diff(24 + 48 * (disc % 2))).pow(2) + (y.abs_diff(24 + 48 * (disc / 2))).pow(2) <= 225
            })
        };
        let striped = |disc: usize| (disc + field).is_multiple_of(3);
        let noise = |at: usize| ((at * 7919 + field * 31) % 11) as f32;
        let write = |part: &str, value: &dyn Fn(usize) -> f32| {
            let plane = Plane { width: 96, height: 96, data: (0..96 * 96).map(value).collect() };
            write_png_grey8(&folder.join(format!("{part}/f{field}.png")), &plane).unwrap();
        };
        write("masks", &|at| disc(at).map_or(0.0, |disc| disc as f32 + 1.0));
        write("images", &|at| {
            let light = disc(at).map_or(20.0, |disc| if striped(disc) && at % 4 < 2 { 90.0 } else { 150.0 });
            light + noise(at)
        });
        let mut table = "label,kind\n".to_string();
        // Of one disc nobody says.
        for disc in (0..4).filter(|disc| (field, *disc) != (0, 2)) {
            table += &format!("{},{}\n", disc + 1, if striped(disc) { "striped" } else { "smooth" });
        }
        fs::write(folder.join(format!("cells/f{field}.csv")), table).unwrap();
    }
}

#[test]
fn a_net_learns_to_tell_objects_apart() {
    let place = Workplace::new();
    write_two_kinds(&place.path("data"));
    let (data, model, found) = (place.text("data"), place.text("model"), place.text("found"));
    let train = |more: &[&str], out: &str| {
        let base = ["train", "--task", "instances", "--net", "unet", "--weights", "6000", "--crop", "64"];
        let rest = ["--steps", "250", "--learning-rate", "1e-2", "--largest-scale", "1", "--data", &data];
        foci(&[&base[..], &rest, more, &["--out", out]].concat())
    };
    train(&["--object-classes", "kind"], &model).succeeds();
    let recipe = json(&fs::read_to_string(place.path("model/recipe.json")).unwrap());
    assert_eq!(recipe["classes"], serde_json::json!(["smooth", "striped"]));
    assert_eq!(recipe["training"]["plan"]["classes"], 2);
    foci(&["predict", &model, &data, "--out", &found]).succeeds();
    let table = fs::read_to_string(place.path("found/objects/f1.csv")).unwrap();
    let head = table.lines().next().unwrap();
    assert!(head.ends_with("class,class_probability,probability_smooth,probability_striped"), "{table}");
    // Whoever knows better than training what is too small to be an object says so; the discs are of some 700 pixels.
    let large = place.text("large");
    foci(&["predict", &model, &data, "--smallest", "100000", "--out", &large]).succeeds();
    let kept = fs::read_to_string(place.path("large/objects/f1.csv")).unwrap();
    assert!(kept.lines().count() == 1 && table.lines().count() > 1, "{kept}");
    let sheet = fs::read_to_string(place.path("found/index.html")).unwrap();
    assert!(sheet.contains("Colours:") && sheet.contains("striped"), "{sheet}");

    let evaluate = |more: &[&str]| foci(&[&["evaluate", "--truth", &data, "--pred", &found], more].concat());
    let measured = json(&evaluate(&["--object-classes", "kind", "--json"]).stdout);
    let classes = &measured["object_classes"];
    // Of 32 discs 31 are of a class: 11 striped ones.
    assert_eq!(classes["classes"][1]["true_objects"], 11, "{measured}");
    assert!(classes["told_apart"].as_f64().unwrap() > 0.8, "{measured}");
    let words = evaluate(&["--object-classes", "kind"]).stdout;
    assert!(words.contains("told apart") && words.contains("mean over classes"), "{words}");
    assert!(!evaluate(&[]).stdout.contains("told apart"));
    // images.csv may say it for all objects of an image.
    let rows: Vec<String> = (0..8).map(|field| format!("f{field},{}\n", ["a", "b"][field % 2])).collect();
    fs::write(place.path("data/images.csv"), format!("name,line\n{}", rows.concat())).unwrap();
    let short =
        ["train", "--task", "instances", "--net", "fcn", "--weights", "6000", "--crop", "64", "--steps", "1"];
    let of_lines = ["--object-classes", "line", "--data", &data, "--out", &place.text("lines")];
    foci(&[&short[..], &of_lines].concat()).succeeds();
    let recipe = json(&fs::read_to_string(place.path("lines/recipe.json")).unwrap());
    assert_eq!(recipe["classes"], serde_json::json!(["a", "b"]));
    // Some of them, in the order in which they are named.
    let some = [
        "--object-classes",
        "kind",
        "--classes",
        "striped,smooth",
        "--data",
        &data,
        "--out",
        &place.text("turned"),
    ];
    foci(&[&short[..], &some].concat()).succeeds();
    let turned = json(&fs::read_to_string(place.path("turned/recipe.json")).unwrap());
    assert_eq!(turned["classes"], serde_json::json!(["striped", "smooth"]));
    let weights =
        |recipe: &serde_json::Value, class: usize| recipe["training"]["plan"]["class_weights"][class].clone();
    let recipe = json(&fs::read_to_string(place.path("model/recipe.json")).unwrap());
    assert_eq!((weights(&turned, 0), weights(&turned, 1)), (weights(&recipe, 1), weights(&recipe, 0)));
    let other = [
        "--object-classes",
        "kind",
        "--classes",
        "smooth,striped",
        "--data",
        &data,
        "--out",
        &place.text("turned"),
        "--resume",
    ];
    foci(&[&short[..], &other].concat()).fails_with(2, &["turned"]);
    evaluate(&["--object-classes", "kind", "--as", "images"]).fails_with(2, &["--object-classes", "objects"]);
    let told = train(&["--object-classes", "kind", "--classes", "striped,round"], &place.text("no"));
    told.fails_with(2, &["no object to train on is of the class 'round'", "smooth, striped"]);
    train(&["--object-classes", "colour"], &place.text("no"))
        .fails_with(2, &["nothing in", "column 'colour'"]);
    train(&["--object-classes", "kind", "--classes", "smooth"], &place.text("no"))
        .fails_with(2, &["--classes names one"]);
    evaluate(&["--object-classes", "colour"]).fails_with(2, &["column 'colour'"]);
    foci(&[
        "train",
        "--net",
        "unet",
        "--object-classes",
        "kind",
        "--data",
        &data,
        "--out",
        &place.text("no"),
    ])
    .fails_with(2, &["--object-classes", "instances"]);
    fs::write(place.path("data/cells/f2.csv"), "label,kind\n1,smooth\n1,striped\n").unwrap();
    train(&["--object-classes", "kind"], &place.text("no"))
        .fails_with(2, &["f2.csv", "label 1 stands twice"]);
}

#[test]
fn masks_of_black_and_white_are_two_classes_and_odd_numbers_are_told() {
    let place = Workplace::new();
    write_classes(&place.path("data"));
    let (data, model, found) = (place.text("data"), place.text("model"), place.text("found"));
    let renumber = |number: &dyn Fn(f32) -> f32| {
        for mask in images_in(&place.path("data/masks")) {
            let mut plane = foci_image::read_plane(&mask, foci_image::ChannelChoice::Guess).unwrap().0;
            plane.data.iter_mut().for_each(|value| *value = number(*value));
            write_png_grey8(&mask, &plane).unwrap();
        }
    };
    let train = |out: &str, more: &[&str]| {
        let base = ["train", "--task", "semantic", "--net", "unet", "--weights", "5000", "--crop", "32"];
        foci(&[&base[..], &["--data", &data, "--out", out], more].concat())
    };
    // Values 0, 1, 2: as they are, but a name too many is told.
    let told = train(&place.text("named"), &["--steps", "2", "--classes", "ground,stripe,square,none"]);
    told.succeeds();
    assert!(told.stderr.contains("1 of 4 classes occur in no mask, first 'none'"), "{}", told.stderr);
    // A gap.
    renumber(&|value| if value == 2.0 { 40.0 } else { value });
    let told = train(&place.text("gap"), &["--steps", "2"]);
    assert!(told.stderr.contains("38 of 41 classes occur in no mask, first '2'"), "{}", told.stderr);
    // Black and white: two classes, in training, prediction and evaluation.
    renumber(&|value| if value > 0.0 { 255.0 } else { 0.0 });
    let names = ["--steps", "150", "--learning-rate", "1e-2", "--classes", "ground,stripe"];
    let told = train(&model, &names);
    told.succeeds();
    assert!(told.stderr.contains("values 0 and 255: 255 is taken for class 1"), "{}", told.stderr);
    foci(&["predict", &model, &data, "--out", &found]).succeeds();
    let page = fs::read_to_string(place.path("found/index.html")).unwrap();
    assert!(page.contains("Colours:") && page.contains("</span>stripe."), "{page}");
    let measured = json(&foci(&["evaluate", "--truth", &data, "--pred", &found, "--json"]).stdout);
    assert_eq!(measured["classes"].as_array().unwrap().len(), 2, "{measured}");
    assert!(measured["classes"][1]["iou"].as_f64().unwrap() > 0.5, "{measured}");
}

#[test]
fn a_net_learns_classes_and_tells_images_apart_by_them() {
    let place = Workplace::new();
    write_classes(&place.path("data"));
    let (data, model, found) = (place.text("data"), place.text("model"), place.text("found"));
    let train = |more: &[&str], out: &str| {
        let base = [
            "train",
            "--task",
            "semantic",
            "--net",
            "unet",
            "--weights",
            "5000",
            "--crop",
            "32",
            "--batch",
            "4",
        ];
        foci(&[&base[..], more, &["--data", &data, "--out", out]].concat())
    };
    let names = ["--classes", "ground,stripe,square", "--steps", "200", "--learning-rate", "1e-2"];
    train(&names, &model).succeeds();
    let recipe = json(&fs::read_to_string(place.path("model/recipe.json")).unwrap());
    assert_eq!(recipe["classes"], serde_json::json!(["ground", "stripe", "square"]));
    assert_eq!(recipe["training"]["plan"]["rare_share"], 0.5);
    assert_eq!(recipe["class_offsets"].as_array().unwrap().len(), 3);
    foci(&["predict", &model, &data, "--smallest", "5", "--out", &found])
        .fails_with(2, &["--smallest is for objects"]);
    foci(&["predict", &model, &data, "--out", &found]).succeeds();
    assert_eq!(images_in(&place.path("found/overlays")).len(), 8);
    let table = fs::read_to_string(place.path("found/classes/f0.csv")).unwrap();
    assert!(table.starts_with("class,name,area,share,highest_probability\n0,ground,"), "{table}");
    assert!(fs::read_to_string(place.path("found/index.html")).unwrap().contains("Classes in 8 images"));
    // Predicted classes are known by their tables; most of them are right, and the square tells images apart.
    let measured = json(&foci(&["evaluate", "--truth", &data, "--pred", &found, "--json"]).stdout);
    let square = &measured["classes"][2];
    assert_eq!((&square["name"], &square["images"]), (&"square".into(), &4.into()));
    assert!(square["auroc"].as_f64().unwrap() > 0.9, "{measured}");
    assert!(measured["mean"]["iou"].as_f64().unwrap() > 0.6, "{measured}");
    let words = foci(&["evaluate", "--truth", &data, "--pred", &found]);
    assert!(
        words.stdout.contains("mean over classes") && words.stdout.contains("square"),
        "{}",
        words.stdout
    );

    // A hundredth of a minute is some steps, and the number that is told repeats them.
    let told = train(&["--minutes", "0.01"], &place.text("minutes"));
    assert!(told.stderr.contains("0.01 minutes are") && told.stderr.contains("--steps"), "{}", told.stderr);
    train(&["--minutes", "0.01", "--resume"], &place.text("minutes")).succeeds();

    // What cannot be: fewer names than values, classes of another task, masks of one class, masks that number objects.
    train(&["--classes", "ground,stripe"], &place.text("other"))
        .fails_with(2, &["values up to 2", "only 2 classes"]);
    foci(&["train", "--net", "unet", "--classes", "a,b", "--data", &data, "--out", &place.text("other")])
        .fails_with(2, &["--classes", "semantic"]);
    foci(&["predict", "otsu", &data, "--tile", "99", "--out", &place.text("other")])
        .fails_with(2, &["--tile", "is for nets"]);
    for field in 0..8 {
        let plane = Plane { width: 64, height: 64, data: vec![3.0; 64 * 64] };
        write_png_grey8(&place.path(&format!("data/masks/f{field}.png")), &plane).unwrap();
    }
    train(&[], &place.text("other")).fails_with(2, &["have the value 3", "nothing to tell apart"]);
}
