//! What a result is worth: how much of an image a reconstruction kept, and whether two nets differ.
//!
//! Everything here is a pure function of arrays in memory. An image is an [`ImageView`]: one channel of `f32`,
//! row by row, normalised by percentiles so that 0 is the background and 1 the brightest detail
//! (values may go beyond both). A label image is a [`LabelView`]: 0 is background, each object has a number of its own.
//! The centre of pixel column `x`, row `y` has the coordinates `(x, y)`.
//!
//! - [`psnr`], [`ssim`]: error and similarity of the whole image;
//! - [`frequency`]: Fourier ring correlation, its cut-off, and the error by frequency band;
//! - [`spots`], [`matching`]: foci that were kept, lost and invented;
//! - [`touching`], [`contrast`]: the dark seam between touching nuclei;
//! - [`labels`]: label images against the true ones: objects, outlines, pairs of pixels;
//! - [`optics`]: what a system does to probes: the optical bench;
//! - [`meter`]: all of the above for one tile, sharing what can be shared;
//! - [`measure`]: the names, units and directions of the measures;
//! - [`stats`]: paired comparison of two nets over fields and seeds;
//! - [`summary`]: mean, median, percentiles.
//!
//! ```
//! use foci_measure::{ImageView, ReconstructionMeter};
//! let original: Vec<f32> = (0..64 * 64).map(|i| ((i * 7919) % 101) as f32 / 100.0).collect();
//! let view = ImageView::new(64, 64, &original)?;
//! let mut meter = ReconstructionMeter::new(64, 64)?;
//! let reference = meter.reference(view, None)?;
//! let measured = meter.measure(&reference, view)?;
//! assert_eq!(measured.values()["ssim"], 1.0);
//! # Ok::<(), foci_measure::MeasureError>(())
//! ```
//!
//! This crate never reads files, draws, or knows what a net is.
#![forbid(unsafe_code)]

mod bands;
pub mod contrast;
mod cutoff;
mod error;
pub mod foci;
pub mod frequency;
pub mod labels;
pub mod matching;
pub mod measure;
pub mod meter;
pub mod ms_ssim;
pub mod optics;
pub mod psnr;
pub mod spots;
pub mod ssim;
pub mod stats;
pub mod summary;
pub mod touching;
mod view;
pub mod wavelet;

pub use contrast::{BoundaryContrast, boundary_contrast};
pub use error::MeasureError;
pub use frequency::{FrequencyAnalyser, FrequencyAnalysis};
pub use labels::{LABEL_MEASURES, LabelMeasure, LabelMeasures, measure_labels};
pub use matching::{SpotCounts, SpotMatch, match_spots};
pub use measure::Measure;
pub use meter::{ReconstructionMeasures, ReconstructionMeter, field_values};
pub use view::{ImageView, LabelView, Point};
