//! Pixels of fields and tiles, read when they are needed.
//!
//! A dataset keeps no pixels. A [`Loader`] keeps one field, so that its tiles, visited in order, cost one
//! reading of the file. What is loaded must be what was measured: a file that has changed since is an
//! error, not a silently different study.

use std::ops::Range;
use std::path::Path;

use super::{Dataset, Field, FieldFiles, Tile};
use crate::read::{Labelled, labels_with_hash, plane_from_bytes, sha256_of};
use crate::{ImageError, Interrupted, LabelImage, Plane, Workers};

/// A position in pixels: `(0, 0)` is the centre of the top left pixel, `x` to the right, `y` down.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Column.
    pub x: f64,
    /// Row.
    pub y: f64,
}

impl Point {
    /// The point in pixels of a rectangle with its top left pixel at `(x, y)`; `None` if its pixel lies outside.
    pub fn within(self, x: usize, y: usize, w: usize, h: usize) -> Option<Point> {
        // A pixel reaches half a pixel to each side of its centre.
        let inside = |at: f64, start: usize, size: usize| {
            let at = at - start as f64;
            (-0.5..size as f64 - 0.5).contains(&at).then_some(at)
        };
        Some(Point { x: inside(self.x, x, w)?, y: inside(self.y, y, h)? })
    }
}

impl FieldFiles {
    /// Labels of the image, which has `size`; `None` if it has no mask.
    ///
    /// # Errors
    /// [`ImageError::MaskSize`] if the mask has another size, and whatever else keeps it from being read.
    pub fn load_labels(
        &self,
        page: Option<usize>,
        size: (usize, usize),
    ) -> Result<Option<LabelImage>, ImageError> {
        Ok(self.labelled(page, size)?.map(|labelled| labelled.labels))
    }

    /// As [`FieldFiles::load_labels`], with the hash.
    pub(super) fn labelled(
        &self,
        page: Option<usize>,
        size: (usize, usize),
    ) -> Result<Option<Labelled>, ImageError> {
        let Some(mask) = &self.mask else { return Ok(None) };
        let labelled = labels_with_hash(mask, page)?;
        let mask_size = (labelled.labels.width, labelled.labels.height);
        if mask_size != size {
            let (mask, image) = (mask.clone(), self.path.clone());
            return Err(ImageError::MaskSize { mask, mask_size, image, image_size: size });
        }
        Ok(Some(labelled))
    }

    /// True foci whose pixel lies in the image, which has `size`; `None` if there is no table of them.
    pub fn load_foci(&self, (width, height): (usize, usize)) -> Result<Option<Vec<Point>>, ImageError> {
        let Some(table) = &self.foci else { return Ok(None) };
        let points = read_points(table)?;
        Ok(Some(points.into_iter().filter_map(|point| point.within(0, 0, width, height)).collect()))
    }
}

impl Dataset {
    /// Raw counts of a field.
    pub fn load_raw(&self, field: usize) -> Result<Plane, ImageError> {
        let field = self.field(field)?;
        let bytes = std::fs::read(&field.path).map_err(|source| ImageError::read(&field.path, source))?;
        let options = &self.options;
        if sha256_of(&bytes) != field.sha256 {
            return Err(ImageError::Changed { path: field.path.clone() });
        }
        Ok(plane_from_bytes(&field.path, &bytes, options.channel, options.page)?.0)
    }

    /// A field, normalised by its own percentiles.
    pub fn load_field(&self, field: usize) -> Result<Plane, ImageError> {
        let mut plane = self.load_raw(field)?;
        self.field(field)?.normalisation.apply_all(&mut plane.data);
        Ok(plane)
    }

    /// Labels of a field; `None` if it has no mask. As in the file, or as [`Dataset::numbers`] says.
    pub fn load_labels(&self, field: usize) -> Result<Option<LabelImage>, ImageError> {
        let field = self.field(field)?;
        let Some(mask) = &field.mask else { return Ok(None) };
        let labelled = labels_with_hash(mask, self.options.page)?;
        if field.mask_sha256.as_ref() != Some(&labelled.sha256) {
            return Err(ImageError::Changed { path: mask.clone() });
        }
        Ok(Some(self.meant(labelled.labels)))
    }

    /// True foci of a field, in pixels of the field; `None` if it has no such table.
    pub fn load_foci(&self, field: usize) -> Result<Option<Vec<Point>>, ImageError> {
        self.field(field)?.foci.as_deref().map(read_points).transpose()
    }

