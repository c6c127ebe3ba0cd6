//! What the layers of a net heard during training, put together over looks and seeds, and what that says of a claim.
//!
//! The gradient of a layer relative to its weights ([`LayerSignal::gradient`]) spans decades between layers and falls
//! during training, so it is averaged as a logarithm. For two groups of layers and one run, the *log ratio* is the mean over the looks
//! of (mean over the first group of ln gradient) - (mean over the second). Runs differ by their seed only; the
//! verdict rests on the interval of Student's t over their log ratios: all of it below zero supports "smaller", all
//! of it above refutes it. One seed decides nothing.

use crate::report::significant;
use crate::results::{RunSignals, Verdict};
use foci_measure::stats::mean_interval;
use foci_measure::summary::mean;
use foci_train::LayerSignal;

/// Decides whether the layers `smaller` of `net` had smaller gradients than the layers `larger`.
pub(crate) fn decide(
    net: &str,
    smaller: &[String],
    larger: &[String],
    signals: &[RunSignals],
) -> (Verdict, String) {
    let (first, second) = (smaller.join(", "), larger.join(", "));
    let runs = signals.iter().filter(|run| run.net == net);
    let ratios: Option<Vec<f64>> = runs.map(|run| log_ratio(run, smaller, larger)).collect();
    let Some(ratios) = ratios else {
        return (Verdict::Undecided, format!("{net} does not have all of the layers {first} and {second}"));
    };
    let Some(middle) = mean(&ratios) else {
        return (Verdict::Undecided, format!("the gradients of {net} were not looked at"));
    };
    let factor = middle.exp();
    let words =
        format!("gradients of {first} are {} times those of {second} in {net}", significant(factor, 2));
    let Some([low, high]) = mean_interval(&ratios, 0.05) else {
        return (Verdict::Undecided, format!("{words}, by one seed, which decides nothing"));
    };
    // Smaller is what is claimed: the difference the other way round.
    let verdict = Verdict::of_interval([-high, -low]);
    let [low, high] = [low, high].map(|end| significant(end.exp(), 2));
    (verdict, format!("{words} [{low}, {high}], {} seeds", ratios.len()))
}

/// The log ratio of a run; `None` if it lacks one of the layers or a layer had no gradient at all.
fn log_ratio(run: &RunSignals, smaller: &[String], larger: &[String]) -> Option<f64> {
    let of = |layers: &[LayerSignal], names: &[String]| {
        let logarithm = |name: &String| {
            let layer = layers.iter().find(|layer| layer.layer == *name)?;
            (layer.gradient > 0.0).then(|| layer.gradient.ln())
        };
        mean(&names.iter().map(logarithm).collect::<Option<Vec<f64>>>()?)
    };
    let look = |layers: &[LayerSignal]| Some(of(layers, smaller)? - of(layers, larger)?);
    mean(&run.looks.iter().map(|look_at| look(&look_at.layers)).collect::<Option<Vec<f64>>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Look;

    fn run(seed: u64, outer: f64, middle: f64) -> RunSignals {
        let layer = |layer: &str, gradient| LayerSignal {
            layer: layer.into(),
            gradient,
            signal_to_noise: Some(1.0),
            update: 0.1,
        };
        let look = |step, scale: f64| Look {
            step,
            layers: vec![layer("enc1", scale * outer), layer("bottom", scale * middle)],
        };
        RunSignals { net: "unet".into(), seed, looks: vec![look(1, 1.0), look(2, 0.01)] }
    }

    fn verdict(runs: &[RunSignals], smaller: &str, larger: &str) -> (Verdict, String) {
        decide("unet", &[smaller.into()], &[larger.into()], runs)
    }

    #[test]
    fn seeds_that_agree_decide_either_way_and_a_single_one_does_not() {
        let runs = [run(0, 1.0, 0.5), run(1, 1.0, 0.45), run(2, 1.1, 0.5)];
        let (supported, words) = verdict(&runs, "bottom", "enc1");
        assert_eq!(supported, Verdict::Supported, "{words}");
        assert!(words.contains("0.47 times"), "{words}");
        assert_eq!(verdict(&runs, "enc1", "bottom").0, Verdict::Refuted);
        assert_eq!(verdict(&runs[..1], "bottom", "enc1").0, Verdict::Undecided);
    }

    #[test]
    fn seeds_that_disagree_and_layers_that_are_not_there_decide_nothing() {
        let runs = [run(0, 1.0, 0.5), run(1, 1.0, 2.5), run(2, 1.1, 0.5)];
        assert_eq!(verdict(&runs, "bottom", "enc1").0, Verdict::Undecided);
        let (missing, words) = verdict(&runs, "bottom", "enc9");
        assert_eq!(missing, Verdict::Undecided);
        assert!(words.contains("enc9"), "{words}");
        assert_eq!(verdict(&[], "bottom", "enc1").0, Verdict::Undecided);
    }
}
