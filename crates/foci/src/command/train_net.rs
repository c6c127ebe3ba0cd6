//! Where the net of a training comes from: an architecture brought to a number of weights, or a model to begin with.

use crate::arguments::TrainArguments;
use crate::command::train_plan::{activation, normalisation};
use crate::exit::Failure;
use foci_net::{Architecture, Net, solve};
use foci_train::{Model, Pretrained, TrainingPlan};

/// What the net is made of.
pub enum Origin {
    /// An architecture, and weights that are random at first.
    Architecture(Box<Architecture>, u64),
    /// A model with its weights.
    Model(Box<Net>, Pretrained),
}

impl Origin {
    /// What the flags name.
    pub fn of(flags: &TrainArguments) -> Result<Origin, Failure> {
        let layers = &flags.regularisation;
        match (&flags.pretrained, &flags.net) {
            (Some(folder), _) => {
                let model = Model::load(folder)?;
                let pretrained = Pretrained::of(&model);
                Ok(Origin::Model(Box::new(model.net), pretrained))
            }
            (None, Some(net)) => {
                let architecture = Architecture::load(net)
                    .map_err(Failure::input)?
                    .with(layers.activation.map(activation), layers.normalisation.map(normalisation));
                Ok(Origin::Architecture(Box::new(architecture), flags.weights))
            }
            (None, None) => {
                Err(Failure::input(anyhow::anyhow!("name a net with --net, or a model with --pretrained")))
            }
        }
    }

    /// The net with as many channels at its output as the plan asks for.
    pub fn net(&self, plan: &TrainingPlan) -> Result<Net, Failure> {
        plan.check()?;
        match self {
            Origin::Architecture(architecture, weights) => {
                solve::for_weights(architecture, *weights, 1, plan.channels()).map_err(Failure::input)
            }
            Origin::Model(net, _) => net.giving(plan.channels()).map_err(Failure::input),
        }
    }

    /// The weights to begin with; nothing if they are random.
    pub fn pretrained(&self) -> Option<&Pretrained> {
        match self {
            Origin::Architecture(..) => None,
            Origin::Model(_, pretrained) => Some(pretrained),
        }
    }
}
