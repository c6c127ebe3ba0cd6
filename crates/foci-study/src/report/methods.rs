//! The tables of methods that are no nets: what each was measured to be, and how far each net is from it.

use super::measures::{self, Measure};
use super::tables::Plain;
use super::{findings, format};
use crate::results::{BaselineSummary, Results};

/// What stands behind a difference that is not certain; the page says so above the table.
const UNDECIDED: &str = "\u{a0}?";

/// Methods that are no nets: a row for each measure and a column for each method, as nets have them; empty if the study has none.
pub fn measured(results: &Results) -> Plain {
    let methods = &results.baselines;
    if methods.is_empty() {
        return Plain::default();
    }
    let row = |name: String, value: &dyn Fn(&BaselineSummary) -> String| {
        (false, std::iter::once(name).chain(methods.iter().map(value)).collect())
    };
    let keys = methods.iter().flat_map(|method| method.metrics.keys().map(String::as_str));
    let of_measure = |measure: Measure| {
        let value = |method: &BaselineSummary| method.metrics.get(&measure.key).copied();
        row(measure.name.clone(), &|method| {
            value(method).map_or(format::MISSING.into(), |value| measure.value(value))
        })
    };
    let mut rows: Vec<_> = measures::in_order(keys).into_iter().map(of_measure).collect();
    rows.push(row("training time".into(), &|method| {
        method.training_seconds.map_or("none".into(), format::seconds)
    }));
    rows.push(row("time per megapixel".into(), &|method| format::seconds(method.seconds_per_megapixel)));
    let heads = std::iter::once("measure".into()).chain(methods.iter().map(|method| method.name.clone()));
    Plain { heads: heads.collect(), rows }
}

/// Each net minus each method that is no net in one measure, with intervals: a row for each method that was compared and a column for each net.
pub fn compared(results: &Results, measure: &Measure) -> Plain {
    let cell = |net: &str, place: usize| {
        let Some(found) = findings::difference_to_method(results, net, place, &measure.key) else {
            return format::MISSING.to_string();
        };
        let (size, interval) = (measure.difference(found.value), measure.interval(found.interval));
        format!("{size} ({interval}){}", if found.is_certain() { "" } else { UNDECIDED })
    };
    let found = || results.baseline_comparisons.iter().filter(|one| one.comparison.metric == measure.key);
    let nets: Vec<&str> = results
        .nets
        .iter()
        .map(|net| net.name.as_str())
        .filter(|name| found().any(|one| one.comparison.a == *name))
        .collect();
    let methods = results.baselines.iter().enumerate();
    let rows: Vec<(bool, Vec<String>)> = methods
        .filter(|(place, _)| found().any(|one| one.baseline == *place))
        .map(|(place, method)| {
            let cells = nets.iter().map(|net| cell(net, place));
            (false, std::iter::once(method.name.clone()).chain(cells).collect())
        })
        .collect();
    if rows.is_empty() {
        return Plain::default();
    }
    let heads = nets.iter().map(|net| format!("{net} minus it"));
    Plain { heads: std::iter::once("method".into()).chain(heads).collect(), rows }
}
