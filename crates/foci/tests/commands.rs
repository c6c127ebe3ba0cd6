//! The commands as a person uses them, one after the other, and the files that other programs read.

// A test may stop at anything unexpected.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Workplace, foci, images_in, json, run};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn a_study_leaves_the_files_that_the_design_promises() {
    let place = Workplace::new();
    let out = place.text("out");
    let run = foci(&[
        "study",
        "--nets",
        "fcn,unet",
        "--seeds",
        "2",
        "--steps",
        "12",
        "--weights",
        "5000",
        "--out",
        &out,
    ]);
    run.succeeds();
    assert!(run.stdout.contains("report.html"), "{}", run.stdout);

    let results = json(&fs::read_to_string(place.path("out/results.json")).unwrap());
    for key in ["foci", "task", "seeds", "data", "budget", "nets", "runs", "comparisons", "claims"] {
        assert!(results.get(key).is_some(), "results.json lacks {key}");
    }
    let net = &results["nets"][1];
    assert_eq!(net["name"], "unet");
    for key in
        ["name", "layers", "weights", "macs_per_pixel", "receptive_field", "train_bytes", "infer_bytes"]
    {
        assert!(net.get(key).is_some(), "a net lacks {key}");
    }
    let weights = net["weights"].as_f64().unwrap();
    assert!((weights / 5000.0 - 1.0).abs() <= 0.005, "{weights}");
    assert_eq!(results["runs"].as_array().unwrap().len(), 4);
    for key in [
        "net",
        "seed",
        "fold",
        "steps",
        "seconds",
        "seconds_per_step",
        "learning_rate",
        "diverged",
        "metrics",
    ] {
        assert!(results["runs"][0].get(key).is_some(), "a run lacks {key}");
    }
    for metric in ["psnr", "ssim", "foci_recall", "foci_precision", "detail_cutoff", "true_foci_recall"] {
        assert!(
            results["runs"][0]["metrics"][metric].is_f64(),
            "no {metric} in {}",
            results["runs"][0]["metrics"]
        );
    }
    let comparison = &results["comparisons"][0];
    for key in ["a", "b", "metric", "difference", "ci", "p", "p_adjusted", "probability_a_better"] {
        assert!(comparison.get(key).is_some(), "a comparison lacks {key}");
    }

    let plan = json(&fs::read_to_string(place.path("out/plan.json")).unwrap());
    let test_fields = plan["data"]["split"]["test"].as_array().unwrap();
    let training_fields = plan["data"]["split"]["training"].as_array().unwrap();
    assert!(!test_fields.is_empty() && test_fields.iter().all(|field| !training_fields.contains(field)));

    let report = fs::read_to_string(place.path("out/report.html")).unwrap();
    assert!(report.contains("data:image/png;base64,") && report.contains("unet"));
    for outside in ["src=\"http", "href=\"http", "url(http", "@import"] {
        assert!(!report.contains(outside), "the report reaches outside: {outside}");
    }
    its_report_comes_again_from_its_figures(&place);
    a_larger_one_is_forecast_from_it(&place);
}

