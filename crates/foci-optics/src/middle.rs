//! Use of the middle: what is lost when one layer's result is replaced by its mean, and when a skip is cut.
//!
//! Mean ablation. For every window `x` the net computes `f(x)` whole and `g(x)` with the result of one layer replaced by the
//! mean of each channel (a skip: only where the skip ends, see [`Replaced`]). The *change* is
//! `rms(g - f) / std(f)`, over all pixels, averaged over windows: 0 if the layer says nothing that the output needs, about
//! 1 and more if the output is nothing without it. For a net that reconstructs its input, the *loss* is how many
//! decibels the peak signal-to-noise ratio falls: `10 log10(mse(g, x) / mse(f, x))`. A U-Net that ignores its deep
//! layers shows it by changes near 0 there.

use crate::{OpticsError, Subject};
use foci_engine::{Mode, PlanOptions, Replaced};
use foci_image::{Interrupted, Plane};
use foci_kernels::Compute;
use foci_measure::summary::{mean, standard_deviation};
use foci_net::Net;
use serde::{Deserialize, Serialize};

/// Nets with more skips than this (densely connected ones) are tested by layers only.
const MOST_SKIPS: usize = 32;

/// What one layer or skip is good for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Use {
    /// The node whose result is replaced.
    pub node: String,
    /// For a skip: the node where it ends.
    pub into: Option<String>,
    /// Root mean square of the output's change, by its standard deviation.
    pub change: f64,
    /// Decibels of PSNR that are lost against the input; negative if the net gives it back better without.
    pub loss: f64,
}

/// What every layer and every skip of a net is good for, in the order of the net.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UseOfTheMiddle {
    /// Layers, branches of several dilations together; without the last one, which makes the output.
    pub layers: Vec<Use>,
    /// Skips; none are listed for nets with very many.
    pub skips: Vec<Use>,
}

/// Replaces every layer and cuts every skip in turn, on windows of one size; `go_on` may end it.
pub(crate) fn use_of_the_middle(
    subject: &Subject,
    windows: &[Plane],
    compute: &Compute,
    go_on: &mut dyn FnMut() -> Result<(), Interrupted>,
) -> Result<UseOfTheMiddle, OpticsError> {
    let (layers, skips) = (layers(&subject.net), skips(&subject.net));
    let id = |node: usize| subject.net.nodes[node].id.as_str();
    let mut tests: Vec<Replaced> =
        layers.iter().map(|&node| Replaced { node: id(node), before: None }).collect();
    tests.extend(skips.iter().map(|&(node, into)| Replaced { node: id(node), before: Some(id(into)) }));
    let mut results = vec![Vec::new(); tests.len()];
    let mut session = subject.session_for(windows, PlanOptions::new(Mode::Inference), compute)?;
    for window in windows {
        let whole = session.forward(compute, &window.data)?.to_vec();
        for (replaced, results) in tests.iter().zip(&mut results) {
            go_on()?;
            let without = session.forward_replaced(compute, &window.data, *replaced)?;
            results.push(compare(&whole, without, &window.data));
        }
    }
    let mut uses = tests.iter().zip(results).map(|(replaced, results)| {
        let (changes, losses): (Vec<f64>, Vec<f64>) = results.into_iter().unzip();
        Use {
            node: replaced.node.to_owned(),
            into: replaced.before.map(str::to_owned),
            change: mean(&changes).unwrap_or(0.0),
            loss: mean(&losses).unwrap_or(0.0),
        }
    });
    let layers = uses.by_ref().take(layers.len()).collect();
    Ok(UseOfTheMiddle { layers, skips: uses.collect() })
}

/// Change of the output, and decibels lost against the input.
fn compare(whole: &[f32], without: &[f32], input: &[f32]) -> (f64, f64) {
    let values: Vec<f64> = whole.iter().map(|&value| f64::from(value)).collect();
    let spread = standard_deviation(&values).unwrap_or(0.0).max(f64::MIN_POSITIVE);
    let change = mean_square(whole, without).sqrt() / spread;
    let floor = f64::from(f32::MIN_POSITIVE);
    let (before, after) = (mean_square(whole, input).max(floor), mean_square(without, input).max(floor));
    (change, 10.0 * (after / before).log10())
}

fn mean_square(a: &[f32], b: &[f32]) -> f64 {
    let sum: f64 = a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum();
    sum / a.len().max(1) as f64
}

/// The layers to replace: convolutions with their normalisations and activations, except the last. Branches of several
/// dilations are one layer, tested where they are put together.
pub(crate) fn layers(net: &Net) -> Vec<usize> {
    net.hidden_layers().into_iter().map(|layer| layer.end).collect()
}

/// The skips to cut; none for nets with very many.
fn skips(net: &Net) -> Vec<(usize, usize)> {
    let found = net.skips();
    if found.len() > MOST_SKIPS { Vec::new() } else { found }
}

#[cfg(test)]
mod tests {
    use super::*;
    use foci_net::{Architecture, solve};

    fn names(net: &Net, nodes: impl IntoIterator<Item = usize>) -> Vec<&str> {
        nodes.into_iter().map(|node| net.nodes[node].id.as_str()).collect()
    }

    #[test]
    fn layers_and_skips_of_shipped_nets_are_those_of_their_files() {
        let net = |name| solve::for_weights(&Architecture::shipped(name).unwrap(), 20_000, 1, 1).unwrap();
        let unet = net("unet");
        assert_eq!(names(&unet, layers(&unet)), ["enc1", "enc2", "enc3", "bottom", "dec3", "dec2", "dec1"]);
        let (from, into): (Vec<usize>, Vec<usize>) = skips(&unet).into_iter().unzip();
        assert_eq!(names(&unet, from), ["enc3", "enc2", "enc1"]);
        assert_eq!(names(&unet, into), ["skip3", "skip2", "skip1"]);
        let atrous = net("atrous");
        assert_eq!(names(&atrous, layers(&atrous)), ["a1", "a2", "a3", "a4", "a5", "a6", "a7"]);
        assert!(skips(&atrous).is_empty());
    }

    #[test]
    fn change_and_loss_are_those_of_the_formulas() {
        // Standard deviation of 0, 2, 0, 2 is 1.1547 (n - 1); differences of 1 have a root mean square of 1.
        let (change, loss) = compare(&[0.0, 2.0, 0.0, 2.0], &[1.0, 1.0, 1.0, 1.0], &[0.1, 2.1, 0.1, 2.1]);
        assert!((change - 1.0 / 1.154_700_5).abs() < 1e-6);
        // Errors before: 0.01; after: (0.81 + 1.21) / 2 = 1.01.
        assert!((loss - 10.0 * 101.0f64.log10()).abs() < 1e-4);
    }
}
