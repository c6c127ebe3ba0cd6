//! What is true of a test tile, what was made of it, and how good that is: an image, objects, or classes of pixels.

use super::{blacken, measure, reference};
use crate::data::TestTile;
use foci_image::{LabelImage, Plane};
use foci_measure::contrast::LEAST_CONTRAST;
use foci_measure::labels::Overlaps;
use foci_measure::labels::classes::Confusion;
use foci_measure::labels::object_classes::ObjectConfusion;
use foci_measure::meter::Reference;
use foci_measure::{
    LabelMeasures, LabelView, Measure, MeasureError, ReconstructionMeasures, field_values, measure_labels,
    summary::mean,
};
use foci_train::{Predictor, Task, TrainError};
use std::collections::BTreeMap;

/// What is known of a tile before any model has seen it.
pub(crate) enum Known<'a> {
    /// The image itself, with its foci and boundaries.
    Image(Box<Reference<'a>>),
    /// The objects.
    Objects(TrueObjects<'a>),
    /// The classes of the pixels.
    Classes(&'a LabelImage),
}

/// The true objects of a tile.
#[derive(Clone, Copy)]
pub(crate) struct TrueObjects<'a> {
    pub labels: &'a LabelImage,
    /// The class of each, where it is known.
    pub classes: &'a BTreeMap<u32, usize>,
    /// How many classes there are.
    pub class_count: usize,
}

/// What was made of the objects of a tile.
#[derive(Debug)]
pub(crate) struct FoundObjects {
    pub labels: LabelImage,
    /// The class of each; `None` of methods that tell none.
    pub classes: Option<BTreeMap<u32, usize>>,
}

impl From<LabelImage> for FoundObjects {
    fn from(labels: LabelImage) -> FoundObjects {
        FoundObjects { labels, classes: None }
    }
}

impl FoundObjects {
    /// What a model found, which tells classes of objects or does not.
    pub fn of(found: foci_train::Found, tells_classes: bool) -> FoundObjects {
        let classes = found.classes.iter().map(|object| (object.label, object.class)).collect();
        FoundObjects { labels: found.labels, classes: tells_classes.then_some(classes) }
    }
}

impl<'a> Known<'a> {
    /// What counts for the task. Tiles of tasks that are learnt from masks have labels; one without would be background.
    pub fn of(tile: &'a TestTile, task: Task, class_count: usize) -> Result<Known<'a>, MeasureError> {
        Ok(match (task, &tile.labels) {
            (Task::Semantic, Some(labels)) => Known::Classes(labels),
            (Task::Instances, Some(labels)) => {
                Known::Objects(TrueObjects { labels, classes: &tile.classes, class_count })
            }
            (Task::Reconstruct | Task::Semantic | Task::Instances, _) => {
                Known::Image(Box::new(reference(tile)?))
            }
        })
    }

    /// What a model makes of a normalised plane.
    pub fn ask(&self, predictor: &mut Predictor, input: &Plane) -> Result<Answer<'_>, TrainError> {
        Ok(match self {
            Known::Image(reference) => {
                let mut output = predictor.predict(input)?;
                blacken(&mut output);
                Answer::Image(reference, output)
            }
            Known::Objects(truth) => {
                let found = predictor.found(input)?;
                Answer::Objects(*truth, FoundObjects::of(found, truth.class_count > 0))
            }
            Known::Classes(truth) => Answer::Classes(truth, predictor.classes(input)?.classes),
        })
    }
}

/// What was made of a tile, beside what is true.
pub(crate) enum Answer<'k> {
    Image(&'k Reference<'k>, Plane),
    Objects(TrueObjects<'k>, FoundObjects),
    Classes(&'k LabelImage, LabelImage),
}

impl Answer<'_> {
    /// How good it is.
    pub fn measure(&self) -> Result<Found, MeasureError> {
        Ok(match self {
            Answer::Image(reference, output) => Found::Image(Box::new(measure(reference, output)?)),
            Answer::Objects(truth, found) => {
                let (of_truth, of_found) = (labels(truth.labels)?, labels(&found.labels)?);
                let confusion = match &found.classes {
                    None => None,
                    Some(told) => Some(ObjectConfusion::of(
                        &Overlaps::new(of_truth, of_found)?,
                        truth.class_count,
                        |label| truth.classes.get(&label).copied(),
                        |label| told.get(&label).copied(),
                    )),
                };
                Found::Objects(Box::new(measure_labels(of_truth, of_found)?), confusion)
            }
            Answer::Classes(truth, found) => Found::Classes(Confusion::of(labels(truth)?, labels(found)?)?),
        })
    }
}

pub(crate) fn labels(image: &LabelImage) -> Result<LabelView<'_>, MeasureError> {
    LabelView::new(image.width, image.height, &image.data)
}

