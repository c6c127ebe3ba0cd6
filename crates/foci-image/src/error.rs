//! What can go wrong with files and folders of images.
//!
//! Every message names the file (and line), says what is wrong with which value, and ends with what to
//! do next, because these messages go to people who have images, not to people who know this code.

use std::path::{Path, PathBuf};

/// Why an image, a label image or a data folder could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The file or folder could not be opened or read.
    #[error("{}: cannot be read ({source}). Check that the path is right and that you may read it.", path.display())]
    Read {
        /// File or folder.
        path: PathBuf,
        /// The reason the system gave.
        source: std::io::Error,
    },
    /// The file could not be written; nothing was left in its place.
    #[error("{}: cannot be written ({source}); what was there before is unchanged. {}", path.display(), write_advice(source))]
    Write {
        /// The file that was to be written.
        path: PathBuf,
        /// The reason the system gave.
        source: std::io::Error,
    },
    /// The first bytes are none of PNG, TIFF, JPEG and BMP.
    #[error("{}: not a PNG, TIFF, JPEG or BMP image ({found}). Export it from your microscope software or Fiji as 16-bit TIFF or PNG.", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// What the file looks like instead.
        found: String,
    },
    /// The format is known but the content is damaged, cut off or of a kind that is not supported.
    #[error("{}: unreadable {format} file ({reason}). If it opens elsewhere, save it again as plain PNG or TIFF; otherwise copy it again from its source or remove it.", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Name of the format.
        format: &'static str,
        /// What the decoder found.
        reason: String,
    },
    /// The objects of a folder are not of two classes by field.
    #[error("{}: to lay objects of one class among those of another, fields must be of two classes, two of each at least with masks, and of one fold where there are folds; these are {reason}. Name a column of images.csv that says of which class all objects of a field are.", folder.display())]
    Classes {
        /// The folder.
        folder: PathBuf,
        /// What they are instead.
        reason: String,
    },
    /// Width or height is zero.
    #[error("{}: an image of {width} x {height} pixels holds nothing. Remove it or export it again.", path.display())]
    NoPixels {
        /// The file.
        path: PathBuf,
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
    /// More samples than are decoded at once; such a file is rejected before memory is taken.
    #[error("{}: {width} x {height} pixels with {channels} channel(s) is more than the {limit} samples that are read at once. Cut it into smaller fields first.", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Samples per pixel.
        channels: usize,
        /// Largest product of the three.
        limit: usize,
    },
    /// The channel asked for does not exist in this file.
    #[error("{}: has {channels} channel(s), so channel {asked} does not exist. Choose one from 0 to {}, or leave the choice to foci.", path.display(), channels.saturating_sub(1))]
    NoSuchChannel {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        asked: String,
        /// Channels in the file.
        channels: usize,
    },
    /// The page asked for does not exist in this file.
    #[error("{}: has {pages} page(s), so page {asked} does not exist. Choose one from 0 to {}.", path.display(), pages.saturating_sub(1))]
    NoSuchPage {
        /// The file.
        path: PathBuf,
        /// Page asked for, counted from 0.
        asked: usize,
        /// Pages in the file.
        pages: usize,
    },
    /// A pixel is not a number, or infinite.
    #[error("{}: pixel ({x}, {y}) is {value}, and {count} pixel(s) in all are not finite numbers. Replace them (in Fiji: Process > Math > NaN Background) and save again.", path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// Column of the first such pixel.
        x: usize,
        /// Row of the first such pixel.
        y: usize,
        /// Its value.
        value: f32,
        /// How many there are.
        count: usize,
    },
    /// A label image in colours: colours cannot be numbered without guessing.
    #[error("{}: is in colour at pixel ({x}, {y}) ({red}, {green}, {blue}), so it is a picture of labels, not a label image. Save the labels as 8-, 16- or 32-bit grey PNG or TIFF: 0 for background, a number of its own for each object.", path.display())]
    ColourLabels {
        /// The file.
        path: PathBuf,
        /// Column of the first coloured pixel.
        x: usize,
        /// Row of the first coloured pixel.
        y: usize,
        /// Its red value.
        red: f32,
        /// Its green value.
        green: f32,
        /// Its blue value.
        blue: f32,
    },
    /// A label that is negative, not whole, or too large.
    #[error("{}: label {value} at pixel ({x}, {y}) is not a whole number from 0 to {}. Save labels as unsigned integers: 0 for background, a number of its own for each object.", path.display(), u32::MAX)]
    BadLabel {
        /// The file.
        path: PathBuf,
        /// Column.
        x: usize,
        /// Row.
        y: usize,
        /// The value found.
        value: f64,
    },
    /// A JPEG was given as label image; its compression changes the numbers.
    #[error("{}: JPEG changes pixel values, so it cannot hold labels. Save label images as PNG or TIFF.", path.display())]
    LossyLabels {
        /// The file.
        path: PathBuf,
    },
    /// The data folder is a file, or does not exist.
    #[error("{}: not a folder. Give the folder that holds the images (or that holds images/ and masks/).", path.display())]
    NotAFolder {
        /// The path given.
        path: PathBuf,
    },
    /// No image was found.
    #[error("{}: no images found ({found}). Expected PNG, TIFF, JPEG or BMP files in it, in images/ within it, or in <name>/images/ for each image.", path.display())]
    EmptyFolder {
        /// The folder.
        path: PathBuf,
        /// What was there instead.
        found: String,
    },
    /// Two files would be the same field.
    #[error("{} and {}: both would be the field '{name}'. Rename or remove one of them.", first.display(), second.display())]
    SameName {
        /// Name of the field.
        name: String,
        /// First file.
        first: PathBuf,
        /// Second file.
        second: PathBuf,
    },
    /// Masks without their image: most often a file that was renamed or not copied.
    #[error("{}: mask without an image of the same name ({count} such mask(s)). Add the image, correct the name, or remove the mask.", path.display())]
    MaskWithoutImage {
        /// The first such mask.
        path: PathBuf,
        /// How many there are.
        count: usize,
    },
    /// A mask and its image differ in size.
    #[error("{}: mask of {} x {} pixels, but its image {} has {} x {}. Export both from the same field at the same scale.", mask.display(), mask_size.0, mask_size.1, image.display(), image_size.0, image_size.1)]
    MaskSize {
        /// The mask.
        mask: PathBuf,
        /// Its width and height.
        mask_size: (usize, usize),
        /// The image.
        image: PathBuf,
        /// Its width and height.
        image_size: (usize, usize),
    },
    /// A table has a wrong line.
    #[error("{}, line {line}: {reason}. Correct the line; {expected}.", path.display())]
    Table {
        /// The CSV file.
        path: PathBuf,
        /// Line in the file, counted from 1.
        line: u64,
        /// What is wrong.
        reason: String,
        /// What the table should hold.
        expected: &'static str,
    },
    /// Tiles of no size.
    #[error(
        "a tile of {width} x {height} pixels holds nothing. Give width and height of at least 1, such as 672x512."
    )]
    EmptyTile {
        /// Width asked for.
        width: usize,
        /// Height asked for.
        height: usize,
    },
    /// No field is as large as a tile.
    #[error("{}: no field holds a tile of {width} x {height}; the largest is {name} with {} x {} pixels. Choose a smaller tile, or none to use whole fields.", path.display(), largest.0, largest.1)]
    TileTooLarge {
        /// The data folder.
        path: PathBuf,
        /// Tile width.
        width: usize,
        /// Tile height.
        height: usize,
        /// The largest field.
        name: String,
        /// Its width and height.
        largest: (usize, usize),
    },
    /// Every field was left out.
    #[error("{}: all {count} field(s) were left out, first {name}: {reason}. Check how the images were exported; 'foci data check' lists each.", path.display())]
    NothingLeft {
        /// The data folder.
        path: PathBuf,
        /// Fields found.
        count: usize,
        /// The first of them.
        name: String,
        /// Why it was left out.
        reason: String,
    },
    /// Several files are unusable; the first is told.
    #[error("{first} ({others} more file(s) cannot be used either: 'foci data check' lists them all)")]
    Several {
        /// The first error, in order of names.
        first: Box<ImageError>,
        /// How many more.
        others: usize,
    },
    /// A file is no longer what it was when the dataset was opened.
    #[error("{}: has changed since the data folder was looked at. Start again, so that all results belong to the same images.", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// An index beyond the fields or tiles of the dataset.
    #[error("there is no {what} {index} among {count}. Count from 0.")]
    NoSuch {
        /// `field` or `tile`.
        what: &'static str,
        /// Index asked for.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// A tile that reaches outside of its field.
    #[error("tile {name} reaches outside of its field. Cut the tiles again.")]
    TileOutside {
        /// Name of the tile.
        name: String,
    },
    /// A split cannot be made.
    #[error("{reason}. {next}.")]
    Split {
        /// What is wrong.
        reason: String,
        /// What to do about it.
        next: &'static str,
    },
    /// A crop does not fit.
    #[error("a crop of {width} x {height} does not fit into {} x {} pixels. Choose a smaller crop.", within.0, within.1)]
    CropTooLarge {
        /// Crop width.
        width: usize,
        /// Crop height.
        height: usize,
        /// Width and height of what is cropped.
        within: (usize, usize),
    },
    /// Whoever watched the work asked it to end.
    #[error(transparent)]
    Interrupted(#[from] crate::Interrupted),
    /// Another process writes to the same folder.
    #[error(
        "{folder} is in use by another foci ({holder}); wait until it has ended, stop it, or choose another folder with --out",
        folder = folder.display()
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// Who holds it, as far as that can be read.
        holder: String,
    },
    /// An image to be written has values or a length that its format cannot hold.
    #[error("{}: cannot be written as {format} ({reason}).", path.display())]
    Encode {
        /// The file that was to be written.
        path: PathBuf,
        /// Name of the format.
        format: &'static str,
        /// What is wrong.
        reason: String,
    },
}

impl ImageError {
    /// Several problems as one error, which names the first and counts the others; `None` if there are none.
    pub(crate) fn all(problems: Vec<Self>) -> Option<Self> {
        let others = problems.len().saturating_sub(1);
        let first = problems.into_iter().next()?;
        Some(if others == 0 { first } else { Self::Several { first: Box::new(first), others } })
    }

    pub(crate) fn read(path: &Path, source: std::io::Error) -> Self {
        Self::Read { path: path.to_path_buf(), source }
    }

    pub(crate) fn unreadable(path: &Path, format: &'static str, reason: impl ToString) -> Self {
        Self::Unreadable { path: path.to_path_buf(), format, reason: reason.to_string() }
    }
}

fn write_advice(source: &std::io::Error) -> &'static str {
    match source.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            "Free some space there or choose another output folder."
        }
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
            "Choose an output folder that you may write to."
        }
        std::io::ErrorKind::NotFound => "Create the folder first or choose another one.",
        _ => "Check the disk and the path.",
    }
}
