//! Objects laid into other fields, so that the field says nothing of the class of an object.
//!
//! Fields of two classes, one class for all objects of a field, differ in more than their objects: medium, exposure, haze. A net that is to
//! tell the objects apart may look at that. So each field here gets as many objects of the one class as of the other, in pairs of about
//! the same area, all from other fields, each as bright above the background as an object of the field that receives it; and of these
//! alone the class is told. The field's own objects stay, with masks, and are of no class.
//!
//! What still may tell a class besides the detail within: outline and edge, focus, and noise, which is scaled with the light (`gain` in the tables). A control shows
//! how much that is: with [`flat`](TransplantOptions::flat) each object that is laid in has its mean light all over.
//!
//! Fields that exchange objects are one group, which no split parts: an object from a test field must not be learnt from.

mod groups;
mod nucleus;

use crate::crop::{below, generator};
use crate::dataset::{LeftOut, quoted};
use crate::{Dataset, ExactFormat, ImageError, LabelImage, Plane, Workers, disk, write_labels, write_whole};
use groups::{Groups, class_of};
use nucleus::{Nucleus, Place, median};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// Objects lie at least so many pixels apart, and so far from the field's own.
const APART: usize = 12;
/// Places that are tried for an object, and objects that are tried as the second of a pair.
const TRIES: usize = 200;
/// Pairs that are drawn for each that is wanted.
const PAIRS_TRIED: usize = 4;
/// Only usual objects are taken: of half the median area of the field at least, of twice that at most.
const USUAL_AREA: f64 = 2.0;
/// The larger of a pair has at most so many times the area of the smaller.
const ALIKE_AREA: f64 = 1.15;
/// The light of an object is raised or lowered by this factor at most: beyond, its noise would say where it comes from.
const MOST_GAIN: f64 = 2.0;

/// How much is laid into each field, and what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TransplantOptions {
    /// Objects of each class, where there is room.
    pub each: usize,
    /// Objects have their mean light all over: a control, in which no detail tells the classes apart.
    pub flat: bool,
    /// Seed of what is taken and where it is laid.
    pub seed: u64,
}

/// One field that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Received {
    /// Its name.
    pub name: String,
    /// Fields that exchange objects share it.
    pub group: String,
    /// Objects of each of both classes.
    pub of_each: usize,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Exchanged {
    /// Fields, group by group.
    pub fields: Vec<Received>,
    /// Fields that could not take part.
    pub left_out: Vec<LeftOut>,
}

/// Writes the fields of a dataset, whose objects must be of two classes by field, with objects laid into each; `out` must exist and be empty.
/// The watcher of the workers counts groups.
///
/// # Errors
/// [`ImageError::Classes`] if there are not two classes with two fields each that have masks; else what cannot be read or written.
pub fn transplant(
    dataset: &Dataset,
    options: TransplantOptions,
    out: &Path,
    workers: &mut Workers,
) -> Result<Exchanged, ImageError> {
    for part in ["images", "masks", "cells"] {
        let folder = out.join(part);
        disk::create_folder(&folder).map_err(|source| ImageError::Write { path: folder.clone(), source })?;
    }
    let Groups { groups, left_out } = groups::of(dataset)?;
    let format = ExactFormat::of(dataset);
    let numbered: Vec<(usize, &Vec<usize>)> = groups.iter().enumerate().collect();
    let fields: Vec<Vec<Received>> =
        workers.map(&numbered, |(number, group)| exchange(dataset, options, *number, group, format, out))?;
    let fields = fields.concat();
    let mut table = "name,group,fold,split\n".to_string();
    for (field, written) in groups.iter().flatten().zip(&fields) {
        let field = &dataset.fields[*field];
        let fold = field.fold.map_or(String::new(), |fold| fold.to_string());
        let part = field.part.map_or("", |part| part.name());
        let _ = writeln!(table, "{},{},{fold},{part}", quoted(&written.name), written.group);
    }
    write_whole(&out.join("images.csv"), table.as_bytes())?;
    Ok(Exchanged { fields, left_out })
}

/// A field with its objects that can be taken.
struct Donor<'d> {
    class: &'d str,
    name: &'d str,
    image: Plane,
    labels: LabelImage,
    nuclei: Vec<Nucleus>,
}

