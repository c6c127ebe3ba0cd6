//! Claims: statements written down before the runs, and the rule that turns evidence into a verdict.
//!
//! A claim is a list of clauses that must all hold. It is *supported* if every clause is, *refuted* if one
//! clause is, and *undecided* otherwise: missing evidence is never evidence.

use crate::difference::Difference;
use crate::middle::{self, Heard};
use crate::results::{
    ClaimVerdict, Comparison, MiddleSummary, NetSummary, OpticsSummary, RunSignals, Verdict,
};
use crate::spec::ClaimSpec;
use crate::{optics, signals};
use foci_measure::Measure;
use serde::{Deserialize, Serialize};

/// A cost must differ by at least this factor to decide a clause: timings on a shared machine move by a few percent.
const COST_FACTOR: f64 = 1.1;

/// One condition of a claim.
///
/// Which kind it is, its first key says: `measure`, `cost`, `gradient`, `middle`, `optics` or `pending`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawClause", untagged)]
pub enum Clause {
    /// A measure of the test fields: supported if the interval of the paired difference lies wholly on the
    /// side of `better` and the adjusted p-value is below 0.05; refuted if it lies wholly on the other side.
    Measure {
        /// Key in `metrics`.
        measure: String,
        /// Arm that should be better.
        better: String,
        /// Arm that should be worse.
        worse: String,
    },
    /// A cost: supported if `more` costs at least 1.1 times what `less` costs, refuted if it costs at most 1/1.1.
    Cost {
        /// Field of the net's summary, or `seconds_per_step` or `seconds_per_megapixel`.
        cost: Cost,
        /// Arm that should have the larger value.
        more: String,
        /// Arm that should have the smaller value.
        less: String,
    },
    /// Gradients relative to the weights, averaged over the looks of a run: supported if those of the layers `smaller` are
    /// smaller than those of `larger`, refuted if larger (module `signals`).
    Gradient {
        /// Arm that the layers belong to.
        gradient: String,
        /// Layers that should have the smaller gradients.
        smaller: Vec<String>,
        /// Layers that should have the larger ones.
        larger: Vec<String>,
    },
    /// What the middle of a net hears beside its outer layers: supported if that of `more` hears more than that of `less`,
    /// refuted if less (module `middle`).
    Middle {
        /// What is heard.
        middle: Heard,
        /// Arm whose middle should hear more.
        more: String,
        /// Arm whose middle should hear less.
        less: String,
    },
    /// A figure of the optical bench: supported if `more` has more of it than `less`, refuted if it has less
    /// (module `optics`).
    Optics {
        /// Key of the figure in `results.json`.
        optics: String,
        /// Arm that should have more of it.
        more: String,
        /// Arm that should have less.
        less: String,
    },
    /// An instrument that does not exist yet: always undecided.
    Pending {
        /// What would decide it.
        pending: String,
    },
}

/// A clause as it is written, before it is known which kind it is.
#[derive(Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawClause {
    measure: Option<String>,
    better: Option<String>,
    worse: Option<String>,
    cost: Option<Cost>,
    more: Option<String>,
    less: Option<String>,
    gradient: Option<String>,
    smaller: Option<Vec<String>>,
    larger: Option<Vec<String>>,
    middle: Option<Heard>,
    optics: Option<String>,
    pending: Option<String>,
}

impl TryFrom<RawClause> for Clause {
    type Error = &'static str;

    fn try_from(mut raw: RawClause) -> Result<Clause, &'static str> {
        let wrong = "a clause is { measure, better, worse }, { cost, more, less }, { gradient, smaller, larger }, { middle, more, less }, { optics, more, less } or { pending }";
        let clause = if let Some(measure) = raw.measure.take() {
            let (better, worse) = (raw.better.take().ok_or(wrong)?, raw.worse.take().ok_or(wrong)?);
            Clause::Measure { measure, better, worse }
        } else if let Some(cost) = raw.cost.take() {
            let (more, less) = (raw.more.take().ok_or(wrong)?, raw.less.take().ok_or(wrong)?);
            Clause::Cost { cost, more, less }
        } else if let Some(gradient) = raw.gradient.take() {
            let (smaller, larger) = (raw.smaller.take().ok_or(wrong)?, raw.larger.take().ok_or(wrong)?);
            Clause::Gradient { gradient, smaller, larger }
        } else if let Some(middle) = raw.middle.take() {
            let (more, less) = (raw.more.take().ok_or(wrong)?, raw.less.take().ok_or(wrong)?);
            Clause::Middle { middle, more, less }
        } else if let Some(optics) = raw.optics.take() {
            let (more, less) = (raw.more.take().ok_or(wrong)?, raw.less.take().ok_or(wrong)?);
            Clause::Optics { optics, more, less }
        } else {
            Clause::Pending { pending: raw.pending.take().ok_or(wrong)? }
        };
        // Whatever is left belongs to another kind.
        if raw == RawClause::default() { Ok(clause) } else { Err(wrong) }
    }
}

/// What a net costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cost {
    /// Trainable weights.
    Weights,
    /// Multiply-adds for each input pixel.
    MacsPerPixel,
    /// Bytes to train on a tile.
    TrainBytes,
    /// Bytes to predict a tile.
    InferBytes,
    /// Side of the largest square image that trains within 8 GiB.
    LargestTrainSide,
    /// Side of the largest square image that predicts within 8 GiB.
    LargestInferSide,
    /// Seconds of a training step.
    SecondsPerStep,
    /// Seconds to predict a megapixel.
    SecondsPerMegapixel,
}

