//! A model put to use: planes in, planes or label images out.

use crate::binning::{binned, enlarged};
use crate::class_offsets::add_offsets;
use crate::object_class::{Found, classify};
use crate::shown::{Scales, brought_back, shown, shown_size};
use crate::tiled::Tiling;
use crate::{ClassMap, Model, Task, TrainError, TrainingPlan, memory};
use foci_engine::{Mode, PlanOptions, Session, Shape};
use foci_image::{LabelImage, Plane};
use foci_kernels::Compute;
use foci_segment::objects;
use foci_segment::targets::CHANNELS;
use std::borrow::Cow;

/// Runs one model on planes of any size. Memory is planned anew only when the size changes.
pub struct Predictor<'a> {
    model: &'a Model,
    compute: &'a Compute,
    options: PlanOptions,
    session: Option<(Shape, PlanOptions, Session)>,
    flips: bool,
    scales: Scales,
    largest_tile: Option<usize>,
    /// Predictors that work at the same time, this one included.
    among: usize,
}

impl<'a> Predictor<'a> {
    /// A predictor for a model. Its convolutions go as they did when the model was trained.
    pub fn new(model: &'a Model, compute: &'a Compute) -> Predictor<'a> {
        let exact = model.recipe.training.plan.exact;
        let options = PlanOptions { exact, ..PlanOptions::new(Mode::Inference) };
        let scales = Scales::default();
        Predictor {
            model,
            compute,
            options,
            session: None,
            flips: false,
            scales,
            largest_tile: None,
            among: 1,
        }
    }

    /// The same as one of so many that work at the same time: each takes its share of the memory that is free.
    pub fn among(mut self, predictors: usize) -> Predictor<'a> {
        self.among = predictors.max(1);
        self
    }

    /// The same with direct convolutions only, however the model was trained.
    pub fn exact(mut self) -> Predictor<'a> {
        self.options.exact = true;
        self.session = None;
        self
    }

    /// The same with every image shown in its four mirror images, whose answers are mirrored back and averaged: four times the
    /// work for an answer that leans to no side.
    pub fn with_flips(mut self) -> Predictor<'a> {
        self.flips = true;
        self
    }

    /// The same with every image shown at these sizes, and the answers brought back to its own and averaged.
    pub fn at_scales(mut self, scales: &Scales) -> Predictor<'a> {
        self.scales = scales.clone();
        self
    }

    /// The same with images cut into tiles of at most so many pixels on a side, margins included, binned ones where the model bins pixels; the answer is the same, to the last bit. Otherwise
    /// images are cut only where memory is short.
    pub fn with_tiles(mut self, side: usize) -> Predictor<'a> {
        self.largest_tile = Some(side);
        self
    }

    /// The net's answer to an image in raw counts, in raw counts: normalised and taken back as the recipe says.
    ///
    /// # Errors
    /// As [`Predictor::predict`].
    pub fn predict_raw(&mut self, image: &Plane) -> Result<Plane, TrainError> {
        let (input, normalisation) = self.model.recipe.normalisation.normalised(image);
        let mut output = self.predict(&input)?;
        normalisation.undo_all(&mut output.data);
        Ok(output)
    }

    /// The objects of an image in raw counts, outlined and separated as the recipe says.
    ///
    /// # Errors
    /// [`TrainError::OtherTask`] if the model was trained for something else; as [`Predictor::predict`].
    pub fn objects_raw(&mut self, image: &Plane) -> Result<LabelImage, TrainError> {
        Ok(self.found_raw(image)?.labels)
    }

    /// The objects of an image in raw counts with their classes, if the model has learnt any.
    ///
    /// # Errors
    /// As [`Predictor::objects_raw`].
    pub fn found_raw(&mut self, image: &Plane) -> Result<Found, TrainError> {
        let input = self.model.recipe.normalisation.normalised(image).0;
        self.found(&input)
    }

    /// The objects of a normalised plane; otherwise as [`Predictor::objects_raw`].
    ///
    /// # Errors
    /// As [`Predictor::objects_raw`].
    pub fn objects(&mut self, input: &Plane) -> Result<LabelImage, TrainError> {
        Ok(self.found(input)?.labels)
    }

    /// The objects of a normalised plane with their classes; otherwise as [`Predictor::objects_raw`].
    ///
    /// # Errors
    /// As [`Predictor::objects_raw`].
    pub fn found(&mut self, input: &Plane) -> Result<Found, TrainError> {
        let recipe = &self.model.recipe;
        let Some(options) = recipe.objects else {
            return Err(TrainError::OtherTask { task: recipe.task });
        };
        let maps = self.maps(input)?;
        let (of_pixels, of_objects) =
            maps.split_at_checked(CHANNELS * input.data.len()).unwrap_or((&maps, &[]));
        let labels = objects(of_pixels, input.width, input.height, &options)?;
        Ok(Found { classes: classify(of_objects, &labels), labels })
    }

    /// The class of each pixel of an image in raw counts, and how likely each class is.
    ///
    /// # Errors
    /// [`TrainError::OtherTask`] if the model was trained for something else; as [`Predictor::predict`].
    pub fn classes_raw(&mut self, image: &Plane) -> Result<ClassMap, TrainError> {
        let input = self.model.recipe.normalisation.normalised(image).0;
        self.classes(&input)
    }

    /// The classes of a normalised plane; otherwise as [`Predictor::classes_raw`].
    ///
    /// # Errors
    /// As [`Predictor::classes_raw`].
    pub fn classes(&mut self, input: &Plane) -> Result<ClassMap, TrainError> {
        if self.model.recipe.task != Task::Semantic {
            return Err(TrainError::OtherTask { task: self.model.recipe.task });
        }
        let mut maps = self.maps(input)?;
        add_offsets(&mut maps, &self.model.recipe.class_offsets);
        Ok(ClassMap::of_logits(&maps, input.width, input.height))
    }

    /// The net's answer to a normalised plane; it has the same size.
    ///
    /// # Errors
    /// [`TrainError::OtherTask`] if the model gives several channels; as [`Predictor::maps`].
    pub fn predict(&mut self, input: &Plane) -> Result<Plane, TrainError> {
        if self.model.recipe.training.plan.channels() != 1 {
            return Err(TrainError::OtherTask { task: self.model.recipe.task });
        }
        Ok(Plane { width: input.width, height: input.height, data: self.maps(input)? })
    }

    /// All channels that the net gives for a normalised plane, one map after the other, each of the size of the plane.
    ///
    /// # Errors
    /// [`TrainError::Engine`] if there is not enough memory for a plane of this size, [`TrainError::Shown`] if there is not for its maps at another size.
    pub fn maps(&mut self, input: &Plane) -> Result<Vec<f32>, TrainError> {
        if self.scales.are_one() {
            return self.maps_of(input);
        }
        let size = [input.width, input.height];
        let factors = self.scales.factors().to_vec();
        let share = 1.0 / factors.len() as f32;
        let mut mean = Vec::new();
        for factor in factors {
            self.check_room(input, factor)?;
            let image = shown(input, factor);
            let maps = brought_back(&self.maps_of(&image)?, [image.width, image.height], size, factor);
            add_share(&mut mean, &maps, share);
        }
        Ok(mean)
    }

    /// Refuses an image that is shown so large that there is no memory for it and its maps: tiles are cut of whole ones.
    fn check_room(&self, input: &Plane, factor: f64) -> Result<(), TrainError> {
        let [width, height] = shown_size(input, factor);
        let planes = 2 + 2 * self.model.recipe.training.plan.channels();
        let bytes = (planes * size_of::<f32>()) as u64 * width as u64 * height as u64;
        if memory::has_room(bytes, self.among) {
            return Ok(());
        }
        Err(TrainError::Shown { factor, width, height, bytes })
    }

    /// The maps of an image at the size at which it is shown.
    fn maps_of(&mut self, shown: &Plane) -> Result<Vec<f32>, TrainError> {
        let TrainingPlan { binning, intensities, .. } = self.model.recipe.training.plan;
        let mut input = if binning > 1 { Cow::Owned(binned(shown, binning)) } else { Cow::Borrowed(shown) };
        if !intensities.are_linear() {
            intensities.show(&mut input.to_mut().data);
        }
        let maps = self.views(&input)?;
        Ok(if binning > 1 { enlarged(&maps, binning, shown.width, shown.height) } else { maps })
    }

    /// The net's answer to an image, or the mean of its answers to the mirror images.
    fn views(&mut self, input: &Plane) -> Result<Vec<f32>, TrainError> {
        if !self.flips {
            return self.forward(input);
        }
        let mut mean = Vec::new();
        for [across, down] in [[false, false], [true, false], [false, true], [true, true]] {
            let mirror = |data: &mut [f32]| mirror(data, input.width, input.height, across, down);
            let mut shown = input.clone();
            mirror(&mut shown.data);
            let mut maps = self.forward(&shown)?;
            mirror(&mut maps);
            add_share(&mut mean, &maps, 0.25);
        }
        Ok(mean)
    }

    /// The net's answer to an image, in parts where that was asked for or memory is short.
    fn forward(&mut self, input: &Plane) -> Result<Vec<f32>, TrainError> {
        let compute = self.compute;
        let Some(tiling) = self.tiling(input)? else {
            let shape = Shape { n: 1, h: input.height, w: input.width };
            return Ok(self.planned(shape, self.options)?.forward(compute, &input.data)?.to_vec());
        };
        let options = PlanOptions { tile_of: Some((input.height, input.width)), ..self.options };
        let channels = self.model.recipe.training.plan.channels();
        let mut maps = vec![0.0; channels * input.data.len()];
        for tile in tiling.tiles(input.height, input.width) {
            let part = tile.cut(input);
            let shape = Shape { n: 1, h: part.height, w: part.width };
            let answer = self.planned(shape, options)?.forward(compute, &part.data)?;
            tile.paste(answer, &mut maps, input.height, input.width);
        }
        Ok(maps)
    }

    /// How the image is cut; not at all if it is small enough.
    fn tiling(&self, input: &Plane) -> Result<Option<Tiling>, TrainError> {
        let net = &self.model.net;
        let longest = input.width.max(input.height);
        if let Some(side) = self.largest_tile {
            return if longest > side { Tiling::within(net, side).map(Some) } else { Ok(None) };
        }
        let whole = Shape { n: 1, h: input.height, w: input.width };
        let is_planned =
            self.session.as_ref().is_some_and(|(shape, of, _)| *shape == whole && *of == self.options);
        let options = PlanOptions { threads: self.compute.threads(), ..self.options };
        if is_planned
            || net.normalises()
            || memory::fits(net, (input.height, input.width), options, self.among)
        {
            return Ok(None);
        }
        // An image that is smaller than any tile is tried whole, and its plan says how much memory it lacks.
        let Ok(mut tiling) = Tiling::within(net, longest) else { return Ok(None) };
        while !memory::fits(net, (tiling.side(), tiling.side()), options, self.among) {
            // With the smallest parts the plan itself says how much memory it lacks.
            let Some(smaller) = tiling.halved(net) else { break };
            tiling = smaller;
        }
        Ok(Some(tiling))
    }

    /// A session for a shape: the one of the last image if it had the same.
    fn planned(&mut self, shape: Shape, options: PlanOptions) -> Result<&mut Session, TrainError> {
        let session = match self.session.take() {
            Some((planned, of, session)) if planned == shape && of == options => session,
            other => {
                // Its memory first: memory for two sizes at once may be more than there is.
                drop(other);
                let mut session = memory::session(&self.model.net, shape, options, self.compute, 0)?;
                session.set_parameters(&self.model.parameters)?;
                session
            }
        };
        Ok(&mut self.session.insert((shape, options, session)).2)
    }
}