/// Without images, and of `results.json` alone; and every number of it can be traced.
fn its_report_comes_again_from_its_figures(place: &Workplace) {
    let with_pictures = fs::read(place.path("out/report.html")).unwrap();
    let run = foci(&["report", &place.text("out")]);
    run.succeeds();
    assert!(run.stdout.contains("figures.html") && run.stdout.contains("unet"), "{}", run.stdout);
    assert_eq!(
        with_pictures,
        fs::read(place.path("out/report.html")).unwrap(),
        "the one with pictures stays"
    );
    let figures = fs::read_to_string(place.path("out/figures.html")).unwrap();
    for words in [
        "kept no pictures",
        "As instruments",
        "Learning rates tried",
        "title=\"unet.psnr\"",
        "<th scope=\"col\">seed</th>",
    ] {
        assert!(figures.contains(words), "no {words}");
    }
    fs::create_dir(place.path("alone")).unwrap();
    fs::copy(place.path("out/results.json"), place.path("alone/results.json")).unwrap();
    foci(&["report", &place.text("alone"), "--out", &place.text("alone.html")]).succeeds();
    let alone = fs::read_to_string(place.path("alone.html")).unwrap();
    assert!(alone.contains("Learning rates tried") && alone.contains("To repeat it"));
    assert!(!alone.contains("all included"), "of an image that comes back nothing is made");

    let explain = |folder: &str, number: &str| {
        let run = foci(&["report", &place.text(folder), "--explain", number]);
        run.succeeds();
        run.stdout
    };
    let results = json(&fs::read_to_string(place.path("out/results.json")).unwrap());
    let psnr = explain("out", "unet.psnr");
    for run in results["runs"].as_array().unwrap().iter().filter(|run| run["net"] == "unet") {
        assert!(psnr.contains(&run["metrics"]["psnr"].to_string()), "{psnr}");
    }
    let measures = json(&fs::read_to_string(place.path("out/runs/unet-seed1/measures.json")).unwrap());
    let field = &measures["fields"][0];
    for words in ["runs/unet-seed1", "crates/foci-measure/src/psnr.rs", field["field"].as_str().unwrap()] {
        assert!(psnr.contains(words), "no {words} in {psnr}");
    }
    assert!(psnr.contains(&field["metrics"]["psnr"].to_string()), "{psnr}");
    // Turned round, a difference changes its sign and nothing else.
    let comparison = &results["comparisons"][0];
    let name = |first: &str, second: &str| {
        let name = |key: &str| comparison[key].as_str().unwrap().to_string();
        format!("{}:{}.{}", name(first), name(second), name("metric"))
    };
    let (there, back) = (explain("out", &name("a", "b")), explain("out", &name("b", "a")));
    let value = |text: &str| {
        text.split(" = ").nth(1).unwrap().split([' ', ',']).next().unwrap().parse::<f64>().unwrap()
    };
    assert_eq!(value(&there), -value(&back));
    assert_eq!(value(&there), comparison["difference"].as_f64().unwrap());
    assert!(there.contains("docs/statistics.md"));
    assert!(explain("out", "unet.train_bytes").contains("crates/foci-net"));
    assert!(explain("out", "unet.shift_error").contains("runs/unet-seed0/optics.json"));
    // How a net learned.
    let losses = results["nets"][1]["trials"][0]["validation_losses"].to_string();
    let rate = explain("out", "unet.learning_rate");
    assert!(rate.contains("tuning/unet-0") && rate.contains(losses.trim_matches(['[', ']'])), "{rate}");
    assert!(explain("out", "unet.loss").contains("runs/unet-seed1/metrics.jsonl"));
    let look = &results["signals"][0]["looks"][0]["layers"][0]["layer"];
    let net = results["signals"][0]["net"].as_str().unwrap();
    let heard = explain("out", &format!("{net}.layer.{}", look.as_str().unwrap()));
    assert!(heard.contains("crates/foci-engine/src/watch.rs"), "{heard}");
    // Where the runs are gone the rest is told all the same.
    assert!(explain("alone", "unet.psnr").contains("not there any more"));
    foci(&["report", &place.text("out"), "--explain", "unet.beauty"])
        .fails_with(2, &["no number 'unet.beauty'", "fcn, unet", "psnr"]);
    foci(&["report", &place.text("nothing")]).fails_with(2, &["results.json", "foci study --out"]);
}