/// Lays objects into each field of a group and writes it.
fn exchange(
    dataset: &Dataset,
    options: TransplantOptions,
    number: usize,
    group: &[usize],
    format: ExactFormat,
    out: &Path,
) -> Result<Vec<Received>, ImageError> {
    let donors = group.iter().map(|&field| donor(dataset, field)).collect::<Result<Vec<_>, _>>()?;
    let mut random = generator(options.seed, number as u64);
    let mut written = Vec::with_capacity(group.len());
    for (place, &field) in group.iter().enumerate() {
        let field = &dataset.fields[field];
        let mut recipient = Recipient::new(&donors[place]);
        let of_each = recipient.receive(&donors, place, options, &mut random);
        let Recipient { mut image, labels, cells, .. } = recipient;
        if field.whole {
            let most = largest_count(field.bits);
            image.data.iter_mut().for_each(|value| *value = value.round().clamp(0.0, most));
        }
        format.write(&out.join("images"), &field.name, &image)?;
        write_labels(&out.join("masks").join(format!("{}.png", field.name)), &labels)?;
        write_whole(&out.join("cells").join(format!("{}.csv", field.name)), cells.as_bytes())?;
        written.push(Received { name: field.name.clone(), group: format!("exchange-{number}"), of_each });
    }
    Ok(written)
}

/// The largest count that so many bits hold.
fn largest_count(bits: u8) -> f32 {
    if bits < 32 { ((1u64 << bits) - 1) as f32 } else { f32::MAX }
}

/// Reads a field and takes its usual objects.
fn donor(dataset: &Dataset, field: usize) -> Result<Donor<'_>, ImageError> {
    let image = dataset.load_raw(field)?;
    let labels = dataset.load_labels(field)?.unwrap_or_else(|| LabelImage::zeros(image.width, image.height));
    // Left, top, right, bottom, area.
    let mut objects: BTreeMap<u32, ([usize; 4], usize)> = BTreeMap::new();
    for (at, &label) in labels.data.iter().enumerate().filter(|(_, label)| **label != 0) {
        let (x, y) = (at % labels.width, at / labels.width);
        let (place, area) = objects.entry(label).or_insert(([x, y, x, y], 0));
        *place = [place[0].min(x), place[1].min(y), place[2].max(x), place[3].max(y)];
        *area += 1;
    }
    let usual = median(objects.values().map(|(_, area)| *area as f32).collect()).map_or(0.0, f64::from);
    let saturated = largest_count(dataset.fields[field].bits);
    let usual = objects.iter().filter(|(_, (_, area))| is_alike(*area as f64, usual, USUAL_AREA));
    let cut = |(&label, (place, _)): (&u32, &([usize; 4], usize))| {
        Nucleus::cut(&image, &labels, label, saturated, *place)
    };
    let nuclei = usual.filter_map(cut).collect();
    let class = class_of(dataset, field).unwrap_or_default();
    Ok(Donor { class, name: &dataset.fields[field].name, image, labels, nuclei })
}

/// Whether neither is more than `most` times the other.
fn is_alike(one: f64, other: f64, most: f64) -> bool {
    one <= most * other && other <= most * one
}

/// A field that objects are laid into.
struct Recipient<'d> {
    own: &'d Donor<'d>,
    image: Plane,
    labels: LabelImage,
    /// Pixels that are too near to an object for another.
    taken: Vec<bool>,
    /// Table of what was laid in.
    cells: String,
}

/// An object, and where and how it is to be laid.
struct Laid<'d> {
    nucleus: &'d Nucleus,
    from: &'d Donor<'d>,
    at: Place,
    gain: f64,
}

