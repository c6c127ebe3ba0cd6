//! The two tables that may lie with the images: `images.csv` and a table of tiles.
//!
//! Only the columns named here are looked at; any others are free. Line numbers in errors are those of the
//! file, so that an editor finds them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{DatasetOptions, Part, Point, scan};
use crate::ImageError;

/// What `images.csv` says about one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ImageRow {
    pub line: u64,
    pub group: Option<String>,
    pub fold: Option<usize>,
    pub place: Option<Place>,
    /// Class of all objects of the image.
    pub class: Option<String>,
}

/// Column `split` of `images.csv`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    In(Part),
    Drop,
}

/// One line of a table of tiles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TileRow {
    pub line: u64,
    pub name: String,
    pub image: String,
    pub x: usize,
    pub y: usize,
    pub w: usize,
    pub h: usize,
}

const IMAGES: &str = "images.csv has a column 'name' or 'image' and may have 'group', 'fold' (whole numbers) \
                      and 'split' (train, validation, test or drop)";
const TILES: &str = "a table of tiles has the columns tile,image,x,y,w,h in whole pixels";
const OBJECTS: &str = "a table of objects has a column 'label' and one with their classes";
const POINTS: &str =
    "a table of points has the columns x and y in pixels, (0, 0) being the first pixel's centre";

/// Reads `images.csv` of a data folder, by name of the field; empty if there is none.
pub(super) fn images(
    root: &Path,
    options: &DatasetOptions,
) -> Result<BTreeMap<String, ImageRow>, ImageError> {
    let path = root.join("images.csv");
    let mut rows = BTreeMap::new();
    if !path.is_file() {
        return if options.group_column == DatasetOptions::default().group_column {
            Ok(rows)
        } else {
            Err(Table { path, expected: IMAGES }
                .wrong(0, format!("missing, but its column '{}' is asked for", options.group_column)))
        };
    }
    let (table, records) = Table::read(path, IMAGES)?;
    let header = &records.header;
    let Some(name_at) = header.iter().position(|h| h == "name" || h == "image") else {
        return Err(table.wrong(1, "no column 'name' or 'image'"));
    };
    let group_at = header.iter().position(|h| *h == options.group_column);
    if group_at.is_none() && options.group_column != DatasetOptions::default().group_column {
        return Err(table.wrong(1, format!("no column '{}'", options.group_column)));
    }
    let (fold_at, split_at) =
        (header.iter().position(|h| h == "fold"), header.iter().position(|h| h == "split"));
    let class_at = options.class_column.as_ref().and_then(|column| header.iter().position(|h| h == column));
    for (line, record) in &records.rows {
        let cell = |at: Option<usize>| at.and_then(|at| record.get(at)).filter(|text| !text.is_empty());
        let Some(name) = cell(Some(name_at)) else { return Err(table.wrong(*line, "no name")) };
        let fold = match cell(fold_at) {
            Some(text) => Some(text.parse().map_err(|_| table.wrong(*line, format!("fold '{text}'")))?),
            None => None,
        };
        let place = match cell(split_at) {
            None => None,
            Some("train" | "training") => Some(Place::In(Part::Train)),
            Some("val" | "valid" | "validation") => Some(Place::In(Part::Validation)),
            Some("test") => Some(Place::In(Part::Test)),
            Some("drop") => Some(Place::Drop),
            Some(other) => return Err(table.wrong(*line, format!("split '{other}'"))),
        };
        let text = |at| cell(at).map(str::to_string);
        let row = ImageRow { line: *line, group: text(group_at), fold, place, class: text(class_at) };
        if let Some(earlier) = rows.insert(without_extension(name), row) {
            return Err(table.wrong(*line, format!("'{name}' already stands in line {}", earlier.line)));
        }
    }
    Ok(rows)
}

