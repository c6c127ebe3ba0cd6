//! Test images with what each net found in them, worst cases first, and what is wrong marked.
//!
//! Beside the nets stands the method without a net that came out best, if the study has any. Shown are the images with the lowest mean AP (where objects are told apart, AP with the right class) over all nets (their first seeds), so no net chooses its own, and one from the middle. Of a large
//! image the part is shown in which most objects are wrong in the answers of all nets together.

use crate::StudyError;
use crate::baseline::Methods;
use crate::execute::Executed;
use crate::measure::{Answer, FoundObjects, Known, TestBench, TrueObjects, failed, labels, noisy};
use crate::plan::Plan;
use crate::report::{JudgedAnswer, JudgedSet, Region};
use crate::study::Observer;
use foci_image::Plane;
use foci_kernels::Compute;
use foci_measure::Measure;
use foci_measure::labels::Overlaps;
use foci_measure::labels::bounds::bounds;
use foci_measure::labels::errors::{Fault, Faults};
use foci_measure::labels::object_classes::mistaken;
use foci_segment::outlines::{class_colour, draw, grey, tinted};
use foci_train::{Predictor, Task};
use std::collections::BTreeMap;

/// How many of the worst images are shown.
const WORST: usize = 3;
/// Longest side of what is shown of an image, in pixels.
const SIDE: usize = 288;
/// Step between the parts among which one is chosen, in pixels.
const STEP: usize = 48;

/// Colour of an outline with nothing wrong: bluish green. These are colours of Okabe & Ito (2008), as the page names them.
const RIGHT: [u8; 3] = [0, 190, 130];

/// What is wrong with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// Its outline.
    Outline(Fault),
    /// Its class; the outline is that of the object.
    Class,
}

impl Wrong {
    /// As the page names it.
    fn name(self) -> &'static str {
        match self {
            Wrong::Outline(Fault::Split) => "split",
            Wrong::Outline(Fault::Merged) => "merged",
            Wrong::Outline(Fault::Spurious) => "spurious",
            Wrong::Outline(Fault::Missing) => "missing",
            Wrong::Class => "of the wrong class",
        }
    }

    /// Colour of the outline: orange, reddish purple, yellow, sky blue; vermilion, which is darker than orange.
    fn colour(self) -> [u8; 3] {
        match self {
            Wrong::Outline(Fault::Split) => [230, 159, 0],
            Wrong::Outline(Fault::Merged) => [230, 130, 180],
            Wrong::Outline(Fault::Spurious) => [240, 228, 66],
            Wrong::Outline(Fault::Missing) => [86, 180, 233],
            Wrong::Class => [225, 70, 0],
        }
    }
}

/// What was found in a tile, by whom.
struct Shown<'a> {
    name: String,
    is_net: bool,
    answer: Answer<'a>,
    metrics: BTreeMap<String, f64>,
}

