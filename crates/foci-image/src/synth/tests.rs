//! Truth and image belong together: what a specimen claims is checked on its pixels.

use super::*;
use crate::{Interrupted, Workers};

fn options(kind: SpecimenKind, seed: u64) -> SpecimenOptions {
    SpecimenOptions { width: 640, height: 512, seed, ..SpecimenOptions::of_kind(kind) }
}

#[test]
fn same_seed_same_bits_and_another_seed_another_field() {
    let first = generate(&options(SpecimenKind::Mixed, 4)).unwrap();
    assert_eq!(first, generate(&options(SpecimenKind::Mixed, 4)).unwrap());
    assert_ne!(first.labels, generate(&options(SpecimenKind::Mixed, 5)).unwrap().labels);
}

#[test]
fn the_camera_does_not_move_the_nuclei() {
    let first = generate(&options(SpecimenKind::Many, 4)).unwrap();
    let darker = SpecimenOptions { photons: 50.0, ..options(SpecimenKind::Many, 4) };
    let second = generate(&darker).unwrap();
    assert_eq!(first.labels, second.labels);
    assert_eq!(first.foci, second.foci);
    assert_ne!(first.image, second.image);
}

#[test]
fn foci_lie_inside_their_nucleus_and_are_counted() {
    for seed in 0..4 {
        let specimen = generate(&options(SpecimenKind::Mixed, seed)).unwrap();
        assert!(!specimen.foci.is_empty());
        for focus in &specimen.foci {
            let at = specimen.labels.at(focus.x.round() as usize, focus.y.round() as usize);
            assert_eq!(at, focus.nucleus);
            assert!(focus.brightness > 0.0);
        }
        for cell in &specimen.cells {
            let foci = specimen.foci.iter().filter(|focus| focus.nucleus == cell.label).count();
            assert_eq!(cell.foci, foci);
        }
    }
}

#[test]
fn labels_are_consecutive_connected_and_apart() {
    for seed in 0..4 {
        let specimen = generate(&options(SpecimenKind::Mixed, seed)).unwrap();
        let LabelFacts { areas, pieces, adjacent } = facts(&specimen);
        assert_eq!(areas.len(), specimen.cells.len());
        assert!(pieces.iter().all(|pieces| *pieces == 1), "{pieces:?}");
        assert!(!adjacent, "two labels share an edge or a corner");
        for (index, cell) in specimen.cells.iter().enumerate() {
            assert_eq!((cell.label as usize, cell.area), (index + 1, areas[index]));
        }
    }
}

struct LabelFacts {
    areas: Vec<usize>,
    pieces: Vec<usize>,
    adjacent: bool,
}

/// Areas and pieces by repeated spreading of piece numbers: slow, but another way than the code under test.
fn facts(specimen: &Specimen) -> LabelFacts {
    let labels = &specimen.labels;
    let (w, h) = (labels.width, labels.height);
    let count = labels.largest() as usize;
    let mut areas = vec![0; count];
    let mut number: Vec<usize> = (0..w * h).collect();
    let mut adjacent = false;
    loop {
        let mut changed = false;
        for y in 0..h {
            for x in 0..w {
                for (dx, dy) in [(1, 0), (0, 1)] {
                    if x + dx < w && y + dy < h && labels.at(x, y) == labels.at(x + dx, y + dy) {
                        let (a, b) = (y * w + x, (y + dy) * w + x + dx);
                        let least = number[number[a]].min(number[number[b]]);
                        changed |= number[a] != least || number[b] != least;
                        let (root_a, root_b) = (number[a], number[b]);
                        number[root_a] = least;
                        number[root_b] = least;
                        (number[a], number[b]) = (least, least);
                    }
                }
            }
        }
        if !changed {
            break;
        }
    }
    let mut roots = vec![std::collections::BTreeSet::new(); count];
    for y in 0..h {
        for x in 0..w {
            let label = labels.at(x, y);
            if label == 0 {
                continue;
            }
            areas[label as usize - 1] += 1;
            roots[label as usize - 1].insert(number[y * w + x]);
            for (nx, ny) in [(x + 1, y), (x, y + 1), (x + 1, y + 1), (x.wrapping_sub(1), y + 1)] {
                if nx < w && ny < h {
                    let other = labels.at(nx, ny);
                    adjacent |= other != 0 && other != label;
                }
            }
        }
    }
    LabelFacts { areas, pieces: roots.iter().map(|set| set.len()).collect(), adjacent }
}

