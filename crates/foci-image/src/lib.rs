//! Images, label images, data folders, tiles and synthetic specimens.
//!
//! Everything between a file that a microscope wrote and a plane of numbers that a net can learn from
//! happens here, and is told: which channel was taken, which fields were left out and why, how values were
//! scaled, and by which hash the data can be known again. Nothing here trains or measures.

#![forbid(unsafe_code)]

mod check;
mod error;
mod exact;
mod lock;
mod plane;
mod whole;
mod workers;
mod write;

pub mod bilinear;
pub mod components;
pub mod crop;
pub mod dataset;
pub mod degrade;
pub mod disk;
pub mod fingerprint;
pub mod gaussian;
pub mod normalise;
pub mod read;
pub mod split;
pub mod synth;
pub mod transplant;

pub use check::{CheckReport, check};
pub use dataset::{
    Dataset, DatasetOptions, Field, FieldFiles, FolderFiles, LeftOut, Loader, Numbers, Tile, field_files,
};
pub use degrade::Degradation;
pub use error::ImageError;
pub use exact::ExactFormat;
pub use fingerprint::Fingerprint;
pub use lock::FolderLock;
pub use normalise::Normalisation;
pub use plane::{LabelImage, Plane};
pub use read::{
    ChannelChoice, ImageInfo, Reading, read_labels, read_plane, read_plane_as_others, read_plane_page,
};
pub use split::{Split, SplitOptions, split_by_group};
pub use whole::{holds_files, is_unfinished, remove_unfinished, write_whole, write_whole_folder};
pub use workers::{Interrupted, Workers};
pub use write::{
    encode_png_grey8, encode_png_grey16, encode_png_rgb8, write_labels, write_png_grey8, write_png_grey16,
    write_tiff_f32, write_tiff_u32,
};
