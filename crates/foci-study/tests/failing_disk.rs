//! A study on a disk that fails at random: full in the middle of a file, read-only, over quota. Whatever fails, no file
//! that is in its place is less than whole, the error says what could not be written, and the study goes on from there
//! to the same bits.

// A test may stop at anything unexpected.
#![allow(clippy::unwrap_used)]

use foci_image::DatasetOptions;
use foci_image::crop::{below, generator};
use foci_image::disk::{Step, fail_by};
use foci_kernels::{Compute, Simd};
use foci_study::{Event, Observer, StudyRequest, StudySpec, run};
use serde_json::Value;
use std::io::{Error, ErrorKind, Result};
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};

const STUDY: &str = r#"
name = "failing-disk"
weights = 2_000
seeds = 2

[specimens]
fields = 6
width = 192
height = 192

[split]
folds = 3
fold = 0

[training]
steps = 6
batch = 1
crop = 64

[tuning]
learning_rates = [1e-3, 3e-3]
steps = 2

[optics]
seeds = 1

[[arm]]
net = "fcn"
"#;

/// Failures that the study has to survive.
const FAILURES: usize = 60;
/// What every failure of this test says.
const WORDS: &str = "a fault that the test made";

/// Random numbers that were drawn.
static DRAWN: AtomicU64 = AtomicU64::new(0);
/// One step of so many fails; none at 0.
static ONE_OF: AtomicUsize = AtomicUsize::new(0);

/// A random number below `bound`, each from a stream of its own.
fn draw(bound: usize) -> usize {
    below(&mut generator(14, DRAWN.fetch_add(1, SeqCst)), bound)
}

fn sometimes(_: Step, _: &Path) -> Result<()> {
    let one_of = ONE_OF.load(SeqCst);
    if one_of == 0 || draw(one_of) != 0 {
        return Ok(());
    }
    let kinds = [ErrorKind::StorageFull, ErrorKind::ReadOnlyFilesystem, ErrorKind::QuotaExceeded];
    Err(Error::new(kinds[draw(3)], WORDS))
}

struct Nobody;

impl Observer for Nobody {
    fn event(&mut self, _: Event) {}
    fn stop_requested(&self) -> bool {
        false
    }
}

fn study(out: &Path) -> std::result::Result<(), foci_study::StudyError> {
    let request = StudyRequest {
        spec: StudySpec::parse(STUDY, "failing.toml").unwrap(),
        data: None,
        reading: DatasetOptions::default(),
        out: out.into(),
        resume: true,
        command: String::new(),
    };
    let compute = Compute::new(2, Simd::detect().unwrap()).unwrap();
    run(&request, &compute, &mut Nobody).map(drop)
}

/// Every file under its own name is whole; returns how many there are.
fn whole_files(folder: &Path) -> usize {
    let mut files = 0;
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // Folders and files that begin with a point are what no reader takes for whole.
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            files += whole_files(&path);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("json") => drop(serde_json::from_slice::<Value>(&bytes).expect(&name)),
            Some("safetensors") => drop(safetensors::SafeTensors::deserialize(&bytes).expect(&name)),
            Some("html") => assert!(bytes.trim_ascii_end().ends_with(b"</html>"), "{name}"),
            Some("png") => drop(foci_image::read_labels(&path).expect(&name)),
            _ => {}
        }
        files += 1;
    }
    files
}

/// The results without the clock, and the bytes of the models.
fn lasting(out: &Path) -> (Value, Vec<Vec<u8>>) {
    let mut results: Value =
        serde_json::from_slice(&std::fs::read(out.join("results.json")).unwrap()).unwrap();
    for list in ["runs", "nets"] {
        for entry in results[list].as_array_mut().unwrap() {
            entry.as_object_mut().unwrap().retain(|key, _| !key.starts_with("seconds"));
        }
    }
    let runs = ["fcn-seed0", "fcn-seed1"].map(|run| out.join("runs").join(run));
    let files = ["model.safetensors", "metrics.jsonl"];
    let mut bytes: Vec<Vec<u8>> =
        runs.iter().flat_map(|run| files.map(|file| std::fs::read(run.join(file)).unwrap())).collect();
    bytes.push(std::fs::read(runs[0].join("optics.json")).unwrap());
    (results, bytes)
}

#[test]
fn whatever_fails_nothing_half_written_is_taken_for_whole_and_the_bits_stay_the_same() {
    fail_by(sometimes);
    let place = tempfile::tempdir().unwrap();
    let (whole, parts) = (place.path().join("whole"), place.path().join("parts"));
    study(&whole).unwrap();
    let expected = lasting(&whole);
    let (mut failures, mut ends) = (0, 0);
    while failures < FAILURES {
        // Now the very next steps fail, now only one in the middle of the work.
        ONE_OF.store([5, 40, 200][draw(3)], SeqCst);
        let ended = study(&parts);
        ONE_OF.store(0, SeqCst);
        whole_files(&parts);
        match ended {
            Ok(()) => {
                assert_eq!(lasting(&parts), expected);
                std::fs::remove_dir_all(&parts).unwrap();
                ends += 1;
            }
            Err(error) => {
                let said = error.to_string();
                assert!(said.contains(WORDS) && said.contains("parts"), "{said}");
                failures += 1;
            }
        }
    }
    study(&parts).unwrap();
    assert_eq!(lasting(&parts), expected);
    assert!(whole_files(&parts) > 20);
    println!("{failures} failures, {ends} studies that came through between them");
}
