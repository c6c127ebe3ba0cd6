//! Weights that a training begins with instead of random ones: those of a model of the same net, whatever it has learnt.
//!
//! The last layer gives what the task asks for, and begins anew if the model has learnt another task, or gives other channels; so do heads
//! that are there in training alone.

use crate::{Model, Task, TrainError, TrainingPlan};
use foci_engine::Parameters;
use foci_image::read::sha256_of;
use foci_net::Net;

/// The weights of a model, to begin with.
#[derive(Debug, Clone)]
pub struct Pretrained {
    net: Net,
    parameters: Parameters,
    task: Task,
    sha256: String,
}

impl Pretrained {
    /// Those of a model.
    pub fn of(model: &Model) -> Pretrained {
        let parameters = model.parameters.clone();
        let bytes: Vec<u8> = parameters.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Pretrained { net: model.net.clone(), parameters, task: model.recipe.task, sha256: sha256_of(&bytes) }
    }

    /// By what they can be known again: what [`TrainingPlan::pretrained`] says of them.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The net that they belong to.
    pub fn net(&self) -> &Net {
        &self.net
    }

    /// The weights that `net`, which is `trained` with heads beside it, begins with.
    ///
    /// # Errors
    /// [`TrainError::Plan`] if the net is another one, its last layer aside.
    pub(crate) fn start(
        &self,
        net: &Net,
        trained: &Net,
        plan: &TrainingPlan,
    ) -> Result<Parameters, TrainError> {
        if self.net.giving(plan.channels())? != *net {
            return Err(TrainError::Plan {
                what:
                    "a training begins with the weights of a model of the same net; name that model, or none"
                        .to_owned(),
                value: format!("{} with {} weights", net.name, net.weights()),
            });
        }
        let anew = Parameters::he(trained, plan.seed);
        let mut start = anew.clone();
        start.take_over(&self.parameters);
        if let Some(last) = net.last_layer().filter(|_| self.task != plan.task)
            && let Some(layer) = anew.layout.layer(&net.nodes[last].id)
        {
            let numbers = layer.weight.start..layer.bias.end;
            start.values[numbers.clone()].copy_from_slice(&anew.values[numbers]);
        }
        Ok(start)
    }
}
