//! What is written of the objects of an image: the label image, a picture with outlines, a table.
//!
//! The label image (32-bit TIFF, or 16-bit PNG if that was asked for) comes last: where it is, the other two are whole, and `--resume` skips the image.

use crate::command::predict::{Predicted, make_own_folder, write_beside, write_labels};
use crate::exit::Failure;
use foci_image::{LabelImage, Plane, encode_png_rgb8};
use foci_measure::labels::shape::{Shape, shapes};
use foci_measure::{ImageView, LabelView};
use foci_segment::outlines::outlined;
use std::fmt::Write;
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

/// Writes all three for one image.
pub fn write(pair: &Predicted, image: &Plane, labels: &LabelImage) -> Result<(), Failure> {
    let picture = encode_png_rgb8(&outlined(image, labels), image.width, image.height)?;
    write_beside(&pair.output, PICTURES, "png", &picture)?;
    let of_labels = LabelView::new(labels.width, labels.height, &labels.data);
    let of_image = ImageView::new(image.width, image.height, &image.data);
    let found = of_labels.and_then(|labels| shapes(labels, of_image?)).map_err(Failure::input)?;
    write_beside(&pair.output, TABLES, "csv", table(&found).as_bytes())?;
    write_labels(&pair.output, labels)
}

/// One line for each object. What the columns are: [`foci_measure::labels::shape`].
fn table(shapes: &[Shape]) -> String {
    let mut text = String::from(
        "label,area,centroid_x,centroid_y,perimeter,eccentricity,solidity,mean_intensity,total_intensity\n",
    );
    for shape in shapes {
        let _ = writeln!(
            text,
            "{},{},{:.2},{:.2},{:.2},{:.4},{:.4},{:.3},{:.1}",
            shape.label,
            shape.area,
            shape.centroid_x,
            shape.centroid_y,
            shape.perimeter,
            shape.eccentricity,
            shape.solidity,
            shape.mean_intensity,
            shape.total_intensity
        );
    }
    text
}
