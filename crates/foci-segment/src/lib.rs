//! Label images from images: thresholds, watersheds, a net's maps.
//!
//! These are the methods that need no training: what a net has to beat, and what follows a net that says where nuclei and the borders
//! between them are. Images are [`foci_image::Plane`]s of raw counts, results [`foci_image::LabelImage`]s: 0 is background, objects
//! are 1, 2, .. Everything here depends on the pixels alone, and on nothing of the machine.
//!
//! - [`method`]: the five classical methods that Coelho, Shariff and Murphy (ISBI 2009) compare, from image to label image;
//! - [`threshold`]: Otsu, Ridler and Calvard, mean;
//! - [`mod@watershed`], [`maxima`]: flooding, and the seeds that it begins at;
//! - [`targets`], [`mod@objects`]: what a net learns from label images, and label images from what it says;
//! - [`outlines`]: objects drawn over their image;
//! - [`peaks`], [`holes`], [`certainty`]: where objects begin, what they enclose, and how sure a net is of them;
//! - [`filter`]: Gaussian, morphological gradient, majority;
//! - [`levels`]: grey levels that can be counted.
//!
//! ```
//! use foci_image::Plane;
//! use foci_segment::{Method, MethodOptions};
//! let mut image = Plane::zeros(32, 16);
//! for y in 4..12 {
//!     image.data[y * 32 + 3..y * 32 + 12].fill(200.0);
//!     image.data[y * 32 + 20..y * 32 + 29].fill(180.0);
//! }
//! let labels = Method::Otsu.segment(&image, &MethodOptions::default())?;
//! assert_eq!(labels.objects(), 2);
//! # Ok::<(), foci_segment::SegmentError>(())
//! ```
#![forbid(unsafe_code)]

pub mod certainty;
mod error;
pub mod filter;
mod frame;
pub mod holes;
pub mod levels;
pub mod maxima;
pub mod method;
pub mod objects;
pub mod outlines;
pub mod peaks;
#[cfg(test)]
mod reference;
pub mod targets;
pub mod threshold;
pub mod watershed;

pub use certainty::{certainties, remove_uncertain_objects};
pub use error::SegmentError;
pub use holes::fill_holes;
pub use levels::Levels;
pub use method::{Method, MethodOptions};
pub use objects::{ObjectOptions, objects};
pub use targets::Targets;