#[test]
fn shares_of_classes_and_of_touching_nuclei_are_near_the_wanted_ones() {
    let (mut many, mut mitotic, mut touching, mut cells) = (0, 0, 0, 0);
    for seed in 0..8 {
        let mut wanted = options(SpecimenKind::Mixed, seed);
        wanted.share_many_foci = 0.7;
        wanted.mitotic_share = 0.1;
        wanted.touching_share = 0.4;
        let specimen = generate(&wanted).unwrap();
        cells += specimen.cells.len();
        many += specimen.cells.iter().filter(|cell| cell.class == CellClass::Many).count();
        mitotic += specimen.cells.iter().filter(|cell| cell.class == CellClass::Mitotic).count();
        touching += specimen.cells.iter().filter(|cell| !cell.touching.is_empty()).count();
    }
    let share = |count: usize| count as f64 / cells as f64;
    assert!((share(mitotic) - 0.1).abs() < 0.05, "{}", share(mitotic));
    assert!((share(many) - 0.7 * 0.9).abs() < 0.1, "{}", share(many));
    assert!((share(touching) - 0.4).abs() < 0.1, "{}", share(touching));
}

#[test]
fn no_nuclei_and_no_pairs_where_none_are_wanted() {
    let none = SpecimenOptions { nuclei: Some(0), ..options(SpecimenKind::Few, 1) };
    let specimen = generate(&none).unwrap();
    assert!(specimen.cells.is_empty() && specimen.labels.largest() == 0);
    for seed in 0..4 {
        let alone = SpecimenOptions { touching_share: 0.0, ..options(SpecimenKind::Mixed, seed) };
        assert!(generate(&alone).unwrap().touching.is_empty());
    }
}

#[test]
fn many_foci_nuclei_hold_more_foci_and_mitotic_cells_saturate() {
    let mut wanted = options(SpecimenKind::Mixed, 2);
    wanted.mitotic_share = 0.2;
    let specimen = generate(&wanted).unwrap();
    let mean = |class| {
        let foci: Vec<f64> =
            specimen.cells.iter().filter(|c| c.class == class).map(|c| c.foci as f64).collect();
        foci.iter().sum::<f64>() / foci.len() as f64
    };
    assert!(mean(CellClass::Many) > 3.0 * mean(CellClass::Few));
    assert_eq!(mean(CellClass::Mitotic), 0.0);
    assert!(specimen.image.data.contains(&255.0));
}

#[test]
fn bright_foci_are_peaks_of_the_expected_image_at_their_place() {
    let sharp = SpecimenOptions { defocused_share: 0.0, ..options(SpecimenKind::Many, 6) };
    let specimen = generate(&sharp).unwrap();
    let (w, h) = (specimen.expected.width as isize, specimen.expected.height as isize);
    let (mut bright, mut found) = (0, 0);
    for focus in specimen.foci.iter().filter(|focus| focus.brightness > 15.0) {
        bright += 1;
        let (cx, cy) = (focus.x.round() as isize, focus.y.round() as isize);
        let mut best = (f32::MIN, 0, 0);
        for y in (cy - 3).max(0)..(cy + 4).min(h) {
            for x in (cx - 3).max(0)..(cx + 4).min(w) {
                let value = specimen.expected.at(x as usize, y as usize);
                if value > best.0 {
                    best = (value, x, y);
                }
            }
        }
        let distance = (best.1 as f64 - focus.x).hypot(best.2 as f64 - focus.y);
        found += usize::from(distance <= 1.1);
    }
    assert!(bright > 30, "{bright}");

    // The rest stand so near a brighter one that its flank is higher than their own peak.
    assert!(found as f64 > 0.85 * bright as f64, "{found} of {bright}");
}

#[test]
fn the_boundary_of_a_touching_pair_is_darker_than_both_sides() {
    let mut pairs = 0;
    for seed in 0..3 {
        let wanted = SpecimenOptions { touching_share: 0.6, ..options(SpecimenKind::Few, seed) };
        let specimen = generate(&wanted).unwrap();
        for &(a, b) in &specimen.touching {
            let mean = |select: &dyn Fn(usize, usize) -> bool| {
                let (mut sum, mut count) = (0.0, 0.0);
                for y in 8..specimen.labels.height - 8 {
                    for x in 8..specimen.labels.width - 8 {
                        if select(x, y) {
                            sum += f64::from(specimen.expected.at(x, y));
                            count += 1.0;
                        }
                    }
                }
                sum / count
            };
            let near = |x: usize, y: usize, label: u32, reach: usize| {
                (x - reach..=x + reach)
                    .any(|x| (y - reach..=y + reach).any(|y| specimen.labels.at(x, y) == label))
            };
            let gap = mean(&|x, y| specimen.labels.at(x, y) == 0 && near(x, y, a, 1) && near(x, y, b, 1));
            let beside = mean(&|x, y| {
                let label = specimen.labels.at(x, y);
                (label == a && near(x, y, b, 8)) || (label == b && near(x, y, a, 8))
            });
            if gap.is_finite() {
                pairs += 1;
                assert!(gap < 0.8 * beside, "{gap} {beside}");
            }
        }
    }
    assert!(pairs >= 4, "{pairs}");
}