/// What the next study takes and can see, with the one in `out` as its pilot.
fn a_larger_one_is_forecast_from_it(place: &Workplace) {
    let (pilot, never) = (place.text("out"), place.text("never"));
    let ask = |seeds: &str| {
        let nets =
            ["--nets", "fcn,unet", "--weights", "5000", "--seeds", seeds, "--steps", "40", "--out", &never];
        let wanted = ["--plan-only", "--pilot", &pilot, "--smallest-difference", "psnr=3", "--json"];
        let run = foci(&[&["study"], &nets[..], &wanted[..]].concat());
        run.succeeds();
        json(&run.stdout)
    };
    let [few, many] = ["2", "8"].map(ask);
    assert!(!place.path("never").exists(), "a forecast writes nothing");
    // The shipped quick study holds a fifth of its 60 specimens out.
    assert_eq!((few["test_fields"].as_u64(), many["seeds"].as_u64()), (Some(12), Some(8)));
    assert_eq!(few["arms"].as_array().unwrap().len(), 2);
    assert!(
        few["seconds"].as_f64().unwrap() > 0.0 && few["arms"][0]["train_bytes"].as_u64().unwrap() > 1 << 20
    );
    let psnr = |forecast: &Value| forecast["measures"].as_array().unwrap()[0].clone();
    assert_eq!(psnr(&few)["measure"], "psnr");
    let smallest = |forecast: &Value| psnr(forecast)["smallest_difference"].as_f64().unwrap();
    assert!(smallest(&many) < smallest(&few), "more seeds see less: {few} {many}");
    assert_eq!(psnr(&few)["wanted"]["difference"], 3.0);

    let empty = place.text("empty");
    fs::create_dir(&empty).unwrap();
    foci(&["study", "--plan-only", "--pilot", &empty]).fails_with(2, &["plan.json", "foci study --out"]);
    foci(&["study", "--plan-only", "--pilot", &pilot, "--smallest-difference", "loss=1"])
        .fails_with(2, &["no measure 'loss'", "psnr"]);
}

#[test]
fn a_model_trains_predicts_and_is_evaluated() {
    let place = Workplace::new();
    place.specimens("data", 6);
    let (data, model, predicted) = (place.text("data"), place.text("model"), place.text("predicted"));
    foci(&[
        "train",
        "--net",
        "unet",
        "--weights",
        "5000",
        "--steps",
        "150",
        "--crop",
        "64",
        "--data",
        &data,
        "--out",
        &model,
    ])
    .succeeds();
    for file in ["net.json", "model.safetensors", "recipe.json", "metrics.jsonl"] {
        assert!(place.path("model").join(file).exists(), "the model lacks {file}");
    }
    let images = place.text("data/images");
    foci(&["predict", &model, &images, "--out", &predicted, "--scales", "0.5"])
        .fails_with(2, &["--scales", "gives images back"]);
    foci(&["predict", &model, &images, "--out", &predicted]).succeeds();
    assert_eq!(images_in(&place.path("predicted")).len(), 6);
    // Six are shared out to single threads, one takes all threads: the same bits.
    let one = images_in(&place.path("data/images")).remove(0);
    foci(&["predict", &model, one.to_str().unwrap(), "--out", &place.text("single")]).succeeds();
    let single = images_in(&place.path("single")).remove(0);
    let shared = place.path("predicted").join(single.file_name().unwrap());
    assert!(fs::read(single).unwrap() == fs::read(shared).unwrap());
    let run = foci(&["evaluate", "--truth", &images, "--pred", &predicted, "--json"]);
    run.succeeds();
    let evaluation = json(&run.stdout);
    let alone = foci(&["evaluate", "--truth", &images, "--pred", &predicted, "--json", "--threads", "1"]);
    assert_eq!(alone.stdout, run.stdout);
    assert_eq!(evaluation["images"].as_array().unwrap().len(), 6);
    // Always answering the mean would give about 12 dB on these specimens; a net that learned is far above.
    let psnr = evaluation["mean"]["psnr"].as_f64().unwrap();
    assert!(psnr > 20.0, "{psnr}");
    // The same images against themselves have no error at all.
    let same = json(&foci(&["evaluate", "--truth", &images, "--pred", &images, "--json"]).stdout);
    assert_eq!(same["mean"]["ssim"], 1.0);
    assert_eq!(same["mean"]["detail_cutoff"], 0.5);
    fs::remove_file(images_in(&place.path("predicted")).remove(0)).unwrap();
    foci(&["evaluate", "--truth", &images, "--pred", &predicted]).fails_with(2, &["has no prediction"]);
    foci(&["predict", &place.text("data"), &images, "--out", &predicted]).fails_with(2, &["net.json"]);
}

