//! What is written of the objects of an image: the label image, a picture with outlines, a table.
//!
//! The label image (32-bit TIFF, or 16-bit PNG if that was asked for) comes last: where it is, the other two are whole, and `--resume` skips the image.

use crate::command::predict::{Predicted, csv_text, make_own_folder, write_beside, write_labels};
use crate::exit::Failure;
use foci_image::{LabelImage, Plane, encode_png_rgb8};
use foci_measure::foci::{Focus, counts, foci};
use foci_measure::labels::shape::{Shape, shapes};
use foci_measure::{ImageView, LabelView};
use foci_segment::outlines::{mark, outlined, outlined_by_class};
use foci_train::ObjectClass;
use std::collections::BTreeMap;
use std::path::Path;

/// Folder of the pictures, in the folder of the label images.
pub const PICTURES: &str = "outlines";
/// Folder of the tables.
pub const TABLES: &str = "objects";

/// Makes the folders for pictures and tables.
pub fn make_folders(out: &Path) -> Result<(), Failure> {
    make_own_folder(&out.join(PICTURES))?;
    make_own_folder(&out.join(TABLES))
}

/// Column of the tables with the class of an object; `foci evaluate` reads it.
pub const CLASS: &str = "class";

/// Column of the tables with the number of foci in an object.
pub const FOCI: &str = "foci";

/// Begins the columns with the probability of one class; its name follows.
pub const PROBABILITY_OF: &str = "probability_";

/// The classes of the objects of an image, and what they are called; none where the model tells no objects apart.
#[derive(Default)]
pub struct Told<'a> {
    pub objects: &'a [ObjectClass],
    pub names: &'a [String],
}

impl Told<'_> {
    fn of(&self, label: u32) -> Option<&ObjectClass> {
        let place = self.objects.binary_search_by_key(&label, |object| object.label);
        place.ok().map(|place| &self.objects[place])
    }

    fn name(&self, class: usize) -> String {
        self.names.get(class).cloned().unwrap_or_else(|| class.to_string())
    }
}

/// Writes all three for one image; with the foci in each object, counted and marked, if that is wanted.
pub fn write(
    pair: &Predicted,
    image: &Plane,
    labels: &LabelImage,
    told: &Told,
    with_foci: bool,
) -> Result<(), Failure> {
    let mut pixels = if told.objects.is_empty() {
        outlined(image, labels)
    } else {
        outlined_by_class(image, labels, &|label| told.of(label).map(|object| object.class))
    };
    let of_labels = LabelView::new(labels.width, labels.height, &labels.data).map_err(Failure::input)?;
    let of_image = ImageView::new(image.width, image.height, &image.data).map_err(Failure::input)?;
    let mut foci_of = None;
    if with_foci {
        let found = foci(of_image, of_labels).map_err(Failure::input)?;
        let place = |focus: &Focus| (focus.spot.at.x.round() as usize, focus.spot.at.y.round() as usize);
        mark(&mut pixels, image.width, found.iter().map(place));
        foci_of = Some(counts(&found));
    }
    let picture = encode_png_rgb8(&pixels, image.width, image.height)?;
    write_beside(&pair.output, PICTURES, "png", &picture)?;
    let found = shapes(of_labels, of_image).map_err(Failure::input)?;
    write_beside(&pair.output, TABLES, "csv", table(&found, foci_of.as_ref(), told)?.as_bytes())?;
    write_labels(&pair.output, labels)
}

/// One line for each object. What the columns are: [`foci_measure::labels::shape`]; where foci are counted, how many it has; where objects are told
/// apart, the class of each, its probability, and that of every class.
fn table(shapes: &[Shape], foci: Option<&BTreeMap<u32, usize>>, told: &Told) -> Result<String, Failure> {
    let mut head: Vec<String> = SHAPE.map(String::from).into();
    head.extend(foci.map(|_| FOCI.into()));
    // An image without objects has the columns as well, if the model tells objects apart.
    if !told.names.is_empty() {
        head.extend([CLASS, "class_probability"].map(String::from));
        head.extend(told.names.iter().map(|name| format!("{PROBABILITY_OF}{name}")));
    }
    let row = |shape: &Shape| {
        let mut row = vec![
            shape.label.to_string(),
            shape.area.to_string(),
            format!("{:.2}", shape.centroid_x),
            format!("{:.2}", shape.centroid_y),
            format!("{:.2}", shape.perimeter),
            format!("{:.4}", shape.eccentricity),
            format!("{:.4}", shape.solidity),
            format!("{:.3}", shape.mean_intensity),
            format!("{:.1}", shape.total_intensity),
        ];
        row.extend(foci.map(|foci| foci.get(&shape.label).copied().unwrap_or(0).to_string()));
        if let Some(object) = told.of(shape.label) {
            row.extend([told.name(object.class), format!("{:.4}", object.probability())]);
            row.extend(object.probabilities.iter().map(|probability| format!("{probability:.4}")));
        }
        row
    };
    csv_text(std::iter::once(head).chain(shapes.iter().map(row)))
}

/// Columns with the shape of an object.
const SHAPE: [&str; 9] = [
    "label",
    "area",
    "centroid_x",
    "centroid_y",
    "perimeter",
    "eccentricity",
    "solidity",
    "mean_intensity",
    "total_intensity",
];
