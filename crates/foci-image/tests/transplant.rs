//! Objects of two classes laid into each other's fields.

// A test that cannot set up its own files has failed.
#![allow(clippy::unwrap_used)]

use foci_image::transplant::{Exchanged, TransplantOptions, transplant};
use foci_image::{
    Dataset, DatasetOptions, ImageError, LabelImage, Plane, Workers, write_labels, write_png_grey8,
};
use std::collections::BTreeMap;
use std::path::Path;
use tempfile::tempdir;

const WIDTH: usize = 200;
const HEIGHT: usize = 150;

/// A field with two discs of radius 9: plain ones on a dark ground, or striped ones on a bright one.
fn write_field(folder: &Path, name: &str, striped: bool, shift: usize) {
    let (mut plane, mut labels) = (Plane::zeros(WIDTH, HEIGHT), LabelImage::zeros(WIDTH, HEIGHT));
    let (ground, light) = if striped { (40.0, 100.0) } else { (8.0, 60.0) };
    for at in 0..WIDTH * HEIGHT {
        let (x, y) = (at % WIDTH, at / WIDTH);
        plane.data[at] = ground + (at * 7919 % 5) as f32;
        for (label, cx, cy) in [(4, 40 + shift, 40), (6, 120, 90 + shift)] {
            if x.abs_diff(cx).pow(2) + y.abs_diff(cy).pow(2) <= 81 {
                labels.data[at] = label;
                plane.data[at] += if striped && x % 4 < 2 { 0.5 * light } else { light };
            }
        }
    }
    for part in ["images", "masks"] {
        std::fs::create_dir_all(folder.join(part)).unwrap();
    }
    write_png_grey8(&folder.join(format!("images/{name}.png")), &plane).unwrap();
    write_labels(&folder.join(format!("masks/{name}.png")), &labels).unwrap();
}

fn open(folder: &Path, column: &str) -> Dataset {
    let options = DatasetOptions { class_column: Some(column.into()), ..DatasetOptions::default() };
    Dataset::open(folder, &options, &mut Workers::default()).unwrap()
}

fn exchange(from: &Dataset, out: &Path, seed: u64, threads: usize) -> Result<Exchanged, ImageError> {
    std::fs::create_dir_all(out).unwrap();
    transplant(from, TransplantOptions { each: 2, flat: false, seed }, out, &mut Workers::new(threads))
}

#[test]
fn each_field_gets_as_many_objects_of_both_classes_and_only_those_are_of_a_class() {
    let place = tempdir().unwrap();
    let data = place.path().join("data");
    let mut table = "name,line,fold\n".to_string();
    for (number, name) in ["a", "b", "c", "d", "e", "f", "g", "h"].iter().enumerate() {
        write_field(&data, name, number % 2 == 1, number);
        table += &format!("{name},{},{}\n", ["plain", "striped"][number % 2], number / 4);
    }
    std::fs::write(data.join("images.csv"), &table).unwrap();
    let from = open(&data, "line");
    let out = place.path().join("out");
    let Exchanged { fields: received, left_out } = exchange(&from, &out, 3, 2).unwrap();
    assert!(left_out.is_empty());
    let names: Vec<&str> = received.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["a", "c", "b", "d", "e", "g", "f", "h"], "two groups, one for each fold");
    assert!(received.iter().all(|field| field.of_each == 2), "{received:?}");

    let to = open(&out, "class");
    assert_eq!((to.fields.len(), to.object_classes()), (8, vec!["plain".into(), "striped".into()]));
    for (number, field) in to.fields.iter().enumerate() {
        assert_eq!(
            (field.group.as_str(), field.fold),
            (["exchange-0", "exchange-1"][number / 4], Some(number / 4))
        );
        let (raw, labels) = (to.load_raw(number).unwrap(), to.load_labels(number).unwrap().unwrap());
        assert_eq!(labels.objects(), 6);
        let classes = field.classes.as_ref().unwrap();
        assert_eq!((classes.of(4), classes.of(6)), (None, None), "its own");
        let told = |class: &str| (7..=10).filter(|&label| classes.of(label) == Some(class)).count();
        assert_eq!((told("plain"), told("striped")), (2, 2));
        // As bright above the ground as an own object; and what is striped has stripes wherever it lies.
        let own = from.load_raw(number).unwrap();
        let values = |plane: &Plane, label: u32| -> Vec<f64> {
            let own = (0..WIDTH * HEIGHT).filter(|&at| labels.data[at] == label);
            own.map(|at| f64::from(plane.data[at])).collect()
        };
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let wanted = mean(&values(&own, 4));
        for label in 7..=10 {
            let found = values(&raw, label);
            let level = mean(&found);
            assert!((level - wanted).abs() < 3.0, "{} label {label}: {level} for {wanted}", field.name);
            let spread =
                (found.iter().map(|value| (value - level).powi(2)).sum::<f64>() / found.len() as f64).sqrt();
            assert_eq!(
                spread > 8.0,
                classes.of(label) == Some("striped"),
                "{} label {label}: {spread}",
                field.name
            );
        }
        // What is three pixels from all that was laid in, or farther, is as it was.
        let is_laid = |x: usize, y: usize| labels.data[y * WIDTH + x] > 6;
        for at in 0..WIDTH * HEIGHT {
            let (x, y) = (at % WIDTH, at / WIDTH);
            let near = |middle: usize, side: usize| middle.saturating_sub(2)..(middle + 3).min(side);
            if !near(y, HEIGHT).any(|y| near(x, WIDTH).any(|x| is_laid(x, y))) {
                assert_eq!(raw.data[at], own.data[at], "{} at {x}, {y}", field.name);
            }
        }
    }
    // Objects come from the own fold alone.
    let origin: BTreeMap<&str, usize> =
        from.fields.iter().map(|field| (field.name.as_str(), field.fold.unwrap())).collect();
    for field in &to.fields {
        let cells = std::fs::read_to_string(out.join(format!("cells/{}.csv", field.name))).unwrap();
        for line in cells.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            let (donor, gain) = (cells[2].trim_matches('"'), cells[4].parse::<f64>().unwrap());
            assert!((0.5..=2.0).contains(&gain), "{line}");
            assert!(
                donor != field.name && origin[donor] == field.fold.unwrap(),
                "{} from {donor}",
                field.name
            );
        }
    }
    // The same seed gives the same bytes on any number of threads, another seed others.
    let bytes = |seed, threads, name: &str| {
        exchange(&from, &place.path().join(name), seed, threads).unwrap();
        std::fs::read(place.path().join(name).join("images/a.png")).unwrap()
    };
    let first = std::fs::read(out.join("images/a.png")).unwrap();
    assert_eq!(bytes(3, 1, "again"), first);
    assert_ne!(bytes(4, 2, "other"), first);
}

