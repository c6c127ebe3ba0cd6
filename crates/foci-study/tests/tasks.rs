//! Studies of objects and of classes, from masks to report.

// A test may stop at anything unexpected.
#![allow(clippy::unwrap_used)]

use foci_image::{DatasetOptions, LabelImage, Plane, write_png_grey8};
use foci_kernels::{Compute, Simd};
use foci_study::forecast::{ForecastRequest, forecast};
use foci_study::results::Results;
use foci_study::{Event, Observer, StudyError, StudyRequest, StudySpec, run};
use std::path::Path;

/// Width and height of the fields.
const SIDE: usize = 96;

const STUDY: &str = r#"
name = "objects"
task = "instances"
weights = 10_000
seeds = 2

[split]
folds = 3
fold = 0

[training]
steps = 60
batch = 2
crop = 64

[tuning]
learning_rates = [1e-2]
steps = 2

[[arm]]
net = "fcn"
[[arm]]
net = "unet"

[[baseline]]
method = "otsu"
smallest = 20
[[baseline]]
method = "pixel-classifier"
smallest = 20

[[claim]]
id = "sharper"
statement = "The U-Net outlines discs more exactly."
all = [{ measure = "ap_90", better = "unet", worse = "fcn" }]
"#;

/// Adds up what work is told.
#[derive(Default)]
struct Watcher {
    planned: f64,
    told: f64,
}

impl Observer for Watcher {
    fn event(&mut self, event: Event) {
        match event {
            Event::Planned { work } => self.planned = work,
            Event::Progress { work } | Event::Skipped { work } => self.told += work,
            _ => {}
        }
    }
    fn stop_requested(&self) -> bool {
        false
    }
}

/// Discs on a ground, each in contact with the next; `value` gives the mask its values.
fn write_fields(folder: &Path, fields: usize, value: impl Fn(usize) -> u32) {
    for part in ["images", "masks"] {
        std::fs::create_dir_all(folder.join(part)).unwrap();
    }
    for field in 0..fields {
        let (mut image, mut mask) = (Plane::zeros(SIDE, SIDE), LabelImage::zeros(SIDE, SIDE));
        for disc in 0..5 {
            let (x, y) = (14 + 15 * disc, 30 + 23 * field % 30 + 8 * (disc % 2));
            for at in 0..SIDE * SIDE {
                let inside = (at % SIDE).abs_diff(x).pow(2) + (at / SIDE).abs_diff(y).pow(2) <= 81;
                if inside && mask.data[at] == 0 {
                    mask.data[at] = value(disc);
                    image.data[at] = 120.0 + 20.0 * disc as f32;
                }
            }
        }
        let noise = |at: usize| ((at * 7919 + field * 104_729) % 13) as f32;
        image.data.iter_mut().enumerate().for_each(|(at, value)| *value += 20.0 + noise(at));
        write_png_grey8(&folder.join(format!("images/f{field:02}.png")), &image).unwrap();
        let data = mask.data.iter().map(|&label| label as f32).collect();
        write_png_grey8(
            &folder.join(format!("masks/f{field:02}.png")),
            &Plane { width: SIDE, height: SIDE, data },
        )
        .unwrap();
    }
}

fn request(text: &str, data: &Path, out: &Path) -> Result<StudyRequest, StudyError> {
    Ok(StudyRequest {
        spec: StudySpec::parse(text, "here")?,
        data: Some(data.into()),
        reading: DatasetOptions::default(),
        out: out.into(),
        resume: false,
        command: "foci study".into(),
    })
}

fn study(text: &str, data: &Path, out: &Path) -> Result<(Results, String), StudyError> {
    begin_or_resume(text, data, out, false)
}

fn begin_or_resume(
    text: &str,
    data: &Path,
    out: &Path,
    resume: bool,
) -> Result<(Results, String), StudyError> {
    let request = StudyRequest { resume, ..request(text, data, out)? };
    let compute = Compute::new(2, Simd::detect().unwrap()).unwrap();
    let mut watcher = Watcher::default();
    let results = run(&request, &compute, &mut watcher)?;
    // However it was begun and gone on with, the work that was planned is done.
    assert!((watcher.told / watcher.planned - 1.0).abs() < 1e-9, "{} of {}", watcher.told, watcher.planned);
    Ok((results, std::fs::read_to_string(out.join("report.html")).unwrap()))
}

