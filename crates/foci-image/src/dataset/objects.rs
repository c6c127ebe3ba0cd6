//! What the numbers in masks mean: one for each object, one for all, or one for several pieces; or one for each class.
//!
//! A mask that was painted or thresholded has one number, mostly 255, wherever there is an object. Learnt as it is, it says that all objects of
//! an image are one, and a net would learn to join them. So where masks are of that kind each connected piece is an object, and that is told. Where classes are
//! learnt it would say that there are 256 of them, and is taken for the one class beside background.

use super::{Dataset, Field, ObjectClasses};
use crate::LabelImage;
use crate::components::{Connectivity, connected_components};

/// How the numbers of masks are loaded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Numbers {
    /// As they are.
    #[default]
    AsTheyAre,
    /// Each connected piece is an object of its own ([`Dataset::tell_objects_apart`]).
    PiecesAreObjects,
    /// Whatever is not 0 is class 1 ([`Dataset::tell_classes_apart`]).
    OneClass,
}

impl Dataset {
    /// Sees to it that masks which have one number only beside 0, 255 mostly, are loaded as masks of the classes 0 and 1 from now on, and adds a
    /// note. For whoever learns classes of pixels.
    pub fn tell_classes_apart(&mut self) {
        let ranges = || self.fields.iter().filter_map(|field| field.range);
        let number = ranges().map(|[_, most]| most).max().unwrap_or(0);
        let is_one = |field: &Field| match field.range {
            Some([_, 0]) | None => true,
            Some([_, most]) => most == number && field.objects == Some(1),
        };
        if number > 1 && ranges().any(|[least, _]| least == 0) && self.fields.iter().all(is_one) {
            self.notes.push(format!("masks have the values 0 and {number}: {number} is taken for class 1"));
            self.numbers = Numbers::OneClass;
        }
    }

    /// Sees to it that objects are told apart by what is loaded from now on, and adds a note where masks leave a doubt. For whoever outlines objects; in masks
    /// of classes numbers are meant to occur in many places.
    ///
    /// If every mask with objects has one number only, and half of them at least have it in several pieces, each connected piece (by sides or corners) is an
    /// object. Not where objects have classes by their numbers.
    pub fn tell_objects_apart(&mut self) {
        let note = if let Some((field, number)) = self.one_number_for_all() {
            let note = format!(
                "masks have one number for all objects, {number} in {}: each connected piece is taken for an object, and objects that touch for one; number them one by one where you can",
                field.name
            );
            self.numbers = Numbers::PiecesAreObjects;
            note
        } else if let Some(first) = self.fields_in_pieces().next() {
            format!(
                "{} mask(s) have objects in several pieces, first object {} of {}; each number counts as one object",
                self.fields_in_pieces().count(),
                first.in_pieces[0],
                first.name
            )
        } else {
            return;
        };
        self.notes.push(note);
    }

    /// The first field in pieces and its number, if masks have one number for all objects.
    fn one_number_for_all(&self) -> Option<(&Field, u32)> {
        let with_objects = || self.fields.iter().filter(|field| field.objects.is_some_and(|count| count > 0));
        let by_number = |field: &Field| matches!(field.classes, Some(ObjectClasses::Each(_)));
        let first = self.fields_in_pieces().next()?;
        let is_one = with_objects().all(|field| field.objects == Some(1))
            && !self.fields.iter().any(by_number)
            && 2 * self.fields_in_pieces().count() >= with_objects().count();
        is_one.then_some((first, first.in_pieces[0]))
    }

    /// What to say of masks with numbers in several pieces where nobody knows yet what the numbers are for.
    pub(crate) fn note_on_pieces(&self) -> Option<String> {
        if let Some((field, number)) = self.one_number_for_all() {
            return Some(format!(
                "masks have one number for all that is no background, {number} in {}: right for a class; where objects are outlined, each connected piece is taken for one, and objects that touch are one",
                field.name
            ));
        }
        let first = self.fields_in_pieces().next()?;
        Some(format!(
            "{} mask(s) have numbers in several pieces, first {} of {}: right for classes; where objects are outlined, each number is one object",
            self.fields_in_pieces().count(),
            first.in_pieces[0],
            first.name
        ))
    }

    fn fields_in_pieces(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| !field.in_pieces.is_empty())
    }

    /// The numbers of a mask as they are meant.
    pub(super) fn meant(&self, mut labels: LabelImage) -> LabelImage {
        match self.numbers {
            Numbers::AsTheyAre => {}
            Numbers::PiecesAreObjects => return connected_components(&labels, Connectivity::Eight),
            Numbers::OneClass => labels.data.iter_mut().for_each(|label| *label = u32::from(*label != 0)),
        }
        labels
    }
}