#[test]
fn siblings_stay_together_and_parts_apart() {
    let place = tempdir().unwrap();
    let data = place.path().join("data");
    // Six fields of either class to train on, the first two of each siblings; two of either to test on; one of one class to tune on.
    let mut table = "name,line,group,split\n".to_string();
    for number in 0..17 {
        let (name, striped) = (format!("f{number:02}"), number % 2 == 1);
        write_field(&data, &name, striped, number % 5);
        let group = if number < 4 { format!("s{}", number % 2) } else { name.clone() };
        let part = ["train", "test", "validation"][usize::from(number >= 12) + usize::from(number == 16)];
        table += &format!("{name},{},{group},{part}\n", ["plain", "striped"][usize::from(striped)]);
    }
    std::fs::write(data.join("images.csv"), table).unwrap();
    let from = open(&data, "line");
    let out = place.path().join("out");
    let Exchanged { fields, left_out } = exchange(&from, &out, 1, 2).unwrap();
    assert_eq!(left_out.iter().map(|field| field.name.as_str()).collect::<Vec<_>>(), ["f16"]);
    let to = open(&out, "class");
    let found = |name: &str| to.fields.iter().find(|field| field.name == name).unwrap();
    assert_eq!((fields.len(), to.fields.len()), (16, 16));
    assert_eq!(found("f00").group, found("f02").group);
    assert_eq!(found("f01").group, found("f03").group);
    for field in &to.fields {
        let before = from.fields.iter().find(|other| other.name == field.name).unwrap();
        assert_eq!(field.part, before.part, "{}", field.name);
        let same = to.fields.iter().filter(|other| other.group == field.group);
        assert!(same.clone().all(|other| other.part == field.part));
        assert!(same.count() >= 4, "{}", field.group);
    }
    // Siblings of both classes cannot be kept together.
    let mixed = std::fs::read_to_string(data.join("images.csv")).unwrap().replace("striped,s1", "striped,s0");
    std::fs::write(data.join("images.csv"), mixed).unwrap();
    let error = exchange(&open(&data, "line"), &place.path().join("other"), 1, 1).unwrap_err().to_string();
    assert!(error.contains("siblings (group s0)"), "{error}");
}

#[test]
fn two_classes_are_needed_and_two_fields_of_each() {
    let place = tempdir().unwrap();
    for name in ["a", "b", "c"] {
        write_field(place.path(), name, false, 1);
    }
    let table = "name,line\na,plain\nb,plain\nc,striped\n";
    std::fs::write(place.path().join("images.csv"), table).unwrap();
    let refused = |column: &str| {
        exchange(&open(place.path(), column), &place.path().join("out"), 1, 1).unwrap_err().to_string()
    };
    let error = refused("line");
    assert!(
        error.contains("two classes (plain, striped)") && error.contains("fewer than two fields"),
        "{error}"
    );
    let error = refused("colour");
    assert!(error.contains("of 0 classes ()") && error.contains("Name a column"), "{error}");
}
