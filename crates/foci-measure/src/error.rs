//! What can be wrong with the input of a measure. Each message says what was found and what to do about it.

/// An input that cannot be measured.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MeasureError {
    /// Number of values and size do not fit together.
    #[error(
        "an image of {width}x{height} pixels has {expected} values, but {found} were given; \
         pass one channel, row by row, without padding"
    )]
    Length {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Width times height.
        expected: usize,
        /// Length of the slice.
        found: usize,
    },
    /// An image without pixels.
    #[error("an image of {width}x{height} pixels is empty; leave it out")]
    Empty {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
    /// A value that is infinite or not a number.
    #[error(
        "the value at column {x}, row {y} is {value}; a diverged run is entered with the worst value of each measure \
         (Measure::worst), its images are not measured"
    )]
    NotFinite {
        /// Column.
        x: usize,
        /// Row.
        y: usize,
        /// What stands there.
        value: f32,
    },
    /// Two images that should lie on top of each other do not.
    #[error("{what} is {width}x{height} pixels, but {expected_width}x{expected_height} are needed here")]
    SizesDiffer {
        /// Which image.
        what: &'static str,
        /// Its width.
        width: usize,
        /// Its height.
        height: usize,
        /// Width of the image that it is compared with.
        expected_width: usize,
        /// Height of the image that it is compared with.
        expected_height: usize,
    },
    /// A value that is no class.
    #[error("{what} hold the value {value}, but there are {classes} classes, 0 to {last}", last = classes.saturating_sub(1))]
    NoClass {
        /// Which image.
        what: &'static str,
        /// Value of a pixel.
        value: u32,
        /// Number of classes.
        classes: usize,
    },
    /// An image too small for the measure.
    #[error(
        "{measure} needs at least {least} pixels on each side, the image is {width}x{height}; use larger tiles"
    )]
    TooSmall {
        /// Which measure.
        measure: &'static str,
        /// Shortest side that works.
        least: usize,
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
    /// An original without any structure: there is nothing that could be kept or lost.
    #[error("{measure} has no meaning for a constant image; leave blank fields out")]
    Flat {
        /// Which measure.
        measure: &'static str,
    },
    /// An option outside its range.
    #[error("{name} is {value}, but must be {allowed}")]
    BadOption {
        /// Name of the option.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What is allowed.
        allowed: &'static str,
    },
    /// A table of scores with holes or rows of different length.
    #[error(
        "arm {arm} has {found} seeds in field {field}, but {expected} are needed: every field needs the score of every \
         seed of all arms"
    )]
    RaggedScores {
        /// Index of the arm.
        arm: usize,
        /// Index of the field.
        field: usize,
        /// Number of seeds there.
        found: usize,
        /// Number of seeds in the first field of the first arm.
        expected: usize,
    },
    /// A score that is infinite or not a number.
    #[error(
        "arm {arm}, field {field}, seed {seed}: the score is {value}; enter a diverged run with Measure::worst, \
         an error-free one with Measure::best"
    )]
    BadScore {
        /// Index of the arm.
        arm: usize,
        /// Index of the field.
        field: usize,
        /// Index of the seed.
        seed: usize,
        /// The score.
        value: f64,
    },
    /// Two arms were not scored on the same fields.
    #[error(
        "arm {arm} has {found} fields, the first has {expected}; a paired comparison needs the same fields for all"
    )]
    FieldsDiffer {
        /// Index of the arm.
        arm: usize,
        /// Its number of fields.
        found: usize,
        /// Number of fields of the first arm.
        expected: usize,
    },
    /// An arm that is not in the table.
    #[error("there is no arm {arm}, the scores are of {arms} arms, counted from 0")]
    NoSuchArm {
        /// Index that was asked for.
        arm: usize,
        /// Number of arms.
        arms: usize,
    },
    /// Too few fields to say how much fields differ.
    #[error(
        "{found} field(s) with a score: at least 2 are needed to say how much fields differ; add test fields"
    )]
    TooFewFields {
        /// Number of fields.
        found: usize,
    },
}