impl<'d> Recipient<'d> {
    fn new(own: &'d Donor<'d>) -> Recipient<'d> {
        let (image, labels) = (own.image.clone(), own.labels.clone());
        let mut taken = vec![false; labels.data.len()];
        let own_pixels = labels.data.iter().enumerate().filter(|(_, label)| **label != 0);
        block(&mut taken, labels.width, labels.height, own_pixels.map(|(at, _)| at));
        Recipient { own, image, labels, taken, cells: "label,class,from,area,gain\n".into() }
    }

    /// Lays objects of the other fields in, in pairs, one of each class, so that there are as many of both; returns how many pairs.
    fn receive(
        &mut self,
        donors: &'d [Donor<'d>],
        place: usize,
        options: TransplantOptions,
        random: &mut ChaCha8Rng,
    ) -> usize {
        let from = |alike: bool| -> Vec<(&'d Donor<'d>, &'d Nucleus)> {
            let others = donors.iter().enumerate().filter(|(number, _)| *number != place);
            let others = others.filter(|(_, donor)| (donor.class == self.own.class) == alike);
            others.flat_map(|(_, donor)| donor.nuclei.iter().map(move |nucleus| (donor, nucleus))).collect()
        };
        let classes = [from(true), from(false)];
        let mut pairs = 0;
        for _ in 0..PAIRS_TRIED * options.each {
            if pairs == options.each {
                break;
            }
            // Either class may be the first: what lies there first is background to the second.
            let order = if below(random, 2) == 0 { [0, 1] } else { [1, 0] };
            let Some(first) = self.draw(&classes[order[0]], None, random) else { continue };
            let before = self.taken.clone();
            self.keep_free(&first);
            let Some(second) = self.draw(&classes[order[1]], Some(first.nucleus.area), random) else {
                self.taken = before;
                continue;
            };
            self.keep_free(&second);
            // An image may number its objects up to the last number there is.
            let Some(last) = self.labels.largest().checked_add(2) else { break };
            self.lay(&first, last - 1, options.flat);
            self.lay(&second, last, options.flat);
            pairs += 1;
        }
        pairs
    }

    /// Draws an object, about as large as another if that is given, how bright it shall be (as an own object of the field), and a place for it. `None` if there is
    /// none, or no room was found.
    fn draw(
        &self,
        among: &[(&'d Donor<'d>, &'d Nucleus)],
        area: Option<usize>,
        random: &mut ChaCha8Rng,
    ) -> Option<Laid<'d>> {
        let own = &self.own.nuclei;
        let drawn = (0..TRIES).find_map(|_| {
            let (from, nucleus) = *among.get(below(random, among.len()))?;
            let gain = own.get(below(random, own.len()))?.brightness / nucleus.brightness;
            let fits = area.is_none_or(|area| is_alike(nucleus.area as f64, area as f64, ALIKE_AREA));
            (fits && is_alike(gain, 1.0, MOST_GAIN)).then_some((from, nucleus, gain))
        });
        let (from, nucleus, gain) = drawn?;
        let (width, height) = (self.image.width, self.image.height);
        let (wide, high) = (width.checked_sub(nucleus.width)?, height.checked_sub(nucleus.height)?);
        (0..TRIES).find_map(|_| {
            let at = Place { x: below(random, wide + 1), y: below(random, high + 1) };
            nucleus.fits(&self.taken, width, at).then_some(Laid { nucleus, from, at, gain })
        })
    }

    /// Nothing else may lie near an object that is laid in, or about to be.
    fn keep_free(&mut self, laid: &Laid) {
        let (width, height) = (self.image.width, self.image.height);
        block(&mut self.taken, width, height, laid.nucleus.own_pixels(width, laid.at));
    }

    fn lay(&mut self, laid: &Laid, label: u32, flat: bool) {
        let Laid { nucleus, from, at, gain } = laid;
        let flattened = flat.then(|| (*nucleus).clone().flat());
        flattened.as_ref().unwrap_or(nucleus).lay(&mut self.image, &mut self.labels, *at, *gain, label);
        let (class, name) = (quoted(from.class), quoted(from.name));
        let _ = writeln!(self.cells, "{label},{class},{name},{},{gain:.3}", nucleus.area);
    }
}

/// Marks what is within [`APART`] pixels, along rows and columns, of some pixels.
fn block(taken: &mut [bool], width: usize, height: usize, pixels: impl Iterator<Item = usize>) {
    // First along rows, then along columns: squares are that.
    let mut rows = vec![false; taken.len()];
    for at in pixels {
        let (x, start) = (at % width, at - at % width);
        rows[start + x.saturating_sub(APART)..start + (x + APART + 1).min(width)].fill(true);
    }
    for (at, _) in rows.iter().enumerate().filter(|(_, marked)| **marked) {
        let (x, y) = (at % width, at / width);
        for y in y.saturating_sub(APART)..(y + APART + 1).min(height) {
            taken[y * width + x] = true;
        }
    }
}