/// Two nuclei side by side with two foci each, their seam two pixels wide and as dark as asked for.
fn two_nuclei(path: &Path, seam: u8, places: &[(u32, u32)]) {
    let image = image::GrayImage::from_fn(96, 96, |x, y| {
        let texture = ((x * 7 + y * 13) % 5) as u8;
        let nucleus = (16..80).contains(&y) && (14..82).contains(&x);
        let focus = places.iter().any(|&(fx, fy)| fx.abs_diff(x).pow(2) + fy.abs_diff(y).pow(2) <= 4);
        image::Luma([match (focus, nucleus, (47..49).contains(&x)) {
            (true, ..) => 250,
            (_, true, true) => seam,
            (_, true, false) => 120 + texture,
            _ => 10 + texture,
        }])
    });
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    image.save(path).unwrap();
}

#[test]
fn masks_and_true_foci_of_the_truth_are_measured_against() {
    let place = Workplace::new();
    let places = [(28, 30), (30, 60), (64, 34), (68, 62)];
    two_nuclei(&place.path("data/images/a.png"), 40, &places);
    // Half of the boundary's depth is lost, and one focus of four.
    two_nuclei(&place.path("predicted/a.png"), 80, &places[..3]);
    let (images, predicted) = (place.text("data/images"), place.text("predicted"));
    let evaluate = |truth: &str| {
        let run = foci(&["evaluate", "--truth", truth, "--pred", &predicted, "--json"]);
        run.succeeds();
        let mean = json(&run.stdout)["mean"].clone();
        (run, mean)
    };
    let (_, without) = evaluate(&images);
    assert!(without["boundary_contrast"].is_null() && without["true_foci_recall"].is_null(), "{without}");

    fs::create_dir_all(place.path("data/masks")).unwrap();
    image::GrayImage::from_fn(96, 96, |x, y| {
        let inside = (16..80).contains(&y);
        image::Luma([match x {
            14..47 if inside => 1,
            49..82 if inside => 2,
            _ => 0,
        }])
    })
    .save(place.path("data/masks/a.png"))
    .unwrap();
    fs::create_dir_all(place.path("data/foci")).unwrap();
    // The last one lies outside of the image, so it is none of its foci.
    let rows: String = places.iter().map(|(x, y)| format!("{x},{y}\n")).collect();
    fs::write(place.path("data/foci/a.csv"), format!("x,y\n{rows}200,10\n")).unwrap();
    let (run, with) = evaluate(&place.text("data"));
    assert_eq!(run.stderr, "");
    let kept = with["boundary_contrast"].as_f64().unwrap();
    assert!(0.2 < kept && kept < 0.8, "{with}");
    assert_eq!(with["true_foci_recall"], 0.75, "{with}");
    assert_eq!(with["psnr"], without["psnr"]);
    // Whoever gives the folder of images is told what lies beside it.
    assert!(evaluate(&images).0.stderr.contains("masks lies beside"));
    let table = foci(&["evaluate", "--truth", &place.text("data"), "--pred", &predicted]);
    assert!(table.stdout.contains("boundary contrast kept") && table.stdout.contains("true foci found"));
    image::GrayImage::new(95, 96).save(place.path("data/masks/a.png")).unwrap();
    foci(&["evaluate", "--truth", &place.text("data"), "--pred", &predicted])
        .fails_with(2, &["masks/a.png", "95 x 96", "96 x 96"]);
}

#[test]
fn inspect_prints_a_net_that_other_frameworks_can_rebuild() {
    let run = foci(&["inspect", "atrous", "--weights", "67000", "--size", "512x672", "--json"]);
    run.succeeds();
    let net = json(&run.stdout);
    for key in [
        "name",
        "layers",
        "weights",
        "macs_per_pixel",
        "receptive_field",
        "stride",
        "train_bytes",
        "infer_bytes",
        "graph",
    ] {
        assert!(net.get(key).is_some(), "no {key} in {:?}", keys(&net));
    }
    assert_eq!(net["layers"], 8);
    let conv = net["graph"]
        .as_array()
        .unwrap()
        .iter()
        .find(|node| node["op"] == "conv" && node["dilation"] == 8)
        .unwrap();
    for key in ["id", "from", "kernel", "channels_in", "channels_out", "activation"] {
        assert!(conv.get(key).is_some(), "a convolution lacks {key}: {conv}");
    }
}