/// Pictures of what every arm's first seed found, and the best of `methods`; none if the study is of reconstructions.
pub(crate) fn take(
    plan: &Plan,
    bench: &TestBench,
    executed: &Executed,
    methods: &Methods,
    compute: &Compute,
    observer: &mut dyn Observer,
) -> Result<Vec<JudgedSet>, StudyError> {
    let chosen: Vec<usize> = choose(plan, bench, executed);
    let (what, all) = ("taking pictures", chosen.len() * plan.arms.len());
    let mut found: Vec<Vec<Shown>> = chosen.iter().map(|_| Vec::new()).collect();
    for (arm_number, planned) in plan.arms.iter().enumerate().filter(|_| !chosen.is_empty()) {
        let arm = &planned.arm;
        let model = executed.model(&arm.name, 0)?;
        let mut predictor = Predictor::new(&model, compute);
        for (place, (&number, answers)) in chosen.iter().zip(&mut found).enumerate() {
            observer.phase(what, arm_number * chosen.len() + place, all)?;
            let (tile, known) = &bench.tiles()[number];
            let input = noisy(&tile.plane, arm.input_noise, number);
            let answer = known.ask(&mut predictor, &input).map_err(|error| failed(tile, error))?;
            let metrics = executed.tile_metrics(&arm.name, 0, &tile.name);
            answers.push(Shown { name: arm.name.clone(), is_net: true, answer, metrics });
        }
    }
    observer.phase(what, all, all)?;
    if let Some(best) = methods.best(decides(plan))? {
        for (&number, answers) in chosen.iter().zip(&mut found) {
            let (tile, known) = &bench.tiles()[number];
            let answer = best.answer(tile, known, compute.threads())?;
            let metrics = answer.measure().map_err(|error| failed(tile, error))?.values(&plan.spec.classes);
            answers.push(Shown { name: best.name(), is_net: false, answer, metrics });
        }
    }
    let sets = chosen.iter().zip(found).map(|(&number, answers)| {
        let (tile, known) = &bench.tiles()[number];
        let set = show(&tile.name, &tile.plane, known, answers).map_err(|error| failed(tile, error))?;
        Ok(JudgedSet { classes: coloured(plan), ..set })
    });
    sets.collect()
}

/// Classes of pixels with their colours. The first leaves the image as it is.
fn coloured(plan: &Plan) -> Vec<(String, [u8; 3])> {
    let classes = if plan.spec.task == Task::Semantic { &plan.spec.classes[..] } else { &[] };
    classes.iter().cloned().enumerate().skip(1).map(|(class, name)| (name, class_colour(class))).collect()
}

/// Key of the measure by which images are worse than others.
fn decides(plan: &Plan) -> &'static str {
    match plan.spec.task {
        Task::Semantic => Measure::MeanIou.key(),
        _ if plan.spec.object_class_count() > 0 => Measure::ClassAp50.key(),
        _ => Measure::MeanAp.key(),
    }
}

/// Numbers of the tiles to show: the worst, worst first, and the one in the middle.
fn choose(plan: &Plan, bench: &TestBench, executed: &Executed) -> Vec<usize> {
    let mut scores: Vec<(f64, usize)> = Vec::new();
    for (number, (tile, known)) in bench.tiles().iter().enumerate() {
        if matches!(known, Known::Image(_)) {
            continue;
        }
        let key = decides(plan);
        let of_arm = |arm: &str| executed.tile_metrics(arm, 0, &tile.name).get(key).copied().unwrap_or(1.0);
        scores.push((plan.arms.iter().map(|planned| of_arm(&planned.arm.name)).sum(), number));
    }
    // The sort is stable: of equals the first comes first.
    scores.sort_by(|a, b| a.0.total_cmp(&b.0));
    let middle = scores.len() / 2;
    let is_shown = |place: usize| place < WORST || place == middle;
    scores.iter().enumerate().filter(|(place, _)| is_shown(*place)).map(|(_, &(_, number))| number).collect()
}

/// An image, what is true, and what each net found.
fn show(
    tile: &str,
    image: &Plane,
    known: &Known,
    answers: Vec<Shown>,
) -> Result<JudgedSet, foci_measure::MeasureError> {
    let mut faulty = Vec::new();
    let mut pictures = Vec::new();
    for Shown { name, is_net, answer, metrics } in answers {
        let (pixels, counts) = match &answer {
            Answer::Objects(truth, found) => {
                let (pixels, faults) = judged(image, truth, found)?;
                if is_net {
                    faulty.extend(faults.iter().map(|(place, _)| *place));
                }
                (pixels, counted(&faults))
            }
            Answer::Classes(_, found) => (tinted(image, found), BTreeMap::new()),
            Answer::Image(..) => continue,
        };
        pictures.push(JudgedAnswer { net: name, is_net, pixels, faults: counts, metrics });
    }
    let truth = match known {
        Known::Objects(truth) => {
            let mut pixels = grey(image);
            draw(&mut pixels, truth.labels, &|_| Some(RIGHT));
            pixels
        }
        Known::Classes(truth) => {
            faulty = (0..truth.data.len())
                .filter(|&at| truth.data[at] != 0)
                .map(|at| centre(at, truth.width))
                .collect();
            tinted(image, truth)
        }
        Known::Image(_) => grey(image),
    };
    let region = densest(&faulty, image.width, image.height);
    let cut = |pixels: &[u8]| cut(pixels, image.width, region);
    let answers =
        pictures.into_iter().map(|answer| JudgedAnswer { pixels: cut(&answer.pixels), ..answer }).collect();
    Ok(JudgedSet {
        tile: tile.into(),
        width: image.width,
        height: image.height,
        region,
        image: cut(&grey(image)),
        truth: cut(&truth),
        classes: Vec::new(),
        answers,
    })
}

