//! What the numbers in masks mean where objects are outlined: one for each object, one for all, or one for several pieces.
//!
//! A mask that was painted or thresholded has one number, mostly 255, wherever there is an object. Learnt as it is, it says that all objects of
//! an image are one, and a net would learn to join them. So where masks are of that kind each connected piece is an object, and that is told.

use super::{Dataset, Field, ObjectClasses};
use crate::LabelImage;
use crate::components::{Connectivity, connected_components};

impl Dataset {
    /// Sees to it that objects are told apart by what is loaded from now on, and adds a note where masks leave a doubt. For whoever outlines objects; in masks
    /// of classes numbers are meant to occur in many places.
    ///
    /// If every mask with objects has one number only, and half of them at least have it in several pieces, each connected piece (by sides or corners) is an
    /// object. Not where objects have classes by their numbers.
    pub fn tell_objects_apart(&mut self) {
        let with_objects = || self.fields.iter().filter(|field| field.objects.is_some_and(|count| count > 0));
        let in_pieces: Vec<&Field> = with_objects().filter(|field| !field.in_pieces.is_empty()).collect();
        let Some(first) = in_pieces.first() else { return };
        let by_number = |field: &Field| matches!(field.classes, Some(ObjectClasses::Each(_)));
        let one_number =
            with_objects().all(|field| field.objects == Some(1)) && !self.fields.iter().any(by_number);
        let (name, number) = (&first.name, first.in_pieces[0]);
        if one_number && 2 * in_pieces.len() >= with_objects().count() {
            self.notes.push(format!(
                "masks have one number for all objects, {number} in {name}: each connected piece is taken for an object, and objects that touch for one; number them one by one where you can"
            ));
            self.pieces_are_objects = true;
        } else {
            self.notes.push(format!(
                "{} mask(s) have objects in several pieces, first object {number} of {name}; each number counts as one object",
                in_pieces.len()
            ));
        }
    }

    /// The objects of a mask.
    pub(super) fn objects_of(&self, labels: LabelImage) -> LabelImage {
        if self.pieces_are_objects { connected_components(&labels, Connectivity::Eight) } else { labels }
    }
}
