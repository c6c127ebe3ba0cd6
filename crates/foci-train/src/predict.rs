//! A model put to use: planes in, planes or label images out.

use crate::{Model, TrainError, memory};
use foci_engine::{Mode, PlanOptions, Session, Shape};
use foci_image::{LabelImage, Normalisation, Plane};
use foci_kernels::Compute;
use foci_segment::objects;

/// Runs one model on planes of any size. Memory is planned anew only when the size changes.
pub struct Predictor<'a> {
    model: &'a Model,
    compute: &'a Compute,
    options: PlanOptions,
    session: Option<(Shape, Session)>,
    flips: bool,
}

impl<'a> Predictor<'a> {
    /// A predictor for a model. Its convolutions go as they did when the model was trained.
    pub fn new(model: &'a Model, compute: &'a Compute) -> Predictor<'a> {
        let exact = model.recipe.training.plan.exact;
        let options = PlanOptions { exact, ..PlanOptions::new(Mode::Inference) };
        Predictor { model, compute, options, session: None, flips: false }
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

    /// The net's answer to an image in raw counts, in raw counts: normalised and taken back as the recipe says.
    ///
    /// # Errors
    /// As [`Predictor::predict`].
    pub fn predict_raw(&mut self, image: &Plane) -> Result<Plane, TrainError> {
        let (input, normalisation) = self.normalised(image);
        let mut output = self.predict(&input)?;
        normalisation.undo_all(&mut output.data);
        Ok(output)
    }

    /// The objects of an image in raw counts, outlined and separated as the recipe says.
    ///
    /// # Errors
    /// [`TrainError::OtherTask`] if the model was trained for something else; as [`Predictor::predict`].
    pub fn objects_raw(&mut self, image: &Plane) -> Result<LabelImage, TrainError> {
        let recipe = &self.model.recipe;
        let Some(options) = recipe.objects else {
            return Err(TrainError::OtherTask { task: recipe.task });
        };
        let maps = self.maps(&self.normalised(image).0)?;
        Ok(objects(&maps, image.width, image.height, &options)?)
    }

    /// An image as the model was trained to see it, and the way back.
    fn normalised(&self, image: &Plane) -> (Plane, Normalisation) {
        let range = self.model.recipe.normalisation;
        let normalisation = Normalisation::between(&image.data, range.low_percentile, range.high_percentile);
        let mut input = image.clone();
        normalisation.apply_all(&mut input.data);
        (input, normalisation)
    }

    /// The net's answer to a normalised plane; it has the same size.
    ///
    /// # Errors
    /// [`TrainError::OtherTask`] if the model gives several channels; as [`Predictor::maps`].
    pub fn predict(&mut self, input: &Plane) -> Result<Plane, TrainError> {
        if self.model.recipe.task.channels() != 1 {
            return Err(TrainError::OtherTask { task: self.model.recipe.task });
        }
        Ok(Plane { width: input.width, height: input.height, data: self.maps(input)? })
    }

    /// All channels that the net gives for a normalised plane, one map after the other.
    ///
    /// # Errors
    /// [`TrainError::Engine`] if there is not enough memory for a plane of this size.
    pub fn maps(&mut self, input: &Plane) -> Result<Vec<f32>, TrainError> {
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
            mean.resize(maps.len(), 0.0);
            mean.iter_mut().zip(&maps).for_each(|(mean, value)| *mean += 0.25 * value);
        }
        Ok(mean)
    }

    fn forward(&mut self, input: &Plane) -> Result<Vec<f32>, TrainError> {
        let shape = Shape { n: 1, h: input.height, w: input.width };
        let mut session = match self.session.take() {
            Some((planned, session)) if planned == shape => session,
            other => {
                // Its memory first: memory for two sizes at once may be more than there is.
                drop(other);
                let mut session = memory::session(&self.model.net, shape, self.options, self.compute, 0)?;
                session.set_parameters(&self.model.parameters)?;
                session
            }
        };
        let maps = session.forward(self.compute, &input.data)?.to_vec();
        self.session = Some((shape, session));
        Ok(maps)
    }
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