#[test]
fn tiles_are_cut_and_can_be_read_again() {
    let place = Workplace::new();
    place.specimens("data", 2);
    foci(&["data", "tile", &place.text("data"), "--tile", "64x64", "--out", &place.text("tiles"), "--json"])
        .succeeds();
    assert_eq!(images_in(&place.path("tiles/images")).len(), 8);
    foci(&[
        "data",
        "tile",
        &place.text("data"),
        "--tile",
        "64x64",
        "--out",
        &place.text("alone"),
        "--threads",
        "1",
    ])
    .succeeds();
    let table = |tiles: &str| fs::read(place.path(tiles).join("images.csv")).unwrap();
    assert_eq!(table("tiles"), table("alone"));
    let check = foci(&["data", "check", &place.text("tiles"), "--json"]);
    check.succeeds();
    let fingerprint = &json(&check.stdout)["fingerprint"];
    assert_eq!(fingerprint["masks"], 8);
    // A table of tiles does the same from the fields themselves.
    fs::write(place.path("tiles.csv"), "tile,image,x,y,w,h\na,mixed-00,0,0,64,64\nb,mixed-01,10,20,64,64\n")
        .unwrap();
    let check = foci(&["data", "check", &place.text("data"), "--tiles", &place.text("tiles.csv"), "--json"]);
    check.succeeds();
    assert_eq!(json(&check.stdout)["fingerprint"]["tiles"], 2);
    // Tiles of one field stay together in every later split.
    assert_eq!(fingerprint["groups"], 2);
    assert_eq!(images_in(&place.path("tiles/foci")).len(), 8);
}

#[test]
fn the_shipped_nets_are_listed_for_persons_and_programs() {
    let (text, listed) = (foci(&["inspect", "list"]), foci(&["inspect", "list", "--json"]));
    let names: Vec<String> = serde_json::from_str(&listed.stdout).unwrap();
    assert!(names.iter().any(|name| name == "atrous-unet"));
    assert_eq!(text.stdout.lines().collect::<Vec<_>>(), names);
}

#[test]
fn every_command_has_help_with_an_example() {
    for command in [
        &["study"][..],
        &["train"],
        &["predict"],
        &["evaluate"],
        &["inspect"],
        &["data", "synth"],
        &["data", "check"],
        &["data", "tile"],
        &["bench"],
        &["completions"],
    ] {
        let run = foci(&[command, &["--help"]].concat());
        run.succeeds();
        assert!(run.stdout.contains("Example"), "{command:?}: {}", run.stdout);
    }
}

#[test]
fn a_bench_worker_answers_each_line_and_ends_with_its_input() {
    let place = Workplace::new();
    let (commands, record) = (place.path("commands"), place.path("record.safetensors"));
    fs::write(&commands, format!("run 2\nrecord {}\npeak 1\n", record.display())).unwrap();
    let arguments =
        ["bench", "--net", "unet", "--weights", "5000", "--size", "24x32", "--worker", "training"];
    let worker = |input: &Path| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_foci"));
        run(program.args(arguments).stdin(fs::File::open(input).unwrap()))
    };
    let answers = worker(&commands);
    answers.succeeds();
    let lines: Vec<Value> = answers.stdout.lines().map(json).collect();
    assert_eq!(lines.len(), 4, "{}", answers.stdout);
    assert_eq!(lines[0]["ready"]["threads"], 2);
    assert_eq!(lines[1]["run"]["seconds"].as_array().unwrap().len(), 2);
    assert!(lines[1]["run"]["loss"].as_f64().unwrap() > 0.0);
    assert_eq!(lines[2]["recorded"]["bytes"], fs::metadata(&record).unwrap().len());
    assert!(lines[3]["peak"]["gigaflops"].as_f64().unwrap() > 0.0);

    fs::write(&commands, "run fast\n").unwrap();
    worker(&commands).fails_with(2, &["run", "fast"]);
}

