//! How fields reach the parts of a study, with tables that say so.

// A test may stop at anything unexpected.
#![allow(clippy::unwrap_used)]

use super::{Data, Task, training_tiles};
use crate::study::{Event, Observer, StudyRequest};
use crate::{StudyError, StudySpec};
use foci_image::synth::{SpecimenOptions, write_specimens};
use foci_image::{Dataset, DatasetOptions, Workers};
use std::path::Path;

const STUDY: &str = r#"
name = "divided"
weights = 5_000
seeds = 1
[training]
steps = 1
crop = 64
[tuning]
learning_rates = [1e-3]
steps = 1
[[arm]]
net = "fcn"
"#;

struct Nobody;

impl Observer for Nobody {
    fn event(&mut self, _: Event) {}
    fn stop_requested(&self) -> bool {
        false
    }
}

/// Eight fields with a table of them: a header, then what follows the name of each.
fn folder(header: &str, rows: [&str; 8]) -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    let options = SpecimenOptions { width: 96, height: 96, ..SpecimenOptions::default() };
    write_specimens(place.path(), 8, &options, &mut Workers::new(2)).unwrap();
    let dataset = opened(place.path());
    let lines = dataset.fields.iter().zip(rows).map(|(field, row)| format!("{},{row}\n", field.name));
    let table = format!("name,{header}\n{}", lines.collect::<String>());
    std::fs::write(place.path().join("images.csv"), table).unwrap();
    place
}

fn opened(folder: &Path) -> Dataset {
    Dataset::open(folder, &DatasetOptions::default(), &mut Workers::new(2)).unwrap()
}

fn data(folder: &Path) -> Result<Data, StudyError> {
    data_for(STUDY, folder)
}

fn data_for(study: &str, folder: &Path) -> Result<Data, StudyError> {
    let request = StudyRequest {
        spec: StudySpec::parse(study, "divided").unwrap(),
        data: Some(folder.into()),
        reading: DatasetOptions::default(),
        out: folder.join("out"),
        resume: false,
        command: String::new(),
    };
    Data::open(&request, 2, &mut Nobody)
}

#[test]
fn siblings_are_one_piece_of_evidence() {
    let split = ["a,train", "b,train", "c,train", "d,val", "e,test", "e,test", "f,test", "f,test"];
    let data = data(folder("group,split", split).path()).unwrap();
    assert_eq!(data.planned.split.test.len(), 4);
    let paired_by: Vec<&str> = data.test.iter().map(|tile| tile.field.as_str()).collect();
    assert_eq!(paired_by, ["e", "e", "f", "f"]);
}

#[test]
fn without_fields_to_test_on_there_is_no_study() {
    let split = ["train", "train", "train", "train", "train", "train", "val", "val"];
    let error = data(folder("split", split).path()).unwrap_err();
    assert!(error.is_unusable_input());
    assert!(error.to_string().contains("no field is left for test"), "{error}");
}

#[test]
fn a_single_field_to_test_on_is_told() {
    let split = ["train", "train", "train", "train", "train", "val", "val", "test"];
    let data = data(folder("split", split).path()).unwrap();
    assert!(
        data.planned.notes.iter().any(|note| note.contains("Only one field")),
        "{:?}",
        data.planned.notes
    );
}

#[test]
fn folds_of_the_table_come_before_those_of_the_study() {
    // The study asks for the last of five; the table has three.
    let data = data(folder("fold", ["0", "1", "2", "0", "1", "2", "0", "1"]).path()).unwrap();
    assert_eq!((data.planned.fold, data.planned.split.test.len()), (2, 2));
}

#[test]
fn a_single_net_never_sees_the_test_fields() {
    let split = ["train", "train", "train", "train", "train", "val", "test", "test"];
    let place = folder("split", split);
    let tiles = training_tiles(&opened(place.path()), Task::Reconstruct, 0, &mut Workers::new(2)).unwrap().0;
    assert_eq!((tiles.training.len(), tiles.validation.len()), (5, 1));
    // Folds hold nothing out for a net that is to be used.
    let place = folder("fold", ["0", "1", "2", "0", "1", "2", "0", "1"]);
    let tiles = training_tiles(&opened(place.path()), Task::Reconstruct, 0, &mut Workers::new(2)).unwrap().0;
    assert_eq!(tiles.training.len() + tiles.validation.len(), 8);
}

#[test]
fn true_foci_are_part_of_what_the_data_are() {
    let place = folder("split", ["train", "train", "train", "train", "val", "val", "test", "test"]);
    let before = data(place.path()).unwrap().planned.fingerprint;
    let table = opened(place.path()).fields[7].foci.clone().unwrap();
    let text = std::fs::read_to_string(&table).unwrap();
    std::fs::write(&table, text.lines().next().unwrap()).unwrap();
    assert_ne!(before.sha256, data(place.path()).unwrap().planned.fingerprint.sha256);
}

#[test]
fn fields_of_another_kind_are_held_out_and_never_trained_on() {
    let split = ["train", "train", "val", "test", "train", "train", "val", "test"];
    let place = folder("split", split);
    // The last four become another kind, by name.
    let table = place.path().join("images.csv");
    let mut text = std::fs::read_to_string(&table).unwrap();
    for field in &opened(place.path()).fields[4..] {
        let renamed = format!("z-{}", field.name);
        for (part, ending) in [("images", "png"), ("masks", "png"), ("foci", "csv"), ("cells", "csv")] {
            let file = |name: &str| place.path().join(part).join(format!("{name}.{ending}"));
            std::fs::rename(file(&field.name), file(&renamed)).unwrap();
        }
        text = text.replace(&field.name, &renamed);
    }
    std::fs::write(&table, text).unwrap();
    let study = |pattern: &str| format!("{STUDY}[transfer]\ntrain_on = \"{pattern}\"\n");
    let data = data_for(&study("z-*"), place.path()).unwrap();
    let names = &data.planned.split;
    assert!(
        names.training.iter().chain(&names.validation).chain(&names.test).all(|name| name.starts_with("z-"))
    );
    assert_eq!((names.training.len(), names.validation.len(), names.test.len()), (2, 1, 1));
    assert_eq!((names.others.len(), data.others.len()), (1, 1));
    assert!(!data.others[0].name.starts_with("z-") && data.test[0].name.starts_with("z-"));
    let error = data_for(&study("nothing-*"), place.path()).unwrap_err();
    assert!(error.is_unusable_input() && error.to_string().contains("nothing-*"), "{error}");
}
