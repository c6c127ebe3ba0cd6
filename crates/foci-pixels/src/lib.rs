//! A pixel classifier on hand-made features: the old way, done well.
//!
//! Before nets learnt their filters, people chose them: smoothed brightness, edges, ridges and texture at several scales, and a
//! random forest that learns from examples which of them mean what. ilastik (Berg et al., Nature Methods 2019) made this a tool
//! that works after a minute of training, and it is what a net has to beat before it is worth its cost. So it gets the same images
//! and the same classes.
//!
//! - [`features`]: what a pixel is described by, at ilastik's scales;
//! - [`forest`]: trees, their probabilities, and why they are foci's own;
//! - [`Example`]: images and their classes, from masks of classes or of objects;
//! - [`PixelClassifier`]: training, prediction, one file;
//! - [`mod@objects`]: label images from probabilities.
//!
//! Everything is a function of the images, the options and the seed; threads change no bit. Images are as they were normalised
//! by whoever read them.
//!
//! ```
//! use foci_image::{LabelImage, Plane, Workers};
//! use foci_pixels::{Example, PixelClassifier, TrainingOptions, objects};
//! // Two bright nuclei on a dark ground, and their labels.
//! let mut labels = LabelImage::zeros(48, 32);
//! for y in 6..26 {
//!     labels.data[y * 48 + 4..y * 48 + 20].fill(1);
//!     labels.data[y * 48 + 27..y * 48 + 43].fill(2);
//! }
//! let data = labels.data.iter().map(|&label| if label == 0 { 0.1 } else { 0.8 }).collect();
//! let image = Plane { width: 48, height: 32, data };
//!
//! // They do not touch, so there are two classes: background and inside. Where some touch there are three.
//! let example = Example::of_objects(image.clone(), &labels)?;
//! let classifier = PixelClassifier::train(&[example], &TrainingOptions::new(2), 1, &mut Workers::new(2))?;
//! let folder = tempfile::tempdir()?;
//! let file = folder.path().join("pixels.safetensors");
//! classifier.save(&file)?;
//!
//! let classifier = PixelClassifier::load(&file)?;
//! let probabilities = classifier.predict(&image, &mut Workers::new(2))?;
//! let found = objects(&probabilities, classifier.classes(), image.width, image.height, &Default::default())?;
//! assert_eq!(found.objects(), 2);
//! assert_eq!((found.at(12, 16), found.at(23, 16), found.at(35, 16)), (1, 0, 2));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod bins;
mod classifier;
mod descent;
mod error;
mod example;
mod file;
mod random;
mod scale;
mod tree;

pub mod features;
pub mod forest;
pub mod objects;

pub use classifier::{PIXELS_OF_CLASS, PixelClassifier, TrainingOptions};
pub use error::PixelError;
pub use example::Example;
pub use features::FeatureBank;
pub use forest::{ForestOptions, RandomForest};
pub use objects::{PixelObjectOptions, maps, objects};