impl Cost {
    fn of(self, net: &NetSummary) -> f64 {
        match self {
            Cost::Weights => net.weights as f64,
            Cost::MacsPerPixel => net.macs_per_pixel,
            Cost::TrainBytes => net.train_bytes as f64,
            Cost::InferBytes => net.infer_bytes as f64,
            Cost::LargestTrainSide => net.largest_train_side as f64,
            Cost::LargestInferSide => net.largest_infer_side as f64,
            Cost::SecondsPerStep => net.seconds_per_step,
            Cost::SecondsPerMegapixel => net.seconds_per_megapixel,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Cost::Weights => "weights",
            Cost::MacsPerPixel => "multiply-adds per pixel",
            Cost::TrainBytes => "bytes to train",
            Cost::InferBytes => "bytes to predict",
            Cost::LargestTrainSide => "side of the largest image that trains",
            Cost::LargestInferSide => "side of the largest image that predicts",
            Cost::SecondsPerStep => "seconds per step",
            Cost::SecondsPerMegapixel => "seconds per megapixel",
        }
    }
}

impl Clause {
    /// Names of the arms that the clause speaks of.
    pub fn arms(&self) -> Vec<&str> {
        match self {
            Clause::Measure { better, worse, .. } => vec![better, worse],
            Clause::Cost { more, less, .. }
            | Clause::Middle { more, less, .. }
            | Clause::Optics { more, less, .. } => vec![more, less],
            Clause::Gradient { gradient, .. } => vec![gradient],
            Clause::Pending { .. } => vec![],
        }
    }

    fn decide(&self, evidence: &Evidence) -> (Verdict, String) {
        match self {
            Clause::Measure { measure, better, worse } => {
                decide_measure(measure, better, worse, evidence.comparisons)
            }
            Clause::Cost { cost, more, less } => decide_cost(*cost, more, less, evidence),
            Clause::Gradient { gradient, smaller, larger } => {
                signals::decide(gradient, smaller, larger, evidence.signals)
            }
            Clause::Middle { middle, more, less } => middle::decide(*middle, [more, less], evidence.middle),
            Clause::Optics { optics, more, less } => optics::decide(optics, [more, less], evidence.optics),
            Clause::Pending { pending } => (Verdict::Undecided, format!("not measured yet: {pending}")),
        }
    }
}

/// Everything that a verdict may rest on.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The nets and their costs.
    pub nets: &'a [NetSummary],
    /// The paired differences.
    pub comparisons: &'a [Comparison],
    /// What the layers heard.
    pub signals: &'a [RunSignals],
    /// What the middle of each run heard.
    pub middle: &'a [MiddleSummary],
    /// What the optical bench found.
    pub optics: &'a [OpticsSummary],
}

/// Decides a claim.
pub fn decide(claim: &ClaimSpec, evidence: Evidence) -> ClaimVerdict {
    let decided: Vec<(Verdict, String)> = claim.all.iter().map(|clause| clause.decide(&evidence)).collect();
    let verdict = if decided.iter().any(|(verdict, _)| *verdict == Verdict::Refuted) {
        Verdict::Refuted
    } else if !decided.is_empty() && decided.iter().all(|(verdict, _)| *verdict == Verdict::Supported) {
        Verdict::Supported
    } else {
        Verdict::Undecided
    };
    let words: Vec<String> = decided.into_iter().map(|(_, words)| words).collect();
    ClaimVerdict {
        id: claim.id.clone(),
        statement: claim.statement.clone(),
        verdict,
        evidence: words.join("; "),
    }
}

fn decide_measure(measure: &str, better: &str, worse: &str, comparisons: &[Comparison]) -> (Verdict, String) {
    let Some(found) = Difference::between(comparisons, better, worse, measure) else {
        return (Verdict::Undecided, format!("{measure} of {better} and {worse} was not compared"));
    };
    let direction = Measure::from_key(measure).map(Measure::better);
    let verdict = if found.favours_first(direction) {
        Verdict::Supported
    } else if found.turned().favours_first(direction) {
        Verdict::Refuted
    } else {
        Verdict::Undecided
    };
    let Difference { value, interval: [low, high], p_adjusted } = found;
    let words = format!(
        "{measure}: {better} minus {worse} {value:+.3} [{low:+.3}, {high:+.3}], adjusted p {p_adjusted:.3}"
    );
    (verdict, words)
}

fn decide_cost(cost: Cost, more: &str, less: &str, evidence: &Evidence) -> (Verdict, String) {
    let of = |name: &str| {
        evidence.nets.iter().find(|net| net.name == name).map(|net| cost.of(net)).filter(|value| *value > 0.0)
    };
    let (Some(larger), Some(smaller)) = (of(more), of(less)) else {
        return (Verdict::Undecided, format!("{} of {more} and {less} was not measured", cost.words()));
    };
    let factor = larger / smaller;
    let verdict = if factor >= COST_FACTOR {
        Verdict::Supported
    } else if factor <= 1.0 / COST_FACTOR {
        Verdict::Refuted
    } else {
        Verdict::Undecided
    };
    (verdict, format!("{}: {more} has {factor:.2} times that of {less}", cost.words()))
}

#[cfg(test)]
mod tests;