    /// Calls `load` for every tile; results come in the order of [`Dataset::tiles`]. The tiles of one field share a
    /// loader on one thread, so that its file is read once; the watcher of the workers counts fields.
    ///
    /// # Errors
    /// The first error of `load` in the order of tiles, or [`Interrupted`].
    pub fn each_tile<R: Send, E: Send + From<Interrupted>>(
        &self,
        workers: &mut Workers,
        load: impl Fn(&mut Loader, usize) -> Result<R, E> + Sync,
    ) -> Result<Vec<R>, E> {
        let mut start = 0;
        let mut range = |tiles: &[Tile]| {
            let range = start..start + tiles.len();
            start = range.end;
            range
        };
        let fields: Vec<Range<usize>> =
            self.tiles.chunk_by(|one, next| one.field == next.field).map(&mut range).collect();
        let loaded = workers.map(&fields, |tiles| {
            let mut loader = Loader::new(self);
            tiles.clone().map(|tile| load(&mut loader, tile)).collect::<Result<Vec<R>, E>>()
        })?;
        Ok(loaded.into_iter().flatten().collect())
    }

    fn field(&self, index: usize) -> Result<&Field, ImageError> {
        self.fields.get(index).ok_or(ImageError::NoSuch { what: "field", index, count: self.fields.len() })
    }

    fn tile(&self, index: usize) -> Result<&Tile, ImageError> {
        self.tiles.get(index).ok_or(ImageError::NoSuch { what: "tile", index, count: self.tiles.len() })
    }
}

/// Reads tiles, keeping the field last read.
pub struct Loader<'a> {
    dataset: &'a Dataset,
    raw: Option<(usize, Plane)>,
    plane: Option<(usize, Plane)>,
    labels: Option<(usize, Option<LabelImage>)>,
}

impl<'a> Loader<'a> {
    /// A loader that has read nothing yet.
    pub fn new(dataset: &'a Dataset) -> Self {
        Self { dataset, raw: None, plane: None, labels: None }
    }

    /// A field, normalised by its own percentiles.
    pub fn field(&mut self, index: usize) -> Result<&Plane, ImageError> {
        let plane = match self.plane.take() {
            Some((kept, plane)) if kept == index => plane,
            _ => self.dataset.load_field(index)?,
        };
        Ok(&self.plane.insert((index, plane)).1)
    }

    /// Labels of a field; `None` if it has no mask.
    pub fn field_labels(&mut self, index: usize) -> Result<Option<&LabelImage>, ImageError> {
        let labels = match self.labels.take() {
            Some((kept, labels)) if kept == index => labels,
            _ => self.dataset.load_labels(index)?,
        };
        Ok(self.labels.insert((index, labels)).1.as_ref())
    }

    /// A tile in raw counts.
    pub fn raw_tile(&mut self, index: usize) -> Result<Plane, ImageError> {
        let tile = self.dataset.tile(index)?;
        let raw = match self.raw.take() {
            Some((kept, raw)) if kept == tile.field => raw,
            _ => self.dataset.load_raw(tile.field)?,
        };
        self.raw
            .insert((tile.field, raw))
            .1
            .rectangle(tile.x, tile.y, tile.w, tile.h)
            .ok_or_else(|| outside(tile))
    }

    /// A tile, normalised by the percentiles of its field.
    pub fn tile(&mut self, index: usize) -> Result<Plane, ImageError> {
        let tile = self.dataset.tile(index)?;
        self.field(tile.field)?.rectangle(tile.x, tile.y, tile.w, tile.h).ok_or_else(|| outside(tile))
    }

    /// Labels of a tile, numbered as in its field; `None` if the field has no mask.
    pub fn tile_labels(&mut self, index: usize) -> Result<Option<LabelImage>, ImageError> {
        let tile = self.dataset.tile(index)?;
        let Some(labels) = self.field_labels(tile.field)? else { return Ok(None) };
        labels.rectangle(tile.x, tile.y, tile.w, tile.h).map(Some).ok_or_else(|| outside(tile))
    }

    /// True foci whose pixel lies in a tile, in pixels of the tile; `None` if the field has no such table.
    pub fn tile_foci(&self, index: usize) -> Result<Option<Vec<Point>>, ImageError> {
        let tile = self.dataset.tile(index)?;
        let Some(points) = self.dataset.load_foci(tile.field)? else { return Ok(None) };
        Ok(Some(points.iter().filter_map(|point| point.within(tile.x, tile.y, tile.w, tile.h)).collect()))
    }
}

/// A tile changed by hand; those of [`Dataset::open`] lie inside.
fn outside(tile: &Tile) -> ImageError {
    ImageError::TileOutside { name: tile.name.clone() }
}

/// Reads the columns `x` and `y` of a table of points.
pub fn read_points(path: &Path) -> Result<Vec<Point>, ImageError> {
    super::table::points(path)
}