#[test]
fn exact_is_recorded_and_changes_what_is_computed() {
    let place = Workplace::new();
    place.specimens("data", 6);
    let (data, images) = (place.text("data"), place.text("data/images"));
    for (model, extra) in [("tiles", &[][..]), ("exact", &["--exact"])] {
        let out = place.text(model);
        let arguments = ["train", "--net", "fcn", "--weights", "5000", "--steps", "2", "--crop", "64"];
        foci(&[&arguments[..], &["--data", &data, "--out", &out], extra].concat()).succeeds();
        let recipe = json(&fs::read_to_string(place.path(model).join("recipe.json")).unwrap());
        assert_eq!(recipe["training"]["plan"]["exact"], model == "exact");
    }
    let weights = |model: &str| fs::read(place.path(model).join("model.safetensors")).unwrap();
    assert!(weights("tiles") != weights("exact"), "training by tiles gave the bits of direct convolutions");
    let predicted = |model: &str, extra: &[&str]| {
        let out = format!("{model}-predicted{}", extra.concat());
        foci(&[&["predict", &place.text(model), &images, "--out", &place.text(&out)], extra].concat())
            .succeeds();
        fs::read(images_in(&place.path(&out)).remove(0)).unwrap()
    };
    assert!(predicted("tiles", &[]) != predicted("tiles", &["--exact"]));
    assert!(predicted("exact", &[]) == predicted("exact", &["--exact"]));
    // What inspect foretells is the memory of the way in which the model is used.
    let bytes = |model: &str, extra: &[&str]| {
        let run = foci(&[&["inspect", &place.text(model), "--json"], extra].concat());
        run.succeeds();
        json(&run.stdout)["train_bytes"].as_u64().unwrap()
    };
    assert_eq!(bytes("exact", &[]), bytes("tiles", &["--exact"]));
    assert_ne!(bytes("exact", &[]), bytes("tiles", &[]));

    let study = |out: &str, extra: &[&str]| {
        let arguments = ["study", "--nets", "fcn", "--seeds", "1", "--steps", "2", "--weights", "5000"];
        foci(&[&arguments[..], &["--out", &place.text(out)], extra].concat()).succeeds();
        json(&fs::read_to_string(place.path(out).join("plan.json")).unwrap())
    };
    assert_eq!(study("study", &["--exact"])["spec"]["training"]["exact"], true);
    let recipe = json(&fs::read_to_string(place.path("study/runs/fcn-seed0/recipe.json")).unwrap());
    assert_eq!(recipe["training"]["plan"]["exact"], true);
}

#[test]
fn a_profile_shows_every_layer_in_a_hundred_columns() {
    let arguments = ["bench", "--net", "unet", "--weights", "5000", "--size", "64x64", "--profile"];
    let table = foci(&arguments);
    table.succeeds();
    for word in ["enc1", "by weights", "by input", "prediction", "copy"] {
        assert!(table.stdout.contains(word), "no '{word}' in:\n{}", table.stdout);
    }
    for line in table.stdout.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    let profile = json(&foci(&[&arguments[..], &["--json", "--exact"]].concat()).stdout);
    assert_eq!(profile["exact"], true);
    for step in ["training", "prediction"] {
        assert!(profile[step]["seconds"].as_f64().unwrap() > 0.0);
        let parts = profile[step]["parts"].as_array().unwrap();
        let layer = parts.iter().find(|part| part["node"] == "enc2" && part["part"] == "forward").unwrap();
        for key in ["seconds", "share", "gigaflops", "share_of_peak", "bytes", "gigabytes", "copy_seconds"] {
            assert!(layer[key].as_f64().unwrap() > 0.0, "{step}: {key} of {layer}");
        }
    }
    foci(&["bench", "--profile"]).fails_with(2, &["--net"]);
}

