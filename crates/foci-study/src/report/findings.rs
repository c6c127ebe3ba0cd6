//! Questions that the report asks of the results: the spread of a measure, who is ahead, and is it certain?
//! When a difference counts as certain, [`Difference`] says.

use super::measures::Measure;
use crate::difference::Difference;
use crate::results::{BaselineComparison, NetSummary, Results, RunSummary};
use foci_measure::measure::Better;
use foci_measure::summary::median;
use foci_train::Task;

/// Values of one measure over the runs of one net.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Mean over the runs that have the measure.
    pub mean: f64,
    /// Smallest value.
    pub low: f64,
    /// Largest value.
    pub high: f64,
    /// Number of runs that have the measure.
    pub runs: usize,
}

impl Spread {
    /// The spread of some values; `None` if there are none. Values that are not finite are left out.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Spread> {
        let values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        let low = values.iter().copied().reduce(f64::min)?;
        let high = values.iter().copied().reduce(f64::max)?;
        Some(Spread { mean: values.iter().sum::<f64>() / values.len() as f64, low, high, runs: values.len() })
    }
}

/// Who leads in a measure, and whom it beats for certain.
#[derive(Debug, Clone)]
pub struct Ranking<'r> {
    /// Nets that have the measure, best mean first.
    pub order: Vec<(&'r NetSummary, Spread)>,
    /// Places in `order` (from 1 on) that the leader does not beat for certain.
    pub open: Vec<usize>,
}

impl<'r> Ranking<'r> {
    /// The leader beats everyone else for certain.
    pub fn decided(&self) -> bool {
        self.order.len() > 1 && self.open.is_empty()
    }

    /// The net with the best mean.
    pub fn leader(&self) -> &'r NetSummary {
        self.order[0].0
    }
}

/// Runs of one arm.
pub fn runs<'r>(results: &'r Results, net: &str) -> impl Iterator<Item = &'r RunSummary> {
    let net = net.to_string();
    results.runs.iter().filter(move |run| run.net == net)
}

/// Spread of a measure over the runs of one arm, diverged runs included.
pub fn spread(results: &Results, net: &str, key: &str) -> Option<Spread> {
    Spread::of(runs(results, net).filter_map(|run| run.metrics.get(key).copied()))
}

/// Number of runs of an arm, and how many of them diverged.
pub fn diverged(results: &Results, net: &str) -> (usize, usize) {
    (runs(results, net).count(), runs(results, net).filter(|run| run.diverged).count())
}

/// The difference of two arms in a measure; `None` if they were not compared.
pub fn difference(results: &Results, first: &str, second: &str, key: &str) -> Option<Difference> {
    Difference::between(&results.comparisons, first, second, key)
}

/// A net minus a method that is no net, by its place among those; `None` if they were not compared.
pub fn difference_to_method(results: &Results, net: &str, place: usize, key: &str) -> Option<Difference> {
    let is_asked = |one: &&BaselineComparison| {
        one.baseline == place && one.comparison.a == net && one.comparison.metric == key
    };
    results.baseline_comparisons.iter().find(is_asked).map(|one| Difference::of(&one.comparison))
}

/// The arms of the ranking (no controls) in order of a measure; `None` if none of them has it or its direction is unknown.
pub fn ranking<'r>(results: &'r Results, measure: &Measure) -> Option<Ranking<'r>> {
    let sign = match measure.better {
        Some(Better::Higher) => -1.0,
        Some(Better::Lower) => 1.0,
        None => return None,
    };
    let mut order: Vec<(&NetSummary, Spread)> = results
        .nets
        .iter()
        .filter(|net| !net.control)
        .filter_map(|net| Some((net, spread(results, &net.name, &measure.key)?)))
        .collect();
    order.sort_by(|a, b| (sign * a.1.mean).total_cmp(&(sign * b.1.mean)));
    let leader = order.first()?.0;
    let open = (1..order.len())
        .filter(|&place| {
            difference(results, &leader.name, &order[place].0.name, &measure.key)
                .is_none_or(|found| !found.favours_first(measure.better))
        })
        .collect();
    Some(Ranking { order, open })
}

/// Seconds of a training step of an arm, all arms timed in turns.
pub fn seconds_per_step(results: &Results, net: &str) -> Option<f64> {
    results.nets.iter().find(|summary| summary.name == net).map(|summary| summary.seconds_per_step)
}

/// Seconds in which the net of an arm takes in a megapixel, all arms timed in turns.
pub fn seconds_per_megapixel(results: &Results, net: &str) -> Option<f64> {
    results.nets.iter().find(|summary| summary.name == net).map(|summary| summary.seconds_per_megapixel)
}

/// Seconds in which an arm makes a megapixel of test tiles into what the task asks for, objects included: the median over its runs.
/// Nothing where that is an image, of which nothing is made.
pub fn seconds_to_the_answer(results: &Results, net: &str) -> Option<f64> {
    if results.task == Task::Reconstruct.name() {
        return None;
    }
    median(&runs(results, net).map(|run| run.seconds_per_megapixel).collect::<Vec<f64>>())
}
