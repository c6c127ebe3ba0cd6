//! What kind of thing each object of a mask is: a class by name.
//!
//! A data folder may say so in two ways, and the column of a table is named by whoever asks: `cells/NAME.csv` has a line for each
//! object (`label` and that column), and `images.csv` may have the column for all objects of an image. Where an image has a table
//! of its own with that column, that one holds. An object whose cell is empty, or that has no line, has no class: nobody knows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::table::{self, ImageRow};
use super::{Dataset, DatasetOptions, FieldFiles};
use crate::ImageError;

/// Classes of the objects of one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectClasses {
    /// All are of one.
    All(String),
    /// Each by its label; those that are missing have none.
    Each(BTreeMap<u32, String>),
}

impl ObjectClasses {
    /// The class of an object.
    pub fn of(&self, label: u32) -> Option<&str> {
        match self {
            ObjectClasses::All(class) => Some(class),
            ObjectClasses::Each(classes) => classes.get(&label).map(String::as_str),
        }
    }

    /// Names of the classes that occur.
    pub fn names(&self) -> BTreeSet<&str> {
        match self {
            ObjectClasses::All(class) => [class.as_str()].into(),
            ObjectClasses::Each(classes) => classes.values().map(String::as_str).collect(),
        }
    }

    /// As one line of text, the same for the same classes.
    pub(crate) fn line(&self) -> String {
        match self {
            ObjectClasses::All(class) => format!("{class:?}"),
            ObjectClasses::Each(classes) => format!("{classes:?}"),
        }
    }
}

impl FieldFiles {
    /// Classes of the objects by `column` of the table of the image's cells, if there is one that has it.
    ///
    /// # Errors
    /// [`ImageError`] if the table cannot be read, or a label is no whole number above 0 or stands twice.
    pub fn load_classes(&self, column: &str) -> Result<Option<ObjectClasses>, ImageError> {
        match &self.cells {
            Some(table) => read_classes(table, column),
            None => Ok(None),
        }
    }
}

/// Classes of objects by the column `column` of a table with a line for each (`label`); `None` if the table has no such column.
///
/// # Errors
/// [`ImageError`] if the table cannot be read, or a label is no whole number above 0 or stands twice.
pub fn read_classes(table: &Path, column: &str) -> Result<Option<ObjectClasses>, ImageError> {
    Ok(table::classes(table, column)?.map(ObjectClasses::Each))
}

/// The class of all objects of an image, by the name of the image, as `column` of `images.csv` in a data folder says; empty without such a
/// column.
///
/// # Errors
/// [`ImageError`] if the table cannot be read.
pub fn classes_of_images(root: &Path, column: &str) -> Result<BTreeMap<String, String>, ImageError> {
    let options = DatasetOptions { class_column: Some(column.into()), ..DatasetOptions::default() };
    let rows = table::images(root, &options)?;
    Ok(rows.into_iter().filter_map(|(name, row)| Some((name, row.class?))).collect())
}

/// The classes of one field: its own table comes first, then `images.csv`.
pub(super) fn of_field(
    found: &FieldFiles,
    row: Option<&ImageRow>,
    column: Option<&str>,
) -> Result<Option<ObjectClasses>, ImageError> {
    let Some(column) = column else { return Ok(None) };
    let own = found.load_classes(column)?;
    Ok(own.or_else(|| row?.class.clone().map(ObjectClasses::All)))
}

impl Dataset {
    /// Names of the classes of objects in all fields, in the order of the alphabet; empty if nobody asked for any.
    pub fn object_classes(&self) -> Vec<String> {
        let classes = self.fields.iter().filter_map(|field| field.classes.as_ref());
        classes
            .flat_map(ObjectClasses::names)
            .collect::<BTreeSet<&str>>()
            .into_iter()
            .map(String::from)
            .collect()
    }
}