/// Reads a table of tiles. A relative path is looked for in the data folder first.
pub(super) fn tiles(root: &Path, path: &Path) -> Result<(PathBuf, Vec<TileRow>), ImageError> {
    let inside = root.join(path);
    let path = if inside.is_file() { inside } else { path.to_path_buf() };
    let (table, records) = Table::read(path, TILES)?;
    let column = |name: &str| {
        let at = records.header.iter().position(|h| h == name);
        at.ok_or_else(|| table.wrong(1, format!("no column '{name}'")))
    };
    let (tile, image) = (column("tile")?, column("image")?);
    let numbers = [column("x")?, column("y")?, column("w")?, column("h")?];
    let mut tiles = Vec::new();
    let mut lines = BTreeMap::new();
    for (line, record) in &records.rows {
        let mut values = [0; 4];
        for (value, at) in values.iter_mut().zip(numbers) {
            let text = record.get(at).unwrap_or_default();
            *value = text.parse().map_err(|_| {
                table.wrong(*line, format!("{} '{text}' is not a whole number", records.header[at]))
            })?;
        }
        let [x, y, w, h] = values;
        if w == 0 || h == 0 {
            return Err(table.wrong(*line, format!("a tile of {w} x {h} pixels")));
        }
        let text = |at: usize| record.get(at).unwrap_or_default().to_string();
        // Measures and pictures are found again by the name of their tile.
        if let Some(earlier) = lines.insert(text(tile), *line) {
            return Err(table.wrong(*line, format!("'{}' already stands in line {earlier}", text(tile))));
        }
        tiles.push(TileRow {
            line: *line,
            name: text(tile),
            image: without_extension(&text(image)),
            x,
            y,
            w,
            h,
        });
    }
    Ok((table.path, tiles))
}

/// Reads the columns `x` and `y` of a table of points.
pub(super) fn points(path: &Path) -> Result<Vec<Point>, ImageError> {
    let (table, records) = Table::read(path.to_path_buf(), POINTS)?;
    let column = |name: &str| {
        let at = records.header.iter().position(|h| h == name);
        at.ok_or_else(|| table.wrong(1, format!("no column '{name}'")))
    };
    let (x, y) = (column("x")?, column("y")?);
    let mut points = Vec::with_capacity(records.rows.len());
    for (line, record) in &records.rows {
        let number = |at: usize| {
            let text = record.get(at).unwrap_or_default();
            let value: Option<f64> = text.parse().ok().filter(|v: &f64| v.is_finite());
            value
                .ok_or_else(|| table.wrong(*line, format!("{} '{text}' is not a number", records.header[at])))
        };
        points.push(Point { x: number(x)?, y: number(y)? });
    }
    Ok(points)
}

/// Reads the columns `label` and `column` of a table of objects; `None` if it has no such column. Lines with an empty cell are
/// passed over.
pub(super) fn classes(path: &Path, column: &str) -> Result<Option<BTreeMap<u32, String>>, ImageError> {
    let (table, records) = Table::read(path.to_path_buf(), OBJECTS)?;
    let place = |name: &str| records.header.iter().position(|h| h == name);
    let Some(class_at) = place(column) else { return Ok(None) };
    let Some(label_at) = place("label") else { return Err(table.wrong(1, "no column 'label'")) };
    let mut classes = BTreeMap::new();
    for (line, record) in &records.rows {
        let text = |at: usize| record.get(at).unwrap_or_default();
        let label: u32 = text(label_at).parse().ok().filter(|label| *label > 0).ok_or_else(|| {
            table.wrong(*line, format!("label '{}' is not a whole number above 0", text(label_at)))
        })?;
        if !text(class_at).is_empty() && classes.insert(label, text(class_at).to_string()).is_some() {
            return Err(table.wrong(*line, format!("label {label} stands twice")));
        }
    }
    Ok(Some(classes))
}

/// Error about a line of a table of tiles.
pub(super) fn wrong_tile(path: &Path, line: u64, reason: String) -> ImageError {
    Table { path: path.to_path_buf(), expected: TILES }.wrong(line, reason)
}

struct Table {
    path: PathBuf,
    expected: &'static str,
}

struct Records {
    header: Vec<String>,
    rows: Vec<(u64, csv::StringRecord)>,
}

impl Table {
    fn wrong(&self, line: u64, reason: impl ToString) -> ImageError {
        ImageError::Table {
            path: self.path.clone(),
            line,
            reason: reason.to_string(),
            expected: self.expected,
        }
    }

    fn read(path: PathBuf, expected: &'static str) -> Result<(Self, Records), ImageError> {
        let bytes = std::fs::read(&path).map_err(|source| ImageError::read(&path, source))?;
        let table = Self { path, expected };
        // Spreadsheets like to put a byte order mark before the first column's name.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
        let broken = |error: csv::Error| {
            let line = error.position().map_or(1, csv::Position::line);
            table.wrong(line, error)
        };
        let header = reader.headers().map_err(broken)?.iter().map(str::to_string).collect();
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(broken)?;
            rows.push((record.position().map_or(0, csv::Position::line), record));
        }
        Ok((table, Records { header, rows }))
    }
}

/// A cell of a table, quoted as RFC 4180 wants it.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn without_extension(name: &str) -> String {
    let path = Path::new(name);
    match path.file_stem() {
        Some(stem) if scan::has_image_extension(path) => stem.to_string_lossy().into_owned(),
        _ => name.to_string(),
    }
}
