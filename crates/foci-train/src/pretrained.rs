//! Weights that a training begins with instead of random ones: those of a model of the same net, whatever it has learnt.
//!
//! Layers are taken over by name and shape. The last layer gives what the task asks for, and begins anew if that is something
//! else; so do heads that are there in training alone.

use crate::{Model, TrainError};
use foci_engine::Parameters;
use foci_image::read::sha256_of;
use foci_net::Net;

/// The weights of a model, to begin with.
#[derive(Debug, Clone)]
pub struct Pretrained {
    parameters: Parameters,
    sha256: String,
}

impl Pretrained {
    /// Those of a model.
    pub fn of(model: &Model) -> Pretrained {
        let parameters = model.parameters.clone();
        let bytes: Vec<u8> = parameters.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Pretrained { parameters, sha256: sha256_of(&bytes) }
    }

    /// By what they can be known again: what [`TrainingPlan::pretrained`](crate::TrainingPlan::pretrained) says of them.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The weights that `net`, which is `trained` with heads beside it, begins with.
    ///
    /// # Errors
    /// [`TrainError::Plan`] if a layer before the last is another one.
    pub(crate) fn start(&self, net: &Net, trained: &Net, seed: u64) -> Result<Parameters, TrainError> {
        let mut start = Parameters::he(trained, seed);
        let anew = start.take_over(&self.parameters);
        let last = net.last_layer().map(|last| net.nodes[last].id.as_str());
        let is_of_net = |id: &str| net.nodes.iter().any(|node| node.id == id);
        match anew.into_iter().find(|id| Some(id.as_str()) != last && is_of_net(id)) {
            None => Ok(start),
            Some(layer) => Err(TrainError::Plan {
                what: "a training can begin with the weights of a model of the same net only".to_owned(),
                value: format!("{}, whose layer '{layer}' the model does not have so", net.name),
            }),
        }
    }
}
