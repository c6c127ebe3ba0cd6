//! What each layer hears during training: its gradient, how much of it is signal, and how far it moves.
//!
//! At a logged step the gradients of `B` batches that no step trains on are computed, without taking a step. For a layer
//! with weights `w` (biases left out, which start at zero) and gradients `g_b` of mean `m`:
//!
//! - *gradient*: `sqrt(mean |g_b|^2) / |w|`, the size of the gradient relative to the weights;
//! - *signal to noise*: `s^2 = sum |g_b - m|^2 / (B - 1)` estimates the variance of a batch's gradient, summed over weights, and
//!   `|m|^2 - s^2 / B` the squared norm of the true gradient; the ratio is the root of the second by the first, 0 where
//!   the estimate is negative. Its inverse square is the noise scale of McCandlish et al. 2018 (An Empirical Model of
//!   Large-Batch Training, equation 2.8) in units of batches;
//! - *update*: `|w - w'| / |w|`, `w'` the weights before the last step.
//!
//! Nothing is carried from step to step, so a run that goes on after an interruption logs what it would have logged.

use foci_engine::Layout;
use serde::{Deserialize, Serialize};

/// What one layer heard at a logged step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerSignal {
    /// Id of the layer.
    pub layer: String,
    /// Norm of the gradient by the norm of the weights; root of the mean square over batches.
    pub gradient: f64,
    /// Norm of the true gradient by the standard deviation of a batch's; `None` if batches do not differ.
    pub signal_to_noise: Option<f64>,
    /// Norm of the last update by the norm of the weights.
    pub update: f64,
}

/// Gradients of several batches, summed up.
pub(crate) struct Gathered {
    batches: u32,
    sum: Vec<f64>,
    /// Sum of squared norms, by layer.
    squares: Vec<f64>,
}

impl Gathered {
    pub fn new(layout: &Layout) -> Gathered {
        Gathered { batches: 0, sum: vec![0.0; layout.count()], squares: vec![0.0; layout.layers.len()] }
    }

    /// Adds the gradients of one batch.
    pub fn add(&mut self, layout: &Layout, gradients: &[f32]) {
        self.batches += 1;
        for (sum, &gradient) in self.sum.iter_mut().zip(gradients) {
            *sum += f64::from(gradient);
        }
        for (square, layer) in self.squares.iter_mut().zip(&layout.layers) {
            *square +=
                gradients[layer.weight.clone()].iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>();
        }
    }

    /// What every layer heard; `weights` are those that the gradients belong to, `before` those one step earlier.
    pub fn signals(&self, layout: &Layout, weights: &[f32], before: &[f32]) -> Vec<LayerSignal> {
        let batches = f64::from(self.batches);
        let signal = |(layer, &squares): (&foci_engine::Layer, &f64)| {
            let range = layer.weight.clone();
            let norm =
                |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>().sqrt();
            let weight = norm(&mut weights[range.clone()].iter().map(|&w| f64::from(w)))
                .max(f64::from(f32::MIN_POSITIVE));
            let moved = weights[range.clone()].iter().zip(&before[range.clone()]);
            let update = norm(&mut moved.map(|(&now, &then)| f64::from(now) - f64::from(then)));
            let mean_square = norm(&mut self.sum[range].iter().map(|sum| sum / batches)).powi(2);
            let noise = (squares - batches * mean_square).max(0.0) / (batches - 1.0).max(1.0);
            let truth = (mean_square - noise / batches).max(0.0);
            LayerSignal {
                layer: layer.id.clone(),
                gradient: (squares / batches).sqrt() / weight,
                signal_to_noise: (noise > 0.0).then(|| (truth / noise).sqrt()),
                update: update / weight,
            }
        };
        layout.layers.iter().zip(&self.squares).map(signal).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use foci_net::{Architecture, solve};

    #[test]
    fn signal_and_noise_are_told_apart() {
        let net = solve::for_weights(&Architecture::shipped("fcn").unwrap(), 5_000, 1, 1).unwrap();
        let layout = Layout::new(&net);
        let count = layout.count();
        let layer = &layout.layers[1];
        let weights_of_layer = layer.weight.len() as f64;
        // Every gradient is 3 plus or minus 1, one way in one half of the weights and the other way in the rest.
        let batch = |sign: f32| -> Vec<f32> {
            (0..count).map(|i| 3.0 + if i % 2 == 0 { sign } else { -sign }).collect()
        };
        let mut gathered = Gathered::new(&layout);
        for sign in [1.0, -1.0] {
            gathered.add(&layout, &batch(sign));
        }
        let (now, before) = (vec![0.5; count], vec![0.25; count]);
        let found = &gathered.signals(&layout, &now, &before)[1];
        assert_eq!(found.layer, layer.id);
        assert!((found.update - 0.5).abs() < 1e-12);
        // Mean square of a gradient: 9 + 1.
        assert!((found.gradient - 10.0f64.sqrt() / 0.5).abs() < 1e-9);
        // Variance of a batch: 2 for each weight (n - 1); squared norm of the truth: 9 - 2 / 2 for each.
        let expected = (8.0 * weights_of_layer / (2.0 * weights_of_layer)).sqrt();
        assert!((found.signal_to_noise.unwrap() - expected).abs() < 1e-9);

        let mut same = Gathered::new(&layout);
        same.add(&layout, &batch(1.0));
        same.add(&layout, &batch(1.0));
        assert_eq!(same.signals(&layout, &now, &before)[0].signal_to_noise, None);
    }
}