#[test]
fn extreme_options_give_whole_fields() {
    let default = SpecimenOptions { width: 96, height: 80, ..SpecimenOptions::default() };
    let extremes = [
        SpecimenOptions { width: 16, height: 16, ..default.clone() },
        SpecimenOptions { width: 16, height: 300, haze: 0.95, ..default.clone() },
        SpecimenOptions { nucleus_scale: 0.1, touching_share: 1.0, ..default.clone() },
        SpecimenOptions { nucleus_scale: 8.0, nuclei: Some(30), ..default.clone() },
        SpecimenOptions { point_spread_sigma: 20.0, boundary_width: 4.0, ..default.clone() },
        SpecimenOptions {
            point_spread_sigma: 0.3,
            photons: 1e9,
            counts: 60_000.0,
            bits: 16,
            ..default.clone()
        },
        SpecimenOptions { mitotic_share: 1.0, defocused_share: 1.0, photons: 0.1, ..default.clone() },
        SpecimenOptions { specks: 10_000.0, background: 10.0, brightness_spread: 2.0, ..default },
    ];
    for options in extremes {
        let specimen = generate(&options).unwrap();
        assert_eq!(specimen.image.data.len(), options.width * options.height);
        let largest = ((1u32 << options.bits) - 1) as f32;
        assert!(specimen.image.data.iter().all(|v| (0.0..=largest).contains(v) && v.fract() == 0.0));
        assert!(specimen.expected.data.iter().all(|v| v.is_finite()));
        assert_eq!(specimen.labels.largest() as usize, specimen.cells.len());
    }
}

#[test]
fn options_outside_their_range_are_named() {
    let wrong = [
        SpecimenOptions { width: 3, ..SpecimenOptions::default() },
        SpecimenOptions { bits: 12, ..SpecimenOptions::default() },
        SpecimenOptions { haze: f64::NAN, ..SpecimenOptions::default() },
        SpecimenOptions { photons: 0.0, ..SpecimenOptions::default() },
    ];
    for (options, name) in wrong.iter().zip(["width", "bits", "haze", "photons"]) {
        assert!(generate(options).unwrap_err().to_string().contains(name));
    }
    assert!("all".parse::<SpecimenKind>().unwrap_err().to_string().contains("mixed, few or many"));
}

#[test]
fn written_specimens_are_complete_and_the_same_on_any_number_of_threads() {
    let wanted = SpecimenOptions { width: 200, height: 160, ..SpecimenOptions::of_kind(SpecimenKind::Many) };
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let written = write_specimens(folders[0].path(), 2, &wanted, &mut Workers::new(1)).unwrap();
    write_specimens(folders[1].path(), 3, &wanted, &mut Workers::new(3)).unwrap();
    assert_eq!(written[1].name, "many-01");
    for file in ["images/many-01.png", "masks/many-01.png", "foci/many-01.csv", "cells/many-01.csv"] {
        let bytes = |folder: &tempfile::TempDir| std::fs::read(folder.path().join(file)).unwrap();
        assert_eq!(bytes(&folders[0]), bytes(&folders[1]), "{file}");
    }
    let table = std::fs::read_to_string(folders[0].path().join("images.csv")).unwrap();
    assert_eq!(table.lines().count(), 3);
    assert!(table.lines().nth(1).unwrap().starts_with("many-00,many-00,200,160,"));
    let foci = std::fs::read_to_string(folders[0].path().join("foci/many-00.csv")).unwrap();
    assert_eq!(foci.lines().count(), 1 + written[0].foci);
    let record = std::fs::read_to_string(folders[0].path().join("specimens.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    assert_eq!(record["seeds"][1].as_u64(), Some(written[1].seed));
}

#[test]
fn specimens_that_were_interrupted_have_no_table() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = SpecimenOptions { width: 64, height: 64, ..SpecimenOptions::default() };
    let mut workers = Workers::new(2).watched_by(|done, _| if done < 2 { Ok(()) } else { Err(Interrupted) });
    let ended = write_specimens(folder.path(), 50, &wanted, &mut workers);
    assert!(matches!(ended, Err(SynthError::Interrupted(_))));
    assert!(!folder.path().join("images.csv").exists());
}

#[test]
fn an_output_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("taken");
    std::fs::write(&file, b"x").unwrap();
    let error = write_specimens(&file, 1, &SpecimenOptions::default(), &mut Workers::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains("taken"), "{error}");
}
