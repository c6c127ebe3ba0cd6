//! Which fields exchange objects: of one fold and one part of the split, two of each class at least, siblings together.
//!
//! Every field takes part for which there are such partners, in as many groups as that gives: the smaller a group, the more of them there are to
//! judge by.

use crate::dataset::{LeftOut, ObjectClasses};
use crate::{Dataset, ImageError};
use std::collections::{BTreeMap, BTreeSet};

/// Groups of fields, by number, and what is in none.
pub(super) struct Groups {
    pub groups: Vec<Vec<usize>>,
    pub left_out: Vec<LeftOut>,
}

/// The class of a field, if all its objects are of one.
pub(super) fn class_of(dataset: &Dataset, field: usize) -> Option<&str> {
    match dataset.fields[field].classes.as_ref()? {
        ObjectClasses::All(class) => Some(class),
        ObjectClasses::Each(_) => None,
    }
}

/// # Errors
/// [`ImageError::Classes`] if there are not two classes, siblings are of both, or no group can be made.
pub(super) fn of(dataset: &Dataset) -> Result<Groups, ImageError> {
    let refuse = |reason: String| Err(ImageError::Classes { folder: dataset.root.clone(), reason });
    let names = dataset.object_classes();
    let [first, second] = &names[..] else {
        return refuse(format!("of {} classes ({})", names.len(), names.join(", ")));
    };
    let mut left_out = Vec::new();
    // By fold and part, and by class: siblings, by the name of their group.
    let mut apart: BTreeMap<_, [BTreeMap<&str, Vec<usize>>; 2]> = BTreeMap::new();
    for (number, field) in dataset.fields.iter().enumerate() {
        let class = class_of(dataset, number).filter(|_| field.mask.is_some());
        match class {
            Some(class) => {
                let classes = apart.entry((field.fold, field.part)).or_default();
                classes[usize::from(class == second)].entry(&field.group).or_default().push(number);
            }
            None => left_out.push((number, "it has no mask, or its objects are not of one class")),
        }
    }
    let mut groups = Vec::new();
    for classes in apart.values() {
        let [one, other] = classes;
        let both: BTreeSet<&&str> = one.keys().filter(|group| other.contains_key(*group)).collect();
        if let Some(group) = both.first() {
            return refuse(format!("of both classes among siblings (group {group})"));
        }
        let count = one.len().min(other.len()) / 2;
        if count == 0 {
            let all = classes.iter().flat_map(BTreeMap::values).flatten();
            left_out.extend(
                all.map(|&field| (field, "its fold and part have too few fields of one of the classes")),
            );
            continue;
        }
        // As evenly as it goes.
        let part = |class: &BTreeMap<&str, Vec<usize>>, group: usize| {
            let siblings = class.values().enumerate().filter(|(place, _)| place % count == group);
            siblings.flat_map(|(_, fields)| fields.clone()).collect::<Vec<usize>>()
        };
        groups.extend((0..count).map(|group| [part(one, group), part(other, group)].concat()));
    }
    if groups.is_empty() {
        return refuse(format!(
            "of two classes ({first}, {second}), but with fewer than two fields with masks of each"
        ));
    }
    let out = |(field, reason): (usize, &str)| LeftOut {
        name: dataset.fields[field].name.clone(),
        reason: reason.into(),
        tiles: 1,
    };
    Ok(Groups { groups, left_out: left_out.into_iter().map(out).collect() })
}
