//! Whatever is wrong with the input ends in a clear message and the right exit code, and leaves nothing
//! half-written in the place of a whole file.

// A test may stop at anything unexpected.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Workplace, foci, images_in};
use std::fs;

#[test]
fn an_empty_folder_is_named() {
    let place = Workplace::new();
    fs::create_dir(place.path("empty")).unwrap();
    let run = foci(&["study", "--data", &place.text("empty"), "--out", &place.text("out")]);
    run.fails_with(2, &["empty", "no images found"]);
    assert!(!place.path("out/results.json").exists());
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let place = Workplace::new();
    foci(&["study", "--data", &place.text("nowhere"), "--out", &place.text("out")])
        .fails_with(2, &["nowhere", "not a folder"]);
}

#[test]
fn an_output_that_is_a_file_is_refused_before_any_work() {
    let place = Workplace::new();
    place.specimens("data", 5);
    fs::write(place.path("file"), "mine").unwrap();
    let (data, file) = (place.text("data"), place.text("file"));
    foci(&["train", "--net", "fcn", "--data", &data, "--out", &file]).fails_with(2, &["file"]);
    foci(&["study", "--data", &data, "--out", &file]).fails_with(2, &["file", "--out"]);
    assert_eq!(fs::read_to_string(place.path("file")).unwrap(), "mine");
}

#[test]
fn what_a_killed_program_had_begun_to_write_is_in_nobodys_way() {
    let place = Workplace::new();
    place.specimens("data", 5);
    let (data, out) = (place.text("data"), place.text("model"));
    fs::create_dir(place.path("model")).unwrap();
    fs::write(place.path("model/.foci-a1b2c3.part"), "half").unwrap();
    let arguments = ["train", "--net", "fcn", "--weights", "5000", "--steps", "1", "--crop", "64"];
    foci(&[&arguments[..], &["--data", &data, "--out", &out]].concat()).succeeds();
}

#[test]
fn a_claim_that_can_no_longer_be_decided_is_named() {
    let place = Workplace::new();
    let arguments = ["study", "--nets", "fcn", "--seeds", "1", "--steps", "1", "--weights", "5000"];
    let run = foci(&[&arguments[..], &["--out", &place.text("out")]].concat());
    run.succeeds();
    for claim in ["fcn-loses-detail", "atrous-costs-memory"] {
        assert!(run.stderr.contains(&format!("claim '{claim}' is left out")), "{}", run.stderr);
    }
}

#[test]
fn a_prediction_never_replaces_an_image() {
    let place = Workplace::new();
    place.specimens("data", 5);
    let model = place.text("model");
    let data = place.text("data");
    foci(&[
        "train",
        "--net",
        "fcn",
        "--weights",
        "5000",
        "--steps",
        "1",
        "--crop",
        "64",
        "--data",
        &data,
        "--out",
        &model,
    ])
    .succeeds();
    fs::create_dir(place.path("mine")).unwrap();
    let deep = image::ImageBuffer::from_fn(64, 64, |x, y| image::Luma([(x * y) as u16]));
    deep.save(place.path("mine/a.png")).unwrap();
    fs::write(place.path("mine/a.tif"), "somebody's file").unwrap();
    let run = foci(&["predict", &model, &place.text("mine/a.png"), "--out", &place.text("mine")]);
    run.fails_with(2, &["a.tif", "already"]);
    let mine = place.text("mine");
    let itself = foci(&["predict", &model, &place.text("mine/a.tif"), "--out", &mine, "--resume"]);
    itself.fails_with(2, &["a.tif", "take its place"]);
    assert_eq!(fs::read_to_string(place.path("mine/a.tif")).unwrap(), "somebody's file");
}