/// How good an answer is.
pub(crate) enum Found {
    Image(Box<ReconstructionMeasures>),
    Objects(Box<LabelMeasures>, Option<ObjectConfusion>),
    Classes(Confusion),
}

impl Found {
    /// All measures that have a value, by key; `classes` names the classes.
    pub fn values(&self, classes: &[String]) -> BTreeMap<String, f64> {
        match self {
            Found::Image(measures) => owned(measures.values()),
            Found::Objects(measures, confusion) => {
                let mut values = outlines(measures);
                values.extend(of_object_classes(confusion.as_ref(), classes));
                values
            }
            Found::Classes(confusion) => of_classes(confusion, classes),
        }
    }
}

/// The measures of a field from those of its tiles, which are all of one task: what is counted is pooled, the rest is the mean over
/// the tiles that have a value.
pub(crate) fn of_field(tiles: Vec<Found>, classes: &[String]) -> BTreeMap<String, f64> {
    let (mut images, mut pooled) = (Vec::new(), Confusion::default());
    let mut objects: Option<ObjectConfusion> = None;
    let mut by_key: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for tile in tiles {
        match tile {
            Found::Image(measures) => images.push(*measures),
            Found::Classes(confusion) => pooled.add(&confusion),
            Found::Objects(measures, confusion) => {
                if let Some(confusion) = confusion {
                    objects.get_or_insert_with(|| ObjectConfusion::new(confusion.classes())).add(&confusion);
                }
                outlines(&measures)
                    .into_iter()
                    .for_each(|(key, value)| by_key.entry(key).or_default().push(value));
            }
        }
    }
    if !images.is_empty() {
        owned(field_values(&images, LEAST_CONTRAST))
    } else if pooled.classes() > 0 {
        of_classes(&pooled, classes)
    } else {
        let means = by_key.into_iter().filter_map(|(key, values)| Some((key, mean(&values)?)));
        means.chain(of_object_classes(objects.as_ref(), classes)).collect()
    }
}

/// Measures of outlines, whatever the classes.
fn outlines(measures: &LabelMeasures) -> BTreeMap<String, f64> {
    let compared = Measure::OBJECTS.map(Measure::key);
    let mut values = measures.values();
    values.retain(|key, _| compared.contains(key));
    owned(values)
}

/// How well classes of objects are told apart: the means over classes, and the share of each that was told right. Methods that tell no
/// classes have none.
fn of_object_classes(confusion: Option<&ObjectConfusion>, names: &[String]) -> BTreeMap<String, f64> {
    let Some(confusion) = confusion else { return BTreeMap::new() };
    let means = [
        (Measure::ToldApart.key().to_string(), confusion.mean(ObjectConfusion::told_apart)),
        (Measure::ClassAp50.key().to_string(), confusion.mean(ObjectConfusion::average_precision)),
    ];
    let each = (0..confusion.classes()).map(|class| {
        let name = names.get(class).cloned().unwrap_or_else(|| class.to_string());
        (format!("{TOLD}{name}"), confusion.told_apart(class))
    });
    means.into_iter().chain(each).filter_map(|(key, value)| Some((key, value?))).collect()
}

/// How the key of the share of one class of objects that was told right begins; the name of the class follows.
pub(crate) const TOLD: &str = "told_of_";

/// IoU and Dice, mean over the classes that truly occur, and the IoU of each of those.
fn of_classes(confusion: &Confusion, names: &[String]) -> BTreeMap<String, f64> {
    let occurring = || (0..confusion.classes()).filter(|&class| confusion.recall(class).is_some());
    let over_classes = |of: fn(&Confusion, usize) -> Option<f64>| {
        mean(&occurring().filter_map(|class| of(confusion, class)).collect::<Vec<f64>>())
    };
    let means = [
        (Measure::MeanIou.key().to_string(), over_classes(Confusion::iou)),
        (Measure::MeanDice.key().to_string(), over_classes(Confusion::dice)),
    ];
    let each = occurring().map(|class| {
        let name = names.get(class).cloned().unwrap_or_else(|| class.to_string());
        (format!("{IOU_OF}{name}"), confusion.iou(class))
    });
    means.into_iter().chain(each).filter_map(|(key, value)| Some((key, value?))).collect()
}

