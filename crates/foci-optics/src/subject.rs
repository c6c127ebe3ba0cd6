//! The subject of a test: a net with weights, and the instrument that images scenes with it.

use crate::OpticsError;
use foci_engine::{Mode, Parameters, PlanOptions, Session, SessionOptions, Shape};
use foci_image::Plane;
use foci_kernels::Compute;
use foci_measure::ImageView;
use foci_measure::optics::System;
use foci_net::Net;
use foci_train::Model;

/// Seed of the weights of nets that nobody has trained.
const UNTRAINED_SEED: u64 = 1;

/// A net with weights.
#[derive(Debug, Clone)]
pub struct Subject {
    /// What results call it.
    pub name: String,
    /// The net.
    pub net: Net,
    /// Its weights.
    pub parameters: Parameters,
    /// Convolutions are direct, without Winograd's tiles.
    pub exact: bool,
    /// False for weights that are He's random ones: then only what the layout of the net decides is measured.
    pub trained: bool,
}

impl Subject {
    /// A trained model, computed as it was trained.
    ///
    /// # Errors
    /// [`OpticsError::Channels`] if it does not turn one channel into one.
    pub fn trained(name: &str, model: Model) -> Result<Subject, OpticsError> {
        let exact = model.recipe.training.plan.exact;
        let Model { net, parameters, .. } = model;
        Subject { name: name.to_owned(), net, parameters, exact, trained: true }.checked()
    }

    /// A net with random weights.
    ///
    /// # Errors
    /// [`OpticsError::Channels`] if it does not turn one channel into one.
    pub fn untrained(name: &str, net: Net) -> Result<Subject, OpticsError> {
        let parameters = Parameters::he(&net, UNTRAINED_SEED);
        Subject { name: name.to_owned(), net, parameters, exact: false, trained: false }.checked()
    }

    fn checked(self) -> Result<Subject, OpticsError> {
        let channels = |node: Option<&foci_net::Node>| node.map_or(0, |node| node.channels);
        match (channels(self.net.nodes.first()), channels(self.net.nodes.last())) {
            (1, 1) => Ok(self),
            (channels_in, channels_out) => {
                Err(OpticsError::Channels { net: self.net.name, channels_in, channels_out })
            }
        }
    }

    /// A session for windows that all have the size of the first.
    pub(crate) fn session_for(
        &self,
        windows: &[Plane],
        plan: PlanOptions,
        compute: &Compute,
    ) -> Result<Session, OpticsError> {
        let (width, height) = windows.first().map_or((0, 0), |window| (window.width, window.height));
        self.session(width, height, plan, compute)
    }

    /// A session for one image of `width` x `height`, with the weights in place.
    fn session(
        &self,
        width: usize,
        height: usize,
        plan: PlanOptions,
        compute: &Compute,
    ) -> Result<Session, OpticsError> {
        let plan = PlanOptions { exact: self.exact, ..plan };
        let shape = Shape { n: 1, h: height, w: width };
        let options = SessionOptions { plan, memory_limit: None };
        let mut session = Session::with_options(&self.net, shape, options, compute)?;
        session.set_parameters(&self.parameters)?;
        Ok(session)
    }
}

/// A subject as a system that images scenes; memory is planned anew only when their size changes.
pub(crate) struct Instrument<'a> {
    subject: &'a Subject,
    compute: &'a Compute,
    session: Option<([usize; 2], Session)>,
}

impl<'a> Instrument<'a> {
    pub(crate) fn new(subject: &'a Subject, compute: &'a Compute) -> Instrument<'a> {
        Instrument { subject, compute, session: None }
    }
}

impl System for Instrument<'_> {
    type Error = OpticsError;

    fn respond(&mut self, scene: ImageView<'_>) -> Result<Vec<f32>, OpticsError> {
        let size = [scene.width(), scene.height()];
        let mut session = match self.session.take() {
            Some((planned, session)) if planned == size => session,
            _ => {
                let plan = PlanOptions::new(Mode::Inference);
                self.subject.session(size[0], size[1], plan, self.compute)?
            }
        };
        let image = session.forward(self.compute, scene.data())?.to_vec();
        self.session = Some((size, session));
        Ok(image)
    }
}