#[test]
fn optics_tells_of_nets_without_training_and_of_models_in_columns_and_as_json() {
    let place = Workplace::new();
    let table = foci(&["optics", "fcn", "atrous", "--weights", "5000"]);
    table.succeeds();
    for words in ["probes on a synthetic field", "Error after a shift", "period 8 px", "not trained"] {
        assert!(table.stdout.contains(words), "{words}: {}", table.stdout);
    }
    // Windows are 128 pixels and move by 16 each way.
    place.specimens("small", 1);
    foci(&["optics", "unet", "--data", &place.text("small")]).fails_with(2, &["160 x 160"]);
    foci(&["data", "synth", "--count", "1", "--size", "192x176", "--out", &place.text("data")]).succeeds();
    let unet = foci(&["optics", "unet", "--weights", "5000", "--data", &place.text("data"), "--json"]);
    unet.succeeds();
    let found = json(&unet.stdout);
    assert_eq!(found[0]["trained"], false);
    assert!(found[0]["resolution"].is_null() && found[0]["structure"]["shift"]["mean"].is_f64());
}

#[test]
fn optics_says_what_it_cannot_test() {
    let place = Workplace::new();
    foci(&["optics", "no-such-net"]).fails_with(2, &["no-such-net"]);
    fs::create_dir(place.path("empty")).unwrap();
    foci(&["optics", "fcn", "--data", &place.text("empty")]).fails_with(2, &["empty"]);
    foci(&["optics"]).fails_with(2, &["MODEL|NET"]);
}

/// A study of some seconds that varies things, and trains on the first ten of its fields only.
const VARIED: &str = r#"
name = "varied"
weights = 5_000
seeds = 2
[specimens]
fields = 14
width = 128
height = 128
nucleus_scale = 0.5
[split]
folds = 3
fold = 0
[training]
steps = 6
batch = 1
crop = 48
[tuning]
learning_rates = [1e-3]
steps = 2
[optics]
seeds = 0
[transfer]
train_on = "mixed-0*"
[factors]
design = "one_at_a_time"
activation = ["silu"]
normalisation = ["group"]
dropout = [0.2]
skip_dropout = [0.5]
deep_supervision = true
[[arm]]
net = "unet"
[[claim]]
id = "heads"
statement = "Deep supervision lets the middle hear more."
all = [{ middle = "gradient", more = "unet-deep-supervision", less = "unet" }]
"#;

#[test]
fn a_study_of_factors_tells_what_each_change_does_and_what_becomes_of_other_specimens() {
    let place = Workplace::new();
    fs::write(place.path("varied.toml"), VARIED).unwrap();
    let study = foci(&["study", &place.text("varied.toml"), "--out", &place.text("out")]);
    study.succeeds();
    assert!(study.stdout.contains("5 variants"), "{}", study.stdout);
    let results = json(&fs::read_to_string(place.path("out/results.json")).unwrap());
    let nets = results["nets"].as_array().unwrap();
    let names: Vec<&str> = nets.iter().map(|net| net["name"].as_str().unwrap()).collect();
    let expected = [
        "unet",
        "unet-silu",
        "unet-group-norm",
        "unet-dropout-0.2",
        "unet-skip-dropout-0.5",
        "unet-deep-supervision",
    ];
    assert_eq!(names, expected);
    assert!(nets[1..].iter().all(|net| net["variant_of"] == "unet"));
    let weights = |net: &Value| net["weights"].as_u64().unwrap();
    assert!(nets.iter().all(|net| weights(net).abs_diff(5_000) <= 25));
    // Each variant with its net: five pairs; two variants differ in two settings.
    let comparisons = results["comparisons"].as_array().unwrap();
    assert!(comparisons.iter().all(|one| one["a"] == "unet" || one["b"] == "unet"));
    for key in ["middle", "transfer", "runs"] {
        assert_eq!(results[key].as_array().unwrap().len(), 12, "{key}");
    }
    assert!(results["claims"][0]["evidence"].as_str().unwrap().contains("times those of unet"));
    let report = fs::read_to_string(place.path("out/report.html")).unwrap();
    for words in ["Gradients in the middle", "group normalisation", "Other specimens"] {
        assert!(report.contains(words), "no '{words}' in the report");
    }
    // The model is the net itself.
    let model =
        json(&fs::read_to_string(place.path("out/runs/unet-deep-supervision-seed0/net.json")).unwrap());
    assert!(
        model["graph"].as_array().unwrap().iter().all(|node| !node["id"].as_str().unwrap().contains("head"))
    );
}