fn centre(at: usize, width: usize) -> (usize, usize) {
    (at % width, at / width)
}

/// What is wrong, and where its middle lies.
type Placed = ((usize, usize), Wrong);

/// The image with the outlines of what was found, and of what was missed, in the colours of what is wrong; and all faults.
fn judged(
    image: &Plane,
    known: &TrueObjects,
    answer: &FoundObjects,
) -> Result<(Vec<u8>, Vec<Placed>), foci_measure::MeasureError> {
    let (truth, found) = (known.labels, &answer.labels);
    let overlaps = Overlaps::new(labels(truth)?, labels(found)?)?;
    let faults = Faults::new(&overlaps);
    let wrong = |objects: &[foci_measure::labels::overlap::Object], faults: &[Option<Fault>]| {
        let of_object = |(object, fault): (&foci_measure::labels::overlap::Object, &Option<Fault>)| {
            fault.map(|fault| (object.label, Wrong::Outline(fault)))
        };
        objects.iter().zip(faults).filter_map(of_object).collect::<BTreeMap<u32, Wrong>>()
    };
    let (of_truth, mut of_found) =
        (wrong(&overlaps.truth, &faults.truth), wrong(&overlaps.predicted, &faults.predicted));
    if let Some(told) = &answer.classes {
        let own = |label: u32| known.classes.get(&label).copied();
        for label in mistaken(&overlaps, own, |label| told.get(&label).copied()) {
            // Where both are wrong, the outline is told.
            of_found.entry(label).or_insert(Wrong::Class);
        }
    }
    let missing = Wrong::Outline(Fault::Missing);
    let is_missing = |label: &u32| of_truth.get(label) == Some(&missing);
    let mut pixels = grey(image);
    draw(&mut pixels, truth, &|label| is_missing(&label).then(|| missing.colour()));
    draw(&mut pixels, found, &|label| Some(of_found.get(&label).copied().map_or(RIGHT, Wrong::colour)));
    let mut placed = Vec::new();
    for (image, wrong) in [(truth, &of_truth), (found, &of_found)] {
        for (label, place) in bounds(labels(image)?) {
            // Of true objects only those that nothing was found of: the others are told by what was found.
            let told = wrong.get(&label).filter(|fault| std::ptr::eq(image, found) || **fault == missing);
            placed.extend(
                told.map(|&fault| (((place.left + place.right) / 2, (place.top + place.bottom) / 2), fault)),
            );
        }
    }
    Ok((pixels, placed))
}

/// How many objects there are with each thing wrong.
fn counted(faults: &[Placed]) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for (_, wrong) in faults {
        *counts.entry(wrong.name()).or_default() += 1;
    }
    counts
}