#[test]
fn an_image_that_cannot_be_read_is_left_out_and_predicted_when_it_is_mended() {
    let place = Workplace::new();
    place.specimens("data", 5);
    let (data, model, out) = (place.text("data"), place.text("model"), place.text("out"));
    let small = ["--net", "fcn", "--weights", "5000", "--steps", "1", "--crop", "64"];
    foci(&[&["train"], &small[..], &["--data", &data, "--out", &model]].concat()).succeeds();
    let victim = images_in(&place.path("data/images")).remove(3);
    let bytes = fs::read(&victim).unwrap();
    fs::write(&victim, &bytes[..bytes.len() / 2]).unwrap();
    let predict = |extra: &[&str]| foci(&[&["predict", &model, &data, "--out", &out], extra].concat());
    let name = victim.file_name().unwrap().to_string_lossy().into_owned();
    let failed = predict(&[]);
    failed.fails_with(2, &[&name, "unreadable", "1 of 5 images have no prediction", "--resume"]);
    assert!(failed.stdout.contains("4 images predicted"), "{}", failed.stdout);
    assert_eq!(images_in(&place.path("out")).len(), 4);
    // So does a method without a net.
    let by_method = place.text("otsu");
    foci(&["predict", "otsu", &data, "--out", &by_method])
        .fails_with(2, &[&name, "1 of 5 images have no prediction", "--resume"]);
    assert!(place.path("otsu/index.html").is_file());

    // Repeated as it was, the command says how to go on, and with that it does.
    predict(&[]).fails_with(2, &["there already", "--resume"]);
    predict(&["--resume"]).fails_with(2, &[&name, "4 of 5 predictions are there already"]);
    fs::write(&victim, &bytes).unwrap();
    let first = images_in(&place.path("out")).remove(0);
    fs::write(&first, "kept as it is").unwrap();
    let run = predict(&["--resume", "--json"]);
    run.succeeds();
    let written: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(written.as_array().unwrap().len(), 1, "{written}");
    assert_eq!(images_in(&place.path("out")).len(), 5);
    assert_eq!(fs::read_to_string(&first).unwrap(), "kept as it is");
    predict(&["--resume"]).succeeds();
}

#[test]
fn two_images_of_one_name_are_told_and_neither_is_passed_over() {
    let place = Workplace::new();
    place.specimens("data", 5);
    let (data, model, mine) = (place.text("data"), place.text("model"), place.text("mine"));
    let small = ["--net", "fcn", "--weights", "5000", "--steps", "1", "--crop", "64"];
    foci(&[&["train"], &small[..], &["--data", &data, "--out", &model]].concat()).succeeds();
    fs::create_dir(place.path("mine")).unwrap();
    for name in ["a.png", "b.png", "a.bmp"] {
        image::GrayImage::from_fn(64, 64, |x, y| image::Luma([(x * y % 251) as u8]))
            .save(place.path("mine").join(name))
            .unwrap();
    }
    let out = place.text("out");
    foci(&["predict", &model, &mine, "--out", &out]).fails_with(2, &["a.png", "a.bmp"]);
    let [png, bmp] = ["mine/a.png", "mine/a.bmp"].map(|name| place.text(name));
    foci(&["predict", &model, &png, &bmp, "--out", &out]).fails_with(2, &["a.png", "a.bmp"]);
    assert!(!place.path("out").exists());
    foci(&["evaluate", "--truth", &mine, "--pred", &mine]).fails_with(2, &["a.png", "a.bmp"]);
    // Two folders with an image of one name: one prediction could be that of either.
    for name in ["one", "two"] {
        fs::create_dir_all(place.path("each").join(name).join("images")).unwrap();
        fs::copy(&png, place.path("each").join(name).join("images/a.png")).unwrap();
    }
    fs::remove_file(&bmp).unwrap();
    foci(&["evaluate", "--truth", &place.text("each"), "--pred", &mine]).fails_with(2, &["one", "two"]);
}

#[test]
fn a_training_goes_on_only_with_the_images_that_it_began_with() {
    let place = Workplace::new();
    place.specimens("data", 5);
    place.specimens("other", 6);
    let train = |data: &str| {
        let (data, model) = (place.text(data), place.text("model"));
        foci(&[
            "train",
            "--net",
            "fcn",
            "--weights",
            "5000",
            "--steps",
            "1",
            "--crop",
            "64",
            "--data",
            &data,
            "--out",
            &model,
            "--resume",
        ])
    };
    train("data").succeeds();
    train("other").fails_with(2, &["run.json", "other images"]);
    train("data").succeeds();
}

#[test]
fn one_image_is_too_few_for_a_study() {
    let place = Workplace::new();
    place.specimens("one", 1);
    let run = foci(&["study", "--data", &place.text("one"), "--out", &place.text("out")]);
    run.fails_with(2, &["one"]);
    assert!(!place.path("out/results.json").exists());
}