#[test]
fn a_net_is_trained_with_every_remedy_and_then_used_like_any_other() {
    let place = Workplace::new();
    place.specimens("data", 6);
    let (data, model) = (place.text("data"), place.text("model"));
    let small =
        ["train", "--net", "unet", "--weights", "5000", "--steps", "3", "--crop", "48", "--batch", "1"];
    let remedies = [
        "--activation",
        "elu",
        "--normalisation",
        "group",
        "--weight-decay",
        "1e-4",
        "--dropout",
        "0.1",
        "--skip-dropout",
        "0.3",
        "--deep-supervision",
    ];
    foci(&[&small[..], &remedies, &["--data", &data, "--out", &model]].concat()).succeeds();
    let recipe = json(&fs::read_to_string(place.path("model/recipe.json")).unwrap());
    assert_eq!(recipe["training"]["plan"]["regularisation"]["skip_dropout"], 0.3);
    let net = json(&fs::read_to_string(place.path("model/net.json")).unwrap());
    let ops: Vec<&str> =
        net["graph"].as_array().unwrap().iter().map(|node| node["op"].as_str().unwrap()).collect();
    assert!(ops.contains(&"group_norm") && !ops.contains(&"dropout"));
    foci(&["predict", &model, &data, "--out", &place.text("predicted")]).succeeds();
    foci(&["inspect", &model]).succeeds();
    let fcn =
        ["train", "--net", "fcn", "--skip-dropout", "0.3", "--data", &data, "--out", &place.text("other")];
    foci(&fcn).fails_with(2, &["fcn", "no skips"]);
    let too_much =
        ["train", "--net", "unet", "--dropout", "1", "--data", &data, "--out", &place.text("other")];
    foci(&too_much).fails_with(2, &["dropout must be 0 or more and below 1"]);
}

#[test]
fn growth_tells_sizes_and_depths() {
    let arguments = ["bench", "--net", "unet", "--weights", "5000", "--size", "64x64", "--growth", "--json"];
    let found = json(&foci(&arguments).stdout);
    let column = |by: &str, key: &str| -> Vec<f64> {
        found[by].as_array().unwrap().iter().map(|point| point[key].as_f64().unwrap()).collect()
    };
    // The output layer stays single: 8, then 7 layers twice and four times.
    assert_eq!(column("by_depth", "layers"), [8.0, 15.0, 29.0]);
    assert_eq!(column("by_size", "layers"), [8.0; 3]);
    assert_eq!(found["by_size"][2]["image"], serde_json::json!([128, 128]));
    for by in ["by_size", "by_depth"] {
        for key in ["train_bytes", "seconds_per_step"] {
            assert!(column(by, key).iter().all(|&value| value > 0.0), "{by} {key}");
        }
        let bytes = column(by, "train_bytes");
        assert!(bytes[0] < bytes[1] && bytes[1] < bytes[2], "{by}: {bytes:?}");
    }
    foci(&["bench", "--net", "unet", "--size", "8x64", "--growth"]).fails_with(2, &["8x64"]);
    foci(&["bench", "--growth"]).fails_with(2, &["--net"]);
}

#[cfg(target_os = "linux")]
#[test]
fn limits_are_those_at_which_a_net_really_runs() {
    let arguments =
        ["bench", "--net", "unet", "--weights", "5000", "--size", "128x128", "--limits", "0.1", "--verify"];
    let found = json(&foci(&[&arguments[..], &["--json"]].concat()).stdout);
    let limits = found["limits"].as_array().unwrap();
    assert_eq!(limits.len(), 4);
    let asked = 0.1 * f64::from(1 << 30);
    for limit in limits {
        let bytes = |point: &str, key: &str| limit[point][key].as_f64().unwrap();
        for key in ["planned_bytes", "measured_bytes"] {
            assert!(bytes("fits", key) <= 1.01 * asked + 8e6 && bytes("above", key) > asked, "{limit}");
        }
    }
    foci(&["bench", "--net", "unet", "--limits", "0"]).fails_with(2, &["--limits 0"]);
    foci(&["bench", "--limits", "1"]).fails_with(2, &["--net"]);
}
