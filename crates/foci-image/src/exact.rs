//! The smallest kind of file that holds every value of a dataset as it is.
//!
//! Raw counts of a camera fit an 8- or 16-bit PNG. Scaled floats, negative values and the luminance of colours do not:
//! rounded they would be other images. What decides is the values, not the kind of file that they come from, and all
//! of them together, so that all files cut from a dataset are of one kind.

use std::path::{Path, PathBuf};

use crate::{Dataset, Field, ImageError, Plane, write_png_grey8, write_png_grey16, write_tiff_f32};

/// A kind of file for one plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExactFormat {
    /// PNG of 8 bits: whole numbers from 0 to 255.
    Png8,
    /// PNG of 16 bits: whole numbers from 0 to 65,535.
    Png16,
    /// TIFF of 32-bit floats: any value of a [`Plane`].
    TiffFloat,
}

impl ExactFormat {
    /// The smallest kind that holds every value of every field used. Files of more than 8 bits stay so, however dark
    /// they are: the bits of a file say at which count its pixels are saturated.
    pub fn of(dataset: &Dataset) -> Self {
        let fits = |most: u16| {
            move |field: &Field| {
                let values = &field.intensity;
                field.whole && values.minimum >= 0.0 && values.maximum <= f64::from(most)
            }
        };
        let fields = &dataset.fields;
        if fields.iter().all(|field| field.bits <= 8) && fields.iter().all(fits(u16::from(u8::MAX))) {
            Self::Png8
        } else if fields.iter().all(fits(u16::MAX)) {
            Self::Png16
        } else {
            Self::TiffFloat
        }
    }

    /// Writes a plane of the dataset into `folder` as `name` with the extension of its kind; returns the path.
    pub fn write(self, folder: &Path, name: &str, plane: &Plane) -> Result<PathBuf, ImageError> {
        let path = |extension: &str| folder.join(format!("{name}.{extension}"));
        let (path, written) = match self {
            Self::Png8 => (path("png"), write_png_grey8(&path("png"), plane)),
            Self::Png16 => (path("png"), write_png_grey16(&path("png"), plane)),
            Self::TiffFloat => (path("tif"), write_tiff_f32(&path("tif"), plane)),
        };
        written.map(|()| path)
    }
}
