//! Tiles: rectangles of a field that do not overlap.
//!
//! As many whole tiles as fit are taken from the middle of a field, so what is lost is a margin of less
//! than one tile, shared between the sides (the odd pixel is lost at the right and at the bottom).

use std::collections::BTreeMap;
use std::path::Path;

use super::table::{self, TileRow};
use super::{DatasetOptions, Field, LeftOut, Tile};
use crate::ImageError;

/// Top left corners of the tiles of `tile` pixels that a field of `field` pixels holds, row by row.
pub fn corners(field: (usize, usize), tile: (usize, usize)) -> Vec<(usize, usize)> {
    if tile.0 == 0 || tile.1 == 0 {
        return Vec::new();
    }
    let (across, down) = (field.0 / tile.0, field.1 / tile.1);
    let (left, top) = ((field.0 - across * tile.0) / 2, (field.1 - down * tile.1) / 2);
    (0..down).flat_map(|j| (0..across).map(move |i| (left + i * tile.0, top + j * tile.1))).collect()
}

/// Where the tiles come from.
pub(super) enum Plan {
    Whole,
    Cut(usize, usize),
    Listed(Vec<TileRow>),
}

impl Plan {
    /// Checks the options and reads the table of tiles, whose lines must name images of `sizes`.
    pub fn new(
        root: &Path,
        options: &DatasetOptions,
        sizes: &BTreeMap<String, Option<(usize, usize)>>,
    ) -> Result<Self, ImageError> {
        if let Some((width, height)) = options.tile {
            if width == 0 || height == 0 {
                return Err(ImageError::EmptyTile { width, height });
            }
            if options.tiles_csv.is_none() {
                return Ok(Self::Cut(width, height));
            }
        }
        let Some(path) = &options.tiles_csv else { return Ok(Self::Whole) };
        let (path, rows) = table::tiles(root, path)?;
        for row in &rows {
            let wrong = |reason: String| Err(table::wrong_tile(&path, row.line, reason));
            match sizes.get(&row.image) {
                None => return wrong(format!("no image '{}' in {}", row.image, root.display())),
                Some(Some((width, height)))
                    if row.x.checked_add(row.w).is_none_or(|right| right > *width)
                        || row.y.checked_add(row.h).is_none_or(|bottom| bottom > *height) =>
                {
                    return wrong(format!(
                        "the tile reaches outside of '{}', which has {width} x {height} pixels",
                        row.image
                    ));
                }
                Some(_) => {}
            }
            if let Some((width, height)) = options.tile
                && (row.w, row.h) != (width, height)
            {
                return wrong(format!(
                    "a tile of {} x {}, but {width} x {height} are asked for",
                    row.w, row.h
                ));
            }
        }
        Ok(Self::Listed(rows))
    }

    /// Tiles of one field, which will have `index`.
    pub fn tiles(&self, name: &str, (width, height): (usize, usize), index: usize) -> Vec<Tile> {
        let tile = |name, x, y, w, h| Tile { name, field: index, x, y, w, h };
        match self {
            Self::Whole => vec![tile(name.to_string(), 0, 0, width, height)],
            Self::Cut(w, h) => corners((width, height), (*w, *h))
                .into_iter()
                .enumerate()
                .map(|(k, (x, y))| tile(format!("{name}-t{k}"), x, y, *w, *h))
                .collect(),
            Self::Listed(rows) => rows
                .iter()
                .filter(|row| row.image == name)
                .map(|row| tile(row.name.clone(), row.x, row.y, row.w, row.h))
                .collect(),
        }
    }

    /// Why a field without tiles is left out.
    pub fn why_none(&self, width: usize, height: usize) -> String {
        match self {
            Self::Cut(w, h) => {
                format!(
                    "its {width} x {height} pixels hold no tile of {w} x {h}; choose a smaller tile to use it"
                )
            }
            _ => "the table of tiles has no line for it; add one to use it".to_string(),
        }
    }
}

/// The error for a dataset without one field to use.
pub(super) fn nothing_left(
    root: &Path,
    options: &DatasetOptions,
    fields: &[Field],
    left_out: &[LeftOut],
) -> ImageError {
    let largest = fields.iter().max_by_key(|field| (field.width * field.height, field.width));
    match (options.tile, largest) {
        (Some((width, height)), Some(field)) if options.tiles_csv.is_none() => ImageError::TileTooLarge {
            path: root.to_path_buf(),
            width,
            height,
            name: field.name.clone(),
            largest: (field.width, field.height),
        },
        _ => {
            let first = left_out.first();
            ImageError::NothingLeft {
                path: root.to_path_buf(),
                count: left_out.len(),
                name: first.map(|left| left.name.clone()).unwrap_or_default(),
                reason: first.map(|left| left.reason.clone()).unwrap_or_default(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_articles_fields_give_four_tiles() {
        // Corners as in tiles_672x512.csv of the shared data.
        let tiles = [(2, 3), (674, 3), (2, 515), (674, 515)];
        assert_eq!(corners((1349, 1030), (672, 512)), tiles);
        assert_eq!(corners((1344, 1024), (672, 512)).first(), Some(&(0, 0)));
        assert_eq!(corners((671, 512), (672, 512)), []);
        assert_eq!(corners((10, 10), (0, 5)), []);
    }

    proptest! {
        #[test]
        fn tiles_lie_inside_and_apart(w in 1usize..300, h in 1usize..300, tw in 1usize..100, th in 1usize..100) {
            let tiles = corners((w, h), (tw, th));
            prop_assert_eq!(tiles.len(), (w / tw) * (h / th));
            for (i, a) in tiles.iter().enumerate() {
                prop_assert!(a.0 + tw <= w && a.1 + th <= h);
                for b in &tiles[..i] {
                    prop_assert!(a.0.abs_diff(b.0) >= tw || a.1.abs_diff(b.1) >= th);
                }
            }
        }
    }
}