#[test]
fn nets_are_compared_by_the_objects_that_they_find_beside_a_method_without_training() {
    let place = tempfile::tempdir().unwrap();
    write_fields(&place.path().join("data"), 9, |disc| disc as u32 + 1);
    let (results, report) = study(STUDY, &place.path().join("data"), &place.path().join("out")).unwrap();
    assert_eq!(results.task, "instances");
    let metrics = &results.runs[0].metrics;
    for key in ["mean_ap", "ap_50", "ap_90", "boundary_f", "split", "merged", "spurious", "missing"] {
        assert!(metrics.contains_key(key), "{key}");
    }
    assert!(!metrics.contains_key("psnr"));
    // Bright discs on a dark ground: what finds nothing has learnt nothing.
    assert!(results.runs.iter().any(|run| run.metrics["ap_50"] > 0.3), "{:?}", results.runs);
    assert!(results.comparisons.iter().any(|comparison| comparison.metric == "mean_ap"));
    assert_eq!((results.claims[0].id.as_str(), results.claims.len()), ("sharper", 1));
    let otsu = &results.baselines[0];
    assert_eq!(otsu.name, "otsu");
    // A threshold finds all discs and tells none in contact apart.
    assert!(otsu.metrics["iou"] > 0.8 && otsu.metrics["merged"] > 0.0, "{:?}", otsu.metrics);
    // Beside it one that has learnt.
    let learnt = &results.baselines[1];
    assert!(learnt.name == "pixel-classifier" && learnt.training_seconds.is_some(), "{learnt:?}");
    assert!(learnt.metrics["iou"] > 0.8, "{:?}", learnt.metrics);
    // Nets are compared with all, field by field, and what is behind a difference is told.
    let against: Vec<_> =
        results.baseline_comparisons.iter().map(|one| (one.baseline, &one.comparison)).collect();
    for (net, method) in [("fcn", 0), ("unet", 0), ("fcn", 1), ("unet", 1)] {
        assert!(against.iter().any(|(place, one)| *place == method && one.a == net && one.metric == "ap_50"));
    }
    let told = foci_study::explain(&results, &place.path().join("out"), "unet:otsu.ap_50").unwrap();
    assert!(told.contains("adjusted for all comparisons with methods") && told.contains("field"), "{told}");
    assert!(report.contains("unet minus it"));
    // It lies in the folder of the study, to be used; where it is gone another like it learns in its place.
    let (out, folder) = (place.path().join("out"), place.path().join("out/methods/1-pixel-classifier"));
    let classifier = foci_train::PixelModel::load(&folder).unwrap();
    assert!(classifier.recipe.objects.unwrap().smallest >= 20);
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::remove_file(out.join("results.json")).unwrap();
    let (resumed, _) = begin_or_resume(STUDY, &place.path().join("data"), &out, true).unwrap();
    assert_eq!(resumed.baselines[1].metrics, results.baselines[1].metrics);
    assert_eq!(foci_train::PixelModel::load(&folder).unwrap().recipe, classifier.recipe);
    assert!(
        report.contains("Which net outlines the objects?")
            && report.contains("The old way, on the same fields")
    );
    assert!(report.matches("What unet found in").count() >= 3, "pictures of the worst images");
    let best = results
        .baselines
        .iter()
        .max_by(|a, b| a.metrics["mean_ap"].total_cmp(&b.metrics["mean_ap"]))
        .unwrap();
    let pictures = |name: &str| report.matches(&format!("What {name} found in")).count();
    assert_eq!(
        pictures(&best.name),
        pictures("unet"),
        "the best method without a net stands beside the nets"
    );
    assert!(report.contains("<small>without a net</small>"));
    // To make objects of maps takes time, too.
    assert!(report.contains("Prediction, all included"));
    let out = place.path().join("out");
    let told = foci_study::explain(&results, &out, "unet.seconds_to_the_answer").unwrap();
    for run in results.runs.iter().filter(|run| run.net == "unet") {
        assert!(told.contains(&run.seconds_per_megapixel.to_string()), "{told}");
    }
}

