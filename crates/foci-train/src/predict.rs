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
}

impl<'a> Predictor<'a> {
    /// A predictor for a model. Its convolutions go as they did when the model was trained.
    pub fn new(model: &'a Model, compute: &'a Compute) -> Predictor<'a> {
        let exact = model.recipe.training.plan.exact;
        let options = PlanOptions { exact, ..PlanOptions::new(Mode::Inference) };
        Predictor { model, compute, options, session: None }
    }

    /// The same with direct convolutions only, however the model was trained.
    pub fn exact(mut self) -> Predictor<'a> {
        self.options.exact = true;
        self.session = None;
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