#[test]
fn a_truncated_image_is_named_before_anything_is_computed() {
    let place = Workplace::new();
    place.specimens("data", 5);
    let victim = images_in(&place.path("data/images")).remove(2);
    let bytes = fs::read(&victim).unwrap();
    fs::write(&victim, &bytes[..bytes.len() / 2]).unwrap();
    let run = foci(&["study", "--data", &place.text("data"), "--out", &place.text("out")]);
    run.fails_with(2, &[&victim.file_name().unwrap().to_string_lossy(), "unreadable"]);
    assert!(!place.path("out/plan.json").exists());
}

#[test]
fn a_file_that_is_no_image_is_named() {
    let place = Workplace::new();
    place.specimens("data", 5);
    fs::write(place.path("data/images/notes.png"), "these are not pixels").unwrap();
    foci(&["study", "--data", &place.text("data"), "--out", &place.text("out")])
        .fails_with(2, &["notes.png", "not a PNG"]);
}

#[test]
fn images_smaller_than_the_tile_or_the_crop_are_told_with_their_size() {
    let place = Workplace::new();
    place.specimens("data", 5);
    let run =
        foci(&["study", "--data", &place.text("data"), "--tile", "672x512", "--out", &place.text("out")]);
    run.fails_with(2, &["672 x 512", "128 x 128"]);
    let model = place.text("model");
    foci(&["train", "--net", "fcn", "--data", &place.text("data"), "--crop", "192", "--out", &model])
        .fails_with(2, &["192 x 192"]);
}

#[test]
fn constant_images_are_named_and_left_out() {
    let place = Workplace::new();
    place.specimens("data", 5);
    let blank = image_of(7, 128);
    fs::write(place.path("data/images/blank-00.png"), blank).unwrap();
    let check = foci(&["data", "check", &place.text("data")]);
    check.succeeds();
    assert!(check.stdout.contains("blank-00"), "{}", check.stdout);
    for image in images_in(&place.path("data/images")) {
        fs::write(image, image_of(7, 128)).unwrap();
    }
    foci(&["study", "--data", &place.text("data"), "--out", &place.text("out")]).fails_with(2, &["left out"]);
}

#[test]
fn a_mask_without_an_image_is_named() {
    let place = Workplace::new();
    place.specimens("data", 5);
    fs::write(place.path("data/masks/orphan.png"), image_of(1, 128)).unwrap();
    foci(&["study", "--data", &place.text("data"), "--out", &place.text("out")])
        .fails_with(2, &["orphan", "without an image"]);
}

#[test]
fn mixed_depths_are_told_and_used() {
    let place = Workplace::new();
    place.specimens("data", 5);
    let victim = images_in(&place.path("data/images")).remove(0);
    let grey = image::open(&victim).unwrap().into_luma8();
    let deep = image::ImageBuffer::from_fn(grey.width(), grey.height(), |x, y| {
        image::Luma([u16::from(grey.get_pixel(x, y)[0]) * 200])
    });
    deep.save(&victim).unwrap();
    let check = foci(&["data", "check", &place.text("data"), "--json"]);
    check.succeeds();
    let report: serde_json::Value = serde_json::from_str(&check.stdout).unwrap();
    // Four fields of 8 bits and one of 16, all of them used.
    assert_eq!(report["fingerprint"]["bits"], serde_json::json!({"8": 4, "16": 1}));
    assert_eq!(report["left_out"], serde_json::json!([]));
}

#[test]
fn an_output_folder_in_use_is_left_alone() {
    let place = Workplace::new();
    fs::create_dir(place.path("out")).unwrap();
    fs::write(place.path("out/thesis.txt"), "years of work").unwrap();
    foci(&["study", "--out", &place.text("out")]).fails_with(2, &["already in use", "--out"]);
    place.specimens("data", 5);
    let train = foci(&["train", "--net", "fcn", "--data", &place.text("data"), "--out", &place.text("out")]);
    train.fails_with(2, &["not empty", "--out"]);
    assert_eq!(fs::read_to_string(place.path("out/thesis.txt")).unwrap(), "years of work");
}

#[test]
fn a_wrong_study_file_is_told_with_its_line() {
    let place = Workplace::new();
    fs::write(place.path("study.toml"), "name = \"s\"\nweights = 5000\nsede = 3\n").unwrap();
    foci(&["study", &place.text("study.toml"), "--out", &place.text("out")])
        .fails_with(2, &["study.toml:3", "sede"]);
}