/// Adds a share of some maps to a mean, which is empty before the first.
fn add_share(mean: &mut Vec<f32>, maps: &[f32], share: f32) {
    mean.resize(maps.len(), 0.0);
    mean.iter_mut().zip(maps).for_each(|(mean, value)| *mean += share * value);
}

/// Swaps left and right, top and bottom of maps of `width` x `height` pixels, one after the other.
fn mirror(maps: &mut [f32], width: usize, height: usize, across: bool, down: bool) {
    for map in maps.chunks_exact_mut((width * height).max(1)) {
        if across {
            map.chunks_exact_mut(width).for_each(<[f32]>::reverse);
        }
        for y in 0..if down { height / 2 } else { 0 } {
            let (above, below) = map.split_at_mut((height - 1 - y) * width);
            above[y * width..(y + 1) * width].swap_with_slice(&mut below[..width]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_swap_columns_and_rows_of_every_map() {
        let maps: Vec<f32> = (0..12).map(|value| value as f32).collect();
        let mirrored = |across, down| {
            let mut maps = maps.clone();
            mirror(&mut maps, 3, 2, across, down);
            maps
        };
        assert_eq!(mirrored(true, false), [2.0, 1.0, 0.0, 5.0, 4.0, 3.0, 8.0, 7.0, 6.0, 11.0, 10.0, 9.0]);
        assert_eq!(mirrored(false, true), [3.0, 4.0, 5.0, 0.0, 1.0, 2.0, 9.0, 10.0, 11.0, 6.0, 7.0, 8.0]);
        assert_eq!(mirrored(true, true)[..6], [5.0, 4.0, 3.0, 2.0, 1.0, 0.0]);
        assert_eq!(mirrored(false, false), maps);
    }
}
