//! Optimisers: how parameters follow their gradients downhill, as PyTorch defines them.
//!
//! All work on flat slices in the order of [`Parameters`](crate::Parameters). Arithmetic is f32 value by value, in
//! PyTorch's order and with its placement of epsilon; corrections that depend on the step alone are computed in f64.

use std::collections::BTreeMap;

use crate::error::{EngineError, check_length};
use crate::sums::norm;

/// Moves parameters along their gradients, remembering what it needs between steps.
pub trait Optimiser {
    /// One step. The lengths must be those the optimiser was made for.
    ///
    /// # Errors
    /// [`EngineError::Length`].
    fn step(
        &mut self,
        parameters: &mut [f32],
        gradients: &[f32],
        learning_rate: f32,
    ) -> Result<(), EngineError>;

    /// What is remembered between steps, by name, to be put into a checkpoint.
    fn state(&self) -> BTreeMap<String, Vec<f32>>;

    /// Takes back what [`Optimiser::state`] gave, so that the next step has the same bits as without a break.
    ///
    /// # Errors
    /// [`EngineError::State`] if it is that of another optimiser or of another number of parameters.
    fn restore(&mut self, state: &BTreeMap<String, Vec<f32>>) -> Result<(), EngineError>;
}

/// Adam (Kingma, Ba 2015) and AdamW (Loshchilov, Hutter 2019): `torch.optim.Adam`, `torch.optim.AdamW`.
#[derive(Debug, Clone, PartialEq)]
pub struct Adam {
    settings: AdamSettings,
    steps: u64,
    first: Vec<f32>,
    second: Vec<f32>,
}

/// Settings of [`Adam`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamSettings {
    /// Decay of the mean of gradients; 0.9.
    pub beta1: f64,
    /// Decay of the mean of squared gradients; 0.999.
    pub beta2: f64,
    /// Added to the root of the second moment, after its correction; 1e-8.
    pub epsilon: f64,
    /// Pull towards zero; 0.
    pub weight_decay: f64,
    /// True: the pull is on the parameters (AdamW). False: it is added to the gradients (Adam).
    pub decoupled: bool,
}

impl Default for AdamSettings {
    fn default() -> Self {
        AdamSettings { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0, decoupled: false }
    }
}

impl Adam {
    /// Adam for `count` parameters, with PyTorch's settings; `weight_decay` (0: none) is added to the gradients.
    pub fn new(count: usize, weight_decay: f32) -> Adam {
        let settings = AdamSettings { weight_decay: f64::from(weight_decay), ..AdamSettings::default() };
        Adam::with_settings(count, settings)
    }

    /// AdamW for `count` parameters: `weight_decay` pulls on the parameters themselves.
    pub fn decoupled(count: usize, weight_decay: f32) -> Adam {
        let decay = f64::from(weight_decay);
        Adam::with_settings(
            count,
            AdamSettings { weight_decay: decay, decoupled: true, ..AdamSettings::default() },
        )
    }

    /// For `count` parameters, with all moments zero.
    pub fn with_settings(count: usize, settings: AdamSettings) -> Adam {
        Adam { settings, steps: 0, first: vec![0.0; count], second: vec![0.0; count] }
    }
}

impl Optimiser for Adam {
    fn step(
        &mut self,
        parameters: &mut [f32],
        gradients: &[f32],
        learning_rate: f32,
    ) -> Result<(), EngineError> {
        check_length("the parameters", self.first.len(), parameters.len())?;
        check_length("the gradients", self.first.len(), gradients.len())?;
        self.steps += 1;
        let AdamSettings { beta1, beta2, epsilon, weight_decay, decoupled } = self.settings;
        let rate = f64::from(learning_rate);
        let step_size = (rate / (1.0 - power(beta1, self.steps))) as f32;
        let root_correction = (1.0 - power(beta2, self.steps)).sqrt() as f32;
        let (keep, decay) = if decoupled { (1.0 - rate * weight_decay, 0.0) } else { (1.0, weight_decay) };
        let (keep, decay) = (keep as f32, decay as f32);
        let (new1, beta2, new2) = ((1.0 - beta1) as f32, beta2 as f32, (1.0 - beta2) as f32);
        let epsilon = epsilon as f32;
        let moments = self.first.iter_mut().zip(&mut self.second);
        for ((parameter, &gradient), (first, second)) in parameters.iter_mut().zip(gradients).zip(moments) {
            let kept = *parameter * keep;
            let gradient = gradient + decay * kept;
            *first += new1 * (gradient - *first);
            *second = beta2 * *second + new2 * gradient * gradient;
            let root = second.sqrt() / root_correction + epsilon;
            *parameter = kept - step_size * (*first / root);
        }
        Ok(())
    }