#[test]
fn a_wrong_net_is_told_with_its_line_and_a_budget_with_the_nearest_count() {
    let place = Workplace::new();
    let net = "name = \"n\"\n\n[[layer]]\nid = \"a\"\nop = \"conv\"\nfrom = \"b\"\nwidth = 1\n\n[[layer]]\nid = \"out\"\nop = \"conv\"\n";
    fs::write(place.path("net.toml"), net).unwrap();
    foci(&["inspect", &place.text("net.toml")]).fails_with(2, &["net.toml:6", "`b`"]);
    foci(&["inspect", "unett"]).fails_with(2, &["unett", "unet"]);
    foci(&["inspect", "unet", "--weights", "3"]).fails_with(2, &["nearest"]);
}

#[test]
fn a_loss_that_is_not_a_number_is_a_failure_with_advice() {
    let place = Workplace::new();
    place.specimens("data", 5);
    let model = place.text("model");
    let arguments = [
        "train",
        "--net",
        "fcn",
        "--weights",
        "5000",
        "--data",
        &place.text("data"),
        "--crop",
        "64",
        "--learning-rate",
        "1e30",
        "--out",
        &model,
    ];
    foci(&arguments).fails_with(1, &["no longer a number", "--learning-rate"]);
    // The last sound weights are kept, and say so.
    assert!(fs::read_to_string(place.path("model/recipe.json")).unwrap().contains("\"diverged\": true"));
    let log = fs::read_to_string(place.path("model/metrics.jsonl")).unwrap();
    assert!(log.lines().last().unwrap().contains("\"diverged\":true"), "{log}");
}

/// Linux says how much memory is free; some 600 GB are not.
#[cfg(target_os = "linux")]
#[test]
fn a_net_that_needs_more_memory_than_there_is_is_refused_with_what_would_fit() {
    let place = Workplace::new();
    place.specimens("data", 5);
    let arguments = [
        "train",
        "--net",
        "fcn",
        "--data",
        &place.text("data"),
        "--crop",
        "128",
        "--batch",
        "60000",
        "--out",
        &place.text("model"),
    ];
    foci(&arguments).fails_with(1, &["needs", "bytes", "would fit"]);
}

/// A disk with no space left, as far as a test can have one: no file may grow beyond 64 KiB.
#[cfg(unix)]
#[test]
fn a_full_disk_leaves_no_half_written_model() {
    let place = Workplace::new();
    place.specimens("data", 5);
    let command = format!(
        "trap '' XFSZ; ulimit -f 64; exec {} train --net fcn --weights 60000 --steps 2 --crop 64 --data {} --out {}",
        env!("CARGO_BIN_EXE_foci"),
        place.text("data"),
        place.text("model")
    );
    let run = common::run(std::process::Command::new("bash").args(["-c", &command]));
    run.fails_with(1, &["checkpoint.safetensors", "cannot be written"]);
    let left: Vec<_> =
        fs::read_dir(place.path("model")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("safetensors")), "{left:?}");
}

#[test]
fn flags_that_make_no_sense_are_refused() {
    foci(&["study", "--threads", "0"]).fails_with(2, &["--threads"]);
    foci(&["study", "--tile", "672"]).fails_with(2, &["672x512"]);
    foci(&["study", "--resume"]).fails_with(2, &["--out"]);
    let place = Workplace::new();
    let out = place.text("out");
    foci(&["study", "--steps", "0", "--out", &out]).fails_with(2, &["steps"]);
    foci(&["study", "--nets", "unett", "--out", &out]).fails_with(2, &["unett", "unet"]);
    foci(&["study", "--seeds", "18446744073709551615", "--out", &out]).fails_with(2, &["seeds"]);
    // Nothing was begun, so the folder is free for the corrected command.
    assert!(!place.path("out").exists());
    foci(&["inspect", "unet", "--size", "wide"]).fails_with(2, &["HEIGHTxWIDTH"]);
    foci(&["bench", "--size", "4294967296x4294967296"]).fails_with(2, &["too large"]);
}

/// A grey PNG with the same value everywhere.
fn image_of(value: u8, side: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::GrayImage::from_pixel(side, side, image::Luma([value]))
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}
