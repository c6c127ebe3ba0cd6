//! Where the net of a training comes from: an architecture brought to a number of weights, or a model to begin with.

use crate::arguments::TrainArguments;
use crate::command::train_plan::{activation, normalisation};
use crate::exit::Failure;
use crate::reading::remembered;
use foci_image::{ChannelChoice, DatasetOptions, Reading};
use foci_net::{Architecture, Net, solve};
use foci_train::{Model, Pretrained, TrainingPlan};

/// What the net is made of.
pub enum Origin {
    /// An architecture, and weights that are random at first.
    Architecture(Box<Architecture>, u64),
    /// The weights of a model, and how its images were read.
    Model(Box<Pretrained>, Reading),
}

impl Origin {
    /// What the flags name.
    pub fn of(flags: &TrainArguments) -> Result<Origin, Failure> {
        let layers = &flags.regularisation;
        match (&flags.pretrained, &flags.net) {
            (Some(folder), _) => {
                let model = Model::load(folder)?;
                if model.recipe.training.diverged {
                    eprintln!(
                        "the training of {} diverged; its weights are the last that were sound",
                        folder.display()
                    );
                }
                Ok(Origin::Model(Box::new(Pretrained::of(&model)), model.recipe.reading))
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
            Origin::Model(pretrained, _) => pretrained.net().giving(plan.channels()).map_err(Failure::input),
        }
    }

    /// The weights to begin with; nothing if they are random.
    pub fn pretrained(&self) -> Option<&Pretrained> {
        match self {
            Origin::Architecture(..) => None,
            Origin::Model(pretrained, _) => Some(pretrained),
        }
    }

    /// Images are read as those of the model were, where nobody says otherwise, which is told.
    pub fn read_alike(&self, options: &mut DatasetOptions) {
        let Origin::Model(_, known) = self else { return };
        let said = options.reading();
        remembered(said, *known).iter().for_each(|line| eprintln!("{line}"));
        if said.channel == ChannelChoice::Guess {
            options.channel = known.channel;
        }
        options.page = said.page.or(known.page);
    }
}