#[test]
fn nets_that_see_binned_pixels_cost_less_and_see_farther() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    write_fields(&data, 9, |disc| disc as u32 + 1);
    let quick = STUDY
        .replace("[[baseline]]\nmethod = \"otsu\"\nsmallest = 20\n[[baseline]]\nmethod = \"pixel-classifier\"\nsmallest = 20\n", "")
        .replace("steps = 60", "steps = 2")
        .replace("crop = 64", "crop = 32");
    let (whole, _) = study(&quick, &data, &place.path().join("whole")).unwrap();
    let binned = quick.replace("crop = 32", "crop = 32\nbinning = 2");
    let (binned, report) = study(&binned, &data, &place.path().join("binned")).unwrap();
    for (net, whole) in binned.nets.iter().zip(&whole.nets) {
        assert_eq!(net.weights, whole.weights);
        assert_eq!(net.receptive_field, 2 * whole.receptive_field);
        assert_eq!(net.macs_per_pixel, whole.macs_per_pixel / 4.0);
        assert!(net.train_bytes < whole.train_bytes && net.infer_bytes < whole.infer_bytes);
        assert!(net.largest_train_side == 2 * whole.largest_train_side);
    }
    // Measured on whole fields, not on blocks.
    assert!(binned.runs.iter().all(|run| run.metrics.contains_key("mean_ap")));
    assert!(report.contains("2 crops of 32 x 32 pixels, each of 2 x 2 pixels of the image"));
    let reconstruct =
        quick.replace("crop = 32", "crop = 32\nbinning = 2").replace("\"instances\"", "\"reconstruct\"");
    let error = StudySpec::parse(&reconstruct.replace("ap_90", "psnr"), "here").unwrap_err().to_string();
    assert!(error.contains("not binned for a reconstruction"), "{error}");
    // Fields of 96 x 96: 32 binned pixels are 94 of the image at least, 33 are 97.
    let too_large = quick.replace("crop = 32", "crop = 33\nbinning = 3");
    let error = study(&too_large, &data, &place.path().join("too-large")).unwrap_err().to_string();
    assert!(error.contains("33 x 33 pixels, each of 3 x 3 pixels of the image"), "{error}");
}

#[test]
fn nets_are_compared_by_how_they_tell_objects_apart() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    write_fields(&data, 9, |disc| disc as u32 + 1);
    std::fs::create_dir(data.join("cells")).unwrap();
    // Discs grow brighter from left to right.
    for field in 0..9 {
        let table = "label,light\n1,dim\n2,dim\n3,dim\n4,bright\n5,bright\n";
        std::fs::write(data.join(format!("cells/f{field:02}.csv")), table).unwrap();
    }
    let text = STUDY
        .replace(
            "\"instances\"",
            "\"instances\"\nobject_classes = \"light\"\nclasses = [\"dim\", \"bright\"]",
        )
        .replace("ap_90", "told_apart");
    let (results, report) = study(&text, &data, &place.path().join("out")).unwrap();
    for key in ["told_apart", "class_ap_50", "told_of_dim", "told_of_bright", "mean_ap"] {
        let has = |run: &foci_study::results::RunSummary| run.metrics.contains_key(key);
        assert!(results.runs.iter().any(has), "{key}: {:?}", results.runs);
    }
    assert!(results.comparisons.iter().any(|comparison| comparison.metric == "class_ap_50"));
    // A forest tells what is bright; a threshold says no class of any object.
    let forest = &results.baselines[1].metrics;
    assert!(forest["told_apart"] > 0.7 && forest["class_ap_50"] > 0.3, "{forest:?}");
    assert!(!results.baselines[0].metrics.contains_key("told_apart"), "{:?}", results.baselines);
    assert!(report.contains("Objects told apart") && report.contains("bright told right"), "the measures");
    assert!(report.contains("Which net tells the objects apart?"));
    assert!(report.contains("class=\"fault mistaken\""), "what is taken for another class has its colour");
    // Classes that do not occur, and classes of another task.
    let wrong = text.replace("\"bright\"]", "\"loud\"]");
    let error = study(&wrong, &data, &place.path().join("other")).unwrap_err().to_string();
    assert!(error.contains("'loud'") && error.contains("'light'"), "{error}");
    let wrong = text.replace("object_classes = \"light\"\n", "");
    assert!(StudySpec::parse(&wrong, "here").unwrap_err().to_string().contains("object_classes"));
    let wrong = text.replace("classes = [\"dim\", \"bright\"]", "");
    assert!(StudySpec::parse(&wrong, "here").unwrap_err().to_string().contains("two classes"));
}

