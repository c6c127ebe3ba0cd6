//! What keeps pixels from being learnt or classified. Each message says what was found, where, and what to do about it.

use foci_image::{ImageError, Interrupted};
use foci_segment::SegmentError;
use std::path::PathBuf;

/// Failure of a pixel classifier.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PixelError {
    /// A scale that makes no filter.
    #[error(
        "a scale of {scale_px} pixels makes no filter; use scales above 0 and up to {}",
        crate::features::LARGEST_SCALE_PX
    )]
    Scale {
        /// Standard deviation given, in pixels.
        scale_px: f64,
    },
    /// No scales, or more than a feature's number has room for.
    #[error("{found} scales were given; use 1 to {}", crate::features::MOST_SCALES)]
    Scales {
        /// How many.
        found: usize,
    },
    /// Another number of classes than can be learnt.
    #[error("{found} classes were asked for; use 2 to 256")]
    Classes {
        /// How many.
        found: usize,
    },
    /// A number of the options that makes no forest.
    #[error("{what} must be at least 1")]
    Zero {
        /// The option.
        what: &'static str,
    },
    /// An image and its classes do not lie on top of each other.
    #[error("an image of {} x {} pixels has classes for {}; give each pixel of it one", image.0, image.1, described(*classes))]
    Size {
        /// Width and height of the image.
        image: (usize, usize),
        /// Width and height of the classes; a width of 0 where only their number is known.
        classes: (usize, usize),
    },
    /// A class beyond those that are to be learnt.
    #[error("pixel ({x}, {y}) of example {example} is of class {class}, but classes go from 0 to {}; renumber them, or ask for more classes", classes - 1)]
    Class {
        /// Number of the example, from 0.
        example: usize,
        /// Column.
        x: usize,
        /// Row.
        y: usize,
        /// The class found.
        class: u32,
        /// How many there are.
        classes: usize,
    },
    /// A class of which there is nothing to learn from.
    #[error(
        "no pixel of {examples} example(s) is of class {class}; add an image that shows it, or renumber the classes without it"
    )]
    NoPixels {
        /// The class.
        class: usize,
        /// How many examples were given.
        examples: usize,
    },
    /// A pixel that is no number.
    #[error("pixel ({x}, {y}) of {image} is {value}; replace what is not a finite number")]
    NotFinite {
        /// `example 3`, or `the image`.
        image: String,
        /// Column.
        x: usize,
        /// Row.
        y: usize,
        /// What is there.
        value: f32,
    },
    /// Numbers that do not belong together.
    #[error("{what} should be {expected} values, but there are {found}")]
    Length {
        /// What was given.
        what: &'static str,
        /// How many values it should have.
        expected: usize,
        /// How many it has.
        found: usize,
    },
    /// Objects were asked of a classifier of other classes.
    #[error(
        "objects are made of the classes background, inside and (perhaps) contact, but the classifier has {classes} classes; train one on label images of objects"
    )]
    NoObjects {
        /// How many classes it has.
        classes: usize,
    },
    /// A file could not be read.
    #[error("{}: cannot be read ({source}); check that the path is right and that you may read it", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is no pixel classifier, or not a whole one.
    #[error("{}: not a pixel classifier of this version of foci ({reason}); train it again, or copy it again from its source", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// A classifier that the format of its file cannot hold.
    #[error("the classifier cannot be written ({reason}); train it on fewer classes")]
    Unwritable {
        /// Why.
        reason: String,
    },
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] ImageError),
    /// Probabilities could not be made into objects.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// Whoever watched the work asked it to end.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

fn described((width, height): (usize, usize)) -> String {
    if width == 0 { format!("{height} pixels") } else { format!("{width} x {height}") }
}
