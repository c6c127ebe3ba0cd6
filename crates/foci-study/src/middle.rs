//! How much the middle of a net hears beside its outer layers, as one number for each run.
//!
//! The *middle* are the convolutions on the coarsest scale of the net, the *outer layers* those at full resolution, without
//! the last one, which has no activation. For each look of a run the ratio is the geometric mean of a figure of
//! [`LayerSignal`] over the middle by that over the outer layers; a run's ratio is the geometric mean over its looks. A net
//! that never pools has no middle. Layers that heard nothing at all in a look, or whose batches did not differ, leave that
//! look out.
//!
//! Claims compare two arms seed by seed, by the difference of the logarithms; its interval is that of Student's t.

use crate::StudyError;
use crate::plan::Plan;
use crate::report::significant;
use crate::results::{MiddleSummary, RunSignals, Verdict};
use foci_measure::stats::mean_interval;
use foci_measure::summary::mean;
use foci_net::{Net, Op};
use foci_train::LayerSignal;
use serde::{Deserialize, Serialize};

/// A figure of what layers hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Heard {
    /// The gradient relative to the weights.
    Gradient,
    /// Its signal by its noise.
    SignalToNoise,
    /// The last update relative to the weights.
    Update,
}

impl Heard {
    fn of(self, signal: &LayerSignal) -> Option<f64> {
        match self {
            Heard::Gradient => Some(signal.gradient),
            Heard::SignalToNoise => signal.signal_to_noise,
            Heard::Update => Some(signal.update),
        }
    }

    fn of_run(self, run: &MiddleSummary) -> Option<f64> {
        match self {
            Heard::Gradient => run.gradient,
            Heard::SignalToNoise => run.signal_to_noise,
            Heard::Update => run.update,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Heard::Gradient => "gradients of the middle by those of the outer layers",
            Heard::SignalToNoise => "signal to noise of the middle by that of the outer layers",
            Heard::Update => "updates of the middle by those of the outer layers",
        }
    }
}

/// The ratios of every run that was looked at.
///
/// # Errors
/// [`StudyError::Net`] if a graph of the plan does not hold together.
pub(crate) fn summarise(plan: &Plan, signals: &[RunSignals]) -> Result<Vec<MiddleSummary>, StudyError> {
    let mut all = Vec::new();
    for planned in &plan.arms {
        let net = planned.net()?;
        let Some((middle, outer)) = middle_and_outer(&net) else { continue };
        for run in signals.iter().filter(|run| run.net == planned.arm.name) {
            let ratio = |heard| ratio(run, heard, &middle, &outer);
            all.push(MiddleSummary {
                net: run.net.clone(),
                seed: run.seed,
                gradient: ratio(Heard::Gradient),
                signal_to_noise: ratio(Heard::SignalToNoise),
                update: ratio(Heard::Update),
            });
        }
    }
    Ok(all)
}

/// Ids of the layers in the middle and at full resolution; `None` for nets without a middle.
fn middle_and_outer(net: &Net) -> Option<(Vec<&str>, Vec<&str>)> {
    let coarsest = net.stride();
    let convolution = |op: &Op| matches!(op, Op::Conv { .. } | Op::ConvTransposed { .. });
    let mut layers: Vec<_> = net.nodes.iter().filter(|node| convolution(&node.op)).collect();
    layers.pop();
    let of = |scale| layers.iter().filter(|node| node.scale == scale).map(|node| node.id.as_str()).collect();
    let (middle, outer): (Vec<&str>, Vec<&str>) = (of(coarsest), of(1));
    (coarsest > 1 && !middle.is_empty() && !outer.is_empty()).then_some((middle, outer))
}

fn ratio(run: &RunSignals, heard: Heard, middle: &[&str], outer: &[&str]) -> Option<f64> {
    let logarithm = |layers: &[LayerSignal], names: &[&str]| {
        let of = |name: &&str| {
            let value = heard.of(layers.iter().find(|layer| layer.layer == *name)?)?;
            (value > 0.0).then(|| value.ln())
        };
        mean(&names.iter().map(of).collect::<Option<Vec<f64>>>()?)
    };
    let looks = run.looks.iter();
    let ratios =
        looks.filter_map(|look| Some(logarithm(&look.layers, middle)? - logarithm(&look.layers, outer)?));
    mean(&ratios.collect::<Vec<f64>>()).map(f64::exp)
}