/// How the key of the IoU of one class begins; the name of the class follows.
pub(crate) const IOU_OF: &str = "iou_of_";

fn owned(values: BTreeMap<&'static str, f64>) -> BTreeMap<String, f64> {
    values.into_iter().map(|(key, value)| (key.to_string(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(data: &[u32]) -> LabelImage {
        LabelImage { width: data.len(), height: 1, data: data.to_vec() }
    }

    #[test]
    fn classes_are_pooled_over_the_tiles_of_a_field_and_those_that_do_not_occur_say_nothing() {
        let names = ["ground", "speck", "never"].map(String::from);
        let found =
            |truth: &[u32], found: &[u32]| Answer::Classes(&image(truth), image(found)).measure().unwrap();
        let tiles = [found(&[0, 0, 0, 0], &[0, 0, 0, 0]), found(&[0, 0, 1, 1], &[0, 2, 1, 0])];
        let values = of_field(tiles.into(), &names);
        // Ground: six pixels, five of them and one more predicted: 5 / 7. Speck: one of two.
        let expected = BTreeMap::from([
            ("iou_of_ground".to_string(), 5.0 / 7.0),
            ("iou_of_speck".to_string(), 0.5),
            ("mean_iou".to_string(), (5.0 / 7.0 + 0.5) / 2.0),
            ("mean_dice".to_string(), (10.0 / 12.0 + 2.0 / 3.0) / 2.0),
        ]);
        assert_eq!(values.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        assert!(values.iter().zip(&expected).all(|((_, a), (_, b))| (a - b).abs() < 1e-12), "{values:?}");
    }

    #[test]
    fn objects_are_averaged_over_the_tiles_of_a_field() {
        let found = |truth: &[u32], found: &[u32]| {
            let (labels, classes) = (&image(truth), &BTreeMap::new());
            let truth = TrueObjects { labels, classes, class_count: 0 };
            Answer::Objects(truth, image(found).into()).measure().unwrap()
        };
        let tiles = [found(&[0, 1, 1, 0], &[0, 5, 5, 0]), found(&[0, 1, 1, 0], &[0, 0, 0, 0])];
        let values = of_field(tiles.into(), &[]);
        assert_eq!((values["mean_ap"], values["missing"], values["iou"]), (0.5, 0.5, 0.5));
        assert_eq!(values.len(), Measure::OBJECTS.len());
    }

    #[test]
    fn classes_of_objects_are_pooled_over_the_tiles_of_a_field() {
        let names = ["few", "many"].map(String::from);
        let found = |classes: &[usize], said: Option<&[usize]>| {
            let labelled =
                |classes: &[usize]| (1..).zip(classes.iter().copied()).collect::<BTreeMap<u32, usize>>();
            let (labels, classes) = (&image(&[1, 1, 0, 2, 2]), &labelled(classes));
            let found = FoundObjects { labels: labels.clone(), classes: said.map(labelled) };
            Answer::Objects(TrueObjects { labels, classes, class_count: 2 }, found).measure().unwrap()
        };
        // Of few: one right, one wrong. Of many: two right.
        let values = of_field(vec![found(&[0, 1], Some(&[0, 1])), found(&[0, 1], Some(&[1, 1]))], &names);
        assert_eq!((values["told_of_few"], values["told_of_many"], values["told_apart"]), (0.5, 1.0, 0.75));
        assert!((values["class_ap_50"] - (0.5 + 2.0 / 3.0) / 2.0).abs() < 1e-12);
        assert_eq!(values["ap_50"], 1.0);
        let silent = of_field(vec![found(&[0, 1], None)], &names);
        assert!(!silent.contains_key("told_apart") && silent["ap_50"] == 1.0);
        // A net that finds nothing is not let off.
        let (labels, classes) = (&image(&[1, 1, 0, 2, 2]), &BTreeMap::from([(1, 0), (2, 1)]));
        let nothing = FoundObjects { labels: image(&[0; 5]), classes: Some(BTreeMap::new()) };
        let blind =
            Answer::Objects(TrueObjects { labels, classes, class_count: 2 }, nothing).measure().unwrap();
        let blind = of_field(vec![blind], &names);
        assert_eq!((blind["told_apart"], blind["class_ap_50"]), (0.0, 0.0));
    }
}