#[test]
fn nets_learn_from_few_masks_and_begin_with_what_they_learnt_without() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    write_fields(&data, 12, |disc| disc as u32 + 1);
    let arms = "[[arm]]\nname = \"few\"\nnet = \"unet\"\nlabelled = 1\n[[arm]]\nname = \"ahead\"\nnet = \"unet\"\nlabelled = 1\npretrained = true\n\
                [[arm]]\nname = \"more\"\nnet = \"unet\"\nlabelled = 3\npretrained = true\n[[arm]]\nnet = \"unet\"\n\n[pretraining]\nsteps = 4\n";
    let text = STUDY
        .replace("[[arm]]\nnet = \"fcn\"\n[[arm]]\nnet = \"unet\"\n", arms)
        .replace("worse = \"fcn\"", "worse = \"few\"")
        .replace("steps = 60", "steps = 6")
        .replace("[[baseline]]\nmethod = \"otsu\"\nsmallest = 20\n[[baseline]]\nmethod = \"pixel-classifier\"\nsmallest = 20\n", "[[baseline]]\nmethod = \"pixel-classifier\"\nlabelled = 2\n");
    let out = place.path().join("out");
    // One arm of those that share a pretraining has its steps, for each seed.
    let request =
        ForecastRequest { study: request(&text, &data, &out).unwrap(), pilot: None, wanted: Vec::new() };
    let compute = Compute::new(2, Simd::best()).unwrap();
    let forecast = forecast(&request, &compute, &mut Watcher::default()).unwrap();
    let steps = |name: &str| forecast.arms.iter().find(|arm| arm.name == name).unwrap().steps;
    assert_eq!((steps("ahead") - steps("few"), steps("more")), (2.0 * 4.0, steps("few")));
    assert!(!out.exists(), "a forecast writes nothing");

    let (results, report) = study(&text, &data, &out).unwrap();
    let fields: Vec<(bool, Option<usize>)> =
        results.nets.iter().map(|net| (net.pretrained, net.labelled)).collect();
    // Of 12 fields a third is tested on and a fifth of the others chosen on.
    assert_eq!(fields, [(false, Some(1)), (true, Some(1)), (true, Some(3)), (false, Some(6))]);
    // One pretraining for each seed, whichever arms begin with it; each seed draws fields of its own.
    let mut folders: Vec<String> = std::fs::read_dir(out.join("pretraining"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.sort();
    assert_eq!(folders, ["ahead-seed0", "ahead-seed1"]);
    let recipe = |run: &str| {
        let text = std::fs::read_to_string(out.join("runs").join(run).join("recipe.json")).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["training"]["plan"]["pretrained"].clone()
    };
    assert_eq!(recipe("ahead-seed0"), recipe("more-seed0"));
    assert_ne!(recipe("ahead-seed0"), recipe("ahead-seed1"));
    assert!(recipe("few-seed0").is_null());
    assert!(report.contains("What masks are worth") && report.contains("pretrained without masks"));
    assert!(report.contains("learns from the masks of 1 field;"), "the legend");

    assert_eq!(results.pretrainings.len(), 2);
    assert!(results.pretrainings.iter().all(|one| one.net == "ahead" && one.steps == 4), "{results:?}");

    // A classifier learns once for each seed from as few fields, and has no difference to nets that learnt from others.
    let few = &results.baselines[0];
    assert!(few.name == "pixel-classifier-2" && results.baseline_comparisons.is_empty(), "{few:?}");
    assert!(report.contains("pixel-classifier, mean over draws"), "its line beside those of the nets");
    let learnt = |seed: u64| {
        let folder = out.join("methods/0-pixel-classifier-2").join(format!("seed-{seed}"));
        foci_train::PixelModel::load(&folder).unwrap().recipe.fingerprint
    };
    assert_ne!(learnt(0), learnt(1), "each seed draws fields of its own");

    // What is lost of it is done again, to the same figures, and what is there is not.
    std::fs::remove_file(out.join("results.json")).unwrap();
    std::fs::remove_dir_all(out.join("runs/more-seed0")).unwrap();
    std::fs::remove_dir_all(out.join("pretraining/ahead-seed0")).unwrap();
    let (resumed, _) = begin_or_resume(&text, &data, &out, true).unwrap();
    for (resumed, whole) in resumed.runs.iter().zip(&results.runs) {
        assert_eq!((&resumed.net, &resumed.metrics), (&whole.net, &whole.metrics));
    }
    assert_eq!(resumed.pretrainings[1], results.pretrainings[1]);

    let refused = |from: &str, to: &str, words: &str| {
        let error = study(&text.replace(from, to), &data, &place.path().join("no")).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    refused("labelled = 3", "labelled = 0", "labelled of arm 'more' is 0");
    refused("labelled = 2", "pixels = 0", "pixels = 0 of baseline 'pixel-classifier'");
    refused("labelled = 2", "labelled = 0", "labelled of a baseline is 0");
    let second = "labelled = 2\n[[baseline]]\nmethod = \"pixel-classifier\"\nlabelled = 0";
    refused("labelled = 2", second, "labelled of a baseline is 0");
    refused(
        "labelled = 2",
        "labelled = 7",
        "baseline 'pixel-classifier-7' learns from the masks of 7 fields",
    );
    refused("\"pixel-classifier\"", "\"otsu\"", "learns from no masks");
    refused("[pretraining]\nsteps = 4\n", "", "add a table [pretraining]");
    refused("pretrained = true", "", "no arm begins with it");
    refused("[pretraining]\nsteps = 4", "[pretraining]\nsteps = 0", "pretraining: ");
    refused(
        "\"instances\"",
        "\"instances\"\nobject_classes = \"light\"\nclasses = [\"a\", \"b\"]",
        "has `labelled`",
    );
    refused("labelled = 3", "labelled = 7", "arm 'more' learns from the masks of 7 fields, and there are 6");
}

#[test]
fn nets_are_compared_by_classes_of_pixels() {
    let place = tempfile::tempdir().unwrap();
    write_fields(&place.path().join("data"), 9, |disc| 1 + u32::from(disc >= 3));
    let text = STUDY
        .replace("\"instances\"", "\"semantic\"\nclasses = [\"ground\", \"dim\", \"bright\"]")
        .replace("ap_90", "mean_iou")
        .replace("[[baseline]]\nmethod = \"otsu\"\nsmallest = 20\n", "");
    let (results, report) = study(&text, &place.path().join("data"), &place.path().join("out")).unwrap();
    let metrics = &results.runs[0].metrics;
    for key in ["mean_iou", "mean_dice", "iou_of_ground", "iou_of_dim", "iou_of_bright"] {
        assert!(metrics.contains_key(key), "{key}: {metrics:?}");
    }
    assert!(metrics["iou_of_ground"] > 0.5, "{metrics:?}");
    assert!(results.baselines[0].metrics["mean_iou"] > 0.8, "{:?}", results.baselines);
    assert!(report.contains("Which net tells the classes apart?") && report.contains("IoU of dim"));
    assert!(report.contains("border-color:rgb(86 180 233)\">dim</b>"), "which colour is which class");
    // Rare classes count more, and the plan says how much.
    let plan = std::fs::read_to_string(place.path().join("out/plan.json")).unwrap();
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    let weights: Vec<f64> = plan["data"]["class_weights"]
        .as_array()
        .unwrap()
        .iter()
        .map(|weight| weight.as_f64().unwrap())
        .collect();
    assert!(weights.len() == 3 && weights[0] < weights[1], "{weights:?}");
}

#[test]
fn what_does_not_go_together_is_refused_with_the_way_out() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    write_fields(&data, 9, |disc| disc as u32 + 1);
    let refused = |text: &str, out: &str| {
        study(text, &data, &place.path().join(out)).map(|_| ()).unwrap_err().to_string()
    };
    let classes = STUDY.replace("\"instances\"", "\"semantic\"\nclasses = [\"a\", \"b\"]");
    let wrong = [
        (STUDY.replace("\"otsu\"", "\"magic\""), "'magic' is no method"),
        (STUDY.replace("\"instances\"", "\"reconstruct\""), "does not do the task 'reconstruct'"),
        (classes.replace("ap_90", "mean_iou"), "'otsu' does not do the task 'semantic'"),
        (STUDY.replace("\"instances\"", "\"semantic\""), "at least two classes"),
        (
            STUDY.replace("weights = 10_000", "weights = 10_000\nclasses = [\"a\", \"b\"]"),
            "add object_classes",
        ),
        (STUDY.replace("ap_90", "psnr"), "no measure of the task 'instances'"),
        (format!("{STUDY}\n[stress]\n"), "on reconstructions only"),
    ];
    for (number, (text, words)) in wrong.iter().enumerate() {
        let error = refused(text, &format!("wrong{number}"));
        assert!(error.contains(words), "{error}");
    }
    let classes =
        classes.replace("ap_90", "mean_iou").replace("[[baseline]]\nmethod = \"otsu\"\nsmallest = 20\n", "");
    let error = refused(&classes, "few");
    assert!(error.contains("values up to 5") && error.contains("names 2 classes"), "{error}");
    std::fs::remove_dir_all(data.join("masks")).unwrap();
    let error = refused(STUDY, "none");
    assert!(error.contains("has a mask") && error.contains("add masks"), "{error}");
}