    fn state(&self) -> BTreeMap<String, Vec<f32>> {
        BTreeMap::from([
            (STEPS.to_owned(), halves(self.steps).to_vec()),
            (FIRST.to_owned(), self.first.clone()),
            (SECOND.to_owned(), self.second.clone()),
        ])
    }

    fn restore(&mut self, state: &BTreeMap<String, Vec<f32>>) -> Result<(), EngineError> {
        let count = self.first.len();
        let steps = remembered(state, STEPS, 2)?;
        let (first, second) = (remembered(state, FIRST, count)?, remembered(state, SECOND, count)?);
        self.steps = whole(steps[0], steps[1]).ok_or_else(|| EngineError::State {
            name: STEPS.to_owned(),
            reason: format!("{steps:?} is no number of steps"),
        })?;
        self.first.copy_from_slice(first);
        self.second.copy_from_slice(second);
        Ok(())
    }
}

/// Stochastic gradient descent with momentum: `torch.optim.SGD` without dampening, not Nesterov's.
#[derive(Debug, Clone, PartialEq)]
pub struct Sgd {
    momentum: f32,
    weight_decay: f32,
    velocity: Vec<f32>,
}

impl Sgd {
    /// For `count` parameters; a `momentum` of 0 is plain descent, `weight_decay` is added to the gradients.
    pub fn new(count: usize, momentum: f32, weight_decay: f32) -> Sgd {
        Sgd { momentum, weight_decay, velocity: vec![0.0; count] }
    }
}

impl Optimiser for Sgd {
    fn step(
        &mut self,
        parameters: &mut [f32],
        gradients: &[f32],
        learning_rate: f32,
    ) -> Result<(), EngineError> {
        check_length("the parameters", self.velocity.len(), parameters.len())?;
        check_length("the gradients", self.velocity.len(), gradients.len())?;
        for ((parameter, &gradient), velocity) in parameters.iter_mut().zip(gradients).zip(&mut self.velocity)
        {
            let gradient = gradient + self.weight_decay * *parameter;
            *velocity = self.momentum * *velocity + gradient;
            *parameter -= learning_rate * *velocity;
        }
        Ok(())
    }

    fn state(&self) -> BTreeMap<String, Vec<f32>> {
        BTreeMap::from([(VELOCITY.to_owned(), self.velocity.clone())])
    }

    fn restore(&mut self, state: &BTreeMap<String, Vec<f32>>) -> Result<(), EngineError> {
        let velocity = remembered(state, VELOCITY, self.velocity.len())?;
        self.velocity.copy_from_slice(velocity);
        Ok(())
    }
}

/// Names in the state of [`Adam`] and [`Sgd`].
const STEPS: &str = "adam.steps";
const FIRST: &str = "adam.first_moment";
const SECOND: &str = "adam.second_moment";
const VELOCITY: &str = "sgd.velocity";

fn remembered<'a>(
    state: &'a BTreeMap<String, Vec<f32>>,
    name: &str,
    count: usize,
) -> Result<&'a [f32], EngineError> {
    let wrong = |reason: String| EngineError::State { name: name.to_owned(), reason };
    match state.get(name) {
        None => Err(wrong("is missing".to_owned())),
        Some(values) if values.len() != count => {
            Err(wrong(format!("has {} values, but {count} are needed", values.len())))
        }
        Some(values) => Ok(values),
    }
}

/// A state consists of f32, which holds whole numbers up to 2^24: a count is kept in two halves of 24 bits.
fn halves(count: u64) -> [f32; 2] {
    [(count >> 24) as f32, (count & 0xff_ffff) as f32]
}

fn whole(high: f32, low: f32) -> Option<u64> {
    let half =
        |value: f32| (value.fract() == 0.0 && (0.0..16_777_216.0).contains(&value)).then_some(value as u64);
    Some((half(high)? << 24) | half(low)?)
}

/// Scales `gradients` down so that their Euclidean norm over all parameters is at most `most`; returns the norm that
/// they had (`torch.nn.utils.clip_grad_norm_`).
///
/// If the norm is not finite nothing is scaled: it is for the caller to see that the run has diverged.
pub fn clip_gradient_norm(gradients: &mut [f32], most: f64) -> f64 {
    let before = norm(gradients);
    // PyTorch adds 1e-6 so as not to divide by zero.
    let factor = most / (before + 1e-6);
    if before.is_finite() && factor < 1.0 {
        let factor = factor as f32;
        gradients.iter_mut().for_each(|gradient| *gradient *= factor);
    }
    before
}

/// `base` to the power of `exponent` by squaring: plain multiplications, hence the same bits everywhere.
fn power(mut base: f64, mut exponent: u64) -> f64 {
    let mut result = 1.0;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result *= base;
        }
        base *= base;
        exponent >>= 1;
    }
    result
}

#[cfg(test)]
mod tests;
