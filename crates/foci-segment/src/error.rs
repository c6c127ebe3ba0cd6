//! What keeps an image from being segmented. Each message says what was found and what to do about it.

/// An input that cannot be segmented.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentError {
    /// Two images that should lie on top of each other do not.
    #[error(
        "the seeds are {} x {} pixels, the relief {} x {}; make both from one image",
        seeds.0, seeds.1, relief.0, relief.1
    )]
    SizesDiffer {
        /// Width and height of the seeds.
        seeds: (usize, usize),
        /// Width and height of the relief.
        relief: (usize, usize),
    },
    /// Maps of another number of values than channels and pixels ask for.
    #[error(
        "a net's maps of objects should have {expected} values, but there are {found}; use a net trained for objects"
    )]
    Channels {
        /// Channels times pixels.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// A standard deviation that no Gaussian has, or one wider than any image.
    #[error("the standard deviation of the smoothing is {sigma_px} pixels, but must be from 0 to {most}")]
    BadSigma {
        /// What was given, in pixels.
        sigma_px: f64,
        /// The largest that is allowed, in pixels.
        most: f64,
    },
}