/// The part of an image that holds most of the places; of equals the first, row by row.
fn densest(places: &[(usize, usize)], width: usize, height: usize) -> Region {
    let (w, h) = (SIDE.min(width), SIDE.min(height));
    let starts = |length: usize, side: usize| (0..length - side).step_by(STEP).chain([length - side]);
    let mut best = (0, Region { x: 0, y: 0, width: w, height: h });
    for y in starts(height, h) {
        for x in starts(width, w) {
            let is_in = |&&(px, py): &&(usize, usize)| (x..x + w).contains(&px) && (y..y + h).contains(&py);
            let count = places.iter().filter(is_in).count();
            if count > best.0 {
                best = (count, Region { x, y, width: w, height: h });
            }
        }
    }
    best.1
}

/// The pixels of a region, three bytes each.
fn cut(pixels: &[u8], width: usize, region: Region) -> Vec<u8> {
    let row = |y: usize| {
        let start = 3 * (y * width + region.x);
        &pixels[start..start + 3 * region.width]
    };
    (region.y..region.y + region.height).flat_map(row).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use foci_image::LabelImage;

    #[test]
    fn what_is_wrong_has_its_colour_and_is_counted() {
        let image = Plane { width: 9, height: 1, data: vec![0.0; 9] };
        let truth = LabelImage { width: 9, height: 1, data: vec![1, 1, 1, 1, 0, 2, 0, 0, 0] };
        let found = LabelImage { width: 9, height: 1, data: vec![1, 1, 2, 2, 0, 0, 0, 3, 0] };
        let known = |classes| TrueObjects { labels: &truth, classes, class_count: 2 };
        let (pixels, faults) = judged(&image, &known(&BTreeMap::new()), &found.into()).unwrap();
        let at = |x: usize| [pixels[3 * x], pixels[3 * x + 1], pixels[3 * x + 2]];
        let [split, missing, spurious] =
            [Fault::Split, Fault::Missing, Fault::Spurious].map(|fault| Wrong::Outline(fault).colour());
        assert_eq!((at(1), at(2)), (split, split));
        assert_eq!((at(5), at(7), at(8)), (missing, spurious, [0; 3]));
        assert_eq!(counted(&faults), BTreeMap::from([("missing", 1), ("split", 2), ("spurious", 1)]));
    }

    #[test]
    fn an_object_that_is_taken_for_another_class_has_its_colour_and_is_counted() {
        let image = Plane { width: 9, height: 1, data: vec![0.0; 9] };
        let labels = LabelImage { width: 9, height: 1, data: vec![1, 1, 1, 0, 2, 2, 0, 3, 3] };
        // Of the third nobody knows the class, so it is not taken for another one.
        let classes = BTreeMap::from([(1, 0), (2, 1)]);
        let known = TrueObjects { labels: &labels, classes: &classes, class_count: 2 };
        let told = Some(BTreeMap::from([(1, 1), (2, 1), (3, 0)]));
        let found = FoundObjects { labels: labels.clone(), classes: told };
        let (pixels, faults) = judged(&image, &known, &found).unwrap();
        let at = |x: usize| [pixels[3 * x], pixels[3 * x + 1], pixels[3 * x + 2]];
        assert_eq!((at(2), at(4), at(7)), (Wrong::Class.colour(), RIGHT, RIGHT));
        assert_eq!(faults, [((1, 0), Wrong::Class)]);
        assert_eq!(counted(&faults), BTreeMap::from([("of the wrong class", 1)]));
    }

    #[test]
    fn the_part_with_most_faults_is_shown_and_lies_inside() {
        assert_eq!(densest(&[], 100, 60), Region { x: 0, y: 0, width: 100, height: 60 });
        let region = densest(&[(990, 390), (980, 380), (10, 10)], 1000, 400);
        assert_eq!(region, Region { x: 1000 - SIDE, y: 400 - SIDE, width: SIDE, height: SIDE });
        let pixels: Vec<u8> = (0..3 * 12).collect();
        assert_eq!(cut(&pixels, 4, Region { x: 1, y: 1, width: 2, height: 1 }), [15, 16, 17, 18, 19, 20]);
    }
}