/// Decides whether the middle of `more` hears more beside its outer layers than that of `less`.
pub(crate) fn decide(heard: Heard, [more, less]: [&str; 2], runs: &[MiddleSummary]) -> (Verdict, String) {
    let difference = |run: &MiddleSummary| {
        let other = runs.iter().find(|other| other.net == less && other.seed == run.seed)?;
        Some(heard.of_run(run)?.ln() - heard.of_run(other)?.ln())
    };
    let differences: Option<Vec<f64>> = runs.iter().filter(|run| run.net == more).map(difference).collect();
    let what = heard.words();
    let Some(differences) = differences else {
        return (Verdict::Undecided, format!("{what} were not found for every seed of {more} and {less}"));
    };
    let Some(factor) = mean(&differences).map(f64::exp) else {
        return (Verdict::Undecided, format!("{more} has no middle, or its gradients were not looked at"));
    };
    let words = format!("{what}: {more} has {} times those of {less}", significant(factor, 2));
    let Some([low, high]) = mean_interval(&differences, 0.05) else {
        return (Verdict::Undecided, format!("{words}, by one seed, which decides nothing"));
    };
    let seeds = differences.len();
    (
        Verdict::of_interval([low, high]),
        format!("{words} [{}, {}], {seeds} seeds", significant(low.exp(), 2), significant(high.exp(), 2)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Look;
    use foci_net::{Architecture, solve};

    fn net(name: &str) -> Net {
        solve::for_weights(&Architecture::shipped(name).unwrap(), 20_000, 1, 1).unwrap()
    }

    #[test]
    fn the_middle_is_the_coarsest_scale_and_the_outer_layers_are_the_finest() {
        assert_eq!(middle_and_outer(&net("unet")), Some((vec!["bottom"], vec!["enc1", "dec1"])));
        assert_eq!(middle_and_outer(&net("atrous")), None);
    }

    #[test]
    fn the_ratio_is_the_geometric_mean_over_layers_and_looks() {
        let layer = |layer: &str, gradient| LayerSignal {
            layer: layer.into(),
            gradient,
            signal_to_noise: (gradient > 0.5).then_some(1.0),
            update: 0.0,
        };
        let look = |step, bottom| Look {
            step,
            layers: vec![layer("enc1", 1.0), layer("bottom", bottom), layer("dec1", 4.0)],
        };
        let run = RunSignals { net: "unet".into(), seed: 0, looks: vec![look(1, 0.2), look(2, 0.8)] };
        let found = |heard| ratio(&run, heard, &["bottom"], &["enc1", "dec1"]);
        // Outer layers: 2. Looks: 0.1 and 0.4, geometric mean 0.2.
        assert!((found(Heard::Gradient).unwrap() - 0.2).abs() < 1e-12);
        // The first look has no noise in the bottom.
        assert!((found(Heard::SignalToNoise).unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(found(Heard::Update), None);
    }

    fn runs(net: &str, gradients: [f64; 3]) -> Vec<MiddleSummary> {
        let run = |(seed, gradient)| MiddleSummary {
            net: net.into(),
            seed,
            gradient: Some(gradient),
            signal_to_noise: None,
            update: Some(1.0),
        };
        (0..).zip(gradients).map(run).collect()
    }

    #[test]
    fn verdicts_rest_on_pairs_of_seeds() {
        let all = [runs("a", [0.1, 0.2, 0.4]), runs("b", [0.21, 0.4, 0.79])].concat();
        let (verdict, words) = decide(Heard::Gradient, ["b", "a"], &all);
        assert_eq!(verdict, Verdict::Supported, "{words}");
        assert!(words.contains("2.0 times"), "{words}");
        assert_eq!(decide(Heard::Gradient, ["a", "b"], &all).0, Verdict::Refuted);
        assert_eq!(decide(Heard::Update, ["a", "b"], &all).0, Verdict::Undecided);
        assert_eq!(decide(Heard::SignalToNoise, ["a", "b"], &all).0, Verdict::Undecided);
        assert_eq!(decide(Heard::Gradient, ["c", "b"], &all).0, Verdict::Undecided);
    }
}
